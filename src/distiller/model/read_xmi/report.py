"""What became of each element of an XMI file: carried over, or listed with a reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lxml import etree

from distiller.model.entities import ROLE_KINDS, TYPE_KINDS
from distiller.model.read_xmi.tree import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.model.entities import Document
    from distiller.model.read_xmi.tree import Tree

ListedKind = Literal["left", "changed", "lacking"]
"""Not carried over; carried over as something else; not in the file but wanted."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the report.

    Attributes
    ----------
    what
        The thing, such as ``Operation 'update'``.
    where
        Names of what it is in, joined with ``::``.
    line
        Line in the file; 0 for the whole file.
    ids
        The xmi:id of every element that this line stands for.
    """

    kind: ListedKind
    what: str
    where: str
    line: int
    why: str
    ids: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the line as printed."""
        place = f"line {self.line}: " if self.line else ""
        inside = f" in {self.where}" if self.where else ""
        return f"{self.kind}: {place}{self.what}{inside}: {self.why}"


def counts(document: Document) -> dict[str, int]:
    """Return how many things of each kind a document has, for the report."""
    types = document.types
    return {
        "packages": len(document.package_tree),
        **{f"{kind}s": sum(t.kind == kind for t in types) for kind in TYPE_KINDS},
        **{
            f"{kind}s": sum(r.kind == kind for t in types for r in t.roles)
            for kind in ROLE_KINDS
        },
        "literals": sum(len(t.values) for t in types),
        "generalisations": sum(t.extends is not None for t in types),
        "constraints": sum(c.role is None for t in types for c in t.constraints),
        "narrowed roles": sum(c.role is not None for t in types for c in t.constraints),
        "imports": len(document.imported),
    }


_NESTED = "it is in no package of the model"
_WHY = {
    "Abstraction": "VO-DML has no dependencies",
    "Association": "its ends are no types of the model",
    "AssociationClass": "VO-DML has none; draw a class with two references",
    "Class": _NESTED,
    "Collaboration": "VO-DML describes data, not behaviour",
    "Comment": "it belongs to nothing that is carried over",
    "Component": "VO-DML has classes, data types, enumerations and primitive types",
    "DataType": _NESTED,
    "Dependency": "VO-DML has no dependencies",
    "ElementImport": "what is used of it is referred to where it is used",
    "Enumeration": _NESTED,
    "InformationFlow": "VO-DML describes data, not behaviour",
    "InformationItem": "VO-DML describes data, not behaviour",
    "InstanceSpecification": "an example, no part of a model",
    "Interface": "VO-DML has classes, data types, enumerations and primitive types",
    "Operation": "VO-DML has no operations",
    "Package": "it is outside of the model",
    "PackageImport": "what is used of it is referred to where it is used",
    "PrimitiveType": _NESTED,
    "Profile": "it is the language of the drawing, not the drawing",
    "ProfileApplication": "what it says is read from the stereotypes",
    "Realization": "VO-DML has no dependencies",
    "Usage": "VO-DML has no dependencies",
}
_OTHERWISE = "VO-DML has nothing for it"
_OF_THE_TOOL = "the tool's own: drawings and settings, not UML"
_REDUNDANT = frozenset({
    "_constraintOfConstrainedElement", "annotatedElement", "association",
    "attributeExtension", "body", "clientDependency", "constrainedElement", "general",
    "language", "memberEnd", "navigableOwnedEnd", "redefinedProperty",
    "subsettedProperty", "supplierDependency", "type", "value",
})  # fmt: skip
"""Plain children that repeat, or are read with, the element that they are in."""
_READ = frozenset({
    "URI", "aggregation", "annotatedElement", "association", "body",
    "clientDependency", "constrainedElement", "general", "href", "isAbstract",
    "isNavigable", "language", "memberEnd", "name", "navigableOwnedEnd",
    "redefinedProperty", "subsettedProperty", "supplierDependency", "type", "value",
})  # fmt: skip
"""Attributes that are read, or that repeat what is read."""
_PLAIN = {
    "isActive": "false",
    "isDerived": "false",
    "isDerivedUnion": "false",
    "isFinalSpecialization": "false",
    "isID": "false",
    "isLeaf": "false",
    "isOrdered": "false",
    "isReadOnly": "false",
    "isStatic": "false",
    "isSubstitutable": "true",
    "isUnique": "true",
    "visibility": "public",
}
"""Attributes that say nothing where they have these values (UML's own)."""


class Account:
    """Marks elements as they are read; what is left over at the end is listed."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._carried: set[etree._Element] = set()
        self._left: dict[etree._Element, str] = {}
        self._inside: dict[etree._Element, str] = {}
        self._stereotypes: dict[etree._Element, list[etree._Element]] = {}
        self._covered: set[etree._Element] = set()
        self._alike: dict[
            tuple[str, str], list[tuple[etree._Element, tuple[str, ...]]]
        ] = {}
        self._read: set[tuple[etree._Element, str]] = set()
        self._notes: dict[tuple[int, Listed], None] = {}

    def carried(self, *elements: etree._Element) -> None:
        """Mark elements as carried over, without what is inside them."""
        self._carried.update(elements)

    def carried_whole(self, element: etree._Element) -> None:
        """Mark an element as carried over, with all that is inside it."""
        self._carried.update(element.iter("*"))

    def left(self, element: etree._Element, why: str) -> None:
        """Mark an element, with all that is inside it, as not carried over."""
        self._left.setdefault(element, why)
        self._carried.difference_update(element.iter("*"))

    def left_inside(self, element: etree._Element, why: str) -> None:
        """Mark all that is inside a carried element as not carried over."""
        self._inside[element] = why

    def applied(self, subject: etree._Element, stereotype: etree._Element) -> None:
        """Say what a stereotype is applied to: it is listed with that."""
        self._stereotypes.setdefault(subject, []).append(stereotype)

    def is_left(self, element: etree._Element) -> bool:
        """Whether an element was marked as not carried over."""
        return element in self._left

    def read(self, element: etree._Element, attribute: str) -> None:
        """Say that an attribute was read that mostly means nothing to VO-DML."""
        self._read.add((element, attribute))

    def changed(self, element: etree._Element, why: str) -> None:
        """List an element that is carried over as something else."""
        self._note("changed", element, why)

    def lacking(self, element: etree._Element, why: str) -> None:
        """List what the file does not say of an element."""
        self._note("lacking", element, why)

    def unsaid(self, element: etree._Element, what: str, why: str = _OTHERWISE) -> None:
        """List something of a carried element that is not carried over."""
        line = line_of(element)
        where = self._tree.where(element)
        item = Listed("left", what, where, line, why)
        self._notes[line, item] = None

    def _note(self, kind: ListedKind, element: etree._Element, why: str) -> None:
        tree = self._tree
        line = line_of(element)
        item = Listed(kind, self._what(element), tree.where(element), line, why)
        self._notes[line, item] = None

    def _what(self, element: etree._Element) -> str:
        tag = etree.QName(element).localname
        name = element.get("name", "").strip()
        kind = self._tree.kind(element) or tag
        if tag == "defaultValue":
            kind, name = tag, name or element.get("value", "")
        return f"{kind} '{name}'" if name else kind

    def ids(self) -> tuple[str, ...]:
        """Return the xmi:id of every element that was carried over, in order."""
        found = (self._tree.id(e) for e in self._tree.elements if e in self._carried)
        return tuple(dict.fromkeys(i for i in found if i))

    def listed(self) -> tuple[Listed, ...]:
        """Return the report: what is not carried over, in the order of the file."""
        lines = [*self._notes]
        lines.extend((x.line, x) for x in self._rest(self._tree.root))
        for element in self._tree.elements:
            if self._tree.application(element):
                self._application(element)
        lines.extend((x.line, x) for x in self._alike_listed())
        lines.extend((x.line, x) for x in self._attributes())
        lines.sort(key=lambda pair: pair[0])
        return tuple(item for _, item in lines)

    def _rest(self, element: etree._Element) -> Iterator[Listed]:
        """Yield what is not carried over, outermost elements only."""
        if element in self._left:
            yield self._whole(element, self._left[element])
        elif element in self._inside:
            yield from self._contents(element)
        elif element in self._carried:
            for child in element.iterchildren("*"):
                yield from self._rest(child)
        elif self._tree.is_of_xmi(element, "Extension"):
            self._extension(element)
        elif not self._silent(element) and not self._tree.application(element):
            kind = self._tree.kind(element)
            if element.get("href"):
                yield self._whole(
                    element, f"it is in another file: {element.get('href')}"
                )
            elif not kind:
                tag = etree.QName(element).localname
                what = " ".join(x for x in (tag, element.get("source")) if x)
                self._add_alike(what, _OF_THE_TOOL, element, self._cover(element))
            else:
                yield self._whole(element, _WHY.get(kind, _OTHERWISE))

    def _silent(self, element: etree._Element) -> bool:
        return etree.QName(element).localname in _REDUNDANT and not self._tree.id(
            element
        )

    def _application(self, element: etree._Element) -> None:
        """Take a stereotype that was not read and is not listed with its subject."""
        if element not in self._carried and element not in self._covered:
            what = f"stereotype «{etree.QName(element).localname}»"
            why = "no stereotype that is read of such an element"
            self._add_alike(what, why, element, self._cover(element))

    def _add_alike(
        self, what: str, why: str, element: etree._Element, ids: tuple[str, ...]
    ) -> None:
        """Take something that is listed in one line with all that is like it."""
        self._alike.setdefault((what, why), []).append((element, ids))

    def _alike_listed(self) -> Iterator[Listed]:
        """Yield one line for each kind of thing that a tool has many of."""
        for (what, why), found in self._alike.items():
            element = found[0][0]
            more = f", and {len(found) - 1} more" if len(found) > 1 else ""
            ids = tuple(dict.fromkeys(i for _, some in found for i in some))
            where, line = self._tree.where(element), line_of(element)
            yield Listed("left", what + more, where, line, why, ids)

    def _contents(self, element: etree._Element) -> Iterator[Listed]:
        """Yield one line for all that is inside an element."""
        ids = [
            i
            for child in element.iterchildren("*")
            if not self._tree.is_of_xmi(child, "Extension")
            for i in self._cover(child)
        ]
        if ids:
            many = "s" * (len(ids) > 1)
            what = f"{len(ids)} element{many} inside {self._what(element)}"
            where, line = self._tree.where(element), line_of(element)
            why = self._inside[element]
            yield Listed("left", what, where, line, why, tuple(dict.fromkeys(ids)))
        for child in element.iterchildren("*"):
            if self._tree.is_of_xmi(child, "Extension"):
                yield from self._rest(child)

    def _cover(self, element: etree._Element) -> tuple[str, ...]:
        """Return the xmi:id of what is not carried over of an element and inside it.

        The stereotypes that are applied to any of it go with it.
        """
        inner = [e for e in element.iter("*") if e not in self._carried]
        for one in tuple(inner):
            for stereotype in self._stereotypes.get(one, ()):
                inner += [e for e in stereotype.iter("*") if e not in self._carried]
        self._covered.update(inner)
        return tuple(dict.fromkeys(i for e in inner if (i := self._tree.id(e))))

    def _whole(self, element: etree._Element, why: str) -> Listed:
        ids = self._cover(element)
        things = len(ids) - 1
        what = self._what(element)
        if things > 0:
            what += f" with {things} element{'s' * (things > 1)} inside"
        where = self._tree.where(element)
        return Listed("left", what, where, line_of(element), why, ids)

    def _extension(self, element: etree._Element) -> None:
        """Take what a tool keeps for itself in one place."""
        rest = [
            e
            for e in element.iter("*")
            if e is not element and e not in self._carried and not self._silent(e)
        ]
        self._covered.update(rest)
        if {etree.QName(e).localname for e in rest} <= {"modelExtension"}:
            return
        ids = tuple(dict.fromkeys(i for e in rest if (i := self._tree.id(e))))
        what = f"Extension of {element.get('extender', 'a tool')}"
        self._add_alike(what, _OF_THE_TOOL, element, ids)

    def _attributes(self) -> Iterator[Listed]:
        """Yield what attributes of carried elements say that VO-DML cannot say."""
        count: Counter[tuple[str, str]] = Counter()
        first: dict[tuple[str, str], etree._Element] = {}
        for element in self._tree.elements:
            if element not in self._carried or self._tree.is_extension(element):
                continue
            if not self._tree.kind(element):
                continue
            for name, value in element.attrib.items():
                key = (str(name), str(value))
                if self._says_nothing(element, *key):
                    continue
                count[key] += 1
                first.setdefault(key, element)
        for (name, value), times in count.items():
            element = first[name, value]
            more = f", and {times - 1} more" if times > 1 else ""
            what = f"{name}='{value}' of {self._what(element)}{more}"
            where = self._tree.where(element)
            yield Listed("left", what, where, line_of(element), _OTHERWISE)

    def _says_nothing(self, element: etree._Element, name: str, value: str) -> bool:
        qualified = name.startswith("{")
        read = name in _READ or (element, name) in self._read
        return qualified or read or not value or _PLAIN.get(name) == value
