"""Answers of queries as HTTP streams: a place to run, a thread, a conduit, the bytes.

A synchronous iterator would be read whole into memory under ASGI, so the bytes come
from an asynchronous one that a worker thread feeds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from django.http import StreamingHttpResponse

from distiller.core.errors import Busy, DistillerError
from distiller.queries import answer
from distiller.web import site
from distiller.web.errors import ours
from distiller.web.tap.conduit import Abandoned, Conduit, Failure
from distiller.web.tap.spool import Spool

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Callable,
        Generator,
        Sequence,
    )

    from distiller.core.settings import Settings
    from distiller.queries.answer import Prepared
    from distiller.vo.formats import Writer
    from distiller.web.site import Site

_LOG = logging.getLogger(__name__)

WAIT_S = 10.0
"""Longest wait for a place to run, s."""

WAITING = 8
"""Queries that may wait, for each that may run."""

_PIECE = 2**18
"""Bytes that are handed to the connection at once: what a slow client takes in time."""

FIRST_S = 0.5
"""How long the status waits for the first rows, so that early errors have theirs, s."""


class Gate:
    """Lets so many in at once; who came first goes first."""

    def __init__(
        self, places: int, spool: Spool | None = None, *, wait_s: float = WAIT_S
    ) -> None:
        self._places = places
        self._wait_s = wait_s
        self._loop = asyncio.get_running_loop()
        self._free = asyncio.Semaphore(places)
        self._waiting = 0
        self.pool = ThreadPoolExecutor(places, thread_name_prefix="query")
        self.spool = spool

    async def enter(self) -> None:
        """Wait for a place.

        Raises
        ------
        Busy
            If too many wait already, or none was free in time.
        """
        if self._waiting >= WAITING * self._places:
            raise self._busy()
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except TimeoutError:
            raise self._busy() from None
        finally:
            self._waiting -= 1

    def leave(self) -> None:
        """Give a place back, from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop was closed
            self._loop.call_soon_threadsafe(self._free.release)

    def _busy(self) -> Busy:
        return Busy(
            f"{self._places} queries run already and no place came free",
            retry_after_s=max(1, round(self._wait_s)),
            hint="try again in some seconds",
        )


_GATES: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Gate] = (
    weakref.WeakKeyDictionary()
)
_LOCK = threading.Lock()


def gate(settings: Settings) -> Gate:
    """Return the gate of this server (one for each event loop)."""
    loop = asyncio.get_running_loop()
    with _LOCK:
        if loop not in _GATES:
            most = settings.answer_spool_mb * 10**6
            spool = Spool(settings.spool_path, most)
            _GATES[loop] = Gate(settings.queries_at_once, spool)
        return _GATES[loop]


class Body:
    """The bytes of one answer, for `StreamingHttpResponse`.

    Parameters
    ----------
    conduit
        Where they come from.
    prepared
        The query; its head is sent before them.
    first
        The first part, which somebody waits for already.
    told
        Holds, once it is known, that rows were left out.
    idle_s
        After so long a client that takes nothing is given up, s.

    Attributes
    ----------
    failure
        Why the document ends with an error, once it has.
    """

    def __init__(
        self,
        conduit: Conduit,
        prepared: Prepared,
        first: asyncio.Future[bytes | Failure | None],
        told: Sequence[str],
        idle_s: float,
    ) -> None:
        self.failure: DistillerError | None = None
        self.prepared = prepared
        self._told = told
        self._conduit = conduit
        self._first = first
        self._idle_s = idle_s

    @property
    def overflow(self) -> str | None:
        """That rows were left out, once that is known."""
        return self._told[0] if self._told else None

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        """Yield the parts; a failure on the way ends the document properly."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        try:
            async with contextlib.aclosing(self._pieces()) as pieces:
                async for piece in pieces:
                    timer = loop.call_later(self._idle_s, self._give_up, task)
                    try:
                        yield piece
                    finally:
                        timer.cancel()
        finally:
            self.close()

    async def _pieces(self) -> AsyncGenerator[bytes]:
        head = self.prepared.writer.head()
        if not self._first.done():
            yield head
            head = b""
        part = await self._first
        while isinstance(part, bytes):
            # Rows of a quick query go out with the head, in one packet.
            whole = head + part
            head = b""
            for start in range(0, len(whole), _PIECE):
                yield whole[start : start + _PIECE]
            part = await self._conduit.get()
        if part is not None:
            self.failure = ours(part.error, "streaming the answer of a query")
            yield head + part.tail

    def _give_up(self, task: asyncio.Task[object] | None) -> None:
        """End an answer that nobody takes, and the connection with it."""
        _LOG.warning("a client took nothing for %g s: given up", self._idle_s)
        self.close()
        if task is not None:
            task.cancel()

    def close(self) -> None:
        """Stop the work if it still goes on; Django calls it when the client left."""
        self._conduit.abandon()

    def __del__(self) -> None:
        # Django drops a response, unclosed, if the client leaves while the middleware
        # still has it.
        self.close()


async def body_of(here: Site, make: Callable[[], Prepared]) -> Body:
    """Prepare and run a query, and return its bytes to come.

    Parameters
    ----------
    make
        Prepares the query; it runs in a thread, since a long text takes its time.

    Raises
    ------
    Busy
        If there is no place to run it.
    DistillerError
        If it fails within the first moment; later failures stand in the document.
    """
    places = gate(here.settings)
    await places.enter()
    told: list[str] = []
    try:
        prepared = await _prepared(places, make)
        conduit = Conduit(places.spool)

        def run() -> Generator[bytes]:
            return answer.parts(here.archive, prepared, conduit.on_abandon, told.append)

        places.pool.submit(_work, conduit, prepared.writer, run, places.leave)
    except asyncio.CancelledError:
        raise  # the thread gives the place back when it is done
    except BaseException:
        places.leave()
        raise
    try:
        return await _begin(conduit, prepared, told, here.settings.answer_idle_s)
    except BaseException:
        conduit.abandon()
        raise


async def _prepared(places: Gate, make: Callable[[], Prepared]) -> Prepared:
    """Prepare a query in a thread of the gate."""
    work = places.pool.submit(make)
    try:
        return await asyncio.wrap_future(work)
    except asyncio.CancelledError:
        work.add_done_callback(lambda _: places.leave())
        raise


async def _begin(
    conduit: Conduit, prepared: Prepared, told: Sequence[str], idle_s: float
) -> Body:
    first = asyncio.ensure_future(conduit.get())
    await asyncio.wait({first}, timeout=None if prepared.patient else FIRST_S)
    if first.done() and isinstance(failure := first.result(), Failure):
        raise failure.error
    return Body(conduit, prepared, first, told, idle_s)


def _work(
    conduit: Conduit,
    writer: Writer,
    make: Callable[[], Generator[bytes]],
    leave: Callable[[], None],
) -> None:
    """Feed the conduit; the work of one thread."""
    failure = None
    try:
        with contextlib.closing(make()) as parts:
            for part in parts:
                conduit.put(part)
    except Abandoned:
        _LOG.debug("a client left before its answer was complete")
    except Exception as error:  # noqa: BLE001 - the edge of a request
        text = error.text if isinstance(error, DistillerError) else "the query failed"
        failure = Failure(error, writer.tail("ERROR", text))
    finally:
        leave()
        conduit.end(failure)


async def respond(
    prepared: Prepared | Callable[[], Prepared], *, file_name: str | None = None
) -> StreamingHttpResponse:
    """Run a query and return its answer as a stream.

    Parameters
    ----------
    prepared
        The query, or what prepares it.
    file_name
        Under which a browser saves it, without ending; None shows it where it can.

    Raises
    ------
    DistillerError
        While the status is still open, see `body_of`.
    """
    make = prepared if callable(prepared) else lambda: prepared
    body = await body_of(site.current(), make)
    writer = body.prepared.writer
    response = StreamingHttpResponse(_Cut(body), content_type=writer.media_type)
    response.headers["Cache-Control"] = "no-store"
    # A proxy that gathers the whole answer would take away its point.
    response.headers["X-Accel-Buffering"] = "no"
    if file_name is not None:
        name = f"{file_name}.{writer.extension}"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


class _Cut:
    """A body whose connection is cut behind an error that looks like data."""

    def __init__(self, body: Body) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with contextlib.aclosing(self._body.__aiter__()) as parts:
            async for part in parts:
                yield part
        if self._body.failure is not None and self._body.prepared.patient:
            # As if the client had left: the connection ends, the document does not.
            raise asyncio.CancelledError

    def close(self) -> None:
        self._body.close()
