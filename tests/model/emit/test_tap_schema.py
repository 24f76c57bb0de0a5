"""TAP_SCHEMA says what the engines hold (TAP 1.1 section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import psycopg
import pytest

from distiller.adql import translate
from distiller.adql.words import FOREIGN_WORDS, STATEMENTS
from distiller.core.columns import Column, ForeignKey
from distiller.core.reserved import RESERVED
from distiller.model import load_model
from distiller.model.emit import sql, tap_schema
from distiller.model.tables import BoundColumn, BoundTable, Model

if TYPE_CHECKING:
    from distiller.core.bundle import Row

# The column that an index begins with, or those that its expression is made of.
_INDEXED = """
SELECT DISTINCT s.nspname || '.' || t.relname, a.attname
FROM pg_index AS i
JOIN pg_class AS t ON t.oid = i.indrelid
JOIN pg_namespace AS s ON s.oid = t.relnamespace
JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0
LEFT JOIN pg_depend AS d
  ON i.indkey[0] = 0 AND d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
  AND d.refobjid = t.oid AND d.refobjsubid = a.attnum
WHERE i.indkey[0] = a.attnum OR d.objid IS NOT NULL
"""


def _rows(table: str) -> tuple[Row, ...]:
    return tap_schema.rows(load_model())[f"tap_schema.{table}"]


@pytest.mark.slow
def test_indexed_is_true_exactly_where_there_is_an_index(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        for statement in sql.ddl(load_model(), "postgresql"):
            connection.execute(statement.encode())
        found = set(connection.execute(_INDEXED).fetchall())
    views = {view.name: view.of for view in load_model().views}
    for row in _rows("columns"):
        table, name = str(row["table_name"]), str(row["column_name"]).strip('"')
        has = (views.get(table, table), name) in found
        assert row["indexed"] == int(has), (table, name)
    assert {table for table, _ in found} >= set(views.values())


def test_every_key_of_duckdb_is_indexed() -> None:
    connection = duckdb.connect()
    for statement in sql.ddl(load_model()):
        connection.execute(statement)
    indexed = {
        (row["table_name"], str(row["column_name"]).strip('"'))
        for row in _rows("columns")
        if row["indexed"]
    }
    keys = connection.execute(
        "SELECT schema_name || '.' || table_name, constraint_column_names[1] "
        "FROM duckdb_constraints() "
        "WHERE constraint_type IN ('PRIMARY KEY', 'UNIQUE') "
        "AND schema_name <> 'internal'"
    ).fetchall()
    assert len(keys) > 20
    assert set(keys) <= indexed


def test_places_count_from_one_and_names_are_not_repeated() -> None:
    schemas = _rows("schemas")
    assert [row["schema_index"] for row in schemas] == list(range(1, len(schemas) + 1))
    tables = _rows("tables")
    assert [row["table_index"] for row in tables] == list(range(1, len(tables) + 1))
    assert {row["schema_name"] for row in tables} == {r["schema_name"] for r in schemas}
    for table in tables:
        own = [
            row["column_index"]
            for row in _rows("columns")
            if row["table_name"] == table["table_name"]
        ]
        assert own == list(range(1, len(own) + 1))
    keys = [row["key_id"] for row in _rows("keys")]
    assert len(keys) == len(set(keys))
    assert {row["key_id"] for row in _rows("key_columns")} == set(keys)


def test_keys_and_tables_say_what_they_are() -> None:
    for name in ("schemas", "tables", "columns", "keys"):
        assert all(row["description"] for row in _rows(name)), name
    views = {
        row["table_name"] for row in _rows("tables") if row["table_type"] == "view"
    }
    assert views == {view.name for view in load_model().views}
    assert {row["from_table"] for row in _rows("keys")}.isdisjoint(views)


def _column(name: str, arraysize: str | None = None) -> BoundColumn:
    return BoundColumn(Column(name, "char" if arraysize else "long", arraysize))


def test_two_keys_of_one_column_have_two_names_and_bounded_texts_a_size() -> None:
    keys = tuple(ForeignKey(f"s.{name}", (("a", "a"),)) for name in ("one", "two"))
    columns = (_column("a"), _column("b", "12"), _column("c", "*"), _column("d", "9*"))
    tables = [
        BoundTable(f"s.{name}", "", "", "m:x", "", "own", columns, ("a",), own)
        for name, own in (("from", keys), ("one", ()), ("two", ()))
    ]
    rows = tap_schema.rows(Model((), tuple(tables), schemas={"s": "a schema"}))
    assert [row["key_id"] for row in rows["tap_schema.keys"]] == [
        "s.from:a:s.one",
        "s.from:a:s.two",
    ]
    assert rows["tap_schema.keys"][0]["description"] == (
        "Rows of s.from refer to rows of s.one."
    )
    sizes = [row["size"] for row in rows["tap_schema.columns"][:4]]
    assert sizes == [None, 12, None, 9]


def test_a_query_may_name_all_as_tap_schema_does() -> None:
    words = sorted({word.lower() for word in (*RESERVED, *FOREIGN_WORDS, *STATEMENTS)})
    columns = tuple(_column(word) for word in words)
    tables = tuple(
        BoundTable(f"user.{word}", "", "", "m:x", "", "own", columns[:3], ("a",))
        for word in words
    )
    wide = BoundTable("user.wide", "", "", "m:x", "", "own", columns, ("abs",), (
        ForeignKey("user.order", (("order", "abs"),)),
    ))  # fmt: skip
    model = Model((), (*tables, wide), schemas={"user": "a schema"})
    rows = tap_schema.rows(model)
    assert rows["tap_schema.schemas"][0]["schema_name"] == '"user"'
    assert rows["tap_schema.keys"][0]["target_table"] == '"user"."order"'
    assert rows["tap_schema.key_columns"][0]["from_column"] == '"order"'
    assert rows["tap_schema.key_columns"][0]["target_column"] == '"abs"'
    for row in rows["tap_schema.tables"]:
        translate(f"SELECT * FROM {row['table_name']}", model.catalog)
    ours = '"user".wide'
    named = [r for r in rows["tap_schema.columns"] if r["table_name"] == ours]
    assert len(named) == len(words)
    for row in named:
        name, table = row["column_name"], row["table_name"]
        translate(f"SELECT {name}, t.{name} FROM {table} AS t", model.catalog)
