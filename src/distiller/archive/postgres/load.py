"""Many rows into one table of PostgreSQL: COPY in binary, then its indexes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import adbc_driver_manager as adbc
import pyarrow as pa

from distiller.archive.postgres.pool import run
from distiller.model.emit.sql import postgresql
from distiller.model.names import qualified, quoted

if TYPE_CHECKING:
    from distiller.model import BoundTable

_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('distiller:archive', 0))"
"""As `PostgresSession.lock_all` takes it: nobody else writes meanwhile."""

_MEMORY: Final = "SET LOCAL maintenance_work_mem = '256MB'"


def load(
    connection: adbc.AdbcConnection, table: BoundTable, rows: pa.RecordBatchReader
) -> int:
    """Take rows into a table in one transaction; return their number.

    A table that was empty gets its indexes behind the rows, which is several times
    quicker; whoever asks for it meanwhile waits.
    """
    run(connection, "BEGIN")
    run(connection, _LOCK)
    was_empty = not _any(connection, table)
    if was_empty:
        for name in postgresql.indexes(table):
            run(connection, f"DROP INDEX IF EXISTS {_own(table, name)}")
    count = _copy(connection, table, rows)
    if was_empty:
        run(connection, _MEMORY)
        for what in postgresql.indexes(table).values():
            run(connection, f"CREATE {what}")
    run(connection, "COMMIT")
    run(connection, f"ANALYZE {qualified(table.name)}")
    return count


def _own(table: BoundTable, index: str) -> str:
    return f"{quoted(table.schema)}.{quoted(index)}"


def _any(connection: adbc.AdbcConnection, table: BoundTable) -> bool:
    made = adbc.AdbcStatement(connection)
    try:
        made.set_sql_query(f"SELECT 1 AS one FROM {qualified(table.name)} LIMIT 1")  # noqa: S608 - a name of the model
        handle, _ = made.execute_query()
        rows = pa.RecordBatchReader._import_from_c(handle.address)  # noqa: SLF001 - the way of Arrow's C interface
        return bool(rows.read_all().num_rows)
    finally:
        made.close()


def _copy(
    connection: adbc.AdbcConnection, table: BoundTable, rows: pa.RecordBatchReader
) -> int:
    schema, _, name = table.name.partition(".")
    made = adbc.AdbcStatement(connection)
    try:
        made.set_options(
            **{
                "adbc.ingest.mode": "adbc.ingest.mode.append",
                "adbc.ingest.target_db_schema": schema,
                "adbc.ingest.target_table": name,
            }
        )
        made.bind_stream(rows)
        return int(made.execute_update())
    finally:
        made.close()
