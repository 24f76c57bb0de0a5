"""A throw-away Slurm of one machine, as its Debian packages have it.

It needs neither systemd nor cgroups nor a database: munged, slurmctld and slurmd run
with folders, keys and ports of their own, and answer on the loopback only.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGES = ("slurm-wlm", "munge")
NODE_TIMEOUT_S = 3
"""After so long the controller takes a machine for gone."""

_SBIN = Path("/usr/sbin")
_NAMES = {
    "munged": _SBIN / "munged",
    "slurmctld": _SBIN / "slurmctld",
    "slurmd": _SBIN / "slurmd",
}
_CONFIGURATION = """\
ClusterName=throwaway
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
CredType=cred/munge
AuthInfo=socket={folder}/munge/socket
SlurmctldPort={controller_port}
SlurmdPort={node_port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SwitchType=switch/none
MpiDefault=none
# What it has more than this machine.
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout={node_timeout}
KillWait=2
MessageTimeout=3
MinJobAge=300
FirstJobId=1
DebugFlags=NO_CONF_HASH
NodeName={host} NodeAddr=127.0.0.1 CPUs=16 RealMemory=200000 State=UNKNOWN
PartitionName=jobs Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Cluster:
    """One machine with a queue; `start` makes it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._first = 1

    @classmethod
    def start(cls) -> Self:
        """Make a cluster in a new folder and start it."""
        folder = Path(tempfile.mkdtemp(prefix="distiller-slurm-", dir="/tmp"))
        folder.chmod(0o755)
        made = cls(folder)
        try:
            made._configure()
            made._run("munged")
            made.start_controller()
            made.start_node()
        except BaseException:
            made.stop()
            raise
        return made

    @property
    def configuration(self) -> Path:
        """What `SLURM_CONF` is to name."""
        return self._folder / "slurm.conf"

    @property
    def environment(self) -> dict[str, str]:
        """Variables for the commands of Slurm."""
        return {"SLURM_CONF": str(self.configuration)}

    def start_controller(self, *, skip: int = 0) -> None:
        """Start what has the queue, and wait until it answers.

        Parameters
        ----------
        skip
            How many numbers to leave out, as operators do after a crash: it may have
            forgotten which numbers it gave, and a machine that is given the same one
            twice is taken out of use by Slurm.
        """
        if skip:
            self._first += skip
            text = self.configuration.read_text()
            text = re.sub(r"FirstJobId=.*", f"FirstJobId={self._first}", text)
            self.configuration.write_text(text)
        self._run("slurmctld")
        self._until(lambda: self.ask("scontrol", "ping").count("UP") == 1)

    def start_node(self) -> None:
        """Start what runs the jobs, and wait until it takes some."""
        self._run("slurmd")
        usable = {"idle", "mixed", "allocated"}
        self._until(lambda: self.ask("sinfo", "-h", "-o", "%T").strip() in usable)

    def kill(self, name: str) -> None:
        """Kill a daemon with SIGKILL; its jobs run on."""
        process = self._processes.pop(name)
        process.kill()
        process.wait(10)

    def states(self, name: str) -> list[str]:
        """Return the states of the jobs of this name."""
        words = ("squeue", "-h", "--states=all", f"--name={name}", "-o", "%T")
        return self.ask(*words).split()

    def has_saved(self, since: float) -> bool:
        """Whether the controller has written its jobs down after this time (POSIX)."""
        return (self._folder / "state" / "job_state").stat().st_mtime > since

    def forget(self) -> None:
        """Remove what a controller that was killed had written of its jobs."""
        for path in (self._folder / "state").glob("job_state*"):
            path.unlink()

    def steps(self) -> list[int]:
        """Return the pids of what stands between this machine and its jobs."""
        mark = f"SLURM_CONF={self.configuration}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with suppress(OSError):
                is_step = (entry / "comm").read_text().startswith("slurmstepd")
                if is_step and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return found

    def ask(self, *words: str) -> str:
        """Run a command and return its output."""
        environment = {**os.environ, **self.environment}
        done = subprocess.run(
            words,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.stdout

    def stop(self) -> None:
        """End everything and remove the folder."""
        for name in ("slurmd", "slurmctld", "munged"):
            if name in self._processes:
                self.kill(name)
        for pid in self.steps():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _configure(self) -> None:
        for name in ("munge", "state", "spool"):
            place = self._folder / name
            place.mkdir()
            place.chmod(0o755)  # whatever the umask: clients reach munged's socket
        key = self._folder / "munge" / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        text = _CONFIGURATION.format(
            folder=self._folder,
            host=socket.gethostname().partition(".")[0],
            controller_port=free_port(),
            node_port=free_port(),
            node_timeout=NODE_TIMEOUT_S,
        )
        self.configuration.write_text(text)

    def _run(self, name: str) -> None:
        words = [str(_NAMES[name])]
        if name == "munged":
            place = self._folder / "munge"
            words += ["--foreground", f"--key-file={place / 'key'}"]
            words += [f"--socket={place / 'socket'}", f"--seed-file={place / 'seed'}"]
            words += [f"--pid-file={place / 'pid'}", f"--log-file={place / 'log'}"]
        else:
            words.append("-D")
        with (self._folder / f"{name}.out").open("ab") as out:
            self._processes[name] = subprocess.Popen(
                words,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                # In the foreground, but without the terminal of the tests.
                start_new_session=True,
            )
        if name == "munged":
            self._until((self._folder / "munge" / "socket").exists)

    def _until(self, what: Callable[[], bool], timeout_s: float = 30.0) -> None:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if what():
                return
            time.sleep(0.05)
        logs = [*self._folder.glob("*.log"), *self._folder.glob("*.out")]
        said = "\n".join(f"{path.name}: {path.read_text()[-800:]}" for path in logs)
        raise RuntimeError(f"Slurm does not start: {said}")
