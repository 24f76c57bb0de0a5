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
        return None if drawn is None else drawn.role.name

    def owner(self, element: etree._Element) -> etree._Element | None:
        """Return the type of which a property became a role, or None."""
        drawn = self._by_property.get(element)
        return None if drawn is None else drawn.owner.element

    def _read(self, found: Classifier) -> Iterator[Drawn]:
        names: set[str] = set()
        own = self._tree.children(found.element, "Property")
        ends = [e.property for e in self._ends.owned if e.owner is found.element]
        for element in (*own, *ends):
            if element in self._ends.back or self._account.is_left(element):
                continue
            drawn = self._drawn(found, element)
            if isinstance(drawn, str):
                self._leave(element, drawn)
            elif drawn.role.name in names:
                self._leave(element, f"a second one of the name {drawn.role.name}")
            else:
                names.add(drawn.role.name)
                yield drawn

    def _leave(self, element: etree._Element, why: str) -> None:
        self._account.left(element, why)
        association = self._ends.of_property.get(element)
        if association is not None:
            self._account.left(association, f"its end is not carried over: {why}")

    def _drawn(self, found: Classifier, element: etree._Element) -> Drawn | str:
        """Return a property as a role, or why it is none."""
        if found.kind in {"primitiveType", "enumeration"}:
            return f"{found.kind} has no attributes"
        targets = self._tree.targets(element, "type")
        if not targets:
            return "it has no type"
        meaning = self._others.meaning(targets[0])
        if isinstance(meaning, str):
            return meaning
        name = self._name(element, meaning)
        if not name:
            return "it has no name"
        lower, upper = multiplicity_of(self._tree, self._account, element)
        if upper == 0:
            return "multiplicity 0..0 allows no value"
        kind = self._kind(found, element, meaning)
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
        ref = self._narrows(drawn)
        if ref is None:
            return None
        base = next(
            (d.role for d in self._by_property.values() if self._ref(d) == ref), None
        )
        role = drawn.role
        if base is not None and (base.lower, base.upper) != (role.lower, role.upper):
            upper = "*" if role.upper < 0 else role.upper
            self._account.unsaid(
                drawn.element, f"multiplicity {role.lower}..{upper} of {role.id}"
            )
        same = base is not None and base.ref == role.ref
        return Constraint(
            role.description,
            role=ref,
            datatype=None if same else role.ref,
            concept=role.concept,
        )

    def _ref(self, drawn: Drawn) -> str:
        return f"{self._model}:{drawn.role.id}"

    def _narrows(self, drawn: Drawn) -> str | None:
        """Return the role that a property narrows, as ``model:vodml-id``, or None."""
        for name in ("subsettedProperty", "redefinedProperty"):
            for target in self._tree.targets(drawn.element, name):
                base = (
                    None
                    if target.element is None
                    else self._by_property.get(target.element)
                )
                if base is not None:
                    return self._ref(base)
                self._account.unsaid(drawn.element, f"{name} of another model")
        applied = self._stereotypes.get(drawn.element, "subsets")
        text = applied.value("subsettedproperty") if applied else ""
        text = text or self._subsets.get(drawn.element, "")
        if text:
            return self._named(drawn, text)
        return self._same_name(drawn)

    def _named(self, drawn: Drawn, text: str) -> str | None:
        """Find the role that a text names: by its xmi:id, or as model:vodml-id."""
        element = self._tree.find(text)
        if element is not None and element in self._by_property:
            return self._ref(self._by_property[element])
        identifier = text.rpartition(":")[2]
        for base in self._by_property.values():
            if base.role.id == identifier:
                return self._ref(base)
        if _REF.fullmatch(text) and text.partition(":")[0] != self._model:
            return text
        self._account.unsaid(drawn.element, f"it narrows {text!r}, which is not there")
        return None

    def _same_name(self, drawn: Drawn) -> str | None:
        """Find the inherited role of the same name: that is what UML narrows too."""
        seen = {drawn.owner.element}
        base = self._bases.get(drawn.owner.element)
        while base is not None and base not in seen:
            for other in self._by_type[base]:
                if other.role.name == drawn.role.name:
                    ref = self._ref(other)
                    why = f"inherited under this name: read as a narrowing of {ref}"
                    self._account.changed(drawn.element, why)
                    return ref
            seen.add(base)
            base = self._bases.get(base)
        return None
