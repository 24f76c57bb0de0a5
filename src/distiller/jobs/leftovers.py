"""Files of jobs that a kill has left: of jobs never made, and of queries that have run.

Files come before the row of their job. Whether somebody makes one right now is asked of
a lock, which the kernel frees however its holder ends, and not of the age of a file:
the clock may have been set since.
"""

from __future__ import annotations

import fcntl
import uuid
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final

from distiller.core.errors import NotFound
from distiller.jobs import folders, uploads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distiller.core.settings import Settings
    from distiller.jobs.store import JobStore

_LOCK: Final = "making.lock"


@contextmanager
def making(settings: Settings) -> Iterator[None]:
    """Keep the files of a job from `sweep` until the job is in the table."""
    with _lock(settings) as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def sweep(settings: Settings, store: JobStore) -> bool:
    """Remove what nobody needs any more.

    Returns
    -------
    Whether all is done; else jobs with files are being made, and it is to be tried
    again soon.
    """
    lost = []
    for folder in settings.jobs_path.glob("*-*"):
        names = {path.name for path in folder.glob("*")}
        if folders.UPLOADS in names and _has_ended(store, folder):
            uploads.forget(folder)
        elif names in ({folders.UPLOADS}, {folders.SENT}) and _is_lost(store, folder):
            lost.append(folder)
    if not lost:
        return True
    with _lock(settings) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        for folder in lost:
            if _is_lost(store, folder):  # still
                folders.remove(folder)
    return True


def _lock(settings: Settings) -> IO[str]:
    settings.jobs_path.mkdir(parents=True, exist_ok=True)
    return (settings.jobs_path / _LOCK).open("a")


def _has_ended(store: JobStore, folder: Path) -> bool:
    try:
        return store.get(folder.name).phase.is_final
    except NotFound:
        return False


def _is_lost(store: JobStore, folder: Path) -> bool:
    """Whether a folder is of a job that is not in the table."""
    try:
        store.spec(str(uuid.UUID(folder.name)))
    except NotFound:
        return True
    except ValueError:
        return False  # no folder of ours
    return False
