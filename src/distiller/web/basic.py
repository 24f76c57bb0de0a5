"""Name and password of HTTP (RFC 7617) for programs, on addresses of services only.

A page for people never asks for them: there is one to log in.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

from asgiref.sync import markcoroutinefunction, sync_to_async
from django.conf import settings

from distiller.core.errors import Busy, NotLoggedIn
from distiller.web.accounts.doorkeeper import DOOR
from distiller.web.errors import as_votable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

PATHS: Final = ("/tap", "/uws", "/data/", "/scs", "/sia2", "/datalink", "/soda")
"""How the addresses begin that take a password of HTTP."""

CHALLENGE: Final = 'Basic realm="VO services", charset="UTF-8"'
_OPTIONAL: Final = "/capabilities"
_UNAUTHORIZED: Final = 401


class BasicMiddleware:
    """Takes name and password, and says in every answer who was known."""

    sync_capable = False
    async_capable = True

    def __init__(
        self, get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]]
    ) -> None:
        self.get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request."""
        if not request.path.startswith(PATHS):
            return await self.get_response(request)
        given = request.headers.get("Authorization", "")
        if given[:6].lower() == "basic ":
            try:
                await _log_in(request, given[6:])
            except (NotLoggedIn, Busy) as error:
                return challenged(as_votable(error))
        elif settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return challenged(
                await self.get_response(request),
                optional=request.path.endswith(_OPTIONAL),
            )
        answer = await self.get_response(request)
        user = await request.auser()
        if user.is_authenticated:
            answer.headers["X-VO-Authenticated"] = user.get_username()
            return answer
        return challenged(answer, optional=request.path.endswith(_OPTIONAL))


def challenged(answer: HttpResponseBase, *, optional: bool = False) -> HttpResponseBase:
    """Return an answer with the challenge, if it is 401 or a login is optional."""
    if answer.status_code == _UNAUTHORIZED or optional:
        answer.headers["WWW-Authenticate"] = CHALLENGE
    return answer


async def _log_in(request: HttpRequest, given: str) -> None:
    name, password = _read(given)
    address = str(request.META.get("REMOTE_ADDR", ""))
    user = await sync_to_async(DOOR.user)(name, password, address)
    if user is None:
        raise NotLoggedIn(
            f"name or password of {name} is wrong", hint="or leave both out"
        )

    async def auser() -> AbstractBaseUser:
        return user

    request.user = user  # type: ignore[assignment]  # our own model
    request.auser = auser  # type: ignore[assignment]  # likewise


def _read(given: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(given, validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    name, colon, password = text.partition(":")
    if not colon:
        raise NotLoggedIn(
            "the header Authorization cannot be read", hint="Basic, in UTF-8"
        )
    return name, password
