"""Asynchronous queries: each in a thread of the process that owns the archive.

The same three verbs as other engines have. Nothing is found again after a kill: a query
changes nothing, so that it is run anew, and its answer gets its name only when it is
whole.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

from distiller.core.errors import DistillerError, InternalError, TimedOut, Unreachable
from distiller.core.files import atomic_file, write_text
from distiller.core.times import now
from distiller.jobs import ends, failures, folders, uploads
from distiller.queries import answer
from distiller.queries.fetch import Patience
from distiller.queries.spool import Spool
from distiller.vo.tap import TapParameters
from distiller.vo.uws import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from distiller.archive import ArchiveReader
    from distiller.core.settings import Settings
    from distiller.jobs.ends import End
    from distiller.jobs.room import Room
    from distiller.queries.answer import Prepared
    from distiller.vo.uws import Job

logger = logging.getLogger(__name__)

RESULT: Final = "result"
"""Id of the result (TAP 1.1 section 2.3)."""

Asked = Literal["abort", "late", "stop"]


class Run:
    """A query that was handed over, and how it ended once it has."""

    def __init__(self, job: Job, folder: Path, others: int) -> None:
        self.job = job
        self.folder = folder
        self.others = others
        self.outcome: Result | End | None = None
        self._started = now()
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._cancel: Callable[[], None] | None = None
        self._asked: Asked | None = None
        self._thread: threading.Thread | None = None

    def begin(self, work: Callable[[Run], None]) -> None:
        """Have it done in a thread of its own."""
        name = f"query-{self.job.job_id[:8]}"
        self._thread = threading.Thread(
            target=work, args=(self,), name=name, daemon=True
        )
        self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait until its thread has ended; tell whether it has."""
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def is_late(self) -> bool:
        """Whether it runs longer than it may."""
        return self.age_s > self.job.execution_duration_s

    @property
    def age_s(self) -> float:
        """How long it has run."""
        return time.monotonic() - self._began

    def ask(self, what: Asked) -> None:
        """Have it stopped; what is asked for first counts."""
        with self._lock:
            self._asked = self._asked or what
            cancel = self._cancel
        if cancel is not None:
            cancel()

    def running(self, cancel: Callable[[], None]) -> None:
        """Be told how to stop it; it is stopped at once if somebody asked for it."""
        with self._lock:
            self._cancel = cancel
            asked = self._asked
        if asked is not None:
            cancel()

    def end_of(self, error: Exception) -> End:
        """Return what an exception means for the job."""
        if self._asked == "abort":
            return ends.aborted(self._started)
        if self._asked == "late" or isinstance(error, TimedOut):
            return ends.late(self.job.execution_duration_s, self._started)
        if not isinstance(error, DistillerError) or isinstance(error, InternalError):
            logger.error("the query of job %s failed", self.job.job_id, exc_info=error)
        return ends.failed(failures.told(error), self._started)


class QueryEngine:
    """Runs the queries of jobs on an archive that this process has open.

    Parameters
    ----------
    room
        What the results may take of the disk.
    ended
        Called with the id of a job when its query has ended, from any thread.
    """

    def __init__(
        self,
        archive: ArchiveReader,
        settings: Settings,
        room: Room,
        ended: Callable[[str], object],
    ) -> None:
        self._archive = archive
        self._settings = settings
        self._room = room
        self._ended = ended
        place = settings.spool_path / "jobs"
        self._spool = Spool(place, settings.async_results_mb * 10**6)

    def submit(self, folder: Path, job: Job, others: int) -> Run:
        """Begin the query of a job; its answer comes below the job's folder.

        Parameters
        ----------
        others
            Bytes of the other results of its owner.
        """
        run = Run(job, folder, others)
        run.begin(self._work)
        return run

    def poll(self, runs: Iterable[Run]) -> dict[Run, Result | End | None]:
        """Say which queries have ended, and how; those that take too long are ended."""
        found = {run: run.outcome for run in runs}
        for run, outcome in found.items():
            if outcome is None and run.is_late:
                run.ask("late")
        return found

    def cancel(self, run: Run) -> None:
        """Stop a query; asking again does no harm."""
        run.ask("abort")

    def close(self, runs: Iterable[Run], timeout_s: float) -> None:
        """Stop queries that another start shall run anew, and wait for their ends."""
        deadline = time.monotonic() + timeout_s
        stopped = tuple(runs)
        for run in stopped:
            run.ask("stop")
        for run in stopped:
            run.wait(max(0.0, deadline - time.monotonic()))

    def _work(self, run: Run) -> None:
        """Run a query; all of one thread."""
        try:
            run.outcome = self._answered(run)
        except Exception as error:  # noqa: BLE001 - the edge of a job
            run.outcome = run.end_of(error)
        self._ended(run.job.job_id)

    def _answered(self, run: Run) -> Result:
        prepared = self._prepared(run)
        writer = prepared.writer
        path = run.folder / folders.ANSWER / f"{RESULT}.{writer.extension}"
        claim = self._room.claim(run.others)
        told: list[str] = []
        scratch = answer.Scratch(self._spool, self._settings.async_result_mb * 10**6)
        parts = answer.whole(self._archive, prepared, told.append, run.running, scratch)
        try:
            with closing(parts), atomic_file(path) as stream:
                for part in parts:
                    claim.add(len(part))
                    stream.write(part)
            if told:
                # Not every format has a place for it.
                write_text(run.folder / folders.LOG, f"{told[0]}\n")
        except BaseException:
            claim.drop()
            raise
        return Result(RESULT, path.name, writer.media_type, claim.size)

    def _prepared(self, run: Run) -> Prepared:
        """Check the parameters and the query."""
        given = TapParameters.parse(run.job.parameters)
        parameters = replace(given, run_id=run.job.run_id)
        patience = Patience(self._settings.upload_url_timeout_s)
        run.running(patience.stop)
        try:
            prepared = answer.prepare(
                parameters,
                self._archive,
                self._settings,
                uploads.find(run.folder),
                owner=run.job.owner,
                patience=patience,
            )
        except TimedOut as error:  # a URL was late, the job was not
            raise Unreachable(error.message, hint=error.hint) from error
        return replace(prepared, timeout_s=float(run.job.execution_duration_s))
