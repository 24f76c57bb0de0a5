"""Answers of queries as HTTP streams: a place to run, a thread, a conduit, the bytes.

A synchronous iterator would be read whole into memory under ASGI, so the bytes come
from an asynchronous one that a worker thread feeds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Final

from django.http import HttpResponse, StreamingHttpResponse

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

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from distiller.queries.answer import Prepared
    from distiller.queries.spool import Spool
    from distiller.web.site import Site

_LOG = logging.getLogger(__name__)

_PIECE: Final = 2**18
"""Bytes that are handed to the connection at once: what a slow client takes in time."""

_SMALL: Final = 2**16
"""Bytes that are worth waking the coroutine for before an answer has begun."""

_LOOK_S: Final = 0.005
"""How often it looks by itself until then, s."""

ROW_LIMIT_HEADER: Final = "X-Query-Row-Limit"
"""How many rows the answer has at most: where it has as many, some may be cut off."""
STATUS_HEADER: Final = "X-Query-Status"
"""OK or OVERFLOW, where that is known before the first byte."""


class _Run:
    """One query that runs, as its thread and its coroutine see it.

    Attributes
    ----------
    prepared
        Is there with the first part, or once the database has the query.
    head
        The first bytes, which are sent soon after that.
    begun_at
        When the database was given it (`time.monotonic`).
    told
        Holds, once it is known, that rows were left out.
    """

    def __init__(self, spool: Spool) -> None:
        self.conduit = Conduit(spool)
        self.scratch = answer.Scratch(spool, MOST_SPOOLED)
        self.coding = Plain()
        self.head = b""
        self.prepared: Prepared | None = None
        self.begun_at: float | None = None
        self.told: list[str] = []

    def prepare(self, prepared: Prepared, *, gzip: bool) -> None:
        """Make the head of a query that was understood."""
        writer = prepared.writer
        head = b""
        if isinstance(writer, SpooledWriter):
            gzip = gzip and not writer.is_packed
        else:
            head = writer.head()
        if gzip:
            self.coding = Gzip()
        self.head = self.coding.begin(head)
        self.prepared = prepared

    @property
    def is_patient(self) -> bool:
        """Whether the answer waits for its first part, as far as that is known."""
        return self.prepared is not None and self.prepared.patient

    def began(self, cancel: Callable[[], None]) -> None:
        """Say that the database has the query, and how to stop it."""
        self.conduit.on_abandon(cancel)
        self.begun_at = time.monotonic()

    def feed(self, here: Site, prepared: Prepared) -> None:
        """Run the query, and hand over what its rows are written as."""
        conduit, coding = self.conduit, self.coding
        parts = answer.parts(
            here.archive, prepared, self.began, self.told.append, self.scratch
        )
        with contextlib.closing(parts):
            for part in parts:
                for piece in coding.pieces(part, lambda: conduit.waiting):
                    conduit.put(piece, quietly=len(piece) < _SMALL)
        if end := coding.end():
            conduit.put(end)

    def failed(self, error: Exception) -> Failure:
        """Return how the document ends that could not be completed."""
        text = error.text if isinstance(error, DistillerError) else "the query failed"
        writer = None if self.prepared is None else self.prepared.writer
        if writer is None or isinstance(writer, SpooledWriter):
            tail = b""
        else:
            tail = writer.tail("ERROR", text)
        return Failure(error, self.coding.end(tail))


class Body:
    """The bytes of one answer, for `StreamingHttpResponse`.

    Parameters
    ----------
    run, prepared
        Where they come from; it has begun.
    idle_s
        After so long a client that takes nothing is given up, s.

    Attributes
    ----------
    whole
        All bytes, where the answer was complete so soon that nobody need wait for it.
    failure
        Why the document ends with an error, once it has.
    """

    def __init__(self, run: _Run, prepared: Prepared, idle_s: float) -> None:
        self.failure: DistillerError | None = None
        self.prepared = prepared
        self._run = run
        self._idle_s = idle_s
        rest = run.conduit.whole()
        self.whole = None if rest is None else run.head + rest

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
        if self.whole is not None:
            yield self.whole
            return
        head, conduit = self._run.head, self._run.conduit
        if not conduit.has_something:
            yield head
            head = b""
        while isinstance(part := await conduit.get(), bytes):
            # Rows of a quick query go out with the head, in one packet.
            whole = head + part if head else part
            head = b""
            for start in range(0, len(whole), _PIECE):
                yield whole[start : start + _PIECE]
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
        If it fails before the database has it, within a moment behind that, or at any
        time before the last row if it is spooled; later ones stand in the document.
    """
    places = gate(here.settings)
    run = _Run(places.spool)

    def work() -> None:
        failure = None
        try:
            prepared = make()
            run.prepare(prepared, gzip=gzip)
            if not run.conduit.is_abandoned:
                run.feed(here, prepared)
        except Abandoned:
            _LOG.debug("a client left before its answer was complete")
        except Exception as error:  # noqa: BLE001 - the edge of a request
            failure = run.failed(error)
        finally:
            run.conduit.end(failure)

    await places.run(owner, work)
    try:
        prepared = await _begun(run, here.settings.answer_grace_s)
        return Body(run, prepared, here.settings.answer_idle_s)
    except BaseException:
        run.conduit.abandon()
        raise


async def _begun(run: _Run, grace_s: float) -> Prepared:
    """Wait until the answer can begin, and return what it answers.

    Rows of a quick query go out with the head, and what fails at once has its own
    status; what takes longer begins with the head.
    """
    while not await run.conduit.ready(None if run.is_patient else _LOOK_S):
        since = run.begun_at
        if since is None or run.is_patient:
            continue
        if time.monotonic() - since >= grace_s:
            break
    if (failure := run.conduit.failure) is not None:
        raise failure.error
    assert run.prepared is not None  # noqa: S101 - nothing comes before that
    return run.prepared


async def _checked(here: Site, make: Callable[[], Prepared], owner: str) -> Prepared:
    """Prepare a query that does not run; uploads may be fetched: it needs a place."""
    return await asyncio.wrap_future(await gate(here.settings).run(owner, make))


async def respond(
    prepared: Prepared | Callable[[], Prepared],
    *,
    file_name: str | None = None,
    request: HttpRequest | None = None,
) -> HttpResponseBase:
    """Run a query and return its answer: a stream, unless it is there at once.

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
            made = await _checked(here, make, owner)
            response: HttpResponseBase = StreamingHttpResponse(nothing())
            _describe(response, made, file_name)
            return response
        gzip = wants_gzip(request.headers.get("Accept-Encoding", ""))
    body = await body_of(here, make, owner, gzip=gzip)
    if body.whole is None:
        response = StreamingHttpResponse(_Cut(body))
    else:
        response = HttpResponse(body.whole)
    _describe(response, body.prepared, file_name)
    if body.encoding is not None:
        response.headers["Content-Encoding"] = body.encoding
    if body.whole is not None or isinstance(body.prepared.writer, SpooledWriter):
        response.headers[STATUS_HEADER] = "OVERFLOW" if body.overflow else "OK"
    if body.length is not None:
        response.headers["Content-Length"] = str(body.length)
    return response


def _describe(
    response: HttpResponseBase, prepared: Prepared, file_name: str | None
) -> None:
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
