"""A table that a user brought, in PostgreSQL, by COPY in binary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import adbc_driver_manager as adbc
import pyarrow as pa
from pyarrow import csv

from distiller.archive.postgres.pool import run
from distiller.core.errors import IllegalState
from distiller.model.emit.sql import postgresql, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.archive.protocol import Given

_READ_ONLY: Final = "25006"
_ROWS: Final = 20_000
_PLAIN: Final = csv.WriteOptions(include_header=False)


def columns(table: Given) -> str:
    """Return the names and types of the columns."""
    return ", ".join(
        f"c{number} {kind}"
        for number, kind in enumerate(table.types(postgresql.sql_type), 1)
    )


def make(connection: adbc.AdbcConnection, table: Given) -> None:
    """Make the temporary table, without rows.

    Raises
    ------
    IllegalState
        If the server can make none, as a standby.
    """
    try:
        run(
            connection,
            f"CREATE TEMPORARY TABLE {quoted(table.name)} ({columns(table)})",
        )
    except adbc.Error as error:
        if error.sqlstate != _READ_ONLY:
            raise
        raise IllegalState(
            "the database for queries takes no tables: it is a standby",
            hint="the operators can let database_read_url name the primary server",
        ) from error


def filling(connection: adbc.AdbcConnection, table: Given) -> adbc.AdbcStatement:
    """Return the statement that copies the rows into a temporary table."""
    statement = adbc.AdbcStatement(connection)
    statement.set_options(
        **{
            "adbc.ingest.target_table": table.name,
            "adbc.ingest.mode": "adbc.ingest.mode.append",
            "adbc.ingest.temporary": "true",
        }
    )
    stream = table.rows.__arrow_c_stream__()  # type: ignore[no-untyped-call]  # Arrow's C interface
    statement.bind_stream(stream)
    return statement


def as_csv(table: Given) -> Iterator[bytes]:
    """Yield the rows as COPY reads them: no text is empty, NULL is nothing."""
    for batch in table.rows.to_batches(_ROWS):
        arrays = [
            _lists(array) if pa.types.is_list(array.type) else array
            for array in batch.columns
        ]
        out = pa.BufferOutputStream()
        csv.write_csv(pa.record_batch(arrays, batch.schema.names), out, _PLAIN)
        yield out.getvalue().to_pybytes()


def _lists(array: Any) -> Any:
    """Return arrays of numbers as PostgreSQL writes them."""
    texts = [
        None
        if cell is None
        else "{" + ",".join("NULL" if v is None else str(v) for v in cell) + "}"
        for cell in array.to_pylist()
    ]
    return pa.array(texts, pa.string())
