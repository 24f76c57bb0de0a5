"""What the control socket answers; `archive.remote` is its client and lists it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from distiller.archive.remote import FRAMED
from distiller.core.bundle import Bundle, pack
from distiller.core.errors import BadParameter
from distiller.core.refusal import Refusal
from distiller.queries import answer
from distiller.vo.tap import TapParameters
from distiller.web import errors
from distiller.web.tap import stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from starlette.requests import Request

    from distiller.web.site import Site

    Endpoint = Callable[["_Commands", Request], Awaitable[Response]]


_LINES = "application/jsonl"
_OWNER = "the owner of the home"


def application(site: Site) -> Starlette:
    """Return the ASGI application of the control socket of a site."""
    commands = _Commands(site)
    return Starlette(
        routes=[
            Route("/health", commands.health, methods=["GET"]),
            Route("/bundle", commands.bundle, methods=["POST"]),
            Route("/bundles", commands.bundles, methods=["POST"]),
            Route("/stored", commands.stored, methods=["GET"]),
            Route("/remove", commands.remove, methods=["POST"]),
            Route("/unused", commands.remove_unused, methods=["POST"]),
            Route("/refusals", commands.refusals, methods=["GET"]),
            Route("/refusals", commands.record_refusals, methods=["POST"]),
            Route("/rows", commands.rows, methods=["POST"]),
            Route("/query", commands.query, methods=["POST"]),
            Route("/user_tables", commands.user_tables, methods=["GET"]),
            Route("/user_tables/drop", commands.drop_user_table, methods=["POST"]),
            Route("/check", commands.check, methods=["GET"]),
            Route("/files", commands.files, methods=["GET"]),
        ]
    )


def _json_errors(
    endpoint: Endpoint,
) -> Callable[[_Commands, Request], Awaitable[Response]]:
    """Let an endpoint answer its errors in the one JSON shape."""

    @functools.wraps(endpoint)
    async def guarded(self: _Commands, request: Request) -> Response:
        try:
            return await endpoint(self, request)
        except Exception as error:  # noqa: BLE001 - the edge of a request
            known = errors.ours(error, f"the command {request.url.path}")
            return JSONResponse(
                errors.as_json(known),
                status_code=errors.status_of(known),
                headers=errors.headers_of(known),
            )

    return guarded


class _Commands:
    """The endpoints; what works on the archive does so in a thread."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._archive = site.archive

    @_json_errors
    async def health(self, request: Request) -> Response:
        """Say who answers."""
        del request
        return JSONResponse({
            "status": "ok",
            "pid": os.getpid(),
            "version": version("cta-data-distiller"),
            "home": str(self._site.settings.home),
            "place": self._archive.place,
        })  # fmt: skip

    @_json_errors
    async def bundle(self, request: Request) -> Response:
        """Take in one dataset."""
        found = _bundle((await request.body()).decode())
        outcome = await asyncio.to_thread(self._archive.store, found)
        return JSONResponse({"outcome": outcome})

    @_json_errors
    async def bundles(self, request: Request) -> Response:
        """Take in several datasets in one transaction, one a line after refusals."""
        first, *lines = (await request.body()).decode().split("\n")
        added, cleared = _refusals(_object(first))
        found = [_bundle(line) for line in lines]
        outcomes = await asyncio.to_thread(
            self._archive.store_many, found, added, cleared
        )
        return JSONResponse({"outcomes": list(outcomes)})

    @_json_errors
    async def stored(self, request: Request) -> Response:
        """Return what is there of a collection."""
        collection = request.query_params.get("collection")
        if not collection:
            raise BadParameter("collection", "missing")
        found = await asyncio.to_thread(self._archive.stored, collection)
        return JSONResponse({did: held.to_json() for did, held in found.items()})

    @_json_errors
    async def remove(self, request: Request) -> Response:
        """Take a dataset out."""
        body = await _body(request)
        publisher_did = _text(body, "publisher_did")
        note = None if body.get("note") is None else _text(body, "note")
        removed = await asyncio.to_thread(
            self._archive.remove, publisher_did, note=note
        )
        return JSONResponse({"removed": removed})

    @_json_errors
    async def remove_unused(self, request: Request) -> Response:
        """Take out shared rows that nothing refers to."""
        del request
        removed = await asyncio.to_thread(self._archive.remove_unused)
        return JSONResponse({"removed": removed})

    @_json_errors
    async def refusals(self, request: Request) -> Response:
        """Return what ingests refused."""
        collection = request.query_params.get("collection")
        found = await asyncio.to_thread(self._archive.refusals, collection)
        return JSONResponse({"refusals": [one.to_json() for one in found]})

    @_json_errors
    async def record_refusals(self, request: Request) -> Response:
        """Remember and forget refusals."""
        added, cleared = _refusals(await _body(request))
        await asyncio.to_thread(self._archive.record_refusals, added, cleared)
        return JSONResponse({})

    @_json_errors
    async def rows(self, request: Request) -> Response:
        """Run a small look-up, read-only, for the owner of the home."""
        body = await _body(request)
        sql, params = _text(body, "sql"), body.get("params") or []
        found = await asyncio.to_thread(self._archive.rows, sql, params)
        packed = [{name: pack(cell) for name, cell in row.items()} for row in found]
        return JSONResponse({"rows": packed})

    @_json_errors
    async def query(self, request: Request) -> Response:
        """Run ADQL and stream the document."""
        body = await _body(request)
        maxrec = body.get("maxrec")
        # Who may open this socket owns the home, so that its files are theirs, too.
        files = {str(n): Path(p) for n, p in (body.get("uploads") or {}).items()}
        parameters = TapParameters.parse([
            ("LANG", "ADQL"),
            ("QUERY", _text(body, "adql")),
            ("RESPONSEFORMAT", str(body.get("format") or "")),
            ("MAXREC", "" if maxrec is None else str(maxrec)),
            *(("UPLOAD", f"{name},param:{name}") for name in files),
        ])  # fmt: skip
        sent = await stream.body_of(
            self._site,
            lambda: answer.prepare(
                parameters, self._archive, self._site.settings, files
            ),
            _OWNER,
        )
        return StreamingResponse(_framed(sent), media_type=FRAMED)

    @_json_errors
    async def user_tables(self, request: Request) -> Response:
        """Return what tables users keep."""
        del request
        kept = await asyncio.to_thread(self._archive.user_tables.everybody)
        return JSONResponse({"tables": [table.to_json() for table in kept]})

    @_json_errors
    async def drop_user_table(self, request: Request) -> Response:
        """Remove a table of a user."""
        body = await _body(request)
        dropped = await asyncio.to_thread(
            self._archive.user_tables.drop, _text(body, "owner"), _text(body, "name")
        )
        return JSONResponse({"removed": dropped})

    @_json_errors
    async def check(self, request: Request) -> Response:
        """Return what is wrong in the archive."""
        del request
        findings = await asyncio.to_thread(self._archive.check)
        return JSONResponse({"findings": findings})

    @_json_errors
    async def files(self, request: Request) -> Response:
        """Return every file of the archive."""
        del request
        return StreamingResponse(_lines(self._archive.files()), media_type=_LINES)


def _lines(files: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Yield a file per line; starlette takes them in a thread, as the client does."""
    for file in files:
        yield json.dumps(file, default=_written) + "\n"


def _written(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


async def _framed(body: stream.Body) -> AsyncIterator[bytes]:
    """Yield a document in frames, and then how it ended; see `archive.remote`."""
    async with contextlib.aclosing(body.__aiter__()) as parts:
        async for part in parts:
            yield b"%d\n" % len(part) + part
    failure = body.failure
    end = {
        "error": None if failure is None else errors.as_json(failure),
        "overflow": body.overflow,
    }
    yield b"0\n" + json.dumps(end).encode()


async def _body(request: Request) -> dict[str, Any]:
    return _object(await request.body())


def _object(text: str | bytes) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except ValueError as error:
        raise BadParameter("body", f"it is no JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadParameter("body", "it is no JSON object")
    return body


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise BadParameter(name, "missing")
    return value


def _refusals(body: dict[str, Any]) -> tuple[list[Refusal], list[str]]:
    try:
        added = [Refusal.from_json(values) for values in body["added"]]
        return added, [str(name) for name in body["cleared"]]
    except (ValueError, KeyError, TypeError) as error:
        raise BadParameter("body", f"these are no refusals: {error!r}") from error


def _bundle(text: str) -> Bundle:
    try:
        return Bundle.from_json(text)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadParameter("body", f"it is no bundle: {error!r}") from error
