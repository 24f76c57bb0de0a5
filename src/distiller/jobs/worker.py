"""The process that does a job's work: loads the task, runs it, tells how it went."""

from __future__ import annotations

import errno
import json
import logging
import os
import resource
import sys
import traceback
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from distiller.analysis import tasks
from distiller.core.errors import DistillerError, InternalError, UserError
from distiller.core.files import sync_folder
from distiller.jobs import folders, processes
from distiller.jobs.spec import FILE, JobSpec

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.analysis.products import ProductDescription

_FILE_MAX_BYTES: Final = 8 << 30
_OPEN_MAX: Final = 1024
_MB: Final = 1 << 20


def work(folder: Path, answer: int) -> None:
    """Run the job of this folder and write its outcome, JSON, to a pipe.

    Parameters
    ----------
    answer
        File descriptor. A pipe, since the disk may be what is full.
    """
    logging.basicConfig(
        level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", force=True
    )
    logging.captureWarnings(capture=True)
    warnings.simplefilter("default")
    outcome = _outcome(folder)
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(answer, json.dumps(outcome).encode())


def _outcome(folder: Path) -> dict[str, Any]:
    memory_mb = 0
    try:
        spec = JobSpec.model_validate_json((folder / FILE).read_bytes())
        memory_mb = spec.memory_mb
        _limit(spec)
        return {"product": run(spec, folder).model_dump(mode="json")}
    except Exception as error:  # noqa: BLE001 - the edge of a job: anything is told
        if isinstance(error, DistillerError) and not isinstance(error, InternalError):
            print(f"{error.code} {error.text}", flush=True)  # noqa: T201 - into the log
        else:
            traceback.print_exc()
        message, kind = _words(error, memory_mb)
        return {"error": {"message": message, "type": kind}}


def _words(error: Exception, memory_mb: int) -> tuple[str, str]:
    """Return the message for the job's user, and whether to try again helps."""
    if isinstance(error, DistillerError):
        lasting = isinstance(error, (UserError, InternalError))
        return f"{error.code} {error.text}", "fatal" if lasting else "transient"
    if isinstance(error, MemoryError):
        return memory_message(memory_mb), "fatal"
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        words = "no space left on the disk of the jobs (free some and run again)"
        return f"P300 {words}", "transient"
    return f"I000 {type(error).__name__}: {error}", "fatal"


def run(spec: JobSpec, folder: Path) -> ProductDescription:
    """Run the task of a specification; its files are in ``result`` and on disk."""
    task = tasks.task(spec.task)
    result = folder / folders.RESULT
    result.mkdir(exist_ok=True)

    def report(fraction: float, text: str) -> None:
        print(f"{fraction:4.0%} {text}", flush=True)  # noqa: T201 - into the log
        # Progress is worth no failure; the reader wants a whole file, not a safe one.
        with suppress(OSError):
            new = folder / f".{folders.PROGRESS}"
            new.write_text(json.dumps({"fraction": fraction, "text": text}))
            new.replace(folder / folders.PROGRESS)

    configuration = task.parameters.model_validate(spec.parameters)
    report(0.0, f"Starting {task.name}")
    product = task.load()(configuration, spec.inputs, result, report)
    for file in product.files:
        with (result / file.name).open("rb") as stream:
            os.fsync(stream.fileno())
    sync_folder(result)
    report(1.0, "Filing the product")
    return product


def memory_message(memory_mb: int) -> str:
    """Say that a job needed too much memory."""
    return (
        f"U000 the job needed more than its memory limit of {memory_mb} MB "
        "(choose fewer runs, fewer pixels or fewer energy bins)"
    )


def _limit(spec: JobSpec) -> None:
    """Set limits that hold even between two looks of the shepherd."""
    data = int(processes.data_mb() + spec.memory_mb) * _MB
    resource.setrlimit(resource.RLIMIT_DATA, (data, data))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_MAX_BYTES, _FILE_MAX_BYTES))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _OPEN_MAX if most == resource.RLIM_INFINITY else min(_OPEN_MAX, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
