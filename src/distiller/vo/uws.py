"""UWS 1.1 values: phases, their legal order, a job and its parts.

Source: IVOA Universal Worker Service Pattern 1.1 (2016), sections 2.1 and 2.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal

from distiller.core.errors import BadParameter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Pairs = tuple[tuple[str, str], ...]
"""Parameters as they came: names and values in the order of the request."""

WAIT_MAX_S: Final = 50.0
"""Longest blocking call (section 2.2.1.1): proxies cut connections at 60 s."""


class Phase(StrEnum):
    """Execution phases (section 2.1.3)."""

    PENDING = "PENDING"
    QUEUED = "QUEUED"
    EXECUTING = "EXECUTING"
    COMPLETED = "COMPLETED"
    ERROR = "ERROR"
    ABORTED = "ABORTED"
    HELD = "HELD"
    SUSPENDED = "SUSPENDED"
    ARCHIVED = "ARCHIVED"
    UNKNOWN = "UNKNOWN"

    @property
    def is_final(self) -> bool:
        """Whether the job will not change any more by running."""
        return self in FINAL

    @property
    def is_active(self) -> bool:
        """Whether a blocking call waits in this phase (section 2.2.1.1)."""
        return self in ACTIVE


FINAL: Final = frozenset({Phase.COMPLETED, Phase.ERROR, Phase.ABORTED, Phase.ARCHIVED})
ACTIVE: Final = frozenset({Phase.PENDING, Phase.QUEUED, Phase.EXECUTING})

TRANSITIONS: Final[Mapping[Phase, frozenset[Phase]]] = {
    # COMPLETED at once: its product was there, and QUEUED and EXECUTING took no time.
    Phase.PENDING: frozenset(
        {Phase.QUEUED, Phase.HELD, Phase.COMPLETED, Phase.ERROR, Phase.ABORTED}
    ),
    # Held after RUN, by an operator or a quota; it needs a new RUN.
    Phase.HELD: frozenset({Phase.QUEUED, Phase.COMPLETED, Phase.ERROR, Phase.ABORTED}),
    # A job may end before its EXECUTING was noted down: its supervisor was away.
    Phase.QUEUED: frozenset(
        {Phase.EXECUTING, Phase.HELD, Phase.COMPLETED, Phase.ERROR, Phase.ABORTED}
    ),
    Phase.EXECUTING: frozenset(
        {Phase.COMPLETED, Phase.ERROR, Phase.ABORTED, Phase.SUSPENDED}
    ),
    Phase.SUSPENDED: frozenset({Phase.EXECUTING, Phase.ERROR, Phase.ABORTED}),
    Phase.COMPLETED: frozenset({Phase.ARCHIVED}),
    Phase.ERROR: frozenset({Phase.ARCHIVED}),
    Phase.ABORTED: frozenset({Phase.ARCHIVED}),
    Phase.ARCHIVED: frozenset(),
    Phase.UNKNOWN: frozenset(),
}
"""Which phase may follow which; what is not here is refused."""


def sources(after: Phase) -> frozenset[Phase]:
    """Return the phases from which this one may be reached.

    >>> sorted(sources(Phase.QUEUED))
    [<Phase.HELD: 'HELD'>, <Phase.PENDING: 'PENDING'>]
    """
    return frozenset(p for p, following in TRANSITIONS.items() if after in following)


@dataclass(frozen=True, slots=True)
class Result:
    """One result of a job.

    Attributes
    ----------
    id
        Name of the child of ``results``: ``product``, ``plot``, ``configuration``.
    name
        File name.
    size
        In bytes.
    """

    id: str
    name: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job failed: ``transient`` may work when tried again."""

    message: str
    type: Literal["transient", "fatal"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: a fraction from 0 to 1, and what it is doing."""

    fraction: float
    text: str


@dataclass(frozen=True, slots=True)
class Job:
    """One job as the world sees it; every instant is UTC without zone mark.

    Attributes
    ----------
    owner
        Account name, None for a job that nobody logged in for.
    quote
        When the job is expected to be done.
    execution_duration_s
        Longest run in s; 0 would be without limit and is not given out.
    product_id
        The archive's product that a completed job made, or was given.
    reused
        When that product was made, if it was there already and the job was given it.
    fresh
        Whether a product is to be computed even if it is there already.
    """

    job_id: str
    task: str
    owner: str | None
    phase: Phase
    creation_time: datetime
    execution_duration_s: int
    destruction: datetime | None
    run_id: str | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    quote: datetime | None = None
    parameters: Pairs = ()
    results: tuple[Result, ...] = ()
    error: JobError | None = None
    progress: Progress | None = None
    product_id: str | None = None
    reused: datetime | None = None
    fresh: bool = False

    def result(self, result_id: str) -> Result | None:
        """Return the result of that id, or None."""
        return next((r for r in self.results if r.id == result_id), None)


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs a list shows (section 2.2.2.1).

    An empty ``phases`` means all but ARCHIVED, which is shown only if it is named.
    """

    phases: frozenset[Phase] = field(default_factory=frozenset)
    after: datetime | None = None
    last: int | None = None


def read_phase(text: str) -> Phase:
    """Read a phase from a request.

    >>> read_phase("executing")
    <Phase.EXECUTING: 'EXECUTING'>
    """
    try:
        return Phase(text.strip().upper())
    except ValueError as error:
        known = ", ".join(Phase)
        raise BadParameter(
            "PHASE", f"no such phase: {text!r}", hint=f"one of {known}"
        ) from error


def read_wait_s(text: str) -> float:
    """Read WAIT in s; -1 means as long as possible, which is `WAIT_MAX_S` here.

    >>> read_wait_s("-1"), read_wait_s("3"), read_wait_s("9999")
    (50.0, 3.0, 50.0)
    """
    try:
        seconds = int(text.strip())
    except ValueError as error:
        raise BadParameter(
            "WAIT", f"not a whole number of seconds: {text!r}"
        ) from error
    if seconds < -1:
        raise BadParameter("WAIT", f"{seconds} s is before now", hint="give -1 or more")
    # Compared as they are: a float holds no number of hundreds of digits.
    return WAIT_MAX_S if seconds == -1 else float(min(seconds, WAIT_MAX_S))
