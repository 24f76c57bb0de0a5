"""Name and password of HTTP (RFC 7617) for programs, on addresses of services only.

A page for people never asks for them: there is one to log in.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from asgiref.sync import markcoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib.auth import authenticate, get_user_model

from distiller.core.errors import Busy, NotLoggedIn
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
_TRIES: Final = 10
"""Wrong passwords for a name, from an address, until it has to wait."""
_WAIT_S: Final = 300.0
_KNOWN_S: Final = 60.0
_MOST: Final = 1_000


class Doorkeeper:
    """Knows who failed lately, and who was right; for all threads of the process.

    To compute what is kept of a password takes long, so that a right one is
    known by its digest for a minute.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._failed: OrderedDict[tuple[str, str], list[float]] = OrderedDict()
        self._known: OrderedDict[bytes, tuple[float, int, str]] = OrderedDict()

    def check(self, name: str, address: str) -> None:
        """Let a try pass.

        Raises
        ------
        Busy
            If there were too many wrong ones.
        """
        with self._lock:
            times = self._failed.get((name, address), [])
            recent = [t for t in times if t > self._now() - _WAIT_S]
        if len(recent) >= _TRIES:
            raise Busy(
                f"too many wrong passwords for {name}",
                retry_after_s=int(_WAIT_S),
                hint="try again in some minutes",
            )

    def failed(self, name: str, address: str) -> None:
        """Count a wrong password."""
        with self._lock:
            times = self._failed.pop((name, address), [])
            self._failed[name, address] = [*times, self._now()][-_TRIES:]
            if len(self._failed) > _MOST:
                self._failed.popitem(last=False)

    def user(self, name: str, password: str) -> AbstractBaseUser | None:
        """Return the user of a password that is right; asks the accounts database."""
        key = self._digest(name, password)
        with self._lock:
            until, number, kept = self._known.get(key, (0.0, 0, ""))
        if until > self._now():
            users = get_user_model().objects
            same = users.filter(pk=number, password=kept, is_active=True).first()
            if same is not None:
                return same
        found = authenticate(username=name, password=password)
        if found is not None:
            with self._lock:
                self._known[key] = self._now() + _KNOWN_S, found.pk, found.password
                if len(self._known) > _MOST:
                    self._known.popitem(last=False)
        return found

    def _digest(self, name: str, password: str) -> bytes:
        text = f"{len(name)}:{name}:{password}".encode()
        return hmac.new(self._key, text, hashlib.sha256).digest()


_DOOR: Final = Doorkeeper()


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
    _DOOR.check(name, address)
    user = await sync_to_async(_DOOR.user)(name, password)
    if user is None:
        _DOOR.failed(name, address)
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
