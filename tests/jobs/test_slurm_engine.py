"""Jobs in a real Slurm: what goes wrong there, and the way to it through ssh."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.support import ssh

from distiller.core.settings import load_settings
from distiller.jobs import folders
from distiller.jobs.engines import slurm, slurm_commands
from distiller.jobs.spec import FILE, JobSpec

from .conftest import ROGUES, wait_for
from .rigs import Rig, is_at_work, living, shepherd_of, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.slurm import Cluster

pytestmark = pytest.mark.slow


@pytest.fixture
def rig(
    slurm_cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rig]:
    """Give an engine on Slurm."""
    for name, value in slurm_cluster.environment.items():
        monkeypatch.setenv(name, value)
    made = Rig("slurm", tmp_path)
    yield made
    made.close()


def numbers(folder: Path) -> list[int]:
    found: list[int] = json.loads((folder / folders.SLURM).read_text())["numbers"]
    return found


def parent(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[1])


def test_a_controller_that_is_killed_loses_and_doubles_nothing(
    rig: Rig, slurm_cluster: Cluster
) -> None:
    running, deaf = rig.begin("slow", "deaf")
    began = time.time()
    held = rig.another(slurm_options=("--hold",)).submit(rig.folder("good"))
    wait_for(lambda: numbers(held.folder))
    wait_for(lambda: slurm_cluster.has_saved(began))
    slurm_cluster.kill("slurmctld")
    try:
        meanwhile = rig.submit("good")
        # The word of a job's user reaches the job without it.
        rig.engine.cancel(deaf)
        rig.engine.cancel(held)
        asked = time.monotonic()
        assert rig.end(deaf)["phase"] == "ABORTED"
        assert time.monotonic() - asked < 3
        assert rig.end(held)["phase"] == "ABORTED"
        for handle in (running, meanwhile):
            assert rig.engine.poll([handle])[handle].end is None
        assert numbers(meanwhile.folder) == []
    finally:
        slurm_cluster.start_controller()
    assert rig.end(meanwhile, 60)["phase"] == "COMPLETED"
    wait_for(lambda: slurm_cluster.states(held.folder.name) == ["CANCELLED"])
    assert rig.engine.poll([running])[running].end is None
    rig.engine.cancel(running)
    assert rig.end(running)["phase"] == "ABORTED"
    for handle, count in ((running, 1), (deaf, 1), (held, 0), (meanwhile, 1)):
        assert folders.log_tail(handle.folder, 50).count("being") == count
        assert len(slurm_cluster.states(handle.folder.name)) == 1


@pytest.mark.prove
def test_a_job_that_the_controller_forgot_is_handed_over_again(
    rig: Rig, slurm_cluster: Cluster
) -> None:
    first = rig.another(slurm_options=("--hold",))
    handle = first.submit(rig.folder("good"))
    wait_for(lambda: numbers(handle.folder))
    rig.close_one(first)
    slurm_cluster.kill("slurmctld")
    slurm_cluster.forget()
    slurm_cluster.start_controller()
    assert rig.end(handle)["phase"] == "COMPLETED"
    assert len(numbers(handle.folder)) == 2
    assert folders.log_tail(handle.folder, 50).count("being good") == 1


def test_a_job_that_ran_when_the_controller_forgot_it_begins_anew(
    rig: Rig, slurm_cluster: Cluster
) -> None:
    (handle,) = rig.begin("slow")
    (handle.folder / folders.RESULT).mkdir(exist_ok=True)
    left = handle.folder / folders.RESULT / "half.fits"
    left.touch()
    first = tree(handle.folder)
    slurm_cluster.kill("slurmctld")
    slurm_cluster.forget()
    slurm_cluster.start_controller()

    def starts() -> int:
        assert rig.engine.poll([handle])[handle].end is None
        return folders.log_tail(handle.folder, 50).count("being slow")

    # The machine ends what the controller does not know; nothing of it stays.
    wait_for(lambda: starts() == 2, 60)
    assert not left.exists()
    assert living(first) == []
    assert len(numbers(handle.folder)) == 2
    log = folders.log_tail(handle.folder, 50)
    assert log.count("The batch system lost the job; again:") == 1
    rig.engine.cancel(handle)
    assert rig.end(handle)["phase"] == "ABORTED"


def test_a_job_that_is_handed_over_twice_is_run_once(
    rig: Rig, slurm_cluster: Cluster
) -> None:
    # As Slurm has one that it seemed to have lost: the second waits for the first.
    (handle,) = rig.begin("slow")
    script = slurm_commands.Commands(
        load_settings(rig.home), program=[str(ROGUES), "shepherd"]
    )
    spec = JobSpec.read((handle.folder / FILE).read_bytes())
    script.submit(spec, handle.folder, 1)
    name = handle.folder.name
    wait_for(lambda: slurm_cluster.states(name) == ["RUNNING"] * 2)
    time.sleep(1.0)
    assert folders.log_tail(handle.folder, 50).count("being slow") == 1
    rig.engine.cancel(handle)
    assert rig.end(handle)["phase"] == "ABORTED"
    wait_for(lambda: "RUNNING" not in slurm_cluster.states(name))
    assert folders.log_tail(handle.folder, 50).count("being slow") == 1


@pytest.mark.prove
def test_a_machine_that_vanishes_is_told_but_not_while_the_job_may_run(
    rig: Rig, slurm_cluster: Cluster
) -> None:
    vanished, lasting = rig.begin("slow", "slow")
    slurm_cluster.kill("slurmd")
    try:
        found = shepherd_of(vanished.folder)
        assert found is not None
        script = parent(found.pid)
        doomed = [parent(script), script, found.pid]
        doomed += [process.pid for process in tree(vanished.folder)]
        for pid in doomed:
            os.kill(pid, signal.SIGKILL)
        time.sleep(1.0)
        # Slurm does not know it yet.
        assert rig.engine.poll([vanished])[vanished].end is None
        state = rig.end(vanished, 60)
        assert (state["phase"], state["error"]) == (
            "ERROR",
            {
                "message": "P400 the machine that ran the job went away (run it again)",
                "type": "transient",
            },
        )
        name = lasting.folder.name
        wait_for(lambda: slurm_cluster.states(name) == ["NODE_FAIL"], 60)
        time.sleep(1.5)
        status = rig.engine.poll([lasting])[lasting]
        assert (status.end, status.has_begun) == (None, True)
        rig.engine.cancel(lasting)
        assert rig.end(lasting)["phase"] == "ABORTED"
    finally:
        slurm_cluster.start_node()


def test_what_slurm_refuses_or_cannot_begin_is_told(rig: Rig) -> None:
    nowhere = rig.another(slurm_partition="nowhere")
    refused = nowhere.submit(rig.folder("good"))
    damaged = rig.folder("good")
    (damaged / FILE).write_text("{}")
    unreadable = nowhere.submit(damaged)
    other = rig.another(slurm_python="/nowhere/python")
    unable = other.submit(rig.folder("good"))
    error = wait_for(lambda: nowhere.poll([refused])[refused].end).error
    assert error.type == "transient"
    assert error.message == (
        "P400 the batch system does not take the job: sbatch: error: Batch job "
        "submission failed: Invalid partition name specified (tell the operators)"
    )
    error = wait_for(lambda: other.poll([unable])[unable].end).error
    assert error.message == (
        "P400 the job could not begin on its machine (tell the operators; its log may "
        "say more)"
    )
    error = wait_for(lambda: nowhere.poll([unreadable])[unreadable].end).error
    assert error.message == (
        "I100 the stored record of the job cannot be read (at job_id) (make it again)"
    )
    assert "/nowhere/python" in folders.log_tail(unable.folder, 9)
    # Who sleeps is woken by that, once.
    bells = list(nowhere.descriptors())
    assert select.select(bells, [], [], 0)[0] == bells
    nowhere.tend()
    assert select.select(bells, [], [], 0)[0] == []


def test_a_job_waits_in_slurm_and_is_aborted_there(
    rig: Rig, slurm_cluster: Cluster
) -> None:
    engine = rig.another(slurm_options=("--hold",))
    mine, theirs = (engine.submit(rig.folder("good")) for _ in range(2))
    wait_for(lambda: numbers(mine.folder) and numbers(theirs.folder))
    for status in engine.poll([mine, theirs]).values():
        assert (status.end, status.has_begun) == (None, False)
    engine.cancel(mine)
    slurm_cluster.ask("scancel", f"--name={theirs.folder.name}")
    assert wait_for(lambda: engine.poll([mine])[mine].end).phase == "ABORTED"
    end = wait_for(lambda: engine.poll([theirs])[theirs].end)
    assert end.error.message == "P400 the batch system stopped the job (run it again)"
    assert slurm_cluster.states(mine.folder.name) == ["CANCELLED"]
    assert not (mine.folder / folders.LOG).exists()


def test_what_slurm_stops_was_not_stopped_by_its_user(
    rig: Rig, slurm_cluster: Cluster
) -> None:
    (handle,) = rig.begin("runaway", size=2)
    found = tree(handle.folder)
    slurm_cluster.ask("scancel", f"--name={handle.folder.name}")
    state = rig.end(handle)
    assert state["phase"] == "ERROR"
    assert state["error"] == {
        "message": "P400 the batch system stopped the job (run it again)",
        "type": "transient",
    }
    assert living(found) == []


def test_jobs_wait_while_there_is_no_slurm(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "/nowhere")
        handle = rig.submit("good")
        wait_for(lambda: "cannot be run: No such file" in caplog.text)
        assert rig.engine.poll([handle])[handle].end is None
    assert "Slurm cannot be asked for jobs, and is tried again: squeue" in caplog.text
    assert rig.end(handle)["phase"] == "COMPLETED"


def ended(engine: Any, handle: slurm.Handle) -> Any:
    return engine.poll([handle])[handle].end


def test_what_waits_is_aborted_while_there_is_no_slurm(
    rig: Rig, slurm_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, whether Slurm has it or not; it is told when it is back."""
    engine = rig.another(slurm_options=("--hold",))
    there = engine.submit(rig.folder("good"))
    wait_for(lambda: numbers(there.folder))
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "/nowhere")
        never = engine.submit(rig.folder("good"))
        for handle in (there, never):
            assert engine.poll([handle])[handle].end is None
            engine.cancel(handle)
        for handle in (there, never):
            end = wait_for(partial(ended, engine, handle))
            assert end.phase == "ABORTED"
            engine.unwatch(handle)
    wait_for(lambda: slurm_cluster.states(there.folder.name) == ["CANCELLED"])
    assert slurm_cluster.states(never.folder.name) == []


def test_what_is_at_work_is_not_aborted_by_word_while_there_is_no_slurm(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A shepherd has the folder, and has not yet written who it is."""
    folder = rig.folder("slow")
    words = [sys.executable, "-c", HOLDER, str(folder / folders.LOCK)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with monkeypatch.context() as patch:
            patch.setenv("PATH", "/nowhere")
            handle = rig.engine.submit(folder)
            rig.engine.cancel(handle)
            wait_for(lambda: "cannot be run: No such file" in caplog.text)
            assert rig.engine.poll([handle])[handle].end is None
            holder.kill()
            holder.wait()
            end = wait_for(lambda: rig.engine.poll([handle])[handle].end)
            assert end.phase == "ABORTED"


HOLDER = """
import fcntl, sys, time
lock = open(sys.argv[1], "w")
fcntl.lockf(lock, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


def test_a_lock_that_nobody_gives_back_is_believed_as_long_as_a_job_may_run(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = rig.folder("slow", duration_s=60)
    (folder / folders.SLURM).write_text('{"numbers": [999999]}')
    record = folder / folders.SHEPHERD
    record.write_text(json.dumps({"pid": 1, "start_time": 1, "boot_id": "elsewhere"}))
    words = [sys.executable, "-c", HOLDER, str(folder / folders.LOCK)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        handle = rig.engine.find(folder)
        time.sleep(1.5)
        status = rig.engine.poll([handle])[handle]
        assert (status.end, status.has_begun) == (None, True)
        monkeypatch.setattr(slurm, "_HELD_S", -60.0)
        assert "was killed (run it again)" in rig.end(handle)["error"]["message"]
        holder.kill()
    record.unlink()


def test_limits_of_slurm_are_wider_than_those_of_the_shepherd(
    rig: Rig, slurm_cluster: Cluster
) -> None:
    engine = rig.another(slurm_options=("--hold", "--comment=ours"))
    folder = rig.folder("good", duration_s=90, memory_mb=1000, cpus=2)
    handle = engine.submit(folder)
    wait_for(lambda: numbers(folder))
    words = ("squeue", "-h", f"--name={folder.name}", "-o", "%l|%m|%C|%k|%i")
    told = slurm_cluster.ask(*words).strip()
    assert told == f"7:00|1506M|2|ours|{numbers(folder)[0]}"
    engine.cancel(handle)
    assert wait_for(lambda: engine.poll([handle])[handle].end).phase == "ABORTED"


@pytest.fixture
def door(slurm_cluster: Cluster) -> Iterator[ssh.Door]:
    """Give an ssh server behind which is Slurm."""
    made = ssh.Door.open(slurm_cluster.environment)
    yield made
    made.close()


@pytest.mark.debian(ssh.PACKAGE)
def test_slurm_through_ssh(
    rig: Rig, door: ssh.Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs run, are aborted and wait while the way is shut; no path is a program."""
    # Only behind the door is Slurm known.
    monkeypatch.delenv("SLURM_CONF")
    rig.jobs = rig.jobs / "a b'c\"$HOME;%j\\"
    given: dict[str, Any] = {
        "slurm_ssh": "root@127.0.0.1", "slurm_ssh_options": tuple(door.options),
    }  # fmt: skip
    rig.engine = rig.another(**given)
    good, runaway = rig.submit("good"), rig.submit("runaway")
    wait_for(lambda: is_at_work(runaway.folder))
    wait_for(lambda: len(tree(runaway.folder)) >= 2)
    found = tree(runaway.folder)
    rig.engine.cancel(runaway)
    assert rig.end(runaway)["phase"] == "ABORTED"
    assert living(found) == []
    assert rig.end(good)["phase"] == "COMPLETED"
    door.shut()
    late = rig.submit("good")
    time.sleep(1.0)
    assert rig.engine.poll([late])[late].end is None
    door.start()
    assert rig.end(late)["phase"] == "COMPLETED"


def test_an_engine_that_is_closed_gives_no_commands(rig: Rig) -> None:
    handle = rig.submit("good")
    rig.close_one(rig.engine)
    assert [t for t in threading.enumerate() if t.name == "slurm"] == []
    other = rig.another()
    assert wait_for(lambda: other.poll([handle])[handle].end).phase == "COMPLETED"
    assert slurm_commands.parse("nonsense\n") == {}
