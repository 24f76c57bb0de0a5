"""Errors as pages: what went wrong, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from distiller.core.errors import (
    DistillerError,
    Forbidden,
    IllegalState,
    InternalError,
    NotFound,
    PassingError,
    UserError,
)
from distiller.web.errors import headers_of, status_of
from distiller.web.pages import context

if TYPE_CHECKING:
    from django.http import HttpRequest

_GO_BACK = "Go back and change it."
_TELL = "It was written to the log. Please tell the operators what you did."
_LOG_IN = "Log in with an account that may, or ask the operators of this site."
_KINDS: tuple[tuple[type[DistillerError], str, str], ...] = (
    (
        NotFound,
        "Not found",
        "Search the archive for it; addresses of jobs end with their destruction.",
    ),
    (Forbidden, "Not allowed", _LOG_IN),
    (IllegalState, "Not possible now", "Go back, reload and see its present state."),
    (UserError, "This request cannot be answered", _GO_BACK),
    (PassingError, "Not now", "Try the same again in a moment."),
    (InternalError, "A fault of this site", _TELL),
)


def answer(request: HttpRequest, error: DistillerError) -> HttpResponse:
    """Return the page of an error of ours."""
    _, heading, following = next(k for k in _KINDS if isinstance(error, k[0]))
    status = status_of(error)
    response = _page(request, status, heading, error.message, error.hint or following)
    for name, value in headers_of(error).items():
        response.headers[name] = value
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django refused."""
    del exception
    message = "The request is malformed."
    return _page(request, 400, "This request cannot be answered", message, _GO_BACK)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request without the permission."""
    del exception
    message = "This page is not open to you."
    return _page(request, 403, "Not allowed", message, _LOG_IN)


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that was not sent from a page of this site."""
    del reason
    message = "The form was not sent from a fresh page of this site."
    following = (
        "Allow cookies for this site, go back, reload the page and send it again."
    )
    return _page(request, 403, "Not allowed", message, following)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address that does not exist."""
    del exception
    message = f"There is no page {request.path}"
    following = "Check the address, or start from the search."
    return _page(request, 404, "Not found", message, following)


def failed(request: HttpRequest) -> HttpResponse:
    """Answer where we failed; needs neither database nor session."""
    del request
    words = {
        **context.of_site(),
        "status": 500,
        "heading": "A fault of this site",
        "message": "The page could not be made.",
        "next_step": _TELL,
    }
    return HttpResponse(render_to_string("error.html", words), status=500)


def _page(
    request: HttpRequest, status: int, heading: str, message: str, following: str
) -> HttpResponse:
    words = {
        "status": status,
        "heading": heading,
        "message": message,
        "next_step": _sentence(following),
    }
    return render(request, "error.html", words, status=status)


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
