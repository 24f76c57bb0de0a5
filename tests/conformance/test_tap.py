"""TAP as validators and clients see it that nobody here wrote."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest
import pyvo
from pyvo.dal.exceptions import DALOverflowWarning, DALQueryError
from tests.support.clients import stilts

if TYPE_CHECKING:
    import requests
    from tests.web.conftest import Server, StartServer

pytestmark = pytest.mark.slow


@pytest.mark.debian("stilts")
def test_tapquery(each_server: Server) -> None:
    done = stilts(
        "tapquery",
        f"tapurl={each_server.url}/tap",
        "sync=true",
        "adql=SELECT obs_id, s_ra, t_min FROM ivoa.obscore ORDER BY obs_id",
        "ofmt=csv",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == ["obs_id,s_ra,t_min", "20136,228.3,53379.9"]


def test_pyvo_search_tables_and_limits(
    each_server: Server, vo_session: requests.Session
) -> None:
    service = pyvo.dal.TAPService(f"{each_server.url}/tap", session=vo_session)
    result = service.search("SELECT * FROM ivoa.obscore")
    assert len(result) == 5
    assert result.fieldnames[0] == "dataproduct_type"
    table = result.to_table()
    assert str(table["s_ra"].unit) == "deg"
    columns = [c.name for c in service.tables["cta.observation"].columns]
    assert "livetime" in columns
    assert '"size"' in [c.name for c in service.tables["cta.product"].columns]


def test_pyvo_notices_the_limit_of_the_server(
    start_server: StartServer, vo_session: requests.Session
) -> None:
    service = pyvo.dal.TAPService(
        f"{start_server(query_rows_default=2).url}/tap", session=vo_session
    )
    with pytest.warns(DALOverflowWarning, match="truncated due to server limits"):
        assert len(service.search("SELECT obs_id FROM ivoa.obscore")) == 2


def test_pyvo_shows_the_fault(
    each_server: Server, vo_session: requests.Session
) -> None:
    service = pyvo.dal.TAPService(f"{each_server.url}/tap", session=vo_session)
    with pytest.raises(DALQueryError) as caught:
        service.search("SELECT obs_idd FROM ivoa.obscore")
    assert "1:8 Q202 there is no column obs_idd (did you mean obs_id?)" in str(
        caught.value
    )


@pytest.mark.debian("stilts")
def test_tapquery_as_a_job(each_server: Server) -> None:
    done = stilts(
        "tapquery",
        f"tapurl={each_server.url}/tap",
        "sync=false",
        "poll=100",
        "delete=always",
        "adql=SELECT obs_id, s_ra, t_min FROM ivoa.obscore ORDER BY obs_id",
        "ofmt=csv",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == ["obs_id,s_ra,t_min", "20136,228.3,53379.9"]


@pytest.fixture
def each_service(
    each_server: Server, vo_session: requests.Session
) -> pyvo.dal.TAPService:
    """Give pyVO's client of each server."""
    return pyvo.dal.TAPService(f"{each_server.url}/tap", session=vo_session)


def test_pyvo_runs_a_job(each_service: pyvo.dal.TAPService) -> None:
    job = each_service.submit_job("SELECT obs_id FROM ivoa.obscore", maxrec=3)
    assert (job.phase, job.execution_duration.value) == ("PENDING", 600)
    job.execution_duration = 100
    job.run().wait(phases=["COMPLETED", "ERROR", "ABORTED"], timeout=60)
    assert (job.phase, job.execution_duration.value) == ("COMPLETED", 100)
    job.raise_if_error()
    assert job.result_uri == f"{job.url}/results/result"
    result = job.fetch_result()
    assert len(result) == 3
    assert result.status == (
        "OVERFLOW",
        "rows were cut at 3 by the MAXREC of this request",
    )
    url = job.url
    job.delete()
    assert httpx.get(url).status_code == 404


def test_pyvo_lists_jobs(server: Server, vo_session: requests.Session) -> None:
    service = pyvo.dal.TAPService(f"{server.url}/tap", session=vo_session)
    job = service.submit_job("SELECT obs_id FROM ivoa.obscore")
    assert [one.jobid for one in service.get_job_list(last=1)] == [job.job_id]
    job.delete()
    listed = [one.jobid for one in service.get_job_list(last=1)]
    assert job.job_id not in listed


def test_pyvo_runs_a_query_asynchronously(each_service: pyvo.dal.TAPService) -> None:
    result = each_service.run_async("SELECT obs_id, t_exptime FROM ivoa.obscore")
    assert len(result) == 5
    assert str(result.to_table()["t_exptime"].unit) == "s"
    with pytest.raises(DALQueryError, match=r"1:8 Q202 there is no column obs_idd"):
        each_service.run_async("SELECT obs_idd FROM ivoa.obscore")


def wait_for(job: pyvo.dal.AsyncTAPJob, phase: str) -> None:
    deadline = time.monotonic() + 60
    while job.phase != phase:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_pyvo_aborts_a_job(each_service: pyvo.dal.TAPService) -> None:
    columns = ", ".join(f"tap_schema.columns AS {name}" for name in "abcdef")
    job = each_service.submit_job(
        f"SELECT COUNT(*) FROM {columns} WHERE a.ucd <> b.ucd AND c.unit <> d.utype"
    )
    job.run()
    wait_for(job, "EXECUTING")
    job.abort()
    wait_for(job, "ABORTED")
    with pytest.raises(DALQueryError, match="aborted by its user"):
        job.raise_if_error()
    job.delete()
