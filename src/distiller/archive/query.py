"""Read-only queries that stream: Arrow batches, a limit on time, and cancelling.

Only the time that the database works counts against the limit; a reader that is slow
to take the rows is not cut off here.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import duckdb

from distiller.archive import functions
from distiller.archive.faults import translate
from distiller.core.errors import DistillerError, IllegalState, TimedOut, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from distiller.archive.protocol import Parameters

BATCH_ROWS = 10_000
_FUNCTIONS = "dst_"
"""With which the names of our functions begin, see `functions`."""
_DOING = "running the query"


class Watchdog:
    """One thread that interrupts what runs over its time.

    A thread per query costs more than a small query does.
    """

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._heap: list[tuple[float, int, ArrowResult]] = []
        self._armed: set[int] = set()
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None
        self._closed = False

    def arm(self, seconds: float, result: ArrowResult) -> int:
        """Interrupt the result in so many seconds, unless it is disarmed before."""
        with self._wake:
            number = next(self._numbers)
            self._armed.add(number)
            heapq.heappush(self._heap, (time.monotonic() + seconds, number, result))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._watch, name="query-watchdog", daemon=True
                )
                self._thread.start()
            elif self._heap[0][1] == number:
                self._wake.notify()
        return number

    def disarm(self, number: int) -> None:
        """Leave it alone from now on: no interrupt comes after this returns."""
        with self._wake:
            self._armed.discard(number)
            while self._heap and self._heap[0][1] not in self._armed:
                heapq.heappop(self._heap)

    def close(self) -> None:
        """End the thread."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        with self._wake:
            while not self._closed:
                present = time.monotonic()
                while self._heap and self._heap[0][0] <= present:
                    _, number, result = heapq.heappop(self._heap)
                    if number in self._armed:
                        self._armed.discard(number)
                        result.expire()
                wait = self._heap[0][0] - present if self._heap else None
                self._wake.wait(wait)


class ArrowResult:
    """The rows of a query; made by `stream`.

    The query is checked when this is made, and runs when its schema or rows are asked
    for: until then, and while it runs, it can be cancelled.
    """

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        watchdog: Watchdog,
        timeout_s: float,
        max_rows: int | None,
    ) -> None:
        self._cursor = cursor
        self._watchdog = watchdog
        self._timeout_s = timeout_s
        self._left_s = timeout_s
        self._max_rows = max_rows
        self._bound: duckdb.DuckDBPyRelation | None = None
        self._batch_rows = BATCH_ROWS
        self._reader: pa.RecordBatchReader | None = None
        self._overflow = False
        self._expired = False
        self._cancelled = threading.Event()
        self._number = 0

    def _is_over(self) -> bool:
        return self._expired or self._cancelled.is_set()

    @property
    def overflow(self) -> bool:
        """Whether rows were left out since there were more than ``max_rows``."""
        return self._overflow

    def start(self, sql: str, params: Parameters, batch_rows: int) -> None:
        """Begin the transaction and check the query against the tables."""
        with self._guarded():
            statements = duckdb.extract_statements(sql)
            kinds = [s.type for s in statements]
            if kinds != [duckdb.StatementType.SELECT]:
                raise UserError(
                    "running the query: it is not one SELECT",
                    hint="the archive is read-only, one statement at a time",
                )
            if _FUNCTIONS in sql:
                number = functions.STOPS.begin(self._is_over)
                self._number = number
                self._cursor.execute(f"SET VARIABLE {functions.VARIABLE} = {number}")
            self._cursor.execute("BEGIN TRANSACTION READ ONLY")
            self._bound = (
                self._cursor.sql(sql, params=params)
                if params
                else self._cursor.sql(sql)
            )
        self._batch_rows = batch_rows

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns; the query runs from here on."""
        return self._running().schema

    def _running(self) -> pa.RecordBatchReader:
        """Run the query, up to its first rows."""
        if self._reader is None:
            if self._bound is None:
                raise IllegalState("this query is over: its rows were read or let go")
            bound, self._bound = self._bound, None
            with self._guarded():
                # Only a relation streams; `execute` would hold all rows in memory.
                self._reader = bound.to_arrow_reader(self._batch_rows)
        return self._reader

    @property
    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, once."""
        return self._batches()

    def _batches(self) -> Iterator[pa.RecordBatch]:
        left = self._max_rows
        while (batch := self._next()) is not None:
            if left is not None:
                if batch.num_rows > left:
                    self._overflow = True
                    if left:
                        yield batch.slice(0, left)
                    return
                left -= batch.num_rows
            if batch.num_rows:
                yield batch

    def _next(self) -> pa.RecordBatch | None:
        reader = self._running()
        with self._guarded():
            try:
                return reader.read_next_batch()
            except StopIteration:
                return None

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Count the time of the database's work; say whose end it was."""
        if self._cancelled.is_set():
            raise self._ending()
        began = time.monotonic()
        number = self._watchdog.arm(self._left_s, self)
        try:
            yield
        except DistillerError:
            raise
        except duckdb.Error as error:
            if self._expired or self._cancelled.is_set():
                raise self._ending() from error
            raise translate(error, _DOING, users=True) from error
        except (OSError, ValueError, RuntimeError) as error:
            # What fails while Arrow reads arrives without its DuckDB class.
            if self._expired or self._cancelled.is_set():
                raise self._ending() from error
            raise translate(_as_duckdb(error), _DOING, users=True) from error
        finally:
            self._watchdog.disarm(number)
            self._left_s = max(0.0, self._left_s - (time.monotonic() - began))

    def _ending(self) -> DistillerError:
        if self._cancelled.is_set():
            return IllegalState("the query was cancelled")
        return TimedOut(
            f"the query was stopped: it ran longer than the limit of "
            f"{self._timeout_s:g} s",
            hint="narrow it down: fewer tables, a smaller region, a shorter time; "
            "the operator's limit is query_timeout_s",
        )

    def expire(self) -> None:
        """Stop the query since its time is over; for the watchdog."""
        self._expired = True
        with suppress(duckdb.Error):  # the watchdog outlives any one query
            self._cursor.interrupt()

    def cancel(self) -> None:
        """Stop the query, from any thread."""
        self._cancelled.set()
        with suppress(duckdb.Error):  # it may have ended meanwhile
            self._cursor.interrupt()

    def close(self) -> None:
        """Let go of everything; rows that were not read are lost."""
        reader, self._reader, self._bound = self._reader, None, None
        if reader is not None:
            reader.close()
        with suppress(duckdb.Error):  # no transaction was begun, or it has ended
            self._cursor.rollback()
        self._cursor.close()
        functions.STOPS.end(self._number)


@contextmanager
def stream(  # noqa: PLR0913 - the interface of the room
    cursor: duckdb.DuckDBPyConnection,
    watchdog: Watchdog,
    sql: str,
    params: Parameters = (),
    *,
    timeout_s: float,
    max_rows: int | None = None,
    batch_rows: int = BATCH_ROWS,
) -> Iterator[ArrowResult]:
    """Run one SELECT on a cursor of its own, in a read-only transaction.

    Raises
    ------
    TimedOut
        If the database worked on it longer than ``timeout_s``.
    UserError
        If it is not one SELECT, or meets values that it cannot work with.
    IllegalState
        After `ArrowResult.cancel`.
    """
    result = ArrowResult(cursor, watchdog, timeout_s, max_rows)
    try:
        result.start(sql, params, batch_rows)
        yield result
    finally:
        result.close()


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
