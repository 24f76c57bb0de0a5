"""A file as an answer, in pieces, read off the event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from django.http import HttpResponse, StreamingHttpResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from django.http.response import HttpResponseBase

_PIECE: Final = 1 << 18


def answer(
    path: Path, media_type: str, name: str, *, head: bool = False
) -> HttpResponseBase:
    """Answer with a file; ``name`` is what a browser saves it as."""
    headers = {
        "Content-Length": str(path.stat().st_size),
        "Content-Disposition": f'inline; filename="{name}"',
    }
    if head:
        return HttpResponse(headers=headers, content_type=media_type)
    return StreamingHttpResponse(
        _pieces(path), headers=headers, content_type=media_type
    )


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    stream = await asyncio.to_thread(path.open, "rb")
    try:
        while piece := await asyncio.to_thread(stream.read, _PIECE):
            yield piece
    finally:
        stream.close()
