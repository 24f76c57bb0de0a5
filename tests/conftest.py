"""What every test may ask for: real data and a fresh home."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Django's settings are read once per process, from the home named here.
os.environ.setdefault("DISTILLER_HOME", tempfile.mkdtemp(prefix="distiller-test-"))
os.environ.setdefault("DISTILLER_RESOLVER_URL", "")

# Tests start hundreds of processes of the program, which would compile it each time,
# and send thousands of requests to this machine: each would read the certificates of
# all authorities, which takes longer than the rest of it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = tempfile.mkdtemp(prefix="distiller-test-")

from tests.support import postgres, slurm

from distiller.archive import open_archive
from distiller.core.settings import Settings, load_settings

# The same examples at every run; a slow machine is no failure.
hypothesis.settings.register_profile("house", deadline=None, derandomize=True)
hypothesis.settings.load_profile("house")

_CHECKOUT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real DL3 sets; the test skips where there is none."""
    given = os.environ.get("DISTILLER_TEST_DATA")
    folder = Path(given) if given else _CHECKOUT.parent / "shared" / "data"
    if not (folder / "hess-dl3-dr1").is_dir():
        pytest.skip("no real data: set DISTILLER_TEST_DATA to a folder with the sets")
    return folder


@pytest.fixture(scope="session")
def hess(real_data: Path) -> Path:
    """H.E.S.S. DL3 DR1, 105 runs."""
    return real_data / "hess-dl3-dr1"


@pytest.fixture(scope="session")
def cta_1dc(real_data: Path) -> Path:
    """CTA 1DC subset, 4 runs."""
    return real_data / "cta-1dc"


@pytest.fixture
def tmp_home(tmp_path: Path) -> Settings:
    """Return the settings of a fresh home folder."""
    home = tmp_path / "home"
    home.mkdir()
    return load_settings(home, authority="org.example", resolver_url="")


@pytest.fixture(params=["duckdb", pytest.param("postgresql", marks=pytest.mark.slow)])
def engine(request: pytest.FixtureRequest) -> str:
    """Name each engine that an archive can have, one after the other."""
    return str(request.param)


@pytest.fixture
def make_home(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[..., Settings]:
    """Return what makes the settings of a fresh home with an archive on the engine.

    If it is to be ``installed``, it is a copy of an empty one: making one takes longer.
    """

    def make(name: str = "home", *, installed: bool = False, **given: Any) -> Settings:
        if engine == "postgresql":
            server: postgres.Server = request.getfixturevalue("postgres_server")
            template = postgres.PLAIN
            if installed:
                template = request.getfixturevalue("empty_database")
            given["database_url"] = server.create(template=template)
        home = tmp_path / name
        home.mkdir()
        settings = load_settings(
            home, **{"authority": "org.example", "resolver_url": "", **given}
        )
        if installed and engine != "postgresql":
            empty = request.getfixturevalue("empty_file")
            shutil.copy(empty, settings.archive_path)  # with its rights
        return settings

    return make


@pytest.fixture
def engine_home(
    make_home: Callable[..., Settings], request: pytest.FixtureRequest
) -> Settings:
    """Return the settings of a fresh home with an archive on the engine."""
    return make_home(installed="installed_home" in request.fixturenames)


@pytest.fixture
def installed_home(engine_home: Settings) -> Settings:
    """Return that home, with an empty archive in it from the beginning."""
    return engine_home


@pytest.fixture
def named_home(engine_home: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return that home, whose database is named by the environment, for commands."""
    if engine_home.database_url is not None:
        url = engine_home.database_url.get_secret_value()
        monkeypatch.setenv("DISTILLER_DATABASE_URL", url)
    return engine_home


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of an empty archive; copy it, do not open it."""
    home = load_settings(tmp_path_factory.mktemp("empty"))
    open_archive(home).close()
    return home.archive_path


@pytest.fixture(scope="session")
def empty_database(
    postgres_server: postgres.Server, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Return the name of a database with an empty archive, for `Server.create`."""
    url = postgres_server.create()
    home = load_settings(tmp_path_factory.mktemp("empty"), database_url=url)
    open_archive(home).close()
    return postgres.name_of(url)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """Return a PostgreSQL server with pgSphere, one a test process."""
    for package in postgres.PACKAGES:
        if not _has_package(package):
            pytest.skip(f"{_LACKS} {package}")
    server = postgres.Server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def slurm_cluster() -> Iterator[slurm.Cluster]:
    """Return a Slurm of one machine, one a test process."""
    for package in slurm.PACKAGES:
        if not _has_package(package):
            pytest.skip(f"{_LACKS} {package}")
    if os.geteuid() != 0:
        pytest.skip("only root can start the daemons of Slurm")
    cluster = slurm.Cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def postgres_url(postgres_server: postgres.Server) -> str:
    """Return the URL of a new database with pgSphere."""
    return postgres_server.create()


_STILTS_JAR = Path("/usr/share/java/starlink-ttools.jar")
_SCHEMAS = "uk/ac/starlink/ttools/taplint/"


_XML_NAMES = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"
 targetNamespace="http://www.w3.org/XML/1998/namespace">
 <xs:attribute name="lang" type="xs:language"/></xs:schema>"""


class _FromJar(etree.Resolver):
    """Finds imported schemas in the jar instead of on the network."""

    def resolve(self, system_url: str, public_id: str, context: Any = None) -> Any:
        del public_id
        name = system_url.rpartition("/")[2]
        text = _XML_NAMES if name == "xml.xsd" else _from_jar(name.lower()).decode()
        return self.resolve_string(text, context, base_url=None)


def _from_jar(name: str) -> bytes:
    with zipfile.ZipFile(_STILTS_JAR) as jar:
        return jar.read(_SCHEMAS + name)


@pytest.fixture(scope="session")
def uws_schema() -> etree.XMLSchema:
    """Return the IVOA's schema of UWS 1.1, as the Debian package stilts carries it."""
    if not _STILTS_JAR.exists():
        pytest.skip(f"{_LACKS} stilts")
    parser = etree.XMLParser()
    parser.resolvers.add(_FromJar())
    return etree.XMLSchema(etree.fromstring(_from_jar("UWS-v1.1.xsd"), parser))


_LACKS = "needs the Debian package"


def _has_package(package: str) -> bool:
    """Whether a Debian package is installed."""
    query = ["dpkg-query", "-W", "-f", "${Status}", package]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return False
    return "ok installed" in answer.stdout


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose Debian package is missing."""
    for marker in item.iter_markers("debian"):
        for package in marker.args:
            if not _has_package(package):
                pytest.skip(f"{_LACKS} {package}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where root could have installed what a test lacked."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or os.geteuid() != 0:
        return
    skipped = reporter.stats.get("skipped", [])
    lacking = [r.nodeid for r in skipped if _LACKS in str(r.longrepr)]
    if lacking and os.environ.get("DISTILLER_REQUIRE_PACKAGES"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(
            "FAILED: root could have installed what these tests lacked: "
            + ", ".join(lacking)
        )
