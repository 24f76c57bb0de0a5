"""Connections for queries: one each, kept for the next, made anew where they broke."""

from __future__ import annotations

import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import adbc_driver_manager as adbc
import adbc_driver_postgresql
import pyarrow as pa

from distiller.archive.postgres.faults import DRIVER_ERRORS, is_lost, translate
from distiller.archive.postgres.mark import LOOK
from distiller.archive.query import DOING
from distiller.core.errors import Busy, DistillerError, IllegalState

if TYPE_CHECKING:
    from collections.abc import Callable

    from distiller.archive.postgres.mark import Mark

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
    mark
        What the archive must say of its tables.
    """

    def __init__(self, conninfo: str, most: int, mark: Mark) -> None:
        self._conninfo = conninfo
        self._mark = mark
        self._idle: list[adbc.AdbcConnection] = []
        self._free = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._database: adbc.AdbcDatabase | None = None
        self._closed = False

    def begin(
        self, load: Callable[[adbc.AdbcConnection], None] | None = None
    ) -> adbc.AdbcConnection:
        """Return a connection on which a read-only transaction has begun.

        Parameters
        ----------
        load
            Puts tables of its own into the connection, which is new then; it is not to
            be given back as sound.

        Raises
        ------
        Unreachable
            If the server does not answer.
        Busy
            If all connections are in use and stay so.
        PassingError
            If the archive was upgraded meanwhile.
        """
        if not self._free.acquire(timeout=_PATIENCE_S):
            raise Busy(
                "running the query: all connections to the database are in use",
                hint="the operator's limit is queries_at_once",
            )
        try:
            connection, is_sure = self._begun() if load is None else self._loaded(load)
        except BaseException:
            self._free.release()
            raise
        try:
            if not is_sure:
                self._verify(connection)
        except BaseException:
            self.end(connection, sound=load is None)
            raise
        return connection

    def _verify(self, connection: adbc.AdbcConnection) -> None:
        if self._mark.expected is None:
            return
        try:
            found = _look(connection)
        except adbc.Error as error:
            raise translate(error, DOING, reading=True) from error
        self._mark.verify(found)

    def explained(self, error: adbc.Error, doing: str) -> DistillerError:
        """Return our error for one amid a user's query, which an upgrade may have met.

        The query still has its connection: a look at the archive needs one more.
        """
        if self._mark.doubts(error):
            try:
                with closing(self._connect()) as more:
                    self._verify(more)
            except DistillerError as said:
                return said
            except adbc.Error:
                pass  # the first error tells more
        return translate(error, doing, users=True, reading=True)

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

    def _begin(self, connection: adbc.AdbcConnection) -> bool:
        """Begin a transaction; tell whether the archive is sure to be as it was.

        Both in one turn: there and back costs more than what the server does.
        """
        glance = self._mark.glance()
        if glance is None:
            run(connection, _BEGIN)
            return True
        query, rows = glance
        return run(connection, f"{_BEGIN}; {query}") == rows

    def _begun(self) -> tuple[adbc.AdbcConnection, bool]:
        """Begin on a connection that was kept, as long as one still works."""
        while (kept := self._take()) is not None:
            try:
                is_sure = self._begin(kept)
            except adbc.Error as error:
                _close(kept)
                if not is_lost(error):
                    raise translate(error, DOING, reading=True) from error
                continue
            return kept, is_sure
        try:
            made = self._connect()
            is_sure = self._begin(made)
        except adbc.Error as error:
            raise _unable(error) from error
        return made, is_sure

    def _loaded(
        self, load: Callable[[adbc.AdbcConnection], None]
    ) -> tuple[adbc.AdbcConnection, bool]:
        """Begin on a new connection, once tables were put into it."""
        # One that is idle makes room for it.
        spare = self._take()
        if spare is not None:
            _close(spare)
        try:
            made = self._connect()
        except adbc.Error as error:
            raise _unable(error) from error
        try:
            load(made)
            is_sure = self._begin(made)
        except BaseException:
            _close(made)
            raise
        return made, is_sure

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


def run(connection: adbc.AdbcConnection, statement: str) -> int:
    """Run a statement, or several; return the number of rows of the last."""
    made = adbc.AdbcStatement(connection)
    try:
        made.set_sql_query(statement)
        return int(made.execute_update())
    finally:
        made.close()


def _look(connection: adbc.AdbcConnection) -> str | None:
    """Return what the archive says of its tables."""
    made = adbc.AdbcStatement(connection)
    try:
        # COPY asks the server once more: for the types.
        made.set_options(**{"adbc.postgresql.use_copy": "false"})
        made.set_sql_query(LOOK)
        handle, _ = made.execute_query()
        rows = pa.RecordBatchReader._import_from_c(handle.address)  # noqa: SLF001 - the way of Arrow's C interface
        found = rows.read_all().column(0).to_pylist()
    finally:
        made.close()
    return found[0] if found else None


def _close(connection: adbc.AdbcConnection) -> None:
    with suppress(adbc.Error):  # it may be broken already
        connection.close()


def _unable(error: adbc.Error) -> DistillerError:
    return translate(error, DOING, reading=True)
