"""One supervisor that has jobs run on this machine and in a real Slurm."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from distiller.core.errors import BadParameter
from distiller.jobs import folders, processes, registration, shepherd
from distiller.jobs.supervisor import Supervisor
from distiller.vo.uws import Phase

from .conftest import PLACE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.slurm import Cluster

    from distiller.vo.uws import Job

pytestmark = pytest.mark.slow

HELD = ("--hold",)


@pytest.fixture
def cluster(slurm_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Let the commands of this process be of the throw-away Slurm; before any yard."""
    for name, value in slurm_cluster.environment.items():
        monkeypatch.setenv(name, value)
    return slurm_cluster


def set_engines(yard: Any, **given: Any) -> None:
    yard.home = yard.home.model_copy(update={"slurm_look_s": 0.3, **given})


def folder_of(yard: Any, job: Job) -> Path:
    return folders.job_folder(yard.home, job.job_id)


def is_in_slurm(yard: Any, job: Job) -> bool:
    return (folder_of(yard, job) / folders.SLURM).exists()


def is_running(job: Job) -> bool:
    return job.progress is not None and "being" in job.progress.text


def wait_for_state(cluster: Cluster, job: Job, state: str) -> None:
    deadline = time.monotonic() + 20
    while cluster.states(job.job_id) != [state]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_one_supervisor_drives_both_engines(cluster: Cluster, yard: Any) -> None:
    set_engines(yard, slurm_from_runs=2, jobs_at_once=1, slurm_jobs_at_once=1)
    yard.supervisor()
    many = "1001,1002"
    running = [yard.submit("slow"), yard.submit("slow", obs=many)]
    waiting = [yard.submit(), yard.submit(obs=many)]
    for job in running:
        yard.until(job, is_running)
    # Each engine has places of its own.
    phases = [yard.service.get(job.job_id).phase for job in waiting]
    assert phases == [Phase.QUEUED, Phase.QUEUED]
    for job in running:
        yard.service.abort(job.job_id)
        assert yard.until(job).phase is Phase.ABORTED
    done = [yard.until(job) for job in waiting]
    assert [(job.phase, job.error) for job in done] == [(Phase.COMPLETED, None)] * 2
    places = [is_in_slurm(yard, job) for job in (*running, *waiting)]
    assert places == [False, True, False, True]
    counts = [len(cluster.states(job.job_id)) for job in (*running, *waiting)]
    assert counts == [0, 1, 0, 1]
    filed = yard.archive.rows("SELECT product_id FROM cta.analysis")
    assert {row["product_id"] for row in filed} == {job.product_id for job in done}
    for job in done:
        assert job.product_id == registration.product_id(job.job_id)
        assert job.start_time <= job.end_time


def test_a_job_stays_where_it_was_handed_over(cluster: Cluster, yard: Any) -> None:
    set_engines(yard, engine_by_task={"rogue": "slurm"}, slurm_options=HELD)
    first = yard.supervisor()
    job, other = yard.submit(), yard.submit()
    for one in (job, other):
        wait_for_state(cluster, one, "PENDING")
    # Handed over, and no machine has begun it.
    assert yard.service.get(job.job_id).phase is Phase.QUEUED
    yard.service.abort(other.job_id)
    other = yard.until(other)
    assert (other.phase, other.error.message) == (Phase.ABORTED, "aborted by its user")
    first.stop()
    set_engines(yard, engine_by_task={}, slurm_options=())
    yard.supervisor()
    local = yard.until(yard.submit())
    assert local.phase is Phase.COMPLETED
    assert not is_in_slurm(yard, local)
    assert yard.service.get(job.job_id).phase is Phase.QUEUED
    cluster.ask("scontrol", "release", f"jobname={job.job_id}")
    assert yard.until(job).phase is Phase.COMPLETED
    assert yard.service.log_tail(job.job_id).count("being good") == 1
    wait_for_state(cluster, job, "COMPLETED")


def test_a_running_job_is_adopted_then_deleted(cluster: Cluster, yard: Any) -> None:
    set_engines(yard, engine="slurm")
    first = yard.supervisor()
    job = yard.until(yard.submit("runaway"), is_running)
    assert job.phase is Phase.EXECUTING
    first.stop()
    yard.supervisor()
    folder = folder_of(yard, job)
    yard.service.delete(job.job_id)
    deadline = time.monotonic() + 10
    while yard.store.unfinished() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not folder.exists()
    lock = folder / folders.LOCK
    assert processes.leftovers(shepherd.mark(folder), lock) == []
    assert len(cluster.states(job.job_id)) == 1


def test_a_task_that_is_not_there_has_no_engine(yard: Any) -> None:
    set_engines(yard, engine_by_task={"count_maps": "slurm"})
    with pytest.raises(BadParameter, match="no such task: count_maps"):
        Supervisor(yard.home, yard.store, yard.archive)


def test_a_file_that_is_sent_along_is_there_in_slurm(
    cluster: Cluster, yard: Any
) -> None:
    set_engines(yard, engine="slurm")
    yard.supervisor()
    region = b"fk5\ncircle(84.2,22.5,0.4)\n"
    pairs = (("obs", "1001"), *PLACE)
    job = yard.service.submit("rogue", pairs, files={"file": [region]})
    ended = yard.until(job)
    assert ended.phase is Phase.COMPLETED, ended.error
    assert is_in_slurm(yard, job)
    path = yard.service.result_path(job.job_id, "product")
    assert path.read_bytes() == region
    del cluster
