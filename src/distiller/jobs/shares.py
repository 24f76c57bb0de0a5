"""What files of jobs may take of the disk: those that come with them, and results.

Both come from strangers, too. So each account, and all visitors without one together,
has a part of the place at most; and what visitors sent and did not start makes room for
other visitors.
"""

from __future__ import annotations

import shutil
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from distiller.core.errors import Forbidden, NoSpace
from distiller.core.times import now
from distiller.jobs import folders
from distiller.vo.uws import FINAL, JobError, Phase

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from distiller.core.settings import Settings
    from distiller.jobs.store import JobStore, JobUpdate, Kind
    from distiller.vo.uws import Job

PARTS: Final = 4
"""An owner may have one part in so many, but always what one job may send."""

_MB: Final = 10**6
_OPEN: Final = frozenset(Phase) - FINAL


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files of jobs of one kind lie, and how many bytes they may have.

    Attributes
    ----------
    folder
        Name of their folder in that of their job.
    most, largest
        Bytes of those of all jobs, and of those that come at once.
    setting
        What the operators change to have more.
    what, otherwise
        Words for them, and for what to do where all is full.
    """

    kind: Kind
    folder: str
    most: int
    largest: int
    setting: str
    what: str
    otherwise: str

    @property
    def part(self) -> int:
        """Bytes that one owner may have."""
        return min(self.most, max(self.most // PARTS, self.largest))


def of_queries(settings: Settings) -> Place:
    """Return where uploads of asynchronous queries lie."""
    return Place(
        kind="query",
        folder=folders.UPLOADS,
        most=settings.async_results_mb * _MB,
        largest=settings.upload_mb * _MB,
        setting="async_results_mb",
        what="files that came with queries which have not run",
        otherwise="try again later, or ask /tap/sync",
    )


def of_results(settings: Settings) -> Place:
    """Return where results of asynchronous queries lie."""
    return Place(
        kind="query",
        folder=folders.ANSWER,
        most=settings.async_results_mb * _MB,
        largest=settings.async_result_mb * _MB,
        setting="async_results_mb",
        what="results of asynchronous queries",
        otherwise="delete jobs that you no longer need, or ask /tap/sync",
    )


def of_analysis(settings: Settings) -> Place:
    """Return where files of jobs of analysis lie."""
    return Place(
        kind="analysis",
        folder=folders.SENT,
        most=settings.job_files_mb * _MB,
        largest=settings.job_file_mb * _MB,
        setting="job_files_mb",
        what="files that were sent with jobs",
        otherwise="delete jobs that you no longer need, or try again later",
    )


class Share:
    """Counts the bytes of files that come with a job, while they come.

    What comes with other requests at the same moment is not seen, so that a share may
    be exceeded by that.

    Parameters
    ----------
    jobs
        Where the folders of all jobs lie.
    left
        Bytes that are left for all owners together.
    """

    def __init__(
        self, store: JobStore, jobs: Path, job: Job, place: Place, left: int
    ) -> None:
        self._store = store
        self._place = place
        self._owner = job.owner
        self._left = left
        # Not the job itself, which may not be in the table yet.
        others = set(store.ids(job.owner, _OPEN, place.kind)) - {job.job_id}
        sizes = {name: _size(self._files(jobs / name)) for name in others}
        used = sum(sizes.values()) + _size(self._files(jobs / job.job_id))
        self._left_of_part = place.part - used
        self._idle: deque[Path] = deque()
        if job.owner is None:
            idle = store.ids(None, {Phase.PENDING}, place.kind)
            self._idle.extend(jobs / name for name in idle if sizes.get(name))

    def take(self, count: int) -> None:
        """Count more bytes.

        Raises
        ------
        Forbidden
            If the owner has no more room.
        NoSpace
            If all owners together have none.
        """
        self._left -= count
        self._left_of_part -= count
        while self._idle and min(self._left, self._left_of_part) < 0:
            freed = self._displace(self._idle.popleft())
            self._left += freed
            self._left_of_part += freed
        limit = f"the operator's limit is {self._place.setting}"
        if self._left < 0:
            hint = f"{self._place.otherwise}; {limit}"
            raise NoSpace(f"the {self._place.what} fill their place", hint=hint)
        if self._left_of_part < 0:
            raise self._refusal(limit)

    def _refusal(self, limit: str) -> Forbidden:
        whose = "visitors'" if self._owner is None else "your"
        message = (
            f"{whose} {self._place.what} fill the {self._place.part // _MB:,} MB that "
            "this site gives "
        )
        if self._owner is None:
            hint = f"try again once some of these jobs have ended, or log in; {limit}"
            return Forbidden(f"{message}all without an account together", hint=hint)
        hint = f"they go as these jobs end: start some, or delete some; {limit}"
        return Forbidden(f"{message}an account", hint=hint)

    def _displace(self, folder: Path) -> int:
        """End a job that a visitor did not start; return the bytes that it frees."""
        files = self._files(folder)
        size = _size(files)
        words = (
            "P300 its files made room for those of other visitors, since it was not "
            "started (send it again with PHASE=RUN, or log in)"
        )
        ended: JobUpdate = {"end_time": now(), "error": JobError(words, "transient")}
        if not self._store.update(
            folder.name, {Phase.PENDING}, ended, to=Phase.ABORTED
        ):
            return 0  # it was started, or ended, meanwhile
        shutil.rmtree(folder / self._place.folder, ignore_errors=True)
        return size

    def _files(self, folder: Path) -> Iterable[Path]:
        return (folder / self._place.folder).glob("*")


def used(jobs: Path, place: Place) -> int:
    """Return the bytes of the files of all jobs."""
    return _size(jobs.glob(f"*/{place.folder}/*"))


def _size(files: Iterable[Path]) -> int:
    total = 0
    for path in files:
        with suppress(FileNotFoundError):  # its job has ended meanwhile
            total += path.stat().st_size
    return total
