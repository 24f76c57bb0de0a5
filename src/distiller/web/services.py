"""The short way of requests without a login to services that need none.

Django's own way passes each request through threads, once for every middleware that
looks into a session or a database: 3 ms where the query itself takes half of one. Who
shows no cookie and no password can have no session, so that these see nothing. Request,
addresses, views and answers are Django's here as there, with the same headers.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import DisallowedHost, RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.http import HttpRequest, HttpResponse
from django.urls import set_script_prefix

from distiller.core.errors import BadParameter
from distiller.web import sharing
from distiller.web.basic import challenged
from distiller.web.errors import as_votable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from django.http.response import HttpResponseBase

    Message = Mapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

PATHS: Final = frozenset({"/tap/sync", "/scs", "/sia2/query"})
"""Services that ask the archive only; the others go Django's way."""

_SHOWS: Final = frozenset({b"cookie", b"authorization"})
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
    "Cross-Origin-Opener-Policy": settings.SECURE_CROSS_ORIGIN_OPENER_POLICY,
    "X-Frame-Options": settings.X_FRAME_OPTIONS,
}
"""What Django's middleware adds to every answer; a test compares both ways."""


def is_for_anybody(scope: Message) -> bool:
    """Tell whether a request can go the short way.

    >>> is_for_anybody({"type": "http", "path": "/tap/sync", "headers": []})
    True
    >>> given = [(b"cookie", b"sessionid=1")]
    >>> is_for_anybody({"type": "http", "path": "/tap/sync", "headers": given})
    False
    """
    return (
        scope["type"] == "http"
        and scope["path"] in PATHS
        and not any(name in _SHOWS for name, _ in scope["headers"])
    )


class ServiceHandler(ASGIHandler):
    """Answers requests of nobody in particular, without middleware."""

    chunk_size = 2**18
    """Bytes that are handed to the connection at once; Django's are a quarter."""

    def load_middleware(self, is_async: bool = False) -> None:  # noqa: FBT001, FBT002 - as Django has it
        """Load none."""
        del is_async
        none: list[Any] = []
        self._view_middleware = none
        self._template_response_middleware = none
        self._exception_middleware = none
        self._middleware_chain = self._answered

    async def _answered(self, request: HttpRequest) -> HttpResponseBase:
        try:
            request.get_host()
        except DisallowedHost as error:
            said = str(error).partition(" You may")[0]
            return as_votable(BadParameter("request", said))
        _be_nobody(request)
        answer: HttpResponseBase | None = sharing.asked_before(request)
        if answer is None:
            answer = await self._get_response_async(request)  # type: ignore[attr-defined]  # the stubs lack it
        assert answer is not None  # noqa: S101 - views answer
        sharing.share(request, answer)
        for name, value in _HEADERS.items():
            answer.headers.setdefault(name, value)
        if isinstance(answer, HttpResponse):
            answer.headers.setdefault("Content-Length", str(len(answer.content)))
        return challenged(answer)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request; a client that leaves ends the work on it."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        try:
            set_script_prefix(get_script_prefix(scope))
            request, refusal = self.create_request(scope, body)
            await self._until_gone(request, refusal, receive, send)
        finally:
            body.close()

    async def _until_gone(
        self,
        request: HttpRequest | None,
        refusal: HttpResponseBase | None,
        receive: Receive,
        send: Send,
    ) -> None:
        working = asyncio.current_task()
        assert working is not None  # noqa: S101 - this is a coroutine of one
        gone = asyncio.ensure_future(receive())

        def stop(_: object) -> None:
            working.cancel()

        gone.add_done_callback(stop)
        answer: HttpResponseBase | None = refusal
        try:
            if request is not None:
                answer = await self.run_get_response(request)
            if answer is not None:
                await self.send_response(answer, send)
        except asyncio.CancelledError:
            # The client left, or an answer is cut off where it went wrong: the server
            # closes a connection whose answer did not end.
            working.uncancel()
        finally:
            gone.remove_done_callback(stop)
            gone.cancel()
            if answer is not None:
                answer.close()


def _be_nobody(request: HttpRequest) -> None:
    """Set what middleware would: the user is nobody."""
    nobody = AnonymousUser()

    async def auser() -> AnonymousUser:
        return nobody

    request.user = nobody
    request.auser = auser
