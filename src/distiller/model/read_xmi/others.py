"""Other models that are used, and what a reference to a type means in VO-DML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from distiller.model.check import IVOA_TYPES
from distiller.model.entities import Import
from distiller.model.read_xmi.names import id_of, join_id, model_name_of, name_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lxml import etree

    from distiller.model.entities import TypeKind
    from distiller.model.read_xmi.report import Account
    from distiller.model.read_xmi.stereotypes import Stereotypes
    from distiller.model.read_xmi.tree import Target, Tree

_IVOA = "ivoa"
_IVOA_URL = "https://www.ivoa.net/xml/VODML/IVOA-v1.vo-dml.xml"
_IVOA_DOCUMENT = "https://www.ivoa.net/xml/VODML/IVOA-v1.html"
_PRIMITIVES = {
    "string": "string",
    "char": "string",
    "estring": "string",
    "text": "string",
    "integer": "integer",
    "int": "integer",
    "long": "integer",
    "short": "integer",
    "byte": "integer",
    "eint": "integer",
    "elong": "integer",
    "unlimitednatural": "nonnegativeInteger",
    "real": "real",
    "double": "real",
    "float": "real",
    "edouble": "real",
    "efloat": "real",
    "boolean": "boolean",
    "bool": "boolean",
    "eboolean": "boolean",
    "date": "datetime",
    "datetime": "datetime",
    "edate": "datetime",
    "uri": "anyURI",
    "anyuri": "anyURI",
}
"""Primitive types of UML's library and of languages, as those of the IVOA."""
_LIBRARIES = ("primitivetypes", "uml.xml", "ecore", "javaprimitive", "xmlprimitive")
"""Parts of the names of files that hold such types."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a reference to a type means.

    Attributes
    ----------
    ref
        As ``model:vodml-id``.
    is_object
        Whether the type is an object type: a relation leads to it.
    """

    ref: str
    is_object: bool


class Others:
    """The models that this one imports, and the types of either.

    Parameters
    ----------
    own
        vodml-id and kind of each type of this model, by its element; filled while it
        is read.
    """

    def __init__(
        self,
        tree: Tree,
        account: Account,
        stereotypes: Stereotypes,
        own: Mapping[etree._Element, tuple[str, TypeKind]],
    ) -> None:
        self._tree = tree
        self._account = account
        self._stereotypes = stereotypes
        self._own = own
        self._packages: dict[etree._Element, Import] = {}
        self._used: dict[str, Import] = {}

    def is_other(self, package: etree._Element) -> bool:
        """Whether a package stands for another model."""
        if self._stereotypes.has(package, "modelimport"):
            return True
        inner = self._tree.children(
            package, "PrimitiveType", "DataType", "Class", "Enumeration", "Package"
        )
        names = {e.get("name", "") for e in inner}
        return package.get("name") == _IVOA and bool(names) and names <= IVOA_TYPES

    def add(self, package: etree._Element) -> None:
        """Take a package as the place of another model."""
        applied = self._stereotypes.get(package, "modelimport")
        value = applied.value if applied else (lambda *_: "")
        name = model_name_of(value("name") or package.get("name", "").strip())
        other = Import(
            name=name or "other",
            url=value("url"),
            version=value("version"),
            documentation_url=value("documentationurl"),
            identifier=value("ivoid"),
        )
        if other.name == _IVOA and not other.url:
            other = _ivoa()
        if not other.url:
            self._account.lacking(
                package, "where the other model is (stereotype modelimport, url)"
            )
        if not other.version:
            self._account.lacking(
                package, "which version is meant (stereotype modelimport, version)"
            )
        self._stereotypes.get(package, "modelelement")
        self._packages[package] = other
        self._used.setdefault(other.name, other)
        self._account.carried(package)
        why = f"the imported model {other.name} has them in its own document"
        self._account.left_inside(package, why)

    def imports(self) -> tuple[Import, ...]:
        """Return the other models, in the order of the file."""
        return tuple(self._used.values())

    def meaning(self, target: Target) -> Meaning | str:
        """Return what a reference to a type means, or why it means nothing."""
        element = target.element
        if element is not None:
            if element in self._own:
                identifier, kind = self._own[element]
                return Meaning(identifier, kind == "objectType")
            package = next(
                (e for e in element.iterancestors() if e in self._packages), None
            )
            if package is not None:
                return self._of_package(element, package)
            return (
                f"its type {element.get('name', '')!r} is not carried over "
                f"({target.kind or element.tag})"
            )
        return self._outside(target)

    def _of_package(
        self, element: etree._Element, package: etree._Element
    ) -> Meaning | str:
        other = self._packages[package]
        applied = self._stereotypes.get(element, "modelelement")
        given = id_of(applied.value("vodmlid")) if applied else None
        path = self._tree.path(element)[len(self._tree.path(package)) :]
        names = [name for name in map(name_of, path) if name]
        if not names or not element.get("name"):
            return f"its type, of the model {other.name}, has no name"
        drawn = join_id(*names)
        if other.name != _IVOA:
            is_object = self._tree.kind(element) == "Class"
            return Meaning(f"{other.name}:{given or drawn}", is_object)
        found = _ivoa_type(given or "") or _ivoa_type(names[-1])
        if found is None:
            return f"the IVOA's base types have no {given or drawn!r}"
        if found != (given or drawn):
            self._account.changed(
                element, f"{given or drawn!r} is read as ivoa:{found}"
            )
        return Meaning(f"{_IVOA}:{found}", is_object=False)

    def _outside(self, target: Target) -> Meaning | str:
        """Resolve a type that is in another file."""
        file, _, fragment = target.href.rpartition("#")
        name = target.path[-1] if target.path else fragment
        stem = file.rpartition("/")[2].rpartition("\\")[2].lower()
        model = target.path[0] if target.path else stem.split(".")[0]
        if model.lower().startswith(_IVOA) and _ivoa_type(name):
            self._used.setdefault(_IVOA, _ivoa())
            return Meaning(f"{_IVOA}:{_ivoa_type(name)}", is_object=False)
        known = _PRIMITIVES.get(name.rpartition(".")[2].rpartition("/")[2].lower())
        library = any(part in stem for part in _LIBRARIES) or len(target.path) > 1
        if known and (library or target.kind in {"PrimitiveType", "DataType"}):
            self._used.setdefault(_IVOA, _ivoa())
            return Meaning(f"{_IVOA}:{known}", is_object=False)
        where = target.href or "::".join(target.path)
        return f"its type is not in this file ({where})"

    def own_primitive(self, element: etree._Element) -> str | None:
        """Return the IVOA type that a primitive type of the tool's library stands for.

        Some tools write the standard types into the file, in a package of a model that
        is not the user's.
        """
        found = _PRIMITIVES.get(element.get("name", "").lower())
        if self._tree.kind(element) != "PrimitiveType" or found is None:
            return None
        self._used.setdefault(_IVOA, _ivoa())
        return f"{_IVOA}:{found}"


def _ivoa() -> Import:
    return Import(_IVOA, _IVOA_URL, "1.0", _IVOA_DOCUMENT)


def _ivoa_type(name: str) -> str | None:
    """Return the base type of the IVOA of that name, whatever its case.

    >>> _ivoa_type("nonnegativeinteger"), _ivoa_type("quantity.Unit"), _ivoa_type("x")
    ('nonnegativeInteger', 'Unit', None)
    """
    last = name.rpartition(".")[2].lower()
    return next((known for known in IVOA_TYPES if known.lower() == last), None)
