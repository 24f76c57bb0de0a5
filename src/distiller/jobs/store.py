"""What the job engine needs of others: a store of jobs, and the archive.

`web.jobs.store` implements the first on the ORM, `distiller.archive` the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypedDict

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from distiller.core.bundle import Bundle
    from distiller.jobs.changes import Changes
    from distiller.vo.uws import Job, JobError, JobFilter, Pairs, Phase, Result

Wish = Literal["abort", "delete"]
"""What somebody asked for and the supervisor has not done yet."""

Kind = Literal["analysis", "query"]
"""Which jobs: those of tasks, which make products, or asynchronous queries."""

QUERY: Final = "tap"
"""Task of an asynchronous query; tasks of analysis have other names."""


def kind_of(task: str) -> Kind:
    """Return the kind of a task.

    >>> kind_of("tap"), kind_of("count_map")
    ('query', 'analysis')
    """
    return "query" if task == QUERY else "analysis"


class JobUpdate(TypedDict, total=False):
    """Fields of a job that a step may set."""

    parameters: Pairs
    run_id: str
    spec: str
    quote: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    execution_duration_s: int
    destruction: datetime | None
    results: tuple[Result, ...]
    error: JobError | None
    product_id: str | None
    reused: datetime | None
    fresh: bool
    wish: Wish | None
    tries: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A job as the supervisor sees it.

    Attributes
    ----------
    tries
        How often an asynchronous query was begun.
    """

    job_id: str
    owner: str | None
    phase: Phase
    wish: Wish | None
    tries: int = 0


class JobStore(Protocol):
    """Remembers jobs; every method may be called from any thread."""

    @property
    def changes(self) -> Changes:
        """Told of every change that is made through this store."""

    def create(self, job: Job, spec: str = "") -> None:
        """Remember a new job, whatever its phase, whole or not at all.

        Raises
        ------
        NoSpace
            If the disk of the table is full; so for every change.
        """

    def get(self, job_id: str) -> Job:
        """Return a job; `NotFound` if there is none or it is to be deleted."""

    def list(
        self,
        *,
        owner: str | None,
        everybody: bool = False,
        task: str | None = None,
        wanted: JobFilter | None = None,
        skip: int = 0,
    ) -> tuple[Job, ...]:
        """Return jobs, newest first; those of nobody if ``owner`` is None.

        Parameters
        ----------
        skip
            How many of the newest to leave out.
        """

    def update(
        self,
        job_id: str,
        phases: Collection[Phase],
        update: JobUpdate,
        *,
        to: Phase | None = None,
        seen: Pairs | None = None,
    ) -> bool:
        """Change a job if it is in one of these phases, in one atomic step.

        Parameters
        ----------
        seen
            If given, the job must still have these parameters: nobody added any since
            they were read.

        Returns
        -------
        Whether it was as wanted, and so whether anything was changed.
        """

    def delete(self, job_id: str) -> bool:
        """Forget a job."""

    def spec(self, job_id: str) -> str:
        """Return the specification that RUN stored."""

    def unfinished(self, kind: Kind | None = None) -> Sequence[Entry]:
        """Return jobs that are QUEUED, EXECUTING or wished away, oldest first.

        Those of one kind, or all; so below.
        """

    def count(
        self, owner: str | None, phases: Collection[Phase], kind: Kind | None = None
    ) -> int:
        """Count the jobs of an owner that are in one of these phases."""

    def ids(
        self, owner: str | None, phases: Collection[Phase], kind: Kind
    ) -> Sequence[str]:
        """Return the jobs of an owner that are in one of these phases, oldest first."""

    def owners_of(self, product_id: str) -> tuple[str | None, ...]:
        """Return whose jobs show a product: an owner for each job."""

    def place(self, created: datetime, kind: Kind | None = None) -> tuple[int, int]:
        """Return how many jobs wait that are older, and how many wait in all."""

    def expired(self, now: datetime, kind: Kind | None = None) -> Sequence[str]:
        """Return the jobs whose destruction has come."""

    def typical_duration_s(self, task: str) -> float | None:
        """Return the median run of the last completed jobs of a task, or None."""

    def address(self, owner: str) -> str | None:
        """Return the e-mail address of an account, None if it has none or is closed."""

    def sign(self) -> object:
        """Return what is another once any process has changed a job; cheap.

        Something may be missed: who needs to know looks from time to time.
        """

    def release(self) -> None:
        """Give back what this thread holds, such as a database connection."""


class DatasetFinder(Protocol):
    """The part of the archive that queueing a job uses."""

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Run a small look-up."""


class ProductWriter(DatasetFinder, Protocol):
    """The part of the archive that ending a job uses."""

    def store(self, bundle: Bundle) -> str:
        """Put a dataset with all its rows in, in one transaction."""


class Resolver(Protocol):
    """Finds the position of a named source."""

    def __call__(self, name: str, /) -> tuple[float, float]:
        """Return ICRS right ascension and declination in deg; `NotFound` if unknown."""
