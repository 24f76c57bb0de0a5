"""Answers to pages of other sites (the Fetch standard, section "CORS protocol").

A browser shows a page of another site only what the answer allows. Public services
allow it for what nobody has logged in for: with ``*`` a browser sends no cookie and no
password, and shows nothing of an answer to a request that had them.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from django.http import HttpResponse

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

SERVICES: Final = ("/tap", "/scs", "/sia2")
"""What is shared: public data. Jobs of analysis and accounts are not."""

_SEEN: Final = (
    "Location, Retry-After, X-Query-Row-Limit, X-Query-Status, Content-Disposition"
)
_DAY_S: Final = 86_400


def is_shared(request: HttpRequest) -> bool:
    """Tell whether any page may see what a request is answered."""
    path = request.path
    return (
        any(path == own or path.startswith(f"{own}/") for own in SERVICES)
        and not request.COOKIES
        and "Authorization" not in request.headers
    )


def share(request: HttpRequest, answer: HttpResponseBase) -> HttpResponseBase:
    """Let pages of other sites see an answer to nobody in particular."""
    if is_shared(request):
        answer.headers["Access-Control-Allow-Origin"] = "*"
        answer.headers["Access-Control-Expose-Headers"] = _SEEN
    return answer


def asked_before(request: HttpRequest) -> HttpResponse | None:
    """Answer what a browser asks before a request; None to any other request."""
    before = "Access-Control-Request-Method"
    asks = request.method == "OPTIONS" and before in request.headers
    if not (asks and is_shared(request)):
        return None
    return HttpResponse(
        status=HTTPStatus.NO_CONTENT,
        headers={
            "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, DELETE",
            # Not Authorization: what needs a login is not shared.
            "Access-Control-Allow-Headers": "Accept, Content-Type, Range",
            "Access-Control-Max-Age": str(_DAY_S),
        },
    )
