"""What becomes of a job that is run: queued, in ERROR, or given a product at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from distiller.core.errors import DistillerError, InternalError
from distiller.core.times import now
from distiller.jobs import cache, failures, limits
from distiller.jobs.store import QUERY, JobUpdate
from distiller.vo.uws import Phase

if TYPE_CHECKING:
    from datetime import datetime

    from distiller.core.rights import Reader
    from distiller.core.settings import Settings
    from distiller.jobs.specify import Specifier
    from distiller.jobs.store import DatasetFinder, JobStore
    from distiller.vo.uws import Job


class Outcomes:
    """Decides what RUN makes of jobs; changes none.

    Parameters
    ----------
    archive
        Where products that are there already are looked for.
    """

    def __init__(
        self,
        store: JobStore,
        archive: DatasetFinder,
        settings: Settings,
        specifier: Specifier,
    ) -> None:
        self._store = store
        self._archive = archive
        self._settings = settings
        self._specifier = specifier

    def of(self, job: Job, owner: Reader) -> tuple[Phase, JobUpdate]:
        """Return the phase of a job that is run, and what it gets.

        QUEUED with all it needs, COMPLETED if its product is there already, or in ERROR
        if it cannot be specified.
        """
        phase, update = Phase.QUEUED, JobUpdate()
        # What is wrong with a query is found where it runs.
        if job.task != QUERY:
            try:
                spec = self._specifier.specify(job, owner)
            except InternalError:
                raise
            except DistillerError as error:
                return Phase.ERROR, {"error": failures.told(error), "end_time": now()}
            key = None if job.fresh else self._specifier.key_of(spec)
            kept = cache.find(self._archive, key, owner)
            if kept is None:
                update["spec"] = spec.model_dump_json()
            else:
                phase, update = Phase.COMPLETED, _given(kept)
        if phase is Phase.QUEUED:
            update["quote"] = self.quote(job.task)
        if job.destruction == limits.idle_end(self._settings, job.creation_time):
            # Nobody asked for that one; a job that runs is kept as long as others.
            update["destruction"] = limits.latest(self._settings, now())
        return phase, update

    def quote(self, task: str) -> datetime | None:
        """Return when a job of a task would be done; None if nobody knows."""
        typical_s = self._store.typical_duration_s(task)
        return None if typical_s is None else now() + timedelta(seconds=typical_s)


def _given(kept: cache.Kept) -> JobUpdate:
    """Return what a job is that is given a product; it never ran."""
    return {
        "quote": None,
        "end_time": now(),
        "results": kept.results,
        "product_id": kept.product_id,
        "reused": kept.made,
    }


def after(job: Job, phase: Phase, update: JobUpdate) -> Job:
    """Return a job as RUN has changed it."""
    return replace(
        job,
        phase=phase,
        quote=update.get("quote", job.quote),
        end_time=update.get("end_time"),
        destruction=update.get("destruction", job.destruction),
        error=update.get("error"),
        results=update.get("results", ()),
        product_id=update.get("product_id"),
        reused=update.get("reused"),
    )
