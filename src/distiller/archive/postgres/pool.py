"""Connections for queries: one each, kept for the next, made anew where they broke."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import adbc_driver_manager as adbc
import adbc_driver_postgresql

from distiller.archive.postgres.faults import DRIVER_ERRORS, is_lost, translate
from distiller.core.errors import Busy, IllegalState

if TYPE_CHECKING:
    from distiller.core.errors import DistillerError

_PATIENCE_S = 10.0
_BEGIN = "BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED READ ONLY"


class Pool:
    """ADBC connections to one database; use it from any thread.

    Parameters
    ----------
    conninfo
        Of libpq.
    most
        Connections at once; whoever wants one more waits.
    """

    def __init__(self, conninfo: str, most: int) -> None:
        self._conninfo = conninfo
        self._idle: list[adbc.AdbcConnection] = []
        self._free = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._database: adbc.AdbcDatabase | None = None
        self._closed = False

    def begin(self) -> adbc.AdbcConnection:
        """Return a connection on which a read-only transaction has begun.

        Raises
        ------
        Unreachable
            If the server does not answer.
        Busy
            If all connections are in use and stay so.
        """
        if not self._free.acquire(timeout=_PATIENCE_S):
            raise Busy(
                "running the query: all connections to the database are in use",
                hint="the operator's limit is queries_at_once",
            )
        try:
            return self._begun()
        except BaseException:
            self._free.release()
            raise

    def end(self, connection: adbc.AdbcConnection, *, sound: bool) -> None:
        """Take a connection back, and end its transaction.

        Parameters
        ----------
        sound
            Whether nothing is left to read on it and nobody may still cancel it.
        """
        try:
            if sound and self._is_rolled_back(connection):
                with self._lock:
                    if not self._closed:
                        self._idle.append(connection)
                        return
            _close(connection)
        finally:
            self._free.release()

    def close(self) -> None:
        """Close what is idle; what is in use is closed when it comes back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            _close(connection)

    def _begun(self) -> adbc.AdbcConnection:
        """Begin on a connection that was kept, as long as one still works."""
        while (kept := self._take()) is not None:
            try:
                run(kept, _BEGIN)
            except adbc.Error as error:
                _close(kept)
                if not is_lost(error):
                    raise translate(error, "running the query") from error
                continue
            return kept
        try:
            made = self._connect()
            run(made, _BEGIN)
        except adbc.Error as error:
            raise _unable(error) from error
        return made

    def _take(self) -> adbc.AdbcConnection | None:
        with self._lock:
            if self._closed:
                raise IllegalState("the archive is closed")
            return self._idle.pop() if self._idle else None

    def _connect(self) -> adbc.AdbcConnection:
        with self._lock:
            if self._database is None:
                # It asks the server for its types, once.
                self._database = adbc_driver_postgresql.connect(self._conninfo)
        return adbc.AdbcConnection(self._database)

    def _is_rolled_back(self, connection: adbc.AdbcConnection) -> bool:
        try:
            run(connection, "ROLLBACK")
        except DRIVER_ERRORS:
            return False
        return True


def run(connection: adbc.AdbcConnection, statement: str) -> None:
    """Run a statement that returns nothing."""
    made = adbc.AdbcStatement(connection)
    try:
        made.set_sql_query(statement)
        made.execute_update()
    finally:
        made.close()


def _close(connection: adbc.AdbcConnection) -> None:
    with suppress(adbc.Error):  # it may be broken already
        connection.close()


def _unable(error: adbc.Error) -> DistillerError:
    return translate(error, "running the query")
