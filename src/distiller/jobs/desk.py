"""A desk looks after the jobs of one kind: it is woken, and outlives trouble.

All it knows stands in the job table and in the jobs' folders, so that it may be killed
at any moment: the next one finds everything again and goes on. What is to be done for
a job is said by those who derive from it.
"""

from __future__ import annotations

import abc
import fcntl
import logging
import os
import select
import threading
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, ClassVar, Final

from distiller.core.errors import (
    Busy,
    DistillerError,
    InternalError,
    NotFound,
    UserError,
)
from distiller.core.times import now
from distiller.jobs import failures
from distiller.jobs.clock import Clock
from distiller.jobs.notices import Notifier
from distiller.jobs.presence import LOCKS
from distiller.jobs.queue import next_jobs
from distiller.jobs.troubles import Troubles, is_passing
from distiller.vo.uws import JobError, Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from distiller.core.settings import Settings
    from distiller.jobs.store import Entry, JobStore, JobUpdate, Kind

logger = logging.getLogger(__name__)

LOOK_S: Final = 0.5
KEPT: Final = 4
"""One place in so many is kept from an owner who has the others."""

MOVING: Final = frozenset({Phase.QUEUED, Phase.EXECUTING})
_CLEAN_S: Final = 10.0
_TRIES: Final = 8
"""How often to try what fails for a reason that nobody thought of."""

_LOCK_TRIES: Final = 10
_TURN: Final = "turn"


class Desk(abc.ABC):
    """Looks after the jobs of one kind in one home; one process has it.

    Parameters
    ----------
    places
        How many jobs run at once.
    kept
        How many of the places are kept from an owner who has all others.
    look_s
        How often to look at the job table for what other processes changed there.
        Changes through ``store`` are noticed at once.
    """

    kind: ClassVar[Kind]

    def __init__(
        self,
        settings: Settings,
        store: JobStore,
        places: int,
        *,
        kept: int,
        look_s: float,
    ) -> None:
        self._settings = settings
        self._store = store
        self._places = places
        self._most = places - kept
        self._look_s = look_s
        self._job_troubles = Troubles()
        self._own_troubles = Troubles(longest_s=30.0)
        self._served: dict[str | None, int] = {}
        self._turns = 0
        self._clean_at = 0.0
        self._clock = Clock()
        self._notices = Notifier(settings, store, self.kind)
        self._is_prepared = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._lock: IO[str] | None = None

    # What is to be done ------------------------------------------------------

    @abc.abstractmethod
    def _prepare(self) -> None:
        """Get ready, once, before the first turn."""

    @abc.abstractmethod
    def _tend(self) -> None:
        """Look after what runs the jobs, once a turn."""

    @abc.abstractmethod
    def _known(self) -> Collection[str]:
        """Return the jobs that run, as far as this desk knows."""

    @abc.abstractmethod
    def _owners(self) -> Iterable[str | None]:
        """Return the owner of each of them."""

    @abc.abstractmethod
    def _handle(self, entry: Entry) -> bool:
        """Do what is due for a job; False if it waits to be started."""

    @abc.abstractmethod
    def _start(self, entry: Entry) -> bool:
        """Start a job that waits."""

    @abc.abstractmethod
    def _give_up(self, entry: Entry, error: Exception) -> None:
        """End a job that nothing more can be done for."""

    @abc.abstractmethod
    def _forget(self, job_id: str) -> None:
        """Forget what is known of a job that has ended."""

    @abc.abstractmethod
    def _leave(self) -> None:
        """Let go of everything: the desk stops."""

    def _candidates(self, waiting: list[Entry]) -> list[Entry]:
        """Return those of the jobs that wait which may be started now."""
        return waiting

    def _descriptors(self) -> Iterable[int]:
        """Return what wakes the desk when it gets readable, beside the bell."""
        return ()

    def _unwatch(self, job_id: str) -> None:
        """Let nothing of this job wake the desk for now."""
        del job_id

    # Life --------------------------------------------------------------------

    def start(self) -> None:
        """Run in a thread of this process.

        Raises
        ------
        Busy
            If another process has the jobs of this home.
        """
        self._take_lock()
        self._thread = threading.Thread(
            target=self._live, name=f"{self.kind}-desk", daemon=True
        )
        self._thread.start()

    def run(self, ready: Callable[[], object]) -> None:
        """Run in this thread until `stop` is called from a signal or elsewhere.

        Parameters
        ----------
        ready
            Called once the jobs of the home are this desk's.
        """
        self._take_lock()
        ready()
        self._live()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Stop; what is not done is found again by the next start."""
        self._stopping.set()
        self.ring("")
        if self._thread is not None:
            self._thread.join(timeout_s)
            self._thread = None

    def ring(self, _job_id: str) -> None:
        """Wake the desk up, from any thread."""
        with suppress(BlockingIOError):
            os.eventfd_write(self._bell, 1)

    def _live(self) -> None:
        self._notices.start()
        try:
            with self._store.changes.listening(self.ring, only_due=True):
                while not self._stopping.is_set():
                    self._safe_turn()
        finally:
            self._leave()
            self._notices.stop()
            self._store.release()
            if self._lock is not None:
                self._lock.close()

    def _take_lock(self) -> None:
        self._settings.jobs_path.mkdir(parents=True, exist_ok=True)
        self._lock = (self._settings.jobs_path / LOCKS[self.kind]).open("w")
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

    def _sleep(self) -> None:
        """Wait for a change, for the end of a job, or for the time to look."""
        poller = select.poll()
        poller.register(self._bell, select.POLLIN)
        for descriptor in self._descriptors():
            poller.register(descriptor, select.POLLIN)
        poller.poll(self._look_s * 1000)
        with suppress(BlockingIOError):
            os.eventfd_read(self._bell)

    # One turn ----------------------------------------------------------------

    def _safe_turn(self) -> None:
        try:
            if not self._is_prepared:
                self._prepare()
                self._is_prepared = True
            self.turn()
            self._sleep()
        except Exception as error:  # noqa: BLE001 - logged with its place
            # The edge of the desk: it must outlive a full disk or a database
            # that is away for a while. What it did not do is there at the next turn.
            what = f"the supervisor of jobs ({self.kind}) cannot work"
            self._own_troubles.note(_TURN, error, what)
            self._stopping.wait(self._own_troubles.pause_s(_TURN))
        else:
            self._own_troubles.over(_TURN)

    def turn(self) -> None:
        """Look at every unfinished job once and do what is due."""
        self._tend()
        entries = self._store.unfinished(self.kind)
        waiting = [e for e in entries if not self._attempt(e, self._handle)]
        for job_id in set(self._known()) - {entry.job_id for entry in entries}:
            self._forget(job_id)
        self._fill(waiting)
        if time.monotonic() >= self._clean_at:
            self._clean_at = time.monotonic() + _CLEAN_S
            if not self._clock.has_jumped():
                self._clean()

    def _clean(self) -> None:
        """Have those jobs removed whose destruction has come."""
        for job_id in self._store.expired(now(), self.kind):
            self._store.update(job_id, frozenset(Phase), {"wish": "delete"})

    def _fill(self, waiting: list[Entry]) -> None:
        """Start jobs that wait, as far as there are places."""
        candidates = self._candidates(waiting)
        self._start_some(candidates, list(self._owners()), self._places, self._most)

    def _start_some(
        self,
        waiting: list[Entry],
        running: Sequence[str | None],
        places: int,
        most: int,
    ) -> None:
        """Start as many as there are places beside those that run, by their owners."""
        slots = places - len(running)
        for entry in next_jobs(waiting, running, slots, self._served, most):
            self._turns += 1
            self._served[entry.owner] = self._turns
            self._attempt(entry, self._start)

    def _attempt(self, entry: Entry, step: Callable[[Entry], bool]) -> bool:
        """Take a step for one job; what goes wrong with it stops no other job."""
        key = (entry.job_id, entry.wish)
        if self._job_troubles.waits(key):
            return True
        try:
            done = step(entry)
        except Exception as error:  # noqa: BLE001 - logged with its place
            # Else the end of its process would wake us again at once.
            self._unwatch(entry.job_id)
            what = f"job {entry.job_id} cannot be looked after"
            count = self._job_troubles.note(key, error, what)
            lasting = isinstance(error, (UserError, InternalError))
            unknown = not is_passing(error) and count >= _TRIES
            # At the stop, others close what the step needed.
            if (lasting or unknown) and not self._stopping.is_set():
                self._safely_give_up(entry, error)
            return True
        if done:
            self._job_troubles.over(key)
        return done

    def _safely_give_up(self, entry: Entry, error: Exception) -> None:
        try:
            self._give_up(entry, error)
        except Exception as failure:  # noqa: BLE001 - logged with its place
            what = f"job {entry.job_id} cannot be given up"
            self._job_troubles.note((entry.job_id, "give up"), failure, what)

    def _end(self, job_id: str, phase: Phase, update: JobUpdate) -> None:
        final: JobUpdate = {"end_time": now(), "wish": None, **update}
        with suppress(NotFound):  # it is to be deleted
            job = self._store.get(job_id)
            started = final.get("start_time") or job.start_time
            if started is not None:
                # If the clock was set back since, no job took less than nothing.
                final["end_time"] = max(final["end_time"] or started, started)
            self._notices.leave(job)
        if not self._store.update(job_id, MOVING, final, to=phase):
            logger.warning("job %s was not moving when it became %s", job_id, phase)
        self._notices.ring()

    def _forget_troubles(self, job_id: str) -> None:
        for wish in (None, "abort", "delete", "give up"):
            self._job_troubles.over((job_id, wish))


def not_started(error: Exception) -> JobError:
    """Say that a job could not be started."""
    if failures.is_full(error):
        return failures.no_space()
    why = error.strerror if isinstance(error, OSError) else str(error)
    message = f"P400 the job could not be started: {why} (run it again)"
    return JobError(failures.without_folders(message), "transient")


def given_up(error: Exception) -> JobError:
    """Say that a job could not be brought to its end."""
    if isinstance(error, DistillerError):
        return failures.told(error)
    message = (
        f"I000 the job could not be ended: {type(error).__name__} "
        "(tell the operators; their log says more)"
    )
    return JobError(message, "fatal")
