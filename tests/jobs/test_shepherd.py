"""The shepherd with real, ill-behaved processes."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from distiller.jobs import folders, logs, processes, shepherd
from distiller.jobs.spec import FILE

from .conftest import leftovers, prepare, wait_for

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

MB = 1 << 20


def elapsed(state: dict[str, Any]) -> float:
    from datetime import datetime  # noqa: PLC0415 - only here

    started, ended = (datetime.fromisoformat(state[k]) for k in ("started", "ended"))
    return (ended - started).total_seconds()


def test_a_good_job_ends_with_its_product(herd: Any) -> None:
    process, folder = herd.start("good")
    assert process.wait(20) == 0
    state = herd.state(folder)
    assert state["phase"] == "COMPLETED"
    assert state["error"] is None
    assert state["product"]["title"] == "Rogue"
    assert (folder / "result" / "product.fits").exists()
    assert folders.read_progress(folder) is not None


@pytest.mark.parametrize("kind", ["slow", "deaf", "runaway", "shell"])
def test_abort_leaves_no_process_within_three_seconds(herd: Any, kind: str) -> None:
    process, folder = herd.start(kind)
    # The worker tells what it does before it does it.
    time.sleep(0.3)
    tree = processes.descendants(process.pid)
    assert tree
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(10)
    assert time.monotonic() - began < 3.0
    assert not any(processes.identify(pid) for pid in tree)
    from_here = [pid for pid in processes.descendants(os.getpid()) if pid in tree]
    assert from_here == []
    state = herd.state(folder)
    assert state["phase"] == "ABORTED"
    assert state["error"]["message"] == "aborted by its user"


def test_a_cancel_file_is_enough(herd: Any) -> None:
    process, folder = herd.start("slow")
    (folder / folders.CANCEL).touch()
    process.wait(3)
    assert herd.state(folder)["phase"] == "ABORTED"


def test_cancelled_before_it_ran(herd: Any, tmp_path: Path) -> None:
    del tmp_path
    process, folder = herd.start("good")
    process.wait(20)
    (folder / folders.STATE).unlink()
    (folder / folders.SHEPHERD).unlink()
    (folder / folders.CANCEL).touch()
    herd.shepherd(folder).wait(20)
    assert herd.state(folder)["phase"] == "ABORTED"


@pytest.mark.parametrize("kind", ["slow", "deaf", "runaway"])
def test_two_seconds_are_two_seconds(herd: Any, kind: str) -> None:
    state = herd.run(kind, duration_s=2)
    assert state["phase"] == "ABORTED"
    assert "ran longer than its executionDuration of 2 s" in state["error"]["message"]
    assert 2.0 <= elapsed(state) < 3.0


def test_a_child_left_behind_goes_with_its_job(herd: Any) -> None:
    process, folder = herd.start("orphan")
    process.wait(10)
    state = herd.state(folder)
    assert state["phase"] == "COMPLETED"
    assert elapsed(state) < 5
    assert leftovers(folder) == []


@pytest.mark.parametrize("kind", ["greedy", "growing"])
def test_memory_limit_says_so(herd: Any, kind: str) -> None:
    state = herd.run(kind, memory_mb=300)
    assert state["phase"] == "ERROR"
    message = state["error"]["message"]
    assert "needed more than its memory limit of 300 MB (choose fewer runs" in message
    assert elapsed(state) < 10


@pytest.mark.parametrize(("kind", "cpu_s"), [("spinning", 1), ("burning", 40)])
def test_cpu_limit_says_so(herd: Any, kind: str, cpu_s: int) -> None:
    """Of the sum of many small processes, and of one that the kernel ends."""
    process, folder = herd.start(kind, cpu_s=cpu_s)
    process.wait(30)
    if kind == "burning":
        assert "may use 45 50" in folders.log_tail(folder, 9)
    state = herd.state(folder)
    assert state["phase"] == "ERROR"
    assert state["error"] == {
        "message": f"U000 the job needed more than its CPU time of {cpu_s} s (choose "
        "fewer runs, fewer pixels or fewer energy bins, or give it a longer "
        "executionDuration)",
        "type": "fatal",
    }


def has_said(folder: Path) -> bool:
    """Whether a job has said it all: it prints word by word."""
    return bool(re.search(r"cores .*nice -?\d+", folders.log_tail(folder, 50)))


def said(folder: Path) -> tuple[set[int], int]:
    """Return the cores and the priority that a job says that it has."""
    log = folders.log_tail(folder, 50)
    words = next(line for line in log.splitlines() if line.startswith("cores")).split()
    return {int(word) for word in words[1:-2]}, int(words[-1])


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_jobs_keep_to_their_cores_and_give_way(herd: Any) -> None:
    mine = os.sched_getaffinity(0)
    made = [herd.start("spinning", nice=7)[1] for _ in range(len(mine) + 1)]
    wait_for(lambda: all(has_said(folder) for folder in made))
    *first, last = [said(folder) for folder in made]
    # One core each, all different while there are as many, then shared.
    assert [len(cores) for cores, _ in first] == [1] * len(mine)
    assert set().union(*(cores for cores, _ in first)) == mine
    assert len(last[0]) == 1
    assert {nice for _, nice in (*first, last)} == {
        min(19, os.getpriority(os.PRIO_PROCESS, 0) + 7)
    }


def test_a_job_may_have_every_core(herd: Any) -> None:
    _, folder = herd.start("spinning", cpus=1000)
    wait_for(lambda: has_said(folder))
    assert said(folder)[0] == os.sched_getaffinity(0)


ENDS = [
    ("broken", "I000 ValueError: seven is not eight", "fatal"),
    ("busy", "P100 the telescope is asleep (try tomorrow)", "transient"),
    ("killed", "I000 the job's process was killed by SIGKILL", "transient"),
    ("exits", "I000 the job's process ended with status 3 and no word", "transient"),
]


@pytest.mark.parametrize(("kind", "message", "words"), ENDS)
def test_failures_are_told(herd: Any, kind: str, message: str, words: str) -> None:
    state = herd.run(kind)
    assert state["phase"] == "ERROR"
    assert state["error"]["message"].startswith(message)
    assert state["error"]["type"] == words


def test_a_defect_leaves_its_traceback_for_the_operators(herd: Any) -> None:
    process, folder = herd.start("broken")
    process.wait(20)
    log = folders.log_tail(folder, 100)
    assert "Traceback" not in log
    assert log.rstrip().endswith("I000 ValueError: seven is not eight")
    fault = (folder / folders.FAULT).read_text()
    assert fault.startswith("Traceback")
    assert fault.rstrip().endswith("ValueError: seven is not eight")


def test_the_log_holds_what_children_print_and_is_cut_for_readers(herd: Any) -> None:
    process, folder = herd.start("chatty")
    process.wait(20)
    lines = folders.log_tail(folder, 3).splitlines()
    assert len(lines) == 3
    assert "from a child" in folders.log_tail(folder, 10)


MOST = logs.BEGINNING_BYTES + 2 * logs.PART_BYTES


def used(folder: Path) -> int:
    """Return how much of the disk the log of a job takes."""
    sizes = []
    for path in folder.glob("out.log*"):
        with suppress(FileNotFoundError):
            sizes.append(path.stat().st_size)
    return sum(sizes)


def test_a_gigabyte_of_log_is_kept_at_both_ends(herd: Any) -> None:
    folder = prepare(herd.parent, "printing")
    process = herd.shepherd(folder)
    seen = []
    while process.poll() is None:
        seen.append(used(folder))
        time.sleep(0.01)
    assert max(seen) <= MOST
    assert herd.state(folder)["phase"] == "COMPLETED"
    assert logs.PART_BYTES <= used(folder) - logs.BEGINNING_BYTES <= 2 * logs.PART_BYTES
    text, end = folders.read_log(folder)
    assert end > 10**9
    first, note, last = re.split(rb"\n(\[\.\.\. .* \.\.\.\]\n)", text)
    left_out = end - len(first) - len(last)
    assert note == b"[... %s bytes of the log are left out here ...]\n" % (
        f"{left_out:,}".encode()
    )
    assert first.split(b"\n")[:3] == [
        b"  0% Starting rogue",
        b" 25% being printing",
        b"first word",
    ]
    assert last.split(b"\n")[-3:] == [b"last word", b"100% Filing the product", b""]
    assert folders.log_tail(folder, 2) == "last word\n100% Filing the product"


def test_a_log_without_end_ends_with_its_job(herd: Any) -> None:
    folder = prepare(herd.parent, "prattling", seconds=1000)
    process = herd.shepherd(folder)
    wait_for(lambda: len(list(folder.glob("out.log.*"))) == 2)
    # One who follows meets each gap with its size.
    place, seen, told = 0, 0, 0
    for _ in range(20):
        text, after = folders.read_log(folder, place)
        notes = re.findall(rb"\n?\[\.\.\. ([\d,]+) bytes .*\]\n", text)
        told += sum(int(note.replace(b",", b"")) for note in notes)
        seen += len(re.sub(rb"\n?\[\.\.\. .*\]\n", b"", text))
        assert used(folder) <= MOST
        assert after >= place
        place = after
        time.sleep(0.05)
    assert told > 0
    process.send_signal(signal.SIGTERM)
    process.wait(10)
    assert herd.state(folder)["phase"] == "ABORTED"
    assert place <= seen + told <= place + 64
    assert used(folder) <= MOST


def test_the_second_shepherd_leaves_a_running_job_alone(herd: Any) -> None:
    first, folder = herd.start("slow")
    assert shepherd.is_held(folder)
    assert herd.shepherd(folder).wait(20) == 0
    assert first.poll() is None
    assert not (folder / folders.STATE).exists()


def test_an_ended_job_is_not_run_again(herd: Any) -> None:
    process, folder = herd.start("good")
    process.wait(20)
    before = (folder / folders.STATE).read_bytes()
    log = folders.log_tail(folder, 100)
    herd.shepherd(folder).wait(20)
    assert (folder / folders.STATE).read_bytes() == before
    assert folders.log_tail(folder, 100) == log
    assert not shepherd.is_held(folder)


def test_the_worker_dies_with_its_shepherd(herd: Any) -> None:
    process, folder = herd.start("slow")
    tree = [processes.identify(pid) for pid in processes.descendants(process.pid)]
    process.kill()
    process.wait(5)
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline and any(p and p.is_alive for p in tree):
        time.sleep(0.01)
    assert not any(p and p.is_alive for p in tree)
    herd.shepherd(folder).wait(20)
    state = herd.state(folder)
    assert state["phase"] == "ERROR"
    assert "watched over the job was killed (run it again)" in state["error"]["message"]


@pytest.mark.parametrize(
    ("began", "own", "phase"),
    [
        ("", "", "ERROR"),
        ("0:one", "", "ERROR"),  # by hand, outside of the batch system
        ("0:one", "0:one", "ERROR"),  # the script's second, which tells
        ("0:one", "0:two", "COMPLETED"),  # started anew by the batch system
        ("0:one", "1:two", "COMPLETED"),  # handed over again
    ],
)
def test_only_another_run_in_a_batch_system_begins_anew(
    herd: Any, monkeypatch: Any, began: str, own: str, phase: str
) -> None:
    process, folder = herd.start("slow")
    process.kill()
    process.wait(5)
    record = json.loads((folder / folders.SHEPHERD).read_text())
    (folder / folders.SHEPHERD).write_text(json.dumps({**record, "handover": began}))
    job = json.loads((folder / FILE).read_text())
    job["parameters"]["kind"] = "good"
    (folder / FILE).write_text(json.dumps(job))
    monkeypatch.setenv(shepherd.HANDOVER, own)
    herd.shepherd(folder).wait(20)
    assert herd.state(folder)["phase"] == phase


def test_the_worker_knows_no_secrets(herd: Any, monkeypatch: Any) -> None:
    from distiller.jobs.engines import local  # noqa: PLC0415 - only here

    monkeypatch.setenv("DISTILLER_SECRET_KEY", "secret")
    monkeypatch.setenv("DISTILLER_DATABASE_URL", "postgresql://u:p@h/d")
    del herd
    kept = local.environment()
    assert not [name for name in kept if name.startswith("DISTILLER_")]
    assert kept["OMP_NUM_THREADS"] == "1"


def test_a_record_that_cannot_be_read_is_told(herd: Any) -> None:
    folder = prepare(herd.parent, "good")
    (folder / FILE).write_text('{"job_id": 7}')
    assert herd.shepherd(folder).wait(20) == 0
    state = herd.state(folder)
    assert (state["phase"], state["error"]["type"]) == ("ERROR", "fatal")
    assert state["error"]["message"] == (
        "I100 the stored record of the job cannot be read (at job_id) (make it again)"
    )


def test_a_forced_abort_is_an_abort(herd: Any) -> None:
    """The next shepherd of a folder whose first one was killed on purpose."""
    process, folder = herd.start("slow")
    (folder / folders.CANCEL).touch()
    process.kill()
    process.wait(5)
    herd.shepherd(folder).wait(20)
    assert herd.state(folder)["phase"] == "ABORTED"
    assert not (folder / "reserve").exists()
