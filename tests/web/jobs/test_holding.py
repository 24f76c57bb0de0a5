"""A job that is held back does not run, however close to its start that was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from distiller.core.errors import IllegalState
from distiller.core.rights import Reader
from distiller.jobs import folders
from distiller.jobs.spec import FILE
from distiller.vo.uws import Phase

if TYPE_CHECKING:
    from .conftest import Yard

pytestmark = pytest.mark.slow

CHIEF = Reader("chief", is_staff=True)


def test_held_after_it_was_chosen_and_before_it_was_started(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = yard.submit()
    read = yard.store.spec
    held: list[str] = []

    def hold_first(job_id: str) -> str:
        # What a desk asks for once it has chosen a job.
        if yard.service.get(job_id).phase is Phase.QUEUED and not held:
            held.append(job_id)
            yard.service.hold(job_id, CHIEF)
        return read(job_id)

    monkeypatch.setattr(yard.store, "spec", hold_first)
    yard.supervisor()
    yard.until(job, lambda found: found.phase is Phase.HELD)
    other = yard.until(yard.submit())
    assert other.phase is Phase.COMPLETED
    folder = folders.job_folder(yard.home, job.job_id)
    assert yard.service.get(job.job_id).phase is Phase.HELD
    assert not (folder / folders.SHEPHERD).exists()
    assert yard.until(yard.service.run(job.job_id)).phase is Phase.COMPLETED


def test_what_is_handed_over_is_not_held(yard: Yard) -> None:
    job = yard.submit()
    folder = folders.job_folder(yard.home, job.job_id)
    folder.mkdir(parents=True)
    (folder / FILE).write_text("{}")
    with pytest.raises(IllegalState, match="cannot be held: it is handed over"):
        yard.service.hold(job.job_id, CHIEF)
    assert yard.service.get(job.job_id).phase is Phase.QUEUED
    yard.supervisor()
    assert yard.until(job).phase is Phase.COMPLETED
