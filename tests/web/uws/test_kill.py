"""Kill -9 of server, supervisor and zygote: no job is lost or doubled.

``test_proof.py`` has the long proof, with a runner of its own and many users.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from typing import Any

import httpx
import pytest

from distiller.jobs import registration

from .conftest import xpath

SEED = 20261124


def survive(uws: Any, *, jobs: int, kills: int) -> None:
    """Submit jobs while things are killed at random moments; check every end."""
    dice = random.Random(SEED)  # noqa: S311 - to repeat, not to hide
    paths: list[str] = []
    moments = sorted(dice.sample(range(jobs), kills))
    for number in range(jobs):
        paths.append(uws.submit(width="2", binsz="0.1"))
        if number not in moments:
            continue
        time.sleep(dice.uniform(0.0, 0.8))
        if dice.random() < 0.5:
            uws.kill_zygote()
        else:
            uws.stop(signal.SIGKILL)
            time.sleep(dice.uniform(0.0, 0.5))
            uws.start()
    documents = {path: uws.finish(path) for path in paths}
    ends = {p: xpath(d, "string(//u:phase)") for p, d in documents.items()}
    assert set(ends.values()) == {"COMPLETED"}, ends
    base = uws.url.removesuffix("/uws/count_map")
    query = "SELECT obs_id FROM ivoa.obscore WHERE dataproduct_subtype = 'count-map'"
    answer = httpx.get(
        f"{base}/tap/sync",
        params={"LANG": "ADQL", "QUERY": query, "RESPONSEFORMAT": "csv"},
        timeout=60,
    )
    filed = answer.text.split()[1:]
    assert len(filed) == len(set(filed))
    ids = {registration.product_id(path.strip("/")) for path in paths}
    assert {f"count_map/{product}" for product in ids} <= set(filed)
    for path in paths:
        log = (uws.home / "jobs" / path.strip("/") / "out.log").read_text()
        assert log.count("Starting count_map") == 1, path
        assert uws.get(f"{path}/results/product").status_code == 200
    uws.stop()
    uws.start()


@pytest.mark.prove
def test_a_few_jobs_survive_a_few_kills(uws: Any) -> None:
    survive(uws, jobs=6, kills=3)


COLUMNS = "tap_schema.columns"
SORTED = (
    "SELECT a.table_name, a.column_name, a.description, b.column_name AS other "
    f"FROM {COLUMNS} a, {COLUMNS} b WHERE a.ucd <> b.ucd "
    "ORDER BY a.table_name, a.column_name, b.table_name, b.column_name"
)


def survive_queries(uws: Any, *, queries: int, kills: int) -> None:
    """Submit queries while the server is killed; all give the right rows."""
    dice = random.Random(SEED)  # noqa: S311 - to repeat, not to hide
    base = uws.url.removesuffix("/uws/count_map")
    fields = {"LANG": "ADQL", "QUERY": SORTED, "FORMAT": "csv"}
    right = httpx.post(f"{base}/tap/sync", data=fields, timeout=60).content
    assert right.count(b"\r\n") > 10_000
    jobs: list[str] = []
    met = 0
    moments = set(dice.sample(range(queries), kills))
    for number in range(queries):
        made = httpx.post(f"{base}/tap/async", data={**fields, "PHASE": "RUN"})
        jobs.append(made.headers["location"])
        if number in moments:
            time.sleep(dice.uniform(0.0, 0.1))
            phases = {httpx.get(f"{job}/phase").text for job in jobs[-3:]}
            uws.stop(signal.SIGKILL)
            met += bool({"QUEUED", "EXECUTING"} & phases)
            uws.start()
    assert met, "no kill met a query that ran"
    for job in jobs:
        phase, document = "QUEUED", b""
        while phase in {"QUEUED", "EXECUTING"}:
            result = httpx.get(f"{job}/results/result", timeout=60)
            # Whole, or not there.
            assert (result.status_code, result.content) == (200, right) or (
                result.status_code == 404
            )
            document = httpx.get(job, params={"WAIT": "20"}, timeout=60).content
            phase = xpath(document, "string(//u:phase)")
        assert phase == "COMPLETED", document
        assert httpx.get(f"{job}/results/result", timeout=60).content == right
        httpx.delete(job)
    deadline = time.monotonic() + 30
    while left := list((uws.home / "jobs").glob("*/answer/*")):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


@pytest.mark.slow
def test_a_few_queries_survive_a_kill(each_uws: Any) -> None:
    survive_queries(each_uws, queries=4, kills=1)


@pytest.mark.prove
def test_twenty_queries_survive_kills(each_uws: Any) -> None:
    survive_queries(each_uws, queries=20, kills=6)


@pytest.mark.slow
def test_queries_run_where_the_archive_is_open(each_uws: Any) -> None:
    """With a runner of its own: there, or in the server that has the embedded file."""
    uws = each_uws
    uws.stop()
    uws.settings = {"DISTILLER_RUNNER": "external"}
    words = [sys.executable, "-m", "distiller", "--home", str(uws.home), "runner"]
    is_embedded = (uws.home / "archive.duckdb").exists()
    try:
        uws.start()
        base = uws.url.removesuffix("/uws/count_map")
        fields = {"LANG": "ADQL", "QUERY": f"SELECT * FROM {COLUMNS}", "PHASE": "RUN"}
        job = httpx.post(f"{base}/tap/async", data=fields).headers["location"]
        document = httpx.get(job, params={"WAIT": "3"}, timeout=60).content
        phase = xpath(document, "string(//u:phase)")
        page = httpx.get(job.replace("/tap/async/", "/jobs/") + "/").text
        if is_embedded:
            assert phase in {"EXECUTING", "COMPLETED"}
        else:
            assert phase == "QUEUED"
            assert "No runner is running" in page
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as runner:
            assert runner.stdout is not None
            assert "running jobs of" in runner.stdout.readline()
            while phase in {"QUEUED", "EXECUTING"}:
                document = httpx.get(job, params={"WAIT": "20"}, timeout=60).content
                phase = xpath(document, "string(//u:phase)")
            runner.send_signal(signal.SIGTERM)
            assert runner.wait(30) == 0
        assert phase == "COMPLETED"
        assert httpx.get(f"{job}/results/result").status_code == 200
    finally:
        uws.stop()
        uws.settings = {}
        uws.start()


@pytest.mark.prove
def test_a_runner_of_its_own_may_be_killed_too(each_uws: Any) -> None:
    uws = each_uws
    uws.stop()
    uws.settings = {"DISTILLER_RUNNER": "external"}
    words = [sys.executable, "-m", "distiller", "--home", str(uws.home), "runner"]
    try:
        uws.start()
        paths = [uws.submit(width="2", binsz="0.1")]
        time.sleep(0.5)
        assert uws.get(f"{paths[0]}/phase").text == "QUEUED"
        for how in (signal.SIGKILL, signal.SIGTERM):
            with subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            ) as runner:
                assert runner.stdout is not None
                assert runner.stderr is not None
                assert "running jobs of" in runner.stdout.readline()
                second = subprocess.run(
                    words, capture_output=True, text=True, check=False, timeout=60
                )
                assert (second.returncode, second.stdout) == (75, "")
                assert "another process runs the jobs of" in second.stderr
                if how is signal.SIGTERM:
                    assert {_end(uws, path) for path in paths} == {"COMPLETED"}
                else:
                    paths.append(uws.submit(width="2", binsz="0.1"))
                    time.sleep(1.0)
                runner.send_signal(how)
                assert runner.wait(30) == (0 if how is signal.SIGTERM else -how)
                # Not a line for each request to the server of the home.
                assert "HTTP Request" not in runner.stderr.read()
    finally:
        uws.stop()
        uws.settings = {}
        uws.start()


def _end(uws: Any, path: str) -> str:
    return str(xpath(uws.finish(path), "string(//u:phase)"))
