"""The supervisor: starts what is queued, files what has ended, cleans what is due.

One per home. All it knows stands in the job table and in the jobs' folders, so that it
may be killed at any moment: the next one finds everything again and goes on.
"""

from __future__ import annotations

import fcntl
import logging
import os
import select
import shutil
import threading
import time
from contextlib import suppress
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, Final

from distiller.analysis.products import ProductDescription
from distiller.core.errors import Busy, DistillerError, PassingError
from distiller.core.files import write_text
from distiller.core.times import now
from distiller.jobs import folders, registration
from distiller.jobs.engines.local import Handle, LocalEngine
from distiller.jobs.queue import next_jobs
from distiller.jobs.spec import FILE, JobSpec
from distiller.vo.uws import JobError, Phase

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from distiller.core.settings import Settings
    from distiller.jobs.store import Entry, JobStore, JobUpdate, ProductWriter

logger = logging.getLogger(__name__)

_LOOK_S: Final = 0.5
_CLEAN_S: Final = 10.0
_RETRY_S: Final = 5.0
_FORCE_S: Final = 6.0
_MOVING: Final = frozenset({Phase.QUEUED, Phase.EXECUTING})
_LOCK: Final = "supervisor.lock"


class Supervisor:
    """Runs the jobs of one home; a thread of ``serve`` or all of ``runner``.

    Parameters
    ----------
    look_s
        How often to look at the job table for what other processes changed there.
        Changes through ``store`` are noticed at once.
    engine
        Where jobs run; this machine with a warm zygote by default.
    """

    def __init__(
        self,
        settings: Settings,
        store: JobStore,
        archive: ProductWriter,
        *,
        look_s: float = _LOOK_S,
        engine: LocalEngine | None = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._archive = archive
        self._look_s = look_s
        self._engine = engine or LocalEngine()
        self._running: dict[str, tuple[Handle, str | None]] = {}
        self._descriptors: dict[str, int] = {}
        self._cancelled_at: dict[str, float] = {}
        self._retry_at: dict[str, float] = {}
        self._served: dict[str | None, int] = {}
        self._turns = 0
        self._clean_at = 0.0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._lock: IO[str] | None = None

    # Life --------------------------------------------------------------------

    def start(self) -> None:
        """Run in a thread of this process.

        Raises
        ------
        Busy
            If another supervisor has the jobs of this home.
        """
        self._take_lock()
        self._thread = threading.Thread(
            target=self._live, name="job-supervisor", daemon=True
        )
        self._thread.start()

    def run(self) -> None:
        """Run in this thread until `stop` is called from a signal or elsewhere."""
        self._take_lock()
        self._live()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Stop; jobs go on under their shepherds and are found again."""
        self._stopping.set()
        self._ring("")
        if self._thread is not None:
            self._thread.join(timeout_s)
            self._thread = None

    def _live(self) -> None:
        try:
            with self._store.changes.listening(self._ring):
                self._engine.start()
                self._clear_trash()
                while not self._stopping.is_set():
                    self._safe_turn()
                    self._sleep()
        finally:
            self._engine.close()
            for descriptor in self._descriptors.values():
                os.close(descriptor)
            self._descriptors.clear()
            self._store.release()
            if self._lock is not None:
                self._lock.close()

    def _take_lock(self) -> None:
        self._settings.jobs_path.mkdir(parents=True, exist_ok=True)
        self._lock = (self._settings.jobs_path / _LOCK).open("w")
        try:
            # Freed by the kernel however this process ends; not passed on by exec.
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            message = f"another process runs the jobs of {self._settings.home}"
            raise Busy(
                message,
                hint='stop it, or set runner = "external" for `distiller serve`',
            ) from error

    def _ring(self, _job_id: str) -> None:
        with suppress(BlockingIOError):
            os.eventfd_write(self._bell, 1)

    def _sleep(self) -> None:
        """Wait for a change, for a shepherd's end, or for the time to look."""
        poller = select.poll()
        poller.register(self._bell, select.POLLIN)
        for descriptor in self._descriptors.values():
            poller.register(descriptor, select.POLLIN)
        poller.poll(self._look_s * 1000)
        with suppress(BlockingIOError):
            os.eventfd_read(self._bell)

    # One turn ----------------------------------------------------------------

    def _safe_turn(self) -> None:
        try:
            self.turn()
        except Exception:
            # The edge of the supervisor: it must outlive a full disk or a database
            # that is away for a while. What it did not do is there at the next turn.
            logger.exception("the jobs' supervisor failed; it tries again")
            self._stopping.wait(1.0)

    def turn(self) -> None:
        """Look at every unfinished job once and do what is due."""
        entries = self._store.unfinished()
        waiting = [entry for entry in entries if not self._handle(entry)]
        known = {entry.job_id for entry in entries}
        for job_id in set(self._running) - known:
            self._forget(job_id)
        running = [owner for _, owner in self._running.values()]
        slots = self._settings.jobs_at_once - len(running)
        for entry in next_jobs(waiting, running, slots, self._served):
            self._turns += 1
            self._served[entry.owner] = self._turns
            self._start(entry)
        if time.monotonic() >= self._clean_at:
            self._clean_at = time.monotonic() + _CLEAN_S
            for job_id in self._store.expired(now()):
                self._store.update(job_id, frozenset(Phase), {"wish": "delete"})

    def _handle(self, entry: Entry) -> bool:
        """Do what is due for a job; False if it waits to be started."""
        folder = folders.job_folder(self._settings, entry.job_id)
        handle = self._find(entry, folder)
        if handle is None:
            return self._handle_idle(entry, folder)
        state = self._engine.poll([handle])[handle].state
        if state is not None:
            self._finish(entry, folder, state)
            return True
        if not handle.shepherd.is_alive:
            # Ours came second: another shepherd had the folder already.
            self._forget(entry.job_id)
            return self._find(entry, folder) is not None
        if entry.phase is Phase.QUEUED:
            started: JobUpdate = {"start_time": now()}
            self._store.update(
                entry.job_id, {Phase.QUEUED}, started, to=Phase.EXECUTING
            )
        if entry.wish is not None:
            self._cancel(entry.job_id, handle)
        return True

    def _find(self, entry: Entry, folder: Path) -> Handle | None:
        """Return a job's handle: remembered, or found on disk after a restart."""
        if entry.job_id in self._running:
            return self._running[entry.job_id][0]
        if entry.phase not in _MOVING:
            return None
        handle = self._engine.find(folder)
        if handle is not None:
            self._remember(entry, handle)
        return handle

    def _handle_idle(self, entry: Entry, folder: Path) -> bool:
        """Do what is due for a job that no process works at."""
        if entry.wish == "delete":
            folders.remove(folder)
            self._store.delete(entry.job_id)
            return True
        if entry.wish == "abort" and entry.phase in _MOVING:
            error = JobError("aborted by its user before it ran", "fatal")
            self._end(entry.job_id, Phase.ABORTED, {"error": error})
            return True
        if entry.phase is Phase.EXECUTING:
            message = "P400 the job's folder is gone (run it again)"
            self._end(
                entry.job_id, Phase.ERROR, {"error": JobError(message, "transient")}
            )
            return True
        return entry.phase is not Phase.QUEUED

    def _start(self, entry: Entry) -> None:
        folder = folders.job_folder(self._settings, entry.job_id)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_text(folder / FILE, self._store.spec(entry.job_id))
            handle = self._engine.submit(folder)
        except (OSError, DistillerError) as error:
            message = f"P300 the job could not be started: {error}"
            self._end(
                entry.job_id, Phase.ERROR, {"error": JobError(message, "transient")}
            )
            return
        self._remember(entry, handle)
        started: JobUpdate = {"start_time": now()}
        self._store.update(entry.job_id, {Phase.QUEUED}, started, to=Phase.EXECUTING)

    def _cancel(self, job_id: str, handle: Handle) -> None:
        asked_at = self._cancelled_at.get(job_id)
        if asked_at is None:
            self._cancelled_at[job_id] = time.monotonic()
            self._engine.cancel(handle)
        elif time.monotonic() - asked_at > _FORCE_S:
            logger.warning("job %s does not end; killing its shepherd", job_id)
            self._engine.force(handle)

    # The end of a job --------------------------------------------------------

    def _finish(self, entry: Entry, folder: Path, state: Mapping[str, Any]) -> None:
        if entry.wish == "delete":
            self._forget(entry.job_id)
            folders.remove(folder)
            self._store.delete(entry.job_id)
            return
        if time.monotonic() < self._retry_at.get(entry.job_id, 0.0):
            return
        phase = Phase(state["phase"])
        update: JobUpdate = {
            "start_time": datetime.fromisoformat(state["started"]),
            "end_time": datetime.fromisoformat(state["ended"]),
        }
        if state["error"] is not None:
            error = state["error"]
            update["error"] = JobError(error["message"], error["type"])
        if phase is Phase.COMPLETED:
            try:
                update |= self._register(entry.job_id, folder, state)
            except PassingError as passing:
                logger.warning("job %s is not filed yet: %s", entry.job_id, passing)
                self._unwatch(entry.job_id)
                self._retry_at[entry.job_id] = time.monotonic() + _RETRY_S
                return
            except Exception as failure:
                logger.exception("job %s cannot be filed", entry.job_id)
                phase = Phase.ERROR
                message = f"I000 the product could not be filed: {failure}"
                update["error"] = JobError(message, "fatal")
                self._discard(entry.job_id)
        self._end(entry.job_id, phase, update)
        self._forget(entry.job_id)
        _tidy(folder)

    def _register(
        self, job_id: str, folder: Path, state: Mapping[str, Any]
    ) -> JobUpdate:
        """File a product: its files first, then its rows in one transaction."""
        spec = JobSpec.model_validate_json(self._store.spec(job_id))
        product = ProductDescription.model_validate(state["product"])
        target = folders.product_folder(self._settings, spec.task, job_id)
        registration.move_files(folder, target)
        self._archive.store(
            registration.bundle(spec, product, state, target, self._settings)
        )
        return {
            "results": registration.results(product, target),
            "product_id": job_id,
            "error": None,
        }

    def _discard(self, job_id: str) -> None:
        """Remove the files of a product that the archive does not take."""
        spec = JobSpec.model_validate_json(self._store.spec(job_id))
        folders.remove(folders.product_folder(self._settings, spec.task, job_id))

    def _end(self, job_id: str, phase: Phase, update: JobUpdate) -> None:
        final: JobUpdate = {"end_time": now(), "wish": None, **update}
        if not self._store.update(job_id, _MOVING, final, to=phase):
            logger.warning("job %s was not moving when it became %s", job_id, phase)

    # Memory ------------------------------------------------------------------

    def _remember(self, entry: Entry, handle: Handle) -> None:
        self._running[entry.job_id] = (handle, entry.owner)
        with suppress(ProcessLookupError):
            self._descriptors[entry.job_id] = os.pidfd_open(handle.shepherd.pid)

    def _forget(self, job_id: str) -> None:
        self._running.pop(job_id, None)
        self._cancelled_at.pop(job_id, None)
        self._retry_at.pop(job_id, None)
        self._unwatch(job_id)

    def _unwatch(self, job_id: str) -> None:
        descriptor = self._descriptors.pop(job_id, None)
        if descriptor is not None:
            os.close(descriptor)

    def _clear_trash(self) -> None:
        for path in self._settings.jobs_path.glob(".trash-*"):
            shutil.rmtree(path, ignore_errors=True)


def _tidy(folder: Path) -> None:
    """Leave the log and the records of a job that has ended; free the rest."""
    for name in ("tmp", folders.RESULT):
        if (folder / name).exists():
            shutil.rmtree(folder / name, ignore_errors=True)
