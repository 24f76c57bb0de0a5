"""VO-DML 1.0 documents (XML) into entities; nothing is judged here but the syntax."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from distiller.core.errors import BadData
from distiller.model.entities import (
    ROLE_KINDS,
    TYPE_KINDS,
    Concept,
    Constraint,
    Document,
    EnumLiteral,
    Import,
    Package,
    Role,
    Type,
)
from distiller.model.no_xml import no_xml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distiller.model.entities import RoleKind, TypeKind

NAMESPACE = "http://www.ivoa.net/xml/VODML/v1"
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
SUBSETTED = "SubsettedRole"
_ROOT = f"{{{NAMESPACE}}}model"
_TYPES = " ".join((*TYPE_KINDS, "package"))
_ELEMENT = "vodml-id name description"
_ROLE = f"{_ELEMENT} datatype multiplicity"
_KNOWN = {
    tag: frozenset(children.split())
    for tag, children in {
        _ROOT: "name description identifier uri title author version previousVersion "
        f"lastModified import {_TYPES}",
        "import": "name identifier version url documentationURL",
        "package": f"{_ELEMENT} {_TYPES}",
        "primitiveType": f"{_ELEMENT} extends constraint",
        "enumeration": f"{_ELEMENT} extends constraint literal",
        "dataType": f"{_ELEMENT} extends constraint attribute reference composition",
        "objectType": f"{_ELEMENT} extends constraint attribute reference composition",
        "literal": _ELEMENT,
        "attribute": f"{_ROLE} semanticconcept",
        "composition": f"{_ROLE} isOrdered",
        "reference": _ROLE,
        "extends": "vodml-ref",
        "datatype": "vodml-ref",
        "role": "vodml-ref",
        "multiplicity": "minOccurs maxOccurs",
        "semanticconcept": "topConcept vocabularyURI",
        "constraint": "description role datatype semanticconcept",
    }.items()
}
"""What is read of each element; a composition of a data type is told by the check."""


def read_vodml(text: bytes, source: str) -> Document:
    """Read a VO-DML document.

    Parameters
    ----------
    text
        The whole XML document.
    source
        Name of the file, for messages.

    Raises
    ------
    BadData
        M001 where it is no XML, M002 where it is no VO-DML, M003 where an element that
        the standard requires is absent or a multiplicity is no number.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(text, parser)
    except etree.XMLSyntaxError as error:
        raise no_xml(source, error) from error
    if root.tag != _ROOT:
        raise BadData(
            "M002",
            source,
            f"no VO-DML document: it starts with <{root.tag}>",
            hint=f"the first element is model of {NAMESPACE}",
        )
    reader = _Reader(source)
    return Document(
        name=reader.text(root, "name"),
        title=reader.text(root, "title"),
        description=_optional(root, "description"),
        version=reader.text(root, "version"),
        package_tree=tuple(reader.packages(root, "")),
        types=tuple(reader.types(root, "")),
        imported=tuple(reader.imports(root)),
        uri=_optional(root, "uri"),
        identifier=_optional(root, "identifier"),
        authors=tuple(_words(author) for author in root.findall("author")),
        previous_version=_optional(root, "previousVersion"),
        last_modified=_optional(root, "lastModified"),
        identifiers=tuple(
            ((e.text or "").strip(), _line(e)) for e in root.iter("vodml-id")
        ),
        unread=tuple(_unread(root)),
        source=source,
    )


def read_file(path: Path) -> Document:
    """Read a VO-DML file; see `read_vodml`."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise BadData("M000", str(path), f"cannot be read: {error.strerror}") from error
    return read_vodml(text, path.name)


class _Reader:
    """Element by element; ``source`` is for messages."""

    def __init__(self, source: str) -> None:
        self._source = source

    def text(self, element: etree._Element, name: str) -> str:
        """Return the text of a child that must be there."""
        found = _optional(element, name)
        if not found:
            raise self._lacking(element, name)
        return found

    def imports(self, root: etree._Element) -> Iterator[Import]:
        """Yield the other models that are used."""
        for item in root.findall("import"):
            yield Import(
                name=self.text(item, "name"),
                url=_optional(item, "url"),
                version=_optional(item, "version"),
                documentation_url=_optional(item, "documentationURL"),
                identifier=_optional(item, "identifier"),
            )

    def packages(self, element: etree._Element, parent: str) -> Iterator[Package]:
        """Yield each package, outer ones first."""
        for package in element.findall("package"):
            identifier = self.text(package, "vodml-id")
            yield Package(
                id=identifier,
                name=self.text(package, "name"),
                description=_optional(package, "description"),
                parent=parent,
                xml_id=package.get("id", ""),
            )
            yield from self.packages(package, identifier)

    def types(self, element: etree._Element, package: str) -> Iterator[Type]:
        """Yield the types of a model or package, then those of packages inside."""
        for kind in TYPE_KINDS:
            for item in element.findall(kind):
                yield self._type(kind, item, package)
        for inner in element.findall("package"):
            yield from self.types(inner, self.text(inner, "vodml-id"))

    def _type(self, kind: TypeKind, item: etree._Element, package: str) -> Type:
        return Type(
            kind=kind,
            id=self.text(item, "vodml-id"),
            name=self.text(item, "name"),
            description=_optional(item, "description"),
            package=package,
            abstract=item.get("abstract", "false") in {"true", "1"},
            extends=self._ref(item, "extends"),
            roles=tuple(
                self._role(role_kind, element)
                for role_kind in ROLE_KINDS
                for element in item.findall(role_kind)
            ),
            values=tuple(
                EnumLiteral(
                    id=self.text(x, "vodml-id"),
                    name=self.text(x, "name"),
                    description=_optional(x, "description"),
                    xml_id=x.get("id", ""),
                )
                for x in item.findall("literal")
            ),
            constraints=tuple(self._constraint(x) for x in item.findall("constraint")),
            line=_line(item),
            xml_id=item.get("id", ""),
        )

    def _role(self, kind: RoleKind, element: etree._Element) -> Role:
        multiplicity = element.find("multiplicity")
        ref = self._ref(element, "datatype")
        if ref is None:
            raise self._lacking(element, "datatype")
        if multiplicity is None:
            raise self._lacking(element, "multiplicity")
        return Role(
            kind=kind,
            id=self.text(element, "vodml-id"),
            name=self.text(element, "name"),
            ref=ref,
            lower=self._number(multiplicity, "minOccurs"),
            upper=max(self._number(multiplicity, "maxOccurs"), -1),
            description=_optional(element, "description"),
            line=_line(element),
            concept=_concept(element),
            ordered=_optional(element, "isOrdered") in {"true", "1"},
            xml_id=element.get("id", ""),
        )

    def _constraint(self, element: etree._Element) -> Constraint:
        role = self._ref(element, "role")
        if role is None and element.get(XSI_TYPE, "").rpartition(":")[2] == SUBSETTED:
            raise self._lacking(element, "role")
        return Constraint(
            description=_optional(element, "description"),
            line=_line(element),
            role=role,
            datatype=self._ref(element, "datatype"),
            concept=_concept(element),
        )

    def _ref(self, element: etree._Element, name: str) -> str | None:
        """Return what a child refers to, or None where it is absent."""
        child = element.find(name)
        return None if child is None else self.text(child, "vodml-ref")

    def _number(self, element: etree._Element, name: str) -> int:
        text = self.text(element, name)
        try:
            return int(text)
        except ValueError as error:
            raise BadData(
                "M003",
                self._source,
                f"line {_line(element)}: {name} is no whole number: {text!r}",
            ) from error

    def _lacking(self, element: etree._Element, name: str) -> BadData:
        tag = etree.QName(element).localname
        return BadData(
            "M003", self._source, f"line {_line(element)}: <{tag}> without <{name}>"
        )


def _concept(element: etree._Element) -> Concept | None:
    found = element.find("semanticconcept")
    if found is None:
        return None
    return Concept(
        _optional(found, "topConcept"),
        tuple(_words(uri) for uri in found.findall("vocabularyURI")),
    )


def _unread(element: etree._Element) -> Iterator[tuple[str, int]]:
    """Yield what VO-DML 1.0 does not know, outermost elements only."""
    known = _KNOWN.get(str(element.tag), frozenset())
    for child in element.iterchildren("*"):
        kind = child.get(XSI_TYPE, "").rpartition(":")[2]
        if child.tag not in known:
            tag = etree.QName(element).localname
            yield f"<{child.tag}> in <{tag}>", _line(child)
        elif child.tag == "constraint" and kind not in {"", "Constraint", SUBSETTED}:
            yield f"a constraint of the kind {kind}", _line(child)
        else:
            yield from _unread(child)


def _optional(element: etree._Element, name: str) -> str:
    found = element.find(name)
    return "" if found is None else _words(found)


def _words(element: etree._Element) -> str:
    return " ".join((element.text or "").split())


def _line(element: etree._Element) -> int:
    line: int | None = element.sourceline  # type: ignore[assignment]  # its stub lacks a type
    return line or 0
