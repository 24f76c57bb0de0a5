"""A database and a DuckDB that have our functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from tests.support.duck import with_functions

from distiller.archive.postgres import functions
from distiller.model.emit.sql.cover import cover_statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb
    from tests.support import postgres


@pytest.fixture(scope="module")
def database(postgres_server: postgres.Server) -> Iterator[psycopg.Connection]:
    """Return a connection to a database with the functions."""
    with psycopg.connect(postgres_server.create(), autocommit=True) as connection:
        for statement in cover_statements():
            connection.execute(statement.encode())
        functions.install(connection)
        yield connection


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return a DuckDB with the functions."""
    with with_functions() as made:
        yield made
