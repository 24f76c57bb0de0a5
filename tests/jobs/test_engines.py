"""What every engine must do: the same on this machine and in Slurm."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from distiller.jobs import folders

from .conftest import leftovers
from .rigs import Rig, elapsed_s, environment, is_at_work, living, shepherd_of, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

SOON_S = 3.0
"""Within this an abort has ended everything."""


@pytest.fixture(params=["local", "slurm"])
def rig(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rig]:
    """Give an engine of each kind."""
    if request.param == "slurm":
        cluster = request.getfixturevalue("slurm_cluster")
        for name, value in cluster.environment.items():
            monkeypatch.setenv(name, value)
    made = Rig(request.param, tmp_path)
    yield made
    made.close()


def test_jobs_run_and_end_and_two_seconds_are_two_seconds(rig: Rig) -> None:
    handles = [rig.submit(kind) for kind in ("good", "good", "orphan", "broken")]
    late = [rig.submit(kind, duration_s=2) for kind in ("slow", "deaf", "runaway")]
    for handle in handles:
        rig.engine.watch(handle)
    states = rig.ends(handles)
    phases = [state["phase"] for state in states]
    assert phases == ["COMPLETED", "COMPLETED", "COMPLETED", "ERROR"]
    assert states[3]["error"]["message"] == "I000 ValueError: seven is not eight"
    assert all((h.folder / "result" / "product.fits").exists() for h in handles[:3])
    for state in rig.ends(late):
        assert state["phase"] == "ABORTED"
        words = "ran longer than its executionDuration of 2 s"
        assert words in state["error"]["message"]
        assert 2.0 <= elapsed_s(state) < 3.0
    # The child that an orphan leaves behind goes with its job.
    assert [leftovers(handle.folder) for handle in handles + late] == [[]] * 7
    for handle in handles:
        rig.engine.unwatch(handle)
        rig.engine.unwatch(handle)


def test_submitting_twice_runs_once(rig: Rig) -> None:
    folder = rig.folder("slow", seconds=1.0)
    first = rig.engine.submit(folder)
    assert rig.engine.submit(folder).folder == folder
    # Nor does a supervisor that was killed before it could write anything down.
    (folder / folders.SLURM).unlink(missing_ok=True)
    other = rig.another()
    other.submit(folder)
    assert rig.end(first)["phase"] == "COMPLETED"
    again = rig.engine.submit(folder)
    assert rig.end(again)["phase"] == "COMPLETED"
    assert folders.log_tail(folder, 50).count("being slow") == 1


def test_abort_leaves_no_process_within_three_seconds(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISTILLER_SECRET_KEY", "hidden")
    monkeypatch.setenv("DISTILLER_DATABASE_URL", "postgresql://u:hidden@h/d")
    rig.engine = rig.another()
    handles = rig.begin("slow", "deaf", "runaway", "shell")
    time.sleep(0.3)
    trees = [tree(handle.folder) for handle in handles]
    assert all(trees)
    texts = [environment(process) for found in trees for process in found]
    assert all(b"OMP_NUM_THREADS=1" in text for text in texts)
    assert not any(b"hidden" in text for text in texts)
    began = time.monotonic()
    for handle in handles:
        rig.engine.cancel(handle)
        rig.engine.cancel(handle)
    states = rig.ends(handles)
    assert time.monotonic() - began < SOON_S
    for state in states:
        assert (state["phase"], state["error"]["message"]) == (
            "ABORTED", "aborted by its user",
        )  # fmt: skip
    assert [living(found) for found in trees] == [[], [], [], []]
    rig.engine.cancel(handles[0])


def test_a_job_is_cancelled_before_it_begins(rig: Rig) -> None:
    folder = rig.folder("good")
    (folder / folders.CANCEL).touch()
    handle = rig.engine.submit(folder)
    rig.engine.cancel(handle)
    assert rig.end(handle)["phase"] == "ABORTED"
    assert not is_at_work(folder)


def test_memory_limit_says_so(rig: Rig) -> None:
    handles = [rig.submit(kind, memory_mb=300) for kind in ("greedy", "growing")]
    for state in rig.ends(handles):
        assert state["phase"] == "ERROR"
        words = "needed more than its memory limit of 300 MB (choose fewer runs"
        assert words in state["error"]["message"]
        assert elapsed_s(state) < 10


def test_another_engine_finds_the_job_again(rig: Rig) -> None:
    (handle,) = rig.begin("slow")
    other = rig.another()
    found = other.find(handle.folder)
    assert found == handle
    assert other.poll([found])[found].has_begun
    other.cancel(found)
    assert rig.end(handle)["phase"] == "ABORTED"
    assert other.poll([found])[found].end == rig.engine.poll([handle])[handle].end
    assert rig.another().find(rig.folder("good")) is None


def test_a_killed_shepherd_is_told_and_its_tree_swept(rig: Rig) -> None:
    """The tree of a shell is of programs; a runaway was only forked.

    Who merely works in the folder of a job is left alone.
    """
    handles = rig.begin("shell", "runaway", size=2)
    trees = [tree(handle.folder) for handle in handles]
    place = handles[0].folder
    with subprocess.Popen(["sleep", "60"], cwd=place, start_new_session=True) as other:
        for handle in handles:
            found = shepherd_of(handle.folder)
            assert found is not None
            found.send(signal.SIGKILL)
        for state in rig.ends(handles):
            assert state["phase"] == "ERROR"
            assert "was killed (run it again)" in state["error"]["message"]
        assert [living(found) for found in trees] == [[], []]
        assert other.poll() is None
        other.kill()


def test_a_shepherd_that_does_not_listen_is_forced(rig: Rig) -> None:
    (handle,) = rig.begin("runaway", size=2)
    found = tree(handle.folder)
    stopped = shepherd_of(handle.folder)
    assert stopped is not None
    stopped.send(signal.SIGSTOP)
    rig.engine.cancel(handle)
    status = rig.engine.poll([handle])[handle]
    assert (status.end, status.has_begun) == (None, True)
    rig.engine.force(handle)
    state = rig.end(handle)
    assert (state["phase"], state["error"]["message"]) == (
        "ABORTED", "aborted by its user",
    )  # fmt: skip
    assert living(found) == []


def test_a_damaged_record_of_the_shepherd_is_no_end(rig: Rig) -> None:
    folder = rig.folder("good")
    (folder / folders.SHEPHERD).write_text(json.dumps({"pid": "?"}))
    handle = rig.engine.submit(folder)
    # Somebody began it once: it is not run.
    state = rig.end(handle)
    assert "was killed (run it again)" in state["error"]["message"]
    assert not is_at_work(folder)
