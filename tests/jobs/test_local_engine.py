"""The engine of this machine: warm, cold, and with its zygote killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from distiller.jobs import folders, processes
from distiller.jobs.engines.local import Handle, LocalEngine
from distiller.jobs.processes import Process

from .conftest import ROGUES, prepare, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def engine() -> Iterator[LocalEngine]:
    made = LocalEngine(program=[str(ROGUES), "zygote"])
    made.start()
    yield made
    made.close()


def ended(engine: LocalEngine, handle: Handle) -> Any:
    return wait_for(lambda: engine.poll([handle])[handle].state)


def test_jobs_come_from_the_zygote(engine: LocalEngine, tmp_path: Path) -> None:
    handles = [engine.submit(prepare(tmp_path, "good")) for _ in range(3)]
    assert {ended(engine, handle)["phase"] for handle in handles} == {"COMPLETED"}
    assert engine.zygote_pid is not None


def test_jobs_are_forked_from_the_warm_zygote(
    engine: LocalEngine, tmp_path: Path
) -> None:
    handle = engine.submit(prepare(tmp_path, "slow", seconds=1.0))
    status = Path(f"/proc/{handle.shepherd.pid}/status").read_text(encoding="utf-8")
    assert f"PPid:\t{engine.zygote_pid}\n" in status
    # Not replaced by another program, so everything imported is there at once.
    commands = [
        Path(f"/proc/{pid}/cmdline").read_bytes()
        for pid in (handle.shepherd.pid, engine.zygote_pid)
    ]
    assert commands[0] == commands[1]
    assert ended(engine, handle)["phase"] == "COMPLETED"


def test_submitting_twice_runs_once(engine: LocalEngine, tmp_path: Path) -> None:
    folder = prepare(tmp_path, "slow", seconds=1.0)
    first = engine.submit(folder)
    wait_for(lambda: engine.find(folder))
    assert engine.submit(folder) == first
    ended(engine, first)
    assert engine.submit(folder) == first
    assert folders.log_tail(folder, 50).count("being slow") == 1


def test_cancel_may_be_repeated(engine: LocalEngine, tmp_path: Path) -> None:
    handle = engine.submit(prepare(tmp_path, "deaf"))
    wait_for(lambda: "being" in folders.log_tail(handle.folder, 9))
    began = time.monotonic()
    engine.cancel(handle)
    engine.cancel(handle)
    assert ended(engine, handle)["phase"] == "ABORTED"
    assert time.monotonic() - began < 3
    engine.cancel(handle)


def test_a_killed_zygote_takes_no_job_along(
    engine: LocalEngine, tmp_path: Path
) -> None:
    running = engine.submit(prepare(tmp_path, "slow", seconds=2.0))
    wait_for(lambda: "being" in folders.log_tail(running.folder, 9))
    assert engine.zygote_pid is not None
    os.kill(engine.zygote_pid, signal.SIGKILL)
    # The next job finds the zygote gone and still runs; the one after is warm again.
    after = engine.submit(prepare(tmp_path, "slow", seconds=0.0))
    assert ended(engine, running)["phase"] == "COMPLETED"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        state = ended(engine, after)
    # A cold start does not know the test's task: it says so, and is not lost.
    assert "no such task: 'rogue'" in state["error"]["message"]
    last = engine.submit(prepare(tmp_path, "good"))
    assert ended(engine, last)["phase"] == "COMPLETED"


def test_no_zygote_at_all(tmp_path: Path) -> None:
    engine = LocalEngine(program=["-c", "raise SystemExit('no libraries here')"])
    handle = engine.submit(prepare(tmp_path, "good"))
    assert "no such task: 'rogue'" in ended(engine, handle)["error"]["message"]
    assert engine.zygote_pid is None
    engine.close()


def test_another_engine_finds_the_job_again(
    engine: LocalEngine, tmp_path: Path
) -> None:
    handle = engine.submit(prepare(tmp_path, "slow", seconds=1.0))
    wait_for(lambda: engine.find(handle.folder))
    other = LocalEngine(warm=False)
    found = other.find(handle.folder)
    assert found == handle
    assert ended(other, handle)["phase"] == "COMPLETED"


def test_a_killed_shepherd_is_told_and_its_tree_swept(
    engine: LocalEngine, tmp_path: Path
) -> None:
    handle = engine.submit(prepare(tmp_path, "shell"))
    wait_for(lambda: len(processes.descendants(handle.shepherd.pid)) >= 3)
    tree = processes.descendants(handle.shepherd.pid)
    handle.shepherd.send(signal.SIGKILL)
    state = ended(engine, handle)
    assert state["phase"] == "ERROR"
    assert "was killed (run it again)" in state["error"]["message"]
    alive = [p for p in map(processes.identify, tree) if p is not None and p.is_alive]
    assert alive == []


def test_a_process_is_known_by_its_start_too() -> None:
    me = processes.identify(os.getpid())
    assert me is not None
    assert me.is_alive
    assert not Process(me.pid, me.start_time + 1, me.boot_id).is_alive
    assert not Process(me.pid, me.start_time, "another boot").is_alive
    assert not Process(me.pid, me.start_time + 1, me.boot_id).send(signal.SIGTERM)
    assert Process.from_json(json.loads(json.dumps(me.to_json()))) == me


def test_run_job_is_the_shepherd(tmp_path: Path) -> None:
    """``distiller run-job`` runs a folder without any home."""
    folder = prepare(tmp_path, "good")
    words = [sys.executable, "-m", "distiller", "run-job", str(folder)]
    subprocess.run(words, check=True, timeout=60)
    state = json.loads((folder / folders.STATE).read_text())
    assert "U300 no such task: 'rogue'" in state["error"]["message"]
