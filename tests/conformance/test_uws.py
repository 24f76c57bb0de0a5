"""UWS 1.1 by clients and schemas that nobody here wrote, on every task there is."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest
import requests
from lxml import etree
from pyvo.dal import AsyncTAPJob, DALQueryError, DALServiceError
from pyvo.io.uws import parse_job_list
from tests.support.ports import free_port
from tests.web.conftest import PROGRAM
from tests.web.uws.conftest import UwsServer, xpath

from distiller.analysis.tasks import TASKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.vo.uws import Pairs

pytestmark = pytest.mark.slow

DOCS: Final = Path(__file__).parents[2] / "docs"
_CRAB: Final = (("ra", "83.633"), ("dec", "22.014"))
SMALL: Final[dict[str, Pairs]] = {
    "count_map": (*_CRAB, ("width", "1"), ("binsz", "0.1")),
    "select_events": (*_CRAB, ("radius", "0.5"), ("e_min", "1")),
    "significance_map": (
        *_CRAB,
        ("width", "2"),
        ("binsz", "0.1"),
        ("e_min", "1"),
        ("radius", "0.2"),
    ),
    "spectrum": (*_CRAB, ("e_min", "1"), ("e_max", "30"), ("n_e", "3")),
    "light_curve": (*_CRAB, ("e_min", "1")),
}
"""Parameters of each task, beside two runs on the Crab, with which it is done soon."""

LARGE: Final = (("width", "8"), ("binsz", "0.0025"))
"""Of a count map that keeps a place busy for a while."""

_ADMIN: Final = "chief"
_PASSWORD: Final = "correct horse battery"  # noqa: S105 - of a server that is gone at once


@pytest.fixture(scope="module")
def demo() -> Iterator[UwsServer]:
    """Serve the first runs of the demo archive, on which the examples of tasks run."""
    # Not pytest's folder: the address of a Unix socket has 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="dst") as folder:
        home, runs = Path(folder) / "home", Path(folder) / "runs"
        settings = {
            "DISTILLER_RESOLVER_URL": "",
            "DISTILLER_AUTHORITY": "org.example",
            "DISTILLER_JOBS_AT_ONCE": "2",
        }
        made = UwsServer(home, free_port(), settings)
        program = [*PROGRAM, "--home", str(home)]
        for words, said in (
            (["init"], ""),
            (["simulate", str(runs), "--runs", "4", "--seed", "2015"], ""),
            (["ingest", str(runs), "--collection", "demo"], ""),
            (["user", "add", _ADMIN, "--admin"], f"{_PASSWORD}\n{_PASSWORD}\n"),
        ):
            done = subprocess.run(
                [*program, *words],
                input=said,
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
            assert done.returncode == 0, done.stderr
        made.start()
        yield made
        made.stop()


def jobs_of(demo: UwsServer, task: str) -> str:
    return demo.url.replace("count_map", task)


def create(demo: UwsServer, task: str, *more: tuple[str, str]) -> AsyncTAPJob:
    """Make a job; pyVO's class is for those of TAP, but only in how it makes them."""
    given = dict([*SMALL[task], *more])
    # Else the second of two equal ones is done before it can be looked at.
    data = [("obs", "1001"), ("obs", "1002"), *given.items(), ("CACHE", "no")]
    made = requests.post(jobs_of(demo, task), data=data, timeout=60)
    made.raise_for_status()
    return AsyncTAPJob(made.url)


def test_every_task_is_driven() -> None:
    assert set(SMALL) == set(TASKS)


@pytest.mark.parametrize("task", sorted(TASKS))
def test_pyvo_creates_runs_waits_and_deletes(demo: UwsServer, task: str) -> None:
    job = create(demo, task, ("RUNID", "by pyVO"))
    assert (job.phase, job.owner, job.uws_version) == ("PENDING", None, "1.1")
    job.execution_duration = 77
    assert job.execution_duration.to_value("s") == 77
    until = datetime.now(UTC).replace(tzinfo=None, microsecond=0) + timedelta(days=2)
    job.destruction = until
    assert job.destruction.to_datetime() == until
    given = [(one.id_, one.content) for one in job.job.parameters]
    assert given == [("obs", "1001"), ("obs", "1002"), *SMALL[task]]
    job.run().wait(timeout=120)
    job.raise_if_error()
    assert job.phase == "COMPLETED"
    summary = job.job
    assert (summary.jobid, summary.runid) == (job.job_id, "by pyVO")
    assert summary.creationtime < summary.starttime < summary.endtime
    assert {"product", "plot", "configuration"} <= {one.id_ for one in job.results}
    for one in job.results:
        sent = requests.get(one.href, timeout=60)
        assert sent.headers["Content-Type"] == one.mimetype
        assert len(sent.content) == int(one.size) > 0
    listed = parse_job_list(f"{jobs_of(demo, task)}?PHASE=COMPLETED&LAST=1")
    assert [one.jobid for one in listed] == [job.job_id]
    url = job.url
    job.delete()
    with pytest.raises(DALServiceError, match="404"):
        AsyncTAPJob(url)


@pytest.mark.parametrize("task", sorted(TASKS))
def test_pyvo_aborts(demo: UwsServer, task: str) -> None:
    pending = create(demo, task)
    assert pending.abort().phase == "ABORTED"
    busy = [create(demo, "count_map", *LARGE).run() for _ in range(3)]
    job = create(demo, task).run()
    job.abort()
    while job.phase in {"QUEUED", "EXECUTING"}:
        job._update(wait_for_statechange=True)
    assert job.phase == "ABORTED"
    with pytest.raises(DALQueryError, match="aborted by its user"):
        job.raise_if_error()
    with pytest.raises(DALServiceError, match="403"):
        job.run()
    for other in (pending, job, *busy):
        other.delete()


@pytest.mark.parametrize("task", sorted(TASKS))
def test_pyvo_is_told_what_is_wrong(demo: UwsServer, task: str) -> None:
    with create(demo, task, ("colour", "blue")) as job:
        job.run().wait(timeout=60)
        assert job.phase == "ERROR"
        with pytest.raises(DALQueryError, match="colour: no such parameter"):
            job.raise_if_error()
        error = requests.get(f"{job.url}/error", timeout=60)
        assert "colour: no such parameter" in error.text
    with create(demo, task, ("obs", "4711")) as job:
        job.run().wait(timeout=60)
        with pytest.raises(DALQueryError, match="4711"):
            job.raise_if_error()


@pytest.mark.debian("stilts")
@pytest.mark.parametrize("task", sorted(TASKS))
def test_documents_follow_the_schema_in_every_phase(
    demo: UwsServer, uws_schema: etree.XMLSchema, task: str
) -> None:
    """All but SUSPENDED and ARCHIVED, which no engine here makes of a job."""
    seen: set[str] = set()

    client = httpx.Client(timeout=60)

    def look(job: AsyncTAPJob, *, wait: bool = False) -> str:
        query = "?WAIT=20" if wait else ""
        for place in (query, "/parameters", "/results"):
            answer = client.get(f"{job.url}{place}")
            assert answer.headers["Content-Type"] == "text/xml"
            uws_schema.assertValid(etree.fromstring(answer.content))
        phase = str(xpath(client.get(job.url).content, "string(//u:phase)"))
        seen.add(phase)
        listed = client.get(jobs_of(demo, task), params={"PHASE": phase})
        uws_schema.assertValid(etree.fromstring(listed.content))
        return phase

    wrong = create(demo, task, ("colour", "blue")).run()
    assert look(wrong) == "ERROR"
    job = create(demo, task)
    assert look(job) == "PENDING"
    busy = [create(demo, "count_map", *LARGE).run() for _ in range(8)]
    job.run()
    assert look(job) == "QUEUED"
    held = client.post(
        f"{job.url}/phase", data={"PHASE": "HOLD"}, auth=(_ADMIN, _PASSWORD)
    )
    assert held.status_code == 303, held.text
    assert look(job) == "HELD"
    job.run()
    for other in busy:
        other.abort()
    phase = "QUEUED"
    while phase in {"QUEUED", "EXECUTING"}:
        phase = look(job, wait=True)
    assert phase == "COMPLETED"
    look(busy[-1])  # the first may have been quicker
    assert {"PENDING", "QUEUED", "HELD", "COMPLETED", "ERROR", "ABORTED"} <= seen
    for other in (wrong, job, *busy):
        other.delete()
    client.close()


def blocks(page: str, language: str) -> list[str]:
    found: list[str] = re.findall(
        rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL
    )
    return found


def run_block(
    text: str, language: str, demo: UwsServer, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run a block of a page, with the address of the server in it."""
    text = text.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{demo.port}")
    python = [sys.executable, "-W", "ignore", "-c", text]
    words = python if language == "python" else ["bash", "-euc", text]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, cwd=folder, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("task", ["significance_map", "spectrum", "light_curve"])
def test_the_examples_with_a_file_run(
    demo: UwsServer, task: str, tmp_path: Path
) -> None:
    (tmp_path / "mine.reg").write_text("fk5\ncircle(84.2,22.3,0.2)\n")
    page = (DOCS / "reference" / f"{task}.md").read_text(encoding="utf-8")
    method = page.partition("\n## Example")[0]
    (text,) = blocks(method, "bash")
    assert "exclusion_file=@mine.reg" in text
    answer = run_block(text, "bash", demo, tmp_path).stdout
    assert " 303 " in answer.splitlines()[0]
    for text in blocks(method, "python"):
        run_block(text, "python", demo, tmp_path)


@pytest.mark.parametrize("task", sorted(TASKS))
@pytest.mark.parametrize("language", ["python", "bash"])
def test_the_example_of_the_page_runs(
    demo: UwsServer, task: str, language: str, tmp_path: Path
) -> None:
    page = (DOCS / "reference" / f"{task}.md").read_text(encoding="utf-8")
    assert f"](../images/{task}.png)" in page
    (text,) = blocks(page.partition("\n## Example")[2], language)
    done = run_block(text, language, demo, tmp_path)
    if language == "python":
        named = dict(line.split() for line in done.stdout.splitlines())
        assert httpx.get(named["product"], timeout=60).status_code == 200
    else:
        (product,) = tmp_path.iterdir()
        assert product.stat().st_size > 0
    address = re.findall(r"\(http://127\.0\.0\.1:8000(/jobs/new/[^)]*)\)", page)[0]
    form: Any = httpx.get(f"http://127.0.0.1:{demo.port}{address}", timeout=60)
    assert form.status_code == 200
    assert "not in the archive" not in form.text
