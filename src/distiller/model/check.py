"""Is a document good VO-DML, and does its binding cover it? Every fault in one go."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from astropy import units
from astropy.io.votable.ucd import parse_ucd

from distiller.core.spelling import meant
from distiller.model.names import (
    LONGEST,
    OF_ENGINES,
    SCHEMAS_OF_ENGINES,
    SCHEMAS_OF_POSTGRESQL,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.core.columns import Column
    from distiller.model.entities import Constraint, Document, Role, Type
    from distiller.model.tables import BoundTable, Model

_ID = re.compile(r"[a-zA-Z][a-zA-Z0-9._]*")
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_IVOA = "ivoa"
IVOA_TYPES = frozenset({
    "string", "anyURI", "datetime", "boolean", "real", "rational", "complex",
    "integer", "nonnegativeInteger", "Unit", "Quantity", "RealQuantity",
    "IntegerQuantity",
})  # fmt: skip
_VALUE_KINDS = ("primitiveType", "enumeration", "dataType")
_LASTING = frozenset({"shared", "history"})
_SQL_NAME = re.compile(r"[a-z][a-z0-9_]*")


def check_document(document: Document, *, described: bool = True) -> tuple[str, ...]:
    """Return every fault of a VO-DML document, each with its line.

    The rules are those of VO-DML 1.0 (schema and Schematron) that tables depend on,
    and one of ours: everything has a description.

    Parameters
    ----------
    described
        Whether what has no description is a fault; see `undescribed`.
    """
    faults = [f"{_source(document)}: {fault}" for fault in _faults(document)]
    return (*faults, *(undescribed(document) if described else ()))


def undescribed(document: Document) -> tuple[str, ...]:
    """Return what has no description, each with its line.

    The standard allows that. We do not where a model is bound: what can be queried is
    described.
    """
    return tuple(f"{_source(document)}: {lack}" for lack in _undescribed(document))


def _source(document: Document) -> str:
    return document.source or document.name


def _undescribed(document: Document) -> Iterator[str]:
    if not document.description:
        yield "model without description"
    for identifier, description in document.packages:
        if not description:
            yield f"package {identifier} without description"
    for item in document.types:
        where = f"line {item.line}: {item.id}"
        if not item.description:
            yield f"{where}: {item.kind} without description"
        for literal, description in item.literals:
            if not description:
                yield f"{where}: literal {literal} without description"
        for role in item.roles:
            if not role.description:
                yield (f"line {role.line}: {role.id}: {role.kind} without description")


def _faults(document: Document) -> Iterator[str]:
    seen: dict[str, int] = {}
    for identifier, line in document.identifiers:
        if identifier in seen:
            yield (
                f"line {line}: vodml-id {identifier} is already that of line "
                f"{seen[identifier]}"
            )
        seen.setdefault(identifier, line)
        if not _ID.fullmatch(identifier):
            yield f"line {line}: {identifier!r} is no vodml-id (letters, digits, . _)"
    for thing, line in document.unread:
        yield f"line {line}: {thing} is not of VO-DML 1.0 and was not read"
    for item in document.types:
        yield from _type_faults(document, item)
    yield from _composition_faults(document)


def _type_faults(document: Document, item: Type) -> Iterator[str]:
    where = f"line {item.line}: {item.id}"
    if item.kind == "enumeration" and not item.literals:
        yield f"{where}: enumeration without literals"
    if item.extends:
        yield from _base_faults(document, item, item.extends)
    if _contains_itself(document, item) and not _in_circle(document, item):
        yield f"{where}: a value of it contains another of it, without end"
    names = Counter(role.name for role in item.roles)
    for name, count in names.items():
        if count > 1:
            yield f"{where}: {count} attributes or relations of the name {name}"
    for role in item.roles:
        yield from _role_faults(document, item, role)
    for constraint in item.constraints:
        if constraint.role:
            yield from _subset_faults(document, item, constraint)


def _subset_faults(
    document: Document, item: Type, constraint: Constraint
) -> Iterator[str]:
    where = f"line {constraint.line}: {item.id}"
    known = {role.id for base in _bases(document, item) for role in base.roles}
    prefix, _, identifier = (constraint.role or "").partition(":")
    if prefix == document.name and identifier not in known:
        yield f"{where}: narrows {constraint.role}, which it does not inherit"
    elif prefix not in {document.name, *document.imports}:
        yield f"{where}: {_dangling('narrows', f'{prefix}:{identifier}', document)}"
    ref = constraint.datatype
    if ref and document.find(ref) is None and not _is_imported(document, ref):
        yield f"{where}: {_dangling('narrows to', ref, document)}"


def _bases(document: Document, item: Type) -> Iterator[Type]:
    """Yield the types that a type extends, each once, the nearest first."""
    seen = {item.id}
    base = document.find(item.extends) if item.extends else None
    while base is not None and base.id not in seen:
        yield base
        seen.add(base.id)
        base = document.find(base.extends) if base.extends else None


def _base_faults(document: Document, item: Type, ref: str) -> Iterator[str]:
    where = f"line {item.line}: {item.id}"
    base = document.find(ref)
    if base is None:
        if not _is_imported(document, ref):
            yield f"{where}: {_dangling('extends', ref, document)}"
    elif base.kind != item.kind:
        yield f"{where}: {item.kind} extends the {base.kind} {base.id}"
    elif _in_circle(document, item):
        yield f"{where}: extends itself, through {ref}"


def _role_faults(document: Document, item: Type, role: Role) -> Iterator[str]:
    where = f"line {role.line}: {role.id}"
    if not _NAME.fullmatch(role.name):
        yield f"{where}: {role.name!r} is no name (letters, digits, _)"
    if role.lower < 0 or (role.upper != -1 and role.upper < max(role.lower, 1)):
        yield f"{where}: multiplicity {role.lower}..{role.upper} allows no value"
    if item.kind == "dataType" and role.kind == "composition":
        yield f"{where}: a data type cannot compose objects"
    target = document.find(role.ref)
    if target is None:
        if not _is_imported(document, role.ref):
            yield f"{where}: {_dangling(role.kind, role.ref, document)}"
        return
    if role.kind == "attribute" and target.kind not in _VALUE_KINDS:
        yield (
            f"{where}: attribute of the object type {target.id} "
            f"(make it a reference or a composition)"
        )
    if role.kind != "attribute" and target.kind != "objectType":
        yield f"{where}: {role.kind} to the {target.kind} {target.id}"


def _composition_faults(document: Document) -> Iterator[str]:
    """Yield types that are parts of more than one whole."""
    wholes: dict[str, list[str]] = {}
    for item in document.types:
        for role in item.roles:
            if role.kind == "composition":
                wholes.setdefault(role.ref, []).append(role.id)
    for part, roles in wholes.items():
        if len(roles) > 1:
            yield f"{part} is composed more than once: {', '.join(roles)}"


def _is_imported(document: Document, ref: str) -> bool:
    prefix, _, identifier = ref.partition(":")
    if prefix not in document.imports:
        return False
    return prefix != _IVOA or identifier in IVOA_TYPES


def _dangling(kind: str, ref: str, document: Document) -> str:
    prefix, _, identifier = ref.partition(":")
    if prefix not in {document.name, *document.imports}:
        return f"{kind} {ref}: model {prefix!r} is not imported"
    known = IVOA_TYPES if prefix == _IVOA else [t.id for t in document.types]
    hint = meant(identifier, known, f"{prefix}:")
    return f"{kind} {ref}: no such type{hint}"


def _in_circle(document: Document, item: Type) -> bool:
    seen = {item.id}
    base = document.find(item.extends) if item.extends else None
    while base is not None:
        if base.id in seen:
            return True
        seen.add(base.id)
        base = document.find(base.extends) if base.extends else None
    return False


def _contains_itself(document: Document, item: Type) -> bool:
    """Whether a data type is reached again from its attributes and base types."""
    seen: set[str] = set()
    open_ = [item] if item.kind == "dataType" else []
    while open_:
        current = open_.pop()
        refs = [role.ref for role in current.roles if role.kind == "attribute"]
        for ref in [*refs, *([current.extends] if current.extends else [])]:
            inner = document.find(ref)
            if inner is None or inner.kind != "dataType":
                continue
            if inner.id == item.id:
                return True
            if inner.id not in seen:
                seen.add(inner.id)
                open_.append(inner)
    return False


def has_circle(document: Document) -> bool:
    """Whether a type extends or contains itself: such a document has no tables."""
    return any(
        _in_circle(document, item) or _contains_itself(document, item)
        for item in document.types
    )


def check_tables(
    model: Model, *, unbound: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    """Return every fault of the tables of a whole model: names, units, UCDs, keys.

    Parameters
    ----------
    unbound
        Models without a binding: their columns may lack a description.
    """
    return tuple(_table_faults(model, unbound))


def _table_faults(model: Model, unbound: frozenset[str]) -> Iterator[str]:
    names = Counter([t.name for t in model.tables] + [v.name for v in model.views])
    for name, count in names.items():
        if count > 1:
            yield f"{name}: {count} tables or views of that name"
        yield from _name_faults(name, *name.split("."))
        schema = name.partition(".")[0]
        if schema in SCHEMAS_OF_ENGINES:
            yield f"{name}: {schema} is a schema of the engine's own"
        elif schema.startswith(SCHEMAS_OF_POSTGRESQL):
            yield (
                f"{name}: schema {schema}: PostgreSQL keeps names with "
                f"{SCHEMAS_OF_POSTGRESQL} for itself"
            )
    for table in model.tables:
        described = table.type_id.partition(":")[0] not in unbound
        yield from _column_faults(table, described=described)
        yield from _key_faults(model, table)
    for view in model.views:
        if view.of not in model.known or model.known[view.of].hidden:
            yield f"{view.name}: view of {view.of}, which is absent"


def _name_faults(where: str, *words: str) -> Iterator[str]:
    for word in words:
        if not _SQL_NAME.fullmatch(word):
            yield f"{where}: {word!r} is no lower-case SQL name"
        elif len(word) > LONGEST:
            yield (
                f"{where}: {word!r} has more than {LONGEST} letters, "
                f"which PostgreSQL would cut off"
            )


def _key_faults(model: Model, table: BoundTable) -> Iterator[str]:
    counts = Counter((key.target, key.columns) for key in table.foreign_keys)
    for (target_name, columns), count in counts.items():
        if count > 1:
            listed = ", ".join(own for own, _ in columns)
            yield f"{table.name}: {count} foreign keys from {listed} to {target_name}"
    for key in table.foreign_keys:
        target = model.known.get(key.target)
        if target is None:
            yield f"{table.name}: foreign key to {key.target}, which is absent"
            continue
        for own, other in key.columns:
            if own not in table.names:
                yield f"{table.name}: foreign key from {own}, which is absent"
            if other not in target.names:
                yield f"{table.name}: foreign key to {key.target}.{other}: absent"
            yield from _unlike(table, own, target, other)
        others = tuple(other for _, other in key.columns)
        unique = {(b.column.name,) for b in target.columns if b.unique}
        if set(others) <= set(target.names) and others not in unique | {target.key}:
            listed = ", ".join(others)
            yield f"{table.name}: foreign key to {key.target} ({listed}), no key there"
        if table.rows in _LASTING and target.rows == "own":
            yield (
                f"{table.name}: foreign key of {table.rows} rows to {key.target}, "
                f"whose rows go with their dataset"
            )


def _unlike(
    table: BoundTable, own: str, target: BoundTable, other: str
) -> Iterator[str]:
    """Yield how a column differs from the one that it leads to."""
    ends = [
        bound.column
        for place, name in ((table, own), (target, other))
        for bound in place.columns
        if bound.column.name == name
    ]
    if len(ends) == 2 and _type(ends[0]) != _type(ends[1]):  # noqa: PLR2004 - two ends
        yield (
            f"{table.name}.{own}: foreign key to {target.name}.{other}: "
            f"{_type(ends[0])} here, {_type(ends[1])} there"
        )


def _type(column: Column) -> str:
    """Return datatype, size, xtype and unit of a column, in words."""
    size = f"({column.arraysize})" if column.arraysize else ""
    words = (f"{column.datatype}{size}", column.xtype, column.unit)
    return " ".join(word for word in words if word)


def _column_faults(table: BoundTable, *, described: bool) -> Iterator[str]:
    for bound in table.columns:
        column = bound.column
        where = f"{table.name}.{column.name}"
        yield from _name_faults(where, column.name)
        if column.name in OF_ENGINES:
            yield f"{where}: every table of PostgreSQL has a column {column.name}"
        if described and not column.description:
            yield f"{where}: no description"
        if column.unit:
            try:
                units.Unit(column.unit, format="vounit")
            except ValueError:
                yield f"{where}: {column.unit!r} is no unit (VOUnits)"
        if column.unit and column.is_text:
            yield f"{where}: text with a unit"
        if column.unit and column.datatype == "boolean":
            yield f"{where}: true or false with a unit"
        if column.ucd:
            try:
                parse_ucd(column.ucd, check_controlled_vocabulary=True)
            except ValueError as error:
                yield f"{where}: {column.ucd!r} is no UCD ({error})"


def check_ucds(model: Model) -> tuple[str, ...]:
    """Return the columns without a UCD: ours have one each."""
    return tuple(
        f"{table.name}.{bound.column.name}: no UCD"
        for table in model.tables
        for bound in table.columns
        if not bound.column.ucd
    )
