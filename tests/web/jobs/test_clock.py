"""The clock of the machine is set while a desk has jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from distiller.core.times import now
from distiller.jobs import desk, supervisor
from distiller.jobs.clock import Clock
from distiller.jobs.engines.local import LocalEngine
from distiller.jobs.supervisor import Supervisor
from distiller.vo.uws import Phase

if TYPE_CHECKING:
    from distiller.jobs.service import JobService

pytestmark = pytest.mark.slow

YEARS = timedelta(days=4000)


def test_a_clock_that_jumps_removes_no_job(
    yard: Any, service: JobService, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = service.create("count_map", [], owner="marie")
    elapsed, ahead = [100.0], [timedelta()]
    monkeypatch.setattr(desk, "now", lambda: now() + ahead[0])
    made = Supervisor(
        yard.home, yard.store, yard.archive, engine=LocalEngine(warm=False)
    )
    made._clock = Clock(lambda: now() + ahead[0], lambda: elapsed[0])
    ahead[0] = YEARS
    made.turn()
    assert service.get(job.job_id).phase is Phase.PENDING
    # An hour later it is what the operators want.
    elapsed[0] += 3601
    ahead[0] += timedelta(hours=1)
    made._clean_at = 0.0
    made.turn()
    assert not service.list(owner="marie")
    made.turn()
    made._leave()


def test_no_job_takes_less_than_nothing(
    yard: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its start is of a clock that ran ahead, and its end has no start of its own."""
    monkeypatch.setattr(supervisor, "now", lambda: now() + YEARS)
    made = yard.supervisor()
    job = yard.submit("slow")
    yard.until(job, lambda found: found.phase is Phase.EXECUTING)
    running = made._running[job.job_id]
    running.engine.force(running.handle)
    ended = yard.until(job)
    assert ended.phase is Phase.ERROR
    assert ended.start_time is not None
    assert ended.start_time > now()
    assert ended.end_time == ended.start_time
