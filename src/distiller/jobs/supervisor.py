"""The supervisor: starts what is queued, files what has ended, cleans what is due.

One per home. All it knows stands in the job table and in the jobs' folders, so that it
may be killed at any moment: the next one finds everything again and goes on.
"""

from __future__ import annotations

import fcntl
import logging
import os
import select
import threading
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Final

from distiller.core.errors import Busy, DistillerError, InternalError, UserError
from distiller.core.files import write_text
from distiller.core.times import now
from distiller.jobs import ends, failures, folders, registration
from distiller.jobs.engines.local import Handle, LocalEngine
from distiller.jobs.presence import LOCK
from distiller.jobs.queue import next_jobs
from distiller.jobs.spec import FILE, JobSpec
from distiller.jobs.troubles import Troubles, is_passing
from distiller.vo.uws import JobError, Phase

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distiller.analysis.products import ProductDescription
    from distiller.core.settings import Settings
    from distiller.jobs.ends import End
    from distiller.jobs.store import Entry, JobStore, JobUpdate, ProductWriter

logger = logging.getLogger(__name__)

_LOOK_S: Final = 0.5
_CLEAN_S: Final = 10.0
_FORCE_S: Final = 6.0
_TRIES: Final = 8
"""How often to try what fails for a reason that nobody thought of."""

_MOVING: Final = frozenset({Phase.QUEUED, Phase.EXECUTING})
_LOCK_TRIES: Final = 10
_TURN: Final = "turn"
_FILED: Final = "SELECT product_id FROM cta.product WHERE product_id = ?"


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
        self._unfiled: set[str] = set()
        self._job_troubles = Troubles()
        self._own_troubles = Troubles(longest_s=30.0)
        self._served: dict[str | None, int] = {}
        self._turns = 0
        self._clean_at = 0.0
        self._is_prepared = False
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

    def run(self, ready: Callable[[], object]) -> None:
        """Run in this thread until `stop` is called from a signal or elsewhere.

        Parameters
        ----------
        ready
            Called once the jobs of the home are this supervisor's.
        """
        self._take_lock()
        ready()
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
                while not self._stopping.is_set():
                    self._safe_turn()
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
        self._lock = (self._settings.jobs_path / LOCK).open("w")
        for _ in range(_LOCK_TRIES):
            try:
                # Freed by the kernel however this process ends; not passed on by exec.
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                # Perhaps somebody only asks for a moment whether it is held.
                time.sleep(0.02)
            else:
                return
        self._lock.close()
        message = f"another process runs the jobs of {self._settings.home}"
        hint = 'stop it, or set runner = "external" for `distiller serve`'
        raise Busy(message, hint=hint)

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
            self._prepare()
            self.turn()
            self._sleep()
        except Exception as error:  # noqa: BLE001 - logged with its place
            # The edge of the supervisor: it must outlive a full disk or a database
            # that is away for a while. What it did not do is there at the next turn.
            self._own_troubles.note(_TURN, error, "the supervisor of jobs cannot work")
            self._stopping.wait(self._own_troubles.pause_s(_TURN))
        else:
            self._own_troubles.over(_TURN)

    def _prepare(self) -> None:
        if not self._is_prepared:
            self._engine.start()
            # What a sick disk does not show is swept at another start.
            with suppress(OSError):
                folders.sweep(self._settings)
            self._is_prepared = True

    def turn(self) -> None:
        """Look at every unfinished job once and do what is due."""
        self._engine.tend()
        entries = self._store.unfinished()
        waiting = [e for e in entries if not self._attempt(e, self._handle)]
        for job_id in set(self._running) - {entry.job_id for entry in entries}:
            self._forget(job_id)
        running = [owner for _, owner in self._running.values()]
        slots = self._settings.jobs_at_once - len(running)
        for entry in next_jobs(waiting, running, slots, self._served):
            self._turns += 1
            self._served[entry.owner] = self._turns
            self._attempt(entry, self._start)
        if time.monotonic() >= self._clean_at:
            self._clean_at = time.monotonic() + _CLEAN_S
            for job_id in self._store.expired(now()):
                self._store.update(job_id, frozenset(Phase), {"wish": "delete"})

    def _attempt(self, entry: Entry, step: Callable[[Entry], bool]) -> bool:
        """Take a step for one job; what goes wrong with it stops no other job."""
        key = (entry.job_id, entry.wish)
        if self._job_troubles.waits(key):
            return True
        try:
            done = step(entry)
        except Exception as error:  # noqa: BLE001 - logged with its place
            # Else the end of its shepherd would wake us again at once.
            self._unwatch(entry.job_id)
            what = f"job {entry.job_id} cannot be looked after"
            count = self._job_troubles.note(key, error, what)
            lasting = isinstance(error, (UserError, InternalError))
            unknown = not is_passing(error) and count >= _TRIES
            # At the stop, others close what the step needed.
            if (lasting or unknown) and not self._stopping.is_set():
                self._give_up(entry, error)
            return True
        if done:
            self._job_troubles.over(key)
        return done

    def _handle(self, entry: Entry) -> bool:
        """Do what is due for a job; False if it waits to be started."""
        folder = folders.job_folder(self._settings, entry.job_id)
        handle = self._find(entry, folder)
        if handle is None:
            return self._handle_idle(entry, folder)
        status = self._engine.poll([handle])[handle]
        if status.end is not None:
            was_forced = status.is_lost and entry.wish == "abort"
            self._finish(entry, folder, ends.aborted() if was_forced else status.end)
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
        """Do what is due for a job that no process works at, as far as is known."""
        if entry.wish == "delete":
            self._remove(entry, folder)
            return True
        if entry.phase is Phase.EXECUTING:
            if (folder / FILE).is_file():
                self._start_again(entry, folder)
                return True
            message = "P400 the job's folder is gone (run it again)"
            error = JobError(message, "transient")
            self._end(entry.job_id, Phase.ERROR, {"error": error})
            return True
        if entry.wish == "abort" and entry.phase in _MOVING:
            error = JobError("aborted by its user before it ran", "fatal")
            self._end(entry.job_id, Phase.ABORTED, {"error": error})
            return True
        return entry.phase is not Phase.QUEUED

    def _start(self, entry: Entry) -> bool:
        """Hand a queued job over."""
        text = self._store.spec(entry.job_id)
        JobSpec.read(text)
        folder = folders.job_folder(self._settings, entry.job_id)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # While there is room, so that the shepherd can tell when there is none.
            folders.reserve(folder)
            write_text(folder / FILE, text)
            handle = self._engine.submit(folder)
        except (OSError, DistillerError) as error:
            logger.warning("job %s could not be started: %s", entry.job_id, error)
            self._end(entry.job_id, Phase.ERROR, {"error": _not_started(error)})
            folders.tidy(folder)
            return True
        self._remember(entry, handle)
        started: JobUpdate = {"start_time": now()}
        self._store.update(entry.job_id, {Phase.QUEUED}, started, to=Phase.EXECUTING)
        return True

    def _start_again(self, entry: Entry, folder: Path) -> None:
        """Hand over a job that was handed over, and whose shepherd nobody knows.

        It may not have got as far as to write who it is when the supervisor that
        started it was killed. The folder's lock sees to it that one of the two runs.
        """
        if entry.wish == "abort":
            (folder / folders.CANCEL).touch()
        self._remember(entry, self._engine.submit(folder))

    def _cancel(self, job_id: str, handle: Handle) -> None:
        asked_at = self._cancelled_at.get(job_id)
        if asked_at is None:
            self._cancelled_at[job_id] = time.monotonic()
            self._engine.cancel(handle)
        elif time.monotonic() - asked_at > _FORCE_S:
            logger.warning("job %s does not end; killing its shepherd", job_id)
            self._cancelled_at[job_id] = time.monotonic()
            self._engine.force(handle)

    # The end of a job --------------------------------------------------------

    def _finish(self, entry: Entry, folder: Path, end: End) -> None:
        if entry.wish == "delete":
            self._remove(entry, folder)
            return
        update: JobUpdate = {"end_time": end.ended, "error": end.error}
        if end.started is not None:
            update["start_time"] = end.started
        if end.product is not None:
            update |= self._file(entry.job_id, folder, end, end.product)
        # Before the phase: nobody comes back to a job that has ended.
        folders.tidy(folder)
        self._end(entry.job_id, Phase(end.phase), update)
        self._forget(entry.job_id)

    def _file(
        self, job_id: str, folder: Path, end: End, product: ProductDescription
    ) -> JobUpdate:
        """File a product: its files first, then its rows in one transaction."""
        spec = JobSpec.read(self._store.spec(job_id))
        target = folders.product_folder(self._settings, spec.task, job_id)
        self._unfiled.add(job_id)
        with registration.handling_files():
            registration.move_files(folder, target)
            bundle = registration.bundle(spec, product, end, target, self._settings)
            results = registration.results(product, target)
        self._archive.store(bundle)
        self._unfiled.discard(job_id)
        return {"results": results, "product_id": registration.product_id(job_id)}

    def _give_up(self, entry: Entry, error: Exception) -> None:
        """End a job that nothing more can be done for."""
        try:
            folder = folders.job_folder(self._settings, entry.job_id)
            handle, _ = self._running.get(entry.job_id, (None, None))
            if handle is not None and handle.shepherd.is_alive:
                self._engine.force(handle)
            if entry.wish == "delete":
                self._remove(entry, folder)
                return
            self._end(entry.job_id, Phase.ERROR, {"error": _given_up(error)})
            if entry.job_id in self._unfiled:
                # The archive does not take the product: its files are nobody's.
                for path in folders.product_folders(self._settings, entry.job_id):
                    folders.remove(path)
            self._forget(entry.job_id)
            folders.tidy(folder)
        except Exception as failure:  # noqa: BLE001 - logged with its place
            what = f"job {entry.job_id} cannot be given up"
            self._job_troubles.note((entry.job_id, "give up"), failure, what)

    def _remove(self, entry: Entry, folder: Path) -> None:
        self._forget(entry.job_id)
        self._remove_unfiled(entry.job_id)
        folders.remove(folder)
        self._store.delete(entry.job_id)

    def _remove_unfiled(self, job_id: str) -> None:
        """Remove the files of a product that never came into the archive.

        They are in place before their rows are: between the two, a supervisor may have
        been killed.
        """
        left = list(folders.product_folders(self._settings, job_id))
        if left and not self._archive.rows(_FILED, [registration.product_id(job_id)]):
            for path in left:
                folders.remove(path)

    def _end(self, job_id: str, phase: Phase, update: JobUpdate) -> None:
        final: JobUpdate = {"end_time": now(), "wish": None, **update}
        if not self._store.update(job_id, _MOVING, final, to=phase):
            logger.warning("job %s was not moving when it became %s", job_id, phase)

    # Memory ------------------------------------------------------------------

    def _remember(self, entry: Entry, handle: Handle) -> None:
        self._running[entry.job_id] = (handle, entry.owner)
        self._unwatch(entry.job_id)
        # It only wakes us earlier: a table of descriptors that is full is no trouble.
        with suppress(OSError):
            self._descriptors[entry.job_id] = os.pidfd_open(handle.shepherd.pid)

    def _forget(self, job_id: str) -> None:
        self._running.pop(job_id, None)
        self._cancelled_at.pop(job_id, None)
        self._unfiled.discard(job_id)
        for wish in (None, "abort", "delete", "give up"):
            self._job_troubles.over((job_id, wish))
        self._unwatch(job_id)

    def _unwatch(self, job_id: str) -> None:
        descriptor = self._descriptors.pop(job_id, None)
        if descriptor is not None:
            os.close(descriptor)


def _not_started(error: Exception) -> JobError:
    if failures.is_full(error):
        return failures.no_space()
    why = error.strerror if isinstance(error, OSError) else str(error)
    message = f"P400 the job could not be started: {why} (run it again)"
    return JobError(failures.without_folders(message), "transient")


def _given_up(error: Exception) -> JobError:
    if isinstance(error, DistillerError):
        return failures.told(error)
    message = (
        f"I000 the job could not be ended: {type(error).__name__} "
        "(tell the operators; their log says more)"
    )
    return JobError(message, "fatal")
