"""Parameters of a job that has not started: how requests change them.

Source: UWS 1.1 section 2.1.11, DALI 1.1 section 2.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from distiller.analysis import tasks
from distiller.analysis.fields import repeatable_of
from distiller.core.errors import Busy, IllegalState
from distiller.jobs import limits
from distiller.jobs.store import QUERY
from distiller.vo.uws import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from distiller.jobs.store import JobStore
    from distiller.vo.uws import Job, Pairs

TRIES: Final = 100
"""How often a step is tried while others change the job."""

_UPLOADS: Final = frozenset({"upload"})


def give(store: JobStore, job_id: str, more: Pairs) -> None:
    """Give a PENDING job more parameters, see `merged`; raises as `change`."""
    many = repeatable(store.get(job_id).task)
    change(store, job_id, lambda given: merged(given, more, many))


def put(store: JobStore, job_id: str, name: str, values: Iterable[str]) -> None:
    """Set one parameter of a PENDING job, see `replaced`; raises as `change`."""
    new = tuple(values)
    change(store, job_id, lambda given: replaced(given, name, new))


def change(store: JobStore, job_id: str, make: Callable[[Pairs], Pairs]) -> None:
    """Change the parameters of a PENDING job; what others add meanwhile stays.

    Parameters
    ----------
    make
        Returns the new parameters from those that are there.

    Raises
    ------
    IllegalState
        If it is not PENDING.
    Busy
        If others change it all the time.
    """
    for _ in range(TRIES):
        job = store.get(job_id)
        if job.phase is not Phase.PENDING:
            raise illegal(job, "take parameters")
        new = limits.bounded(make(job.parameters))
        if new == job.parameters:
            return
        # If another request added some since, they are read again.
        if store.update(
            job_id, {Phase.PENDING}, {"parameters": new}, seen=job.parameters
        ):
            return
    raise restless(job_id)


def repeatable(task: str) -> frozenset[str]:
    """Return the names, in small letters, of what may be given several times.

    >>> sorted(repeatable("tap"))
    ['upload']
    """
    return _UPLOADS if task == QUERY else repeatable_of(tasks.task(task).parameters)


def merged(given: Pairs, more: Pairs, many: Collection[str]) -> Pairs:
    """Return parameters after others were sent.

    Parameters
    ----------
    many
        Names whose values add up; of others the new ones replace the old ones. Within
        one request nothing replaces anything.

    Examples
    --------
    >>> merged((("e_min", "1"), ("obs", "7")), (("E_MIN", "2"), ("obs", "8")), {"obs"})
    (('obs', '7'), ('E_MIN', '2'), ('obs', '8'))
    """
    new = {name.lower() for name, _ in more} - set(many)
    return (*(pair for pair in given if pair[0].lower() not in new), *more)


def replaced(given: Pairs, name: str, values: Iterable[str]) -> Pairs:
    """Return parameters with new values of one, or without it.

    >>> replaced((("obs", "7"), ("OBS", "8"), ("e_min", "1")), "obs", ["9"])
    (('e_min', '1'), ('obs', '9'))
    """
    kept = tuple(pair for pair in given if pair[0].lower() != name.lower())
    return (*kept, *((name, value) for value in values))


def illegal(job: Job, words: str) -> IllegalState:
    """Say that a job cannot do something in its phase."""
    message = f"job {job.job_id} is {job.phase} and cannot {words}"
    hint = None
    if job.phase is Phase.COMPLETED:
        hint = "make a new job"
    return IllegalState(message, hint=hint)


def restless(job_id: str) -> Busy:
    """Say that others are always faster."""
    message = f"job {job_id} is being changed by others all the time"
    return Busy(message, hint="try again")
