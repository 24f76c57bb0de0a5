"""How many jobs, how many parameters, how long: nobody fills the table up."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.web.jobs.filed import file_product

from distiller.core.errors import BadParameter, Forbidden
from distiller.core.rights import Reader
from distiller.core.times import now
from distiller.jobs import limits
from distiller.jobs.limits import IDLE, PARAMETERS_MAX, Times
from distiller.jobs.service import JobService
from distiller.jobs.spec import JobSpec
from distiller.vo.uws import Phase

if TYPE_CHECKING:
    from distiller.core.settings import Settings
    from distiller.web.jobs.store import OrmJobStore

pytestmark = pytest.mark.slow

OBS = ("obs", "1001")
PLACE = (("ra", "83.633"), ("dec", "22.014"))


def test_a_user_has_so_many_jobs_under_way_at_most(
    store: OrmJobStore, archive: Any, home: Settings
) -> None:
    service = JobService(store, archive, home.model_copy(update={"jobs_per_user": 2}))
    pairs = (OBS, *PLACE)
    waiting = [service.create("count_map", pairs, owner="marie") for _ in range(3)]
    for job in waiting[:2]:
        service.run(job.job_id)
    message = "2 jobs of yours are under way already .wait for one to end"
    with pytest.raises(Forbidden, match=message):
        service.run(waiting[2].job_id)
    with pytest.raises(Forbidden, match=message):
        service.submit("count_map", pairs, Reader("marie"))
    assert service.get(waiting[2].job_id).phase is Phase.PENDING
    assert len(service.list(owner="marie")) == 3
    assert service.submit("count_map", pairs, Reader("pierre")).phase is Phase.QUEUED
    # Jobs that were not started keep nobody out.
    for _ in range(5):
        service.create("count_map", [])
    for _ in range(2):
        service.submit("count_map", pairs)
    with pytest.raises(Forbidden, match="2 jobs of visitors without an account"):
        service.submit("count_map", pairs)


def test_what_is_there_is_given_to_those_who_have_their_fill(
    store: OrmJobStore, archive: Any, home: Settings
) -> None:
    limited = {"jobs_per_user": 1, "products_mb_per_user": 1}
    service = JobService(store, archive, home.model_copy(update=limited))
    pairs, marie = (OBS, *PLACE), Reader("marie")
    product = file_product(service, archive, home, pairs, marie)
    service.submit("count_map", (*pairs, ("e_min", "0.5")), marie)
    with pytest.raises(Forbidden, match="1 jobs of yours are under way"):
        service.submit("count_map", (*pairs, ("e_min", "0.6")), marie)
    waiting = service.create("count_map", pairs, owner="marie")
    for job in (service.submit("count_map", pairs, marie), service.run(waiting.job_id)):
        assert (job.phase, job.product_id) == (Phase.COMPLETED, product)


def test_the_products_of_a_user_take_so_much_disk_at_most(
    yard: Any, store: OrmJobStore, archive: Any
) -> None:
    home = yard.home.model_copy(update={"products_mb_per_user": 2})
    service = JobService(store, archive, home)
    yard.supervisor()
    pairs = (OBS, *PLACE)
    for _ in range(2):
        # While there is room a job starts, and may end above the limit.
        assert service.submit("count_map", (OBS,), Reader("marie")).phase is Phase.ERROR
        made = yard.until(yard.submit("large", owner="marie"))
        assert made.phase is Phase.COMPLETED
    yard.until(yard.submit("large"))
    waiting = service.create("count_map", pairs, owner="marie")
    message = (
        "your 2 products take 3.0 MB of the 2 MB that this site gives a user (remove "
        "some: /products/ lists them)"
    )
    with pytest.raises(Forbidden, match=re.escape(message)):
        service.run(waiting.job_id)
    assert service.get(waiting.job_id).phase is Phase.PENDING
    with pytest.raises(Forbidden, match="your 2 products"):
        service.submit("count_map", pairs, Reader("marie"))
    # Others have their own, visitors theirs together, and queries make no products.
    for who in (Reader("pierre"), Reader(None)):
        queued = service.submit("count_map", pairs, who)
        service.abort(queued.job_id)
    query = service.submit("tap", (("QUERY", "SELECT 1"),), Reader("marie"))
    service.delete(query.job_id)
    yard.until(yard.submit("large"))
    with pytest.raises(Forbidden, match=r"the products of visitors .* take 3.0 MB"):
        service.submit("count_map", pairs)
    # What is taken out makes room.
    (did,) = archive.rows(
        "SELECT publisher_did FROM cta.product WHERE product_id = ?", [made.product_id]
    )
    archive.remove(did["publisher_did"])
    assert service.run(waiting.job_id).phase is Phase.QUEUED
    store.delete(query.job_id)


def test_a_job_takes_the_limits_of_the_site_along(
    store: OrmJobStore, archive: Any, home: Settings
) -> None:
    limits_of_site = {"job_cpus": 2, "job_nice": 5, "job_memory_mb": 777}
    service = JobService(store, archive, home.model_copy(update=limits_of_site))
    job = service.submit("count_map", (OBS, *PLACE), times=Times(duration_s=30))
    spec = JobSpec.read(store.spec(job.job_id))
    assert (spec.duration_s, spec.memory_mb) == (30, 777)
    assert (spec.cpus, spec.cpu_s, spec.nice) == (2, 60, 5)


def test_jobs_that_are_not_started_cannot_fill_the_table(
    service: JobService, store: OrmJobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PENDING_MAX", 3)
    for _ in range(3):
        service.create("count_map", [], owner="marie")
    with pytest.raises(Forbidden, match="there are 3 jobs of yours that were not"):
        service.create("count_map", [], owner="marie")
    # Of visitors the oldest makes room, so that nobody can shut the others out.
    made = [service.create("count_map", []).job_id for _ in range(5)]
    left = {job.job_id for job in service.list(owner=None)}
    assert left == set(made[-3:])
    assert {e.job_id for e in store.unfinished()} == set(made[:2])


def test_idle_jobs_of_nobody_go_early(service: JobService, home: Settings) -> None:
    idle = service.create("count_map", [OBS, *PLACE])
    assert idle.destruction == idle.creation_time + IDLE
    keep = timedelta(days=home.job_keep_days)
    queued = service.run(idle.job_id)
    assert queued.destruction is not None
    assert abs(queued.destruction - now() - keep) < timedelta(minutes=1)
    wrong = service.submit("count_map", [OBS])
    assert wrong.phase is Phase.ERROR
    assert wrong.destruction == wrong.creation_time + IDLE
    # What somebody asked for stays as it was asked for.
    wished = now() + timedelta(days=2)
    asked = service.submit("count_map", [OBS, *PLACE], times=Times(7, wished))
    assert (asked.destruction, asked.execution_duration_s) == (wished, 7)


def test_parameters_are_bounded(service: JobService) -> None:
    many = [("obs", "1")] * (PARAMETERS_MAX + 1)
    with pytest.raises(BadParameter, match="1,001 parameters with 4,004 characters"):
        service.create("count_map", many)
    job = service.create("count_map", [OBS])
    with pytest.raises(BadParameter, match="are more than the 1,000 and 262,144"):
        service.set_parameters(job.job_id, [("target", "x" * 300_000)])
    assert service.get(job.job_id).parameters == (OBS,)
