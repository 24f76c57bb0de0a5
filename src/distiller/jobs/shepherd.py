"""The shepherd of one job: ``distiller run-job JOBDIR``.

It forks the worker and sees to the end of it and of everything it started: by its own
doing, after its duration, over its memory, or because somebody cancelled. Then it
writes ``state.json``, whole or not at all. Exactly one shepherd ever runs a job.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
import struct
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from distiller.core.errors import NoSpace
from distiller.core.files import write_text
from distiller.core.times import now
from distiller.jobs import folders, processes, worker
from distiller.jobs.spec import FILE, JobSpec

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

MARK: Final = "DISTILLER_JOB"
"""In the environment of every process of a job: ``DISTILLER_JOB=<job id>``."""

_SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})
_LOOK_S: Final = 0.05
_GRACE_S: Final = 1.0
_GRACE_LATE_S: Final = 0.3
_RESERVE_BYTES: Final = 65536
_RESERVE: Final = "reserve"
_LOCK: Final = "lock"
_ANSWER_MAX: Final = 1 << 20
_FLOCK: Final = "hhqqi"
"""``struct flock`` of 64-bit Linux: type, whence, start, length, pid."""


@dataclass(slots=True)
class _Watch:
    """What the shepherd saw."""

    worker: int
    answer: int
    status: int | None = None
    outcome: bytes = b""
    reason: str | None = None
    peak_mb: float = 0.0

    def drain(self) -> None:
        """Take in what the worker has written."""
        with suppress(BlockingIOError):
            while len(self.outcome) < _ANSWER_MAX:
                part = os.read(self.answer, 65536)
                if not part:
                    break
                self.outcome += part


def run(folder: Path) -> None:
    """Run the job of a folder, unless another shepherd does or did."""
    with suppress(PermissionError):  # a session of its own already
        os.setsid()
    # Blocked and then waited for: no signal is lost and no handler runs in between.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    with (folder / _LOCK).open("w") as lock:
        try:
            # Of this process alone: a forked worker does not hold it.
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if not (folder / folders.STATE).exists():
            _shepherd(folder)


def is_held(folder: Path) -> bool:
    """Whether a shepherd runs the job of this folder; looks without taking the lock."""
    try:
        with (folder / _LOCK).open("r+") as lock:
            question = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            answer = fcntl.fcntl(lock, fcntl.F_GETLK, question)
    except FileNotFoundError:
        return False
    return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)


def _shepherd(folder: Path) -> None:
    started = now()
    spec = JobSpec.model_validate_json((folder / FILE).read_bytes())
    if (folder / folders.SHEPHERD).exists():
        # The one before was killed; what it began cannot be trusted.
        _write_state(folder, lost_state())
        return
    me = processes.identify(os.getpid())
    if me is None:  # pragma: no cover - a process can always read its own stat
        message = "/proc is not there"
        raise OSError(message)
    os.environ[MARK] = spec.job_id
    processes.become_subreaper()
    if (folder / folders.CANCEL).exists():
        _write_state(folder, _state("ABORTED", _aborted(), started))
        return
    try:
        write_text(folder / folders.SHEPHERD, json.dumps(me.to_json()))
        # So that the end can be told even if the job fills the disk.
        (folder / _RESERVE).write_bytes(b"\0" * _RESERVE_BYTES)
    except (NoSpace, OSError) as error:
        message = f"P300 no space left for the job's folder: {error}"
        failure = {"message": message, "type": "transient"}
        _write_state(folder, _state("ERROR", failure, started))
        return
    watch = _start(folder)
    _watch(folder, spec, watch)
    late = watch.reason in {"duration", "memory"}
    grace_s = 0.0 if watch.reason is None else _GRACE_LATE_S if late else _GRACE_S
    processes.end_descendants(grace_s)
    watch.drain()
    _write_state(folder, _judge(spec, watch, started))


def _start(folder: Path) -> _Watch:
    """Fork the worker."""
    reading, writing = os.pipe()
    me = os.getpid()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            processes.die_with_parent(me)
            os.close(reading)
            _settle(folder)
            worker.work(folder, writing)
            status = 0
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            # Not `sys.exit`: nothing of the shepherd or zygote may run on here.
            os._exit(status)
    os.close(writing)
    os.set_blocking(reading, False)
    return _Watch(pid, reading)


def _settle(folder: Path) -> None:
    """Give the worker its own place: folder, log, temporary files, signals."""
    os.setpgid(0, 0)
    log = os.open(
        folder / folders.LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, mode=0o644
    )
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(folder)
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    os.environ["TMPDIR"] = str(temporary)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _watch(folder: Path, spec: JobSpec, watch: _Watch) -> None:
    """Wait until the worker ends or must be ended; says which in ``watch``."""
    deadline = time.monotonic() + spec.duration_s
    while watch.status is None and watch.reason is None:
        pause = max(0.0, min(_LOOK_S, deadline - time.monotonic()))
        got = signal.sigtimedwait(_SIGNALS, pause)
        watch.drain()
        watch.status = processes.reap().get(watch.worker, watch.status)
        asked = got is not None and got.si_signo in {signal.SIGTERM, signal.SIGINT}
        if watch.status is not None:
            break
        if asked or (folder / folders.CANCEL).exists():
            watch.reason = "cancel"
        elif time.monotonic() >= deadline:
            watch.reason = "duration"
        else:
            pids = processes.descendants(os.getpid())
            used_mb = processes.memory_mb(pids, above_mb=spec.memory_mb)
            watch.peak_mb = max(watch.peak_mb, used_mb)
            if used_mb > spec.memory_mb:
                watch.reason = "memory"


def _judge(spec: JobSpec, watch: _Watch, started: datetime) -> dict[str, Any]:
    """Say how the job ended."""
    numbers = {"peak_memory_mb": round(max(watch.peak_mb, _peak_mb()), 1)}
    if watch.reason == "cancel":
        return _state("ABORTED", _aborted(), started, **numbers)
    if watch.reason == "duration":
        message = (
            f"P200 the job ran longer than its executionDuration of {spec.duration_s} s"
        )
        failure = {"message": message, "type": "transient"}
        return _state("ABORTED", failure, started, **numbers)
    if watch.reason == "memory":
        failure = {"message": worker.memory_message(spec.memory_mb), "type": "fatal"}
        return _state("ERROR", failure, started, **numbers)
    exit_code = os.waitstatus_to_exitcode(watch.status or 0)
    try:
        outcome = json.loads(watch.outcome)
    except ValueError:
        return _state("ERROR", _died(exit_code), started, **numbers)
    if "product" in outcome:
        product = outcome["product"]
        return _state("COMPLETED", None, started, product=product, **numbers)
    return _state("ERROR", outcome["error"], started, **numbers)


def lost_state() -> dict[str, Any]:
    """Return the state of a job whose shepherd was killed."""
    message = "P400 the process that watched over the job was killed (run it again)"
    return _state("ERROR", {"message": message, "type": "transient"}, None)


def _state(
    phase: str, error: dict[str, str] | None, started: datetime | None, **more: Any
) -> dict[str, Any]:
    ended = now()
    return {
        "phase": phase,
        "error": error,
        "started": (started or ended).isoformat(),
        "ended": ended.isoformat(),
        **more,
    }


def _aborted() -> dict[str, str]:
    return {"message": "aborted by its user", "type": "fatal"}


def _died(exit_code: int) -> dict[str, str]:
    if exit_code < 0:
        name = signal.Signals(-exit_code).name
        message = f"I000 the job's process was killed by {name}"
        if name == "SIGKILL":
            message += " (perhaps the machine ran out of memory)"
    else:
        message = f"I000 the job's process ended with status {exit_code} and no word"
    return {"message": message, "type": "transient"}


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def _write_state(folder: Path, state: dict[str, Any]) -> None:
    (folder / _RESERVE).unlink(missing_ok=True)
    text = json.dumps(state)
    try:
        write_text(folder / folders.STATE, text)
    except NoSpace:
        # A failed job's results are of no use; a finished one's are safe already.
        if state["phase"] == "COMPLETED":
            raise
        folders.remove(folder / folders.RESULT)
        write_text(folder / folders.STATE, text)
