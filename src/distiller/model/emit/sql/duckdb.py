"""SQL for DuckDB.

It gets no foreign keys: there they forbid to delete parent and child in one
transaction and most ALTERs, so the archive checks them itself before it commits. It
gets no indexes beside those of its keys either: they make updates of what they index
fail within a transaction, and columns are scanned quickly.

Beside each region stand three columns that no query names: the strip of declinations
that holds it, and the longitude of its middle (`distiller.core.covers`). The engine
knows the smallest and the largest value of each block of rows, and passes over blocks.
A region without them, as rows have that another program has written, is everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from distiller.core.covers import EVERYWHERE, cover_names
from distiller.model.emit.sql import parts
from distiller.model.names import listed, literal, qualified, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from distiller.core.columns import Column
    from distiller.model.tables import BoundColumn, BoundTable, Model

_STRIP_DEG: Final = 4
"""How wide the strips of declination are by which rows are ordered, deg.

Of 2, 4 and 8 deg this reads 1,000,000 rows about the sky most quickly, for circles of
0.1 to 5 deg: 2048 rows, a vector, are then about as long as wide.
"""

_TYPES = {
    "boolean": "BOOLEAN",
    "short": "SMALLINT",
    "int": "INTEGER",
    "long": "BIGINT",
    "float": "REAL",
    "double": "DOUBLE",
    "char": "VARCHAR",
}


def statements(model: Model) -> Iterator[str]:
    """Yield the statements that make schemas, tables, views and comments."""
    for schema in parts.schemas(model):
        yield f"CREATE SCHEMA {quoted(schema)}"
    for table in model.in_order():
        yield create_table(table)
        yield from parts.comments(table)
    for view in model.views:
        yield from parts.view(model, view)


def create_table(table: BoundTable, name: str | None = None) -> str:
    """Return the statement that makes a table, under another name if one is given."""
    lines = [_column(table, bound) for bound in table.columns]
    for region in regions(table):
        lines += [
            f"{quoted(name)} DOUBLE DEFAULT {value:g}"
            for name, value in zip(cover_names(region), EVERYWHERE, strict=True)
        ]
    lines.append(f"PRIMARY KEY ({listed(table.key)})")
    lines += [f"CHECK ({check.sql})" for check in table.checks]
    body = ",\n".join(f"  {line}" for line in lines)
    return f"CREATE TABLE {qualified(name or table.name)} (\n{body}\n)"


def regions(table: BoundTable) -> tuple[str, ...]:
    """Return the columns of a table that hold regions."""
    return tuple(b.column.name for b in table.columns if b.column.is_geometry)


def insert(
    table: BoundTable,
    names: Sequence[str],
    rows: str,
    *,
    ordered: bool = False,
    database: str = "",
) -> str:
    """Return an INSERT of the rows of a SELECT, with the covers of their regions.

    Parameters
    ----------
    names
        The columns that the SELECT gives, by these names.
    ordered
        Whether the rows are put in by place, where the table has places: by strips of
        declination, and along each by right ascension. So blocks of rows are narrow
        in declination, and few vectors of rows hold what lies together.
    database
        That holds the table, with a dot, if it is another than the one in use.
    """
    given = listed(tuple(names))
    own = [name for name in regions(table) if name in names]
    covers = "".join(
        f", dst_cover({quoted(name)}, NULL) AS {quoted(f'{name}:cover')}"
        for name in own
    )
    hidden = [quoted(name) for region in own for name in cover_names(region)]
    values = [
        f"{quoted(f'{region}:cover')}[{number}]"
        for region in own
        for number in (1, 2, 3)
    ]
    into = ", ".join([given, *hidden])
    by = next((_by_place(*p) for p in table.points if ordered and {*p} <= {*names}), "")
    if own:
        rows = f"SELECT {given}{covers} FROM (\n{rows}\n) AS given"  # noqa: S608 - names of the model
    chosen = ", ".join([given, *values])
    return (
        f"INSERT INTO {database}{qualified(table.name)} ({into})\n"
        f"SELECT {chosen} FROM (\n{rows}\n) AS covered{by}"
    )


def _by_place(lon: str, lat: str) -> str:
    """Return the order of rows; those without a place come last."""
    return f"\nORDER BY floor({quoted(lat)} / {_STRIP_DEG}), {quoted(lon)}"


def _column(table: BoundTable, bound: BoundColumn) -> str:
    name = quoted(bound.column.name)
    words = [name, sql_type(bound.column)]
    if not bound.column.nullable:
        words.append("NOT NULL")
    if bound.unique and table.key != (bound.column.name,):
        words.append("UNIQUE")
    if bound.literals:
        values = ", ".join(literal(word) for word in bound.literals)
        words.append(f"CHECK ({name} IN ({values}))")
    return " ".join(words)


def sql_type(column: Column) -> str:
    """Return the type of a column."""
    if column.is_geometry:
        return "DOUBLE[]"
    if column.is_instant:
        return "TIMESTAMP"
    return _TYPES[column.datatype]
