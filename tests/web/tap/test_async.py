"""``/tap/async``: queries as jobs, over HTTP."""

from __future__ import annotations

import io
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from astropy.io import votable
from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.conftest import Server, StartServer

pytestmark = pytest.mark.slow

COLUMNS = "tap_schema.columns"
ALL = "SELECT obs_id FROM ivoa.obscore ORDER BY obs_id"
ROWS = "obs_id\r\n20136\r\n20137\r\n23523\r\n23526\r\n23559\r\n"
ENDLESS = (
    f"SELECT COUNT(*) FROM {COLUMNS} a, {COLUMNS} b, {COLUMNS} c, {COLUMNS} d, "
    f"{COLUMNS} e WHERE a.ucd <> b.ucd AND c.utype <> d.utype AND e.unit <> a.unit"
)
NAMES = {
    "u": "http://www.ivoa.net/xml/UWS/v1.0",
    "xlink": "http://www.w3.org/1999/xlink",
}
ACTIVE = {"PENDING", "QUEUED", "EXECUTING"}


def xpath(document: bytes, path: str) -> Any:
    """Look into a UWS document."""
    return etree.fromstring(document).xpath(path, namespaces=NAMES)


class Jobs:
    """The list of asynchronous queries of a server."""

    def __init__(self, server: Server) -> None:
        self.client = httpx.Client(timeout=60)
        self.url = f"{server.url}/tap/async"

    def post(self, place: str = "", **data: Any) -> httpx.Response:
        """POST a form to the list, or to a job's address."""
        return self.client.post(place or self.url, data=data)

    def get(self, place: str = "", **params: Any) -> httpx.Response:
        """GET the list, or a job's address."""
        return self.client.get(place or self.url, params=params)

    def make(self, query: str = ALL, **data: Any) -> str:
        """Make a job and return its address."""
        fields = {"LANG": "ADQL", "QUERY": query, "FORMAT": "csv", **data}
        answer = self.post(**fields)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    def phase(self, job: str) -> str:
        """Return the phase of a job."""
        return self.get(f"{job}/phase").text

    def finish(self, job: str) -> bytes:
        """Wait for a job's end and return its document."""
        while xpath(document := self.get(job, WAIT="20").content, "string(//u:phase)"):
            if xpath(document, "string(//u:phase)") not in ACTIVE:
                return document
        raise AssertionError(document)

    def run(self, query: str = ALL, **data: Any) -> tuple[str, bytes]:
        """Run a query to its end; return its address and document."""
        job = self.make(query, PHASE="RUN", **data)
        return job, self.finish(job)

    def result(self, query: str = ALL, **data: Any) -> httpx.Response:
        """Run a query and return its result."""
        job, document = self.run(query, **data)
        assert xpath(document, "string(//u:phase)") == "COMPLETED", document
        return self.get(f"{job}/results/result")


@pytest.fixture(scope="session")
def jobs(each_server: Server) -> Iterator[Jobs]:
    """Ask the shared server of each engine."""
    made = Jobs(each_server)
    with made.client:
        yield made


def test_from_creation_to_the_rows(jobs: Jobs) -> None:
    job = jobs.make(RUNID="mine")
    assert jobs.phase(job) == "PENDING"
    answer = jobs.post(f"{job}/phase", PHASE="RUN")
    assert (answer.status_code, answer.headers["location"]) == (303, job)
    document = jobs.finish(job)
    assert xpath(document, "string(//u:phase)") == "COMPLETED"
    assert xpath(document, "string(//u:runId)") == "mine"
    (link,) = xpath(document, "//u:result/@xlink:href")
    assert link == f"{job}/results/result"
    assert xpath(document, "//u:result/@id") == ["result"]
    answer = jobs.get(link)
    assert answer.text == ROWS
    assert xpath(document, "//u:result/@size") == [str(len(ROWS))]
    assert answer.headers["content-length"] == str(len(ROWS))
    assert answer.headers["content-type"] == "text/csv;header=present;charset=utf-8"
    named = answer.headers["content-disposition"]
    assert re.search(r'filename="tap_[0-9a-f]{8}_result.csv"', named)
    begin = jobs.client.get(link, headers={"Range": "bytes=0-5"})
    assert (begin.status_code, begin.text) == (206, "obs_id")
    head = jobs.client.head(link)
    assert (head.headers["content-length"], head.content) == (str(len(ROWS)), b"")


@pytest.mark.parametrize("how", ["urlencoded", "multipart"])
def test_an_empty_job_is_filled_by_posts(jobs: Jobs, how: str) -> None:
    job = jobs.post().headers["location"]
    for name, value in (("lang", "ADQL"), ("Query", ALL), ("RESPONSEFORMAT", "csv")):
        sent: Any = {name: value}
        if how == "urlencoded":
            answer = jobs.client.post(f"{job}/parameters", data=sent)
        else:
            parts: Any = {name: (None, value)}
            answer = jobs.client.post(f"{job}/parameters", files=parts)
        assert (answer.status_code, answer.headers["location"]) == (303, job)
    given = jobs.get(f"{job}/parameters").content
    assert xpath(given, "//u:parameter/@id") == ["lang", "Query", "RESPONSEFORMAT"]
    jobs.post(f"{job}/phase", PHASE="RUN")
    jobs.finish(job)
    assert jobs.get(f"{job}/results/result").text == ROWS


def test_a_get_makes_no_job(jobs: Jobs) -> None:
    before = jobs.get().content
    fields = {"LANG": "ADQL", "QUERY": ALL, "PHASE": "RUN"}
    answer = jobs.get(**fields)
    assert answer.status_code == 400
    assert "QUERY: a job is made by POST, not by GET (or ask /tap/sync)" in answer.text
    assert answer.headers["content-type"].startswith("application/x-votable+xml")
    assert jobs.get().content == before


def test_a_rejected_query_leaves_a_job_that_says_all_faults(jobs: Jobs) -> None:
    job, document = jobs.run("SELECT one, two FROM ivoa.obscore")
    assert xpath(document, "string(//u:phase)") == "ERROR"
    assert xpath(document, "string(//u:errorSummary/@hasDetail)") == "true"
    summary = xpath(document, "string(//u:errorSummary/u:message)")
    error = jobs.get(f"{job}/error")
    assert error.status_code == 200
    assert error.headers["content-type"].startswith("application/x-votable+xml")
    told = votable.parse(io.BytesIO(error.content)).resources[0].infos[0]
    assert (told.name, told.value) == ("QUERY_STATUS", "ERROR")
    for words in ("1:8 Q202 there is no column one", "1:13 Q202 there is no column"):
        assert words in summary
        assert words in told.content
    missing = jobs.get(f"{job}/results/result")
    assert missing.status_code == 404
    assert "(ERROR) has no result" in missing.text


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        (None, "application/x-votable+xml"),
        ("votable/td", "application/x-votable+xml;serialization=tabledata"),
        ("text/xml", "text/xml"),
        ("tsv", "text/tab-separated-values;charset=utf-8"),
    ],
)
def test_formats(jobs: Jobs, asked: str | None, kind: str) -> None:
    answer = jobs.result(FORMAT=asked or "")
    assert answer.headers["content-type"] == kind
    if asked == "tsv":
        assert answer.text.split() == ROWS.split()
        return
    table = votable.parse(io.BytesIO(answer.content))
    assert list(table.get_first_table().array["obs_id"]) == ROWS.split()[1:]
    infos = {info.name: info.value for info in table.resources[0].infos}
    assert infos["QUERY_STATUS"] == "OK"
    assert infos["QUERY"] == ALL


def test_the_run_id_and_an_overflow_stand_in_the_result(jobs: Jobs) -> None:
    text = jobs.result(FORMAT="votable/td", MAXREC="2", RUNID="first").text
    assert '<INFO name="RUNID" value="first"' in text
    assert text.count("<TR>") == 2
    assert re.search(r'value="OVERFLOW">rows were cut at 2 by the MAXREC of', text)
    empty = jobs.result(FORMAT="votable/td", MAXREC="0").text
    assert empty.count("<TR>") == 0
    assert 'value="OVERFLOW"' in empty


@pytest.mark.debian("stilts")
def test_the_documents_follow_the_schema(
    jobs: Jobs, uws_schema: etree.XMLSchema
) -> None:
    done, _ = jobs.run(RUNID="x")
    wrong, _ = jobs.run("SELECT x")
    running = jobs.make(ENDLESS, PHASE="RUN")
    for job in (jobs.make(), running, done, wrong):
        for place in ("", "/parameters", "/results"):
            uws_schema.assertValid(etree.fromstring(jobs.get(f"{job}{place}").content))
    uws_schema.assertValid(etree.fromstring(jobs.get().content))
    jobs.post(running, ACTION="DELETE")


def test_the_list_is_filtered(embedded_server: Server) -> None:
    jobs = Jobs(embedded_server)
    with jobs.client:
        check_list(jobs)


def check_list(jobs: Jobs) -> None:
    first, _ = jobs.run()
    wrong, _ = jobs.run("SELECT x")
    created = xpath(jobs.get(wrong).content, "string(//u:creationTime)")
    time.sleep(0.01)
    second = jobs.make()

    def listed(**query: Any) -> list[str]:
        return list(xpath(jobs.get(**query).content, "//u:jobref/@xlink:href"))

    assert listed(LAST="1") == [second]
    assert listed(LAST="3") == [second, wrong, first]
    assert listed(AFTER=created) == [second]
    assert first in listed(PHASE="COMPLETED")
    assert second not in listed(PHASE="COMPLETED")
    assert {first, second} <= set(listed(PHASE=["PENDING", "COMPLETED"]))
    assert wrong in listed(PHASE="ERROR")


def test_jobs_of_nobody_are_found_by_their_address_alone(
    each_server: Server, jobs: Jobs
) -> None:
    job = jobs.make()
    listed = xpath(jobs.get().content, "//u:jobref/@xlink:href")
    # Where only this machine is served, all who do not log in are one.
    assert (job in listed) is each_server.settings.is_local
    assert jobs.phase(job) == "PENDING"


def test_waiting_ends_with_the_query(jobs: Jobs) -> None:
    job = jobs.make()
    began = time.monotonic()
    assert xpath(jobs.get(job, WAIT="1").content, "string(//u:phase)") == "PENDING"
    assert time.monotonic() - began >= 1
    jobs.post(f"{job}/phase", PHASE="RUN")
    seen = [jobs.phase(job)]
    while seen[-1] in ACTIVE:
        document = jobs.get(job, WAIT="-1", PHASE=seen[-1]).content
        seen.append(xpath(document, "string(//u:phase)"))
    assert seen[-1] == "COMPLETED"


def test_abort_and_delete_of_a_running_query(jobs: Jobs) -> None:
    job = jobs.make(ENDLESS, PHASE="RUN")
    while jobs.phase(job) != "EXECUTING":
        time.sleep(0.01)
    answer = jobs.post(f"{job}/phase", PHASE="ABORT")
    assert (answer.status_code, answer.headers["location"]) == (303, job)
    document = jobs.finish(job)
    assert xpath(document, "string(//u:phase)") == "ABORTED"
    gone = jobs.client.delete(job)
    assert gone.status_code == 303
    assert gone.headers["location"] == f"{jobs.url}?LAST=100"
    # It leads to a short list, however many jobs there are.
    assert len(xpath(jobs.get(gone.headers["location"]).content, "//u:jobref")) <= 100
    for place in ("", "/phase", "/error", "/parameters", "/results/result"):
        assert jobs.get(f"{job}{place}").status_code == 404


def test_a_query_that_takes_too_long_is_aborted(jobs: Jobs) -> None:
    job, document = jobs.run(ENDLESS, EXECUTIONDURATION="1")
    assert xpath(document, "string(//u:phase)") == "ABORTED"
    assert "executionDuration of 1 s" in jobs.get(f"{job}/error").text


def test_children_of_a_finished_query(jobs: Jobs) -> None:
    job, document = jobs.run()
    for name, tag in (
        ("phase", "phase"), ("executionduration", "executionDuration"),
        ("destruction", "destruction"), ("quote", "quote"),
    ):  # fmt: skip
        assert jobs.get(f"{job}/{name}").text == xpath(document, f"string(//u:{tag})")
    assert jobs.get(f"{job}/owner").text == ""
    assert "has no error" in jobs.get(f"{job}/error").text
    (link,) = xpath(jobs.get(f"{job}/results").content, "//u:result/@xlink:href")
    assert link == f"{job}/results/result"
    assert xpath(document, "//u:jobInfo") == []


def test_a_burst_of_queries(jobs: Jobs) -> None:
    with ThreadPoolExecutor(16) as threads:
        done = list(threads.map(lambda _: jobs.result().text, range(16)))
    assert done == [ROWS] * 16


def test_files_of_a_request_are_taken(jobs: Jobs) -> None:
    fields: Any = {
        "LANG": (None, "ADQL"), "QUERY": (None, "SELECT n FROM TAP_UPLOAD.t"),
        "UPLOAD": (None, "t,param:t"), "FORMAT": (None, "csv"),
        "t": ("t.csv", b"n\n7\n"), "PHASE": (None, "RUN"),
    }  # fmt: skip
    answer = jobs.client.post(jobs.url, files=fields)
    job = answer.headers["location"]
    document = jobs.finish(job)
    given = xpath(document, "//u:parameter/@id")
    assert given == ["LANG", "QUERY", "UPLOAD", "FORMAT"]
    assert jobs.client.get(f"{job}/results/result").text.split() == ["n", "7"]


def test_a_file_of_a_request_is_there_until_it_runs(jobs: Jobs) -> None:
    """UWS 1.1 section 2.2.3.1.1."""
    fields: Any = {
        "LANG": (None, "ADQL"), "QUERY": (None, "SELECT n FROM TAP_UPLOAD.t"),
        "UPLOAD": (None, "t,param:one"), "FORMAT": (None, "csv"),
        "one": ("t.csv", b"n\n7\n"),
    }  # fmt: skip
    job = jobs.client.post(jobs.url, files=fields).headers["location"]
    sent = jobs.get(f"{job}/parameters/one")
    assert (sent.status_code, sent.content) == (200, b"n\n7\n")
    assert sent.headers["content-type"] == "application/octet-stream"
    assert jobs.get(f"{job}/parameters/UPLOAD").text == "t,param:one"
    assert jobs.get(f"{job}/parameters/two").status_code == 404
    # The query is changed, not given twice: pyVO's `job.query = ...` does this.
    changed = {"QUERY": "SELECT n + 1 AS n FROM TAP_UPLOAD.t"}
    jobs.client.post(f"{job}/parameters", data=changed)
    jobs.client.post(f"{job}/phase", data={"PHASE": "RUN"})
    jobs.finish(job)
    assert jobs.client.get(f"{job}/results/result").text.split() == ["n", "8"]


def test_parts_may_come_in_chunks(jobs: Jobs) -> None:
    """As Java clients send them, without a length."""
    fields: Any = {
        "LANG": (None, "ADQL"), "QUERY": (None, ALL), "FORMAT": (None, "csv"),
        "PHASE": (None, "RUN"),
    }  # fmt: skip
    whole = jobs.client.build_request("POST", jobs.url, files=fields)
    body = whole.read()
    answer = jobs.client.post(
        jobs.url,
        content=iter([body[:100], body[100:]]),
        headers={"Content-Type": whole.headers["content-type"]},
    )
    job = answer.headers["location"]
    jobs.finish(job)
    assert jobs.get(f"{job}/results/result").text == ROWS


def test_analysis_and_queries_do_not_block_each_other(
    start_server: StartServer,
) -> None:
    jobs = Jobs(
        start_server(runner="embedded", async_queries_at_once=1, jobs_at_once=1)
    )
    with jobs.client:
        busy = jobs.make(ENDLESS, PHASE="RUN")
        while jobs.phase(busy) != "EXECUTING":
            time.sleep(0.01)
        waiting = jobs.make(PHASE="RUN")
        maps = jobs.url.replace("/tap/async", "/uws/count_map")
        fields = {"obs": "23523", "ra": "83.6", "dec": "22", "PHASE": "RUN"}
        job = jobs.client.post(maps, data=fields).headers["location"]
        # Its file is no event list, which it says by itself.
        assert xpath(jobs.finish(job), "string(//u:phase)") == "ERROR"
        assert jobs.phase(waiting) == "QUEUED"
        jobs.post(f"{busy}/phase", PHASE="ABORT")
        assert xpath(jobs.finish(waiting), "string(//u:phase)") == "COMPLETED"
