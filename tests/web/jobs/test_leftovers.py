"""What a job leaves, and when it is freed."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from distiller.core.times import now
from distiller.jobs import ends, folders, product_files, registration
from distiller.jobs.presence import LOCKS
from distiller.jobs.spec import JobSpec
from distiller.vo.uws import Phase

from .conftest import each_engine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distiller.vo.uws import Job

pytestmark = pytest.mark.slow


def is_running(job: Job) -> bool:
    return job.progress is not None and "being" in job.progress.text


def wait(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def folder_of(yard: Any, job: Job) -> Path:
    return folders.job_folder(yard.home, job.job_id)


def test_inputs_go_with_the_end_and_the_rest_with_the_destruction(yard: Any) -> None:
    yard.supervisor()
    job = yard.until(yard.submit("slow"), is_running)
    folder = folder_of(yard, job)
    # As a worker leaves them that is killed while it has them at hand.
    copy = folder / folders.INPUTS / "0" / "run.fits"
    copy.parent.mkdir(parents=True)
    copy.touch()
    yard.service.abort(job.job_id)
    assert yard.until(job).phase is Phase.ABORTED
    assert not copy.parent.parent.exists()
    assert (folder / folders.LOG).exists()
    # And if they came back: the destruction takes all.
    copy.parent.mkdir(parents=True)
    yard.service.set_destruction(job.job_id, now() - timedelta(seconds=1))
    wait(lambda: not yard.store.list(owner=None, everybody=True))
    wait(lambda: not yard.store.unfinished())
    assert [path.name for path in yard.home.jobs_path.iterdir()] == [LOCKS["analysis"]]


@pytest.mark.parametrize("is_filed", [True, False])
def test_a_product_goes_with_its_job_only_if_it_was_never_filed(
    yard: Any, *, is_filed: bool
) -> None:
    """Its files are in place before its rows: a supervisor was killed between."""
    first = yard.supervisor()
    job = yard.until(yard.submit("slow", seconds="1"), is_running)
    first.stop()
    wait(lambda: ends.read(folder_of(yard, job)))
    end = ends.read(folder_of(yard, job))
    assert end is not None
    assert end.product is not None
    spec = JobSpec.read(yard.store.spec(job.job_id))
    target = folders.product_folder(yard.home, spec.task, job.job_id)
    registration.move_files(folder_of(yard, job), target)
    if is_filed:
        made = registration.bundle(spec, end.product, end, target, yard.home)
        yard.archive.store(made)
    yard.service.delete(job.job_id)
    yard.supervisor()
    wait(lambda: not yard.store.unfinished())
    assert (target / "product.fits").exists() == is_filed
    assert not folder_of(yard, job).exists()
    assert yard.archive.check() == []


def test_the_files_of_a_product_are_known_by_its_job(yard: Any) -> None:
    supervisor = yard.supervisor()
    job = yard.until(yard.submit())
    supervisor.stop()
    target = folders.product_folder(yard.home, job.task, job.job_id)
    (row,) = yard.archive.rows(
        "SELECT publisher_did FROM cta.product WHERE data_level = 'DL4'"
    )
    did = row["publisher_did"]
    assert product_files.folders_of(yard.archive, yard.home, [did]) == [target]
    assert list(product_files.orphans(yard.archive, yard.home)) == []
    yard.archive.remove(did)
    assert product_files.folders_of(yard.archive, yard.home, [did]) == []
    assert list(product_files.orphans(yard.archive, yard.home)) == [target]


def test_a_supervisor_sweeps_what_another_left(yard: Any) -> None:
    product = folders.product_folder(yard.home, "rogue", "0a-product")
    left = [folders.partial(product), product.with_name(".trash-0b-01234567")]
    for folder in (product, *left):
        folder.mkdir(parents=True)
    yard.supervisor()
    assert yard.until(yard.submit()).phase is Phase.COMPLETED
    assert [path.name for path in product.parent.iterdir()] == [product.name]


@each_engine
def test_a_product_was_generated_when_its_job_ended(yard: Any) -> None:
    yard.supervisor()
    job = yard.until(yard.submit())
    (row,) = yard.archive.rows(
        "SELECT p.created, a.started, a.ended, e.generated_at_time, t.start_time, "
        "t.end_time FROM cta.product AS p "
        "JOIN cta.analysis AS a ON a.product_id = p.product_id "
        "JOIN cta.dataset_version AS v ON v.publisher_did = p.publisher_did "
        "JOIN provenance.entity AS e ON e.entity_id = v.entity_id "
        "JOIN provenance.was_generated_by AS g ON g.entity_id = e.entity_id "
        "JOIN provenance.activity AS t ON t.activity_id = g.activity_id "
        "WHERE p.product_id = ?",
        [job.product_id],
    )
    # To the millisecond, as the archive keeps instants.
    moments = {name: _milliseconds(value) for name, value in row.items()}
    began, ended = _milliseconds(job.start_time), _milliseconds(job.end_time)
    assert began <= ended
    assert moments == {
        "created": ended, "ended": ended, "generated_at_time": ended,
        "end_time": ended, "started": began, "start_time": began,
    }  # fmt: skip


def _milliseconds(moment: Any) -> str:
    return str(moment.replace(tzinfo=None).isoformat(timespec="milliseconds"))
