"""How many jobs, how long they may run and are kept, how much one may ask."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from distiller.core.errors import BadParameter, Forbidden
from distiller.jobs.store import QUERY
from distiller.vo.uws import Phase

if TYPE_CHECKING:
    from datetime import datetime

    from distiller.core.settings import Settings
    from distiller.jobs.store import DatasetFinder, JobStore, Kind
    from distiller.vo.uws import Job, Pairs

UNDER_WAY: Final = frozenset({Phase.QUEUED, Phase.EXECUTING})

PENDING_MAX: Final = 1000
"""Most jobs of one owner that were made and not started."""

IDLE: Final = timedelta(hours=6)
"""How long a job of nobody is kept that was not started, or could not be."""

PARAMETERS_MAX: Final = 1000
"""Most parameters of one job, and a bound to what is stored of them:"""

PARAMETERS_MAX_BYTES: Final = 256 * 1024

_MB: Final = 10**6
_PRODUCTS: Final = (
    "SELECT COUNT(DISTINCT f.product_id) AS number, SUM(f.size) AS size "
    "FROM cta.analysis AS a JOIN cta.product_file AS f ON f.product_id = a.product_id "
)
_OF_OWNER: Final = "WHERE a.owner = ?"
_OF_NOBODY: Final = "WHERE a.owner IS NULL"


@dataclass(frozen=True, slots=True)
class Times:
    """Limits that a new job is given; None is the usual one.

    Attributes
    ----------
    duration_s
        Longest run; 0 is the longest allowed.
    destruction
        When it is removed, at most as late as usual.
    """

    duration_s: int | None = None
    destruction: datetime | None = None


USUAL: Final = Times()


def bounded(parameters: Pairs) -> Pairs:
    """Refuse more parameters than any task can use."""
    size = sum(len(name) + len(value) for name, value in parameters)
    if len(parameters) > PARAMETERS_MAX or size > PARAMETERS_MAX_BYTES:
        message = (
            f"{len(parameters):,} parameters with {size:,} characters are more than "
            f"the {PARAMETERS_MAX:,} and {PARAMETERS_MAX_BYTES:,} of one job"
        )
        raise BadParameter("parameters", message)
    return parameters


def duration_s(settings: Settings, task: str, seconds: int | None) -> int:
    """Return the longest run of a job, s.

    Parameters
    ----------
    seconds
        As asked for: 0 is the longest allowed, None the usual one.
    """
    is_query = task == QUERY
    most = settings.async_duration_max_s if is_query else settings.job_duration_max_s
    if seconds is None:
        usual = settings.async_duration_s if is_query else settings.job_duration_s
        return min(usual, most)
    if seconds < 0:
        raise BadParameter("EXECUTIONDURATION", f"{seconds} s is less than 0")
    return min(seconds, most) if seconds else most


def latest(settings: Settings, moment: datetime) -> datetime:
    """Return until when a job that is made or run at this moment is kept."""
    return moment + timedelta(days=settings.job_keep_days)


def idle_end(settings: Settings, created: datetime) -> datetime:
    """Return until when a job of nobody is kept that does not run."""
    return min(created + IDLE, latest(settings, created))


def make_room(store: JobStore, owner: str | None, kind: Kind) -> None:
    """Let nobody fill the table with jobs that are never started.

    Raises
    ------
    Forbidden
        If an account has too many.
    """
    if store.count(owner, {Phase.PENDING}, kind) < PENDING_MAX:
        return
    if owner is not None:
        message = f"there are {PENDING_MAX} jobs of yours that were not started"
        raise Forbidden(message, hint="start some, or delete them")
    # Those of nobody are everybody's: one who fills them up must not shut out
    # the others, so the oldest makes room.
    for oldest in store.ids(None, {Phase.PENDING}, kind)[:1]:
        store.update(oldest, {Phase.PENDING}, {"wish": "delete"})


def taken(archive: DatasetFinder, owner: str | None) -> tuple[int, float]:
    """Return how many products an owner has, and the MB of their files.

    Those of all visitors without an account if there is no owner.
    """
    values = [] if owner is None else [owner]
    whose = _OF_NOBODY if owner is None else _OF_OWNER
    (row,) = archive.rows(_PRODUCTS + whose, values)
    return int(row["number"]), int(row["size"] or 0) / _MB


def check_products(archive: DatasetFinder, settings: Settings, job: Job) -> None:
    """Refuse a job of an owner whose products take as much disk as they may.

    Those that jobs under way will make do not count yet.

    Raises
    ------
    Forbidden
        Naming the limit, and how much there is.
    """
    most_mb = settings.products_mb_per_user
    if not most_mb or job.task == QUERY:
        return
    number, used_mb = taken(archive, job.owner)
    if used_mb < most_mb:
        return
    if job.owner is None:
        message = (
            f"the products of visitors without an account take {used_mb:,.1f} MB of "
            f"the {most_mb:,} MB that this site gives them"
        )
        raise Forbidden(message, hint="log in, or ask the operators to remove some")
    message = (
        f"your {number:,} products take {used_mb:,.1f} MB of the {most_mb:,} MB "
        "that this site gives a user"
    )
    raise Forbidden(message, hint="remove some: /products/ lists them")


def check_load(store: JobStore, most: int, owner: str | None, kind: Kind) -> None:
    """Refuse another job of an owner who has so many under way.

    Raises
    ------
    Forbidden
        Naming the limit.
    """
    if store.count(owner, UNDER_WAY, kind) < most:
        return
    if owner is None:
        message = f"{most} jobs of visitors without an account are under way"
        raise Forbidden(message, hint="try again later, or log in")
    message = f"{most} jobs of yours are under way already"
    raise Forbidden(message, hint="wait for one to end, or abort some")
