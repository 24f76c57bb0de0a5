"""One SELECT on a DuckDB cursor of its own, in a read-only transaction."""

from __future__ import annotations

import functools
import re
from contextlib import suppress
from typing import TYPE_CHECKING

import duckdb

from distiller.archive import functions
from distiller.archive.duckdb import given
from distiller.archive.duckdb.faults import translate
from distiller.archive.query import DOING, Running, Watchdog, no_select

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from distiller.archive.protocol import Given, Parameters
    from distiller.archive.query import Batches
    from distiller.core.errors import DistillerError

_LIMIT = re.compile(r" LIMIT (\d+)$")
_LARGE = 20_000
_LONG = 20_000
"""Characters."""

_BEGIN, _END = duckdb.extract_statements("BEGIN TRANSACTION READ ONLY; ROLLBACK")
"""Read once: they stand around every query."""

_FUNCTIONS = "dst_"
"""With which the names of our functions begin, see `functions`."""


class DuckDBRunning(Running):
    """The rows of a query on DuckDB.

    What fails while Arrow reads arrives as OSError and the like, without its class.
    """

    ERRORS = (duckdb.Error, OSError, ValueError, RuntimeError)

    def __init__(  # noqa: PLR0913, PLR0917 - what a query is and may
        self,
        cursor: duckdb.DuckDBPyConnection,
        watchdog: Watchdog,
        timeout_s: float,
        max_rows: int | None,
        batch_rows: int,
        tables: Sequence[Given] = (),
    ) -> None:
        super().__init__(watchdog, timeout_s, max_rows, batch_rows)
        self._cursor = cursor
        self._tables = tables
        self._bound: duckdb.DuckDBPyRelation | None = None
        self._limit: int | None = None
        self._number = 0

    def _check(self, sql: str, params: Parameters) -> None:
        sql, self._limit = _without_limit(sql)
        statement = _select(sql)
        for table in self._tables:
            given.make(self._cursor, table)
        self._tables = ()
        if _FUNCTIONS in sql:
            self._number = functions.STOPS.begin(lambda: self._is_over)
            self._cursor.execute(f"SET VARIABLE {functions.VARIABLE} = {self._number}")
        self._cursor.execute(_BEGIN)
        self._bound = (
            self._cursor.sql(statement, params=params)
            if params
            else self._cursor.sql(statement)
        )

    def _run(self) -> Batches:
        bound, self._bound = self._bound, None
        assert bound is not None  # noqa: S101 - `started` comes before
        # Only a relation streams; `execute` would hold all rows in memory.
        reader: Batches = bound.to_arrow_reader(self._batch_rows)
        return reader if self._limit is None else _Limited(reader, self._limit)

    def _interrupt(self) -> None:
        with suppress(duckdb.Error):  # it may have ended meanwhile
            self._cursor.interrupt()

    def _release(self, reader: Batches | None) -> None:
        self._bound = None
        if reader is not None:
            reader.close()
        with suppress(duckdb.Error):  # no transaction was begun, or it has ended
            self._cursor.execute(_END)
        self._cursor.close()
        functions.STOPS.end(self._number)

    def _fault(self, error: Exception) -> DistillerError:
        theirs = error if isinstance(error, duckdb.Error) else _as_duckdb(error)
        return translate(theirs, DOING, users=True)


def _select(text: str) -> duckdb.Statement:
    """Return the one SELECT that a text is; what was read is not read again.

    Most questions are asked again, and reading takes as long as much of the work for
    a small one. Long texts are not kept.
    """
    return (_read if len(text) < _LONG else _read.__wrapped__)(text)


@functools.lru_cache(512)
def _read(text: str) -> duckdb.Statement:
    statements = duckdb.extract_statements(text)
    if [s.type for s in statements] != [duckdb.StatementType.SELECT]:
        raise no_select()
    return statements[0]


def _without_limit(sql: str) -> tuple[str, int | None]:
    """Take a large LIMIT off the end of a query; the reader keeps it.

    The engine would hold so many rows in memory before the first goes out. Of sorted
    rows it holds them in any case, and does less work where it knows how many.

    >>> _without_limit("SELECT a FROM t LIMIT 1000000")
    ('SELECT a FROM t', 1000000)
    >>> _without_limit("SELECT a FROM t LIMIT 5")
    ('SELECT a FROM t LIMIT 5', None)
    """
    found = _LIMIT.search(sql)
    if found is None or int(found[1]) < _LARGE or "ORDER BY" in sql:
        return sql, None
    return sql[: found.start()], int(found[1])


class _Limited:
    """At most so many rows."""

    def __init__(self, rows: Batches, most: int) -> None:
        self._rows = rows
        self._left = most
        self.schema = rows.schema

    def read_next_batch(self) -> pa.RecordBatch:
        """Return the next rows, or raise StopIteration."""
        if not self._left:
            raise StopIteration
        batch = self._rows.read_next_batch().slice(0, self._left)
        self._left -= batch.num_rows
        return batch

    def close(self) -> None:
        """Let go of what was not read."""
        self._rows.close()


_CLASSES: dict[str, type[duckdb.Error]] = {
    "INTERRUPT": duckdb.InterruptException,
    "Out of Memory": duckdb.OutOfMemoryException,
    "Conversion": duckdb.ConversionException,
    "Out of Range": duckdb.OutOfRangeException,
    "Invalid Input": duckdb.InvalidInputException,
    "IO": duckdb.IOException,
}


def _as_duckdb(error: Exception) -> duckdb.Error:
    """Return the DuckDB error whose text Arrow passed on.

    >>> _as_duckdb(OSError("Conversion Error: Could not convert string 'x'"))
    ConversionException("Conversion Error: Could not convert string 'x'")
    """
    text = str(error)
    for words, found in _CLASSES.items():
        if f"{words} Error" in text:
            return found(text)
    return duckdb.Error(text)
