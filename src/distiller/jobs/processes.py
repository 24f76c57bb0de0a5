"""Processes by (pid, start time), and whole trees of them, from Linux's ``/proc``.

A pid alone is not a name: the kernel gives it out again.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_PROC: Final = Path("/proc")
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_PAUSE_S: Final = 0.01
_GIVE_UP_S: Final = 10.0
_KB: Final = 1024
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """One process of this machine since its last start.

    Attributes
    ----------
    start_time
        In clock ticks since boot, as the kernel counts it.
    boot_id
        Changes with every start of the machine or of the container.
    """

    pid: int
    start_time: int
    boot_id: str

    @property
    def is_alive(self) -> bool:
        """Whether it still runs; one that only waits to be reaped does not."""
        stat = _stat(self.pid)
        return (
            stat is not None
            and stat.start_time == self.start_time
            and stat.state not in "ZX"
            and boot_id() == self.boot_id
        )

    def send(self, number: signal.Signals) -> bool:
        """Send a signal to this process and to no other that has its pid now."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            # The descriptor holds the pid; only now is the comparison safe.
            if not self.is_alive:
                return False
            signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(descriptor)
        return True

    def to_json(self) -> dict[str, Any]:
        """Write as a JSON object."""
        return {
            "pid": self.pid,
            "start_time": self.start_time,
            "boot_id": self.boot_id,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Process:
        """Read what `to_json` wrote."""
        return cls(int(data["pid"]), int(data["start_time"]), str(data["boot_id"]))


@dataclass(frozen=True, slots=True)
class _Stat:
    state: str
    parent: int
    session: int
    start_time: int
    cpu_ticks: int


def identify(pid: int) -> Process | None:
    """Return the process that has this pid now, or None."""
    stat = _stat(pid)
    return None if stat is None else Process(pid, stat.start_time, boot_id())


def boot_id() -> str:
    """Return the name of this run of the machine, or of the container.

    A container that starts again gives its pids out again under the same kernel: its
    first process is another then.
    """
    kernel = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    first = _stat(1)  # not shown to everybody where /proc is mounted with hidepid
    return kernel if first is None else f"{kernel}-{first.start_time}"


def threads() -> int:
    """Return how many threads this process has."""
    return len(list((_PROC / "self/task").iterdir()))


def become_subreaper() -> None:
    """Make orphans among the descendants children of this process, not of init."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def descendants(root: int) -> list[int]:
    """Return the pids of all living descendants of a process.

    Complete if ``root`` is a sub-reaper: nobody leaves its tree by forking twice or by
    starting a session.
    """
    return tree(root).pids


@dataclass(frozen=True, slots=True)
class Tree:
    """The descendants of a process.

    Attributes
    ----------
    pids
        Of those that live.
    cpu_s
        CPU time of all of them, and of those of their children that have ended. Not of
        children of the root that it has reaped: that is in its own account.
    """

    pids: list[int]
    cpu_s: float


def tree(root: int) -> Tree:
    """Look at all descendants of a process; complete if it is a sub-reaper."""
    children: dict[int, list[tuple[int, _Stat]]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            pid = int(entry.name)
            stat = _stat(pid)
            if stat is not None:
                children.setdefault(stat.parent, []).append((pid, stat))
    pids: list[int] = []
    ticks = 0
    level = [root]
    while level:
        found = [pair for parent in level for pair in children.get(parent, ())]
        level = [pid for pid, _ in found]
        pids += [pid for pid, stat in found if stat.state not in "ZX"]
        # One that waits to be reaped has not come into its parent's account yet.
        ticks += sum(stat.cpu_ticks for _, stat in found)
    return Tree(pids, ticks / _TICKS_PER_S)


def end_descendants(grace_s: float) -> None:
    """End every descendant of this sub-reaper: ask, wait, then kill until none is left.

    Parameters
    ----------
    grace_s
        How long they may take to end by themselves after SIGTERM; 0 kills at once.
    """
    me = os.getpid()
    deadline = time.monotonic() + grace_s
    if grace_s > 0:
        _signal_all(descendants(me), signal.SIGTERM)
        while time.monotonic() < deadline:
            reap()
            if not descendants(me):
                break
            time.sleep(_PAUSE_S)
    # New ones may be born while the old are killed: look again until none is left.
    give_up = time.monotonic() + _GIVE_UP_S
    while (left := descendants(me)) and time.monotonic() < give_up:
        _signal_all(left, signal.SIGKILL)
        reap()
        time.sleep(_PAUSE_S)
    reap()


def reap() -> dict[int, int]:
    """Collect children that have ended; return pid to wait status."""
    ended: dict[int, int] = {}
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            ended[pid] = status
    return ended


def leftovers(mark: str, lock: Path, shepherd: Process | None = None) -> list[Process]:
    """Return what is left of a job's tree.

    Once the sub-reaper was killed, its descendants have gone over to init. They are
    known by what nobody else has: the mark in their environment (``NAME=value``; those
    that were started as programs have it), the lock file held open for writing (those
    that were only forked have it), or the session of that very shepherd. Who merely
    works in the job's folder, as an administrator's shell does, is none of them.

    Parameters
    ----------
    mark
        Of the environment.
    lock
        The file that the shepherd has open.
    shepherd
        Whose session to look at, if it was started by this run of the machine and its
        pid has not been given to another process.
    """
    session = None if shepherd is None else _session_of(shepherd)
    wanted = mark.encode()
    boot, me, user = boot_id(), os.getpid(), os.geteuid()
    found = []
    for entry in _PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) == me:
            continue
        pid = int(entry.name)
        stat = _stat(pid)
        if stat is None or stat.state in "ZX":
            continue
        # A job's processes are this user's; no others are touched, even by root.
        with suppress(OSError):
            if entry.stat().st_uid == user and (
                stat.session == session
                or wanted in (entry / "environ").read_bytes().split(b"\0")
                or _writes(entry, lock)
            ):
                found.append(Process(pid, stat.start_time, boot))
    return found


def _session_of(shepherd: Process) -> int | None:
    """Return the number of a shepherd's session, or None if it may be another's now."""
    if shepherd.boot_id != boot_id():
        return None
    stat = _stat(shepherd.pid)
    # A session whose leader has ended keeps the number from being given out again.
    if stat is not None and stat.start_time != shepherd.start_time:
        return None
    return shepherd.pid


def _writes(process: Path, file: Path) -> bool:
    """Whether a process (its folder in /proc) has a file open for writing."""
    try:
        known = file.stat()
    except OSError:
        return False
    for entry in (process / "fd").iterdir():
        with suppress(OSError):
            opened = entry.stat()
            if (opened.st_dev, opened.st_ino) == (known.st_dev, known.st_ino):
                lines = (process / "fdinfo" / entry.name).read_text().splitlines()
                flags = next(line for line in lines if line.startswith("flags:"))
                if int(flags.split()[1], 8) & (os.O_WRONLY | os.O_RDWR):
                    return True
    return False


def identified(pids: Iterable[int]) -> list[Process]:
    """Return those of these pids that are processes."""
    return [found for pid in pids if (found := identify(pid)) is not None]


def kill(found: Iterable[Process]) -> None:
    """Send SIGKILL to those that still are."""
    for process in found:
        with suppress(PermissionError):
            process.send(signal.SIGKILL)


def memory_mb(pids: list[int], *, above_mb: float) -> float:
    """Return the memory of these processes together, MB.

    Shared pages count once, but that costs; so they are counted in full first, and
    exactly only if that sum is above ``above_mb``.
    """
    rough = sum(_field_kb(pid, "status", b"VmRSS:") for pid in pids) / _KB
    if rough <= above_mb:
        return rough
    return sum(_field_kb(pid, "smaps_rollup", b"Pss:") for pid in pids) / _KB


def data_mb() -> float:
    """Return what this process has of the memory that RLIMIT_DATA limits, MB."""
    return _field_kb(os.getpid(), "status", b"VmData:") / _KB


def _field_kb(pid: int, file: str, name: bytes) -> int:
    with suppress(OSError):
        for line in (_PROC / str(pid) / file).read_bytes().splitlines():
            if line.startswith(name):
                return int(line.split()[1])
    return 0


def _stat(pid: int) -> _Stat | None:
    try:
        text = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The name, in parentheses, may hold anything: count from its end.
    fields = text[text.rindex(b")") + 2 :].split()
    return _Stat(
        state=fields[0].decode(),
        parent=int(fields[1]),
        session=int(fields[3]),
        start_time=int(fields[19]),
        # Its own, in both modes, and that of children that it has reaped.
        cpu_ticks=sum(int(field) for field in fields[11:15]),
    )


def _signal_all(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
