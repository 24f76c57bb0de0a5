"""Slurm by its own commands, here or through ssh (slurm.schedmd.com/man_index.html).

Plain formats are asked for, which are the same in all versions; the JSON is not.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from distiller.core.errors import Unreachable
from distiller.jobs import folders, shepherd
from distiller.jobs.engines import local

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from distiller.core.settings import Settings
    from distiller.jobs.spec import JobSpec

PROGRAM: Final = ("-m", "distiller", "run-job")
_TIMEOUT_S: Final = 60.0
_SSH: Final = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10")
_SSH_FAILED: Final = 255
_KEPT: Final = (
    "PATH", "HOME", "USER", "LOGNAME", "SLURM_CONF", "SSH_AUTH_SOCK", "LD_LIBRARY_PATH",
)  # fmt: skip
_AWAY: Final = re.compile(
    r"unable to contact|connect failure|timed out|temporarily|connection refused"
    r"|zero bytes|authentication|credential",
    re.IGNORECASE,
)
_OVER: Final = frozenset(
    {
        "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL",
        "OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "TIMEOUT",
    }
)  # fmt: skip
_SPARE_S: Final = 300
_SPARE_MB: Final = 256

_SCRIPT: Final = """\
#!/bin/sh
# A shepherd; and once more if it was killed: the second tells, and sweeps behind it.
exec </dev/null >>{log} 2>&1 || exit 1
cd /
pid=
run=$$-$(date +%s%N)
trap 'test -n "$pid" && kill -s TERM "$pid"' TERM
trap 'test -n "$pid" && kill -s KILL "$pid"' USR1
shepherd() {{
    env -i PATH="$PATH" HOME="$HOME" {handover}={before}:"$run" {command} &
    pid=$!
    while kill -s 0 "$pid" 2>/dev/null; do wait "$pid"; done
}}
shepherd
test -e {state} || shepherd
test -e {state}
"""
"""What a machine of the batch system runs: nothing of the server's environment."""


class Refused(Exception):  # noqa: N818 - named as the condition
    """Slurm does not take a job."""


@dataclass(frozen=True, slots=True)
class Row:
    """A job as ``squeue`` shows it."""

    number: int
    state: str
    name: str

    @property
    def is_over(self) -> bool:
        """Whether Slurm is done with it; a state that is not known is not over."""
        return self.state in _OVER

    @property
    def waits(self) -> bool:
        """Whether it has no machine yet."""
        return self.state == "PENDING"


class Commands:
    """Gives the commands of Slurm.

    Every method raises `Unreachable` if Slurm does not answer.

    Parameters
    ----------
    program
        What Python is to run as shepherd; its last argument will be the folder.
    """

    def __init__(self, settings: Settings, *, program: Sequence[str] = PROGRAM) -> None:
        self._settings = settings
        self._program = program
        self._is_closed = False
        self._lock = threading.Lock()
        self._running: subprocess.Popen[str] | None = None

    def queue(self) -> dict[str, list[Row]]:
        """Return this user's jobs by their names, those that ended lately too."""
        words = ["squeue", "--me", "--noheader", "--states=all", "--format=%i|%T|%j"]
        status, answer, said = self._run(words)
        if status != 0:
            message = f"squeue failed with status {status}: {_last(said)}"
            raise Unreachable(message, hint="see to Slurm")
        return parse(answer)

    def submit(self, spec: JobSpec, folder: Path, before: int) -> int:
        """Hand a job over under its id as name; return its number.

        Parameters
        ----------
        before
            How often it was handed over before.

        Raises
        ------
        Refused
            If Slurm does not take it.
        """
        words = ["sbatch", "--parsable", *self._options(spec)]
        status, answer, said = self._run(words, self.script(folder, before))
        # With the name of the cluster, where there are several; a shell that ssh
        # starts may greet first.
        number = _last(answer).partition(";")[0]
        if status == 0 and number.isdigit():
            return int(number)
        if _AWAY.search(said):
            message = f"sbatch failed: {_last(said)}"
            raise Unreachable(message, hint="see to Slurm")
        raise Refused(_last(said) or f"sbatch ended with status {status}")

    def drop(self, number: int) -> None:
        """End a job unless it has a machine."""
        self._cancel("--state=PENDING", str(number))

    def signal(self, number: int, name: Literal["TERM", "USR1"]) -> None:
        """Send a signal to the script of a job."""
        self._cancel("--batch", f"--signal={name}", str(number))

    def end(self, number: int) -> None:
        """End a job in Slurm's own way."""
        self._cancel(str(number))

    def close(self) -> None:
        """End the command that runs, if any, and run no more."""
        with self._lock:
            self._is_closed = True
            if self._running is not None:
                self._running.kill()

    def script(self, folder: Path, before: int) -> str:
        """Return the script of a job."""
        python = self._settings.slurm_python
        kept = local.environment()
        # Those of the machine that runs it.
        for name in ("PATH", "HOME"):
            kept.pop(name, None)
        if python:
            # Another installation: what is about ours does not concern it.
            for name in ("PYTHONPATH", "LD_LIBRARY_PATH"):
                kept.pop(name, None)
        words = [f"{name}={value}" for name, value in kept.items()]
        words += [python or sys.executable, *self._program, str(folder)]
        return _SCRIPT.format(
            log=shlex.quote(str(folder / folders.LOG)),
            state=shlex.quote(str(folder / folders.STATE)),
            command=shlex.join(words),
            handover=shepherd.HANDOVER,
            before=before,
        )

    def _options(self, spec: JobSpec) -> list[str]:
        # Wider than what the shepherd keeps, which is exact and says why.
        minutes = (spec.duration_s + _SPARE_S) // 60 + 1
        memory_mb = spec.memory_mb * 5 // 4 + _SPARE_MB
        partition = self._settings.slurm_partition
        return [
            f"--job-name={spec.job_id}",
            "--nodes=1", "--ntasks=1", f"--cpus-per-task={spec.cpus}",
            f"--mem={memory_mb}M",
            f"--time={minutes}",
            # Only we know whether it may run again.
            "--no-requeue",
            # That of this command, which is clean; the script leaves it, too.
            "--export=ALL",
            "--chdir=/", "--input=/dev/null", "--output=/dev/null",
            *([f"--partition={partition}"] if partition else []),
            *self._settings.slurm_options,
        ]  # fmt: skip

    def _cancel(self, *words: str) -> None:
        status, _, said = self._run(["scancel", *words])
        # It also fails for a job that ended meanwhile; the next look tells.
        if status != 0 and _AWAY.search(said):
            message = f"scancel failed: {_last(said)}"
            raise Unreachable(message, hint="see to Slurm")

    def _run(self, words: Sequence[str], text: str = "") -> tuple[int, str, str]:
        """Run a command; return its status, output and messages."""
        host = self._settings.slurm_ssh
        command = list(words)
        if host:
            quoted = shlex.join(["env", "LC_ALL=C", *words])
            options = self._settings.slurm_ssh_options
            command = [*_SSH, *options, "--", host, quoted]
        try:
            status, answer, said = self._talk(command, text)
        except OSError as error:
            message = f"{command[0]} cannot be run: {error.strerror}"
            raise Unreachable(message, hint="install the clients of Slurm") from error
        except subprocess.TimeoutExpired as error:
            message = f"{words[0]} did not answer for {_TIMEOUT_S:.0f} s"
            raise Unreachable(message, hint="see to Slurm") from error
        if host and status == _SSH_FAILED:
            message = f"ssh to {host} failed: {_last(said)}"
            raise Unreachable(message, hint="see slurm_ssh")
        return status, answer, said

    def _talk(self, command: Sequence[str], text: str) -> tuple[int, str, str]:
        with self._lock:
            if self._is_closed:
                message = "no commands are given any more"
                raise Unreachable(message)
            self._running = process = subprocess.Popen(  # noqa: S603 - fixed words
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                env=_environment(),
                # A Ctrl-C in the server's terminal is not meant for it.
                start_new_session=True,
            )
        with process:
            try:
                answer, said = process.communicate(text, _TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            finally:
                self._running = None
        return process.returncode, answer, said


def parse(answer: str) -> dict[str, list[Row]]:
    r"""Read lines of ``number|state|name``; those of job arrays are not ours.

    >>> rows = parse("7|RUNNING|a\n9|NODE_FAIL|b\n10_[1-3]|PENDING|c|d\n")
    >>> sorted(rows), rows["b"][0].number, rows["b"][0].is_over, rows["a"][0].is_over
    (['a', 'b'], 9, True, False)
    """
    found: dict[str, list[Row]] = {}
    for line in answer.splitlines():
        with suppress(ValueError):
            number, state, name = line.split("|", 2)
            row = Row(int(number), state, name)
            found.setdefault(row.name, []).append(row)
    return found


def _environment() -> Mapping[str, str]:
    """Return the environment of the commands: no secrets, and English."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {"LC_ALL": "C"}


def _last(said: str) -> str:
    """Return the last line of what a command said, or nothing."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else ""
