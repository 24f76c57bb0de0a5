"""The catalogs of a DuckDB file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import duckdb

from distiller.core.covers import is_cover
from distiller.model.emit.sql import duckdb as emit
from distiller.model.emit.sql import parts, postgresql
from distiller.model.names import free_name, listed, of_table, quoted
from distiller.model.shape import ColumnShape, Shape, TableShape, ViewShape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distiller.archive.engine import Session
    from distiller.model import BoundTable, Model

_WHERE = (
    "NOT internal AND database_name = current_database() "
    "AND schema_name = ANY($schemas)"
)
_COLUMNS = f"""
SELECT schema_name || '.' || table_name, column_name, data_type, is_nullable,
       coalesce(comment, '')
FROM duckdb_columns() WHERE {_WHERE} ORDER BY schema_name, table_name, column_index
"""  # noqa: S608 - fixed words
_TABLES = f"""
SELECT schema_name || '.' || table_name, coalesce(comment, '')
FROM duckdb_tables() WHERE {_WHERE} ORDER BY table_oid
"""  # noqa: S608 - fixed words
_VIEWS = f"""
SELECT schema_name || '.' || view_name, coalesce(comment, ''), sql
FROM duckdb_views() WHERE {_WHERE} ORDER BY view_oid
"""  # noqa: S608 - fixed words
_TYPES = {"FLOAT": "REAL"}
"""What DuckDB calls otherwise than our SQL."""
_CONSTRAINTS = """
SELECT schema_name || '.' || table_name, constraint_type, constraint_column_names,
       expression
FROM duckdb_constraints()
WHERE database_name = current_database() AND schema_name = ANY($schemas)
  AND constraint_type <> 'NOT NULL'
ORDER BY table_oid, constraint_index
"""

Checks: TypeAlias = dict[str, tuple[str, str]]
"""Name and text of the checks of a table, by what DuckDB makes of them."""


def read_shape(
    session: Session, model: Model, schemas: Sequence[str], derived: set[str]
) -> Shape:
    """Read the tables and views of some schemas."""
    wanted: dict[str, Any] = {"schemas": list(schemas)}
    columns: dict[str, list[ColumnShape]] = {}
    for table, name, kind, nullable, comment in session.fetch(_COLUMNS, wanted):
        if is_cover(name):
            continue
        columns.setdefault(table, []).append(
            ColumnShape(name, _TYPES.get(kind, str(kind)), bool(nullable), comment)
        )
    constraints: dict[str, list[tuple[Any, ...]]] = {}
    for table, *rest in session.fetch(_CONSTRAINTS, wanted):
        constraints.setdefault(table, []).append(tuple(rest))
    checks = _checks(model)
    tables = {
        name: TableShape(
            name,
            tuple(columns[name]),
            _constraints(name, constraints.get(name, []), checks.get(name, {})),
            comment=comment,
            derived=name in derived,
        )
        for name, comment in session.fetch(_TABLES, wanted)
    }
    views = {
        name: ViewShape(
            name, tuple(c.name for c in columns[name]), parts.viewed(query), comment
        )
        for name, comment, query in session.fetch(_VIEWS, wanted)
    }
    return Shape("duckdb", tables, views)


def _constraints(
    table: str, rows: Sequence[tuple[Any, ...]], known: Checks
) -> dict[str, str]:
    """Return the constraints of a table by the names that our SQL gives them."""
    found: dict[str, str] = {}
    for kind, columns, expression in rows:
        names = tuple(columns)
        if kind == "PRIMARY KEY":
            found[of_table(table, (), "pkey")] = f"PRIMARY KEY ({listed(names)})"
        elif kind == "UNIQUE":
            found[of_table(table, names, "key")] = f"UNIQUE ({listed(names)})"
        elif expression in known:
            name, text = known[expression]
            found[name] = text
        else:
            name = free_name(found, of_table(table, names, "other"))
            found[name] = f"CHECK {expression}"
    return found


def _checks(model: Model) -> dict[str, Checks]:
    """Return the model's checks by table and by what DuckDB makes of them."""
    found: dict[str, Checks] = {}
    with duckdb.connect() as probe:
        for bound in model.tables:
            wanted = {
                name: text
                for name, text in postgresql.constraints(bound).items()
                if text.startswith("CHECK ")
            }
            if wanted:
                found[bound.name] = _told(probe, bound, wanted)
    return found


def _told(
    probe: duckdb.DuckDBPyConnection, bound: BoundTable, wanted: dict[str, str]
) -> Checks:
    """Make a table of the model, and return its checks by what DuckDB makes of them."""
    schema, _, name = bound.name.partition(".")
    probe.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
    probe.execute(emit.create_table(bound))
    told = probe.execute(
        "SELECT expression FROM duckdb_constraints() WHERE constraint_type = 'CHECK' "
        "AND schema_name = ? AND table_name = ? ORDER BY constraint_index",
        [schema, name],
    ).fetchall()
    pairs = zip(told, wanted.items(), strict=True)
    return {expression: item for (expression,), item in pairs}
