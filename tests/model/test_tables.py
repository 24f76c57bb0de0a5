"""What comes from the model: catalogue, SQL, TAP_SCHEMA, documentation."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from astropy import units
from astropy.io.votable.ucd import check_ucd

from distiller.core.covers import is_cover
from distiller.core.errors import BadParameter
from distiller.model import load_file, load_model
from distiller.model.emit import sql, tap_schema
from distiller.model.load import packaged_paths
from distiller.model.names import RESERVED_DUCKDB
from distiller.model.obscore import mapping_faults, mappings

if TYPE_CHECKING:
    from distiller.model import Model

_DATA = Path(__file__).parents[1] / "data"
_DATATYPES = {"string": "char", "integer": "int"}


def _csv(name: str) -> list[dict[str, str]]:
    with (_DATA / name).open() as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for statement in sql.ddl(load_model()):
        connection.execute(statement)
    return connection


@pytest.mark.parametrize("row", _csv("obscore_1_1.csv"), ids=lambda row: row["name"])
def test_obscore_is_as_the_standard_has_it(row: dict[str, str]) -> None:
    column = load_model().catalog["ivoa.obscore"].column(row["name"])
    if column is None:
        assert row["mandatory"] == "no"
        return
    assert column.utype == row["utype"]
    assert column.ucd == row["ucd"]
    assert (column.unit or "") == row["unit"]
    assert column.datatype == row["datatype"]
    assert (column.xtype or "") == row["xtype"]
    assert column.std
    assert column.principal == (row["mandatory"] == "yes")
    if row["not_null"] == "yes":
        assert not column.nullable


def test_tap_schema_has_the_columns_of_the_standard() -> None:
    catalog = load_model().catalog
    wanted = _csv("tap_schema_1_1.csv")
    for row in wanted:
        table = catalog[row["table"]]
        column = table.column(row["column"].strip('"'))
        assert column is not None, row
        assert column.adql_name == row["column"]
        assert column.datatype == _DATATYPES[row["type"]], row
        assert column.nullable == (row["not_null"] == "0"), row
    ours = sum(len(t.columns) for t in catalog.values() if t.schema == "tap_schema")
    assert ours == len(wanted) == 32


def test_every_column_has_description_ucd_and_a_unit_that_is_one() -> None:
    for table in load_model().tables:
        assert table.description, table.name
        for bound in table.columns:
            column = bound.column
            where = f"{table.name}.{column.name}"
            assert column.description, where
            assert check_ucd(column.ucd, check_controlled_vocabulary=True), where
            if column.unit:
                units.Unit(column.unit, format="vounit")


def test_paths_of_the_server_cannot_be_queried() -> None:
    model = load_model()
    assert "path" in model.by_name["cta.product_file"].names
    assert model.catalog["cta.product_file"].column("path") is None
    assert not [name for name in model.catalog if name.startswith("internal.")]
    listed = tap_schema.rows(model)["tap_schema.columns"]
    assert "path" not in {row["column_name"] for row in listed}


def test_the_sql_runs_and_names_are_those_of_the_catalogue(
    database: duckdb.DuckDBPyConnection,
) -> None:
    found: dict[str, list[str]] = {}
    for schema, table, column in database.execute(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() "
        "WHERE NOT internal"
    ).fetchall():
        if is_cover(column):
            continue  # hidden: no query can name it
        found.setdefault(f"{schema}.{table}", []).append(column)
    for table in load_model().tables:
        assert sorted(found[table.name]) == sorted(table.names)
    assert "cta.vo_obscore" in found


def _structure(connection: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    """Return everything that DDL decides, in no order of its own."""
    queries = (
        """SELECT schema_name, table_name, column_index, column_name, data_type,
        is_nullable, comment FROM duckdb_columns() WHERE NOT internal""",
        "SELECT schema_name, table_name, constraint_text FROM duckdb_constraints()",
        """SELECT schema_name, view_name, sql, comment FROM duckdb_views()
        WHERE NOT internal""",
        "SELECT schema_name, table_name, comment FROM duckdb_tables()",
    )
    return [row for query in queries for row in connection.execute(query).fetchall()]


def test_the_sql_of_every_model_alone_makes_the_whole(
    database: duckdb.DuckDBPyConnection,
) -> None:
    """In the order of the models: a view comes after what it is of."""
    alone = duckdb.connect()
    for path in packaged_paths():
        for statement in sql.ddl(load_file(path)):
            alone.execute(statement)
    assert len(_structure(database)) > 300
    assert sorted(map(str, _structure(alone))) == sorted(map(str, _structure(database)))


def test_tap_schema_of_every_model_alone_makes_the_whole() -> None:
    def kept(model: Model) -> list[tuple[str, str]]:
        """Return rows without their place in the whole."""
        places = {"schema_index", "table_index"}
        return [
            (table, str({k: v for k, v in row.items() if k not in places}))
            for table, rows in tap_schema.rows(model).items()
            for row in rows
        ]

    alone = [row for path in packaged_paths() for row in kept(load_file(path))]
    assert sorted(alone) == sorted(kept(load_model()))


def test_reserved_words_of_duckdb_are_quoted(
    database: duckdb.DuckDBPyConnection,
) -> None:
    words = database.execute(
        "SELECT keyword_name, list(keyword_category) FROM duckdb_keywords() GROUP BY 1"
    ).fetchall()
    reserved = {"reserved", "type_function"}
    assert {word for word, kinds in words if set(kinds) <= reserved} == RESERVED_DUCKDB
    database.execute("CREATE SCHEMA words")
    for word, _ in words:
        name = sql.quoted(word)
        database.execute(f"CREATE TABLE words.{name} ({name} INT CHECK ({name} > 0))")
        database.execute(f"SELECT {name} FROM words.{name} WHERE {name} > 0")
    database.execute(f"CREATE TABLE {sql.quoted('select')} (i INTEGER)")


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            """INSERT INTO cta.product
            (product_id, publisher_did, obs_id, collection_id, data_level, rights)
            VALUES ('a', 'b', 'c', 'd', 'DL9', 'public')""",
            "CHECK constraint",
        ),
        ("INSERT INTO cta.target (target_id) VALUES ('a')", "NOT NULL constraint"),
        (
            "INSERT INTO cta.target (target_id, name) VALUES ('a', 'b'), ('a', 'c')",
            "PRIMARY KEY or UNIQUE constraint",
        ),
        (
            """INSERT INTO cta.collection (collection_id, name)
            VALUES ('a', 'x'), ('b', 'x')""",
            "PRIMARY KEY or UNIQUE constraint",
        ),
    ],
)
def test_the_database_refuses_what_the_model_forbids(
    database: duckdb.DuckDBPyConnection, statement: str, words: str
) -> None:
    with pytest.raises(duckdb.ConstraintException, match=words):
        database.execute(statement)


def test_comments_carry_description_and_unit(
    database: duckdb.DuckDBPyConnection,
) -> None:
    found = database.execute(
        "SELECT comment FROM duckdb_columns() WHERE schema_name = 'cta' "
        "AND table_name = 'observation' AND column_name = 'livetime'"
    ).fetchall()
    assert found == [("Good time corrected for dead time (LIVETIME). [s]",)]


def test_tables_come_after_those_they_refer_to() -> None:
    seen: set[str] = set()
    for table in load_model().in_order():
        assert {key.target for key in table.foreign_keys} <= seen, table.name
        seen.add(table.name)


def test_an_engine_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(BadParameter, match="unknown engine 'oracle'"):
        sql.ddl(load_model(), "oracle")


def test_tap_schema_rows_fit_their_own_tables(
    database: duckdb.DuckDBPyConnection,
) -> None:
    model = load_model()
    for table, rows in tap_schema.rows(model).items():
        names = list(rows[0])
        marks = ", ".join("?" * len(names))
        database.executemany(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})",
            [list(row.values()) for row in rows],
        )
    count = database.execute(
        "SELECT count(*) FROM tap_schema.key_columns k "
        "JOIN tap_schema.keys USING (key_id) "
        "JOIN tap_schema.columns a ON a.table_name = from_table "
        "AND a.column_name = from_column "
        "JOIN tap_schema.columns b ON b.table_name = target_table "
        "AND b.column_name = target_column"
    ).fetchall()[0][0]
    keys = tap_schema.rows(model)["tap_schema.keys"]
    assert count == len(keys) >= 20
    standard = {r["key_id"] for r in keys if str(r["key_id"]).startswith("tap_schema")}
    assert len(standard) == 5


def test_the_mapping_covers_obscore_column_by_column() -> None:
    model = load_model()
    declared = mappings(model)[0]
    assert mapping_faults(declared, model) == ()
    assert tuple(declared.columns) == model.by_name["ivoa.obscore"].names
    columns = dict(declared.columns)
    del columns["s_ra"]
    columns["s_sa"] = "1"
    broken = type(declared)("ivoa.obscore", declared.key, "", columns)
    assert mapping_faults(broken, model) == (
        "ivoa.obscore.s_ra: no expression",
        "ivoa.obscore.s_sa: no such column",
    )
