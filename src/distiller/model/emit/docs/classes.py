"""Classes, data types and enumerations of a package, one under the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.model.emit.diagram import multiplicity, rule
from distiller.model.emit.docs.names import cell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.model.emit.docs.names import Site
    from distiller.model.entities import Document, Role, Type
    from distiller.model.tables import Model

_KINDS = {
    "objectType": "Class",
    "dataType": "Data type",
    "enumeration": "Enumeration",
    "primitiveType": "Primitive type",
}
_ROLES = {
    "attribute": "",
    "composition": "Parts. ",
    "reference": "Reference. ",
}


def section(
    model: Model, document: Document, package: str, site: Site
) -> Iterator[str]:
    """Yield the lines of everything that is drawn in a package."""
    own = [item for item in document.types if item.package == package]
    if own:
        yield ""
        yield "## Classes and types"
    tables: dict[str, list[str]] = {}
    for table in model.tables:
        tables.setdefault(table.type_id, []).append(table.name)
    for item in own:
        yield from _type(document, item, site)
        held = tables.get(f"{document.name}:{item.id}", [])
        if held:
            yield ""
            yield f"Stored in {', '.join(site.table(name) for name in held)}."


def _type(document: Document, item: Type, site: Site) -> Iterator[str]:
    yield ""
    yield f"### {item.name}"
    yield ""
    yield " ".join(_about(document, item, site))
    if item.literals:
        yield ""
        yield "| literal | meaning |"
        yield "|---|---|"
        for name, words in item.literals:
            yield f"| `{name}` | {cell(words)} |"
    if item.roles:
        yield ""
        yield "| name | type | values | meaning |"
        yield "|---|---|---|---|"
        for role in item.roles:
            yield _role(document, role, site)
    if item.constraints:
        yield ""
        yield from (f"- Rule: `{rule(held)}`." for held in item.constraints)


def _about(document: Document, item: Type, site: Site) -> Iterator[str]:
    kind = _KINDS[item.kind]
    yield f"*Abstract {kind.lower()}.*" if item.abstract else f"*{kind}.*"
    yield item.description
    if item.extends:
        yield f"Is a {site.type(item.extends, document)} and has what that has."
    heirs = [
        site.type(f"{document.name}:{other.id}", document)
        for other in document.types
        if other.extends == f"{document.name}:{item.id}"
    ]
    if heirs:
        yield f"Of this kind are {', '.join(heirs)}."


def _role(document: Document, role: Role, site: Site) -> str:
    words = f"{_ROLES[role.kind]}{role.description}"
    kind = site.type(role.ref, document)
    return f"| `{role.name}` | {kind} | {multiplicity(role)} | {cell(words)} |"
