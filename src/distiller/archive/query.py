"""Read-only queries that stream: Arrow batches, a limit on time, and cancelling.

Only the time that the database works counts against the limit; a reader that is slow
to take the rows is not cut off here. What is common to the engines.
"""

from __future__ import annotations

import abc
import heapq
import itertools
import math
import threading
import time
import weakref
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Protocol

from distiller.core.errors import DistillerError, IllegalState, TimedOut, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    import pyarrow as pa

    from distiller.archive.protocol import Parameters

BATCH_ROWS = 10_000
DOING = "running the query"
_AGAIN_S = 0.05
"""After so long an interrupt that had no effect is repeated; then after longer."""
_AGAIN_MOST_S = 1.0


def no_select() -> UserError:
    """Return what is said of a text that is anything but one SELECT."""
    return UserError(
        f"{DOING}: it is not one SELECT",
        hint="the archive is read-only, one statement at a time",
    )


class Expiring(Protocol):
    """What the watchdog stops."""

    def expire(self) -> None:
        """Stop it, since its time is over; it raises nothing."""


class Watchdog:
    """One thread that interrupts what runs over its time, and all queries of an engine.

    A thread per query costs more than a small query does. Engines forget an interrupt
    that comes when nothing runs yet, so that it is repeated until the work has ended.
    """

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._heap: list[tuple[float, int, float, Expiring]] = []
        self._armed: dict[int, Expiring] = {}
        self._open: weakref.WeakSet[Running] = weakref.WeakSet()
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None
        self._wakes_at = math.inf
        self._closed = False
        self._ended = False

    def begin(self, result: Running) -> None:
        """Know of a query, so that `close` ends it.

        Raises
        ------
        IllegalState
            If the archive is closed.
        """
        with self._wake:
            if self._closed:
                raise IllegalState("the archive is closed")
            self._open.add(result)

    def end(self, result: Running) -> None:
        """Forget a query that has let go of everything."""
        with self._wake:
            self._open.discard(result)

    def arm(self, seconds: float, result: Expiring) -> int:
        """Interrupt the result in so many seconds, unless it is disarmed before."""
        with self._wake:
            number = next(self._numbers)
            self._armed[number] = result
            self._push(time.monotonic() + seconds, number, _AGAIN_S, result)
        return number

    def disarm(self, number: int) -> None:
        """Leave it alone from now on: no interrupt comes after this returns."""
        with self._wake:
            self._armed.pop(number, None)
            while self._heap and self._heap[0][1] not in self._armed:
                heapq.heappop(self._heap)

    def interrupt(self, result: Running) -> None:
        """Interrupt what the result does now, until it has ended."""
        with self._wake:
            numbers = [n for n, armed in self._armed.items() if armed is result]
            for number in numbers:
                self._push(time.monotonic(), number, _AGAIN_S, result)

    def close(self) -> None:
        """End all queries, then the thread."""
        with self._wake:
            self._closed = True
            running = list(self._open)
        for result in running:
            result.cancel()
        for result in running:
            result.close()
        with self._wake:
            self._ended = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()

    def _push(self, when: float, number: int, pause: float, result: Expiring) -> None:
        heapq.heappush(self._heap, (when, number, pause, result))
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._watch, name="query-watchdog", daemon=True
            )
            self._thread.start()
        elif when < self._wakes_at:
            self._wake.notify()

    def _watch(self) -> None:
        with self._wake:
            while not self._ended:
                present = time.monotonic()
                while self._heap and self._heap[0][0] <= present:
                    _, number, pause, result = heapq.heappop(self._heap)
                    if number in self._armed:
                        result.expire()
                        later = time.monotonic() + pause
                        longer = min(2 * pause, _AGAIN_MOST_S)
                        heapq.heappush(self._heap, (later, number, longer, result))
                # It may wake for nothing: telling it of every query costs more.
                self._wakes_at = self._heap[0][0] if self._heap else math.inf
                wait = self._wakes_at - present if self._heap else None
                self._wake.wait(wait)


class Batches(Protocol):
    """What rows are read from, as `pyarrow.RecordBatchReader`."""

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""

    def read_next_batch(self) -> pa.RecordBatch:
        """Return the next rows, or raise StopIteration."""

    def close(self) -> None:
        """Let go of what was not read."""


class Running(abc.ABC):
    """The rows of a query on some engine.

    Its transaction begins when this is made, and it runs when its schema or rows are
    asked for: until then, and while it runs, it can be cancelled. It is checked against
    the tables before its first row comes.
    """

    ERRORS: ClassVar[tuple[type[Exception], ...]]
    """What the engine, and Arrow for it, may raise."""

    def __init__(
        self,
        watchdog: Watchdog,
        timeout_s: float,
        max_rows: int | None,
        batch_rows: int,
    ) -> None:
        self._watchdog = watchdog
        self._timeout_s = timeout_s
        self._left_s = timeout_s
        self._max_rows = max_rows
        self._batch_rows = batch_rows
        self._checked = False
        self._reader: Batches | None = None
        self._overflow = False
        self._expired = False
        self._cancelled = threading.Event()
        self._closed = False
        self._working = threading.RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def overflow(self) -> bool:
        """Whether rows were left out since there were more than ``max_rows``."""
        return self._overflow

    def started(self, sql: str, params: Parameters) -> Self:
        """Begin the transaction; return this.

        What fails here is closed, too.
        """
        try:
            self._watchdog.begin(self)
            self._start(sql, params)
        except BaseException:
            self.close()
            raise
        return self

    def _start(self, sql: str, params: Parameters) -> None:
        if "\x00" in sql:
            raise UserError(
                f"{DOING}: it holds a NUL character", hint="take it out of the text"
            )
        values = params.values() if isinstance(params, Mapping) else params
        if any(isinstance(value, str) and "\x00" in value for value in values):
            # PostgreSQL has no such text, so that nothing in an archive equals it.
            raise UserError(
                f"{DOING}: a value holds a NUL character", hint="take it out"
            )
        with self._guarded():
            self._check(sql, params)
        self._checked = True

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns; the query runs from here on."""
        return self._running().schema

    @property
    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, once."""
        return self._batches()

    def cancel(self) -> None:
        """Stop the query, from any thread."""
        self._cancelled.set()
        self._watchdog.interrupt(self)

    def expire(self) -> None:
        """Stop the query since its time is over; for the watchdog."""
        self._expired = True
        self._interrupt()

    def close(self) -> None:
        """Let go of everything; rows that were not read are lost.

        What another thread does with it ends first.
        """
        with self._working:
            if self._closed:
                return
            self._closed = True
            reader, self._reader, self._checked = self._reader, None, False
            try:
                self._release(reader)
            finally:
                self._watchdog.end(self)

    @property
    def _is_over(self) -> bool:
        return self._expired or self._cancelled.is_set()

    def _running(self) -> Batches:
        """Run the query, up to its first rows."""
        if self._reader is None:
            if not self._checked:
                if self._is_over:
                    raise self._ending()
                raise IllegalState("this query is over: its rows were read or let go")
            self._checked = False
            with self._guarded():
                self._reader = self._run()
        return self._reader

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
        with self._working:
            began = time.monotonic()
            # Armed first: what comes after the look is repeated until it has effect.
            number = self._watchdog.arm(self._left_s, self)
            try:
                self._expired = self._expired or self._left_s <= 0
                if self._is_over:
                    raise self._ending()
                yield
            except DistillerError:
                raise
            except self.ERRORS as error:
                if self._is_over:
                    raise self._ending() from error
                raise self._fault(error) from error
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

    @abc.abstractmethod
    def _check(self, sql: str, params: Parameters) -> None:
        """Make sure that it is one SELECT, and begin; nothing runs."""

    @abc.abstractmethod
    def _run(self) -> Batches:
        """Run what was checked, up to its first rows."""

    @abc.abstractmethod
    def _interrupt(self) -> None:
        """Stop what runs, from any thread; it raises nothing."""

    @abc.abstractmethod
    def _release(self, reader: Batches | None) -> None:
        """Let go of the rows, the transaction and the connection."""

    @abc.abstractmethod
    def _fault(self, error: Exception) -> DistillerError:
        """Return our error for one of the engine's."""
