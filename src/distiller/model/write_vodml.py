"""Entities into VO-DML 1.0 documents (XML), element by element as its schema has it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lxml import etree

from distiller.model.entities import ROLE_KINDS, TYPE_KINDS
from distiller.model.read_vodml import NAMESPACE, SUBSETTED, XSI_TYPE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from distiller.model.entities import (
        Concept,
        Constraint,
        Document,
        EnumLiteral,
        Import,
        Package,
        Role,
        Type,
    )

_XSI = XSI_TYPE[1:].partition("}")[0]


def write_vodml(document: Document) -> bytes:
    """Return a document as XML: the same bytes for the same document.

    Roles of a type are written in the order of their kinds, and types of a package in
    the order of theirs: `read_vodml` gives back what this was given if it is in that
    order, as all that was read is.

    Raises
    ------
    ValueError
        Where a type or package names a package that is not in the document, or two
        packages have one identifier.
    """
    twice = Counter(package.id for package in document.package_tree)
    if any(number > 1 for number in twice.values()):
        identifier = max(twice, key=twice.__getitem__)
        message = f"{document.name}: package {identifier} is there twice"
        raise ValueError(message)
    names = {"vo-dml": NAMESPACE}
    if any(c.role for item in document.types for c in item.constraints):
        names["xsi"] = _XSI
    root = etree.Element(f"{{{NAMESPACE}}}model", nsmap=names)
    _add(root, "name", document.name)
    _optional(root, "description", document.description)
    _optional(root, "identifier", document.identifier)
    _add(root, "uri", document.uri)
    _add(root, "title", document.title)
    for author in document.authors:
        _add(root, "author", author)
    _add(root, "version", document.version)
    _optional(root, "previousVersion", document.previous_version)
    _optional(root, "lastModified", document.last_modified)
    for other in document.imported:
        _import(root, other)
    types: dict[str, list[Type]] = {}
    for item in document.types:
        types.setdefault(item.package, []).append(item)
    packages: dict[str, list[Package]] = {}
    for package in document.package_tree:
        packages.setdefault(package.parent, []).append(package)
    _content(root, "", types, packages)
    _check_whole(root, document)
    etree.indent(root)
    text = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return text.replace(b"<?xml version='1.0' encoding='UTF-8'?>", _HEAD, 1) + b"\n"


_HEAD = b'<?xml version="1.0" encoding="UTF-8"?>'


def _import(root: etree._Element, other: Import) -> None:
    element = etree.SubElement(root, "import")
    _add(element, "name", other.name)
    _optional(element, "identifier", other.identifier)
    _optional(element, "version", other.version)
    _add(element, "url", other.url)
    _add(element, "documentationURL", other.documentation_url)


def _content(
    above: etree._Element,
    package: str,
    types: Mapping[str, Sequence[Type]],
    packages: Mapping[str, Sequence[Package]],
) -> None:
    """Add the types of a package, then the packages inside it."""
    for kind in TYPE_KINDS:
        for item in types.get(package, ()):
            if item.kind == kind:
                _type(above, item)
    for inner in packages.get(package, ()):
        element = _referable(above, "package", inner)
        _content(element, inner.id, types, packages)


def _check_whole(root: etree._Element, document: Document) -> None:
    written = sum(1 for kind in TYPE_KINDS for _ in root.iter(kind))
    packages = sum(1 for _ in root.iter("package"))
    if written != len(document.types) or packages != len(document.package_tree):
        message = (
            f"{document.name}: {written} of {len(document.types)} types and {packages} "
            f"of {len(document.package_tree)} packages have a place in it: a package "
            f"is named that is not there"
        )
        raise ValueError(message)


def _type(above: etree._Element, item: Type) -> None:
    element = _referable(above, item.kind, item)
    if item.abstract:
        element.set("abstract", "true")
    if item.extends:
        _ref(element, "extends", item.extends)
    for constraint in item.constraints:
        _constraint(element, constraint)
    for kind in ROLE_KINDS:
        for role in item.roles:
            if role.kind == kind:
                _role(element, role)
    for value in item.values:
        _referable(element, "literal", value)


def _role(above: etree._Element, role: Role) -> None:
    element = _referable(above, role.kind, role)
    _ref(element, "datatype", role.ref)
    multiplicity = etree.SubElement(element, "multiplicity")
    _add(multiplicity, "minOccurs", str(role.lower))
    _add(multiplicity, "maxOccurs", str(role.upper))
    _concept(element, role.concept)
    if role.ordered:
        _add(element, "isOrdered", "true")


def _constraint(above: etree._Element, constraint: Constraint) -> None:
    element = etree.SubElement(above, "constraint")
    _optional(element, "description", constraint.description)
    if constraint.role:
        element.set(XSI_TYPE, f"vo-dml:{SUBSETTED}")
        _ref(element, "role", constraint.role)
        if constraint.datatype:
            _ref(element, "datatype", constraint.datatype)
        _concept(element, constraint.concept)


def _concept(above: etree._Element, concept: Concept | None) -> None:
    if concept is None:
        return
    element = etree.SubElement(above, "semanticconcept")
    _optional(element, "topConcept", concept.top)
    for uri in concept.vocabularies:
        _add(element, "vocabularyURI", uri)


def _referable(
    above: etree._Element, tag: str, item: Package | Type | Role | EnumLiteral
) -> etree._Element:
    element = etree.SubElement(above, tag)
    if item.xml_id:
        element.set("id", item.xml_id)
    _add(element, "vodml-id", item.id)
    _add(element, "name", item.name)
    _optional(element, "description", item.description)
    return element


def _ref(above: etree._Element, tag: str, ref: str) -> None:
    _add(etree.SubElement(above, tag), "vodml-ref", ref)


def _optional(above: etree._Element, tag: str, text: str) -> None:
    if text:
        _add(above, tag, text)


def _add(above: etree._Element, tag: str, text: str) -> None:
    etree.SubElement(above, tag).text = text or None
