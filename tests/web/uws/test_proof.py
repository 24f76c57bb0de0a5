"""Many jobs of many users while everything that may be killed is killed.

Web server and runner are programs of their own here; jobs of several runs go to Slurm
where there is one, the others run on this machine. Each job is known by a RUNID of
its own, so that a client whose answer was lost finds out whether its job was made.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.support.ports import free_port

from distiller.jobs import folders, processes, registration, shepherd

from .conftest import MAP, UwsServer, xpath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.slurm import Cluster

SEED = 20261130
PASSWORD = "a long word of seven letters"  # noqa: S105 - of a throw-away home
ACCOUNTS = """
import sys
from distiller.core.settings import load_settings
from distiller.web import boot
boot.boot(load_settings(sys.argv[1]))
from distiller.web.accounts import service
for name in sys.argv[3:]:
    service.add(name, sys.argv[2])
"""
PRODUCTS = "SELECT obs_id FROM ivoa.obscore WHERE dataproduct_subtype = 'count-map'"
GIVE_UP_S = 900.0


@dataclass(frozen=True)
class Kind:
    """What a job is given, and in which phases it may end."""

    ends: frozenset[str]
    given: dict[str, str] = field(default_factory=dict)
    is_aborted: bool = False


GOOD = Kind(frozenset({"COMPLETED"}))
IN_SLURM = Kind(frozenset({"COMPLETED"}), {"obs": "1001,1002"})
KINDS = [
    *[GOOD] * 14,
    *[IN_SLURM] * 2,
    *[Kind(frozenset({"ERROR"}), {"ra": "200", "dec": "-60"})] * 2,  # no events there
    Kind(frozenset({"ERROR"}), {"e_min": "-1"}),
    # It may have done its work before the word came.
    Kind(frozenset({"ABORTED", "COMPLETED"}), is_aborted=True),
]


@dataclass
class Stage:
    """A server and a runner of one home, and who may be killed.

    Quick looks are made by other processes, and are not what is proven here.
    """

    uws: UwsServer
    cluster: Cluster | None = None
    runner: subprocess.Popen[str] | None = None
    killed: Counter[str] = field(default_factory=Counter)

    @property
    def mark(self) -> str:
        """What every process of this home has in its environment."""
        return f"{self.uws.home}/no-programs"

    def start(self) -> None:
        """Start both, with their jobs known by the mark."""
        path = f"{os.environ['PATH']}:{self.mark}"
        self.uws.settings = {
            "DISTILLER_RUNNER": "external",
            "DISTILLER_PREVIEWS": "false",
            "PATH": path,
        }
        if self.cluster is not None:
            self.uws.settings |= {
                **self.cluster.environment,
                "DISTILLER_SLURM_FROM_RUNS": "2",
                "DISTILLER_SLURM_LOOK_S": "0.5",
                "DISTILLER_SLURM_JOBS_AT_ONCE": "2",
            }
        self.uws.start()
        self.start_runner()

    def start_runner(self) -> None:
        """Start the runner; returns once the jobs of the home are its."""
        words = [sys.executable, "-m", "distiller", "--home", str(self.uws.home)]
        self.runner = subprocess.Popen(
            [*words, "runner"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **self.uws.settings},
        )
        assert self.runner.stdout is not None
        assert "running jobs of" in self.runner.stdout.readline()

    def stop_runner(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the runner."""
        assert self.runner is not None
        with self.runner:
            self.runner.send_signal(how)
            self.runner.wait(30)

    def kill_web(self) -> None:
        """Kill the server, and start it again."""
        self.uws.stop(signal.SIGKILL)
        self.uws.start()

    def kill_runner(self) -> None:
        """Kill the supervisor, and start it again."""
        self.stop_runner(signal.SIGKILL)
        self.start_runner()

    def kill_zygote(self) -> None:
        """Kill what shepherds are forked from; the supervisor sees to it."""
        assert self.runner is not None
        for pid in processes.descendants(self.runner.pid):
            with suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes()
                if b"distiller.jobs.zygote" in words:
                    os.kill(pid, signal.SIGKILL)
                    return  # what it has forked, shepherds, bears its name

    def kill_controller(self) -> None:
        """Kill what has the queue of Slurm, and start it again."""
        assert self.cluster is not None
        self.cluster.kill("slurmctld")
        self.cluster.start_controller(skip=1000)

    def victims(self) -> dict[str, Callable[[], None]]:
        """Return what may be killed."""
        found = {
            "web": self.kill_web,
            "runner": self.kill_runner,
            "zygote": self.kill_zygote,
        }
        if self.cluster is not None:
            found["slurmctld"] = self.kill_controller
        return found

    def kill_at_random(self, dice: random.Random, most: int, done: Any) -> None:
        """Kill one after the other, in turn over them, until the jobs are made."""
        victims = self.victims()
        turn: list[str] = []
        for _ in range(most):
            if done.wait(dice.uniform(0.5, 2.5)):
                return
            turn = turn or dice.sample(sorted(victims), len(victims))
            name = turn.pop()
            victims[name]()
            self.killed[name] += 1

    def orphans(self) -> list[int]:
        """Return processes of this home, of whatever job."""
        wanted, found = self.mark.encode(), []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    if wanted in (entry / "environ").read_bytes():
                        found.append(int(entry.name))
        return found


class User:
    """Someone whose requests may be cut off, and who asks again then."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.name = name
        self.url = stage.uws.url
        self.base = self.url.removesuffix("/uws/count_map")
        self.client = httpx.Client(timeout=60)
        self.made: dict[str, Kind] = {}

    def ask(self, method: str, url: str, **more: Any) -> httpx.Response | None:
        """Ask once; None if nobody knows what became of it."""
        try:
            answer = self.client.request(method, url, **more)
        except httpx.TransportError:
            time.sleep(0.2)
            return None
        return None if answer.status_code >= 500 else answer

    def ask_again(self, method: str, url: str, **more: Any) -> httpx.Response:
        """Ask until there is an answer; for what may be done twice."""
        deadline = time.monotonic() + GIVE_UP_S
        while (answer := self.ask(method, url, **more)) is None:
            assert time.monotonic() < deadline, url
        return answer

    def log_in(self) -> None:
        """Get a session, which outlives every server."""
        page = f"{self.base}/accounts/login/"
        token = self.client.get(page).cookies["csrftoken"]
        words = {"username": self.name, "password": PASSWORD}
        form = {**words, "csrfmiddlewaretoken": token}
        assert self.client.post(page, data=form).status_code == 302

    def submit(self, run_id: str, kind: Kind) -> None:
        """Make a job and run it, once; perhaps abort it."""
        data = {
            **MAP, "obs": "1001", "width": "2", "binsz": "0.1", **kind.given,
            "RUNID": run_id, "PHASE": "RUN", "CACHE": "no",
        }  # fmt: skip
        while run_id not in self.jobs():
            self.ask("POST", self.url, data=data)
        self.made[run_id] = kind
        if kind.is_aborted:
            place = f"{self.url}/{self.jobs()[run_id][0][0]}/phase"
            answer = self.ask_again("POST", place, data={"PHASE": "ABORT"})
            assert answer.status_code in {303, 403}  # it may have ended before

    def jobs(self) -> dict[str, list[tuple[str, str]]]:
        """Return id and phase of this user's jobs, by RUNID."""
        document = self.ask_again("GET", self.url).content
        found: dict[str, list[tuple[str, str]]] = {}
        for one in xpath(document, "//u:jobref"):
            run_id, phase = (
                one.findtext(f"{{*}}{name}") or "" for name in ("runId", "phase")
            )
            found.setdefault(run_id, []).append((one.get("id"), phase))
        return found

    def wait(self) -> None:
        """Wait until no job of this user is under way."""
        deadline = time.monotonic() + GIVE_UP_S
        moving = {"QUEUED", "EXECUTING"}
        while any(phase in moving for ((_, phase),) in self.jobs().values()):
            assert time.monotonic() < deadline, self.jobs()
            time.sleep(1.0)


@contextmanager
def staged(filled: Path, names: list[str], cluster: Cluster | None) -> Iterator[Stage]:
    """Give a stage with these accounts, over a copy of the filled home."""
    # Not pytest's folder: the address of a Unix socket has 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="dst") as folder:
        home = Path(folder) / "home"
        shutil.copytree(filled, home)
        accounts = [sys.executable, "-c", ACCOUNTS, str(home), PASSWORD, *names]
        subprocess.run(accounts, check=True)
        stage = Stage(UwsServer(home, free_port()), cluster)
        try:
            stage.start()
            yield stage
        finally:
            if stage.runner is not None and stage.runner.poll() is None:
                stage.stop_runner()
            stage.uws.stop()


def survive(
    filled: Path, cluster: Cluster | None, *, users: int, each: int, kills: int
) -> Counter[str]:
    """Let users make jobs while things are killed; check every end."""
    dice = random.Random(SEED)  # noqa: S311 - to repeat, not to hide
    names = [f"user{number}" for number in range(users)]
    with staged(filled, names, cluster) as stage, ExitStack() as stack:
        people = [User(stage, name) for name in names]
        for user in people:
            stack.enter_context(user.client)
            user.log_in()
        plans = {u.name: [dice.choice(KINDS) for _ in range(each)] for u in people}
        done = threading.Event()

        def work(user: User) -> None:
            for number, kind in enumerate(plans[user.name]):
                user.submit(f"{user.name}-{number}", kind)
            user.wait()

        with ThreadPoolExecutor(users + 1) as threads:
            killer = threads.submit(stage.kill_at_random, dice, kills, done)
            working = [threads.submit(work, user) for user in people]
            try:
                for one in working:
                    one.result()
            finally:
                done.set()
                killer.result()
        completed = check_ends(people, each)
        check_products(stage, people[0], completed)
        everything = [job for user in people for ((job, _),) in user.jobs().values()]
        for job_id in completed:
            folder = stage.uws.home / "jobs" / job_id
            log, _ = folders.read_log(folder)
            # A controller that was killed forgets its last seconds, and the machine
            # ends what it does not know: that begins anew.
            again = log.count(b"The batch system lost the job; again:")
            starts = log.count(b"Starting count_map")
            assert 1 <= starts <= 1 + again, job_id
        # A start sweeps what the last kill may have left, then all go home.
        stage.kill_runner()
        stage.stop_runner()
        stage.uws.stop()
        check_nothing_is_left(stage, everything)
    return stage.killed


def check_ends(people: list[User], each: int) -> set[str]:
    """Check that each job is there once, in a right phase; return those completed."""
    completed = set()
    for user in people:
        jobs = user.jobs()
        assert len(jobs) == each
        for run_id, found in jobs.items():
            assert len(found) == 1, f"{run_id} was made {len(found)} times"
            ((job_id, phase),) = found
            if phase not in user.made[run_id].ends:
                place = f"{user.url}/{job_id}/error"
                said = user.ask_again("GET", place).text if phase == "ERROR" else ""
                pytest.fail(f"{run_id} {job_id} is {phase}: {said}")
            if phase == "COMPLETED":
                completed.add(job_id)
    return completed


def check_products(stage: Stage, user: User, completed: set[str]) -> None:
    """Check that each job that was completed has one product, and nobody else."""
    answer = user.ask_again(
        "GET",
        f"{user.base}/tap/sync",
        params={"LANG": "ADQL", "QUERY": PRODUCTS, "RESPONSEFORMAT": "csv"},
    )
    filed = Counter(answer.text.split()[1:])
    right = {f"count_map/{registration.product_id(job_id)}" for job_id in completed}
    assert filed == Counter(right)
    there = {p.name for p in (stage.uws.home / "files/products").glob("*/*/*")}
    assert there == completed
    words = [sys.executable, "-m", "distiller", "--home", str(stage.uws.home)]
    sound = subprocess.run(
        [*words, "check", "--files", "checksums"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert sound.returncode == 0, sound.stdout + sound.stderr


def check_nothing_is_left(stage: Stage, everything: list[str]) -> None:
    """Check that no process goes on, and that nothing half made lies about."""
    deadline = time.monotonic() + 30
    while left := stage.orphans():
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
    home = stage.uws.home
    for job_id in everything:
        folder = home / "jobs" / job_id
        mark, lock = shepherd.mark(folder), folder / folders.LOCK
        assert processes.leftovers(mark, lock) == []
        for name in (folders.RESULT, folders.TEMPORARY, folders.INPUTS):
            assert not (folder / name).exists()
    hidden = [*home.glob("jobs/.*"), *home.glob("files/products/*/*/.*")]
    assert hidden == []


@pytest.mark.slow
def test_a_few_jobs_of_two_users_survive(filled: Path) -> None:
    killed = survive(filled, None, users=2, each=3, kills=3)
    assert sum(killed.values()) > 0


@pytest.mark.prove
def test_two_hundred_jobs_of_ten_users_survive(
    filled: Path, slurm_cluster: Cluster
) -> None:
    killed = survive(filled, slurm_cluster, users=10, each=20, kills=20)
    # The dice are thrown until the last job was made: enough were met.
    assert min(killed[name] for name in ("web", "runner", "zygote", "slurmctld")) >= 2
