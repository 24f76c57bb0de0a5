"""One file as an answer: whole or in part, in constant memory, not sent twice."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from django.http import HttpResponse, HttpResponseNotAllowed, StreamingHttpResponse
from django.utils.http import http_date, parse_etags

from distiller.core.errors import NotFound, Unreachable
from distiller.core.places import Stamp, Unanswered, stamp_of
from distiller.web.data.ranges import Part, Unsatisfiable, part_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import BinaryIO

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from distiller.core.places import Place

_CHUNK = 2**20
_PLAIN = {'"': "'", "\\": "_"}
_SHOWN = frozenset({
    "image/png", "image/jpeg", "text/plain", "application/yaml", "application/json",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file and what its answer says of it.

    Attributes
    ----------
    path
        On this machine or in a store; never from a request.
    name
        Under which it is saved.
    checksum
        SHA-256 of the content that is meant; it makes the ETag.
    size
        Bytes of that content; None where not known.
    """

    path: Place
    name: str
    media_type: str
    checksum: str | None = None
    size: int | None = None


async def send(request: HttpRequest, file: SentFile) -> HttpResponseBase:
    """Answer a request with a file.

    Raises
    ------
    NotFound
        If it is missing from the disk.
    Unreachable
        If it is in a store that does not answer.
    """
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    stream, stamp = await asyncio.to_thread(_open, file)
    handed_over = False
    try:
        response = _answer(request, file, stream, stamp)
        handed_over = response.streaming
        return response
    finally:
        if not handed_over:
            stream.close()


def _open(file: SentFile) -> tuple[BinaryIO, Stamp]:
    try:
        # What is no file is not opened: a pipe would wait for its other end.
        stamp = stamp_of(file.path)
        return file.path.open("rb"), stamp
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise _missing(file) from error
    except PermissionError as error:
        raise NotFound(
            f"the file {file.name} is registered but the server may not read it",
            hint="tell the operators of this site",
        ) from error
    except Unanswered as error:
        raise Unreachable(
            f"the store that holds {file.name} does not answer",
            hint="try again in a few minutes",
        ) from error
    except OSError as error:
        raise _missing(file) from error


def _missing(file: SentFile) -> NotFound:
    return NotFound(
        f"the file {file.name} is registered in the archive but missing from the disk",
        hint="tell the operators of this site",
    )


def _answer(
    request: HttpRequest, file: SentFile, stream: BinaryIO, stamp: Stamp
) -> HttpResponseBase:
    size = stamp.size
    headers = {
        "Accept-Ranges": "bytes",
        "Last-Modified": http_date(stamp.mtime_ns // 10**9),
        "Content-Disposition": _disposition(file),
        "Content-Type": file.media_type,
        # A file is data; whatever stands in it must not act as a page of this site.
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    # A file that was changed behind the archive's back is not what was registered.
    if file.checksum and file.size in {None, size}:
        headers["ETag"] = f'"{file.checksum}"'
    etag = headers.get("ETag")
    if etag and etag in parse_etags(request.headers.get("If-None-Match", "")):
        return HttpResponse(status=304, headers=headers)
    try:
        part = _part(request, etag, size)
    except Unsatisfiable:
        headers["Content-Range"] = f"bytes */{size}"
        return HttpResponse(status=416, headers=headers)
    if part is not None:
        headers["Content-Range"] = part.content_range
    sent = part or Part(0, size, size)
    headers["Content-Length"] = str(sent.length)
    code = 200 if part is None else 206
    if request.method == "HEAD":
        return HttpResponse(status=code, headers=headers)
    return StreamingHttpResponse(_Bytes(stream, sent), status=code, headers=headers)


def _part(request: HttpRequest, etag: str | None, size: int) -> Part | None:
    condition = request.headers.get("If-Range")
    if condition is not None and condition != etag:
        return None
    return part_of(request.headers.get("Range"), size)


def _disposition(file: SentFile) -> str:
    how = "inline" if file.media_type in _SHOWN else "attachment"
    # A header has neither line ends nor other signs that do not print.
    plain = "".join(_PLAIN.get(c, c) if " " <= c <= "~" else "?" for c in file.name)
    named = f'{how}; filename="{plain}"'
    if plain == file.name:
        return named
    return f"{named}; filename*=UTF-8''{quote(file.name, safe='')}"


class _Bytes:
    """The bytes of a part; Django closes it when the client left."""

    def __init__(self, stream: BinaryIO, part: Part) -> None:
        self._stream = stream
        self._part = part

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._part.length
        await asyncio.to_thread(self._stream.seek, self._part.start)
        while left:
            chunk = await asyncio.to_thread(self._stream.read, min(_CHUNK, left))
            if not chunk:  # cut off meanwhile; the length tells the client
                break
            left -= len(chunk)
            yield chunk
        self.close()

    def close(self) -> None:
        self._stream.close()
