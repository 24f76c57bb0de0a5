"""How much of the disk the results of asynchronous queries take."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from distiller.core.errors import PassingError, UserError
from distiller.jobs import folders

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.core.settings import Settings

_MB = 10**6


class Room:
    """Counts the bytes of all results of a home; used by any thread."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.jobs_path
        self._most_mb = settings.async_results_mb
        self._each_mb = settings.async_result_mb
        self._used = 0
        self._lock = threading.Lock()

    @property
    def used(self) -> int:
        """Bytes of all results."""
        return self._used

    def measure(self) -> None:
        """Count what is there; before anything else is asked of it."""
        found = self._folder.glob(f"*/{folders.ANSWER}/*")
        with self._lock:
            self._used = sum(_size(path) for path in found)

    def claim(self) -> Claim:
        """Return what counts one result."""
        return Claim(self)

    def forget(self, folder: Path) -> None:
        """Give back what the result of a job takes, which is to be removed."""
        self.give(sum(_size(path) for path in (folder / folders.ANSWER).glob("*")))

    def take(self, count: int, size: int) -> None:
        """Take more bytes for a result that will have this size then.

        Raises
        ------
        UserError
            If the result is too large.
        PassingError
            If all results together are.
        """
        if size > self._each_mb * _MB:
            raise UserError(
                f"the result is larger than the {self._each_mb:,} MB that one may have",
                hint="ask for fewer rows or columns, or give a smaller MAXREC; the "
                "operator's limit is async_result_mb",
            )
        with self._lock:
            if self._used + count > self._most_mb * _MB:
                raise PassingError(
                    "the results of all asynchronous queries have reached the "
                    f"{self._most_mb:,} MB that this site gives them",
                    hint="delete jobs that you no longer need, or ask /tap/sync; the "
                    "operator's limit is async_results_mb",
                )
            self._used += count

    def give(self, count: int) -> None:
        """Give bytes back."""
        with self._lock:
            self._used = max(0, self._used - count)


class Claim:
    """The bytes of one result, as they come."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.size = 0

    def add(self, count: int) -> None:
        """Count more bytes; errors as `Room.take`."""
        self._room.take(count, self.size + count)
        self.size += count

    def drop(self) -> None:
        """Give all of them back: there will be no such result."""
        self._room.give(self.size)
        self.size = 0


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0
