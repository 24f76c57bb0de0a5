"""The disk that results of asynchronous queries may take."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from tests.web.jobs.desks import MANY, Office

from distiller.core.errors import NotFound
from distiller.vo.uws import Phase

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


def test_a_result_may_be_too_large(office: Office) -> None:
    office.open(async_result_mb=1)
    job = office.run(MANY)
    assert job.phase is Phase.ERROR
    assert job.error is not None
    assert "the result is larger than the 1 MB that one may have" in job.error.message
    assert job.error.type == "fatal"
    assert not list(office.folder(job).glob("answer/*"))


def test_all_results_together_are_bounded(office: Office) -> None:
    desk = office.open(async_results_mb=1)
    first = office.run(MANY, MAXREC="2000")
    (result,) = first.results
    assert 500_000 < result.size < 1_000_000
    second = office.run(MANY, MAXREC="2000")
    assert second.error is not None
    assert second.error.type == "transient"
    assert "the results of all asynchronous queries have reached the 1 MB" in (
        second.error.message
    )
    # What is there is counted at the next start, too.
    desk.stop()
    desk = office.open(async_results_mb=1)
    office.wait(lambda: desk._room.used == result.size)
    office.service.delete(first.job_id)
    office.wait(lambda: desk._room.used == 0)
    assert office.run(MANY, MAXREC="2000").phase is Phase.COMPLETED


def test_an_owner_has_a_share_of_the_place_for_results(office: Office) -> None:
    office.open(async_results_mb=4, async_result_mb=1)
    for owner in (None, "marie"):
        first = office.run(MANY, MAXREC="2000", owner=owner)
        (result,) = first.results
        assert 500_000 < result.size < 1_000_000
        second = office.run(MANY, MAXREC="2000", owner=owner)
        assert second.phase is Phase.ERROR
        assert second.error is not None
        assert second.error.type == "transient"
        assert "take more than the share of one user" in second.error.message
        assert not list(office.folder(second).glob("answer/*"))
        folder = office.folder(first)
        office.service.delete(first.job_id)
        while folder.exists():
            time.sleep(0.01)
        again = office.run(MANY, MAXREC="2000", owner=owner)
        assert again.phase is Phase.COMPLETED


@pytest.fixture
def small_disk(office: Office) -> Iterator[Path]:
    """Put the folders of the jobs on a disk of 2 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a disk")
    folder = office.home.jobs_path
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    yield folder
    for desk in office.started:
        desk.stop()
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_gets_full_while_a_result_is_written(
    office: Office, small_disk: Path
) -> None:
    office.open()
    job = office.run(MANY)
    assert job.phase is Phase.ERROR
    assert job.error is not None
    assert job.error.message == (
        "P300 no space left on the disk of the jobs (free some and run again)"
    )
    assert job.error.type == "transient"
    with pytest.raises(NotFound, match="has no result"):
        office.service.result_path(job.job_id, "result")
    # Nothing half-written takes the room of the next one.
    assert not [p for p in small_disk.rglob("*") if p.is_file() and p.stat().st_size]
    assert office.text(office.run()) == "obs_id\n1001\n1002\n"
