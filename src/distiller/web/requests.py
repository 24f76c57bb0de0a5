"""Requests to services: what they give, and which methods are answered."""

from __future__ import annotations

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import HttpResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

from distiller.core.errors import BadParameter
from distiller.web import bodies
from distiller.web.errors import as_votable, votable_errors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from typing import Any

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]

T = TypeVar("T")

_KINDS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
"""Bodies that are read."""

_FORMS: Final = ThreadPoolExecutor(4, thread_name_prefix="form")
"""Threads of their own: slow disks or large files hold up no other work."""


def require_form(request: HttpRequest) -> None:
    """Refuse a body of another kind; there may be none.

    Raises
    ------
    BadParameter
        If it is not urlencoded or multipart.
    """
    if request.content_type not in {*_KINDS, ""}:
        raise BadParameter(
            "Content-Type",
            f"{request.content_type} is not read here",
            hint=f"send {' or '.join(_KINDS)}",
        )


def pairs_of(request: HttpRequest) -> list[tuple[str, str]]:
    """Return names and values of a request, of the address before those of the form."""
    given = [request.GET, request.POST] if request.method == "POST" else [request.GET]
    return [
        (name, str(value))
        for query in given
        for name, values in query.lists()
        for value in values
    ]


async def apart(request: HttpRequest, read: Callable[[HttpRequest], T]) -> T:
    """Return what is read of a form with files.

    Its files stay as long as the request; where whoever waits for them has left, they
    go at once.
    """
    work = _FORMS.submit(read, request)
    try:
        return await asyncio.wrap_future(work)
    except asyncio.CancelledError:
        # The thread may still be making them.
        work.add_done_callback(lambda _: request.close())
        raise


async def sent(
    request: HttpRequest,
) -> tuple[list[tuple[str, str]], dict[str, Path]]:
    """Return the names and values of a request, and its files by the names of parts.

    The files are there until the answer has been sent.

    Raises
    ------
    BadParameter
        If the body is of another kind.
    """
    if request.method == "POST":
        require_form(request)
    if request.content_type != "multipart/form-data":
        return pairs_of(request), {}
    bodies.measure(request)
    # Taking it apart takes its time, and others must not wait for that.
    pairs = await apart(request, pairs_of)
    return pairs, {
        name: Path(file.temporary_file_path())
        for name, file in request.FILES.items()
        if isinstance(file, TemporaryUploadedFile)  # as the settings have it
    }


def allowing(*methods: str) -> Callable[[View], View]:
    """Let a view answer some methods, and say its errors as VOTable.

    HEAD is answered like GET, without the body.
    """

    def decorated(view: View) -> View:
        @csrf_exempt
        @votable_errors
        @functools.wraps(view)
        async def guarded(request: HttpRequest, **given: str) -> HttpResponseBase:
            if request.method == "HEAD" and "GET" in methods:
                return await _headers(request, view, **given)
            if request.method in methods:
                return await _answered(request, view, **given)
            refusal = as_votable(
                BadParameter(
                    "request",
                    f"{request.method} is not answered by {request.path}",
                    hint=f"send {' or '.join(methods)}",
                )
            )
            refusal.status_code = HTTPStatus.METHOD_NOT_ALLOWED
            refusal.headers["Allow"] = ", ".join((*methods, "HEAD"))
            return refusal

        return guarded

    return decorated


async def _answered(request: HttpRequest, view: View, **given: str) -> HttpResponseBase:
    try:
        return await view(request, **given)
    except asyncio.CancelledError:
        # The client left before there was an answer, which would close them.
        request.close()
        raise


async def _headers(request: HttpRequest, view: View, **given: str) -> HttpResponseBase:
    """Return what GET would answer, without its body."""
    answered = await _answered(request, view, **given)
    answered.close()
    said = {"status": answered.status_code, "headers": dict(answered.items())}
    if not isinstance(answered, HttpResponse):
        # Its length is not known: Django would say 0 of a plain answer.
        return StreamingHttpResponse(nothing(), **said)
    bare = HttpResponse(**said)
    bare.headers["Content-Length"] = str(len(answered.content))
    return bare


async def nothing() -> AsyncIterator[bytes]:
    """Yield no byte."""
    for _ in ():
        yield b""
