"""Between a worker thread that makes bytes and a coroutine that sends them.

The thread is held up while too much waits to be sent. A client that stays slow does
not hold the thread (and the database) for long: what comes then waits in a file, until
the client has caught up or the files of all answers are too large.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distiller.core.errors import NoSpace
from distiller.queries.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_HELD = 8 * 2**20
"""Bytes that wait in memory at most, apart from one part."""

PATIENCE_S = 2.0
"""How long a full memory holds the thread up before the rest goes to a file, s."""

MOST_SPOOLED = 4 * 2**30
"""Bytes that one answer may have in its file; then the thread waits."""

POLL_S = 0.5
"""How often a thread that waits for the disk looks whether others gave some back, s."""

_READ = 2**18


class Abandoned(Exception):  # noqa: N818 - named as the condition
    """Nobody wants the bytes any more."""


@dataclass(frozen=True, slots=True)
class Failure:
    """How the thread ended that did not come to its end.

    Attributes
    ----------
    error
        What it met.
    tail
        Bytes that close the document, if its head has been sent.
    """

    error: Exception
    tail: bytes


class Conduit:
    """Parts of one answer, in order; made in the coroutine that reads it."""

    def __init__(
        self,
        spool: Spool | None = None,
        *,
        most_held: int = MOST_HELD,
        patience_s: float = PATIENCE_S,
        most_spooled: int = MOST_SPOOLED,
    ) -> None:
        self._spool = spool or Spool(None, most_spooled)
        self._loop = asyncio.get_running_loop()
        # Of the coroutine while it waits, and whether for the first byte there is.
        self._waiter: asyncio.Future[None] | None = None
        self._hurries = False
        # The coroutine waits for it: never held while the disk is waited for.
        self._room = threading.Condition()
        # Of the file, for threads only; taken before the other where both are.
        self._disk = threading.Lock()
        self._most_held = most_held
        self._most_spooled = most_spooled
        self._patience_s = patience_s
        self._parts: deque[bytes] = deque()
        self._held = 0
        self._file: Any = None
        self._spills = False
        self._written = 0
        self._read = 0
        self._failure: Failure | None = None
        self._ended = False
        self._abandoned = False
        self._cancel: Callable[[], None] | None = None

    @property
    def waiting(self) -> int:
        """Bytes that nobody has taken yet; a look from any thread."""
        return self._held + self._written - self._read

    # What the worker thread calls.

    def on_abandon(self, cancel: Callable[[], None]) -> None:
        """Tell how to stop the work; called at once if nobody wants it any more."""
        with self._room:
            self._cancel = cancel
            late = self._abandoned
        if late:
            cancel()

    @property
    def is_abandoned(self) -> bool:
        """Whether nobody wants the bytes any more."""
        return self._abandoned

    def put(self, part: bytes, *, quietly: bool = False) -> None:
        """Hand over the next part; waits for room.

        Parameters
        ----------
        quietly
            Do not wake a coroutine that looks again by itself, see `ready`.

        Raises
        ------
        Abandoned
            If nobody wants it.
        NoSpace
            If it has to wait in a file and the disk is full.
        """
        with self._room:
            if not self._spills and self._held >= self._most_held:
                self._room.wait_for(self._has_room, self._patience_s)
                self._spills = not self._has_room()
            while self._spills and not self._has_file_room():
                self._room.wait(POLL_S)
            if self._abandoned:
                raise Abandoned
            spills = self._spills
            if not spills:
                self._keep(part)
        if spills:
            self._to_file(part)
        self._tell(quietly=quietly)

    def end(self, failure: Failure | None = None) -> None:
        """Say that no part follows."""
        with self._room:
            self._ended = True
            self._failure = failure
            self._cancel = None
            unwanted = self._abandoned
        if unwanted:
            self._close_file()
        self._tell()

    def _keep(self, part: bytes) -> None:
        self._parts.append(part)
        self._held += len(part)

    def _to_file(self, part: bytes) -> None:
        with self._disk:
            with self._room:
                if not self._spills:  # the reader has caught up meanwhile
                    self._keep(part)
                    return
            try:
                if self._file is None:
                    self._file = self._spool.open()
                self._file.seek(self._written)
                self._file.write(part)
                self._file.flush()
            except OSError as error:
                if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                    raise
                raise NoSpace(
                    "no space left for the rows that wait until this client takes them",
                    hint="ask for fewer rows, or take them faster",
                ) from error
            with self._room:
                self._written += len(part)
            self._spool.count(len(part))

    def _has_room(self) -> bool:
        return self._abandoned or self._held < self._most_held

    def _has_file_room(self) -> bool:
        free = self._written < self._most_spooled and self._spool.has_room
        return self._abandoned or free

    def _tell(self, *, quietly: bool = False) -> None:
        with self._room:
            if quietly and not self._hurries:
                return
            waiter, self._waiter = self._waiter, None
        if waiter is not None:
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody reads
                self._loop.call_soon_threadsafe(_wake, waiter)

    # What the coroutine calls.

    async def ready(self, timeout_s: float | None = None) -> bool:
        """Wait for a part or the end; tell whether there is one.

        Parameters
        ----------
        timeout_s
            Look again by oneself after so long, s: small parts do not wake then, since
            that takes as long as making a small answer.
        """
        with self._room:
            if self.has_something:
                return True
            waiter = self._waiter = self._loop.create_future()
            self._hurries = timeout_s is None
        timer = None
        if timeout_s is not None:
            timer = self._loop.call_later(timeout_s, _wake, waiter)
        try:
            await waiter
        finally:
            if timer is not None:
                timer.cancel()
        return self.has_something

    @property
    def has_something(self) -> bool:
        """Whether there is a part, or the end; a look."""
        return bool(self._parts) or self._ended or self._read < self._written

    @property
    def failure(self) -> Failure | None:
        """How the work failed, if it left no part before."""
        with self._room:
            empty = not self._parts and self._read == self._written
            return self._failure if empty else None

    def whole(self) -> bytes | None:
        """Return all parts, if the work has ended well and they wait in memory."""
        with self._room:
            if not self._ended or self._failure is not None or self._spills:
                return None
            parts = b"".join(self._parts)
            self._parts.clear()
            self._held = 0
            return parts

    async def get(self) -> bytes | Failure | None:
        """Return the next part, how the work failed, or None at its end."""
        while True:
            with self._room:
                if self._parts:
                    part = self._parts.popleft()
                    self._held -= len(part)
                    self._room.notify_all()
                    return part
                in_file, ended = self._read < self._written, self._ended
                left = self._spills
            if in_file:
                return await asyncio.to_thread(self._from_file)
            if ended:
                if left:  # a file that nothing could be written to
                    await asyncio.to_thread(self._close_file)
                return self._failure
            await self.ready()

    def abandon(self) -> None:
        """Say that nobody wants the rest: the work is cancelled."""
        with self._room:
            self._abandoned = True
            self._parts.clear()
            cancel, self._cancel = self._cancel, None
            left = self._ended and self._spills
            self._room.notify_all()
        if left:
            with contextlib.suppress(RuntimeError):  # the process ends, and the file
                threading.Thread(target=self._close_file, name="spool-end").start()
        if cancel is not None:
            cancel()

    def _from_file(self) -> bytes:
        with self._disk:
            if self._file is None:  # abandoned meanwhile
                return b""
            self._file.seek(self._read)
            data: bytes = self._file.read(min(_READ, self._written - self._read))
            with self._room:
                self._read += len(data)
                has_caught_up = self._read == self._written
                self._room.notify_all()
            if has_caught_up:  # memory will do again
                self._let_go()
            return data

    def _close_file(self) -> None:
        with self._disk:
            self._let_go()

    def _let_go(self) -> None:
        """Close the file, if there is one; whoever calls has the disk."""
        with self._room:
            file, self._file = self._file, None
            size, self._written, self._read = self._written, 0, 0
            self._spills = False
        if file is not None:
            file.close()
            self._spool.count(-size)
        with self._room:
            self._room.notify_all()


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
