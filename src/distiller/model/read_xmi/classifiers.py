"""Packages and types: what is in the model, under which identifier, of which kind."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distiller.model.entities import EnumLiteral, Package
from distiller.model.read_xmi.names import id_of, join_id, name_of

if TYPE_CHECKING:
    from collections.abc import Container

    from lxml import etree

    from distiller.model.entities import TypeKind
    from distiller.model.read_xmi.others import Others
    from distiller.model.read_xmi.report import Account
    from distiller.model.read_xmi.stereotypes import Stereotypes
    from distiller.model.read_xmi.tree import Tree
    from distiller.model.read_xmi.words import Words

_KINDS: dict[str, TypeKind] = {
    "Class": "objectType",
    "DataType": "dataType",
    "Enumeration": "enumeration",
    "PrimitiveType": "primitiveType",
}
_STEREOTYPES: dict[str, TypeKind] = {
    "objecttype": "objectType",
    "datatype": "dataType",
    "enumeration": "enumeration",
    "primitive": "primitiveType",
    "primitivetype": "primitiveType",
}
_PACKAGES = ("Package", "Model")
_EXAMPLES = "_instances"
"""A package of that name holds examples, by a convention of the VO-UML profile."""


@dataclass(frozen=True, slots=True)
class Classifier:
    """A type as it is found, before its roles are read."""

    element: etree._Element
    kind: TypeKind
    id: str
    name: str
    package: str


class Classifiers:
    """All packages and types of the model, in the order of the file."""

    def __init__(
        self,
        tree: Tree,
        account: Account,
        stereotypes: Stereotypes,
        words: Words,
    ) -> None:
        self._tree = tree
        self._account = account
        self._stereotypes = stereotypes
        self._words = words
        self._ids: Counter[str] = Counter()
        self.packages: list[Package] = []
        self.types: list[Classifier] = []
        self.rules: list[etree._Element] = []

    def read(self, package: etree._Element, identifier: str, others: Others) -> None:
        """Read what is in a package, and in the packages inside."""
        self.rules.extend(self._tree.children(package, "Constraint"))
        for element in self._tree.children(package, *_KINDS):
            self._type(element, identifier)
        for inner in self._tree.children(package, *_PACKAGES):
            if others.is_other(inner):
                others.add(inner)
            elif inner.get("name") == _EXAMPLES:
                self._account.left(inner, "a package of this name holds examples")
            else:
                self._package(inner, identifier, others)

    def _package(self, element: etree._Element, parent: str, others: Others) -> None:
        name = self.name(element) or "package"
        if self._tree.kind(element) == "Model":
            self._account.changed(
                element,
                "a model inside the model is read as a package "
                "(stereotype modelimport makes it another model)",
            )
        found = Package(
            id=self.identify(element, join_id(parent, name)),
            name=name,
            description=self._described(element),
            parent=parent,
        )
        self._account.carried(element)
        self.packages.append(found)
        self.read(element, found.id, others)

    def _type(self, element: etree._Element, package: str) -> None:
        name = self.name(element)
        if not name:
            self._account.left(element, "it has no name")
            return
        kind = self._kind(element)
        identifier = self.identify(element, join_id(package, name))
        self._account.carried(element)
        self.rules.extend(self._tree.children(element, "Constraint"))
        self.types.append(Classifier(element, kind, identifier, name, package))

    def _kind(self, element: etree._Element) -> TypeKind:
        kind = _KINDS[self._tree.kind(element)]
        for name, meant in _STEREOTYPES.items():
            if self._stereotypes.get(element, name):
                kind = meant
        literals = self._tree.children(element, "EnumerationLiteral")
        attributes = self._tree.children(element, "Property")
        if kind == "primitiveType" and attributes:
            self._account.changed(element, "it has attributes: read as a data type")
            return "dataType"
        if kind == "enumeration" and not literals:
            self._account.changed(element, "no literals: read as a primitive type")
            return "primitiveType"
        return kind

    def literals(self, found: Classifier) -> tuple[EnumLiteral, ...]:
        """Return the literals of an enumeration."""
        values: list[EnumLiteral] = []
        names: dict[str, str] = {}
        for element in self._tree.children(found.element, "EnumerationLiteral"):
            name = self.name(element)
            if found.kind != "enumeration" or not name:
                why = "it has no name" if not name else f"{found.kind} has no literals"
                self._account.left(element, why)
                continue
            given = element.get("name", "").strip()
            if given in names.values():
                self._account.left(element, f"a second literal of the name {name}")
                continue
            name = self.apart(element, name, names)
            names[name] = given
            identifier = self.identify(element, f"{found.id}.{name}")
            values.append(EnumLiteral(identifier, name, self._described(element)))
            self._account.carried(element)
        return tuple(values)

    def _described(self, element: etree._Element) -> str:
        found = self._words.of(element)
        if not found:
            self._account.lacking(element, "it has no description")
        return found

    def name(self, element: etree._Element) -> str:
        """Return the VO-DML name of an element; a name that is none is mended."""
        given = element.get("name", "").strip()
        name = name_of(given)
        if name and name != given:
            self._account.changed(element, f"no VO-DML name: it becomes {name!r}")
        return name

    def apart(self, element: etree._Element, name: str, names: Container[str]) -> str:
        """Return a name that is not taken; one with a number is listed."""
        free, number = name, 1
        while free in names:
            number += 1
            free = f"{name}_{number}"
        if free != name:
            why = f"another has the name {name!r}: it becomes {free!r}"
            self._account.changed(element, why)
        return free

    def identify(self, element: etree._Element, usual: str) -> str:
        """Return the vodml-id of an element: the one that it has, or the usual one.

        Raises nothing: an identifier that is none, or is taken, is mended and listed.
        """
        applied = self._stereotypes.get(element, "modelelement")
        given = applied.value("vodmlid") if applied else ""
        found = id_of(given) if given else usual
        if found is None:
            found = usual
            self._account.changed(
                element, f"{given!r} is no vodml-id: it has {found!r}"
            )
        self._ids[found] += 1
        if self._ids[found] > 1:
            taken = found
            while self._ids[found]:
                found = f"{taken}_{self._ids[taken]}"
                self._ids[taken] += 1
            self._ids[found] += 1
            self._account.changed(
                element, f"vodml-id {taken!r} is taken: it has {found!r}"
            )
        return found
