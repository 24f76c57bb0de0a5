"""The whole program as its user starts it: ``distiller serve --demo``."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest
from astropy.io import fits
from tests.archive import bundles
from tests.support.ports import free_port

from distiller.archive import open_archive
from distiller.model.examples import examples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support import postgres

    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow

_PATIENCE_S = 120
_HISTORY = "How did a product come about?"
_MAP = {"target": "Crab", "width": "3", "binsz": "0.05", "e_min": "0.5", "e_max": "40"}


@dataclass
class Server:
    """A running ``distiller serve --demo``."""

    home: Path
    port: int
    process: subprocess.Popen[str]
    said: list[str]
    environment: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        with self.process:  # waits, and closes the pipe
            return self.process.wait(30)


def start(
    home: Path, database_url: str | None = None, *, previews: bool = False
) -> Server:
    """Start the demo; without quick looks, which keep the processors busy for long."""
    environment = {
        **os.environ,
        "DISTILLER_RESOLVER_URL": "",
        "DISTILLER_PREVIEWS": str(previews).lower(),
    }
    if database_url is not None:
        environment["DISTILLER_DATABASE_URL"] = database_url
    port = free_port()
    command = [sys.executable, "-m", "distiller", "--home", str(home), "serve"]
    process = subprocess.Popen(
        [*command, "--demo", "--port", str(port)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line.rstrip())
        if line.startswith("ready:"):
            return Server(home, port, process, said, environment)
    message = f"the server ended with {process.wait()}: {said}"
    raise AssertionError(message)


@pytest.fixture(scope="module", params=["duckdb", "postgresql"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    url = None
    if request.param == "postgresql":
        database: postgres.Server = request.getfixturevalue("postgres_server")
        url = database.create()
    home = tmp_path_factory.mktemp("demo") / "home"
    running = start(home, url, previews=url is None)
    assert (home / "archive.duckdb").exists() is (url is None)
    yield running
    running.stop()


def _query(server: Server, adql: str) -> list[str]:
    answer = httpx.get(
        f"{server.url}/tap/sync",
        params={"LANG": "ADQL", "QUERY": adql, "FORMAT": "csv"},
    )
    assert answer.status_code == 200, answer.text
    return answer.text.splitlines()[1:]


def _first_map(server: Server) -> list[str]:
    """Wait for the count map of the demo; its history, a line for each run it used."""
    (asked,) = (e.adql for e in examples() if e.title == _HISTORY)
    deadline = time.monotonic() + _PATIENCE_S
    while not (found := _query(server, asked)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _crab(server: Server) -> list[str]:
    return _query(
        server,
        "SELECT obs_id FROM ivoa.obscore WHERE dataproduct_type='event' AND "
        "1=CONTAINS(POINT(s_ra,s_dec),CIRCLE(83.633,22.014,2)) ORDER BY obs_id",
    )


def _run(server: Server, runs: list[str]) -> str:
    answer = httpx.post(
        f"{server.url}/uws/count_map",
        data={**_MAP, "obs": ",".join(runs), "PHASE": "RUN"},
    )
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def _phase(job: str) -> str:
    deadline = time.monotonic() + _PATIENCE_S
    phase = ""
    while time.monotonic() < deadline:
        phase = httpx.get(f"{job}/phase").text
        if phase in {"COMPLETED", "ERROR", "ABORTED"}:
            break
        time.sleep(0.05)
    return phase


def test_start_says_where_and_who(server: Server) -> None:
    assert f"ready: {server.url}/" in server.said
    assert any(
        re.fullmatch(r"administrator of the demo: admin, password \S{16}", line)
        for line in server.said
    ), server.said
    page = httpx.get(f"{server.url}/")
    assert page.status_code == 200
    assert "CTA Data Distiller" in page.text


def test_a_first_product_is_there_with_its_history(server: Server) -> None:
    runs = [f"ivo://distiller.invalid/demo?{run}#" for run in _crab(server)]
    history = _first_map(server)
    assert len(history) == len(runs) == 6
    for line, run in zip(history, runs, strict=True):
        assert run in line


def test_from_runs_to_a_count_map(server: Server) -> None:
    runs = _crab(server)
    _first_map(server)
    images = (
        "SELECT obs_publisher_did, calib_level FROM ivoa.obscore "
        "WHERE dataproduct_type='image'"
    )
    before = set(_query(server, images))
    job = _run(server, runs[:4])
    assert _phase(job) == "COMPLETED", httpx.get(job).text
    answer = httpx.get(f"{job}/results/product", follow_redirects=True)
    assert answer.status_code == 200
    with fits.open(io.BytesIO(answer.content)) as hdus:
        counts = np.asarray(hdus[0].data)
    assert counts.shape[-2:] == (60, 60)
    assert counts.sum() > 100
    (found,) = set(_query(server, images)) - before
    assert found.endswith(",3")


def _served_again(
    server: Server, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Start another server on the home of one that runs."""
    command = [sys.executable, "-m", "distiller", "--home", str(server.home), "serve"]
    return subprocess.run(
        [*command, "--port", str(free_port())],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**server.environment, **environment},
    )


def test_second_server_on_the_same_home_is_refused(server: Server) -> None:
    done = _served_again(server)
    assert done.returncode == 1
    assert "another server has this home: it answers at" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_refused_server_leaves_the_addresses_of_files_alone(server: Server) -> None:
    """Where several processes can have the archive open, too."""
    urls = _query(server, "SELECT DISTINCT access_url FROM ivoa.obscore")
    assert all(url.startswith(f"{server.url}/data/") for url in urls)
    done = _served_again(server, DISTILLER_RUNNER="external")
    assert done.returncode == 1
    assert _query(server, "SELECT DISTINCT access_url FROM ivoa.obscore") == urls


def test_taken_port_is_named(server: Server, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "distiller", "--home", str(tmp_path)]
    subprocess.run([*command, "init"], check=True, capture_output=True)
    done = subprocess.run(
        [*command, "serve", "--port", str(server.port)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert f"{server.port} is in use" in done.stderr


def test_a_demo_does_not_go_among_the_data_of_an_archive(
    named_home: Settings, installed_home: Settings
) -> None:
    """Above all not into a database that serves a site already."""
    with open_archive(installed_home) as archive:
        archive.store(bundles.bundle(1))
    command = [sys.executable, "-m", "distiller", "--home", str(named_home.home)]
    done = subprocess.run(
        [*command, "serve", "--demo", "--port", str(free_port())],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "holds data already" in done.stderr
    assert "serve it without --demo" in done.stderr
    assert not (named_home.home / "demo-data").exists()


def test_kill_while_a_job_runs_loses_nothing(tmp_path: Path) -> None:
    first = start(tmp_path / "home")
    _first_map(first)
    runs = _crab(first)
    done = _run(first, runs[:2])
    assert _phase(done) == "COMPLETED"
    under_way = _run(first, runs)
    first.stop(signal.SIGKILL)

    second = start(tmp_path / "home")
    try:
        again = [job.replace(first.url, second.url) for job in (done, under_way)]
        assert _phase(again[0]) == "COMPLETED"
        assert _phase(again[1]) == "COMPLETED"
        products = _query(
            second,
            "SELECT obs_publisher_did FROM ivoa.obscore WHERE dataproduct_type='image'",
        )
        assert len(products) == len(set(products)) == 3
    finally:
        second.stop()
