"""Jobs whose disk is full: said on that disk."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from distiller.analysis.products import InputDataset
from distiller.analysis.simulate import simulate
from distiller.core.files import sha256
from distiller.jobs import folders

from .conftest import prepare, prepare_for, specification, wait_for

if TYPE_CHECKING:
    from pathlib import Path

FULL = "P300 no space left on the disk of the jobs (free some and run again)"


def fill(disk: Path) -> None:
    """Leave nothing."""
    with suppress(OSError), (disk / "ballast").open("wb", buffering=0) as stream:
        while True:
            stream.write(b"\0" * 4096)


def check_is_told(state: dict[str, Any]) -> None:
    assert state["phase"] == "ERROR"
    assert state["error"] == {"message": FULL, "type": "transient"}


def test_a_job_that_fills_the_disk(herd: Any, small_disk: Path) -> None:
    herd.parent = small_disk
    check_is_told(herd.run("filling"))


def test_a_log_that_does_not_fit_leaves_the_job_alone(
    herd: Any, small_disk: Path
) -> None:
    """The disk is full while the job prints, and has room again at its end."""
    herd.parent = small_disk
    folder = prepare(small_disk, "prattling", seconds=3)
    process = herd.shepherd(folder)
    wait_for(lambda: list(folder.glob("out.log.*")))
    fill(small_disk)
    before = folders.read_log(folder)[1]
    time.sleep(1.0)
    (small_disk / "ballast").unlink()
    process.wait(30)
    assert herd.state(folder)["phase"] == "COMPLETED"
    text, end = folders.read_log(folder)
    assert end > before
    assert b"bytes of the log are left out here ...]" in text
    assert text.endswith(b"100% Filing the product\n")


@pytest.mark.slow
def test_a_real_map_that_does_not_fit(
    herd: Any, small_disk: Path, tmp_path: Path
) -> None:
    simulate(tmp_path / "set", runs=1, seed=7)
    (events,) = (tmp_path / "set" / "data").glob("*.fits")
    dataset = InputDataset(
        did="ivo://org.example/set?1",
        obs_id="1",
        collection="set",
        path=events,
        checksum=sha256(events),
    )
    # 1500 x 1500 counts of 32 bits are 9 MB.
    parameters = {"obs": ["1"], "ra": 83.633, "dec": 22.014, "width": 3, "binsz": 0.002}
    changes = {"task": "count_map", "parameters": parameters, "inputs": (dataset,)}
    spec = specification("good").model_copy(update=changes)
    folder = prepare_for(small_disk, spec)
    assert herd.shepherd(folder).wait(60) == 0
    check_is_told(herd.state(folder))
    log = folders.log_tail(folder, 100)
    assert "Writing the map" in log
    assert "P300 no space left on the disk of the jobs" in log
    assert "Traceback" not in log


def test_a_disk_that_is_full_before_the_shepherd_comes(
    herd: Any, small_disk: Path
) -> None:
    folder = prepare(small_disk, "good")
    # As the supervisor leaves a folder.
    folders.reserve(folder)
    fill(small_disk)
    assert herd.shepherd(folder).wait(20) == 0
    check_is_told(herd.state(folder))
    assert not (folder / "reserve").exists()
