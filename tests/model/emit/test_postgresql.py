"""The SQL for PostgreSQL, run on a real one; what its catalogs say is the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from distiller.model import load_file, load_model
from distiller.model.emit import sql
from distiller.model.load import packaged_paths
from distiller.model.names import RESERVED_POSTGRESQL, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support import postgres

pytestmark = pytest.mark.slow

Rows = list[tuple[Any, ...]]
_SCHEMAS = ", ".join(f"'{s}'" for s in sorted({t.schema for t in load_model().tables}))


@pytest.fixture(scope="module")
def made(postgres_server: postgres.Server) -> Iterator[psycopg.Connection]:
    """Return a connection to a database with the packaged model."""
    with psycopg.connect(postgres_server.create(), autocommit=True) as connection:
        for statement in sql.ddl(load_model(), "postgresql"):
            connection.execute(statement.encode())
        yield connection


def _rows(connection: psycopg.Connection, query: str) -> Rows:
    return connection.execute(query.encode()).fetchall()


def _constraints(connection: psycopg.Connection, kind: str) -> Rows:
    return _rows(
        connection,
        f"""SELECT n.nspname || '.' || c.relname, k.conname,
        pg_get_constraintdef(k.oid), k.condeferrable, k.condeferred
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE k.contype = '{kind}' AND n.nspname IN ({_SCHEMAS})""",
    )


def test_reserved_words_of_postgresql_are_quoted(made: psycopg.Connection) -> None:
    words = _rows(made, "SELECT word FROM pg_get_keywords() WHERE catcode IN ('R','T')")
    assert {word for (word,) in words} == RESERVED_POSTGRESQL
    columns = ", ".join(f"{sql.quoted(word)} INTEGER" for (word,) in words)
    made.execute(f"CREATE TEMPORARY TABLE words ({columns})".encode())


def test_columns_are_those_of_the_model(made: psycopg.Connection) -> None:
    found = _rows(
        made,
        f"""SELECT n.nspname || '.' || c.relname, a.attname,
        format_type(a.atttypid, a.atttypmod), a.attnotnull,
        col_description(c.oid, a.attnum)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND a.attnum > 0
        AND n.nspname IN ({_SCHEMAS})
        ORDER BY n.nspname, c.relname, a.attnum""",
    )
    kinds = {
        "boolean": "boolean",
        "short": "smallint",
        "int": "integer",
        "long": "bigint",
        "float": "real",
        "double": "double precision",
        "char": "text",
    }
    wanted: Rows = []
    for table in load_model().tables:
        for bound in table.columns:
            column = bound.column
            kind = kinds[column.datatype]
            if column.is_instant:
                kind = "timestamp without time zone"
            if column.is_geometry:
                kind = "double precision[]"
            words = column.description or ""
            if column.unit:
                words += f" [{column.unit}]"
            wanted.append((table.name, column.name, kind, not column.nullable, words))
    assert len(wanted) > 200
    assert sorted(found) == sorted(wanted)


def test_text_is_compared_byte_by_byte(made: psycopg.Connection) -> None:
    other = _rows(
        made,
        """SELECT attrelid::regclass, attname FROM pg_attribute
        WHERE atttypid = 'text'::regtype AND attrelid::regclass::text ~ '^(cta|ivoa)[.]'
        AND attcollation <> 'pg_catalog."C"'::regcollation""",
    )
    assert other == []


def test_keys_are_those_of_the_model(made: psycopg.Connection) -> None:
    primary = {table: text for table, _, text, *_ in _constraints(made, "p")}
    assert primary == {
        t.name: f"PRIMARY KEY ({listed(t.key)})" for t in load_model().tables
    }
    unique = {(table, text) for table, _, text, *_ in _constraints(made, "u")}
    assert unique == {
        (t.name, f"UNIQUE ({b.column.name})")
        for t in load_model().tables
        for b in t.columns
        if b.unique
    }
    foreign = _constraints(made, "f")
    late = "DEFERRABLE INITIALLY DEFERRED"
    assert len(foreign) >= 20
    assert {(table, text) for table, _, text, *_ in foreign} == {
        (
            t.name,
            f"FOREIGN KEY ({own}) REFERENCES {key.target}({other}) {late}",
        )
        for t in load_model().tables
        for key in t.foreign_keys
        for own, other in key.columns
    }
    assert all(can_wait and waits for *_, can_wait, waits in foreign)


def test_checks_are_the_literals_of_enumerations(made: psycopg.Connection) -> None:
    found = _constraints(made, "c")
    for table in load_model().tables:
        for bound in table.columns:
            if not bound.literals:
                continue
            name = f"{table.name.partition('.')[2]}__{bound.column.name}__check"
            ((text,),) = [(t[2],) for t in found if t[:2] == (table.name, name)]
            assert [w for w in bound.literals if f"'{w}'" not in text] == []


def test_regions_and_foreign_keys_have_indexes(made: psycopg.Connection) -> None:
    defined = [d for (d,) in _rows(made, "SELECT indexdef FROM pg_indexes")]
    assert (
        "CREATE INDEX obscore__s_region__idx ON ivoa.obscore "
        "USING gist (dst.cover(s_region))"
    ) in defined
    assert (
        "CREATE INDEX obscore__s_region__uncovered__idx ON ivoa.obscore USING btree "
        "((1)) WHERE ((dst.cover(s_region) IS NULL) AND (s_region IS NOT NULL))"
    ) in defined
    assert (
        "CREATE INDEX observation__time_moc__idx ON cta.observation "
        "USING gist (dst.moc_ranges(time_moc))"
    ) in defined
    for table in load_model().tables:
        for key in table.foreign_keys:
            start = f" ON {table.name} USING btree ({sql.quoted(key.columns[0][0])}"
            assert [d for d in defined if start in d], (table.name, key)


def test_tables_have_their_words(made: psycopg.Connection) -> None:
    for table in load_model().tables:
        query = f"SELECT obj_description('{table.name}'::regclass)"
        assert _rows(made, query) == [(table.description,)]
    for view in load_model().views:
        query = f"SELECT obj_description('{view.name}'::regclass)"
        assert _rows(made, query) == [(view.description,)]


def test_every_model_alone_makes_the_whole(postgres_url: str) -> None:
    """A foreign key to another model, and a view of it, need that one to be there."""
    statements = [
        s for path in packaged_paths() for s in sql.ddl(load_file(path), "postgresql")
    ]
    with psycopg.connect(postgres_url) as connection:
        late = [s for s in statements if s.startswith("ALTER TABLE")]
        for statement in [*(s for s in statements if s not in late), *late]:
            connection.execute(statement.encode())


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        (
            """INSERT INTO cta.product
            (product_id, publisher_did, obs_id, collection_id, data_level, rights)
            VALUES ('a', 'b', 'c', 'd', 'DL9', 'public')""",
            psycopg.errors.CheckViolation,
        ),
        (
            "INSERT INTO cta.target (target_id) VALUES ('a')",
            psycopg.errors.NotNullViolation,
        ),
        (
            """INSERT INTO cta.collection (collection_id, name)
            VALUES ('a', 'x'), ('b', 'x')""",
            psycopg.errors.UniqueViolation,
        ),
        (
            """INSERT INTO cta.collection (collection_id, name, project_id)
            VALUES ('a', 'x', 'nobody')""",
            psycopg.errors.ForeignKeyViolation,
        ),
    ],
)
def test_the_database_refuses_what_the_model_forbids(
    made: psycopg.Connection, statement: str, error: type[Exception]
) -> None:
    with pytest.raises(error), made.transaction():
        made.execute(statement.encode())
