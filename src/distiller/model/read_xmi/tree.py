"""An XMI file as a tree: what an element is, what it is called, what it refers to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lxml import etree

from distiller.core.errors import BadData
from distiller.model.no_xml import no_xml

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 64 * 1024 * 1024
"""Largest file that is read; the public samples have less than one."""

_XMI = re.compile(r"omg\.org/(spec/)?XMI", re.IGNORECASE)
_UML = re.compile(
    r"omg\.org/(spec/)?UML(/[\d.]+)?(/uml\.xml)?/?$|eclipse\.org/uml2/[\d.]+(/UML)?/?$",
    re.IGNORECASE,
)
"""UML of any version, but not the profiles that have names beneath it."""
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_BY_TAG = {
    "generalization": "Generalization",
    "nestedClassifier": "Class",
    "navigableOwnedEnd": "Property",
    "ownedAttribute": "Property",
    "ownedComment": "Comment",
    "ownedEnd": "Property",
    "ownedLiteral": "EnumerationLiteral",
    "ownedOperation": "Operation",
    "ownedRule": "Constraint",
}
"""What an element is where the tool does not say it (XMI leaves out what is plain)."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a reference leads to.

    Attributes
    ----------
    element
        The element of this file, or None.
    href
        Where in another file it is, or empty.
    kind
        The UML type of the target as the reference has it, or empty.
    path
        Names from the outermost package to the target, where the tool tells them.
    """

    element: etree._Element | None
    href: str = ""
    kind: str = ""
    path: tuple[str, ...] = ()


class Tree:
    """A parsed file; every element keeps its identity as long as this lives.

    Parameters
    ----------
    text
        The whole file.
    source
        Its name, for messages.

    Raises
    ------
    BadData
        M020 where it is larger than `MAX_BYTES`, M001 where it is no XML or defines
        entities, M021 where it is no XMI with a UML model.
    """

    def __init__(self, text: bytes, source: str) -> None:
        self.source = source
        self.root = _parse(text, source)
        self.elements = list(self.root.iter("*"))
        if not any(_UML.search(uri) for uri in self._namespaces()):
            raise BadData(
                "M021",
                source,
                f"no XMI with a UML model: it starts with <{self.root.tag}>",
                hint="export the model as XMI 2.x (UML 2)",
            )
        self._ids: dict[str, etree._Element] = {}
        extension = [e for e in self.elements if self.is_extension(e)]
        outside = [e for e in self.elements if not self.is_extension(e)]
        for element in (*outside, *extension):
            self._ids.setdefault(self.id(element), element)
        self._ids.pop("", None)

    def _namespaces(self) -> set[str]:
        return {uri for element in self.elements for uri in element.nsmap.values()}

    def id(self, element: etree._Element) -> str:
        """Return the xmi:id of an element, or an empty text."""
        return self.xmi(element, "id")

    def xmi(self, element: etree._Element, name: str) -> str:
        """Return an attribute of the namespace of XMI, whichever version that is."""
        for key, value in element.attrib.items():
            space, _, local = str(key).rpartition("}")
            if local == name and _XMI.search(space):
                return str(value)
        return ""

    def kind(self, element: etree._Element) -> str:
        """Return what an element is in UML, such as ``Class``, or an empty text."""
        tag = etree.QName(element)
        if tag.namespace and _UML.search(tag.namespace):
            return tag.localname
        given = self.xmi(element, "type") or element.get(f"{{{_XSI}}}type", "")
        prefix, _, name = given.rpartition(":")
        if name and (not prefix or _UML.search(element.nsmap.get(prefix) or "")):
            return name
        return _BY_TAG.get(tag.localname, "") if self.id(element) else ""

    def is_extension(self, element: etree._Element) -> bool:
        """Whether an element is in what a tool keeps for itself."""
        return any(self.is_of_xmi(e, "Extension") for e in _upwards(element))

    @staticmethod
    def is_of_xmi(element: etree._Element, name: str) -> bool:
        """Whether an element is one of XMI's own, such as ``Extension``."""
        tag = etree.QName(element)
        return tag.localname == name and bool(_XMI.search(tag.namespace or ""))

    @staticmethod
    def application(element: etree._Element) -> bool:
        """Whether an element is of neither XMI nor UML: an applied stereotype."""
        space = etree.QName(element).namespace or ""
        return bool(space) and not _XMI.search(space) and not _UML.search(space)

    def find(self, identifier: str) -> etree._Element | None:
        """Return the element of that xmi:id; those outside of extensions first."""
        return self._ids.get(identifier)

    def targets(self, element: etree._Element, name: str) -> tuple[Target, ...]:
        """Return what an element refers to under a name, in its several encodings.

        As ``name="ID ID"``, as ``<name xmi:idref="ID"/>``, or as
        ``<name href="file#ID"/>``.
        """
        found = [self._target(word) for word in element.get(name, "").split()]
        for child in element.findall(name):
            identifier = self.xmi(child, "idref")
            if identifier:
                found.append(self._target(identifier))
            elif child.get("href"):
                found.append(self._outside(child))
        return tuple(found)

    def _target(self, identifier: str) -> Target:
        element = self.find(identifier)
        if element is None:
            return Target(None, href=f"#{identifier}")
        kind = self.kind(element)
        if self.is_extension(element):
            return Target(None, f"#{identifier}", kind, self.path(element))
        return Target(element, kind=kind)

    def _outside(self, child: etree._Element) -> Target:
        href = child.get("href", "")
        kind = self.kind(child)
        for inner in child.iter("referenceExtension"):
            path = tuple(inner.get("referentPath", "").split("::"))
            return Target(None, href, inner.get("referentType", kind), path)
        return Target(None, href, kind)

    def path(self, element: etree._Element) -> tuple[str, ...]:
        """Return the names of an element and of what it is in, outermost first."""
        names = [
            e.get("name", "").strip()
            for e in _upwards(element)
            if self.kind(e) and e.get("name")
        ]
        return tuple(reversed(names))

    def where(self, element: etree._Element) -> str:
        """Return what an element is in, for messages."""
        parent = element.getparent()
        path = () if parent is None else self.path(parent)
        return "::".join(path)

    def children(self, element: etree._Element, *kinds: str) -> list[etree._Element]:
        """Return the parts of an element that are of these kinds, in order."""
        return [
            e
            for e in element.iterchildren("*")
            if self.kind(e) in kinds and not e.get("href")
        ]

    def text(self, element: etree._Element, name: str) -> str:
        """Return an attribute, or the text of a child of that name."""
        given = element.get(name)
        return given if given is not None else element.findtext(name) or ""


def _upwards(element: etree._Element) -> Iterator[etree._Element]:
    yield element
    yield from element.iterancestors()


def line_of(element: etree._Element) -> int:
    """Return the line of an element in its file."""
    line: int | None = element.sourceline  # type: ignore[assignment]  # its stub lacks a type
    return line or 0


def _parse(text: bytes, source: str) -> etree._Element:
    if len(text) > MAX_BYTES:
        raise BadData(
            "M020",
            source,
            f"larger than {MAX_BYTES // 1024**2} MiB",
            hint="export the model without diagrams",
        )
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(text, parser)
    except etree.XMLSyntaxError as error:
        raise no_xml(source, error) from error
    if etree.ElementTree(root).docinfo.internalDTD is not None:
        raise BadData(
            "M001",
            source,
            "it has a document type, which could define entities",
            hint="XMI has none: take out <!DOCTYPE ...>",
        )
    return root
