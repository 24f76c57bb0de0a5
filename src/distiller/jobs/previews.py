"""Makes the quick look of every dataset, in the background, one at a time.

What is lacking is found by comparing the archive with the folder of quick looks, so
that nothing is lost if any process is killed at any moment. The work is done by forks
of a zygote of its own, which has the lowest priority and is there only while there is
something to make; jobs of users that want the cores of this machine hold it back for a
while each time.
"""

from __future__ import annotations

import fcntl
import logging
import os
import select
import shutil
import threading
import time
import traceback
from collections import deque
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from distiller.analysis.preview.numbers import NUMBERS, PICTURE, PreviewNumbers
from distiller.analysis.tasks import PREVIEW
from distiller.core.errors import Damaged, DistillerError, PassingError
from distiller.core.files import atomic_file, sha256, write_text
from distiller.core.rights import Reader
from distiller.core.times import now
from distiller.jobs import failures, folders, inputs, preview_files
from distiller.jobs.engines import selection
from distiller.jobs.engines.local import LocalEngine
from distiller.jobs.preview_files import Record
from distiller.jobs.preview_zygote import NICE
from distiller.jobs.spec import FILE, JobSpec
from distiller.jobs.troubles import Troubles
from distiller.vo.uws import Phase

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from distiller.core.job_settings import JobEngineName
    from distiller.core.settings import Settings
    from distiller.jobs.engines.local import Handle
    from distiller.jobs.preview_files import Dataset
    from distiller.jobs.store import DatasetFinder, JobStore
    from distiller.vo.uws import JobError

logger = logging.getLogger(__name__)

LOOK_S: Final = 2.0
_HELD_BACK_S: Final = 0.5
_PATIENCE_S: Final = 20.0
"""So long jobs of users hold one back; most of them end much sooner."""

_SHARE: Final = 50.0
"""Comparing takes one part in so many of the time, however large the archive is."""

_IDLE_S: Final = 20.0
"""After so long without work the zygote goes, and its memory with it."""

_DURATION_S: Final = 600
_ZYGOTE: Final = ("-m", "distiller.jobs.preview_zygote")
_HOUSE: Final = Reader("previews", is_staff=True)
"""Who reads the data here: what is made is shown to those who may read them."""

_LABEL_MAX: Final = 80


class Previews:
    """Makes quick looks for one home: a thread of who runs its jobs, or a command.

    Parameters
    ----------
    store
        Whose waiting jobs go first; None: nobody's.
    look_s
        How often to compare at most.
    """

    def __init__(
        self,
        settings: Settings,
        store: JobStore | None,
        archive: DatasetFinder,
        *,
        look_s: float = LOOK_S,
        engine: LocalEngine | None = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._archive = archive
        self._look_s = look_s
        self._engine = engine or LocalEngine(program=_ZYGOTE)
        self._todo: deque[Dataset] = deque()
        self._final: dict[str, frozenset[str]] = {}
        self._chosen: dict[str, JobEngineName] = {}
        self._work: Handle | None = None
        self._look_at = 0.0
        self._held_since: float | None = None
        self._used_at = time.monotonic()
        self._troubles = Troubles()
        self._stopping = threading.Event()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread: threading.Thread | None = None
        self._lock: IO[str] | None = None

    # Life --------------------------------------------------------------------

    def start(self) -> None:
        """Run in a thread of this process, once nobody else does it for this home."""
        self._thread = threading.Thread(target=self._live, name="previews", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Stop; what is under way is found again by the next start."""
        self._stopping.set()
        with suppress(BlockingIOError):
            os.eventfd_write(self._bell, 1)
        if self._thread is not None:
            self._thread.join(timeout_s)
            self._thread = None

    def _live(self) -> None:
        try:
            while not self._stopping.is_set():
                self._safe_turn()
        finally:
            self.leave()
            if self._store is not None:
                self._store.release()

    def _safe_turn(self) -> None:
        try:
            if not self.take_lock():
                self._stopping.wait(self._look_s)
                return
            self.rest(self.turn())
        except Exception as error:  # noqa: BLE001 - logged with its place
            # The edge of the thread: it must outlive a full disk or an archive that is
            # away for a while.
            self._troubles.note("turn", error, "no quick looks can be made")
            self._stopping.wait(self._troubles.pause_s("turn"))
        else:
            self._troubles.over("turn")

    def take_lock(self) -> bool:
        """Become the one who makes quick looks for this home, if there is no other."""
        if self._lock is not None:
            return True
        self._settings.jobs_path.mkdir(parents=True, exist_ok=True)
        lock = (self._settings.jobs_path / preview_files.LOCK).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        preview_files.sweep(self._settings)
        return True

    def leave(self) -> None:
        """Let go of everything; a quick look that is under way is made to its end."""
        self._engine.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def rest(self, pause_s: float) -> None:
        """Wait so long at most, or until the work or this thread ends."""
        poller = select.poll()
        poller.register(self._bell, select.POLLIN)
        descriptor = None
        if self._work is not None:
            # It only wakes us earlier.
            with suppress(OSError):
                descriptor = os.pidfd_open(self._work.shepherd.pid)
                poller.register(descriptor, select.POLLIN)
        try:
            poller.poll(pause_s * 1000)
        finally:
            if descriptor is not None:
                os.close(descriptor)

    # One turn ----------------------------------------------------------------

    def turn(self, only: Collection[str] | None = None) -> float:
        """Do what can be done now.

        Parameters
        ----------
        only
            Publisher DIDs of those to make; None is all.

        Returns
        -------
        After how many seconds at most to come again.
        """
        self._engine.tend()
        if self._work is None:
            self._adopt()
        if self._work is not None and not self._ends(self._work):
            return self._look_s
        if self._is_held_back():
            return _HELD_BACK_S
        if not self._todo and time.monotonic() >= self._look_at:
            self._compare(only)
        while self._todo and self._work is None:
            self._begin(self._todo.popleft())
        if self._work is None and time.monotonic() - self._used_at > _IDLE_S:
            self._engine.close()
        return self._look_s

    @property
    def is_done(self) -> bool:
        """Whether the last turn left nothing to do."""
        return self._work is None and not self._todo

    def _is_held_back(self) -> bool:
        """Whether jobs of users go first, as they do for a while."""
        moment = time.monotonic()
        if self._store is None or not self._cores_are_wanted(self._store):
            self._held_since = None
            return False
        if self._held_since is None:
            self._held_since = moment
        if moment - self._held_since < _PATIENCE_S:
            return True
        self._held_since = moment  # the one after this waits as long
        return False

    def _cores_are_wanted(self, store: JobStore) -> bool:
        """Whether a job waits for its place, or those that run leave one core at most.

        Of the jobs of this machine: those of a batch system use others.
        """
        asked = [job for job in store.unfinished("analysis") if job.wish is None]
        ids = {job.job_id for job in asked}
        self._chosen = {k: name for k, name in self._chosen.items() if k in ids}
        here = [job for job in asked if self._engine_of(job.job_id, store) == "local"]
        here += [job for job in store.unfinished("query") if job.wish is None]
        phases = [job.phase for job in here]
        running = phases.count(Phase.EXECUTING)
        cores = os.cpu_count() or 1
        return Phase.QUEUED in phases or (running > 0 and running >= cores - 1)

    def _engine_of(self, job_id: str, store: JobStore) -> JobEngineName:
        """Return who has a job, or whom the supervisor will hand it to."""
        folder = folders.job_folder(self._settings, job_id)
        name = selection.handed_to(folder)
        if name == "slurm" or (folder / FILE).is_file():
            return name
        # Many may wait, and their records are not read again at each turn.
        if job_id not in self._chosen:
            self._chosen[job_id] = selection.awaited(self._settings, store, job_id)
        return self._chosen[job_id]

    def _compare(self, only: Collection[str] | None) -> None:
        """Find what is lacking, and remove what is of no use any more."""
        begun = time.monotonic()
        wanted = preview_files.datasets(self._archive)
        kept = preview_files.kept(self._settings)
        for name in kept.keys() - {one.name for one in wanted}:
            preview_files.remove(self._settings, name)
            self._final.pop(name, None)
        moment = now()
        for one in wanted:
            if only is not None and one.did not in only:
                continue
            files = kept.get(one.name, set())
            # Most are there for good, and are not read again.
            if one.name in self._final and self._final[one.name] <= files:
                continue
            record = preview_files.read(self._settings, one.name)
            if record is None or not record.files <= files or record.is_due(moment):
                self._todo.append(one)
            elif record.is_final:
                self._final[one.name] = record.files
        took = time.monotonic() - begun
        self._look_at = time.monotonic() + max(self._look_s, _SHARE * took)

    def _begin(self, dataset: Dataset) -> None:
        """Hand one dataset over, or say why that cannot be."""
        try:
            spec = self._specify(dataset)
        except (PassingError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - recorded, and logged with its place
            # The edge of one dataset: the others must not wait for it.
            expected = isinstance(error, DistillerError)
            fault = "" if expected else "".join(traceback.format_exception(error))
            self._note_failure(dataset.name, failures.told(error), fault)
            return
        folder = self._folder / dataset.name
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / FILE, spec.model_dump_json())
        self._work = self._engine.submit(folder)
        self._used_at = time.monotonic()

    def _specify(self, dataset: Dataset) -> JobSpec:
        found, heritage = inputs.resolve(self._archive, [dataset.did], _HOUSE)
        parameters: dict[str, Any] = {
            "obs": [dataset.did],
            "target": _label(dataset),
            "fov": dataset.fov_deg or None,
            "livetime": dataset.livetime_s,
        }
        if dataset.ra_deg is not None and dataset.dec_deg is not None:
            parameters |= {"ra": dataset.ra_deg % 360, "dec": dataset.dec_deg}
        checked = PREVIEW.parameters.model_validate(parameters)
        return JobSpec(
            job_id=dataset.name,
            task=PREVIEW.name,
            task_version=PREVIEW.version,
            owner=None,
            parameters=checked.model_dump(mode="json"),
            inputs=found,
            heritage=heritage,
            duration_s=_DURATION_S,
            memory_mb=self._settings.job_memory_mb,
            # Of the zygote too, but not of one that is started without it.
            nice=NICE,
            # Held to no core: on one that a job keeps to it would take from that job.
            cpus=os.cpu_count() or 1,
        )

    # The end of one ----------------------------------------------------------

    def _adopt(self) -> None:
        """Go on with what was under way when the one before was killed."""
        for folder in self._folder.glob("*-*"):
            if (folder / FILE).is_file():
                # Only found if it was handed over; else it is begun now.
                self._work = self._engine.submit(folder)
                return
            shutil.rmtree(folder, ignore_errors=True)

    def _ends(self, work: Handle) -> bool:
        """File what was made once it is, and let its folder go; False if it is not."""
        name, folder = work.folder.name, work.folder
        try:
            end = self._engine.poll([work])[work].end
            if end is None:
                return False
            if end.phase == "COMPLETED":
                self._keep(name, folder / folders.RESULT)
            elif end.error is not None:
                self._note_failure(name, end.error, _fault(folder))
        except (Damaged, FileNotFoundError, ValidationError) as error:
            # Somebody was at its folder; what is left of it helps nobody.
            self._note_failure(name, failures.told(error))
        shutil.rmtree(folder, ignore_errors=True)
        self._work = None
        self._used_at = time.monotonic()
        return True

    def _keep(self, name: str, result: Path) -> None:
        made = result / PICTURE
        numbers = PreviewNumbers.model_validate_json((result / NUMBERS).read_bytes())
        with atomic_file(preview_files.picture(self._settings, name)) as stream:
            stream.write(made.read_bytes())
        record = Record(
            made=now(),
            numbers=numbers,
            checksum=sha256(made),
            size=made.stat().st_size,
        )
        preview_files.write(self._settings, name, record)

    def _note_failure(self, name: str, error: JobError, fault: str = "") -> None:
        before = preview_files.read(self._settings, name)
        record = Record(
            made=now(),
            error=error.message,
            is_lasting=error.type == "fatal",
            tries=1 if before is None else before.tries + 1,
        )
        logger.warning(
            "no quick look %s: %s", name, f"{error.message}\n{fault}".strip()
        )
        preview_files.write(self._settings, name, record)

    @property
    def _folder(self) -> Path:
        """Where those under way are; no job has such a name."""
        return self._settings.jobs_path / "previews"


def _fault(folder: Path) -> str:
    """Return where a defect stands, or nothing; for the operators."""
    with suppress(OSError):
        return (folder / folders.FAULT).read_text(encoding="utf-8")
    return ""


def _label(dataset: Dataset) -> str:
    """Return what a dataset is called on its picture."""
    words = f"{dataset.target_name or ''}, run {dataset.obs_id}".removeprefix(", ")
    plain = "".join(c if c.isprintable() else " " for c in words)
    return f"{plain[0].upper()}{plain[1:_LABEL_MAX]}"
