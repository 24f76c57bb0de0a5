"""Who may try a password: wrong ones are counted, wherever they are given."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import Counter, OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from django.contrib.auth import authenticate, get_user_model

from distiller.core.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.contrib.auth.base_user import AbstractBaseUser

_TRIES: Final = 10
"""Wrong passwords for a name, from an address, until it has to wait."""
_TRIES_OF_ADDRESS: Final = 30
"""Wrong passwords from an address, for whatever names."""
_WAIT_S: Final = 300.0
_SOON_S: Final = 5
_PLACES: Final = 2
"""Passwords that are computed at once: each takes a processor for a while."""
_WAITING_OF_ADDRESS: Final = 8
_WAITING: Final = 64
"""Passwords that may wait for that."""
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
        self._turn = threading.Condition()
        self._asking: Counter[tuple[str, bytes]] = Counter()
        self._computing: set[str] = set()
        self._failed: OrderedDict[tuple[str | None, str], list[float]] = OrderedDict()
        self._known: OrderedDict[bytes, tuple[float, int, str]] = OrderedDict()

    def check(self, name: str, address: str) -> None:
        """Let a try pass.

        Raises
        ------
        Busy
            If there were too many wrong ones of this name from this address.
        """
        if self._wrong((name, address)) >= _TRIES:
            raise _wait(f"too many wrong passwords for {name}")

    def check_address(self, address: str) -> None:
        """Let one pass whose password is to be computed.

        Raises
        ------
        Busy
            If there were too many wrong ones from this address, of whatever names.
        """
        if self._wrong((None, address)) >= _TRIES_OF_ADDRESS:
            raise _wait(f"too many wrong passwords from {address}")

    def failed(self, name: str, address: str) -> None:
        """Count a wrong password."""
        with self._turn:
            for key in ((name, address), (None, address)):
                times = self._failed.pop(key, [])
                self._failed[key] = [*times, self._now()][-_TRIES_OF_ADDRESS:]
            while len(self._failed) > _MOST:
                self._failed.popitem(last=False)

    def user(self, name: str, password: str, address: str) -> AbstractBaseUser | None:
        """Return the user of a password that is right; asks the accounts database.

        Raises
        ------
        Busy
            If there were too many wrong ones, or too many are being computed.
        """
        self.check(name, address)
        key = self._digest(name, password)
        known = self._known_user(key)
        if known is not None:
            return known
        with self._place(address, key):
            # While it waited, others may have computed the same, or guessed wrong.
            known = self._known_user(key)
            if known is not None:
                return known
            self.check(name, address)
            self.check_address(address)
            found = authenticate(username=name, password=password)
            if found is None:
                self.failed(name, address)
                return None
        with self._turn:
            self._known[key] = self._now() + _KNOWN_S, found.pk, found.password
            if len(self._known) > _MOST:
                self._known.popitem(last=False)
        return found

    @contextmanager
    def _place(self, address: str, key: bytes) -> Iterator[None]:
        """Wait for a place to compute in; one address has one at a time."""
        asks = address, key
        with self._turn:
            mine = sum(where == address for where, _ in self._asking)
            if asks not in self._asking and (
                mine >= _WAITING_OF_ADDRESS or len(self._asking) >= _WAITING
            ):
                raise Busy(
                    "too many names and passwords are being checked",
                    retry_after_s=_SOON_S,
                    hint="try again in some seconds",
                )
            self._asking[asks] += 1
            try:
                self._turn.wait_for(
                    lambda: (
                        len(self._computing) < _PLACES
                        and address not in self._computing
                    )
                )
                self._computing.add(address)
            finally:
                self._asking[asks] -= 1
                self._asking += Counter()  # without those that nobody asks for
        try:
            yield
        finally:
            with self._turn:
                self._computing.discard(address)
                self._turn.notify_all()

    def _wrong(self, key: tuple[str | None, str]) -> int:
        with self._turn:
            times = self._failed.get(key, [])
        return sum(t > self._now() - _WAIT_S for t in times)

    def _known_user(self, key: bytes) -> AbstractBaseUser | None:
        with self._turn:
            until, number, kept = self._known.get(key, (0.0, 0, ""))
        if until <= self._now():
            return None
        users = get_user_model().objects
        return users.filter(pk=number, password=kept, is_active=True).first()

    def _digest(self, name: str, password: str) -> bytes:
        text = f"{len(name)}:{name}:{password}".encode()
        return hmac.new(self._key, text, hashlib.sha256).digest()


def _wait(why: str) -> Busy:
    return Busy(why, retry_after_s=int(_WAIT_S), hint="try again in some minutes")


DOOR: Final = Doorkeeper()
"""That of this process: the page to log in and programs have the same."""
