"""The embedded engine: a file of the home, made whole or not at all."""

from __future__ import annotations

import logging
import os
import time
import uuid
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

import duckdb

from distiller.archive import functions, install
from distiller.archive.duckdb.faults import translated
from distiller.archive.duckdb.load import load
from distiller.archive.duckdb.query import DuckDBRunning
from distiller.archive.duckdb.session import DuckDBSession
from distiller.archive.query import Watchdog
from distiller.core.errors import IllegalState
from distiller.core.files import sync_folder
from distiller.model.emit.sql import sql_type

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import pyarrow as pa

    from distiller.adql import Target
    from distiller.archive.engine import Session
    from distiller.archive.protocol import Given, Parameters
    from distiller.core.columns import Column
    from distiller.core.engines import EngineName
    from distiller.core.settings import Settings
    from distiller.model import BoundTable, Model

logger = logging.getLogger(__name__)

_CUT_OFF_S = 3600.0
_KEPT = """
SELECT table_name AS name, comment FROM duckdb_tables()
WHERE NOT internal AND NOT temporary AND database_name = current_database()
  AND schema_name = 'tap_user' AND starts_with(table_name, $prefix)
"""


class DuckDBEngine:
    """The file of an archive; it is opened when it is first needed."""

    name: Final[EngineName] = "duckdb"
    target: Final[Target] = "duckdb"
    kept_tables: Final = _KEPT

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._path = settings.archive_path
        self._watchdog = Watchdog()
        self._opened: duckdb.DuckDBPyConnection | None = None
        self._closed = False

    @property
    def place(self) -> str:
        """The home of the archive."""
        return str(self._settings.home)

    def exists(self) -> bool:
        """Tell whether the file is there."""
        _sweep(self._path)
        return self._path.exists()

    def make(self, model: Model) -> None:
        """Make the file of an archive, whole or not at all.

        DuckDB writes a new file in several steps, and one that is cut off in between
        is no database for ever. So it is made under another name and linked at the
        end, which fails if another process was quicker.
        """
        path = self._path
        self._settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = path.with_name(f".{path.name}-{uuid.uuid4().hex[:8]}")
        try:
            connection = _connect(made, self._settings)
            try:
                with translated(f"making {path}"):
                    install.install(self, DuckDBSession(connection), model)
                    connection.execute("CHECKPOINT")
            finally:
                functions.unregister(connection)
                connection.close()
            made.chmod(0o600)
            with made.open("rb") as stream:
                os.fsync(stream.fileno())
            with suppress(FileExistsError):
                path.hardlink_to(made)
            sync_folder(path.parent)
        finally:
            for leftover in path.parent.glob(f"{made.name}*"):
                leftover.unlink(missing_ok=True)

    def session(self) -> DuckDBSession:
        """Return a session on a cursor of its own."""
        return DuckDBSession(self._cursor())

    def query(  # noqa: PLR0913 - what a query is and may
        self,
        sql: str,
        params: Parameters,
        *,
        timeout_s: float,
        max_rows: int | None,
        batch_rows: int,
        tables: Sequence[Given] = (),
    ) -> AbstractContextManager[DuckDBRunning]:
        """Run one SELECT, read-only, and stream its rows."""
        return DuckDBRunning(
            self._cursor(), self._watchdog, timeout_s, max_rows, batch_rows, tables
        ).started(sql, params)

    def load(self, table: BoundTable, rows: pa.RecordBatchReader) -> int:
        """Take many rows into a table, ordered by place."""
        return load(self._cursor(), table, rows)

    def translated(self, doing: str) -> AbstractContextManager[None]:
        """Raise the errors of the engine as ours."""
        return translated(doing)

    def expect(self, shape: str) -> None:
        """Do nothing: while this process has the file, no other can upgrade it."""

    def expect_mapping(self, mapping: str) -> None:
        """Do nothing, likewise."""

    def definitions(self) -> tuple[str, ...]:
        """Return the text of our SQL functions."""
        return functions.macro_statements()

    def allow_readers(self, session: Session, model: Model) -> None:
        """Do nothing: a file has no users."""

    def unreadable(self, session: Session, model: Model) -> list[str]:
        """Return none, likewise."""
        del session, model
        return []

    def allow_reader(self, session: Session, stored: str) -> None:
        """Do nothing, likewise."""

    def reclaim(self) -> bool:
        """Write a checkpoint: only that makes the blocks of dropped tables free.

        Rows of a new table lie in the file before its commit, so that the log hardly
        grows and DuckDB takes its time with a checkpoint of its own. There can be none
        while a transaction is older than the last change; it is not forced.
        """
        with closing(self._cursor()) as cursor:
            try:
                cursor.execute("CHECKPOINT")
            except duckdb.TransactionException:
                return False
            except duckdb.Error:  # what was changed stays so; the next one tries again
                logger.warning("no checkpoint of %s", self._path, exc_info=True)
                return False
        return True

    def sql_type(self, column: Column) -> str:
        """Return the SQL type of a column."""
        return sql_type(column)

    def close(self) -> None:
        """Close the file; queries that run are interrupted first."""
        self._closed = True
        self._watchdog.close()
        if self._opened is not None:
            try:
                with translated(f"closing {self._path}"):
                    functions.unregister(self._opened)
            finally:
                self._opened.close()

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        if self._closed:
            raise IllegalState("the archive is closed")
        if self._opened is None:
            self._opened = _connect(self._path, self._settings)
        return self._opened.cursor()


def _connect(path: Path, settings: Settings) -> duckdb.DuckDBPyConnection:
    with translated(f"opening {path}"):
        connection = duckdb.connect(str(path), config=_configuration(settings))
        functions.register(connection)
        # Given to `connect` it has no effect: the folder is not there yet.
        most = f"{settings.query_spill_mb}MB"
        connection.execute(f"SET max_temp_directory_size = '{most}'")
        connection.execute("SET lock_configuration = true")
    return connection


def _sweep(path: Path) -> None:
    """Remove what was left of archives whose making was cut off."""
    for leftover in path.parent.glob(f".{path.name}-*"):
        if time.time() - leftover.stat().st_mtime > _CUT_OFF_S:
            leftover.unlink(missing_ok=True)


def _configuration(
    settings: Settings,
) -> dict[str, str | bool | int | float | list[str]]:
    """Return what the database may do: no files but its own, bounded memory."""
    return {
        "memory_limit": f"{settings.query_memory_mb}MB",
        "threads": settings.query_threads,
        # Freed memory goes back to the system; else the process keeps what one large
        # statement needed. A smaller second threshold makes small statements slow.
        "allocator_flush_threshold": "1MB",
        "allocator_bulk_deallocation_flush_threshold": "16MB",
        "enable_external_access": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
