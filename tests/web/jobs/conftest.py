"""A home with simulated runs, and the parts of its job engine, in this process."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from tests.support import postgres
from tests.web.jobs.desks import Office
from tests.web.jobs.quick_looks import QUICK

from distiller.analysis import tasks
from distiller.analysis.simulate import simulate
from distiller.archive import open_archive
from distiller.cli.ingest import command as ingest
from distiller.core.settings import Settings, load_settings
from distiller.jobs.engines import local
from distiller.jobs.engines.local import LocalEngine
from distiller.jobs.engines.slurm import SlurmEngine
from distiller.jobs.service import JobService
from distiller.jobs.supervisor import Supervisor
from distiller.web.jobs.store import OrmJobStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from distiller.archive import Archive
    from distiller.vo.uws import Job

ROGUES = Path(__file__).parents[2] / "jobs" / "rogues.py"
AUTHORITY = "org.example"
PLACE = (("ra", "83.633"), ("dec", "22.014"))


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two simulated runs, the first ones of the programme: both on the Crab."""
    folder = tmp_path_factory.mktemp("simulated") / "set"
    simulate(folder, runs=2, seed=11)
    return folder


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, runs: Path) -> Path:
    """Give a home with these runs ingested; copy it, do not change it."""
    home = tmp_path_factory.mktemp("filled") / "home"
    home.mkdir()
    (home / "distiller.toml").write_text(
        f'authority = "{AUTHORITY}"\nresolver_url = ""\njob_memory_mb = 1024\n'
    )
    _ingest(home, runs)
    return home


@pytest.fixture(scope="session")
def filled_database(
    filled: Path,
    runs: Path,
    postgres_server: postgres.Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """Give the name of a database with these runs, for `Server.create`."""
    home = tmp_path_factory.mktemp("filled") / "home"
    home.mkdir()
    shutil.copy(filled / "distiller.toml", home)
    url = postgres_server.create()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISTILLER_DATABASE_URL", url)
        _ingest(home, runs)
    return postgres.name_of(url)


def _ingest(home: Path, runs: Path) -> None:
    words = [str(runs), "--collection", "sim"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISTILLER_HOME", str(home))
        CliRunner().invoke(ingest, words, obj=home, catch_exceptions=False)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """Name the engine of the home: DuckDB, unless a test is parametrised over both."""
    return str(getattr(request, "param", "duckdb"))


@pytest.fixture
def home(
    filled: Path, tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> Settings:
    """Give the settings of a home of the test's own, with the two runs."""
    target = tmp_path / "home"
    shutil.copytree(filled, target)
    if engine == "duckdb":
        return load_settings(target)
    (target / "archive.duckdb").unlink()
    server: postgres.Server = request.getfixturevalue("postgres_server")
    template = request.getfixturevalue("filled_database")
    return load_settings(target, database_url=server.create(template=template))


each_engine = pytest.mark.parametrize("engine", ["duckdb", "postgresql"], indirect=True)


@pytest.fixture
def archive(home: Settings) -> Iterator[Archive]:
    """Open the archive of that home."""
    with closing(open_archive(home)) as opened:
        yield opened


@pytest.fixture
def store(transactional_db: None) -> OrmJobStore:
    """Give a store on an empty job table."""
    del transactional_db
    return OrmJobStore()


@pytest.fixture
def rogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the task of tests/jobs/rogues.py to this process."""
    monkeypatch.setattr(tasks, "TASKS", tasks.TASKS)
    monkeypatch.setattr(sys, "path", [*sys.path])
    spec = importlib.util.spec_from_file_location("rogues", ROGUES)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "rogues", module)
    spec.loader.exec_module(module)
    module.install()


@pytest.fixture
def service(store: OrmJobStore, archive: Archive, home: Settings) -> JobService:
    """Give a service; nothing runs its jobs."""

    def position(name: str) -> tuple[float, float]:
        from distiller.core.errors import NotFound  # noqa: PLC0415 - only here

        if name != "Crab":
            message = f"no source is called {name!r}"
            raise NotFound(message, hint="did you mean Crab?")
        return 83.633, 22.014

    return JobService(store, archive, home, resolver=position)


@pytest.fixture(scope="session", autouse=True)
def reaped() -> Iterator[None]:
    """Leave no process behind that nobody has waited for."""
    yield
    # Zygotes end by themselves once they are closed, a moment later.
    deadline = time.monotonic() + 30
    local._part_with()
    while local._parting:
        assert time.monotonic() < deadline, [p.args for p in local._parting]
        time.sleep(0.02)
        local._part_with()


class KeptEngine(LocalEngine):
    """Keeps its zygote for the next supervisor: getting one ready takes seconds."""

    def close(self) -> None:
        for handle in list(self._watched):
            self.unwatch(handle)


@pytest.fixture(scope="session")
def real_engine() -> Iterator[LocalEngine]:
    """Give an engine with Gammapy's zygote, for one supervisor after the other."""
    made = KeptEngine()
    yield made
    LocalEngine.close(made)


@pytest.fixture(scope="session")
def rogue_engine() -> Iterator[LocalEngine]:
    """Give the same with a zygote that knows the rogues, and has no Gammapy."""
    made = KeptEngine(program=[str(ROGUES), "zygote"])
    yield made
    LocalEngine.close(made)


@pytest.fixture(scope="session")
def quick_engine() -> Iterator[LocalEngine]:
    """Give the same for quick looks that nobody draws."""
    made = KeptEngine(program=[str(QUICK)])
    yield made
    LocalEngine.close(made)


class Yard:
    """Supervisors of one home, one after the other, and helpers to use them."""

    def __init__(
        self,
        home: Settings,
        store: OrmJobStore,
        archive: Any,
        service: JobService,
        *,
        real: LocalEngine,
        rogue: LocalEngine,
    ) -> None:
        self.home = home
        self.store = store
        self.archive = archive
        self.service = service
        self.real = real
        self.rogue = rogue
        self.started: list[Supervisor] = []

    def supervisor(self, *, real: bool = False, archive: Any = None) -> Supervisor:
        """Start a supervisor; with Gammapy's zygote if ``real``."""
        engine = self.real if real else self.rogue
        slurm = SlurmEngine(self.home, program=[str(ROGUES), "shepherd"], settle_s=0.5)
        made = Supervisor(
            self.home, self.store, archive or self.archive, engine=engine, slurm=slurm
        )
        made.start()
        self.started.append(made)
        return made

    def submit(self, kind: str = "good", owner: str | None = None, **more: str) -> Job:
        """Queue a job that behaves in this way."""
        duration = more.pop("duration", None)
        obs = more.pop("obs", "1001")
        pairs = (("obs", obs), *PLACE, ("kind", kind), *more.items())
        made = self.service.create("rogue", pairs, owner=owner)
        if duration is not None:
            self.service.set_duration(made.job_id, int(duration))
        return self.service.run(made.job_id)

    def until(
        self, job: Job, good: Callable[[Job], bool] | None = None, timeout_s: float = 60
    ) -> Job:
        """Wait until a job is as wanted, or final."""
        good = good or (lambda found: found.phase.is_final)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            found = self.service.get(job.job_id)
            if good(found):
                return found
            time.sleep(0.02)
        message = f"{self.service.get(job.job_id)} after {timeout_s} s"
        raise AssertionError(message)


@pytest.fixture
def yard(
    home: Settings,
    store: OrmJobStore,
    archive: Archive,
    service: JobService,
    rogue: None,
    real_engine: LocalEngine,
    rogue_engine: LocalEngine,
) -> Iterator[Yard]:
    """Give a home whose supervisors end with the test."""
    del rogue
    made = Yard(home, store, archive, service, real=real_engine, rogue=rogue_engine)
    yield made
    for job in store.list(owner=None, everybody=True):
        if not job.phase.is_final:
            service.delete(job.job_id)
    for supervisor in made.started:
        supervisor.stop()
    if made.started:
        last = Supervisor(home, store, archive, engine=LocalEngine(warm=False))
        last.start()
        deadline = time.monotonic() + 15
        while store.unfinished() and time.monotonic() < deadline:
            time.sleep(0.05)
        last.stop()
    assert not store.unfinished()


@pytest.fixture
def office(
    home: Settings, store: OrmJobStore, archive: Archive, service: JobService
) -> Iterator[Office]:
    """Give a home whose desks end with the test."""
    made = Office(home, store, archive, service)
    yield made
    for desk in made.started:
        desk.stop()
