"""Folders of jobs, and shepherds for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from distiller.jobs import folders, processes, shepherd
from distiller.jobs.spec import FILE, Heritage, JobSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from distiller.jobs.processes import Process

ROGUES = Path(__file__).parent / "rogues.py"


def specification(kind: str, **given: Any) -> JobSpec:
    """Return a job that behaves in this way."""
    seconds = given.pop("seconds", 60.0)
    values = {"duration_s": 60, "memory_mb": 2048, **given}
    return JobSpec(
        job_id=str(uuid.uuid4()),
        task="rogue",
        task_version="1",
        owner=None,
        parameters={
            "obs": ["1"], "ra": 1.0, "dec": 1.0, "kind": kind, "seconds": seconds,
        },
        inputs=(),
        heritage=Heritage(
            collection="set",
            collection_id="c",
            rights="public",
            release_date=None,
            access_group=None,
            facility_name=None,
            instrument_name=None,
            target_name=None,
        ),
        **values,
    )  # fmt: skip


def prepare(parent: Path, kind: str, **given: Any) -> Path:
    """Make the folder of a job that behaves in this way."""
    return prepare_for(parent, specification(kind, **given))


def prepare_for(parent: Path, spec: JobSpec) -> Path:
    """Make the folder of a job."""
    folder = parent / spec.job_id
    folder.mkdir(parents=True)
    (folder / FILE).write_text(spec.model_dump_json())
    return folder


def leftovers(folder: Path) -> list[Process]:
    """Return the processes that still belong to a job."""
    return processes.leftovers(shepherd.mark(folder), folder / folders.LOCK)


def wait_for(what: Callable[[], Any], timeout_s: float = 20.0) -> Any:
    """Wait until something is true."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.01)
    message = f"{what} did not become true in {timeout_s} s"
    raise AssertionError(message)


class Herd:
    """Starts shepherds as processes and ends what is left of them."""

    def __init__(self, parent: Path) -> None:
        self.parent = parent
        self.started: list[tuple[subprocess.Popen[bytes], Path]] = []

    def start(self, kind: str, **given: Any) -> tuple[subprocess.Popen[bytes], Path]:
        """Start the job; returns once its worker is at work."""
        folder = prepare(self.parent, kind, **given)
        process = self.shepherd(folder)
        wait_for(
            lambda: (
                "being" in (folders.log_tail(folder, 50) + str(process.poll()))
                or process.poll() is not None
            )
        )
        return process, folder

    def shepherd(self, folder: Path, *more: str) -> subprocess.Popen[bytes]:
        """Start one more shepherd for a folder."""
        process = subprocess.Popen([sys.executable, ROGUES, "shepherd", folder, *more])
        self.started.append((process, folder))
        return process

    def run(self, kind: str, **given: Any) -> dict[str, Any]:
        """Run a job to its end and return its state."""
        process, folder = self.start(kind, **given)
        process.wait(30)
        return self.state(folder)

    @staticmethod
    def state(folder: Path) -> dict[str, Any]:
        """Return how a job ended."""
        state: dict[str, Any] = json.loads((folder / folders.STATE).read_text())
        return state


@pytest.fixture
def herd(tmp_path: Path) -> Iterator[Herd]:
    """Return a herd whose processes end with the test."""
    made = Herd(tmp_path / "jobs")
    yield made
    for process, folder in made.started:
        if process.poll() is None:
            process.kill()
        process.wait(10)
        processes.kill(leftovers(folder))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a folder on a disk of 4 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
