"""Places for queries to run: so many at once, and fair between those who ask.

A free place goes to whoever has the fewest queries running, and among equals to whoever
has waited longest for a turn. A quarter of the places is kept from anybody who has all
others already, so that one client with long queries does not shut the others out.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

from distiller.core.errors import Busy, TooMany
from distiller.queries.spool import Spool
from distiller.web import access

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from django.http import HttpRequest

    from distiller.core.settings import Settings

T = TypeVar("T")

WAIT_S: Final = 10.0
"""Longest wait for a place to run, s."""

WAITING: Final = 8
"""Queries that may wait, for each that may run; of one owner half as many."""

KEPT: Final = 4
"""One place in so many, at least one of several, is kept from who has the others."""


class Gate:
    """Lets so many queries run at once.

    Parameters
    ----------
    places
        Queries that run at once.
    wait_s
        Longest wait for a place, s.
    """

    def __init__(self, places: int, spool: Spool, *, wait_s: float = WAIT_S) -> None:
        self._places = self._free = places
        self._most = places - max(places // KEPT, min(1, places - 1))
        self._wait_s = wait_s
        self._loop = asyncio.get_running_loop()
        # Of what follows: threads give places back.
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()
        # Owners in the order of their turns; each has somebody waiting.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._pool = ThreadPoolExecutor(places, thread_name_prefix="query")
        self.spool = spool

    async def enter(self, owner: str = "") -> None:
        """Wait for a place; every one that was got is to be given back.

        Parameters
        ----------
        owner
            Who asks: queries of one owner wait for each other first.

        Raises
        ------
        TooMany
            If this owner has too many already.
        Busy
            If too many wait, or no place came free in time.
        """
        with self._lock:
            if self._free and owner not in self._waiting and self._may_run(owner):
                self._take(owner)
                return
            mine = self._waiting.get(owner, ())
            if len(mine) >= max(1, WAITING * self._places // 2):
                raise self._too_many()
            if sum(map(len, self._waiting.values())) >= WAITING * self._places:
                raise self._busy()
            turn: asyncio.Future[None] = self._loop.create_future()
            self._waiting.setdefault(owner, deque()).append(turn)
        try:
            async with asyncio.timeout(self._wait_s):
                await turn
        except TimeoutError:
            if turn.done() and not turn.cancelled():
                return  # it came in the last moment
            raise self._busy() if self._may_run(owner) else self._too_many() from None
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave(owner)
            raise
        finally:
            self._forget(owner, turn)

    async def run(self, owner: str, work: Callable[[], T]) -> Future[T]:
        """Wait for a place and begin some work in it; it is given back behind that.

        Raises
        ------
        Busy
            As `enter` does.
        """
        await self.enter(owner)
        try:
            begun = self._pool.submit(work)
        except BaseException:
            self.leave(owner)
            raise
        begun.add_done_callback(lambda _: self.leave(owner))
        return begun

    def leave(self, owner: str = "") -> None:
        """Give a place back, from any thread."""
        with self._lock:
            self._free += 1
            self._running[owner] -= 1
            if not self._running[owner]:
                del self._running[owner]
            nobody = not self._waiting
        if not nobody:
            with contextlib.suppress(RuntimeError):  # the loop was closed
                self._loop.call_soon_threadsafe(self._admit)

    def _may_run(self, owner: str) -> bool:
        return self._running[owner] < self._most

    def _take(self, owner: str) -> None:
        self._free -= 1
        self._running[owner] += 1

    def _admit(self) -> None:
        """Give free places to those whose turn it is; in the loop."""
        with self._lock:
            while self._free:
                able = [owner for owner in self._waiting if self._may_run(owner)]
                if not able:
                    return
                # The first of them.
                owner = min(able, key=lambda name: self._running[name])
                turns = self._waiting.pop(owner)
                turn = turns.popleft()
                if turns:
                    self._waiting[owner] = turns  # behind the others
                if not turn.done():
                    self._take(owner)
                    turn.set_result(None)

    def _forget(self, owner: str, turn: asyncio.Future[None]) -> None:
        with self._lock:
            turns = self._waiting.get(owner)
            if turns is not None and turn in turns:
                turns.remove(turn)
                if not turns:
                    del self._waiting[owner]

    def _busy(self) -> Busy:
        return Busy(
            f"{self._places} queries run already and no place came free",
            retry_after_s=max(1, round(self._wait_s)),
            hint="try again in some seconds",
        )

    def _too_many(self) -> TooMany:
        return TooMany(
            f"too many of your queries run or wait already; {self._most} may run "
            "at once",
            retry_after_s=max(1, round(self._wait_s)),
            hint="wait until some have ended",
        )


async def owner_of(request: HttpRequest) -> str:
    """Return for whom a request counts: the user, or else the address."""
    who = await access.avisitor(request)
    return f"user {who.name}" if who.name else f"at {request.META['REMOTE_ADDR']}"


_GATES: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Gate] = (
    weakref.WeakKeyDictionary()
)
_LOCK = threading.Lock()


def gate(settings: Settings) -> Gate:
    """Return the gate of this server (one for each event loop)."""
    loop = asyncio.get_running_loop()
    with _LOCK:
        if loop not in _GATES:
            most = settings.answer_spool_mb * 10**6
            spool = Spool(settings.spool_path, most)
            _GATES[loop] = Gate(settings.queries_at_once, spool)
        return _GATES[loop]
