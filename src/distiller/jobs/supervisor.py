"""The supervisor: starts what is queued, files what has ended, cleans what is due.

It has the jobs of analysis; `jobs.query_desk` has those that are queries.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from distiller.core.errors import DistillerError
from distiller.core.files import write_text
from distiller.core.times import now
from distiller.jobs import ends, folders, registration
from distiller.jobs.desk import KEPT, LOOK_S, MOVING, Desk, given_up, not_started
from distiller.jobs.engines import selection
from distiller.jobs.engines.local import LocalEngine
from distiller.jobs.engines.slurm import SlurmEngine
from distiller.jobs.spec import FILE, JobSpec
from distiller.vo.uws import JobError, Phase

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from distiller.analysis.products import ProductDescription
    from distiller.core.job_settings import JobEngineName
    from distiller.core.settings import Settings
    from distiller.jobs.ends import End
    from distiller.jobs.engines.protocol import Engine
    from distiller.jobs.store import Entry, JobStore, JobUpdate, Kind, ProductWriter

logger = logging.getLogger(__name__)

_FORCE_S: Final = 6.0
_FILED: Final = "SELECT product_id FROM cta.product WHERE product_id = ?"


@dataclass(frozen=True, slots=True)
class _Running:
    """A job that was handed over: to which engine, and its handle there."""

    name: JobEngineName
    engine: Engine[Any]
    handle: Any
    owner: str | None


class Supervisor(Desk):
    """Runs the analysis jobs of one home; a thread of ``serve`` or of ``runner``.

    Parameters
    ----------
    look_s
        How often to look at the job table for what other processes changed there.
        Changes through ``store`` are noticed at once.
    engine
        What runs jobs on this machine; with a warm zygote by default.
    slurm
        What runs jobs in a batch system; as the settings say by default.

    Raises
    ------
    BadParameter
        If engines are set for tasks that are not there.
    """

    kind: ClassVar[Kind] = "analysis"

    def __init__(  # noqa: PLR0913 - the parts of a supervisor, two of them by name
        self,
        settings: Settings,
        store: JobStore,
        archive: ProductWriter,
        *,
        look_s: float = LOOK_S,
        engine: Engine[Any] | None = None,
        slurm: Engine[Any] | None = None,
    ) -> None:
        selection.check(settings)
        places = settings.jobs_at_once
        # Of few places none is kept: jobs of analysis end soon.
        most = settings.jobs_at_once_per_user or places - places // KEPT
        super().__init__(settings, store, places, kept=places - most, look_s=look_s)
        self._archive = archive
        # Both, whatever is set: jobs that were handed over before are found again.
        self._engines: Mapping[JobEngineName, Engine[Any]] = {
            "local": engine or LocalEngine(),
            "slurm": slurm or SlurmEngine(settings),
        }
        self._running: dict[str, _Running] = {}
        self._chosen: dict[str, JobEngineName] = {}
        self._cancelled_at: dict[str, float] = {}
        self._unfiled: set[str] = set()

    def _prepare(self) -> None:
        for engine in self._engines.values():
            engine.start()
        # What a sick disk does not show is swept at another start.
        with suppress(OSError):
            folders.sweep(self._settings)

    def _tend(self) -> None:
        for engine in self._engines.values():
            engine.tend()

    def _known(self) -> Collection[str]:
        return self._running

    def _owners(self) -> Iterable[str | None]:
        return (running.owner for running in self._running.values())

    def _descriptors(self) -> Iterable[int]:
        return (d for engine in self._engines.values() for d in engine.descriptors())

    def _fill(self, waiting: list[Entry]) -> None:
        """Start jobs on each engine: one that is full keeps no other waiting."""
        self._chosen = {entry.job_id: self._choice(entry) for entry in waiting}
        for name in self._engines:
            own = [entry for entry in waiting if self._chosen[entry.job_id] == name]
            owners = [r.owner for r in self._running.values() if r.name == name]
            places = selection.places(self._settings, name)
            most = self._most if name == "local" else places - places // KEPT
            self._start_some(own, owners, places, most)

    def _choice(self, entry: Entry) -> JobEngineName:
        """Return the engine that a job waits for."""
        if entry.job_id in self._chosen:
            return self._chosen[entry.job_id]
        return selection.awaited(self._settings, self._store, entry.job_id)

    def _leave(self) -> None:
        """Jobs go on under their shepherds and are found again."""
        for engine in self._engines.values():
            engine.close()

    # One job -----------------------------------------------------------------

    def _handle(self, entry: Entry) -> bool:
        """Do what is due for a job; False if it waits to be started."""
        folder = folders.job_folder(self._settings, entry.job_id)
        running = self._find(entry, folder)
        if running is None:
            return self._handle_idle(entry, folder)
        status = running.engine.poll([running.handle])[running.handle]
        if status.end is not None:
            was_forced = status.is_lost and entry.wish == "abort"
            self._finish(entry, folder, ends.aborted() if was_forced else status.end)
            return True
        if status.is_stale:
            # Ours came second: another shepherd had the folder already.
            self._forget(entry.job_id)
            return self._find(entry, folder) is not None
        if entry.phase is Phase.QUEUED and status.has_begun:
            self._note_begun(entry.job_id)
        if entry.wish is not None:
            self._cancel(entry.job_id, running)
        return True

    def _find(self, entry: Entry, folder: Path) -> _Running | None:
        """Return a job that runs: remembered, or found on disk after a restart."""
        if entry.job_id in self._running:
            return self._running[entry.job_id]
        if entry.phase not in MOVING:
            return None
        name = selection.handed_to(folder)
        handle = self._engines[name].find(folder)
        return None if handle is None else self._remember(entry, name, handle)

    def _note_begun(self, job_id: str) -> None:
        started: JobUpdate = {"start_time": now()}
        self._store.update(job_id, {Phase.QUEUED}, started, to=Phase.EXECUTING)

    def _handle_idle(self, entry: Entry, folder: Path) -> bool:
        """Do what is due for a job that no process works at, as far as is known."""
        if entry.wish == "delete":
            self._remove(entry, folder)
            return True
        if entry.phase is Phase.EXECUTING:
            if (folder / FILE).is_file():
                self._start_again(entry, folder)
                return True
            message = "P400 the job's folder is gone (run it again)"
            error = JobError(message, "transient")
            self._end(entry.job_id, Phase.ERROR, {"error": error})
            return True
        if entry.wish == "abort" and entry.phase in MOVING:
            error = JobError("aborted by its user before it ran", "fatal")
            self._end(entry.job_id, Phase.ABORTED, {"error": error})
            return True
        return entry.phase is not Phase.QUEUED

    def _start(self, entry: Entry) -> bool:
        """Hand a queued job over."""
        text = self._store.spec(entry.job_id)
        name = selection.choice(self._settings, JobSpec.read(text))
        folder = folders.job_folder(self._settings, entry.job_id)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # While there is room, so that the shepherd can tell when there is none.
            folders.reserve(folder)
            # A loss of power ends the job itself: nothing to wait for the disk for.
            write_text(folder / FILE, text, durable=False)
            if not self._store.update(
                entry.job_id, {Phase.QUEUED}, {"start_time": None}
            ):
                # Held back meanwhile, by somebody who saw no file yet.
                (folder / FILE).unlink()
                return True
            handle = self._engines[name].submit(folder)
        except (OSError, DistillerError) as error:
            logger.warning("job %s could not be started: %s", entry.job_id, error)
            self._end(entry.job_id, Phase.ERROR, {"error": not_started(error)})
            folders.tidy(folder)
            return True
        running = self._remember(entry, name, handle)
        if running.engine.poll([handle])[handle].has_begun:
            self._note_begun(entry.job_id)
        return True

    def _start_again(self, entry: Entry, folder: Path) -> None:
        """Hand over a job that was handed over, and whose shepherd nobody knows.

        It may not have got as far as to write who it is when the supervisor that
        started it was killed. The folder's lock sees to it that one of the two runs.
        Only here: a batch system's jobs are noted before they are handed over.
        """
        if entry.wish == "abort":
            (folder / folders.CANCEL).touch()
        self._remember(entry, "local", self._engines["local"].submit(folder))

    def _cancel(self, job_id: str, running: _Running) -> None:
        asked_at = self._cancelled_at.get(job_id)
        if asked_at is None:
            self._cancelled_at[job_id] = time.monotonic()
            running.engine.cancel(running.handle)
        elif time.monotonic() - asked_at > _FORCE_S:
            logger.warning("job %s does not end; killing its shepherd", job_id)
            self._cancelled_at[job_id] = time.monotonic()
            running.engine.force(running.handle)

    # The end of a job --------------------------------------------------------

    def _finish(self, entry: Entry, folder: Path, end: End) -> None:
        if entry.wish == "delete":
            self._remove(entry, folder)
            return
        update: JobUpdate = {"end_time": end.ended, "error": end.error}
        if end.started is not None:
            update["start_time"] = end.started
        if end.product is not None:
            update |= self._file(entry.job_id, folder, end, end.product)
        # Before the phase: nobody comes back to a job that has ended.
        folders.tidy(folder)
        self._end(entry.job_id, Phase(end.phase), update)
        self._forget(entry.job_id)

    def _file(
        self, job_id: str, folder: Path, end: End, product: ProductDescription
    ) -> JobUpdate:
        """File a product: its files first, then its rows in one transaction."""
        spec = JobSpec.read(self._store.spec(job_id))
        target = folders.product_folder(self._settings, spec.task, job_id)
        self._unfiled.add(job_id)
        with registration.handling_files():
            registration.move_files(folder, target)
            bundle = registration.bundle(spec, product, end, target, self._settings)
            results = registration.results(product, target)
        self._archive.store(bundle)
        self._unfiled.discard(job_id)
        return {"results": results, "product_id": registration.product_id(job_id)}

    def _give_up(self, entry: Entry, error: Exception) -> None:
        folder = folders.job_folder(self._settings, entry.job_id)
        running = self._running.get(entry.job_id)
        if running is not None:
            running.engine.force(running.handle)
        if entry.wish == "delete":
            self._remove(entry, folder)
            return
        self._end(entry.job_id, Phase.ERROR, {"error": given_up(error)})
        if entry.job_id in self._unfiled:
            # The archive does not take the product: its files are nobody's.
            for path in folders.product_folders(self._settings, entry.job_id):
                folders.remove(path)
        self._forget(entry.job_id)
        folders.tidy(folder)

    def _remove(self, entry: Entry, folder: Path) -> None:
        self._forget(entry.job_id)
        self._remove_unfiled(entry.job_id)
        folders.remove(folder)
        self._store.delete(entry.job_id)

    def _remove_unfiled(self, job_id: str) -> None:
        """Remove the files of a product that never came into the archive.

        They are in place before their rows are: between the two, a supervisor may have
        been killed.
        """
        left = list(folders.product_folders(self._settings, job_id))
        if left and not self._archive.rows(_FILED, [registration.product_id(job_id)]):
            for path in left:
                folders.remove(path)

    # Memory ------------------------------------------------------------------

    def _remember(self, entry: Entry, name: JobEngineName, handle: Any) -> _Running:
        self._unwatch(entry.job_id)
        engine = self._engines[name]
        running = _Running(name, engine, handle, entry.owner)
        self._running[entry.job_id] = running
        engine.watch(handle)
        return running

    def _forget(self, job_id: str) -> None:
        self._unwatch(job_id)
        self._running.pop(job_id, None)
        self._cancelled_at.pop(job_id, None)
        self._unfiled.discard(job_id)
        self._forget_troubles(job_id)

    def _unwatch(self, job_id: str) -> None:
        running = self._running.get(job_id)
        if running is not None:
            running.engine.unwatch(running.handle)
