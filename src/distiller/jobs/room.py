"""How much of the disk the results of asynchronous queries take."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from distiller.core.errors import PassingError, UserError
from distiller.jobs import folders, shares

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from distiller.core.settings import Settings

_MB = 10**6


class Room:
    """Counts the bytes of all results of a home; used by any thread."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.jobs_path
        self._most_mb = settings.async_results_mb
        self._part = shares.of_results(settings).part
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

    @property
    def is_scarce(self) -> bool:
        """Whether one more result may exceed a share; else none need be counted."""
        return self._used + self._each_mb * _MB > self._part

    def size_of(self, job_ids: Iterable[str]) -> int:
        """Return the bytes of the results of some jobs."""
        places = (self._folder / one / folders.ANSWER for one in job_ids)
        return sum(_size(path) for place in places for path in place.glob("*"))

    def claim(self, others: int) -> Claim:
        """Return what counts one result.

        Parameters
        ----------
        others
            Bytes of the other results of its owner. Those that grow at the same moment
            are not among them, so that a share may be exceeded by one of each.
        """
        most = self._most_mb * _MB
        # Where one result may fill all, there are no shares.
        return Claim(self, self._part - others if self._part < most else most)

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

    def __init__(self, room: Room, left: int) -> None:
        self._room = room
        self._left = left
        self.size = 0

    def add(self, count: int) -> None:
        """Count more bytes; errors as `Room.take`, also if its owner has no more room.

        Raises
        ------
        PassingError
            If its owner has too much.
        """
        if self.size + count > self._left:
            raise PassingError(
                "this result and your others (those of all visitors without an account "
                "together) take more than the share of one user",
                hint="delete jobs that you no longer need, log in, or ask /tap/sync; "
                "the operator's limit is async_results_mb",
            )
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
