"""Bodies of requests: too large ones are refused before they are read.

Django takes a whole body in before anything of ours is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Any, Final

from distiller.core.errors import BadParameter
from distiller.vo import votable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from django.http import HttpRequest

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[Message, Receive, Send], Awaitable[None]]

_ROOM: Final = 2**20
"""Bytes of a body beside its tables."""
_LINGER_S: Final = 10.0
"""So long a client may go on to send; cut off at once, it would not see the answer."""
_TOO_LARGE: Final = 413

_HINTS: Final = (
    (("tap", "tables"), "take fewer columns or rows"),
    (("uws", "jobs"), "send a smaller file, such as a mask with larger pixels"),
)
"""What to do, by the first part of the path: tables go there, or files of jobs."""


def limited(application: Application, most_mb: int) -> Application:
    """Return an application that takes no bodies of more than that, and a little."""
    most = most_mb * 10**6 + _ROOM

    async def guarded(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        if _said(scope) > most:
            await _refuse(scope, most_mb, receive, send)
            return
        body = _Body(receive, send, most)
        await application(scope, body.receive, body.send)
        if body.is_over:
            await _refuse(scope, most_mb, receive, send)

    return guarded


def _said(scope: Message) -> int:
    found = dict(scope["headers"]).get(b"content-length", b"")
    return int(found) if found.isdigit() else 0


class _Body:
    """Counts what comes; past the limit the application is told that nobody is there.

    It has not begun to answer then: Django reads the body first.
    """

    def __init__(self, receive: Receive, send: Send, most: int) -> None:
        self._receive = receive
        self._send = send
        self._left = most
        self.is_over = False

    async def receive(self) -> Message:
        """Return the next part."""
        if self.is_over:
            return {"type": "http.disconnect"}
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self.is_over = True
            return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer, unless the body was too large."""
        if not self.is_over:
            await self._send(message)


async def _refuse(scope: Message, most_mb: int, receive: Receive, send: Send) -> None:
    error = BadParameter(
        "request",
        f"it has more than the {most_mb} MB that are allowed",
        hint=f"{_hint(scope['path'])}, or ask the operators: upload_mb",
    )
    document, kind = votable.error_document(error.text), votable.MEDIA_TYPE
    if b"text/html" in dict(scope["headers"]).get(b"accept", b""):  # a browser
        document, kind = f"{error.text}\n".encode(), "text/plain; charset=utf-8"
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(document)).encode()),
        (b"connection", b"close"),
    ]
    start = {"type": "http.response.start", "status": _TOO_LARGE, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": document, "more_body": True})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_S):
            message = await receive()
            while message["type"] == "http.request" and message.get("more_body"):
                message = await receive()
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _hint(path: str) -> str:
    """Return what to do about a request that is too large.

    >>> _hint("/tap/sync"), _hint("/accounts/login/")
    ('take fewer columns or rows', 'send less')
    """
    first = path.lstrip("/").partition("/")[0]
    return next((words for names, words in _HINTS if first in names), "send less")


def measure(request: HttpRequest) -> None:
    """Note the length of a body that came in chunks: Django takes such for empty.

    Java clients (TOPCAT, STILTS) send forms with files in chunks. The whole body is
    there already, in memory or in a file.
    """
    if request.META.get("CONTENT_LENGTH"):
        return
    stream = request._stream  # noqa: SLF001 - no other way
    request.META["CONTENT_LENGTH"] = str(stream.seek(0, os.SEEK_END))
    stream.seek(0)
