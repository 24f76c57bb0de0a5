"""Jobs in Slurm: a thread talks to it, and the folders of the jobs say how they are.

The command of a job is its shepherd, which keeps the limits and writes the end. Slurm
is asked for jobs that have no machine yet, and for those that went without a word.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from distiller.core.errors import DistillerError, InternalError, Unreachable
from distiller.core.files import write_text
from distiller.jobs import ends, failures, folders, shepherd
from distiller.jobs.engines import slurm_ends
from distiller.jobs.engines.protocol import Status
from distiller.jobs.engines.slurm_commands import PROGRAM, Commands, Refused
from distiller.jobs.spec import FILE, JobSpec
from distiller.jobs.troubles import Troubles
from distiller.vo.uws import JobError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from distiller.core.settings import Settings
    from distiller.jobs.ends import End
    from distiller.jobs.engines.slurm_commands import Row

logger = logging.getLogger(__name__)

_SOON_S: Final = 1.0
"""Until the next look at Slurm after something was asked of it."""

_SETTLE_S: Final = 10.0
"""So long after a job left Slurm its folder may still change, on a shared disk."""

_HELD_S: Final = 600.0
"""For so much more than its duration a job that left Slurm may hold its lock."""

_REFUSALS: Final = 3
"""So often Slurm may refuse a job."""

_LOSSES: Final = 10
"""So often it may lose one that had not begun."""

_STARTS: Final = 5
"""So often a job may be handed over that Slurm forgot and ended while it ran."""

_STOP_S: Final = 5.0
_LOOK: Final = "look"
_GONE: Final = "GONE"
_AGAIN: Final = frozenset({_GONE, "PREEMPTED"}) | slurm_ends.MACHINE
"""A job that ended so before it began is handed over again."""


@dataclass(frozen=True, slots=True)
class Handle:
    """A job that was handed over: its folder, which bears its name in Slurm."""

    folder: Path


@dataclass(slots=True)
class _Known:
    """What is known of a job.

    Attributes
    ----------
    numbers
        Those that Slurm gave it; more than one if it had forgotten the job.
    over
        As what it has left Slurm, and when this was seen first.
    end
        If it never got into Slurm.
    cancels, forces
        How often its end was asked for.
    begins_anew
        Whether it has begun and is to be handed over again nevertheless.
    is_watched
        Whether anybody wants to know more of it.
    """

    folder: Path
    numbers: list[int]
    over: str | None = None
    over_at: float = 0.0
    end: End | None = None
    refusals: int = 0
    cancels: bool = False
    forces: int = 0
    forced: int = 0
    begins_anew: bool = False
    is_watched: bool = True

    @property
    def has_begun(self) -> bool:
        return (self.folder / folders.SHEPHERD).exists()

    @property
    def is_cancelled(self) -> bool:
        return self.cancels or (self.folder / folders.CANCEL).exists()


class SlurmEngine:
    """Runs job folders in Slurm; they and the program must be on its machines, too.

    Parameters
    ----------
    program
        What Python is to run as shepherd; its last argument will be the folder.
    settle_s
        How long to wait for the word of a job that has left Slurm.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        program: Sequence[str] = PROGRAM,
        settle_s: float = _SETTLE_S,
    ) -> None:
        self._commands = Commands(settings, program=program)
        self._look_s = settings.slurm_look_s
        self._settle_s = settle_s
        self._lock = threading.Lock()
        self._jobs: dict[Path, _Known] = {}
        self._troubles = Troubles()
        self._asked = threading.Event()
        self._closing = threading.Event()
        self._is_away = False
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread: threading.Thread | None = None

    # For the supervisor ------------------------------------------------------

    def start(self) -> None:
        """Do nothing: the thread begins with the first job."""

    def submit(self, folder: Path) -> Handle:
        """Hand a folder over; the thread asks Slurm first whether it has the job.

        Raises
        ------
        NoSpace, OSError
            If it cannot be noted down that the job is Slurm's.
        """
        if not (folder / folders.SLURM).exists():
            _note(folder, [])
        handle = Handle(folder)
        self.watch(handle)
        self._asked.set()
        return handle

    def find(self, folder: Path) -> Handle | None:
        """Return the handle of a job that was handed over, or None."""
        return Handle(folder) if (folder / folders.SLURM).exists() else None

    def poll(self, handles: Iterable[Handle]) -> dict[Handle, Status]:
        """Say which jobs run and which have ended, and how.

        Raises
        ------
        Damaged
            If the record of a job's end cannot be read.
        """
        return {handle: self._status(self._known(handle)) for handle in handles}

    def cancel(self, handle: Handle) -> None:
        """Ask for a job's end; asking again does no harm."""
        try:
            (handle.folder / folders.CANCEL).touch()
        except OSError as error:
            logger.warning("%s gets no cancel file: %s", handle.folder.name, error)
        self._known(handle).cancels = True
        self._asked.set()

    def force(self, handle: Handle) -> None:
        """Have the shepherd of a job killed where it runs; then the whole job."""
        self._known(handle).forces += 1
        self._asked.set()

    def tend(self) -> None:
        """Take note of having been woken."""
        with suppress(BlockingIOError):
            os.eventfd_read(self._bell)

    def watch(self, handle: Handle) -> None:
        """Let the thread look after this job."""
        self._known(handle).is_watched = True

    def unwatch(self, handle: Handle) -> None:
        """Let it do so no more, but for what was asked of it."""
        with self._lock:
            known = self._jobs.get(handle.folder)
            if known is not None:
                known.is_watched = False

    def descriptors(self) -> Iterable[int]:
        """Return what gets readable when Slurm says something new."""
        return (self._bell,)

    def close(self) -> None:
        """Let the thread end; jobs run on and are found again."""
        self._closing.set()
        self._asked.set()
        self._commands.close()
        if self._thread is not None:
            self._thread.join(_STOP_S)
            if self._thread.is_alive():
                return
        os.close(self._bell)

    def _known(self, handle: Handle) -> _Known:
        with self._lock:
            known = self._jobs.get(handle.folder)
            if known is None:
                known = _Known(handle.folder, _numbers(handle.folder))
                self._jobs[handle.folder] = known
                self._asked.set()
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(
                    target=self._live, name="slurm", daemon=True
                )
                self._thread.start()
        return known

    def _status(self, known: _Known) -> Status:
        known.is_watched = True
        folder = known.folder
        end = ends.read(folder)
        if end is not None:
            return Status(slurm_ends.told(end, is_cancelled=known.is_cancelled))
        if known.end is not None:
            return Status(known.end)
        has_begun = known.has_begun
        if self._is_away and not has_begun and _is_as_good_as_aborted(folder):
            # Slurm is told when it is back, if it has the job at all.
            return Status(ends.aborted())
        if known.over is None or not self._has_settled(known, has_begun=has_begun):
            return Status(None, has_begun=has_begun)
        return self._status_over(known, known.over)

    def _status_over(self, known: _Known, state: str) -> Status:
        """Say how a job is that has left Slurm without a word."""
        folder = known.folder
        # A folder that is listed is seen as it is now, on a shared disk too.
        with suppress(OSError):
            list(folder.iterdir())
        is_held = shepherd.is_held(folder)
        if is_held and not _is_past(known):
            # Slurm has lost sight of a machine on which the job runs on.
            return Status(None, has_begun=True)
        end = ends.read(folder)
        if end is not None:
            return Status(slurm_ends.told(end, is_cancelled=known.is_cancelled))
        shepherd.sweep(folder, shepherd.written(folder))
        if known.over is None:
            # Handed over again meanwhile.
            return Status(None, has_begun=known.has_begun)
        known.begins_anew = not is_held and _may_begin_anew(known, state)
        if known.begins_anew:
            self._asked.set()
            return Status(None, has_begun=known.has_begun)
        end = ends.aborted() if known.is_cancelled else slurm_ends.lost(folder, state)
        return Status(end, is_lost=True)

    def _has_settled(self, known: _Known, *, has_begun: bool) -> bool:
        # Whatever starts of it now would find that it is cancelled.
        if known.is_cancelled and not has_begun:
            return True
        return time.monotonic() - known.over_at >= self._settle_s

    # The thread --------------------------------------------------------------

    def _live(self) -> None:
        while not self._closing.is_set():
            self._asked.clear()
            pause_s = self._safe_round()
            self._asked.wait(pause_s)

    def _safe_round(self) -> float | None:
        """Look once; return how long it may be until the next time."""
        try:
            return self._round()
        except Exception as error:  # noqa: BLE001 - logged with its place
            # The edge of the thread: jobs stay as they are while Slurm is away.
            if not self._closing.is_set():
                self._is_away = True
                self._ring()
                self._troubles.note(_LOOK, error, "Slurm cannot be asked for jobs")
                self._closing.wait(min(_SOON_S, self._look_s))
            return self._look_s

    def _round(self) -> float | None:
        with self._lock:
            jobs = list(self._jobs.values())
        if not jobs:
            return None
        queue = self._commands.queue()
        self._is_away = False
        self._troubles.over(_LOOK)
        was_asked = False
        for known in jobs:
            if self._closing.is_set():
                break
            rows = queue.get(known.folder.name, [])
            was_asked |= self._safely_advance(known, rows)
            self._drop(known)
        return min(_SOON_S, self._look_s) if was_asked else self._look_s

    def _drop(self, known: _Known) -> None:
        """Forget a job that nobody watches, once what was asked of it is done."""
        with self._lock:
            if not known.is_watched and known.forced >= known.forces:
                self._jobs.pop(known.folder, None)

    def _safely_advance(self, known: _Known, rows: Sequence[Row]) -> bool:
        """Do what is due for a job; what goes wrong with it stops no other job."""
        try:
            return self._advance(known, rows)
        except Unreachable:
            raise  # so it would be for the others
        except InternalError as error:
            known.end = ends.failed(failures.told(error))
            self._ring()
        except Exception as error:  # noqa: BLE001 - logged with its place
            what = f"job {known.folder.name} cannot be looked after in Slurm"
            self._troubles.note(known.folder, error, what)
        return False

    def _advance(self, known: _Known, rows: Sequence[Row]) -> bool:
        """Do what is due for a job; return whether anything was asked of Slurm."""
        live = [row for row in rows if not row.is_over]
        new = [row.number for row in rows if row.number not in known.numbers]
        if new:
            # Of a supervisor that was killed before it could note them down.
            self._note(known, [*known.numbers, *new])
        if live:
            known.begins_anew, known.over = False, None
            return self._end(known, live)
        known.forced = known.forces
        if not known.numbers and not known.has_begun:
            return self._hand_over(known)
        return self._take_leave(known, rows)

    def _end(self, known: _Known, live: Sequence[Row]) -> bool:
        """Have a job end, if that is wished."""
        if known.forces > known.forced:
            for row in live:
                if known.forced == 0 and not row.waits:
                    # Its script has the shepherd killed, and another sweep behind it.
                    self._commands.signal(row.number, "USR1")
                else:
                    self._commands.end(row.number)
            known.forced += 1
            return True
        if not known.cancels:
            return False
        for row in live:
            if row.waits:
                self._commands.drop(row.number)
            else:
                # For a disk that does not show the cancel file yet, or had no room.
                self._commands.signal(row.number, "TERM")
        return True

    def _take_leave(self, known: _Known, rows: Sequence[Row]) -> bool:
        """Note that Slurm has no such job any more; hand it over anew if it lost it."""
        state = max(rows, key=lambda row: row.number).state if rows else _GONE
        is_lost = known.begins_anew or (state in _AGAIN and not known.has_begun)
        is_lost &= not known.is_cancelled
        if is_lost and len(known.numbers) <= _LOSSES and known.end is None:
            # A controller that was killed forgets what it had not written. If it runs
            # all the same, the lock of the folder sees to it that one of the two does.
            logger.warning("Slurm has lost job %s (%s)", known.folder.name, state)
            return self._hand_over(known)
        if known.over is None:
            known.over_at = time.monotonic()
        if known.over != state:
            known.over = state
            self._ring()
        return False

    def _hand_over(self, known: _Known) -> bool:
        folder = known.folder
        if known.end is not None:
            return False
        if known.is_cancelled:
            known.end = ends.aborted()
            self._ring()
            return False
        if not (folder / FILE).is_file():
            message = "P400 the job's folder is gone (run it again)"
            known.end = ends.failed(JobError(message, "transient"))
            self._ring()
            return False
        try:
            spec = JobSpec.read((folder / FILE).read_bytes())
            number = self._commands.submit(spec, folder, len(known.numbers))
        except Refused as error:
            self._refuse(known, str(error))
            return True
        self._note(known, [*known.numbers, number])
        known.begins_anew, known.over = False, None
        return True

    def _refuse(self, known: _Known, why: str) -> None:
        known.refusals += 1
        logger.warning("Slurm refuses job %s: %s", known.folder.name, why)
        if known.refusals >= _REFUSALS:
            message = f"P400 the batch system does not take the job: {why}"
            text = failures.without_folders(f"{message} (tell the operators)")
            known.end = ends.failed(JobError(text, "transient"))
            self._ring()

    def _note(self, known: _Known, numbers: list[int]) -> None:
        known.numbers = numbers
        try:
            _note(known.folder, numbers)
        except (DistillerError, OSError) as error:
            # It bears its name in Slurm, and is found by that.
            logger.warning("%s: %s", known.folder.name, error)

    def _ring(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_write(self._bell, 1)


def _note(folder: Path, numbers: Sequence[int]) -> None:
    if not folder.is_dir():
        return  # never made anew: it is being removed
    write_text(folder / folders.SLURM, json.dumps({"numbers": list(numbers)}))


def _numbers(folder: Path) -> list[int]:
    data = folders.read_json(folder / folders.SLURM) or {}
    try:
        return [int(number) for number in data.get("numbers", [])]
    except (TypeError, ValueError):
        return []


def _is_as_good_as_aborted(folder: Path) -> bool:
    """Whether no shepherd is at a job, and whatever starts later finds the cancel file.

    A shepherd takes the lock first and then looks for that file, so it is asked for in
    the other order here.
    """
    if not (folder / folders.CANCEL).exists():
        return False
    # A folder that is listed is seen as it is now, on a shared disk too.
    with suppress(OSError):
        list(folder.iterdir())
    is_begun = (folder / folders.SHEPHERD).exists()
    return not is_begun and not shepherd.is_held(folder)


def _is_past(known: _Known) -> bool:
    """Whether a job that left Slurm must have ended: its shepherd keeps its duration.

    A disk may hold the lock of a machine that is gone for ever.
    """
    try:
        spec = JobSpec.read((known.folder / FILE).read_bytes())
    except (OSError, DistillerError):
        return False
    return time.monotonic() - known.over_at > spec.duration_s + _HELD_S


def _may_begin_anew(known: _Known, state: str) -> bool:
    """Whether Slurm ended a job that ran, without a reason.

    A controller that was killed forgets its last seconds, and a machine ends what its
    controller does not know; nor does it start what bears the number of another one
    that it still runs. What the job had done is in its folder alone, and the next
    shepherd begins with an empty one.
    """
    if known.is_cancelled or not 0 < len(known.numbers) < _STARTS:
        return False
    last = len(known.numbers) - 1
    began, _, _ = (shepherd.begun_by(known.folder) or "").partition(":")
    if began.isdigit() and int(began) >= last:
        return state == _GONE
    return last > 0
