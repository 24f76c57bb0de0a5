"""Properties as roles: attributes, compositions, references, and narrowed roles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distiller.model.entities import ROLE_KINDS, Concept, Constraint, Role
from distiller.model.read_xmi.multiplicity import multiplicity_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lxml import etree

    from distiller.model.entities import RoleKind
    from distiller.model.read_xmi.classifiers import Classifier, Classifiers
    from distiller.model.read_xmi.ends import Ends
    from distiller.model.read_xmi.others import Meaning, Others
    from distiller.model.read_xmi.report import Account
    from distiller.model.read_xmi.stereotypes import Stereotypes
    from distiller.model.read_xmi.tree import Tree
    from distiller.model.read_xmi.words import Words

_REF = re.compile(r"[a-zA-Z][a-zA-Z0-9._\-]+:[a-zA-Z][a-zA-Z0-9._]*")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A property that is a role of a type."""

    element: etree._Element
    owner: Classifier
    role: Role


class Roles:
    """The roles of every type, in the order of the file.

    Parameters
    ----------
    model
        Name of the model, in front of references.
    bases
        The type that each type extends, where it is of this model.
    subsets
        What a constraint says that a property narrows (Modelio), as text.
    """

    def __init__(  # noqa: PLR0913 - the parts of one reading, by name
        self,
        *,
        tree: Tree,
        account: Account,
        stereotypes: Stereotypes,
        words: Words,
        classifiers: Classifiers,
        others: Others,
        ends: Ends,
        model: str,
        bases: Mapping[etree._Element, etree._Element],
        subsets: Mapping[etree._Element, str],
    ) -> None:
        self._tree = tree
        self._account = account
        self._stereotypes = stereotypes
        self._words = words
        self._classifiers = classifiers
        self._others = others
        self._ends = ends
        self._model = model
        self._bases = bases
        self._subsets = subsets
        self._by_type: dict[etree._Element, list[Drawn]] = {}
        for found in classifiers.types:
            self._by_type[found.element] = list(self._read(found))
        self._by_property = {
            drawn.element: drawn for roles in self._by_type.values() for drawn in roles
        }

    def of(self, found: Classifier) -> tuple[tuple[Role, ...], tuple[Constraint, ...]]:
        """Return the roles of a type, and the inherited roles that it narrows."""
        roles: list[Role] = []
        rules: list[Constraint] = []
        for drawn in self._by_type[found.element]:
            narrowed = self._narrowed(drawn)
            if narrowed is None:
                if not drawn.role.description:
                    self._account.lacking(drawn.element, "it has no description")
                roles.append(drawn.role)
                rules.extend(self._limits(drawn))
            else:
                rules.append(narrowed)
        roles.sort(key=lambda role: ROLE_KINDS.index(role.kind))
        return tuple(roles), tuple(rules)

    def path(self, element: etree._Element) -> str | None:
        """Return the name of the role that a property became, or None."""
        drawn = self._by_property.get(element)
        if drawn is None:
            return None
        origin = self._origin(drawn)
        return origin.role.name if isinstance(origin, Drawn) else drawn.role.name

    def owner(self, element: etree._Element) -> etree._Element | None:
        """Return the type of which a property became a role, or None."""
        drawn = self._by_property.get(element)
        return None if drawn is None else drawn.owner.element

    def _read(self, found: Classifier) -> Iterator[Drawn]:
        names: dict[str, str] = {}
        own = self._tree.children(found.element, "Property")
        ends = [e.property for e in self._ends.owned if e.owner is found.element]
        for element in (*own, *ends):
            if element in self._ends.back or self._account.is_left(element):
                continue
            drawn = self._drawn(found, element, names)
            if isinstance(drawn, str):
                self._leave(element, drawn)
            else:
                names[drawn.role.name] = element.get("name", "").strip()
                yield drawn

    def _leave(self, element: etree._Element, why: str) -> None:
        self._account.left(element, why)
        association = self._ends.of_property.get(element)
        if association is not None:
            self._account.left(association, f"its end is not carried over: {why}")

    def _drawn(
        self, found: Classifier, element: etree._Element, names: Mapping[str, str]
    ) -> Drawn | str:
        """Return a property as a role, or why it is none.

        Parameters
        ----------
        names
            Those that the type has already, with what they are in the drawing.
        """
        if found.kind in {"primitiveType", "enumeration"}:
            return f"{found.kind} has no attributes"
        targets = self._tree.targets(element, "type")
        if not targets:
            return "it has no type"
        meaning = self._others.meaning(targets[0])
        if isinstance(meaning, str):
            return meaning
        name = self._name(element, meaning)
        given = element.get("name", "").strip()
        if not name or (given and given in names.values()):
            return f"a second one of the name {name}" if name else "it has no name"
        lower, upper = multiplicity_of(self._tree, self._account, element)
        if upper == 0:
            return "multiplicity 0..0 allows no value"
        kind = self._kind(found, element, meaning)
        name = self._classifiers.apart(element, name, names)
        self._account.carried(element)
        for child in element.findall("type"):
            self._account.carried(child, *child.iter("referenceExtension"))
        role = Role(
            kind=kind,
            id=self._classifiers.identify(element, f"{found.id}.{name}"),
            name=name,
            ref=meaning.ref,
            lower=lower,
            upper=upper,
            description=self._description(element),
            concept=self._concept(element, kind),
            ordered=kind == "composition" and self._ordered(element),
        )
        return Drawn(element, found, role)

    def _name(self, element: etree._Element, meaning: Meaning) -> str:
        name = self._classifiers.name(element)
        association = self._ends.of_property.get(element)
        if name or association is None:
            return name
        named = self._classifiers.name(association)
        last = meaning.ref.rpartition(":")[2].rpartition(".")[2]
        name = named or last[:1].lower() + last[1:]
        self._account.changed(element, f"the end has no name: it becomes {name!r}")
        return name

    def _description(self, element: etree._Element) -> str:
        found = self._words.of(element)
        association = self._ends.of_property.get(element)
        if association is None:
            return found
        return found or self._words.of(association)

    def _kind(
        self, found: Classifier, element: etree._Element, meaning: Meaning
    ) -> RoleKind:
        """Return what kind of role a property is."""
        self._stereotypes.get(element, "attribute")
        self._stereotypes.get(element, "reference")
        self._stereotypes.get(element, "composition")
        composite = self._ends.is_composite(element)
        if not meaning.is_object:
            return "attribute"
        if composite and found.kind == "objectType":
            if meaning.ref.startswith(f"{self._model}:"):
                return "composition"
            why = "a type of another model cannot be composed: read as a reference"
            self._account.changed(element, why)
        elif composite:
            why = f"{found.kind} composes no objects: read as a reference"
            self._account.changed(element, why)
        elif element.get("aggregation") == "shared":
            why = "VO-DML has no shared aggregation: read as a reference"
            self._account.changed(element, why)
        return "reference"

    def _ordered(self, element: etree._Element) -> bool:
        self._account.read(element, "isOrdered")
        applied = self._stereotypes.get(element, "composition")
        tagged = applied.value("isordered") if applied else ""
        return "true" in {element.get("isOrdered"), tagged.lower()}

    def _concept(self, element: etree._Element, kind: RoleKind) -> Concept | None:
        if kind != "attribute":
            return None
        applied = self._stereotypes.get(element, "semanticconcept", "skosconcept")
        if applied is None:
            return None
        words = applied.values.get("vocabularyuri", ())
        return Concept(
            applied.value("topconcept", "broadestskosconcept"),
            tuple(uri for text in words for uri in text.replace(",", " ").split()),
        )

    def _limits(self, drawn: Drawn) -> Iterator[Constraint]:
        """Yield the limits on values that the VO-UML profile keeps as tags."""
        applied = self._stereotypes.get(drawn.element, "attribute")
        for tag, operator in (("minvalue", ">="), ("maxvalue", "<=")):
            value = applied.value(tag) if applied else ""
            if _NUMBER.fullmatch(value):
                yield Constraint(f"{drawn.role.name} {operator} {value}")
            elif value:
                self._account.unsaid(drawn.element, f"{tag} {value!r}")

    def _narrowed(self, drawn: Drawn) -> Constraint | None:
        """Return a role as a narrowing of an inherited one, or None."""
        base = self._origin(drawn)
        if base is None:
            return None
        role = drawn.role
        if isinstance(base, str):
            return Constraint(
                role.description, role=base, datatype=role.ref, concept=role.concept
            )
        above = base.role
        if (above.lower, above.upper) != (role.lower, role.upper):
            upper = "*" if role.upper < 0 else role.upper
            self._account.unsaid(
                drawn.element, f"multiplicity {role.lower}..{upper} of {role.id}"
            )
        if above.name != role.name:
            why = f"read as a narrowing of {above.id}, under the name of that"
            self._account.changed(drawn.element, why)
        return Constraint(
            role.description,
            role=self._ref(base),
            datatype=None if above.ref == role.ref else role.ref,
            concept=role.concept,
        )

    def _ref(self, drawn: Drawn) -> str:
        return f"{self._model}:{drawn.role.id}"

    def _origin(self, drawn: Drawn) -> Drawn | str | None:
        """Return the role that a property narrows in the end, None for no other.

        What it narrows may be a narrowing itself, which is no role in VO-DML.
        """
        seen = {drawn.element}
        origin: Drawn | str | None = None
        found = self._narrows(drawn)
        while found is not None:
            origin = found
            if isinstance(found, str):
                break
            if found.element in seen:
                self._account.unsaid(drawn.element, "that it narrows itself")
                return None
            seen.add(found.element)
            found = self._narrows(found)
        return origin

    def _narrows(self, drawn: Drawn) -> Drawn | str | None:
        """Return what a property narrows: of another model, as ``model:vodml-id``."""
        found: Drawn | None = None
        for name in ("subsettedProperty", "redefinedProperty"):
            for target in self._tree.targets(drawn.element, name):
                element = target.element
                base = None if element is None else self._by_property.get(element)
                if base is None:
                    self._account.unsaid(drawn.element, f"{name} of another model")
                elif not self._is_inherited(drawn, base):
                    self._not_inherited(drawn, base)
                elif found is None:
                    found = base
                elif base is not found:
                    self._account.unsaid(drawn.element, f"{name} {base.role.id}, too")
        if found is not None:
            return found
        applied = self._stereotypes.get(drawn.element, "subsets")
        text = applied.value("subsettedproperty") if applied else ""
        text = text or self._subsets.get(drawn.element, "")
        if text:
            return self._named(drawn, text)
        return self._same_name(drawn)

    def _lineage(self, drawn: Drawn) -> list[etree._Element]:
        """Return the types that the type of a property extends, the nearest first."""
        found = [drawn.owner.element]
        while (base := self._bases.get(found[-1])) is not None and base not in found:
            found.append(base)
        return found[1:]

    def _is_inherited(self, drawn: Drawn, base: Drawn) -> bool:
        return base.owner.element in self._lineage(drawn)

    def _not_inherited(self, drawn: Drawn, base: Drawn) -> None:
        what = (
            f"that it narrows {base.role.id}, which {drawn.owner.id} does not inherit"
        )
        self._account.unsaid(drawn.element, what)

    def _named(self, drawn: Drawn, text: str) -> Drawn | str | None:
        """Find the role that a text names: by its xmi:id, or as model:vodml-id."""
        element = self._tree.find(text)
        found = None if element is None else self._by_property.get(element)
        if found is None:
            identifier = text.rpartition(":")[2]
            found = next(
                (d for d in self._by_property.values() if d.role.id == identifier), None
            )
        if found is not None and self._is_inherited(drawn, found):
            return found
        if found is not None:
            self._not_inherited(drawn, found)
        elif _REF.fullmatch(text) and text.partition(":")[0] != self._model:
            return text
        else:
            self._account.unsaid(
                drawn.element, f"it narrows {text!r}, which is not there"
            )
        return None

    def _same_name(self, drawn: Drawn) -> Drawn | None:
        """Find the inherited role of the same name: that is what UML narrows too."""
        for base in self._lineage(drawn):
            for other in self._by_type[base]:
                if other.role.name == drawn.role.name:
                    ref = self._ref(other)
                    why = f"inherited under this name: read as a narrowing of {ref}"
                    self._account.changed(drawn.element, why)
                    return other
        return None
