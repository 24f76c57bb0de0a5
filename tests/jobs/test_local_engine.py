"""The engine of this machine: warm, cold, and with its zygote killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from distiller.jobs import folders, processes
from distiller.jobs.engines import local
from distiller.jobs.engines.local import Handle, LocalEngine
from distiller.jobs.processes import Process

from .conftest import ROGUES, prepare, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = pytest.mark.slow


@pytest.fixture
def engine() -> Iterator[LocalEngine]:
    made = LocalEngine(program=[str(ROGUES), "zygote"])
    made.start()
    yield made
    made.close()
    wait_for(lambda: tended(made) and not local._parting)


def tended(engine: LocalEngine) -> LocalEngine:
    engine.tend()
    return engine


def ended(engine: LocalEngine, handle: Handle) -> Any:
    end = wait_for(lambda: engine.poll([handle])[handle].end)
    return end.model_dump(mode="json")


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


@pytest.fixture
def bystander(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Give a session of somebody else's, at work in a job's folder."""
    folder = prepare(tmp_path, "slow")
    with subprocess.Popen(["sleep", "60"], cwd=folder, start_new_session=True) as made:
        yield made, folder
        made.kill()


@pytest.mark.parametrize("boot", ["this", "another", "of an older version"])
def test_a_pid_that_was_given_out_again_is_left_alone(
    engine: LocalEngine, bystander: tuple[subprocess.Popen[bytes], Path], boot: str
) -> None:
    other, folder = bystander
    now = processes.identify(other.pid)
    assert now is not None
    names = {"this": now.boot_id, "of an older version": now.boot_id.split("-", 1)[0]}
    before = Process(now.pid, now.start_time + 1, names.get(boot, "other"))
    (folder / folders.SHEPHERD).write_text(json.dumps(before.to_json()))
    found = engine.find(folder)
    assert found is not None
    assert "was killed" in ended(engine, found)["error"]["message"]
    engine.force(found)
    assert other.poll() is None


def test_cancel_needs_no_room_for_its_file(engine: LocalEngine, tmp_path: Path) -> None:
    handle = engine.submit(prepare(tmp_path, "slow"))
    wait_for(lambda: "being" in folders.log_tail(handle.folder, 9))
    engine.cancel(Handle(tmp_path / "no folder", handle.shepherd))
    assert ended(engine, handle)["phase"] == "ABORTED"


def test_a_killed_zygote_is_replaced_before_the_next_job(
    engine: LocalEngine, tmp_path: Path
) -> None:
    assert ended(engine, engine.submit(prepare(tmp_path, "good")))
    first = engine.zygote_pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: tended(engine).zygote_pid != first)
    # A cold start would not know this task.
    last = engine.submit(prepare(tmp_path, "good"))
    assert ended(engine, last)["phase"] == "COMPLETED"


def test_a_renewed_zygote_is_reaped(
    engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "_FORKS_MAX", 1)
    first = engine.zygote_pid
    assert first is not None

    def renewed() -> bool:
        ended(engine, engine.submit(prepare(tmp_path, "good")))
        return engine.zygote_pid != first

    wait_for(renewed)
    wait_for(lambda: tended(engine) and not Path(f"/proc/{first}").exists())


def test_a_zygote_whose_server_is_gone_leaves_quietly() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.close()
    with theirs:
        words = [sys.executable, str(ROGUES), "zygote", str(theirs.fileno())]
        done = subprocess.run(
            words, pass_fds=[theirs.fileno()], capture_output=True, check=False,
            timeout=60, env=local.environment(),
        )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


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


def test_run_job_wants_a_job(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "distiller", "run-job", str(tmp_path)]
    done = subprocess.run(
        words, check=False, timeout=60, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr == (
        f"distiller: U300 {tmp_path} is not the folder of a job: it holds no job.json "
        "(the server makes them, in HOME/jobs)\n"
    )
    assert list(tmp_path.iterdir()) == []
