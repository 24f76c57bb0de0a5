"""VO-DML 1.0 documents (XML) into entities; nothing is judged here but the syntax."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from distiller.core.errors import BadData
from distiller.model.entities import Document, Role, RoleKind, Type, TypeKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMESPACE = "http://www.ivoa.net/xml/VODML/v1"
_ROOT = f"{{{NAMESPACE}}}model"
_TYPES: tuple[TypeKind, ...] = (
    "primitiveType",
    "enumeration",
    "dataType",
    "objectType",
)
_ROLES: tuple[RoleKind, ...] = ("attribute", "composition", "reference")


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
        raise BadData("M001", source, f"no XML: {error}") from error
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
        packages=tuple(reader.packages(root, "")),
        types=tuple(reader.types(root, "")),
        imports=tuple(reader.text(i, "name") for i in root.findall("import")),
        identifiers=tuple(
            ((e.text or "").strip(), _line(e)) for e in root.iter("vodml-id")
        ),
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
            tag = etree.QName(element).localname
            raise BadData(
                "M003", self._source, f"line {_line(element)}: <{tag}> without <{name}>"
            )
        return found

    def packages(
        self, element: etree._Element, above: str
    ) -> Iterator[tuple[str, str]]:
        """Yield vodml-id and description of each package, outer ones first."""
        for package in element.findall("package"):
            identifier = self.text(package, "vodml-id")
            yield identifier, _optional(package, "description")
            yield from self.packages(package, above)

    def types(self, element: etree._Element, package: str) -> Iterator[Type]:
        """Yield the types of a model or package, then those of packages inside."""
        for kind in _TYPES:
            for item in element.findall(kind):
                yield self._type(kind, item, package)
        for inner in element.findall("package"):
            yield from self.types(inner, self.text(inner, "vodml-id"))

    def _type(self, kind: TypeKind, item: etree._Element, package: str) -> Type:
        base = item.find("extends")
        return Type(
            kind=kind,
            id=self.text(item, "vodml-id"),
            name=self.text(item, "name"),
            description=_optional(item, "description"),
            package=package,
            abstract=item.get("abstract", "false") in {"true", "1"},
            extends=None if base is None else self.text(base, "vodml-ref"),
            roles=tuple(self._roles(item)),
            literals=tuple(
                (self.text(x, "name"), _optional(x, "description"))
                for x in item.findall("literal")
            ),
            line=_line(item),
        )

    def _roles(self, item: etree._Element) -> Iterator[Role]:
        for element in item:
            kind = next((k for k in _ROLES if k == element.tag), None)
            if kind is None:
                continue
            datatype = element.find("datatype")
            multiplicity = element.find("multiplicity")
            if datatype is None or multiplicity is None:
                lacking = "datatype" if datatype is None else "multiplicity"
                raise BadData(
                    "M003",
                    self._source,
                    f"line {_line(element)}: <{kind}> without <{lacking}>",
                )
            yield Role(
                kind=kind,
                id=self.text(element, "vodml-id"),
                name=self.text(element, "name"),
                ref=self.text(datatype, "vodml-ref"),
                lower=self._number(multiplicity, "minOccurs"),
                upper=self._number(multiplicity, "maxOccurs"),
                description=_optional(element, "description"),
                line=_line(element),
            )

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


def _optional(element: etree._Element, name: str) -> str:
    return " ".join((element.findtext(name) or "").split())


def _line(element: etree._Element) -> int:
    line: int | None = element.sourceline  # type: ignore[assignment]  # its stub lacks a type
    return line or 0
