"""The life cycle of a job: what users may do to it, and when.

Source: UWS 1.1 section 2. The service decides, the store remembers, the supervisor
runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from distiller.analysis import tasks
from distiller.analysis.parameters import InvalidParameters
from distiller.core.errors import (
    BadParameter,
    DistillerError,
    Forbidden,
    IllegalState,
    InternalError,
    NotFound,
    UserError,
)
from distiller.core.times import now
from distiller.jobs import folders, inputs
from distiller.jobs.spec import JobSpec
from distiller.vo.uws import Job, JobError, JobFilter, Phase

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from distiller.analysis.parameters import TaskParameters
    from distiller.analysis.products import InputDataset
    from distiller.core.settings import Settings
    from distiller.jobs.spec import Heritage
    from distiller.jobs.store import DatasetFinder, JobStore, JobUpdate, Resolver

_LOOK_S: Final = 0.5
_LOOK_AT_OWN_S: Final = 5.0
_OPEN: Final = frozenset({Phase.PENDING, Phase.HELD})
_UNFINISHED: Final = frozenset(p for p in Phase if not p.is_final)
_ALL: Final = frozenset(Phase)


class JobService:
    """What users may do to jobs; one per process, used from any thread.

    Parameters
    ----------
    resolver
        Finds positions of named targets; without one, ``target`` needs ra and dec.
    """

    def __init__(
        self,
        store: JobStore,
        archive: DatasetFinder,
        settings: Settings,
        *,
        resolver: Resolver | None = None,
    ) -> None:
        self._store = store
        self._archive = archive
        self._settings = settings
        self._resolver = resolver
        # Jobs of this process tell of their changes; others' are looked at.
        own = settings.runner == "embedded" and settings.database_url is None
        self._look_s = _LOOK_AT_OWN_S if own else _LOOK_S
        # For looks at the store while clients wait: two threads for all of them.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="job-wait")

    # What users may do -----------------------------------------------------------

    def create(
        self,
        task: str,
        parameters: Iterable[tuple[str, str]],
        owner: str | None = None,
        run_id: str | None = None,
    ) -> Job:
        """Make a PENDING job; its parameters are checked when it runs (UWS).

        Raises
        ------
        NotFound
            If there is no such task.
        Forbidden
            If the owner has too many unfinished jobs.
        """
        tasks.task(task)
        most = self._settings.jobs_per_user
        if self._store.count_unfinished(owner) >= most:
            message = f"there are {most} unfinished jobs of yours already"
            raise Forbidden(message, hint="wait for one to end, or delete some")
        moment = now()
        job = Job(
            job_id=str(uuid.uuid4()),
            task=task,
            owner=owner,
            phase=Phase.PENDING,
            creation_time=moment,
            execution_duration_s=self._duration_s(self._settings.job_duration_s),
            destruction=moment + timedelta(days=self._settings.job_keep_days),
            run_id=run_id,
            parameters=tuple(parameters),
        )
        self._store.create(job)
        return job

    def check(
        self, task: str, parameters: Iterable[tuple[str, str]], owner: str | None = None
    ) -> TaskParameters:
        """Check parameters as RUN will, without making a job (for forms).

        Raises
        ------
        InvalidParameters
            With every fault.
        NotFound, BadParameter, Forbidden
            Of a target or dataset.
        """
        resolved, _, _ = self._resolve(task, parameters, owner)
        return resolved

    def set_parameters(self, job_id: str, parameters: Iterable[tuple[str, str]]) -> Job:
        """Add parameters to a PENDING job; they accumulate (UWS, DALI)."""
        job = self._store.get(job_id)
        both = (*job.parameters, *parameters)
        self._step(job_id, {Phase.PENDING}, {"parameters": both}, "take parameters")
        return self.get(job_id)

    def set_duration(self, job_id: str, seconds: int) -> Job:
        """Set the longest run in s of a job that has not started; 0 is the longest."""
        if seconds < 0:
            raise BadParameter("EXECUTIONDURATION", f"{seconds} s is less than 0")
        update: JobUpdate = {"execution_duration_s": self._duration_s(seconds)}
        self._step(job_id, _OPEN, update, "change its duration")
        return self.get(job_id)

    def set_destruction(self, job_id: str, instant: datetime) -> Job:
        """Set when the job is removed, at most as late as for a new job."""
        latest = now() + timedelta(days=self._settings.job_keep_days)
        update: JobUpdate = {"destruction": min(instant, latest)}
        self._step(job_id, _ALL, update, "change its destruction")
        return self.get(job_id)

    def run(self, job_id: str) -> Job:
        """Check the parameters and queue the job; wrong ones put it in ERROR.

        Raises
        ------
        IllegalState
            If it is not PENDING or HELD.
        """
        job = self._store.get(job_id)
        if job.phase not in _OPEN:
            raise _illegal(job, "run")
        try:
            spec = self._specify(job)
        except InternalError:
            raise
        except DistillerError as error:
            kind = "fatal" if isinstance(error, UserError) else "transient"
            failure: JobUpdate = {
                "error": JobError(f"{error.code} {error.text}", kind),  # type: ignore[arg-type]  # one of the two words
                "end_time": now(),
            }
            self._step(job_id, _OPEN, failure, "run", to=Phase.ERROR)
            return self.get(job_id)
        update: JobUpdate = {
            "spec": spec.model_dump_json(),
            "quote": self._quote(job.task),
        }
        self._step(job_id, _OPEN, update, "run", to=Phase.QUEUED)
        return self.get(job_id)

    def abort(self, job_id: str) -> Job:
        """Stop a job. ABORTED comes once none of its processes is left."""
        update: JobUpdate = {
            "end_time": now(),
            "error": JobError("aborted by its user before it ran", "fatal"),
        }
        if self._store.update(job_id, _OPEN, update, to=Phase.ABORTED):
            return self.get(job_id)
        self._step(
            job_id, {Phase.QUEUED, Phase.EXECUTING}, {"wish": "abort"}, "be aborted"
        )
        return self.get(job_id)

    def delete(self, job_id: str) -> None:
        """Remove a job; it is out of sight at once, its processes soon.

        A product that it made stays in the archive.
        """
        self._store.get(job_id)
        self._store.update(job_id, _ALL, {"wish": "delete"})

    # What users may see ----------------------------------------------------------

    def get(self, job_id: str) -> Job:
        """Return a job, with its progress while it runs."""
        job = self._store.get(job_id)
        if job.phase is not Phase.EXECUTING:
            return job
        folder = folders.job_folder(self._settings, job_id)
        return replace(job, progress=folders.read_progress(folder))

    def list(
        self,
        *,
        owner: str | None,
        everybody: bool = False,
        task: str | None = None,
        wanted: JobFilter | None = None,
    ) -> tuple[Job, ...]:
        """Return jobs, newest first.

        Jobs of nobody are listed in the embedded default only: elsewhere they are
        found by their address alone.
        """
        embedded = self._settings.database_url is None
        if owner is None and not everybody and not embedded:
            return ()
        return self._store.list(
            owner=owner, everybody=everybody, task=task, wanted=wanted
        )

    async def wait(
        self, job_id: str, *, timeout_s: float, phase: Phase | None = None
    ) -> Job:
        """Return the job once its phase changes, or after ``timeout_s``.

        Parameters
        ----------
        phase
            The phase that the client knows; if the job is not in it, or not in one
            that can end by itself, there is nothing to wait for.
        """
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()

        def tell(other: str) -> None:
            if other == job_id and not loop.is_closed():
                loop.call_soon_threadsafe(changed.set)

        deadline = time.monotonic() + timeout_s
        with self._store.changes.listening(tell):
            job = await loop.run_in_executor(self._threads, self._look, job_id)
            known = job.phase if phase is None else phase
            while job.phase == known and known.is_active:
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), min(left, self._look_s))
                changed.clear()
                job = await loop.run_in_executor(self._threads, self._look, job_id)
        return job

    def result_path(self, job_id: str, result_id: str) -> Path:
        """Return the file of a result.

        Raises
        ------
        NotFound
            If the job has no such result (yet), or its file is gone.
        """
        job = self._store.get(job_id)
        result = job.result(result_id)
        if result is None:
            names = ", ".join(r.id for r in job.results)
            message = f"job {job_id} ({job.phase}) has no result {result_id!r}"
            raise NotFound(message, hint=f"it has: {names}" if names else None)
        folder = folders.product_folder(self._settings, job.task, job_id)
        path = folder / result.name
        if not path.is_file():
            message = f"the file of result {result_id!r} of job {job_id} is gone"
            raise NotFound(message, hint="run the job again")
        return path

    def log_tail(self, job_id: str, lines: int = 200) -> str:
        """Return the last lines that the job printed."""
        self._store.get(job_id)
        folder = folders.job_folder(self._settings, job_id)
        return folders.log_tail(folder, lines)

    # Inside ----------------------------------------------------------------------

    def _look(self, job_id: str) -> Job:
        try:
            return self.get(job_id)
        finally:
            self._store.release()

    def _step(
        self,
        job_id: str,
        phases: Iterable[Phase],
        update: JobUpdate,
        words: str,
        *,
        to: Phase | None = None,
    ) -> None:
        if not self._store.update(job_id, frozenset(phases), update, to=to):
            raise _illegal(self._store.get(job_id), words)

    def _duration_s(self, seconds: int) -> int:
        most = self._settings.job_duration_max_s
        return min(seconds, most) if seconds else most

    def _quote(self, task: str) -> datetime | None:
        typical_s = self._store.typical_duration_s(task)
        return None if typical_s is None else now() + timedelta(seconds=typical_s)

    def _specify(self, job: Job) -> JobSpec:
        task = tasks.task(job.task)
        parameters, datasets, heritage = self._resolve(
            job.task, job.parameters, job.owner
        )
        return JobSpec(
            job_id=job.job_id,
            task=task.name,
            task_version=task.version,
            owner=job.owner,
            parameters=parameters.model_dump(mode="json"),
            inputs=datasets,
            heritage=heritage,
            duration_s=job.execution_duration_s,
            memory_mb=self._settings.job_memory_mb,
        )

    def _resolve(
        self, task: str, pairs: Iterable[tuple[str, str]], owner: str | None
    ) -> tuple[TaskParameters, tuple[InputDataset, ...], Heritage]:
        parameters = tasks.task(task).parameters.from_pairs(task, pairs)
        faults: list[UserError] = []
        found = None
        try:
            found = inputs.resolve(self._archive, parameters.obs, owner)
        except UserError as error:
            faults.append(error)
        if parameters.ra is None and parameters.target is not None:
            try:
                parameters = parameters.resolved(
                    *self._position(task, parameters.target)
                )
            except UserError as error:
                faults.append(error)
        if found is None or faults:
            raise _together(task, faults)
        datasets, heritage = found
        return parameters, datasets, heritage

    def _position(self, task: str, target: str) -> tuple[float, float]:
        if self._resolver is None:
            fault = f"there is no name resolver here to find {target!r}"
            raise InvalidParameters(task, (("target", f"{fault}; give ra and dec"),))
        try:
            return self._resolver(target)
        except NotFound as error:
            message = f"target: {error.message}"
            raise NotFound(message, hint=error.hint or "give ra and dec") from error


def _illegal(job: Job, words: str) -> IllegalState:
    message = f"job {job.job_id} is {job.phase} and cannot {words}"
    hint = None
    if job.phase is Phase.COMPLETED:
        hint = "make a new job"
    return IllegalState(message, hint=hint)


def _together(task: str, faults: Sequence[UserError]) -> UserError:
    """Return one error that says all; each message begins with its parameter."""
    if len(faults) == 1:
        return faults[0]
    parts = (error.text.partition(": ") for error in faults)
    return InvalidParameters(task, tuple((name, text) for name, _, text in parts))
