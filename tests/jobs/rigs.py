"""Engines of each kind for tests, and what their jobs are doing."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distiller.core.settings import load_settings
from distiller.jobs import folders, processes, shepherd
from distiller.jobs.engines import local
from distiller.jobs.engines.local import LocalEngine
from distiller.jobs.engines.slurm import SlurmEngine

from .conftest import ROGUES, leftovers, prepare, wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distiller.jobs.engines.protocol import Engine
    from distiller.jobs.processes import Process


class Rig:
    """An engine of each kind, and what its jobs leave behind."""

    def __init__(self, kind: str, tmp_path: Path) -> None:
        self.kind = kind
        self.jobs = tmp_path / "jobs"
        self.home = tmp_path
        self.made: list[Engine[Any]] = []
        self.folders: list[Path] = []
        self.engine = self.another()
        self.engine.start()

    def another(self, **settings: Any) -> Engine[Any]:
        """Return one more engine, which knows nothing of the first."""
        made: Engine[Any]
        if self.kind == "local":
            made = LocalEngine(program=[str(ROGUES), "zygote"])
        else:
            given = load_settings(self.home, slurm_look_s=0.3, **settings)
            program = [str(ROGUES), "shepherd"]
            made = SlurmEngine(given, program=program, settle_s=0.5)
        self.made.append(made)
        return made

    def close_one(self, engine: Engine[Any]) -> None:
        """Close an engine before the others."""
        engine.close()
        self.made.remove(engine)

    def folder(self, kind: str, **given: Any) -> Path:
        """Make the folder of a job that behaves in this way."""
        folder = prepare(self.jobs, kind, **given)
        self.folders.append(folder)
        return folder

    def submit(self, kind: str, **given: Any) -> Any:
        """Hand such a job over."""
        return self.engine.submit(self.folder(kind, **given))

    def begin(self, *kinds: str, size: int = 1) -> list[Any]:
        """Hand jobs over, and wait until each has so many processes at work."""
        handles = [self.submit(kind) for kind in kinds]
        for handle in handles:
            wait_for(partial(is_at_work, handle.folder))
            wait_for(partial(has_tree, handle.folder, size))
        return handles

    def end(self, handle: Any, timeout_s: float = 30.0) -> dict[str, Any]:
        """Wait for the end of a job."""

        def ended() -> Any:
            self.engine.tend()
            return self.engine.poll([handle])[handle].end

        found: dict[str, Any] = wait_for(ended, timeout_s).model_dump(mode="json")
        return found

    def ends(self, handles: Sequence[Any]) -> list[dict[str, Any]]:
        """Wait for the ends of jobs."""
        return [self.end(handle) for handle in handles]

    def close(self) -> None:
        """End what still runs."""
        for folder in self.folders:
            (folder / folders.CANCEL).touch()
        for folder in self.folders:
            found = shepherd_of(folder)
            if found is not None:
                wait_for(partial(is_gone, found))
            processes.kill(leftovers(folder))
        for engine in self.made:
            engine.close()
        if self.kind == "local":
            wait_for(is_reaped)


def is_gone(process: Process) -> bool:
    return not process.is_alive


def is_reaped() -> bool:
    local._part_with()
    return not local._parting


def shepherd_of(folder: Path) -> Process | None:
    return shepherd.written(folder)


def tree(folder: Path) -> list[Process]:
    """Return the processes below the shepherd of a job."""
    found = shepherd_of(folder)
    if found is None:
        return []
    return processes.identified(processes.descendants(found.pid))


def has_tree(folder: Path, size: int) -> bool:
    return len(tree(folder)) >= size


def is_at_work(folder: Path) -> bool:
    return "being" in folders.log_tail(folder, 50)


def environment(process: Process) -> bytes:
    return Path(f"/proc/{process.pid}/environ").read_bytes()


def living(found: Sequence[Process]) -> list[Process]:
    return [process for process in found if process.is_alive]


def elapsed_s(state: dict[str, Any]) -> float:
    began, ended = (datetime.fromisoformat(state[k]) for k in ("started", "ended"))
    return (ended - began).total_seconds()
