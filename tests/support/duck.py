"""DuckDB with the functions of the archive, and no archive."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from distiller.archive import functions

if TYPE_CHECKING:
    from collections.abc import Iterator


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Define the functions; they are to be unregistered before it is closed."""
    functions.register(connection)
    for statement in functions.macro_statements():
        connection.execute(statement)


@contextmanager
def with_functions() -> Iterator[duckdb.DuckDBPyConnection]:
    """Give an empty database in memory that has them."""
    with duckdb.connect() as made:
        install(made)
        yield made
        functions.unregister(made)
