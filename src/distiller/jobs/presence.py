"""Whether anybody runs the jobs of a home."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from distiller.core.settings import Settings

LOCK: Final = "supervisor.lock"
"""File in the folder of the jobs that the supervisor of a home holds locked."""


def has_runner(settings: Settings) -> bool:
    """Whether a supervisor runs in this or in another process.

    It is asked of the lock, which the kernel frees however its holder ends. A shared
    lock of a moment asks without a trace, across containers too.
    """
    try:
        with (settings.jobs_path / LOCK).open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        # It is held; or it cannot be asked, and then nothing is claimed.
        return True
    return False
