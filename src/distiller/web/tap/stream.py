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
from distiller.web import site
from distiller.web.errors import ours
from distiller.web.tap import answer
from distiller.web.tap.conduit import Abandoned, Conduit, Failure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator

    from distiller.core.settings import Settings
    from distiller.vo.formats import Writer
    from distiller.web.site import Site
    from distiller.web.tap.answer import Prepared

_LOG = logging.getLogger(__name__)

WAIT_S = 10.0
"""Longest wait for a place to run, s."""

WAITING = 8
"""Queries that may wait, for each that may run."""

FIRST_S = 0.5
"""How long the status waits for the first rows, so that early errors have theirs, s."""


class Gate:
    """Lets so many in at once; who came first goes first."""

    def __init__(self, places: int, *, wait_s: float = WAIT_S) -> None:
        self._places = places
        self._wait_s = wait_s
        self._loop = asyncio.get_running_loop()
        self._free = asyncio.Semaphore(places)
        self._waiting = 0
        self.pool = ThreadPoolExecutor(places, thread_name_prefix="query")

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
            _GATES[loop] = Gate(settings.queries_at_once)
        return _GATES[loop]


class Body:
    """The bytes of one answer, for `StreamingHttpResponse`.

    Parameters
    ----------
    conduit
        Where they come from.
    head
        Sent before them.
    first
        The first part, which somebody waits for already.
    """

    failure: Exception | None = None
    """Why the document ends with an error, once it has."""

    def __init__(
        self,
        conduit: Conduit,
        head: bytes,
        first: asyncio.Future[bytes | Failure | None],
    ) -> None:
        self._conduit = conduit
        self._head = head
        self._first = first

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the parts; a failure on the way ends the document properly."""
        try:
            head = self._head
            if not self._first.done():
                yield head
                head = b""
            part = await self._first
            while isinstance(part, bytes):
                # Rows of a quick query go out with the head, in one packet.
                yield head + part
                head = b""
                part = await self._conduit.get()
            if part is not None:
                self.failure = ours(part.error, "streaming the answer of a query")
                yield head + part.tail
        finally:
            self.close()

    def close(self) -> None:
        """Stop the work if it still goes on; Django calls it when the client left."""
        self._conduit.abandon()

    def __del__(self) -> None:
        # Django drops a response, unclosed, if the client leaves while the middleware
        # still has it.
        self.close()


async def body_of(here: Site, prepared: Prepared) -> Body:
    """Run a query and return its bytes to come.

    Raises
    ------
    Busy
        If there is no place to run it.
    DistillerError
        If it fails within the first moment; later failures stand in the document.
    """
    places = gate(here.settings)
    await places.enter()
    try:
        conduit = Conduit()

        def make() -> Generator[bytes]:
            return answer.parts(here.archive, prepared, conduit.on_abandon)

        places.pool.submit(_work, conduit, prepared.writer, make, places.leave)
    except BaseException:
        places.leave()
        raise
    try:
        return await _begin(conduit, prepared.writer)
    except BaseException:
        conduit.abandon()
        raise


async def _begin(conduit: Conduit, writer: Writer) -> Body:
    first = asyncio.ensure_future(conduit.get())
    await asyncio.wait({first}, timeout=FIRST_S)
    if first.done() and isinstance(failure := first.result(), Failure):
        raise failure.error
    return Body(conduit, writer.head(), first)


def _work(
    conduit: Conduit,
    writer: Writer,
    make: Callable[[], Generator[bytes]],
    leave: Callable[[], None],
) -> None:
    """Feed the conduit; the work of one thread."""
    failure = None
    parts = make()
    try:
        for part in parts:
            conduit.put(part)
    except Abandoned:
        _LOG.debug("a client left before its answer was complete")
    except Exception as error:  # noqa: BLE001 - the edge of a request
        text = error.text if isinstance(error, DistillerError) else "the query failed"
        failure = Failure(error, writer.tail("ERROR", text))
    finally:
        parts.close()
        leave()
        conduit.end(failure)


async def respond(
    prepared: Prepared, *, file_name: str | None = None
) -> StreamingHttpResponse:
    """Run a query and return its answer as a stream.

    Parameters
    ----------
    file_name
        Under which a browser saves it, without ending; None shows it where it can.

    Raises
    ------
    DistillerError
        While the status is still open, see `body_of`.
    """
    writer = prepared.writer
    response = StreamingHttpResponse(
        await body_of(site.current(), prepared), content_type=writer.media_type
    )
    response.headers["Cache-Control"] = "no-store"
    # A proxy that gathers the whole answer would take away its point.
    response.headers["X-Accel-Buffering"] = "no"
    if file_name is not None:
        name = f"{file_name}.{writer.extension}"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
