"""The shepherd of one job: ``distiller run-job JOBDIR``.

It forks the worker and sees to the end of it and of everything it started: by its own
doing, after its duration, over its memory or CPU time, or because somebody cancelled.
Then it writes ``state.json``, whole or not at all. Exactly one shepherd ever runs a
job.
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
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Final, Literal

from distiller.analysis.products import ProductDescription
from distiller.core.errors import DistillerError, NotFound
from distiller.core.files import write_text
from distiller.core.times import now
from distiller.jobs import cpus, ends, failures, folders, logs, processes, worker
from distiller.jobs.processes import Process
from distiller.jobs.spec import FILE, JobSpec
from distiller.vo.uws import JobError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from distiller.jobs.ends import End

MARK: Final = "DISTILLER_JOB"
"""In the environment of every process of a job: ``DISTILLER_JOB=<job id>``."""

HANDOVER: Final = "DISTILLER_HANDOVER"
"""In the environment of a shepherd under a batch system: ``<handover>:<run>``.

Which handover of the job it is of, from 0, and which run of its script. A batch system
may lose a job, which is then handed over again, and run the first all the same, end it
in its midst, or start it anew.
"""

_SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})
_LOOK_S: Final = 0.05
_WAIT_S: Final = 0.2
_GRACE_S: Final = 1.0
_GRACE_LATE_S: Final = 0.3
_LAST_WORDS_S: Final = 5.0
_SWEEP_S: Final = 2.0
_SWEEP_PAUSE_S: Final = 0.02
_ANSWER_MAX: Final = 1 << 20
_FLOCK: Final = "hhqqi"
"""``struct flock`` of 64-bit Linux: type, whence, start, length, pid."""


@dataclass(slots=True)
class _Watch:
    """What the shepherd saw."""

    worker: int
    answer: int
    log: logs.Recorder
    status: int | None = None
    outcome: bytes = b""
    reason: Literal["cancel", "duration", "memory", "cpu"] | None = None
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
    """Run the job of a folder, unless another shepherd does or did.

    Raises
    ------
    NotFound
        If the folder holds no job.
    """
    if not (folder / FILE).is_file():
        message = f"{folder} is not the folder of a job: it holds no {FILE}"
        raise NotFound(message, hint="the server makes them, in HOME/jobs")
    with suppress(PermissionError):  # a session of its own already
        os.setsid()
    # Blocked and then waited for: no signal is lost and no handler runs in between.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    # Children that are forked have it open too, and are known by that.
    with (folder / folders.LOCK).open("w") as lock:
        if _takes(lock) and not (folder / folders.STATE).exists():
            _write(folder, _shepherd(folder))


def _takes(lock: IO[str]) -> bool:
    """Take the lock of a folder; under a batch system wait for another run."""
    while True:
        try:
            # Of this process alone: a forked worker does not hold it.
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not _handover():
                return False
            got = signal.sigtimedwait(_SIGNALS, _WAIT_S)
            if got is not None and got.si_signo != signal.SIGCHLD:
                return False
        else:
            return True


def _handover() -> str:
    return os.environ.get(HANDOVER, "")


def is_held(folder: Path) -> bool:
    """Whether a shepherd runs the job of this folder; looks without taking the lock."""
    try:
        with (folder / folders.LOCK).open("r+") as lock:
            question = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            answer = fcntl.fcntl(lock, fcntl.F_GETLK, question)
    except FileNotFoundError:
        return False
    return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)


def mark(folder: Path) -> str:
    """Return what stands in the environment of a job's processes."""
    return f"{MARK}={folder.name}"


def sweep(folder: Path, killed: Process | None) -> None:
    """End what a killed shepherd has left behind on this machine.

    Parameters
    ----------
    killed
        That shepherd; None if it is not known who it was.
    """
    deadline = time.monotonic() + _SWEEP_S
    while time.monotonic() < deadline:
        left = processes.leftovers(mark(folder), folder / folders.LOCK, killed)
        if not left:
            return
        processes.kill(left)
        time.sleep(_SWEEP_PAUSE_S)


def written(folder: Path) -> Process | None:
    """Return the shepherd that runs or ran the job of a folder, by its own word."""
    data = folders.read_json(folder / folders.SHEPHERD)
    try:
        return None if data is None else Process.from_json(data)
    except (KeyError, TypeError, ValueError):
        return None  # damaged: the next shepherd of the folder will say so


def begun_by(folder: Path) -> str | None:
    """Return the `HANDOVER` of the shepherd that began the job of a folder, if any.

    Also None if its record is damaged.
    """
    data = folders.read_json(folder / folders.SHEPHERD) or {}
    found = data.get("handover")
    return found if isinstance(found, str) else None


def _shepherd(folder: Path) -> End:
    """See a job through and return how it ended."""
    with ExitStack() as held:
        return _seen_through(folder, held)


def _seen_through(folder: Path, held: ExitStack) -> End:
    began = time.monotonic()
    started = now()
    try:
        if (folder / folders.SHEPHERD).exists():
            # The one before was killed; what it began cannot be trusted.
            sweep(folder, written(folder))
            if not _handover() or begun_by(folder) in {None, _handover()}:
                return ends.lost(folder)
            folders.begin_anew(folder, "The batch system lost the job; again:")
        if (folder / folders.CANCEL).exists():
            return ends.aborted(started)
        spec = JobSpec.read((folder / FILE).read_bytes())
        # First, so that there is room to say that there is none for the others.
        folders.reserve(folder)
        me = processes.identified([os.getpid()])[0]
        # A process that it names has ended once power is lost.
        record = me.to_json() | {"handover": _handover()}
        write_text(folder / folders.SHEPHERD, json.dumps(record), durable=False)
        os.environ[MARK] = folder.name
        processes.become_subreaper()
        cores = held.enter_context(cpus.taken(spec.cpus, folder.parent))
        watch = _start(folder, spec, cores)
    except Exception as error:  # noqa: BLE001 - told, see below
        # The edge of a job: it has not begun, and its user is told why.
        if not isinstance(error, (DistillerError, OSError)):
            traceback.print_exc()
        return ends.failed(failures.told(error), started)
    _watch(folder, spec, watch)
    too_much = watch.reason in {"duration", "memory", "cpu"}
    grace_s = 0.0 if watch.reason is None else _GRACE_S
    processes.end_descendants(_GRACE_LATE_S if too_much else grace_s)
    watch.drain()
    watch.log.finish(_LAST_WORDS_S)
    peak_mb = round(max(watch.peak_mb, _peak_mb()), 1)
    # The clock may have been set meanwhile. How long the job ran is known without it.
    ran = timedelta(seconds=time.monotonic() - began)
    end = _judge(spec, watch, now() - ran)
    return end.model_copy(update={"peak_memory_mb": peak_mb})


def _start(folder: Path, spec: JobSpec, cores: frozenset[int]) -> _Watch:
    """Fork the worker."""
    reading, writing = os.pipe()
    log_reading, log_writing = os.pipe()
    me = os.getpid()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            processes.die_with_parent(me)
            os.close(reading)
            os.close(log_reading)
            _settle(folder, log_writing)
            _share(spec, cores)
            worker.work(folder, writing)
            status = 0
        except Exception as error:  # noqa: BLE001 - the edge of a process
            # Not the task's: the worker could not begin, as on a full disk.
            traceback.print_exc()
            worker.say(writing, failures.told(error))
        finally:
            # Not `sys.exit`: nothing of the shepherd or zygote may run on here.
            os._exit(status)
    os.close(writing)
    os.close(log_writing)
    os.set_blocking(reading, False)
    log = logs.Recorder(folder, log_reading, nice=spec.nice)
    # After the fork: what is forked must have one thread.
    log.start()
    return _Watch(pid, reading, log)


def _settle(folder: Path, log: int) -> None:
    """Give the worker its own place: folder, log, temporary files, signals."""
    os.setpgid(0, 0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.chdir(folder)
    temporary = folder / folders.TEMPORARY
    temporary.mkdir(exist_ok=True)
    os.environ["TMPDIR"] = str(temporary)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _share(spec: JobSpec, cores: frozenset[int]) -> None:
    """Leave the processor to others: keep to some cores, and give way to the server."""
    os.nice(spec.nice)
    # A machine that does not have it loses nothing: CPU time is watched all the same.
    with suppress(OSError):
        os.sched_setaffinity(0, cores)


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
            tree = processes.tree(os.getpid())
            used_mb = processes.memory_mb(tree.pids, above_mb=spec.memory_mb)
            watch.peak_mb = max(watch.peak_mb, used_mb)
            if used_mb > spec.memory_mb:
                watch.reason = "memory"
            elif spec.cpu_s is not None and tree.cpu_s + _reaped_s() > spec.cpu_s:
                watch.reason = "cpu"


def _judge(spec: JobSpec, watch: _Watch, started: datetime) -> End:
    """Say how the job ended."""
    if watch.reason == "cancel":
        return ends.aborted(started)
    if watch.reason == "duration":
        return ends.late(spec.duration_s, started)
    if watch.reason == "memory":
        message = failures.memory_message(spec.memory_mb)
        return ends.failed(JobError(message, "fatal"), started)
    if watch.reason == "cpu":
        return ends.failed(_spent(spec), started)
    return _told(spec, watch, started)


def _told(spec: JobSpec, watch: _Watch, started: datetime) -> End:
    """Return the end that the worker told, or why it could not."""
    exit_code = os.waitstatus_to_exitcode(watch.status or 0)
    try:
        outcome = json.loads(watch.outcome)
    except ValueError:
        return ends.failed(_died(exit_code, spec), started)
    if "product" in outcome:
        product = ProductDescription.model_validate(outcome["product"])
        return ends.completed(product, started)
    return ends.failed(JobError(**outcome["error"]), started)


def _died(exit_code: int, spec: JobSpec) -> JobError:
    if exit_code == -signal.SIGXCPU:
        return _spent(spec)
    if exit_code < 0:
        return failures.killed(signal.Signals(-exit_code))
    message = f"I000 the job's process ended with status {exit_code} and no word"
    return JobError(message, "transient")


def _spent(spec: JobSpec) -> JobError:
    return JobError(failures.cpu_message(spec.cpu_s or 0), "fatal")


def _reaped_s() -> float:
    """Return the CPU time of the children that have ended, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def _write(folder: Path, end: End) -> None:
    """Write how the job ended; the space that was kept for that is given back."""
    folders.free_reserve(folder)
    try:
        write_text(folder / folders.STATE, end.model_dump_json())
    except (DistillerError, OSError) as error:
        if not failures.is_full(error):
            raise
        # Others took even that. Without a record a result is of no use.
        folders.tidy(folder)
        if end.phase == "COMPLETED":
            end = ends.failed(failures.no_space(), end.started)
        write_text(folder / folders.STATE, end.model_dump_json())
