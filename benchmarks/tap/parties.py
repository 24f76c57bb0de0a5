"""Who takes part: our server on both engines, and the peer where it is installed."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pyarrow.parquet as pq
from benchmarks.tap.measures import memory
from benchmarks.tap.model import TABLE, write_model
from benchmarks.tap.rows import COLUMNS, batches

from distiller.archive import open_archive
from distiller.core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.postgres import Server

ROOT = Path(__file__).parents[2]
PEER = "http://127.0.0.1:8080/tap"
_PEER_VARIABLE = "DISTILLER_PEER_DACHS"
_PATIENCE_S = 60
_PORTS = {"postgresql": 8461, "duckdb": 8462}
_LIKE_DEBIAN = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "128MB"}
"""What the throw-away server has otherwise; Debian's package is what the peer uses."""


@dataclass
class Party:
    """A TAP service with the rows.

    Attributes
    ----------
    name
        As the table calls it.
    url
        Of the service.
    pid
        Its process; None where it cannot be seen.
    load_s
        How long its rows took to go in, indexes included; None if not measured.
    idle_mb
        Memory of its process before it is asked anything.
    """

    name: str
    url: str
    pid: int | None
    load_s: float | None = None
    table: str = TABLE
    idle_mb: float | None = field(init=False)

    def __post_init__(self) -> None:
        self.idle_mb = memory(self.pid, "VmRSS")


@dataclass
class Database:
    """The PostgreSQL database of our archive, for what the database alone needs."""

    url: str

    def select(self) -> str:
        """Return the SELECT that COPY is measured with."""
        return f"SELECT {', '.join(COLUMNS)} FROM {TABLE}"  # noqa: S608 - fixed names


def write_rows(folder: Path, count: int) -> Path:
    """Write the rows to a file, so that making them up is not measured."""
    path = folder / "rows.parquet"
    given = batches(count)
    first = next(given)
    with pq.ParquetWriter(path, first.schema) as writer:
        writer.write_batch(first)
        for batch in given:
            writer.write_batch(batch)
    return path


@contextlib.contextmanager
def postgres() -> Iterator[Server]:
    """Run a throw-away PostgreSQL."""
    from tests.support.postgres import Server  # noqa: PLC0415 - no part of the program

    server = Server.start(**_LIKE_DEBIAN)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def ours(folder: Path, rows: Path, url: str | None) -> Iterator[Party]:
    """Make an archive of the rows, and serve it."""
    engine = "postgresql" if url else "duckdb"
    model = folder / "model"
    if not model.exists():
        write_model(model)
    home = folder / engine
    home.mkdir()
    port = _PORTS[engine]
    base = f"http://127.0.0.1:{port}"
    given = {"model_dir": model, "base_url": base}
    settings = load_settings(home, **given, **({"database_url": url} if url else {}))
    with open_archive(settings) as archive:
        began = time.perf_counter()
        archive.load(TABLE, pq.ParquetFile(rows).iter_batches(50_000))
        took = time.perf_counter() - began
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "DISTILLER_MODEL_DIR": str(model),
        "DISTILLER_BASE_URL": base,
    }
    if url:
        environment["DISTILLER_DATABASE_URL"] = url
    command = [sys.executable, "-m", "distiller", "--home", str(home), "serve"]
    with (home / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)], env=environment, stdout=log, stderr=log
        )
    try:
        _await(f"{base}/tap/availability", process)
        yield Party(f"ours, {_WORDS[engine]}", f"{base}/tap", process.pid, took)
    finally:
        process.terminate()
        process.wait(30)


_WORDS = {"postgresql": "PostgreSQL", "duckdb": "DuckDB"}


def peer() -> Party | str:
    """Return the peer, started if need be, or why it does not take part."""
    if not _answers(f"{PEER}/availability"):
        folder = os.environ.get(_PEER_VARIABLE)
        if not folder:
            return f"{_PEER_VARIABLE} is not set and nothing answers at {PEER}"
        started = subprocess.run(
            ["bash", f"{folder}/start.sh"], check=False, capture_output=True, text=True
        )
        if not _answers(f"{PEER}/availability"):
            said = (started.stderr or started.stdout).strip().splitlines()
            return f"it did not start: {said[-1] if said else 'it says nothing'}"
    return Party("DaCHS 2.7", PEER, _pid_of("dachs", "serve"))


def _pid_of(*words: str) -> int | None:
    """Return the process whose command line has these words."""
    for path in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            line = (path / "cmdline").read_bytes().decode(errors="replace")
            own = path.name.isdigit() and int(path.name) != os.getpid()
            if own and "python" in line and all(word in line for word in words):
                return int(path.name)
    return None


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        if process.poll() is not None:
            message = f"the server ended with {process.returncode}; see its serve.log"
            raise RuntimeError(message)
        if _answers(url):
            return
        time.sleep(0.2)
    message = f"no answer from {url}"
    raise RuntimeError(message)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310 - of this machine
            return bool(answer.status == 200)  # noqa: PLR2004 - OK
    except OSError:
        return False
