"""Answers of queries as HTTP streams: a place to run, a thread, a conduit, the bytes.

A synchronous iterator would be read whole into memory under ASGI, so the bytes come
from an asynchronous one that a worker thread feeds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.http import StreamingHttpResponse

from distiller.core.errors import DistillerError
from distiller.queries import answer
from distiller.vo.spooled import SpooledWriter
from distiller.web import site
from distiller.web.errors import ours
from distiller.web.requests import nothing
from distiller.web.tap.coding import Gzip, Plain, wants_gzip
from distiller.web.tap.conduit import MOST_SPOOLED, Abandoned, Conduit, Failure
from distiller.web.tap.gate import gate, owner_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable
    from concurrent.futures import Future

    from django.http import HttpRequest

    from distiller.core.settings import Settings
    from distiller.queries.answer import Prepared
    from distiller.web.site import Site
    from distiller.web.tap.gate import Gate

_LOG = logging.getLogger(__name__)

_PIECE: Final = 2**18
"""Bytes that are handed to the connection at once: what a slow client takes in time."""

ROW_LIMIT_HEADER: Final = "X-Query-Row-Limit"
"""How many rows the answer has at most: where it has as many, some may be cut off."""
STATUS_HEADER: Final = "X-Query-Status"
"""OK or OVERFLOW, where that is known before the first byte."""


@dataclass(slots=True)
class _Run:
    """One query that runs, as its thread and its coroutine see it.

    Attributes
    ----------
    head
        The first bytes, which are sent once the query is accepted.
    accepted
        Is set then.
    told
        Holds, once it is known, that rows were left out.
    """

    prepared: Prepared
    conduit: Conduit
    scratch: answer.Scratch
    coding: Plain
    head: bytes
    accepted: asyncio.Event = field(default_factory=asyncio.Event)
    told: list[str] = field(default_factory=list)


class Body:
    """The bytes of one answer, for `StreamingHttpResponse`.

    Parameters
    ----------
    run
        Where they come from.
    first
        The first part, which somebody waits for already.
    idle_s
        After so long a client that takes nothing is given up, s.

    Attributes
    ----------
    failure
        Why the document ends with an error, once it has.
    """

    def __init__(
        self, run: _Run, first: asyncio.Future[bytes | Failure | None], idle_s: float
    ) -> None:
        self.failure: DistillerError | None = None
        self.prepared = run.prepared
        self._run = run
        self._first = first
        self._idle_s = idle_s

    @property
    def overflow(self) -> str | None:
        """That rows were left out, once that is known."""
        return self._run.told[0] if self._run.told else None

    @property
    def length(self) -> int | None:
        """How many bytes there are, if that is known."""
        return self._run.scratch.length if self.encoding is None else None

    @property
    def encoding(self) -> str | None:
        """Content-Encoding, if there is one."""
        return self._run.coding.name

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
        head = self._run.head
        if not self._first.done():
            yield head
            head = b""
        part = await self._first
        while isinstance(part, bytes):
            # Rows of a quick query go out with the head, in one packet.
            whole = head + part if head else part
            head = b""
            for start in range(0, len(whole), _PIECE):
                yield whole[start : start + _PIECE]
            part = await self._run.conduit.get()
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
        self._run.conduit.abandon()

    def __del__(self) -> None:
        # Django drops a response, unclosed, if the client leaves while the middleware
        # still has it.
        self.close()


async def body_of(
    here: Site,
    make: Callable[[], Prepared],
    owner: str = "",
    *,
    gzip: bool = False,
) -> Body:
    """Prepare and run a query, and return its bytes to come.

    Parameters
    ----------
    make
        Prepares the query; it runs in a thread, since a long text takes its time.
    owner
        Who asks; owners have an equal chance of a place to run.
    gzip
        Whether to compress the bytes, unless the format has compressed them.

    Raises
    ------
    Busy
        If there is no place to run it.
    DistillerError
        If it fails before it is accepted, within a moment behind that, or at any time
        before the last row if it is spooled; later failures stand in the document.
    """
    places, prepared = await _admitted(here, make, owner)
    try:
        run = _new_run(places, prepared, gzip=gzip)
        places.pool.submit(_work, here, run, lambda: places.leave(owner))
    except BaseException:
        places.leave(owner)
        raise
    try:
        return await _begin(run, here.settings)
    except BaseException:
        run.conduit.abandon()
        raise


def _new_run(places: Gate, prepared: Prepared, *, gzip: bool) -> _Run:
    writer = prepared.writer
    if isinstance(writer, SpooledWriter):
        head, gzip = b"", gzip and not writer.is_packed
    else:
        head = writer.head()
    coding = Gzip() if gzip else Plain()
    return _Run(
        prepared=prepared,
        conduit=Conduit(places.spool),
        scratch=answer.Scratch(places.spool, MOST_SPOOLED),
        coding=coding,
        head=coding.begin(head),
    )


async def _admitted(
    here: Site, make: Callable[[], Prepared], owner: str
) -> tuple[Gate, Prepared]:
    """Wait for a place and prepare a query in it; the caller gives the place back."""
    places = gate(here.settings)
    await places.enter(owner)
    try:
        return places, await _prepared(places, make, owner)
    except asyncio.CancelledError:
        raise  # the thread gives the place back when it is done
    except BaseException:
        places.leave(owner)
        raise


async def _prepared(places: Gate, make: Callable[[], Prepared], owner: str) -> Prepared:
    """Prepare a query in a thread of the gate."""
    work: Future[Prepared] = places.pool.submit(make)
    try:
        return await asyncio.wrap_future(work)
    except asyncio.CancelledError:
        work.add_done_callback(lambda _: places.leave(owner))
        raise


async def _begin(run: _Run, settings: Settings) -> Body:
    """Wait until the answer can begin.

    Rows of a quick query go out with the head, and what fails at once has its own
    status; what takes longer begins with the head.
    """
    first = asyncio.ensure_future(run.conduit.get())
    if run.prepared.patient:
        await asyncio.wait({first})
    else:
        accepted = asyncio.ensure_future(run.accepted.wait())
        try:
            await asyncio.wait({first, accepted}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            accepted.cancel()
        if not first.done():
            await asyncio.wait({first}, timeout=settings.answer_grace_s)
    if first.done() and isinstance(failure := first.result(), Failure):
        raise failure.error
    return Body(run, first, settings.answer_idle_s)


def _work(here: Site, run: _Run, leave: Callable[[], None]) -> None:
    """Run the query and feed the conduit; the work of one thread."""
    conduit, coding, writer = run.conduit, run.coding, run.prepared.writer
    failure = None
    try:
        parts = answer.parts(
            here.archive, run.prepared, _accepting(run), run.told.append, run.scratch
        )
        with contextlib.closing(parts):
            for part in parts:
                for piece in coding.pieces(part, lambda: conduit.waiting):
                    conduit.put(piece)
        if end := coding.end():
            conduit.put(end)
    except Abandoned:
        _LOG.debug("a client left before its answer was complete")
    except Exception as error:  # noqa: BLE001 - the edge of a request
        text = error.text if isinstance(error, DistillerError) else "the query failed"
        tail = b"" if isinstance(writer, SpooledWriter) else writer.tail("ERROR", text)
        failure = Failure(error, coding.end(tail))
    finally:
        leave()
        conduit.end(failure)


def _accepting(run: _Run) -> Callable[[Callable[[], None]], None]:
    """Return what is told how to cancel the query, once it is accepted."""

    def accepted(cancel: Callable[[], None]) -> None:
        run.conduit.on_abandon(cancel)
        run.conduit.call(run.accepted.set)

    return accepted


async def respond(
    prepared: Prepared | Callable[[], Prepared],
    *,
    file_name: str | None = None,
    request: HttpRequest | None = None,
) -> StreamingHttpResponse:
    """Run a query and return its answer as a stream.

    Parameters
    ----------
    prepared
        The query, or what prepares it.
    file_name
        Under which a browser saves it, without ending; None shows it where it can.
    request
        Whose answer it is: who asks, and which compression is understood. For HEAD
        the query is checked and does not run.

    Raises
    ------
    DistillerError
        While the status is still open, see `body_of`.
    """
    make = prepared if callable(prepared) else lambda: prepared
    here = site.current()
    owner, gzip = "", False
    if request is not None:
        owner = await owner_of(request)
        if request.method == "HEAD":
            # Preparing may fetch uploads and read them: that needs a place, too.
            places, made = await _admitted(here, make, owner)
            places.leave(owner)
            return _described(StreamingHttpResponse(nothing()), made, file_name)
        gzip = wants_gzip(request.headers.get("Accept-Encoding", ""))
    body = await body_of(here, make, owner, gzip=gzip)
    response = _described(StreamingHttpResponse(_Cut(body)), body.prepared, file_name)
    if body.encoding is not None:
        response.headers["Content-Encoding"] = body.encoding
    if isinstance(body.prepared.writer, SpooledWriter):
        response.headers[STATUS_HEADER] = "OVERFLOW" if body.overflow else "OK"
    if body.length is not None:
        response.headers["Content-Length"] = str(body.length)
    return response


def _described(
    response: StreamingHttpResponse, prepared: Prepared, file_name: str | None
) -> StreamingHttpResponse:
    """Add the headers that are known before the query runs."""
    writer = prepared.writer
    response.headers["Content-Type"] = writer.media_type
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Accept-Encoding"
    # A proxy that gathers the whole answer would take away its point.
    response.headers["X-Accel-Buffering"] = "no"
    response.headers[ROW_LIMIT_HEADER] = str(prepared.limit.rows)
    if file_name is None and isinstance(writer, SpooledWriter):
        file_name = "result"  # no browser shows it
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
        if self._body.failure is not None and not self._body.prepared.says_errors:
            # As if the client had left: the connection ends, the document does not.
            raise asyncio.CancelledError

    def close(self) -> None:
        self._body.close()
