"""The catalogs of a PostgreSQL database."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from distiller.core.columns import ForeignKey
from distiller.model.emit.sql import parts, postgresql
from distiller.model.emit.sql.cover import cover_statements
from distiller.model.names import listed, of_table, qualified, quoted
from distiller.model.shape import ColumnShape, Shape, TableShape, ViewShape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distiller.archive.engine import Session
    from distiller.model import BoundTable, Model

_RELATIONS = """
SELECT n.nspname || '.' || c.relname, c.relkind::text,
       coalesce(obj_description(c.oid, 'pg_class'), ''),
       CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY($schemas) AND c.relkind IN ('r', 'v')
ORDER BY c.oid
"""
_COLUMNS = """
SELECT n.nspname || '.' || c.relname, a.attname,
       format_type(a.atttypid, a.atttypmod)
         || CASE WHEN a.atttypid = 'text'::regtype THEN coalesce(
              (SELECT ' COLLATE "' || l.collname || '"' FROM pg_collation l
               WHERE l.oid = a.attcollation AND l.collname <> 'default'), '')
            ELSE '' END,
       NOT a.attnotnull, coalesce(col_description(c.oid, a.attnum), '')
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY($schemas) AND c.relkind IN ('r', 'v')
  AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.oid, a.attnum
"""
_NAMES = """
  ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(num, place)
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num
        ORDER BY u.place)
"""
_CONSTRAINTS = f"""
SELECT n.nspname || '.' || c.relname, k.conname, k.contype::text, {_NAMES},
  (SELECT fn.nspname || '.' || f.relname FROM pg_class f
   JOIN pg_namespace fn ON fn.oid = f.relnamespace WHERE f.oid = k.confrelid),
  ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u(num, place)
        JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num
        ORDER BY u.place),
  k.condeferred, pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY($schemas) AND c.relkind = 'r'
  AND k.contype IN ('p', 'u', 'c', 'f')
ORDER BY k.oid
"""  # noqa: S608 - fixed words
_INDEXES = """
SELECT n.nspname || '.' || c.relname, i.relname,
  CASE WHEN m.amname = 'btree' AND NOT x.indisunique AND x.indexprs IS NULL
       AND x.indpred IS NULL THEN
    ARRAY(SELECT a.attname::text
          FROM unnest(x.indkey::smallint[]) WITH ORDINALITY AS u(num, place)
          JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = u.num
          ORDER BY u.place) END,
  pg_get_indexdef(i.oid)
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_class c ON c.oid = x.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_am m ON m.oid = i.relam
WHERE n.nspname = ANY($schemas) AND NOT EXISTS
  (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.oid AND k.contype IN ('p', 'u'))
ORDER BY i.oid
"""
_TYPES = {
    "boolean": "BOOLEAN",
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "real": "REAL",
    "double precision": "DOUBLE PRECISION",
    "double precision[]": "DOUBLE PRECISION[]",
    "timestamp without time zone": "TIMESTAMP",
    'text COLLATE "C"': 'TEXT COLLATE "C"',
}

_SURE = 54
"""Characters of a name that stand before the mark of a long one."""

Told = dict[str, dict[str, str]]
"""What is told of the constraints or indexes of each table, by their names."""


class _Undone(Exception):  # noqa: N818 - no error: it ends a transaction
    """What was made to be looked at is rolled back."""


def read_shape(
    session: Session, model: Model, schemas: Sequence[str], derived: set[str]
) -> Shape:
    """Read the tables and views of some schemas."""
    wanted: dict[str, Any] = {"schemas": list(schemas)}
    relations = session.fetch(_RELATIONS, wanted)
    columns: dict[str, list[ColumnShape]] = {}
    for table, name, kind, nullable, comment in session.fetch(_COLUMNS, wanted):
        shape = ColumnShape(name, _TYPES.get(kind, str(kind)), bool(nullable), comment)
        columns.setdefault(table, []).append(shape)
    constraints, keys = _constraints(session, wanted)
    indexes = _indexes(session, wanted)
    for name, (checks, others) in _in_words_of(session, model, relations).items():
        _reword(constraints.get(name, {}), checks)
        _reword(indexes.get(name, {}), others)
    tables = {
        name: TableShape(
            name,
            tuple(columns.get(name, [])),
            constraints.get(name, {}),
            keys.get(name, {}),
            indexes.get(name, {}),
            comment,
            name in derived,
        )
        for name, kind, comment, _ in relations
        if kind == "r"
    }
    views = {
        name: ViewShape(
            name,
            tuple(c.name for c in columns.get(name, [])),
            parts.viewed(query),
            comment,
        )
        for name, kind, comment, query in relations
        if kind == "v"
    }
    return Shape("postgresql", tables, views)


def _constraints(session: Session, wanted: dict[str, Any]) -> tuple[Told, Told]:
    """Return constraints and foreign keys."""
    constraints: Told = {}
    keys: Told = {}
    for row in session.fetch(_CONSTRAINTS, wanted):
        table, name, kind, own, target, others, late, told = row
        if kind == "f":
            pairs = tuple(zip(own, others, strict=True))
            text = postgresql.key_text(ForeignKey(target, pairs))
            keys.setdefault(table, {})[name] = text if late else told
        else:
            words = {"p": "PRIMARY KEY", "u": "UNIQUE"}.get(kind)
            text = f"{words} ({listed(tuple(own))})" if words else told
            constraints.setdefault(table, {})[name] = text
    return constraints, keys


def _indexes(session: Session, wanted: dict[str, Any]) -> Told:
    found: Told = {}
    for table, name, columns, told in session.fetch(_INDEXES, wanted):
        if not _is_ours(table, name, columns):
            continue
        text = told
        if columns is not None:
            text = (
                f"INDEX {quoted(name)} ON {qualified(table)} ({listed(tuple(columns))})"
            )
        found.setdefault(table, {})[name] = text
    return found


def _is_ours(table: str, name: str, columns: Sequence[str] | None) -> bool:
    """Tell whether a model can have named an index so; others are somebody else's."""
    if columns is not None:
        return name == of_table(table, tuple(columns), "idx")
    beginning = of_table(table, (), "")
    return name.startswith(beginning[:_SURE])


def _in_words_of(
    session: Session, model: Model, relations: Sequence[tuple[Any, ...]]
) -> dict[str, tuple[dict[str, tuple[str, str]], dict[str, tuple[str, str]]]]:
    """Return what PostgreSQL would tell of the model's checks and indexes.

    By table and name, what it tells and what our SQL says. The tables are made for the
    time of a transaction that is rolled back.
    """
    there = {name for name, *_ in relations}
    found: dict[str, tuple[dict[str, tuple[str, str]], dict[str, tuple[str, str]]]] = {}

    def look() -> NoReturn:
        session.execute("SET LOCAL client_min_messages = warning")
        for statement in cover_statements():  # an older archive may lack some
            session.execute(statement)
        for number, table in enumerate(model.tables):
            if table.name in there:
                found[table.name] = _probe(session, table, f"probe_{number}")
        raise _Undone

    with suppress(_Undone), session.transaction():
        look()
    return found


def _probe(
    session: Session, table: BoundTable, probe: str
) -> tuple[dict[str, tuple[str, str]], dict[str, tuple[str, str]]]:
    checks = {
        name: text
        for name, text in postgresql.constraints(table).items()
        if text.startswith("CHECK ")
    }
    special = {n: t for n, t in postgresql.indexes(table).items() if " USING " in t}
    if not checks and not special:
        return {}, {}
    lines = [
        f"{quoted(b.column.name)} {postgresql.sql_type(b.column)}"
        for b in table.columns
    ]
    lines += [f"CONSTRAINT {quoted(name)} {text}" for name, text in checks.items()]
    session.execute(f"CREATE TEMPORARY TABLE {probe} ({', '.join(lines)})")
    for text in special.values():
        session.execute(
            f"CREATE {text}".replace(f" ON {qualified(table.name)} ", f" ON {probe} ")
        )
    where = f"'pg_temp.{probe}'::regclass"
    told = session.fetch(
        f"SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "  # noqa: S608 - names of the model
        f"WHERE conrelid = {where} AND contype = 'c'"
    )
    indexed = session.fetch(
        f"SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_index i "  # noqa: S608 - names of the model
        f"JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = {where}"
    )
    return (
        {name: (text, checks[name]) for name, text in told},
        {name: (text, special[name]) for name, text in indexed},
    )


def _reword(live: dict[str, str], known: dict[str, tuple[str, str]]) -> None:
    """Put what our SQL says in place of what PostgreSQL tells in the same words."""
    for name, (told, ours) in known.items():
        if name in live and _tail(live[name]) == _tail(told):
            live[name] = ours


def _tail(told: str) -> str:
    """Return the part of an index that does not name its table."""
    return told.partition(" USING ")[2] or told
