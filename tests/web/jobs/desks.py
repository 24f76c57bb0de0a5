"""Desks of asynchronous queries of one home, for tests, and queries for them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from distiller.jobs import folders
from distiller.jobs.query_desk import QueryDesk
from distiller.vo.uws import Phase

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distiller.archive import Archive
    from distiller.core.settings import Settings
    from distiller.jobs.service import JobService
    from distiller.vo.uws import Job
    from distiller.web.jobs.store import OrmJobStore

COLUMNS = "tap_schema.columns"
RUNS = "SELECT obs_id FROM ivoa.obscore ORDER BY obs_id"
MANY = f"SELECT a.*, b.* FROM {COLUMNS} a, {COLUMNS} b"
ENDLESS = (
    f"SELECT COUNT(*) FROM {COLUMNS} a, {COLUMNS} b, {COLUMNS} c, {COLUMNS} d, "
    f"{COLUMNS} e WHERE a.ucd <> b.ucd AND c.utype <> d.utype AND e.unit <> a.unit"
)

each_engine = pytest.mark.parametrize(
    "engine",
    ["duckdb", pytest.param("postgresql", marks=pytest.mark.slow)],
    indirect=True,
)


class Office:
    """Desks of queries of one home, and helpers to use them."""

    def __init__(
        self,
        home: Settings,
        store: OrmJobStore,
        archive: Archive,
        service: JobService,
    ) -> None:
        self.home = home
        self.store = store
        self.archive = archive
        self.service = service
        self.started: list[QueryDesk] = []

    def open(self, **settings: Any) -> QueryDesk:
        """Start a desk."""
        home = self.home.model_copy(update=settings)
        made = QueryDesk(home, self.store, self.archive)
        made.start()
        self.started.append(made)
        return made

    def make(self, query: str, owner: str | None = None, **more: str) -> Job:
        """Make a job that does not run yet."""
        pairs = {"LANG": "ADQL", "QUERY": query, "FORMAT": "csv", **more}
        return self.service.create("tap", pairs.items(), owner)

    def submit(self, query: str = RUNS, owner: str | None = None, **more: str) -> Job:
        """Make a job and run it."""
        return self.service.run(self.make(query, owner, **more).job_id)

    def until(self, job: Job, good: Callable[[Job], bool] | None = None) -> Job:
        """Wait until a job is as wanted, or final."""
        good = good or (lambda found: found.phase.is_final)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = self.service.get(job.job_id)
            if good(found):
                return found
            time.sleep(0.01)
        raise AssertionError(self.service.get(job.job_id))

    def run(self, query: str = RUNS, **more: Any) -> Job:
        """Run a query to its end."""
        return self.until(self.submit(query, **more))

    def text(self, job: Job) -> str:
        """Return the result of a job."""
        assert job.phase is Phase.COMPLETED, job.error
        return self.service.result_path(job.job_id, "result").read_text()

    def folder(self, job: Job) -> Path:
        """Return the folder of a job."""
        return folders.job_folder(self.home, job.job_id)

    def wait(self, what: Callable[[], Any]) -> None:
        """Wait until something is true."""
        deadline = time.monotonic() + 30
        while not what():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def tries(self, job: Job) -> int:
        """Return how often a query was begun."""
        return {e.job_id: e.tries for e in self.store.unfinished()}[job.job_id]

    def has_tries(self, job: Job, count: int) -> bool:
        """Whether it was begun so often."""
        return self.tries(job) == count


def executing(job: Job) -> bool:
    return job.phase is Phase.EXECUTING


def kill(office: Office, desk: QueryDesk) -> None:
    """Stop a desk and leave the table as a kill does."""
    entries = office.store.unfinished("query")
    desk.stop()
    for entry in entries:
        office.store.update(entry.job_id, set(Phase), {"tries": entry.tries})
