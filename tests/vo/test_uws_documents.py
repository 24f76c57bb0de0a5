"""UWS documents, held against the IVOA's schema and against vo-models' types."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from vo_models.uws.models import Jobs

from distiller.vo.uws import Job, JobError, Phase, Progress, Result
from distiller.vo.uws_documents import (
    job_document,
    job_list_document,
    parameters_document,
    results_document,
)

URL = "https://vo.example.org/uws/count_map"
NAMES = {
    "u": "http://www.ivoa.net/xml/UWS/v1.0",
    "xlink": "http://www.w3.org/1999/xlink",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}
NEW = Job(
    job_id="0b5ff3b6-5d0b-4f61-a1a4-6a3c2ba60d18",
    task="count_map",
    owner=None,
    phase=Phase.PENDING,
    creation_time=datetime(2026, 1, 2, 3, 4, 5, 678000),
    execution_duration_s=600,
    destruction=None,
)
DONE = replace(
    NEW,
    owner="marie",
    phase=Phase.COMPLETED,
    run_id="first <try> & more",
    start_time=datetime(2026, 1, 2, 3, 4, 6),
    end_time=datetime(2026, 1, 2, 3, 4, 7),
    quote=datetime(2026, 1, 2, 3, 4, 8),
    destruction=datetime(2026, 2, 2),
    parameters=(("obs", "23523"), ("obs", "23526"), ("target", "Crab & <co>")),
    results=(
        Result("product", "product.fits", "application/fits", 259200),
        Result("plot", "plot.png", "image/png", 1234),
    ),
    error=JobError("none, in truth", "transient"),
    progress=Progress(0.5, "Reading"),
)

GIVEN = replace(
    DONE,
    start_time=None,
    quote=None,
    error=None,
    progress=None,
    product_id="649db41f-5eb6-5230-83b0-24d75478f68e",
    reused=datetime(2026, 1, 1),
)

texts = st.text(max_size=30)
instants = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1))
jobs = st.builds(
    Job,
    job_id=st.uuids(version=4).map(str),
    task=st.just("count_map"),
    owner=st.none() | texts,
    phase=st.sampled_from(list(Phase)),
    creation_time=instants,
    execution_duration_s=st.integers(0, 10**6),
    destruction=st.none() | instants,
    run_id=st.none() | texts,
    start_time=st.none() | instants,
    end_time=st.none() | instants,
    quote=st.none() | instants,
    parameters=st.lists(st.tuples(texts, texts), max_size=3).map(tuple),
    results=st.lists(
        st.builds(Result, st.just("product"), texts, st.just("image/png"), st.just(1)),
        max_size=2,
    ).map(tuple),
    error=st.none() | st.builds(JobError, texts, st.just("fatal")),
    progress=st.none() | st.builds(Progress, st.floats(0, 1), texts),
)


def xpath(document: bytes, path: str) -> Any:
    return etree.fromstring(document).xpath(path, namespaces=NAMES)


@pytest.mark.debian("stilts")
@pytest.mark.parametrize("job", [NEW, DONE, GIVEN])
def test_documents_follow_the_schema(job: Job, uws_schema: etree.XMLSchema) -> None:
    for document in (
        job_document(job, f"{URL}/{job.job_id}"),
        job_list_document([job, job], URL),
        job_list_document([], URL),
        parameters_document(job.parameters),
        results_document(job.results, f"{URL}/{job.job_id}"),
    ):
        uws_schema.assertValid(etree.fromstring(document))


@pytest.mark.debian("stilts")
@settings(max_examples=60, deadline=None)
@given(jobs)
def test_any_job_follows_the_schema(uws_schema: etree.XMLSchema, job: Job) -> None:
    uws_schema.assertValid(etree.fromstring(job_document(job, URL)))


def test_both_documents_name_their_version() -> None:
    assert xpath(job_document(NEW, URL), "string(/u:job/@version)") == "1.1"
    assert xpath(job_list_document([], URL), "string(/u:jobs/@version)") == "1.1"


def test_only_what_may_be_nil_is_nil() -> None:
    nil = xpath(job_document(NEW, URL), "//*[@xsi:nil]")
    assert [etree.QName(e).localname for e in nil] == [
        "ownerId", "quote", "startTime", "endTime", "destruction",
    ]  # fmt: skip
    assert xpath(job_document(NEW, URL), "count(//u:runId)") == 0


def test_times_are_utc_with_z() -> None:
    created = xpath(job_document(NEW, URL), "string(//u:creationTime)")
    assert created == "2026-01-02T03:04:05.678Z"


def test_repeated_parameters_stay_repeated() -> None:
    document = job_document(DONE, URL)
    path = "//u:parameter[@id='obs']/text()"
    assert xpath(document, path) == ["23523", "23526"]


def test_results_lead_to_their_addresses() -> None:
    document = results_document(DONE.results, f"{URL}/{DONE.job_id}")
    (link,) = xpath(document, "//u:result[@id='product']/@xlink:href")
    assert link == f"{URL}/{DONE.job_id}/results/product"


def test_progress_stands_in_job_info_in_a_namespace_of_its_own() -> None:
    (progress,) = xpath(job_document(DONE, URL), "//u:jobInfo/*")
    assert etree.QName(progress).namespace == "urn:distiller:job-info:1"
    assert progress.get("fraction") == "0.500"


def test_what_xml_cannot_hold_is_replaced() -> None:
    job = replace(NEW, parameters=(("a\x00b", "bell \x07"),))
    values = xpath(job_document(job, URL), "//u:parameter/text()")
    assert values == ["bell \N{REPLACEMENT CHARACTER}"]


def test_vo_models_reads_the_list() -> None:
    listed = Jobs.from_xml(job_list_document([DONE, NEW], URL))
    assert [job.job_id for job in listed.jobref or []] == [DONE.job_id, NEW.job_id]
    first = (listed.jobref or [])[0]
    assert str(first.phase.value) == "COMPLETED"
    assert first.href == f"{URL}/{DONE.job_id}"
