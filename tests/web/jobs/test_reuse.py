"""The same analysis again: its product is given at once, and said so."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from astropy.io import fits

from distiller.analysis import record
from distiller.core.errors import IllegalState, NotFound
from distiller.core.rights import Reader
from distiller.ingest import Options, ingest
from distiller.jobs import ends, folders, registration
from distiller.jobs.spec import JobSpec
from distiller.vo.uws import Phase

from .conftest import AUTHORITY, PLACE, each_engine

if TYPE_CHECKING:
    from distiller.vo.uws import Job

pytestmark = pytest.mark.slow

PAIRS = (("obs", "1001"), ("obs", "1002"), *PLACE)
DIDS = ("ivo://org.example/sim?1002", "ivo://org.example/sim?1001")
COUNT = "SELECT count(*) AS n FROM cta.product WHERE data_level = 'DL4'"


@pytest.fixture
def first(yard: Any) -> Job:
    """Give a count map that was made here; the supervisor runs on."""
    yard.supervisor(real=True)
    made: Job = yard.until(yard.service.submit("count_map", PAIRS))
    assert made.phase is Phase.COMPLETED, made.error
    assert made.reused is None
    return made


def contents(yard: Any, job: Job) -> dict[str, bytes]:
    path = yard.service.result_path
    return {r.id: path(job.job_id, r.id).read_bytes() for r in job.results}


@each_engine
def test_the_second_request_is_given_the_product_of_the_first(
    yard: Any, first: Job
) -> None:
    again = yard.service.submit("count_map", PAIRS)
    assert again.phase is Phase.COMPLETED
    assert yard.service.get(again.job_id) == again
    assert again.product_id == first.product_id
    assert again.reused == first.end_time
    assert (again.start_time, again.quote, again.error) == (None, None, None)
    assert again.end_time is not None
    assert {r.id: r for r in again.results} == {r.id: r for r in first.results}
    assert again.results[0].id == "product"
    assert contents(yard, again) == contents(yard, first)
    log = yard.service.log_tail(again.job_id)
    assert log.startswith("Given at once, nothing was computed: product ")
    assert str(first.product_id) in log
    assert first.job_id not in log
    assert yard.archive.rows(COUNT) == [{"n": 1}]


def test_a_pending_job_and_other_words_for_the_same(yard: Any, first: Job) -> None:
    words = [("dec", "22.0140"), ("ra", "83.633"), ("obs", ",".join(DIDS))]
    made = yard.service.create("count_map", [*words, ("binsz", "0.020")])
    assert made.phase is Phase.PENDING
    run = yard.service.run(made.job_id)
    assert (run.phase, run.product_id) == (Phase.COMPLETED, first.product_id)
    with pytest.raises(IllegalState, match="COMPLETED and cannot run"):
        yard.service.run(made.job_id)


def test_a_typical_run_is_one_that_ran(yard: Any, first: Job) -> None:
    typical = yard.store.typical_duration_s("count_map")
    for _ in range(3):
        yard.service.submit("count_map", PAIRS)
    assert yard.store.typical_duration_s("count_map") == typical
    assert first.start_time is not None


def test_another_input_is_another_product(
    yard: Any, first: Job, runs: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(runs, tmp_path / "set"))
    path = next(folder.glob("data/*1001*.fits"))
    with fits.open(path, mode="update") as hdus:
        hdus["EVENTS"].data["ENERGY"][:100] *= 2
        hdus["EVENTS"].add_checksum()
    report = ingest([folder], yard.archive, AUTHORITY, Options(collection="sim"))
    assert report.counts["replaced"] == 2, report
    done = yard.until(yard.service.submit("count_map", PAIRS))
    assert done.reused is None
    assert done.product_id != first.product_id
    assert contents(yard, done)["product"] != contents(yard, first)["product"]


def test_another_library_is_another_product(
    yard: Any, first: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = record.software() | {"gammapy": "99.0"}
    monkeypatch.setattr(record, "software", lambda: installed)
    assert yard.service.submit("count_map", PAIRS).phase is Phase.QUEUED
    assert first.phase is Phase.COMPLETED


def test_another_parameter_or_label_is_another_product(yard: Any, first: Job) -> None:
    for more in (("e_min", "0.5"), ("target", "My own field")):
        done = yard.until(yard.service.submit("count_map", [*PAIRS, more]))
        assert done.phase is Phase.COMPLETED
        assert done.reused is None
        assert done.product_id != first.product_id


@pytest.mark.parametrize("way", ["submit", "create", "set"])
def test_a_product_is_computed_anew_if_that_is_asked_for(
    way: str, yard: Any, first: Job
) -> None:
    if way == "submit":
        job = yard.service.submit("count_map", PAIRS, fresh=True)
    else:
        made = yard.service.create("count_map", PAIRS, fresh=way == "create")
        if way == "set":
            yard.service.set_fresh(made.job_id, fresh=True)
        assert yard.service.get(made.job_id).fresh
        job = yard.service.run(made.job_id)
    assert job.phase is Phase.QUEUED
    done = yard.until(job)
    assert done.product_id == registration.product_id(job.job_id) != first.product_id
    with pytest.raises(IllegalState, match="cannot change its CACHE"):
        yard.service.set_fresh(job.job_id, fresh=False)
    # The first one is still the one that is given.
    assert yard.service.submit("count_map", PAIRS).product_id == first.product_id


def test_the_results_stay_when_the_first_job_is_deleted(yard: Any, first: Job) -> None:
    before = contents(yard, first)
    again = yard.service.submit("count_map", PAIRS)
    yard.service.delete(first.job_id)
    yard.until(again, lambda _job: not yard.store.unfinished())
    assert contents(yard, again) == before
    third = yard.service.submit("count_map", PAIRS)
    assert third.product_id == first.product_id
    # Nor does the end of the second take away what it did not make.
    yard.service.delete(again.job_id)
    yard.until(third, lambda _job: not yard.store.unfinished())
    assert contents(yard, third) == before


def test_a_product_that_was_removed_is_told(yard: Any, first: Job) -> None:
    again = yard.service.submit("count_map", PAIRS)
    did = f"ivo://org.example/sim?count_map/{first.product_id}"
    assert yard.archive.remove(did)
    with pytest.raises(NotFound) as caught:
        yard.service.result_path(again.job_id, "product")
    assert str(caught.value) == (
        f"job {again.job_id} was given product {first.product_id}, which the "
        "archive has no more (run the job again)"
    )
    # With its files or without them, it is not given any more.
    assert yard.service.submit("count_map", PAIRS).phase is Phase.QUEUED


def test_files_that_are_gone_are_made_again(yard: Any, first: Job) -> None:
    again = yard.service.submit("count_map", PAIRS)
    shutil.rmtree(folders.product_folder(yard.home, "count_map", first.job_id))
    with pytest.raises(NotFound, match="the file of result 'plot' of job"):
        yard.service.result_path(again.job_id, "plot")
    done = yard.until(yard.service.submit("count_map", PAIRS))
    assert done.product_id != first.product_id
    assert yard.service.submit("count_map", PAIRS).product_id == done.product_id


def test_others_are_given_what_they_may_read(yard: Any, first: Job) -> None:
    theirs = yard.service.submit("count_map", PAIRS, Reader("pierre"))
    assert (theirs.phase, theirs.owner) == (Phase.COMPLETED, "pierre")
    assert theirs.product_id == first.product_id
    # Closed to others, as if its inputs had been.
    spec = JobSpec.read(yard.store.spec(first.job_id))
    closed = spec.model_copy(
        update={
            "owner": "marie",
            "heritage": spec.heritage.model_copy(update={"rights": "proprietary"}),
        }
    )
    end = ends.read(folders.job_folder(yard.home, first.job_id))
    assert end is not None
    assert end.product is not None
    folder = folders.product_folder(yard.home, "count_map", first.job_id)
    filed = registration.bundle(closed, end.product, end, folder, yard.home)
    assert yard.archive.store(replace(filed, checksum="closed")) == "replaced"
    for who, phase in (("marie", Phase.COMPLETED), ("paul", Phase.QUEUED)):
        assert yard.service.submit("count_map", PAIRS, Reader(who)).phase is phase
