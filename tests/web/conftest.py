"""A real server over a small archive, for tests of services and of pages.

``server`` is one for the whole session: do not change its archive. A test that does,
or that needs other settings, starts its own with ``start_server``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import httpx
import pytest
from tests.support.clients import pyvo_session
from tests.support.ports import free_port

from distiller.archive import open_archive
from distiller.core.bundle import Bundle, Row
from distiller.core.files import sha256
from distiller.core.identifiers import key
from distiller.core.settings import Settings, load_settings

if TYPE_CHECKING:
    import requests
    from tests.support import postgres

PROGRAM = (sys.executable, "-m", "distiller")
COLLECTION = "test-dr1"
AUTHORITY = "org.example"
EVENTS = bytes(range(256)) * 4096
"""Content of the events file of every dataset, 1 MiB."""

TARGETS = {"Crab Nebula": (83.63, 22.01), "MSH 15-52": (228.5, -59.2)}
CRAB = {"23523": (84.1, 22.0), "23526": (83.1, 22.0), "23559": (83.6, 22.5)}
OTHERS = {"20136": (228.3, -59.2), "20137": (229.0, -58.9)}


@dataclass(frozen=True)
class Server:
    """A running ``distiller serve``.

    Attributes
    ----------
    url
        Without a last slash.
    home
        Its home folder.
    files
        Events files by obs_id.
    """

    url: str
    home: Path
    settings: Settings
    files: dict[str, Path]
    process: subprocess.Popen[str]

    def ask(self, adql: str, **more: str) -> httpx.Response:
        """Send a query to ``/tap/sync``."""
        parameters = {"LANG": "ADQL", "QUERY": adql, **more}
        return httpx.get(f"{self.url}/tap/sync", params=parameters, timeout=60)

    def rows(self, adql: str) -> list[str]:
        """Return the lines of a result, without that of the names."""
        answer = self.ask(adql, RESPONSEFORMAT="csv")
        assert answer.status_code == 200, answer.text
        return answer.text.splitlines()[1:]


MakeBundle: TypeAlias = Callable[..., Bundle]
StartServer: TypeAlias = Callable[..., Server]
More: TypeAlias = Callable[[Path], Iterable[Bundle]]


def dataset(
    obs_id: str,
    file: Path,
    *,
    ra: float = 83.6,
    dec: float = 22.0,
    target: str = "Crab Nebula",
    rights: str = "public",
    release: datetime | None = None,
    collection: str = COLLECTION,
) -> Bundle:
    """Make the rows of one small DL3 dataset.

    Parameters
    ----------
    file
        Its events file; it need not exist.
    ra, dec
        Of the pointing, ICRS, deg.
    target
        One of TARGETS.
    """
    did = f"ivo://{AUTHORITY}/{collection}?{obs_id}"
    product, observation = key(did), key(did, "observation")
    whose, place = key("collection", collection), key("target", target)
    checksum = sha256(file) if file.exists() else key(did, "checksum")
    size = file.stat().st_size if file.exists() else 1000
    start = 53343.9 + int(obs_id) % 100
    times = {"t_min": start, "t_max": start + 0.02, "t_exptime": 1650.0}
    rows: dict[str, tuple[Row, ...]] = {
        "cta.collection": ({"collection_id": whose, "name": collection},),
        "cta.target": (
            {
                "target_id": place,
                "name": target,
                "ra": TARGETS[target][0],
                "dec": TARGETS[target][1],
            },
        ),
        "cta.observation": (
            {
                "observation_id": observation,
                "obs_id": obs_id,
                "collection_id": whose,
                "target_id": place,
                "object_name": target,
                "t_start": start,
                "t_stop": start + 0.02,
                "livetime": 1650.0,
                "n_events": 7000,
            },
        ),
        "cta.product": (
            {
                "product_id": product,
                "publisher_did": did,
                "obs_id": obs_id,
                "collection_id": whose,
                "observation_id": observation,
                "data_level": "DL3",
                "product_type": "event",
                "product_subtype": "event-list",
                "title": f"Run {obs_id} on {target}",
                "access_format": "application/fits",
                "size": size,
                "checksum": checksum,
                "created": datetime(2018, 9, 5, 11, 1, 2),
                "rights": rights,
                "release_date": release,
                "s_ra": ra,
                "s_dec": dec,
                "s_fov": 5.0,
                "s_region": (ra, dec, 2.5),
                **times,
                "energy_min": 0.1,
                "energy_max": 100.0,
                "target_name": target,
                "facility_name": "HESS",
                "instrument_name": "HESS",
            },
        ),
        "cta.product_file": (
            {
                "file_id": key(did, "file"),
                "product_id": product,
                "role": "events",
                "name": file.name,
                "path": str(file),
                "media_type": "application/fits",
                "size": size,
                "checksum": checksum,
            },
        ),
    }
    return Bundle(did, key(did, checksum, rights, str(release)), rows)


@pytest.fixture(scope="session")
def make_bundle() -> MakeBundle:
    """Give the function that makes the rows of one small dataset, see `dataset`."""
    return dataset


def _fill(settings: Settings, files: Path, more: More) -> dict[str, Path]:
    """Store the datasets: three of Crab, one proprietary, one whose file is gone."""
    paths = {}
    if settings.database_url is None:
        settings.archive_path.touch(mode=0o600)
        settings.archive_path.write_bytes(_empty())
    with closing(open_archive(settings)) as archive:
        for bundle in more(files):
            archive.store(bundle)
        for obs_id, (ra, dec) in {**CRAB, **OTHERS}.items():
            path = files / f"run_{obs_id}.fits"
            if obs_id != "20137":
                path.write_bytes(EVENTS)
            paths[obs_id] = path
            archive.store(
                dataset(
                    obs_id,
                    path,
                    ra=ra,
                    dec=dec,
                    target="Crab Nebula" if obs_id in CRAB else "MSH 15-52",
                    rights="proprietary" if obs_id == "20136" else "public",
                )
            )
    return paths


@cache
def _empty() -> bytes:
    """Return the file of an empty archive: making one takes longer than a copy."""
    with tempfile.TemporaryDirectory(prefix="dst") as folder:
        home = load_settings(Path(folder))
        open_archive(home).close()
        return home.archive_path.read_bytes()


@contextmanager
def serving(more: More = lambda _: (), **given: object) -> Iterator[Server]:
    """Run a server over the datasets in a fresh home; settings may be given.

    It runs queries, and no jobs of analysis unless ``runner="embedded"`` is given: a
    zygote that nobody needs takes more of the processors than the server itself.

    Parameters
    ----------
    more
        Makes other datasets, in a folder for their files.
    """
    # Not pytest's folder: the address of a Unix socket has 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="dst") as folder, ExitStack() as stack:
        home = Path(folder) / "home"
        home.mkdir()
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        ours = {"authority": AUTHORITY, "resolver_url": "", "base_url": url}
        if "database_url" not in given:
            # Elsewhere a server that runs no jobs runs no queries in the background.
            given = {"runner": "external", **given}
        settings = load_settings(home, **{**ours, **given})
        files = _fill(settings, Path(folder), more)
        environment = {
            "DISTILLER_AUTHORITY": AUTHORITY,
            # On a busy machine, too, what fails at once has a status of its own.
            "DISTILLER_ANSWER_GRACE_S": "5",
            "DISTILLER_RESOLVER_URL": "",
            # These events files hold no events, and processors have tests to run.
            "DISTILLER_PREVIEWS": "false",
            **{
                f"DISTILLER_{name.upper()}": str(value) for name, value in given.items()
            },
        }
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "distiller",
                "--home",
                str(home),
                "serve",
                "--port",
                str(port),
            ],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        stack.callback(_stop, process)
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("ready:"):
                yield Server(url, home, settings, files, process)
                return
        message = f"the server ended with {process.wait()}: {said}"
        raise AssertionError(message)


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


@pytest.fixture(scope="session")
def embedded_server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture(scope="session")
def server(embedded_server: Server) -> Server:
    """Share one server for all tests that only read."""
    return embedded_server


@pytest.fixture(
    scope="session",
    params=["duckdb", pytest.param("postgresql", marks=pytest.mark.slow)],
)
def each_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Share one server on each engine."""
    if request.param == "duckdb":
        yield request.getfixturevalue("embedded_server")
        return
    database: postgres.Server = request.getfixturevalue("postgres_server")
    with serving(database_url=database.create()) as running:
        yield running


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """Give the function that starts a server of a test's own; it takes settings."""
    with ExitStack() as stack:
        yield lambda **given: stack.enter_context(serving(**given))


@pytest.fixture
def vo_session() -> Iterator[requests.Session]:
    """Give a session for pyVO's services; its connections end with the test."""
    with pyvo_session() as session:
        yield session
