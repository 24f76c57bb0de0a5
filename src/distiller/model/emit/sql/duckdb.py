"""SQL for DuckDB.

It gets no foreign keys: there they forbid to delete parent and child in one
transaction and most ALTERs, so the archive checks them itself before it commits. It
gets no indexes beside those of its keys either: they make updates of what they index
fail within a transaction, and columns are scanned quickly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.model.emit.sql import parts
from distiller.model.names import listed, literal, qualified, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.core.columns import Column
    from distiller.model.tables import BoundColumn, BoundTable, Model

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
    lines.append(f"PRIMARY KEY ({listed(table.key)})")
    lines += [f"CHECK ({check.sql})" for check in table.checks]
    body = ",\n".join(f"  {line}" for line in lines)
    return f"CREATE TABLE {qualified(name or table.name)} (\n{body}\n)"


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
