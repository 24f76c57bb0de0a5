"""Around every page: what a browser may load, errors as pages, whom services answer."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http.response import HttpResponseBase

from distiller.core.errors import DistillerError, InternalError
from distiller.web import sharing
from distiller.web.pages import errors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from django.http import HttpRequest

    GetResponse = Callable[
        [HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]
    ]

_LOG = logging.getLogger(__name__)

POLICY: Final = (
    "default-src 'none'; "
    "script-src 'self'; "
    "style-src 'self'; "
    # Bootstrap draws the arrows of its selects from data: addresses.
    "img-src 'self' data:; "
    "font-src 'self'; "
    "connect-src 'self'; "
    "form-action 'self'; "
    "base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""Content-Security-Policy of every page: nothing inline, nothing from elsewhere."""

_PAGE_ROOMS: Final = ("distiller.web.pages.", "distiller.web.accounts.")


class PageMiddleware:
    """Adds the policy to HTML, and turns our errors into pages.

    It works in both of Django's modes, so that streaming services stay asynchronous.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(
        self, request: HttpRequest
    ) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer with the policy in the headers, at once or later."""
        before = sharing.asked_before(request)
        answer = self.get_response(request) if before is None else before
        if isinstance(answer, HttpResponseBase):
            ended = sharing.share(request, _with_policy(answer))
            return self._at_once(ended) if self._is_async else ended
        return self._later(request, answer)

    async def _at_once(self, answer: HttpResponseBase) -> HttpResponseBase:
        return answer

    async def _later(
        self, request: HttpRequest, answer: Awaitable[HttpResponseBase]
    ) -> HttpResponseBase:
        return sharing.share(request, _with_policy(await answer))

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        """Answer an error of ours that a page raised; services answer their own."""
        if not isinstance(exception, DistillerError) or not _is_page(request):
            return None
        if isinstance(exception, InternalError):
            _LOG.error("%s failed", request.path, exc_info=exception)
        return errors.answer(request, exception)


def _is_page(request: HttpRequest) -> bool:
    match = request.resolver_match
    return match is not None and match.func.__module__.startswith(_PAGE_ROOMS)


def _with_policy(response: HttpResponseBase) -> HttpResponseBase:
    if response.headers.get("Content-Type", "").startswith("text/html"):
        response.headers.setdefault("Content-Security-Policy", POLICY)
    return response
