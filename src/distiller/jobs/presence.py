"""Whether anybody runs the jobs of a home."""

from __future__ import annotations

import fcntl
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from distiller.core.settings import Settings
    from distiller.jobs.store import Kind

LOCKS: Final[Mapping[Kind, str]] = MappingProxyType(
    {"analysis": "supervisor.lock", "query": "queries.lock"}
)
"""Files in the folder of the jobs that whoever runs a kind of jobs holds locked."""


def has_runner(settings: Settings, kind: Kind = "analysis") -> bool:
    """Whether a supervisor of these jobs runs in this or in another process."""
    return is_locked(settings.jobs_path / LOCKS[kind])


def is_locked(path: Path) -> bool:
    """Whether a process holds this file locked.

    It is asked of the lock, which the kernel frees however its holder ends. A shared
    lock of a moment asks without a trace, across containers too.
    """
    try:
        with path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        # It is held; or it cannot be asked, and then nothing is claimed.
        return True
    return False
