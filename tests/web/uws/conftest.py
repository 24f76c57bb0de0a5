"""A site without a supervisor in this process, and real servers with one."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from django.test import Client
from lxml import etree

from distiller.jobs import processes
from distiller.web import site

from ..jobs.conftest import (  # noqa: TID252
    archive,
    engine,
    filled,
    filled_database,
    home,
    runs,
    service,
    store,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support import postgres

__all__ = [
    "archive", "engine", "filled", "filled_database", "home", "runs", "service",
    "store",
]  # fmt: skip

NAMES = {
    "u": "http://www.ivoa.net/xml/UWS/v1.0",
    "xlink": "http://www.w3.org/1999/xlink",
}
MAP = {"obs": "1001,1002", "ra": "83.633", "dec": "22.014", "e_min": "0.5"}


@pytest.fixture
def here(home: Any, archive: Any, service: Any) -> Iterator[Any]:
    """Install a site whose jobs are queued and not run; give its service."""
    site.install(site.Site(settings=home, archive=archive, jobs=service))
    yield service
    site.install(None)


@pytest.fixture
def client(here: Any) -> Client:
    """Give a client of that site."""
    del here
    return Client(enforce_csrf_checks=True)


def xpath(document: bytes, path: str) -> Any:
    """Look into a UWS document."""
    return etree.fromstring(document).xpath(path, namespaces=NAMES)


@dataclass
class UwsServer:
    """``distiller serve`` on a home, which may be killed and started again."""

    home: Path
    port: int
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Address of the service of count maps."""
        return f"http://127.0.0.1:{self.port}/uws/count_map"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        words = [sys.executable, "-m", "distiller", "--home", str(self.home), "serve"]
        self.process = subprocess.Popen(
            [*words, "--port", str(self.port)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "DISTILLER_PREVIEWS": "false", **self.settings},
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("ready:"):
                return
        message = f"the server ended with {self.process.wait()}"
        raise AssertionError(message)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the server."""
        if self.process is None:
            return
        self.process.send_signal(how)
        with self.process:
            self.process.wait(30)
        self.process = None

    def kill_zygote(self) -> bool:
        """Kill the zygote of the server, if it has one."""
        assert self.process is not None
        for pid in processes.descendants(self.process.pid):
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"distiller.jobs.zygote" in words:
                os.kill(pid, signal.SIGKILL)
                return True
        return False

    def post(self, path: str = "", **data: Any) -> httpx.Response:
        """POST a form."""
        return httpx.post(f"{self.url}{path}", data=data, timeout=60)

    def get(self, path: str = "", **params: Any) -> httpx.Response:
        """GET a resource."""
        return httpx.get(f"{self.url}{path}", params=params, timeout=60)

    def submit(self, **more: Any) -> str:
        """Make a job that computes and run it; return its path below the service."""
        answer = self.post(**{**MAP, "PHASE": "RUN", "CACHE": "no", **more})
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"].removeprefix(self.url)

    def finish(self, path: str) -> bytes:
        """Wait for a job's end and return its document."""
        phase = self.get(f"{path}/phase").text
        while phase in {"PENDING", "QUEUED", "EXECUTING"}:
            document = self.get(path, WAIT="30", PHASE=phase).content
            phase = xpath(document, "string(//u:phase)")
        return self.get(path).content


@pytest.fixture(scope="module")
def uws(filled: Path) -> Iterator[UwsServer]:
    """Give a server over a copy of the filled home."""
    with _serving(filled) as made:
        yield made


@pytest.fixture(scope="module", params=["duckdb", "postgresql"])
def each_uws(request: pytest.FixtureRequest, filled: Path) -> Iterator[UwsServer]:
    """Give such a server on each engine."""
    if request.param == "duckdb":
        yield request.getfixturevalue("uws")
        return
    server: postgres.Server = request.getfixturevalue("postgres_server")
    url = server.create(template=request.getfixturevalue("filled_database"))
    with _serving(filled, url) as made:
        yield made


@contextmanager
def _serving(filled: Path, database_url: str | None = None) -> Iterator[UwsServer]:
    # Not pytest's folder: the address of a Unix socket has 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="dst") as folder:
        target = Path(folder) / "home"
        shutil.copytree(filled, target)
        if database_url is not None:
            (target / "archive.duckdb").unlink()
            with (target / "distiller.toml").open("a") as file:
                file.write(f'database_url = "{database_url}"\n')
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port: int = listener.getsockname()[1]
        made = UwsServer(target, port)
        made.start()
        yield made
        made.stop()
