"""SQL for PostgreSQL 15 with pgSphere.

Foreign keys are looked at when a transaction is committed, so that it may store and
delete in any order. Text is compared byte by byte (collation C), as DuckDB does it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.model.emit.sql import parts
from distiller.model.emit.sql.cover import cover_statements
from distiller.model.names import (
    free_name,
    listed,
    literal,
    of_table,
    qualified,
    quoted,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.core.columns import Column, ForeignKey
    from distiller.model.tables import BoundTable, Model

_TYPES = {
    "boolean": "BOOLEAN",
    "short": "SMALLINT",
    "int": "INTEGER",
    "long": "BIGINT",
    "float": "REAL",
    "double": "DOUBLE PRECISION",
    "char": "TEXT",
}
_LATE = "DEFERRABLE INITIALLY DEFERRED"


def statements(model: Model) -> Iterator[str]:
    """Yield what makes schemas, tables, keys, indexes, views and comments."""
    for schema in parts.schemas(model):
        yield f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}"
    tables = model.in_order()
    if any(is_on_the_sky(table) for table in tables):
        yield from cover_statements()
    made: set[str] = set()
    late: list[str] = []
    for table in tables:
        made.add(table.name)
        now = [key for key in table.foreign_keys if key.target in made]
        yield create_table(table, now)
        late += [add_key(table, k) for k in table.foreign_keys if k not in now]
        yield from (f"CREATE {index}" for index in indexes(table).values())
        yield from parts.comments(table)
    yield from late
    for view in model.views:
        yield from parts.view(model, view)


def create_table(table: BoundTable, now: list[ForeignKey]) -> str:
    """Return the statement that makes a table with those foreign keys."""
    lines = [
        f"{quoted(b.column.name)} {sql_type(b.column)}"
        + ("" if b.column.nullable else " NOT NULL")
        for b in table.columns
    ]
    named = constraints(table)
    named |= {name: key_text(key) for name, key in keys(table).items() if key in now}
    lines += [f"CONSTRAINT {quoted(name)} {text}" for name, text in named.items()]
    body = ",\n".join(f"  {line}" for line in lines)
    return f"CREATE TABLE {qualified(table.name)} (\n{body}\n)"


def constraints(table: BoundTable) -> dict[str, str]:
    """Return primary key, unique columns and checks by the names that they have.

    Checks of enumerations end in ``check``, others in ``rule``.
    """
    found = {of_table(table.name, (), "pkey"): f"PRIMARY KEY ({listed(table.key)})"}
    for bound in table.columns:
        name = bound.column.name
        if bound.unique and table.key != (name,):
            found[of_table(table.name, (name,), "key")] = f"UNIQUE ({quoted(name)})"
    for bound in table.columns:
        name = bound.column.name
        if bound.literals:
            values = ", ".join(literal(word) for word in bound.literals)
            text = f"CHECK ({quoted(name)} IN ({values}))"
            found[of_table(table.name, (name,), "check")] = text
    for check in table.checks:
        name = free_name(found, of_table(table.name, check.columns, "rule"))
        found[name] = f"CHECK ({check.sql})"
    return found


def keys(table: BoundTable) -> dict[str, ForeignKey]:
    """Return the foreign keys by the names that they have.

    Of several that start at the same columns each has that of its target in it.
    """
    found: dict[str, ForeignKey] = {}
    owns = [tuple(own for own, _ in key.columns) for key in table.foreign_keys]
    for own, key in zip(owns, table.foreign_keys, strict=True):
        words = own if owns.count(own) == 1 else (*own, *key.target.split("."))
        found[free_name(found, of_table(table.name, words, "fkey"))] = key
    return found


def key_text(key: ForeignKey) -> str:
    """Return what a foreign key says."""
    own = listed(tuple(own for own, _ in key.columns))
    other = listed(tuple(other for _, other in key.columns))
    return f"FOREIGN KEY ({own}) REFERENCES {qualified(key.target)} ({other}) {_LATE}"


def add_key(table: BoundTable, key: ForeignKey) -> str:
    """Return the statement that adds a foreign key to a table."""
    name = next(name for name, one in keys(table).items() if one is key)
    return (
        f"ALTER TABLE {qualified(table.name)} "
        f"ADD CONSTRAINT {quoted(name)} {key_text(key)}"
    )


def indexes(table: BoundTable) -> dict[str, str]:
    """Return the indexes beside those of keys and unique columns, by name.

    B-trees of indexed columns, of foreign keys and of regions that no circle covers;
    GiST of regions and of pairs of coordinates, by pgSphere, and of time MOCs.
    """
    found: dict[str, str] = {}

    def add(names: tuple[str, ...], what: str) -> None:
        name = of_table(table.name, names, "idx")
        found[name] = f"INDEX {quoted(name)} ON {qualified(table.name)} {what}"

    sorted_already = {table.key[0]}
    sorted_already |= {b.column.name for b in table.columns if b.unique}
    owns = [tuple(own for own, _ in key.columns) for key in table.foreign_keys]
    for bound in table.columns:
        column = bound.column
        if column.is_geometry:
            add((column.name,), f"USING gist (dst.cover({quoted(column.name)}))")
            add((column.name, "uncovered"), uncovered(quoted(column.name)))
        elif bound.times:
            add((column.name,), f"USING gist (dst.moc_ranges({quoted(column.name)}))")
        elif column.indexed and column.name not in sorted_already:
            add((column.name,), f"({quoted(column.name)})")
    for names in owns:
        if names[0] not in sorted_already:
            add(names, f"({listed(names)})")
    for lon, lat in table.points:
        add((lon, lat), f"USING gist (dst.place({quoted(lon)}, {quoted(lat)}))")
    return found


def uncovered(region: str) -> str:
    """Return what an index of the regions that no circle covers is made of.

    Every search by region asks for them, mostly there are none, and the index of the
    circles has no short way to what is NULL there.
    """
    return (
        f"USING btree ((1)) WHERE dst.cover({region}) IS NULL AND {region} IS NOT NULL"
    )


def is_on_the_sky(table: BoundTable) -> bool:
    """Tell whether indexes of a table need the functions of `cover_statements`."""
    return bool(table.points) or any(
        b.column.is_geometry or b.times for b in table.columns
    )


def sql_type(column: Column) -> str:
    """Return the type of a column."""
    if column.is_geometry:
        return "DOUBLE PRECISION[]"
    if column.is_instant:
        return "TIMESTAMP"
    if column.datatype == "char":
        return 'TEXT COLLATE "C"'
    return _TYPES[column.datatype]
