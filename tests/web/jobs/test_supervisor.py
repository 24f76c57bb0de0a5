"""The supervisor with real shepherds, a real zygote, the real archive and job table."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from gammapy.maps import Map

from distiller.archive import RemoteArchive
from distiller.core.errors import Busy, NotFound
from distiller.core.times import now
from distiller.jobs import ends, folders, processes, registration, shepherd
from distiller.jobs.spec import JobSpec
from distiller.jobs.supervisor import Supervisor
from distiller.vo.uws import Phase

from .conftest import each_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distiller.jobs.ends import End
    from distiller.jobs.processes import Process
    from distiller.vo.uws import Job

pytestmark = pytest.mark.slow

PRODUCTS = "SELECT obs_id, obs_publisher_did FROM ivoa.obscore WHERE calib_level = 3"


def folder_of(yard: Any, job: Job) -> Path:
    return folders.job_folder(yard.home, job.job_id)


def is_running(job: Job) -> bool:
    return job.progress is not None and "being" in job.progress.text


def left(yard: Any, job: Job) -> list[Process]:
    folder = folder_of(yard, job)
    return processes.leftovers(shepherd.mark(folder), folder / folders.LOCK)


def wait_for_end(yard: Any, job: Job) -> End:
    folder = folder_of(yard, job)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        end = ends.read(folder)
        if end is not None:
            return end
        time.sleep(0.02)
    message = f"job {job.job_id} has not ended"
    raise AssertionError(message)


def products(yard: Any) -> list[str]:
    return sorted(row["obs_id"] for row in yard.archive.rows(PRODUCTS))


@each_engine
def test_a_count_map_becomes_a_product(yard: Any) -> None:
    yard.supervisor(real=True)
    pairs = [("obs", "1001,1002"), ("target", "Crab"), ("e_min", "0.5")]
    made = yard.service.create("count_map", pairs, owner="marie")
    job = yard.until(yard.service.run(made.job_id))
    assert (job.phase, job.error) == (Phase.COMPLETED, None)
    results = ["product", "plot", "configuration", "plot_svg", "recipe"]
    assert [r.id for r in job.results] == results
    assert job.product_id == registration.product_id(job.job_id) != job.job_id
    assert job.start_time <= job.end_time
    for result in job.results:
        path = yard.service.result_path(job.job_id, result.id)
        assert path.stat().st_size == result.size
        assert path.is_relative_to(yard.home.files_path)
    assert Map.read(yard.service.result_path(job.job_id, "product")).data.sum() > 100
    assert "Drawing the plot" in yard.service.log_tail(job.job_id)
    with pytest.raises(NotFound, match="it has: product, plot, configuration"):
        yard.service.result_path(job.job_id, "spectrum")
    did = f"ivo://org.example/sim?count_map/{job.product_id}"
    (row,) = yard.archive.rows(
        "SELECT o.*, p.owner, p.data_level FROM ivoa.obscore AS o "
        "JOIN cta.product AS p ON p.publisher_did = o.obs_publisher_did "
        "WHERE o.calib_level = 3"
    )
    assert row["obs_publisher_did"] == did
    assert (row["dataproduct_type"], row["dataproduct_subtype"]) == (
        "image", "count-map",
    )  # fmt: skip
    assert (row["owner"], row["data_level"]) == ("marie", "DL4")
    assert (row["s_xel1"], row["s_xel2"]) == (250, 250)
    assert row["s_fov"] == 7.071067812  # the circle around 5 x 5 deg
    assert row["target_name"] == "Crab"
    assert len(row["s_region"]) == 8
    inputs = yard.archive.rows(
        "SELECT input_did, input_checksum FROM cta.analysis_input ORDER BY position"
    )
    assert [r["input_did"] for r in inputs] == [
        "ivo://org.example/sim?1001", "ivo://org.example/sim?1002",
    ]  # fmt: skip
    (analysis,) = yard.archive.rows("SELECT * FROM cta.analysis")
    assert "gammapy==" in analysis["software"]
    assert "task: count_map" in analysis["configuration"]
    assert yard.archive.check() == []
    # What is left of the job's folder is its record.
    assert not (folder_of(yard, job) / folders.RESULT).exists()


def test_no_events_in_the_field_is_told_by_the_job(yard: Any) -> None:
    yard.supervisor(real=True)
    pairs = [("obs", "1001"), ("ra", "200"), ("dec", "-60")]
    made = yard.service.create("count_map", pairs)
    job = yard.until(yard.service.run(made.job_id))
    assert job.phase is Phase.ERROR
    assert job.error.type == "fatal"
    assert "no events in the field" in job.error.message
    assert job.results == ()
    assert products(yard) == []


def test_progress_is_seen_while_it_runs(yard: Any) -> None:
    yard.supervisor()
    job = yard.until(yard.submit("slow"), is_running)
    assert job.phase is Phase.EXECUTING
    assert (job.progress.fraction, job.progress.text) == (0.25, "being slow")
    assert job.start_time is not None


@pytest.mark.parametrize("kind", ["deaf", "runaway"])
def test_abort_is_final_when_nothing_runs_any_more(yard: Any, kind: str) -> None:
    yard.supervisor()
    job = yard.until(yard.submit(kind), is_running)
    time.sleep(0.3)
    assert left(yard, job)
    began = time.monotonic()
    yard.service.abort(job.job_id)
    job = yard.until(job)
    assert time.monotonic() - began < 3
    assert job.phase is Phase.ABORTED
    assert job.error.message == "aborted by its user"
    assert left(yard, job) == []
    assert products(yard) == []


def test_a_queued_job_is_aborted_without_running(yard: Any) -> None:
    first, second = yard.submit("slow"), yard.submit("slow")
    third = yard.submit("good")
    yard.service.abort(third.job_id)
    yard.supervisor()
    third = yard.until(third)
    assert third.phase is Phase.ABORTED
    assert third.error.message == "aborted by its user before it ran"
    assert not folder_of(yard, third).exists()
    for job in (first, second):
        yard.service.abort(job.job_id)
        assert yard.until(job).phase is Phase.ABORTED


def test_delete_removes_processes_folder_and_row(yard: Any) -> None:
    yard.supervisor()
    job = yard.until(yard.submit("deaf"), is_running)
    folder = folder_of(yard, job)
    yard.service.delete(job.job_id)
    with pytest.raises(NotFound):
        yard.service.get(job.job_id)
    deadline = time.monotonic() + 5
    while yard.store.unfinished() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not folder.exists()
    assert left(yard, job) == []
    assert not list(yard.home.jobs_path.glob(".trash-*"))


def test_a_product_outlives_its_job(yard: Any) -> None:
    yard.supervisor()
    job = yard.until(yard.submit())
    path = yard.service.result_path(job.job_id, "product")
    yard.service.delete(job.job_id)
    deadline = time.monotonic() + 5
    while yard.store.unfinished() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not folder_of(yard, job).exists()
    assert path.exists()
    assert products(yard) == [f"rogue/{registration.product_id(job.job_id)}"]


def test_duration_is_kept(yard: Any) -> None:
    yard.supervisor()
    job = yard.until(yard.submit("slow", duration="2"))
    assert job.phase is Phase.ABORTED
    assert "executionDuration of 2 s" in job.error.message
    assert 2 <= (job.end_time - job.start_time).total_seconds() < 3


def test_owners_take_turns(yard: Any) -> None:
    yard.home = yard.home.model_copy(update={"jobs_at_once": 1})
    jobs = [yard.submit(owner=o) for o in ("a", "a", "a", "b", "b")]
    yard.supervisor()
    done = [yard.until(job) for job in jobs]
    assert {job.phase for job in done} == {Phase.COMPLETED}
    done.sort(key=lambda job: job.start_time)
    assert "".join(job.owner for job in done) == "ababa"
    assert len(products(yard)) == 5


def test_jobs_at_once_is_kept(yard: Any) -> None:
    yard.supervisor()
    jobs = [yard.submit("slow") for _ in range(4)]
    for job in jobs[: yard.home.jobs_at_once]:
        yard.until(job, is_running)
    time.sleep(0.5)
    phases = [yard.service.get(job.job_id).phase for job in jobs]
    assert phases == [Phase.EXECUTING] * 2 + [Phase.QUEUED] * 2


def test_jobs_at_once_of_a_user_are_kept(yard: Any) -> None:
    most = {"jobs_at_once": 3, "jobs_at_once_per_user": 1}
    yard.home = yard.home.model_copy(update=most)
    mine = [yard.submit("slow", owner="marie") for _ in range(2)]
    other = yard.submit("slow", owner="pierre")
    yard.supervisor()
    for job in (mine[0], other):
        yard.until(job, is_running)
    time.sleep(0.5)
    assert yard.service.get(mine[1].job_id).phase is Phase.QUEUED


def test_a_running_job_is_adopted_by_the_next_supervisor(yard: Any) -> None:
    first = yard.supervisor()
    job = yard.until(yard.submit("slow", seconds="2"), is_running)
    first.stop()
    yard.supervisor()
    job = yard.until(job)
    assert job.phase is Phase.COMPLETED
    assert yard.service.log_tail(job.job_id).count("being slow") == 1


def test_a_job_that_ended_meanwhile_is_found(yard: Any) -> None:
    first = yard.supervisor()
    job = yard.until(yard.submit("slow", seconds="1"), is_running)
    first.stop()
    wait_for_end(yard, job)
    assert yard.service.get(job.job_id).phase is Phase.EXECUTING
    yard.supervisor()
    assert yard.until(job).phase is Phase.COMPLETED
    assert products(yard) == [f"rogue/{registration.product_id(job.job_id)}"]


@each_engine
@pytest.mark.parametrize("done", ["moved", "stored"])
def test_the_end_of_a_job_is_replayed(yard: Any, done: str) -> None:
    """Killed after the files moved, or after the rows were stored."""
    first = yard.supervisor()
    job = yard.until(yard.submit("slow", seconds="1"), is_running)
    first.stop()
    end = wait_for_end(yard, job)
    assert end.product is not None
    spec = JobSpec.model_validate_json(yard.store.spec(job.job_id))
    target = folders.product_folder(yard.home, spec.task, job.job_id)
    registration.move_files(folder_of(yard, job), target)
    if done == "stored":
        made = registration.bundle(spec, end.product, end, target, yard.home)
        assert yard.archive.store(made) == "added"
        assert yard.archive.store(made) == "unchanged"
    yard.supervisor()
    job = yard.until(job)
    assert job.phase is Phase.COMPLETED
    assert yard.service.result_path(job.job_id, "product").exists()
    assert products(yard) == [f"rogue/{registration.product_id(job.job_id)}"]
    assert yard.archive.check() == []


def test_an_archive_that_is_away_only_delays(yard: Any, tmp_path: Path) -> None:
    with RemoteArchive(tmp_path / "nobody.sock") as away:
        first = yard.supervisor(archive=away)
        job = yard.submit()
        wait_for_end(yard, job)
        time.sleep(0.5)
        assert yard.service.get(job.job_id).phase is Phase.EXECUTING
        first.stop()
    yard.supervisor()
    assert yard.until(job).phase is Phase.COMPLETED


def test_a_job_without_its_folder_is_an_error(yard: Any) -> None:
    first = yard.supervisor()
    job = yard.until(yard.submit("slow", seconds="1"), is_running)
    first.stop()
    wait_for_end(yard, job)
    shutil.rmtree(folder_of(yard, job))
    yard.supervisor()
    job = yard.until(job)
    assert job.phase is Phase.ERROR
    assert job.error.message == "P400 the job's folder is gone (run it again)"


def test_the_cleaner_removes_what_is_due(yard: Any) -> None:
    job = yard.service.create("rogue", [])
    kept = yard.service.create("rogue", [])
    yard.service.set_destruction(job.job_id, now() - timedelta(seconds=1))
    yard.supervisor()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if len(yard.service.list(owner=None)) == 1:
            break
        time.sleep(0.05)
    assert [j.job_id for j in yard.service.list(owner=None)] == [kept.job_id]


def test_a_home_has_one_supervisor(yard: Any) -> None:
    yard.supervisor()
    with pytest.raises(Busy, match=r"another process runs the jobs of .*external"):
        Supervisor(yard.home, yard.store, yard.archive).start()


def test_quote_comes_from_past_runs(yard: Any) -> None:
    yard.supervisor()
    assert yard.until(yard.submit("slow", seconds="1")).quote is None
    job = yard.submit()
    assert job.quote is not None
    assert 0.8 < (job.quote - job.creation_time).total_seconds() < 3


@pytest.fixture
def other_disk(yard: Any) -> Iterator[Path]:
    """Put the products on a small disk of their own."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a disk")
    folder: Path = yard.home.files_path
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_products_may_live_on_another_disk_and_wait_while_it_is_full(
    yard: Any, other_disk: Path
) -> None:
    yard.supervisor()
    first = yard.until(yard.submit())
    assert first.phase is Phase.COMPLETED
    path = yard.service.result_path(first.job_id, "product")
    assert path.is_relative_to(other_disk)
    ballast = other_disk / "ballast"
    with pytest.raises(OSError, match="No space left"):
        ballast.write_bytes(b"\0" * (2 << 20))
    second = yard.submit()
    wait_for_end(yard, second)
    time.sleep(0.5)
    assert yard.service.get(second.job_id).phase is Phase.EXECUTING
    ballast.unlink()
    assert yard.until(second).phase is Phase.COMPLETED
    leftovers = [p for p in other_disk.rglob(".*") if p.is_dir()]
    assert leftovers == []
