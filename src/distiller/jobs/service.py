"""The life cycle of a job: what users may do to it, and when.

Source: UWS 1.1 section 2. The service decides, the store remembers, the supervisor
runs.
"""

from __future__ import annotations

import functools
import uuid
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from distiller.analysis import tasks
from distiller.core.errors import Forbidden, NotFound
from distiller.core.rights import NOBODY, Reader, may_touch
from distiller.core.times import now
from distiller.jobs import cache, folders, limits, notices, sent_files, uploads
from distiller.jobs import parameters as parameters_of
from distiller.jobs.outcome import Outcomes, after
from distiller.jobs.sent_files import SentFiles
from distiller.jobs.spec import FILE
from distiller.jobs.specify import Specifier
from distiller.jobs.store import QUERY, kind_of
from distiller.jobs.waiting import WaitingRoom
from distiller.vo.uws import Job, JobError, JobFilter, Phase

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from distiller.analysis.parameters import TaskParameters
    from distiller.core.settings import Settings
    from distiller.jobs.limits import Times
    from distiller.jobs.store import DatasetFinder, JobStore, JobUpdate, Resolver
    from distiller.jobs.uploads import Uploads
    from distiller.vo.uws import Result

_OPEN: Final = frozenset({Phase.PENDING, Phase.HELD})
_ALL: Final = frozenset(Phase)
_NO_FILES: Final[Uploads] = MappingProxyType({})


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
        self._store, self._archive = store, archive
        self._settings = settings
        self._specifier = Specifier(archive, settings, resolver)
        self._files = SentFiles(store, archive, settings)
        self._outcomes = Outcomes(store, archive, settings, self._specifier)
        self._waiting = WaitingRoom(store, settings)

    # What users may do -----------------------------------------------------------

    def create(  # noqa: PLR0913 - the parts of a request
        self,
        task: str,
        parameters: Iterable[tuple[str, str]],
        owner: str | None = None,
        run_id: str | None = None,
        times: Times = limits.USUAL,
        *,
        files: Uploads = _NO_FILES,
        fresh: bool = False,
    ) -> Job:
        """Make a PENDING job; its parameters are checked when it runs (UWS).

        Parameters
        ----------
        files
            What comes along, by name: that of an upload, or of a parameter that is a
            file.
        fresh
            Whether the product is to be computed even if it is there already.

        Raises
        ------
        NotFound
            If there is no such task.
        Forbidden
            If the owner has too many jobs that were not started.
        """
        job = self._new(task, parameters, owner, run_id, times, fresh=fresh)
        limits.make_room(self._store, owner, kind_of(task))
        with self._files.kept(job, files) as made:
            self._store.create(made)
        return made

    def submit(  # noqa: PLR0913 - the parts of a request
        self,
        task: str,
        parameters: Iterable[tuple[str, str]],
        who: Reader = NOBODY,
        run_id: str | None = None,
        times: Times = limits.USUAL,
        *,
        files: Uploads = _NO_FILES,
        fresh: bool = False,
    ) -> Job:
        """Make a job of whoever asks, and run it: `create` and `run` in one step.

        Either there is a job then that is QUEUED, or COMPLETED if its product is there
        already, or in ERROR if its parameters are wrong, or none at all.

        Raises
        ------
        NotFound
            If there is no such task.
        Forbidden
            If the owner has too many jobs under way.
        """
        job = self._new(task, parameters, who.name, run_id, times, fresh=fresh)
        notices.check(job, self._settings, self._store)
        with self._files.kept(job, files, who) as given:
            phase, update = self._outcomes.of(given, who)
            self._check_load(given, phase)
            made = after(given, phase, update)
            self._store.create(made, update.get("spec", ""))
        return made

    def check(
        self, task: str, parameters: Iterable[tuple[str, str]], who: Reader = NOBODY
    ) -> TaskParameters:
        """Check parameters as RUN will, without making a job (for forms).

        Raises
        ------
        InvalidParameters
            With every fault.
        NotFound, BadParameter, Forbidden
            Of a target or dataset.
        Unreachable
            If nobody could say where the target is.
        """
        checked = self._specifier.check(task, parameters, who)
        self._files.check(task, checked, who)
        return checked

    def check_files(self, task: str, files: Uploads) -> None:
        """Refuse what no job would take, with the fault of each; keep none (forms)."""
        self._files.look(task, files)

    def set_parameters(
        self,
        job_id: str,
        parameters: Iterable[tuple[str, str]],
        files: Uploads = _NO_FILES,
    ) -> Job:
        """Give a PENDING job parameters, and files.

        Those that may be repeated add up (DALI); others replace what was there.
        """
        job, more = self._store.get(job_id), tuple(parameters)
        if files and job.phase is Phase.PENDING:
            more = sent_files.with_files(more, self._files.take(job, files))
        parameters_of.give(self._store, job_id, more)
        return self.get(job_id)

    def set_parameter(self, job_id: str, name: str, values: Iterable[str]) -> None:
        """Set one parameter of a PENDING job: these values instead of all others."""
        parameters_of.put(self._store, job_id, name, values)

    def set_run_id(self, job_id: str, run_id: str) -> None:
        """Set the word that a client knows a PENDING job by."""
        self._step(job_id, {Phase.PENDING}, {"run_id": run_id}, "change its runId")

    def set_fresh(self, job_id: str, *, fresh: bool) -> None:
        """Set whether a job that has not started takes no product that is there."""
        self._step(job_id, _OPEN, {"fresh": fresh}, "change its CACHE")

    def set_duration(self, job_id: str, seconds: int) -> Job:
        """Set the longest run in s of a job that has not started; 0 is the longest."""
        task = self._store.get(job_id).task
        longest_s = limits.duration_s(self._settings, task, seconds)
        update: JobUpdate = {"execution_duration_s": longest_s}
        self._step(job_id, _OPEN, update, "change its duration")
        return self.get(job_id)

    def set_destruction(self, job_id: str, instant: datetime) -> Job:
        """Set when the job is removed, at most as late as for a new job."""
        update: JobUpdate = {
            "destruction": min(instant, limits.latest(self._settings, now()))
        }
        self._step(job_id, _ALL, update, "change its destruction")
        return self.get(job_id)

    def run(self, job_id: str, who: Reader | None = None) -> Job:
        """Check the parameters and queue the job; wrong ones put it in ERROR.

        A product that is there already completes it at once (see `cache`).

        Parameters
        ----------
        who
            Who asks; without it, the owner, with no group and no staff rights. What
            is made is the owner's, so that nobody else's rights count.

        Raises
        ------
        IllegalState
            If it is not PENDING or HELD.
        Forbidden
            If the owner has too many jobs under way.
        """
        for _ in range(parameters_of.TRIES):
            job = self._store.get(job_id)
            if job.phase not in _OPEN:
                raise parameters_of.illegal(job, "run")
            notices.check(job, self._settings, self._store)
            owner = who if who and who.name == job.owner else Reader(job.owner)
            self._files.bring(job, owner)
            phase, update = self._outcomes.of(job, owner)
            self._check_load(job, phase)
            # If parameters were added since, they are to be used as well.
            if self._store.update(job_id, _OPEN, update, to=phase, seen=job.parameters):
                return after(job, phase, update)
        raise parameters_of.restless(job_id)

    def hold(self, job_id: str, who: Reader) -> None:
        """Take a job out of the queue until somebody runs it again.

        Raises
        ------
        Forbidden
            If whoever asks is no administrator.
        IllegalState
            If it does not wait, or waits where Slurm has it.
        """
        if not who.is_staff:
            message = "only administrators hold jobs back"
            raise Forbidden(message, hint="abort it, and make a new one later")
        self._step(job_id, {Phase.QUEUED}, {"quote": None}, "be held", to=Phase.HELD)
        # The supervisor writes it before it looks at the phase: one of both sees it.
        if (folders.job_folder(self._settings, job_id) / FILE).exists():
            self._store.update(job_id, {Phase.HELD}, {}, to=Phase.QUEUED)
            raise parameters_of.illegal(self.get(job_id), "be held: it is handed over")

    def abort(self, job_id: str) -> Job:
        """Stop a job. ABORTED comes once none of its processes is left."""
        update: JobUpdate = {
            "end_time": now(),
            "error": JobError("aborted by its user before it ran", "fatal"),
        }
        if self._store.update(job_id, _OPEN, update, to=Phase.ABORTED):
            uploads.forget(folders.job_folder(self._settings, job_id))
            return self.get(job_id)
        self._step(job_id, limits.UNDER_WAY, {"wish": "abort"}, "be aborted")
        return self.get(job_id)

    def delete(self, job_id: str) -> None:
        """Remove a job; it is out of sight at once, its processes soon.

        A product that it made stays in the archive.
        """
        self._store.get(job_id)
        self._store.update(job_id, _ALL, {"wish": "delete"})

    # What users may see ----------------------------------------------------------

    def visit(self, job_id: str, who: Reader) -> Job:
        """Return a job to somebody who may see it; every page and resource asks here.

        Raises
        ------
        Forbidden
            If it belongs to somebody else.
        """
        job = self.get(job_id)
        if not may_touch(who, job.owner):
            message = f"job {job_id} belongs to somebody else"
            raise Forbidden(message, hint=None if who.name else "log in as its owner")
        return job

    def get(self, job_id: str) -> Job:
        """Return a job, with its progress while it runs."""
        job = self._store.get(job_id)
        if job.quote is not None and not job.phase.is_final and job.quote < now():
            job = replace(job, quote=None)  # nobody knows it any more
        if job.phase is Phase.PENDING:
            job = replace(
                job, quote=self._outcomes.quote(job.task)
            )  # if it were run now
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
        skip: int = 0,
    ) -> tuple[Job, ...]:
        """Return jobs, newest first, without the first ``skip``.

        Jobs of nobody are listed where only this machine is served: elsewhere they
        are found by their address alone, which is nobody else's business.
        """
        if owner is None and not everybody and not self._settings.is_local:
            return ()
        return self._store.list(
            owner=owner, everybody=everybody, task=task, wanted=wanted, skip=skip
        )

    def quote(self, task: str) -> datetime | None:
        """Return when a job of a task would be done if it ran now; None: unknown."""
        return self._outcomes.quote(task)

    def owners_of(self, product_id: str) -> tuple[str | None, ...]:
        """Return whose jobs show a product: an owner for each job."""
        return self._store.owners_of(product_id)

    def place(self, job: Job) -> tuple[int, int]:
        """Return the place of a waiting job, from 1 on, and how many wait."""
        kind = kind_of(job.task)
        before, waiting = self._store.place(job.creation_time, kind)
        return before + 1, max(waiting, before + 1)

    async def wait(
        self,
        job_id: str,
        who: Reader = NOBODY,
        *,
        timeout_s: float,
        phase: Phase | None = None,
    ) -> Job:
        """Return the job once its phase changes, after ``timeout_s``, or at `leave`.

        Parameters
        ----------
        who
            Who asks, as for `visit`.
        phase
            The phase that the client knows; if the job is not in it, or not in one
            that can end by itself, there is nothing to wait for.
        """
        look = functools.partial(self.visit, job_id, who)
        return await self._waiting.wait(job_id, look, timeout_s=timeout_s, phase=phase)

    def leave(self) -> None:
        """Answer everybody who waits with the present state: the server stops."""
        self._waiting.close()

    @property
    def is_leaving(self) -> bool:
        """Whether the server stops, and whoever follows something is let go."""
        return self._waiting.is_closed

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
        path = self._path(job, result)
        if path is None:
            message = (
                f"job {job_id} was given product {job.product_id}, "
                "which the archive has no more"
            )
            raise NotFound(message, hint="run the job again")
        if not path.is_file():
            message = f"the file of result {result_id!r} of job {job_id} is gone"
            raise NotFound(message, hint="run the job again")
        return path

    def _path(self, job: Job, result: Result) -> Path | None:
        """Return where a result lies; None if it is of a product that was removed."""
        if job.reused is not None:
            return cache.path_of(self._archive, job.product_id or "", result.name)
        if job.task == QUERY:
            folder = folders.job_folder(self._settings, job.job_id) / folders.ANSWER
        else:
            folder = folders.product_folder(self._settings, job.task, job.job_id)
        return folder / result.name

    def log_tail(self, job_id: str, lines: int = 200) -> str:
        """Return the last lines that the job printed."""
        given = cache.log_of(self._store.get(job_id))
        folder = folders.job_folder(self._settings, job_id)
        return given or folders.log_tail(folder, lines)

    # Inside ----------------------------------------------------------------------

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
            raise parameters_of.illegal(self._store.get(job_id), words)

    def _new(  # noqa: PLR0913 - the parts of a request
        self,
        task: str,
        parameters: Iterable[tuple[str, str]],
        owner: str | None,
        run_id: str | None,
        times: Times,
        *,
        fresh: bool,
    ) -> Job:
        """Return a PENDING job that is not stored yet."""
        if task != QUERY:
            tasks.task(task)
        moment = now()
        latest = limits.latest(self._settings, moment)
        destruction = times.destruction
        if destruction is None:
            destruction = latest if owner else limits.idle_end(self._settings, moment)
        return Job(
            job_id=str(uuid.uuid4()),
            task=task,
            owner=owner,
            phase=Phase.PENDING,
            creation_time=moment,
            execution_duration_s=limits.duration_s(
                self._settings, task, times.duration_s
            ),
            destruction=min(destruction, latest),
            run_id=run_id,
            fresh=fresh,
            parameters=limits.bounded(tuple(parameters)),
        )

    def _check_load(self, job: Job, phase: Phase) -> None:
        """Refuse a job of an owner who has too many, or too much on disk."""
        if phase is Phase.COMPLETED:
            return  # given what is there, it takes neither
        kind = kind_of(job.task)
        limits.check_load(self._store, self._settings.jobs_per_user, job.owner, kind)
        limits.check_products(self._archive, self._settings, job)
