"""Errors as answers of services: a VOTable for VO protocols, one JSON shape.

Pages have their own (`web.pages.errors`).
"""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from django.core.exceptions import (
    BadRequest,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import HttpResponse
from django.http.multipartparser import MultiPartParserError

from distiller.core.errors import (
    BadParameter,
    Busy,
    DistillerError,
    Forbidden,
    IllegalState,
    InternalError,
    NotFound,
    NotLoggedIn,
    PassingError,
    TooMany,
    UserError,
)
from distiller.vo import votable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    View: TypeAlias = Callable[..., Coroutine[Any, Any, HttpResponseBase]]

_LOG = logging.getLogger(__name__)

Kind = Literal["user", "passing", "internal"]

_STATUS: tuple[tuple[type[DistillerError], int], ...] = (
    (NotFound, 404),
    (NotLoggedIn, 401),
    (Forbidden, 403),
    (IllegalState, 403),  # as UWS 1.1 section 2.2.3 wants it
    (UserError, 400),
    (TooMany, 429),
    (PassingError, 503),
)
_RETRY_S = 5


def status_of(error: DistillerError) -> int:
    """Return the HTTP status of an error.

    >>> status_of(NotFound("no such job")), status_of(InternalError("oh"))
    (404, 500)
    """
    return next((s for kind, s in _STATUS if isinstance(error, kind)), 500)


def headers_of(error: DistillerError) -> dict[str, str]:
    """Return the headers of an error: when to come back, if it passes.

    >>> headers_of(Busy("too much", retry_after_s=7))
    {'Retry-After': '7'}
    """
    if isinstance(error, Busy):
        return {"Retry-After": str(error.retry_after_s)}
    return {"Retry-After": str(_RETRY_S)} if isinstance(error, PassingError) else {}


def kind_of(error: DistillerError) -> Kind:
    """Return whose it is."""
    if isinstance(error, UserError):
        return "user"
    return "passing" if isinstance(error, PassingError) else "internal"


def as_json(error: DistillerError) -> dict[str, Any]:
    """Return the one JSON shape of errors.

    >>> as_json(NotFound("no such job"))["kind"]
    'user'
    """
    return {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "kind": kind_of(error),
    }


def ours(error: Exception, doing: str) -> DistillerError:
    """Return any exception as one of ours; what nobody expected goes to the log.

    Parameters
    ----------
    error
        What was raised.
    doing
        What was being done, for the log.
    """
    if isinstance(error, DistillerError):
        if isinstance(error, InternalError):
            _LOG.error("%s failed", doing, exc_info=error)
        elif error.detail is not None:
            _LOG.error("%s failed: %s", doing, error.whole_text)
        return error
    if isinstance(error, SuspiciousOperation | MultiPartParserError | BadRequest):
        return _unreadable(error)
    _LOG.error("%s failed", doing, exc_info=error)
    return InternalError(
        f"{doing} failed by a fault of this server",
        hint="it was written to the log; please tell the operators",
    )


def _unreadable(error: Exception) -> DistillerError:
    """Return what Django says of a request, without the names of its settings."""
    if isinstance(error, RequestDataTooBig):
        return BadParameter("request", "it is too large", hint="send a shorter query")
    if isinstance(error, TooManyFieldsSent | TooManyFilesSent):
        return BadParameter("request", "it has too many parameters")
    said = str(error).partition(" settings.")[0]
    return BadParameter("request", said or "it cannot be read")


def as_votable(error: DistillerError) -> HttpResponse:
    """Return the answer of a VO service: a document that says the error."""
    return HttpResponse(
        votable.error_document(error.text),
        status=status_of(error),
        headers=headers_of(error),
        content_type=votable.MEDIA_TYPE,
    )


def votable_errors(view: View) -> View:
    """Let an asynchronous view of a VO service answer its errors as VOTable."""

    @functools.wraps(view)
    async def guarded(
        request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        try:
            return await view(request, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the edge of a request
            return as_votable(ours(error, f"answering {request.path}"))

    return guarded
