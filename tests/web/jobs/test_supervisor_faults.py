"""The supervisor beside damaged records, full disks and what stops half way."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from distiller.jobs import ends, folders, registration
from distiller.jobs.engines.local import LocalEngine
from distiller.jobs.spec import FILE
from distiller.jobs.supervisor import Supervisor
from distiller.vo.uws import Phase

from .conftest import ROGUES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distiller.vo.uws import Job

pytestmark = pytest.mark.slow

MOVING = {Phase.QUEUED, Phase.EXECUTING}
UNREADABLE = "the record of how job {} ended cannot be read (run it again)"


def folder_of(yard: Any, job: Job) -> Path:
    return folders.job_folder(yard.home, job.job_id)


def is_running(job: Job) -> bool:
    return job.progress is not None and "being" in job.progress.text


def ended_alone(yard: Any) -> Job:
    """Return a job that ended while no supervisor was there."""
    first = yard.supervisor()
    job: Job = yard.until(yard.submit("slow", seconds="1"), is_running)
    first.stop()
    wait_for_end(yard, job)
    return job


def wait_for_end(yard: Any, job: Job) -> None:
    deadline = time.monotonic() + 30
    while ends.read(folder_of(yard, job)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def filed(yard: Any) -> list[str]:
    rows = yard.archive.rows(
        "SELECT product_id FROM cta.product WHERE data_level='DL4'"
    )
    return [row["product_id"] for row in rows]


def test_a_stored_record_that_is_refused_stops_no_other_job(yard: Any) -> None:
    bad, good = yard.submit(), yard.submit()
    yard.store.update(bad.job_id, MOVING, {"spec": '{"job_id": "x"}'})
    yard.supervisor()
    assert yard.until(good).phase is Phase.COMPLETED
    bad = yard.until(bad)
    assert bad.phase is Phase.ERROR
    assert bad.error.message == (
        "I100 the stored record of the job cannot be read (at task) (make it again)"
    )
    assert not folder_of(yard, bad).exists()


@pytest.mark.parametrize("text", ["{}", "not JSON", '{"phase": "COMPLETED"}'])
def test_a_damaged_end_stops_no_other_job(yard: Any, text: str) -> None:
    bad = ended_alone(yard)
    (folder_of(yard, bad) / folders.STATE).write_text(text)
    good = yard.submit()
    yard.supervisor()
    assert yard.until(good).phase is Phase.COMPLETED
    bad = yard.until(bad)
    assert bad.phase is Phase.ERROR
    assert bad.error.message == "I100 " + UNREADABLE.format(bad.job_id)
    assert len(filed(yard)) == 1


def test_a_damaged_record_at_the_end_stops_no_other_job(yard: Any) -> None:
    bad = ended_alone(yard)
    yard.store.update(bad.job_id, MOVING, {"spec": "{}"})
    good = yard.submit()
    yard.supervisor()
    assert yard.until(good).phase is Phase.COMPLETED
    bad = yard.until(bad)
    assert bad.phase is Phase.ERROR
    assert "the stored record of the job cannot be read" in bad.error.message


def test_a_job_with_a_damaged_end_can_be_deleted(yard: Any) -> None:
    bad = ended_alone(yard)
    (folder_of(yard, bad) / folders.STATE).write_text("{}")
    yard.service.delete(bad.job_id)
    yard.supervisor()
    deadline = time.monotonic() + 10
    while yard.store.unfinished() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not yard.store.unfinished()
    assert not folder_of(yard, bad).exists()


def test_files_that_cannot_be_moved_at_present_only_wait(yard: Any) -> None:
    """Whatever is the matter with the disk of the products."""
    in_the_way = yard.home.files_path / "products"
    in_the_way.parent.mkdir(exist_ok=True)
    in_the_way.touch()
    yard.supervisor()
    job, other = yard.submit(), yard.submit("broken")
    wait_for_end(yard, job)
    # Another job is not kept waiting.
    assert yard.until(other).phase is Phase.ERROR
    assert yard.service.get(job.job_id).phase is Phase.EXECUTING
    assert (folder_of(yard, job) / folders.RESULT / "product.fits").exists()
    in_the_way.unlink()
    assert yard.until(job).phase is Phase.COMPLETED
    assert yard.service.result_path(job.job_id, "product").exists()


@pytest.fixture
def few_names(yard: Any) -> Iterator[Path]:
    """Put the products on a disk that has room for some forty names."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a disk")
    folder: Path = yard.home.files_path
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "nr_inodes=40", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_without_room_for_a_folder_keeps_the_result(
    yard: Any, few_names: Path
) -> None:
    ballast = [few_names / f"{number}" for number in range(50)]
    with suppress(OSError):
        for path in ballast:
            path.touch()
    with pytest.raises(OSError, match="No space left"):
        (few_names / "one more").touch()
    yard.supervisor()
    job = yard.submit()
    wait_for_end(yard, job)
    time.sleep(0.5)
    assert yard.service.get(job.job_id).phase is Phase.EXECUTING
    for path in ballast:
        path.unlink(missing_ok=True)
    assert yard.until(job).phase is Phase.COMPLETED


def test_a_file_that_a_task_did_not_make_is_an_error(yard: Any) -> None:
    job = ended_alone(yard)
    (folder_of(yard, job) / folders.RESULT / "product.fits").unlink()
    yard.supervisor()
    job = yard.until(job)
    assert job.phase is Phase.ERROR
    assert job.error.message == (
        "I100 filing the product: product.fits: No such file or directory "
        "(run it again)"
    )
    assert filed(yard) == []
    assert not list(yard.home.files_path.rglob(job.job_id))


def test_a_job_that_cannot_be_started_is_told_without_paths(yard: Any) -> None:
    job = yard.submit()
    yard.home.jobs_path.mkdir(exist_ok=True)
    folder_of(yard, job).touch()
    yard.supervisor()
    job = yard.until(job)
    assert job.phase is Phase.ERROR
    assert job.error.message == (
        "P400 the job could not be started: File exists (run it again)"
    )
    folder_of(yard, job).unlink()


@pytest.mark.parametrize("wish", [None, "abort", "delete"])
def test_a_job_whose_shepherd_nobody_knows_is_handed_over_again(
    yard: Any, wish: str | None
) -> None:
    """Its supervisor was killed before a cold shepherd could write who it is."""
    job = yard.submit()
    folder = folder_of(yard, job)
    folder.mkdir(parents=True)
    (folder / FILE).write_text(yard.store.spec(job.job_id))
    yard.store.update(job.job_id, {Phase.QUEUED}, {}, to=Phase.EXECUTING)
    if wish == "abort":
        yard.service.abort(job.job_id)
    if wish == "delete":
        yard.service.delete(job.job_id)
    yard.supervisor()
    if wish == "delete":
        deadline = time.monotonic() + 20
        while yard.store.unfinished() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not folder.exists()
        return
    job = yard.until(job)
    if wish is None:
        assert (job.phase, job.error) == (Phase.COMPLETED, None)
        assert filed(yard) == [registration.product_id(job.job_id)]
    else:
        assert job.phase is Phase.ABORTED
        assert job.error.message == "aborted by its user"
        assert yard.service.log_tail(job.job_id) == ""


@pytest.mark.slow
def test_an_abort_that_must_be_forced_is_an_abort(yard: Any) -> None:
    yard.supervisor()
    job = yard.until(yard.submit("runaway"), is_running)
    handle = LocalEngine(warm=False).find(folder_of(yard, job))
    assert handle is not None
    assert handle.shepherd.send(signal.SIGSTOP)
    yard.service.abort(job.job_id)
    job = yard.until(job)
    assert (job.phase, job.error.message) == (Phase.ABORTED, "aborted by its user")
    kept = {
        "job.json", "lock", "shepherd.json", "out.log", "progress.json", "cancel",
    }  # fmt: skip
    assert {path.name for path in folder_of(yard, job).iterdir()} == kept


class Unwilling(LocalEngine):
    """Cannot be started at first."""

    refusals = 1

    def start(self) -> None:
        """Start, but not at once."""
        if self.refusals:
            self.refusals -= 1
            message = "too many open files"
            raise OSError(message)
        super().start()


def test_a_supervisor_outlives_trouble_at_its_start(
    yard: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    engine = Unwilling(program=[str(ROGUES), "zygote"])
    made = Supervisor(yard.home, yard.store, yard.archive, engine=engine)
    made.start()
    yard.started.append(made)
    assert yard.until(yard.submit()).phase is Phase.COMPLETED
    told = "the supervisor of jobs (analysis) cannot work, and is tried again: too many"
    assert told in caplog.text


class Forgetful:
    """An archive that fails in a way that nobody thought of."""

    def __init__(self) -> None:
        self.asked = 0

    def store(self, bundle: Any) -> str:
        """Fail."""
        del bundle
        self.asked += 1
        message = "'x' in /srv/secret/place"
        raise KeyError(message)


def test_what_nobody_thought_of_is_tried_again_then_told(
    yard: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("distiller.jobs.desk._TRIES", 3)
    archive = Forgetful()
    yard.supervisor(archive=archive)
    job = yard.until(yard.submit())
    assert job.phase is Phase.ERROR
    assert job.error.message == (
        "I000 the job could not be ended: KeyError "
        "(tell the operators; their log says more)"
    )
    assert archive.asked == 3
    assert caplog.text.count("cannot be looked after, and is tried again") == 1
    assert not list(yard.home.files_path.rglob(job.job_id))
