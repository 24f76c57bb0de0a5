"""What others keep in the file: it is made again in the new one, or named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from distiller.archive import functions
from distiller.archive.guests import Guest
from distiller.model.diff import former, former_column
from distiller.model.emit import sql
from distiller.model.names import literal, qualified, quoted
from distiller.model.shape import schemas_of, shape_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.archive.engine import Session
    from distiller.model import Model
    from distiller.model.shape import ColumnShape, Shape, TableShape

_HERE = "NOT internal AND database_name = current_database()"
_TABLES = f"""
SELECT schema_name || '.' || table_name, sql, comment
FROM duckdb_tables() WHERE {_HERE} AND NOT temporary ORDER BY table_oid
"""  # noqa: S608 - fixed words
_INDEXES = """
SELECT schema_name || '.' || index_name, sql, comment
FROM duckdb_indexes() WHERE database_name = current_database() ORDER BY index_oid
"""
_VIEWS = f"""
SELECT schema_name || '.' || view_name, sql, comment
FROM duckdb_views() WHERE {_HERE} AND NOT temporary ORDER BY view_oid
"""  # noqa: S608 - fixed words
_WORDS = f"""
SELECT schema_name || '.' || table_name, column_name, comment
FROM duckdb_columns() WHERE {_HERE} AND comment IS NOT NULL ORDER BY column_index
"""  # noqa: S608 - fixed words
_OTHERS = f"""
SELECT 'macro', schema_name || '.' || function_name
FROM duckdb_functions() WHERE {_HERE} AND function_type IN ('macro', 'table_macro')
  AND function_name <> ALL($ours)
UNION SELECT 'sequence', schema_name || '.' || sequence_name
FROM duckdb_sequences() WHERE database_name = current_database()
UNION SELECT 'type', schema_name || '.' || type_name
FROM duckdb_types() WHERE {_HERE} ORDER BY 1, 2
"""  # noqa: S608 - fixed words


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing that no model has made.

    Attributes
    ----------
    name
        Schema and name.
    statements
        What makes it, with its comments; none where that cannot be told.
    """

    kind: str
    name: str
    statements: tuple[str, ...] = ()

    @property
    def has_rows(self) -> bool:
        """Whether it has rows of its own."""
        return self.kind == "table"


def things(session: Session, live: Shape, model: Model, *, drop: bool) -> list[Thing]:
    """Return what no model has made, each after what it may depend on."""
    return list(_things(session, live, model, drop=drop))


def lost(
    session: Session, live: Shape, model: Model, *, drop: bool
) -> list[tuple[Guest, Thing]]:
    """Return what cannot be made again in a file of a model, and why.

    It is tried in memory, without rows.
    """
    wanted = things(session, live, model, drop=drop)
    if not wanted:
        return []
    found: list[tuple[Guest, Thing]] = []
    with duckdb.connect() as probe:
        functions.register(probe)
        try:
            for statement in _empty(live, model, drop=drop):
                probe.execute(statement)
            for thing in wanted:
                why = _refused(probe, thing)
                if why is not None:
                    found.append((Guest(f"the {thing.kind} {thing.name}", why), thing))
        finally:
            functions.unregister(probe)
    return found


def kept_columns(old: TableShape, new: TableShape) -> list[ColumnShape]:
    """Return the columns of a table that the model does not have any more."""
    known = [former_column(old, column) for column in new.columns]
    return [column for column in old.columns if column not in known]


def kept_tables(before: Shape, after: Shape) -> list[TableShape]:
    """Return the tables that a model before had; what is described a model made."""
    known = [former(before, table) for table in after.tables.values()]
    return [
        table
        for table in before.tables.values()
        if table not in known and table.comment and not table.derived
    ]


def _things(
    session: Session, live: Shape, model: Model, *, drop: bool
) -> Iterator[Thing]:
    ours = {head.partition("(")[0] for head in functions.MACROS}
    for kind, name in session.fetch(_OTHERS, {"ours": sorted(ours)}):
        yield Thing(kind, name)
    known = {*schemas_of(model), "main"}
    for (schema,) in session.fetch(
        f"SELECT schema_name FROM duckdb_schemas() WHERE {_HERE}"  # noqa: S608 - fixed words
    ):
        if schema not in known:
            made = f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}"
            yield Thing("schema", schema, (made,))
    words: dict[str, list[tuple[str, str]]] = {}
    for table, column, comment in session.fetch(_WORDS):
        words.setdefault(table, []).append((column, comment))
    taken = _of_models(live, model, drop=drop)
    for kind, query, left_out in (
        ("table", _TABLES, taken),
        ("index", _INDEXES, frozenset[str]()),
        ("view", _VIEWS, frozenset(live.views)),
    ):
        for name, text, comment in session.fetch(query):
            if name not in left_out:
                said = _comments(kind, name, comment, words.get(name, []))
                yield Thing(kind, name, (text, *said))


def _of_models(live: Shape, model: Model, *, drop: bool) -> frozenset[str]:
    """Return the tables that models have made, and those that shall go."""
    after = shape_of(model, "duckdb")
    known = [former(live, table) for table in after.tables.values()]
    return frozenset(
        name
        for name, table in live.tables.items()
        if drop or table in known or table.comment or table.derived
    )


def _comments(
    kind: str, name: str, comment: str | None, columns: list[tuple[str, str]]
) -> Iterator[str]:
    if comment:
        where = f"{kind.upper()} {qualified(name)}"
        yield f"COMMENT ON {where} IS {literal(comment)}"
    for column, words in columns:
        where = f"{qualified(name)}.{quoted(column)}"
        yield f"COMMENT ON COLUMN {where} IS {literal(words)}"


def _empty(live: Shape, model: Model, *, drop: bool) -> Iterator[str]:
    """Yield what makes an archive without rows, with what an upgrade keeps."""
    # The name that the file has as a database: views may say it.
    yield "ATTACH ':memory:' AS archive"
    yield "USE archive"
    yield from sql.ddl(model, "duckdb")
    yield from functions.macro_statements()
    if drop:
        return
    after = shape_of(model, "duckdb")
    for table in after.tables.values():
        old = former(live, table)
        for column in kept_columns(old, table) if old and not table.derived else ():
            yield (
                f"ALTER TABLE {qualified(table.name)} ADD COLUMN "
                f"{quoted(column.name)} {column.type}"
            )
    for kept in kept_tables(live, after):
        yield f"CREATE SCHEMA IF NOT EXISTS {quoted(kept.name.partition('.')[0])}"
        columns = ", ".join(f"{quoted(c.name)} {c.type}" for c in kept.columns)
        yield f"CREATE TABLE {qualified(kept.name)} ({columns})"


def _refused(probe: duckdb.DuckDBPyConnection, thing: Thing) -> str | None:
    """Return why a thing cannot be made; None if it was."""
    if not thing.statements:
        return f"an upgrade cannot make a {thing.kind} again"
    try:
        for statement in thing.statements:
            probe.execute(statement)
    except duckdb.Error as error:
        return str(error).partition("\n")[0].strip()
    return None
