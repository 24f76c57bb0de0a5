"""The desk of asynchronous queries: they have places of their own beside analysis.

A query changes nothing. So one whose process has gone is run again, and nothing of it
is looked for.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, Final

from distiller.core.errors import Busy
from distiller.core.times import now
from distiller.jobs import folders, leftovers, uploads
from distiller.jobs.desk import KEPT, LOOK_S, MOVING, Desk, given_up
from distiller.jobs.engines.queries import QueryEngine
from distiller.jobs.room import Room
from distiller.vo.uws import JobError, Phase, Result

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from distiller.archive import ArchiveReader
    from distiller.core.settings import Settings
    from distiller.jobs.ends import End
    from distiller.jobs.engines.queries import Run
    from distiller.jobs.store import Entry, JobStore, JobUpdate, Kind

logger = logging.getLogger(__name__)

SUSPECT: Final = 3
"""After so many tries at which its process went away, a query is run alone: another
that ran beside it may have been the cause."""

ALONE_S: Final = 60.0
"""How long nothing else is begun then, s: others must not wait for it for hours."""

TRIES: Final = 10
"""How often such a query is begun at most."""

_STOP_S: Final = 8.0
_SWEEP_S: Final = 3600.0
_SWEEP_AGAIN_S: Final = 10.0


class QueryDesk(Desk):
    """Runs the asynchronous queries of one home, in the process that has the archive.

    Parameters
    ----------
    look_s
        As for `Desk`.
    """

    kind: ClassVar[Kind] = "query"

    def __init__(
        self,
        settings: Settings,
        store: JobStore,
        archive: ArchiveReader,
        *,
        look_s: float = LOOK_S,
    ) -> None:
        places = settings.async_queries_at_once
        # A query may last for hours: one of two places is kept, too.
        kept = max(places // KEPT, min(1, places - 1))
        super().__init__(settings, store, places, kept=kept, look_s=look_s)
        self._room = Room(settings)
        self._engine = QueryEngine(archive, settings, self._room, self.ring)
        self._running: dict[str, tuple[Run, Entry]] = {}
        self._sweep_at = 0.0

    def _prepare(self) -> None:
        self._room.measure()

    def _tend(self) -> None:
        """Have those ended that take too long, and see to what kills have left."""
        self._engine.poll(run for run, _ in self._running.values())
        if time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + _SWEEP_AGAIN_S
            # What a sick disk does not show is swept another time.
            with suppress(OSError):
                if leftovers.sweep(self._settings, self._store):
                    self._sweep_at = time.monotonic() + _SWEEP_S

    def _known(self) -> Collection[str]:
        return self._running

    def _owners(self) -> Iterable[str | None]:
        return (entry.owner for _, entry in self._running.values())

    def _candidates(self, waiting: list[Entry]) -> list[Entry]:
        """Return those that may be started now; a suspect runs alone at first."""
        for run, entry in self._running.values():
            if entry.tries >= SUSPECT and run.age_s < ALONE_S:
                return []
        suspects = [entry for entry in waiting if entry.tries >= SUSPECT]
        return suspects[:1] or waiting

    def _leave(self) -> None:
        """Stop the queries; the next start runs them anew, and no try is counted."""
        self._engine.close((run for run, _ in self._running.values()), _STOP_S)
        for job_id, (_, entry) in self._running.items():
            tries: JobUpdate = {"tries": entry.tries}
            # A table that cannot be written now costs the query one try.
            with suppress(Exception):
                self._store.update(job_id, MOVING, tries)

    # One job -----------------------------------------------------------------

    def _handle(self, entry: Entry) -> bool:
        run, _ = self._running.get(entry.job_id, (None, None))
        if run is None:
            return self._handle_idle(entry)
        outcome = self._engine.poll([run])[run]
        if outcome is not None:
            self._finish(entry, run, outcome)
        elif entry.wish is not None:
            self._engine.cancel(run)
        return True

    def _handle_idle(self, entry: Entry) -> bool:
        """Do what is due for a job that does not run here."""
        if entry.wish == "delete":
            self._remove(entry)
            return True
        if entry.phase not in MOVING:
            return True
        if entry.wish == "abort":
            begun = entry.phase is Phase.EXECUTING
            words = "aborted by its user" + ("" if begun else " before it ran")
            self._end_with(entry, Phase.ABORTED, JobError(words, "fatal"))
            return True
        if entry.phase is Phase.EXECUTING and entry.tries >= TRIES:
            self._end_with(entry, Phase.ERROR, _killed(entry.tries))
            return True
        return False

    def _start(self, entry: Entry) -> bool:
        """Begin a query that waits, or one whose process has gone."""
        job = self._store.get(entry.job_id)
        begun: JobUpdate = {"start_time": now(), "tries": entry.tries + 1}
        is_first = entry.phase is Phase.QUEUED
        # Counted before it runs: it may be what ends this process.
        if self._store.update(
            entry.job_id,
            {entry.phase},
            begun,
            to=Phase.EXECUTING if is_first else None,
        ):
            folder = folders.job_folder(self._settings, entry.job_id)
            if not is_first:
                self._drop_answer(folder)
            run = self._engine.submit(folder, job, self._others_of(job.owner))
            self._running[entry.job_id] = (run, entry)
        return True

    def _others_of(self, owner: str | None) -> int:
        """Return the bytes of the results of an owner, where that matters."""
        if not self._room.is_scarce:
            return 0
        kept = self._store.ids(owner, {Phase.COMPLETED}, "query")
        return self._room.size_of(kept)

    # The end of a job --------------------------------------------------------

    def _finish(self, entry: Entry, run: Run, outcome: Result | End) -> None:
        if entry.wish == "delete":
            self._remove(entry)
            return
        if isinstance(outcome, Result):
            done: JobUpdate = {"results": (outcome,), "error": None}
            self._end(entry.job_id, Phase.COMPLETED, done)
        else:
            ended: JobUpdate = {"end_time": outcome.ended, "error": outcome.error}
            self._end(entry.job_id, Phase(outcome.phase), ended)
        # Not before: until then it may have to run again.
        uploads.forget(run.folder)
        self._forget(entry.job_id)

    def _end_with(self, entry: Entry, phase: Phase, error: JobError) -> None:
        self._end(entry.job_id, phase, {"error": error})
        folder = folders.job_folder(self._settings, entry.job_id)
        uploads.forget(folder)
        self._drop_answer(folder)
        self._forget(entry.job_id)

    def _give_up(self, entry: Entry, error: Exception) -> None:
        run, _ = self._running.get(entry.job_id, (None, None))
        if run is not None:
            self._engine.cancel(run)
            # It may be about to name its answer, in a folder that it makes anew.
            if not run.wait(_STOP_S):
                message = f"the query of job {entry.job_id} has not ended yet"
                raise Busy(message, hint="it is given up at a later turn")
        if entry.wish == "delete":
            self._remove(entry)
        else:
            self._end_with(entry, Phase.ERROR, given_up(error))

    def _remove(self, entry: Entry) -> None:
        folder = folders.job_folder(self._settings, entry.job_id)
        self._drop_answer(folder)
        folders.remove(folder)
        self._store.delete(entry.job_id)
        self._forget(entry.job_id)

    def _drop_answer(self, folder: Path) -> None:
        self._room.forget(folder)
        folders.remove(folder / folders.ANSWER)

    def _forget(self, job_id: str) -> None:
        self._running.pop(job_id, None)
        self._forget_troubles(job_id)


def _killed(tries: int) -> JobError:
    message = (
        f"I000 the server ended {tries} times while it ran this query, which is not "
        "tried again (ask for less, or tell the operators)"
    )
    return JobError(message, "fatal")
