"""Jobs on this machine: shepherds forked from a warm zygote, or started cold."""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from distiller.core.errors import Unreachable
from distiller.jobs import ends, folders, processes, shepherd
from distiller.jobs.engines.protocol import Status
from distiller.jobs.processes import Process
from distiller.jobs.zygote import MESSAGE_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)

_READY_S: Final = 60.0
_ANSWER_S: Final = 10.0
_RETRY_S: Final = 60.0
_FORKS_MAX: Final = 200
_KEPT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "LD_LIBRARY_PATH")
_ZYGOTE_PROGRAM: Final = ("-m", "distiller.jobs.zygote")
_ONE_THREAD: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


@dataclass(frozen=True, slots=True)
class Handle:
    """A job that was handed over: its folder, and its shepherd."""

    folder: Path
    shepherd: Process


def environment() -> dict[str, str]:
    """Return the environment of jobs: no secrets, one thread, no display."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    threads = dict.fromkeys(_ONE_THREAD, "1")
    return kept | threads | {"MPLBACKEND": "Agg", "PYTHONUNBUFFERED": "1"}


class LocalEngine:
    """Runs job folders on this machine; used by one thread.

    Parameters
    ----------
    warm
        Whether to keep a zygote. Without one each job imports everything anew.
    program
        What Python is to run as zygote; its last argument will be the descriptor.
    """

    def __init__(
        self, *, warm: bool = True, program: Sequence[str] = _ZYGOTE_PROGRAM
    ) -> None:
        self._program = program
        self._zygote: _Zygote | None = None
        self._next: _Zygote | None = None
        self._warm = warm
        self._retry_at = 0.0
        self._watched: dict[Handle, int] = {}

    def start(self) -> None:
        """Start the zygote; it gets ready while others do something else."""
        if self._warm and self._zygote is None and time.monotonic() >= self._retry_at:
            try:
                self._zygote = _Zygote(self._program)
            except OSError as error:
                logger.warning("no zygote can be started: %s", error)
                self._retry_at = time.monotonic() + _RETRY_S

    def submit(self, folder: Path) -> Handle:
        """Hand a folder over; a folder that was handed over before is only found.

        Raises
        ------
        OSError
            If no process can be started at all.
        """
        found = self.find(folder)
        if found is not None:
            return found
        self.start()
        if self._zygote is not None:
            try:
                handle = Handle(folder, self._zygote.fork(folder))
            except Unreachable as error:
                logger.warning("%s; starting jobs cold for a while", error.text)
                self._drop_zygote()
                # It may have forked before it went; the folder's lock tells.
                return self.find(folder) or self._start_cold(folder)
            self._renew()
            return handle
        return self._start_cold(folder)

    def find(self, folder: Path) -> Handle | None:
        """Return the handle of a job that was handed over, or None."""
        found = shepherd.written(folder)
        return None if found is None else Handle(folder, found)

    def poll(self, handles: Iterable[Handle]) -> dict[Handle, Status]:
        """Say which jobs have ended, and how.

        Raises
        ------
        Damaged
            If the record of a job's end cannot be read.
        """
        return {handle: _status(handle) for handle in handles}

    def tend(self) -> None:
        """Reap what has ended, and have a warm zygote again if one was killed."""
        _part_with()
        if self._next is not None and self._next.has_ended:
            self._next.close()
            self._next = None
        if self._zygote is not None and self._zygote.has_ended:
            logger.warning("the zygote %s has ended; starting another", self.zygote_pid)
            self._drop_zygote()
            self.start()

    def cancel(self, handle: Handle) -> None:
        """Ask for a job's end; asking again does no harm."""
        try:
            # For a shepherd that does not listen yet.
            (handle.folder / folders.CANCEL).touch()
        except OSError as error:
            logger.warning("%s gets no cancel file: %s", handle.folder.name, error)
        finally:
            handle.shepherd.send(signal.SIGTERM)

    def force(self, handle: Handle) -> None:
        """End a job whose shepherd does not do it."""
        tree: list[Process] = []
        if handle.shepherd.is_alive:
            pids = processes.descendants(handle.shepherd.pid)
            tree = processes.identified(pids)
        handle.shepherd.send(signal.SIGKILL)
        processes.kill(tree)
        shepherd.sweep(handle.folder, handle.shepherd)

    def watch(self, handle: Handle) -> None:
        """Let the end of this job's shepherd be noticed."""
        self.unwatch(handle)
        # It only wakes us earlier: a table of descriptors that is full is no trouble.
        with suppress(OSError):
            self._watched[handle] = os.pidfd_open(handle.shepherd.pid)

    def unwatch(self, handle: Handle) -> None:
        """Let it be noticed no more."""
        descriptor = self._watched.pop(handle, None)
        if descriptor is not None:
            os.close(descriptor)

    def descriptors(self) -> Iterable[int]:
        """Return what gets readable when a shepherd that is watched ends."""
        return self._watched.values()

    @property
    def zygote_pid(self) -> int | None:
        """The zygote's pid, or None."""
        return None if self._zygote is None else self._zygote.pid

    def close(self) -> None:
        """Let the zygote go; jobs run on under their shepherds."""
        for handle in list(self._watched):
            self.unwatch(handle)
        self._let_go()

    def _let_go(self) -> None:
        for zygote in (self._zygote, self._next):
            if zygote is not None:
                zygote.close()
        self._zygote = self._next = None

    def _renew(self) -> None:
        """Replace a zygote that has forked often; the new one gets ready meanwhile."""
        if self._zygote is None or self._zygote.forks < _FORKS_MAX:
            return
        if self._next is None:
            self._next = _Zygote(self._program)
        elif self._next.is_ready():
            self._zygote.close()
            self._zygote, self._next = self._next, None

    def _drop_zygote(self) -> None:
        if self._zygote is not None:
            lived = self._zygote.forks > 0 or self._zygote.is_ready()
            self._let_go()
            # One that worked and was killed is replaced at once.
            self._retry_at = time.monotonic() + (0.0 if lived else _RETRY_S)

    def _start_cold(self, folder: Path) -> Handle:
        with (folder / folders.LOG).open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own program, fixed words
                [sys.executable, "-m", "distiller", "run-job", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(),
                start_new_session=True,
            )
        _part_with(process)
        found = processes.identify(process.pid)
        if found is None:  # pragma: no cover - our child, not reaped yet
            message = f"process {process.pid} is gone"
            raise OSError(message)
        return Handle(folder, found)


class _Zygote:
    """The other end of a zygote's socket."""

    def __init__(self, program: Sequence[str]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ExitStack() as undo:
            undo.callback(ours.close)
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 - our own program
                    [sys.executable, *program, str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=environment(),
                    pass_fds=[theirs.fileno()],
                    # A Ctrl-C in the server's terminal is not meant for jobs.
                    start_new_session=True,
                )
            undo.pop_all()
        self._channel = ours
        self._is_ready = False
        self.forks = 0

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether it runs no more; if so it is reaped."""
        return self._process.poll() is not None

    def is_ready(self) -> bool:
        """Whether it has imported everything, without waiting for it."""
        if not self._is_ready and select.select([self._channel], [], [], 0)[0]:
            try:
                self._receive(_ANSWER_S)
            except (OSError, ValueError):
                return False
            self._is_ready = True
        return self._is_ready

    def fork(self, folder: Path) -> Process:
        """Have a shepherd forked for this folder.

        Raises
        ------
        Unreachable
            If the zygote does not get ready, has gone or does not answer.
        """
        try:
            if not self._is_ready:
                self._receive(_READY_S)
                self._is_ready = True
            self._channel.send(json.dumps({"folder": str(folder)}).encode())
            answer = self._receive(_ANSWER_S)
            self.forks += 1
            return Process.from_json(answer)
        except (OSError, ValueError, KeyError) as error:
            message = f"the zygote {self.pid} does not answer: {error}"
            raise Unreachable(message) from error

    def _receive(self, timeout_s: float) -> dict[str, Any]:
        self._channel.settimeout(timeout_s)
        data = self._channel.recv(MESSAGE_MAX)
        if not data:
            message = "it has ended"
            raise OSError(message)
        answer: dict[str, Any] = json.loads(data)
        return answer

    def close(self) -> None:
        """Close the socket: the zygote ends with its last child."""
        self._channel.close()
        if not self._is_ready:
            self._process.kill()
            self._process.wait()
        # Else not waited for: its jobs may take hours.
        _part_with(self._process)


_parting: list[subprocess.Popen[bytes]] = []
"""Zygotes that fork no more, and cold shepherds: kept to be reaped."""


def _part_with(*children: subprocess.Popen[bytes]) -> None:
    _parting.extend(children)
    _parting[:] = [process for process in _parting if process.poll() is None]


def _status(handle: Handle) -> Status:
    end = ends.read(handle.folder)
    if end is not None:
        return Status(end)
    if handle.shepherd.is_alive:
        return Status(None, has_begun=True)
    if shepherd.is_held(handle.folder):
        return Status(None, has_begun=True, is_stale=True)
    # It may have written its last word between the looks.
    end = ends.read(handle.folder)
    if end is not None:
        return Status(end)
    shepherd.sweep(handle.folder, handle.shepherd)
    return Status(ends.lost(handle.folder), is_lost=True)
