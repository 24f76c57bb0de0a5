"""The model as SQL: schemas, tables, views and comments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from distiller.core.errors import BadParameter

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
_REGULAR = re.compile(r"[a-z_][a-z0-9_]*")
RESERVED = frozenset({
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric",
    "both", "case", "cast", "check", "collate", "column", "constraint", "create",
    "default", "deferrable", "desc", "describe", "distinct", "do", "else", "end",
    "except", "false", "fetch", "for", "foreign", "from", "group", "having", "in",
    "initially", "intersect", "into", "lambda", "lateral", "leading", "limit", "not",
    "null", "offset", "on", "only", "or", "order", "pivot", "pivot_longer",
    "pivot_wider", "placing", "primary", "qualify", "references", "returning",
    "select", "show", "some", "summarize", "symmetric", "table", "then", "to",
    "trailing", "true", "union", "unique", "unpivot", "using", "variadic", "when",
    "where", "window", "with",
})  # fmt: skip
"""Words that DuckDB reserves; a test compares them with its own list."""


def ddl(model: Model, engine: str = "duckdb") -> tuple[str, ...]:
    """Return the statements that make the schema, each without a semicolon.

    Tables come after those they refer to. Tables of other models are not made: a view
    of one needs it to be there. DuckDB gets no foreign keys: there they forbid to
    delete parent and child in one transaction and most ALTERs, so the archive checks
    them itself before it commits.

    Raises
    ------
    BadParameter
        If the engine is not one that is supported.
    """
    if engine == "postgresql":
        raise BadParameter(
            "engine",
            "postgresql is not supported by this version",
            hint="use duckdb",
        )
    if engine != "duckdb":
        raise BadParameter("engine", f"unknown engine {engine!r}", hint="use duckdb")
    return tuple(_statements(model))


def _statements(model: Model) -> Iterator[str]:
    tables = model.in_order()
    names = [t.schema for t in tables] + [v.name.partition(".")[0] for v in model.views]
    for schema in dict.fromkeys(names):
        yield f"CREATE SCHEMA {quoted(schema)}"
    for table in tables:
        yield _create_table(table)
        yield from _comments(table)
    for view in model.views:
        columns = ", ".join(
            quoted(c.column.name) for c in model.known[view.of].columns if not c.hidden
        )
        yield (
            f"CREATE VIEW {qualified(view.name)} AS\n"
            f"SELECT {columns}\nFROM {qualified(view.of)}"
        )
        yield (f"COMMENT ON VIEW {qualified(view.name)} IS {literal(view.description)}")


def _create_table(table: BoundTable) -> str:
    lines = [f"  {_column(bound)}" for bound in table.columns]
    key = ", ".join(quoted(name) for name in table.key)
    lines.append(f"  PRIMARY KEY ({key})")
    return f"CREATE TABLE {qualified(table.name)} (\n" + ",\n".join(lines) + "\n)"


def _column(bound: BoundColumn) -> str:
    name = quoted(bound.column.name)
    parts = [name, sql_type(bound.column)]
    if not bound.column.nullable:
        parts.append("NOT NULL")
    if bound.unique:
        parts.append("UNIQUE")
    if bound.literals:
        words = ", ".join(literal(word) for word in bound.literals)
        parts.append(f"CHECK ({name} IN ({words}))")
    return " ".join(parts)


def _comments(table: BoundTable) -> Iterator[str]:
    yield f"COMMENT ON TABLE {qualified(table.name)} IS {literal(table.description)}"
    for bound in table.columns:
        column = bound.column
        text = column.description or ""
        if column.unit:
            text = f"{text} [{column.unit}]"
        where = f"{qualified(table.name)}.{quoted(column.name)}"
        yield f"COMMENT ON COLUMN {where} IS {literal(text)}"


def sql_type(column: Column) -> str:
    """Return the DuckDB type of a column.

    >>> from distiller.core.columns import Column
    >>> sql_type(Column("s_region", "char", "*", "adql:REGION"))
    'DOUBLE[]'
    """
    if column.is_geometry:
        return "DOUBLE[]"
    if column.is_instant:
        return "TIMESTAMP"
    return _TYPES[column.datatype]


def quoted(name: str) -> str:
    """Return an identifier, in double quotes where it needs them.

    >>> quoted("size"), quoted("order"), quoted("a b")
    ('size', '"order"', '"a b"')
    """
    if _REGULAR.fullmatch(name) and name not in RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


def qualified(name: str) -> str:
    """Return a qualified name, each part quoted where it needs to be.

    >>> qualified("ivoa.obscore")
    'ivoa.obscore'
    """
    return ".".join(quoted(part) for part in name.split("."))


def literal(text: str) -> str:
    """Return a text as SQL.

    >>> literal("the array's")
    "'the array''s'"
    """
    return "'" + text.replace("'", "''") + "'"
