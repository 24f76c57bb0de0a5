"""What the end of a job means that Slurm has had."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

from distiller.jobs import ends, failures, folders
from distiller.vo.uws import JobError

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.jobs.ends import End

MACHINE: Final = frozenset({"BOOT_FAIL", "NODE_FAIL"})
_TIME: Final = frozenset({"DEADLINE", "TIMEOUT"})


def told(end: End, *, is_cancelled: bool) -> End:
    """Return how a job ended, in view of who can have stopped it."""
    was_hit = end.error == failures.killed(signal.Signals.SIGTERM)
    if is_cancelled:
        return ends.aborted(end.started) if was_hit else end
    if not (was_hit or ends.is_asked(end)):
        return end
    # It was Slurm that sent SIGTERM: its operator, its own limit, a shutdown. All
    # processes get it, and the worker may be gone before its shepherd has it.
    message = "P400 the batch system stopped the job (run it again)"
    return ends.failed(JobError(message, "transient"), end.started)


def lost(folder: Path, state: str) -> End:
    """Return the end of a job that left Slurm in this state, and no word."""
    if state in MACHINE:
        message = "P400 the machine that ran the job went away (run it again)"
    elif state in _TIME:
        message = "P400 the batch system ended the job by its own limit (run it again)"
    elif state == "OUT_OF_MEMORY":
        message = (
            "P400 the batch system ended the job: its machine had too little memory "
            "(run it again, or choose fewer runs)"
        )
    elif state in {"CANCELLED", "PREEMPTED"}:
        message = "P400 the batch system stopped the job (run it again)"
    elif not (folder / folders.SHEPHERD).exists():
        message = (
            "P400 the job could not begin on its machine (tell the operators; its log "
            "may say more)"
        )
    else:
        return ends.lost(folder)
    return ends.failed(JobError(message, "transient"))
