"""Which engine a job goes to, and how many jobs each may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.analysis import tasks
from distiller.core.errors import BadParameter, DistillerError
from distiller.jobs import folders
from distiller.jobs.spec import JobSpec

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.core.job_settings import JobEngineName
    from distiller.core.settings import Settings
    from distiller.jobs.store import JobStore


def choice(settings: Settings, spec: JobSpec) -> JobEngineName:
    """Return the engine of a job that is to be handed over.

    By its task, if that is set; else by its size; else the usual one.
    """
    by_task = settings.engine_by_task.get(spec.task)
    if by_task is not None:
        return by_task
    from_runs = settings.slurm_from_runs
    return "slurm" if from_runs and len(spec.inputs) >= from_runs else settings.engine


def awaited(settings: Settings, store: JobStore, job_id: str) -> JobEngineName:
    """Return the engine that a queued job waits for."""
    if is_only_local(settings):
        return "local"
    try:
        return choice(settings, JobSpec.read(store.spec(job_id)))
    except DistillerError:
        return "local"  # what is wrong with it is told at its start


def is_only_local(settings: Settings) -> bool:
    """Whether no job can go anywhere else."""
    names = {settings.engine, *settings.engine_by_task.values()}
    return names == {"local"} and not settings.slurm_from_runs


def handed_to(folder: Path) -> JobEngineName:
    """Return the engine of a job that was handed over, whatever is set now."""
    return "slurm" if (folder / folders.SLURM).exists() else "local"


def places(settings: Settings, name: JobEngineName) -> int:
    """Return how many jobs an engine may have at once."""
    return settings.slurm_jobs_at_once if name == "slurm" else settings.jobs_at_once


def check(settings: Settings) -> None:
    """Refuse settings of tasks that are not there.

    Raises
    ------
    BadParameter
        Naming them.
    """
    unknown = sorted(settings.engine_by_task.keys() - tasks.TASKS.keys())
    if unknown:
        message = f"no such task: {', '.join(unknown)}"
        hint = f"there are {', '.join(sorted(tasks.TASKS))}"
        raise BadParameter("engine_by_task", message, hint=hint)
