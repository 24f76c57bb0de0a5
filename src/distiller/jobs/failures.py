"""What a failure is called for the job's user, and whether trying again helps.

Whoever sees a job sees these words. So they hold no path of this machine; the whole
text stands in the log.
"""

from __future__ import annotations

import errno
import re
import signal
from typing import Final

from distiller.core.errors import (
    Damaged,
    DistillerError,
    InternalError,
    NoSpace,
    PassingError,
    Unreachable,
    UserError,
)
from distiller.vo.uws import JobError

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_FOLDERS: Final = re.compile(r"""(?<![\w:/.])/(?:[^\s/'":,]+/)+""")


def told(error: BaseException, *, memory_mb: int = 0) -> JobError:
    """Say what an exception means for a job.

    Parameters
    ----------
    memory_mb
        The limit that a `MemoryError` is about.
    """
    if is_full(error):
        return no_space()
    if isinstance(error, DistillerError):
        lasting = isinstance(error, (UserError, InternalError))
        text = without_folders(f"{error.code} {error.text}")
        return JobError(text, "fatal" if lasting else "transient")
    if isinstance(error, MemoryError):
        return JobError(memory_message(memory_mb), "fatal")
    why = error.strerror if isinstance(error, OSError) else str(error)
    text = without_folders(f"I000 {type(error).__name__}: {why}")
    return JobError(text, "fatal")


def no_space() -> JobError:
    """Say that a disk is full."""
    words = "no space left on the disk of the jobs (free some and run again)"
    return JobError(f"P300 {words}", "transient")


def memory_message(memory_mb: int) -> str:
    """Say that a job needed too much memory."""
    return (
        f"U000 the job needed more than its memory limit of {memory_mb} MB "
        "(choose fewer runs, fewer pixels or fewer energy bins)"
    )


def cpu_message(cpu_s: float) -> str:
    """Say that a job needed too much CPU time."""
    return (
        f"U000 the job needed more than its CPU time of {cpu_s:g} s "
        "(choose fewer runs, fewer pixels or fewer energy bins, or give it a longer "
        "executionDuration)"
    )


def killed(number: signal.Signals) -> JobError:
    """Say that a job's process was killed by a signal."""
    message = f"I000 the job's process was killed by {number.name}"
    if number is signal.Signals.SIGKILL:
        message += " (perhaps the machine ran out of memory)"
    return JobError(message, "transient")


def is_full(error: BaseException) -> bool:
    """Whether this is the word of a full disk or quota."""
    return isinstance(error, NoSpace) or (
        isinstance(error, OSError) and error.errno in _FULL
    )


def of_files(error: OSError, doing: str) -> PassingError | Damaged:
    """Return what trouble with files means; ``doing`` says what was tried.

    A disk that is full, away or not to be written comes back by itself or is mended;
    only a file that ought to be there and is not lasts.
    """
    if is_full(error):
        return NoSpace(f"no space left for {doing}", hint="free space on that disk")
    why = error.strerror or type(error).__name__
    if isinstance(error, FileNotFoundError):
        name = without_folders(str(error.filename or ""))
        return Damaged(f"{doing}: {name}: {why}", hint="run it again")
    return Unreachable(f"{doing}: {why}", hint="see to that disk")


def without_folders(text: str) -> str:
    """Leave of each path only its last name.

    >>> without_folders("no space left to write '/srv/home/jobs/7/result/map.fits'")
    "no space left to write 'map.fits'"
    >>> without_folders("ivo://org.example/set?7 of https://example.org/a/b in m/s")
    'ivo://org.example/set?7 of https://example.org/a/b in m/s'
    """
    return _FOLDERS.sub("", text)
