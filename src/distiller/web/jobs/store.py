"""The store of jobs on Django's ORM (see `distiller.jobs.store.JobStore`)."""

from __future__ import annotations

import statistics
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast, get_args

from django.contrib.auth import get_user_model
from django.db import (
    IntegrityError,
    OperationalError,
    connection,
    connections,
    models,
    transaction,
)

from distiller.core.errors import Busy, IllegalState, NoSpace, NotFound
from distiller.jobs.changes import Changes
from distiller.jobs.store import QUERY, Entry, JobUpdate, Kind, Wish
from distiller.vo.uws import Job, JobError, JobFilter, Phase, Result, sources
from distiller.web.jobs.models import JobRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from distiller.vo.uws import Pairs

_INSTANTS: Final = ("quote", "start_time", "end_time", "destruction", "reused")
_TYPICAL_OF: Final = 20
_MOVING: Final = (Phase.QUEUED.value, Phase.EXECUTING.value)
# SQLite's names, and PostgreSQL's code of disk_full.
_FULL: Final = frozenset({"SQLITE_FULL", "SQLITE_IOERR_SHMSIZE", "53100"})
_BUSY: Final = frozenset({"SQLITE_BUSY", "SQLITE_LOCKED"})


def _unfinished(of: str) -> str:
    """Return SQL: two looks into indexes in one statement; an OR would scan."""
    look = (
        "SELECT creation_time, job_id, owner, phase, wish, tries FROM jobs_job "
        "WHERE {} IN (%s, %s)"
    )
    looks = (look.format(column) + of for column in ("phase", "wish"))
    return f"{' UNION '.join(looks)} ORDER BY creation_time"


_UNFINISHED: Final[Mapping[Kind | None, str]] = {
    None: _unfinished(""),
    "query": _unfinished(f" AND task = '{QUERY}'"),
    "analysis": _unfinished(f" AND task <> '{QUERY}'"),
}


class OrmJobStore:
    """Jobs as rows; a step is one UPDATE that names the phases it may start from."""

    def __init__(self) -> None:
        self._changes = Changes()

    @property
    def changes(self) -> Changes:
        """Told of every change that is made through this store."""
        return self._changes

    def create(self, job: Job, spec: str = "") -> None:
        """Remember a new job, whatever its phase, whole or not at all."""
        rest: JobUpdate = {
            "spec": spec,
            "quote": job.quote,
            "end_time": job.end_time,
            "destruction": job.destruction,
            "parameters": job.parameters,
            "error": job.error,
            "results": job.results,
            "product_id": job.product_id,
            "reused": job.reused,
            "fresh": job.fresh,
        }
        try:
            # The block keeps a surrounding transaction usable after a refusal.
            with _writing(), transaction.atomic():
                JobRow.objects.create(
                    job_id=job.job_id,
                    task=job.task,
                    owner=job.owner or "",
                    phase=job.phase.value,
                    run_id=job.run_id,
                    creation_time=_aware(job.creation_time),
                    execution_duration_s=job.execution_duration_s,
                    **_values(rest),
                )
        except IntegrityError as error:
            message = f"there is a job {job.job_id} already"
            raise IllegalState(message) from error
        self._changes.tell(job.job_id, is_due=job.phase is Phase.QUEUED)

    def get(self, job_id: str) -> Job:
        """Return a job; `NotFound` if there is none or it is to be deleted."""
        # The plainest query that there is: all others that wait for a job ask it.
        for row in JobRow.objects.filter(pk=job_id).defer("spec"):
            if row.wish != "delete":
                return _job(row)
        raise _not_found(job_id)

    def list(
        self,
        *,
        owner: str | None,
        everybody: bool = False,
        task: str | None = None,
        wanted: JobFilter | None = None,
        skip: int = 0,
    ) -> tuple[Job, ...]:
        """Return jobs, newest first; those of nobody if ``owner`` is None."""
        wanted = wanted or JobFilter()
        rows = JobRow.objects.exclude(wish="delete").defer("spec")
        if wanted.phases:
            rows = rows.filter(phase__in=[p.value for p in wanted.phases])
        else:
            rows = rows.exclude(phase=Phase.ARCHIVED.value)
        if not everybody:
            rows = rows.filter(owner=owner or "")
        if task is not None:
            rows = rows.filter(task=task)
        if wanted.after is not None:
            rows = rows.filter(creation_time__gt=_aware(wanted.after))
        end = None if wanted.last is None else skip + wanted.last
        return tuple(_job(row) for row in rows.order_by("-creation_time")[skip:end])

    def update(
        self,
        job_id: str,
        phases: Collection[Phase],
        update: JobUpdate,
        *,
        to: Phase | None = None,
        seen: Pairs | None = None,
    ) -> bool:
        """Change a job if it is in one of these phases, in one atomic step."""
        allowed = set(phases) if to is None else set(phases) & sources(to)
        rows = JobRow.objects.filter(pk=job_id, phase__in=[p.value for p in allowed])
        values = _values(update)
        if to is not None:
            values["phase"] = to.value
        if update.get("wish") == "abort":
            # A wish to delete stands: it includes the abort.
            rows = rows.exclude(wish="delete")
        with _writing():
            changed = (
                rows.update(**values)
                if seen is None
                else _update_seen(rows, values, seen)
            )
        if not changed:
            return False
        is_due = to is Phase.QUEUED or bool(update.get("wish"))
        self._changes.tell(job_id, is_due=is_due)
        return True

    def delete(self, job_id: str) -> bool:
        """Forget a job."""
        with _writing():
            count, _ = JobRow.objects.filter(pk=job_id).delete()
        self._changes.tell(job_id, is_due=False)
        return bool(count)

    def spec(self, job_id: str) -> str:
        """Return the specification that RUN stored."""
        spec = JobRow.objects.filter(pk=job_id).values_list("spec", flat=True).first()
        if spec is None:
            raise _not_found(job_id)
        return spec

    def unfinished(self, kind: Kind | None = None) -> tuple[Entry, ...]:
        """Return jobs that are QUEUED, EXECUTING or wished away, oldest first."""
        # Asked at each turn of a desk, and ten times as fast as through the ORM.
        with connection.cursor() as cursor:
            cursor.execute(_UNFINISHED[kind], [*_MOVING, *get_args(Wish)])
            found = cursor.fetchall()
        return tuple(
            Entry(
                job_id,
                owner or None,
                Phase(phase),
                cast("Wish | None", wish or None),
                tries,
            )
            for _, job_id, owner, phase, wish, tries in found
        )

    def count(
        self, owner: str | None, phases: Collection[Phase], kind: Kind | None = None
    ) -> int:
        """Count the jobs of an owner that are in one of these phases."""
        rows = _of(kind).filter(owner=owner or "").exclude(wish="delete")
        return rows.filter(phase__in=[p.value for p in phases]).count()

    def ids(
        self, owner: str | None, phases: Collection[Phase], kind: Kind
    ) -> tuple[str, ...]:
        """Return the jobs of an owner that are in one of these phases, oldest first."""
        rows = _of(kind).filter(owner=owner or "", phase__in=[p.value for p in phases])
        rows = rows.exclude(wish="delete").order_by("creation_time")
        return tuple(rows.values_list("job_id", flat=True))

    def owners_of(self, product_id: str) -> tuple[str | None, ...]:
        """Return whose jobs show a product: an owner for each job."""
        rows = JobRow.objects.filter(product_id=product_id).exclude(wish="delete")
        return tuple(owner or None for owner in rows.values_list("owner", flat=True))

    def place(self, created: datetime, kind: Kind | None = None) -> tuple[int, int]:
        """Return how many jobs wait that are older, and how many wait in all."""
        rows = _of(kind).filter(phase=Phase.QUEUED.value)
        before = models.Count("pk", filter=models.Q(creation_time__lt=_aware(created)))
        found = rows.aggregate(before=before, waiting=models.Count("pk"))
        return found["before"], found["waiting"]

    def expired(self, now: datetime, kind: Kind | None = None) -> tuple[str, ...]:
        """Return the jobs whose destruction has come."""
        rows = _of(kind).filter(destruction__lte=_aware(now))
        return tuple(rows.exclude(wish="delete").values_list("job_id", flat=True))

    def typical_duration_s(self, task: str) -> float | None:
        """Return the median run of the last completed jobs of a task, or None."""
        rows = JobRow.objects.filter(task=task, phase=Phase.COMPLETED.value)
        ended = rows.filter(start_time__isnull=False, end_time__isnull=False)
        times = ended.order_by("-end_time").values_list("start_time", "end_time")
        runs = [
            (end - start).total_seconds()
            for start, end in times[:_TYPICAL_OF]
            if start is not None and end is not None
        ]
        return statistics.median(runs) if runs else None

    def address(self, owner: str) -> str | None:
        """Return the e-mail address of an account, None if it has none or is closed."""
        accounts = get_user_model().objects.filter(username=owner, is_active=True)
        return accounts.values_list("email", flat=True).first() or None

    def sign(self) -> object:
        """Return time and size of SQLite's log, which each transaction writes."""
        try:
            found = Path(f"{connection.settings_dict['NAME']}-wal").stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    def release(self) -> None:
        """Close this thread's connection."""
        connections.close_all()


def _of(kind: Kind | None) -> models.QuerySet[JobRow]:
    """Return the rows of a kind of jobs."""
    if kind is None:
        return JobRow.objects.all()
    queries = models.Q(task=QUERY)
    return JobRow.objects.filter(queries if kind == "query" else ~queries)


@contextmanager
def _writing() -> Iterator[None]:
    """Turn what the database says of its disk and its locks into errors of ours."""
    try:
        yield
    except OperationalError as error:
        cause = error.__cause__
        code = getattr(cause, "sqlite_errorname", None) or getattr(
            cause, "sqlstate", ""
        )
        if code in _FULL:
            message = "the disk of the job table is full"
            raise NoSpace(message, hint="try again once there is space") from error
        if code in _BUSY:
            message = "the job table is being changed by others"
            raise Busy(message, hint="try again") from error
        raise


def _update_seen(
    rows: models.QuerySet[JobRow], values: dict[str, Any], seen: Pairs
) -> bool:
    """Update a row if its parameters are still those; nobody comes in between."""
    with transaction.atomic():
        given = rows.select_for_update().values_list("parameters", flat=True).first()
        if given is None or _pairs(given) != seen:
            return False
        return bool(rows.update(**values))


def _values(update: JobUpdate) -> dict[str, Any]:
    """Return the columns that an update sets."""
    values: dict[str, Any] = dict(update)
    for name in _INSTANTS:
        if name in values:
            values[name] = _aware(values[name])
    if "parameters" in update:
        values["parameters"] = [list(pair) for pair in update["parameters"]]
    if "results" in update:
        values["results"] = [
            [r.id, r.name, r.media_type, r.size] for r in update["results"]
        ]
    if "error" in values:
        error: JobError | None = values.pop("error")
        values["error_message"] = error.message if error else ""
        values["error_type"] = error.type if error else ""
    if "product_id" in values:
        values["product_id"] = values["product_id"] or ""
    if "wish" in values and values["wish"] is None:
        # A wish to delete outlives the end of the job.
        kept = models.When(wish="delete", then=models.Value("delete"))
        values["wish"] = models.Case(kept, default=models.Value(""))
    return values


def _job(row: JobRow) -> Job:
    error = None
    if row.error_type:
        kind = cast("Literal['transient', 'fatal']", row.error_type)
        error = JobError(row.error_message, kind)
    return Job(
        job_id=row.job_id,
        task=row.task,
        owner=row.owner or None,
        phase=Phase(row.phase),
        creation_time=_naive(row.creation_time),
        execution_duration_s=row.execution_duration_s,
        destruction=row.destruction and _naive(row.destruction),
        run_id=row.run_id,
        start_time=row.start_time and _naive(row.start_time),
        end_time=row.end_time and _naive(row.end_time),
        quote=row.quote and _naive(row.quote),
        parameters=_pairs(row.parameters),
        results=tuple(Result(*fields) for fields in row.results),
        error=error,
        product_id=row.product_id or None,
        reused=row.reused and _naive(row.reused),
        fresh=row.fresh,
    )


def _pairs(stored: list[list[str]]) -> Pairs:
    return tuple((name, value) for name, value in stored)


def _aware(instant: datetime | None) -> Any:
    return instant and instant.replace(tzinfo=UTC)


def _naive(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None)


def _not_found(job_id: str) -> NotFound:
    message = f"no such job: {job_id}"
    return NotFound(message, hint="it may have been deleted, or its time has run out")
