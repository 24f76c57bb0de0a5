"""The process that does a job's work: loads the task, runs it, tells how it went."""

from __future__ import annotations

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
from distiller.core.errors import DistillerError
from distiller.core.files import sync_folder
from distiller.jobs import failures, fetching, folders, processes, sent_files
from distiller.jobs.spec import FILE, JobSpec
from distiller.vo.uws import JobError

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.analysis.products import ProductDescription

_FILE_MAX_BYTES: Final = 8 << 30
_OPEN_MAX: Final = 1024
_MB: Final = 1 << 20
_CPU_MARGIN_S: Final = 5
"""The shepherd sees the sum of all processes, and says what is wrong; it goes first."""


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
    # The log may stand on a full disk; the answer matters more.
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    say(answer, outcome)


def say(answer: int, outcome: ProductDescription | JobError) -> None:
    """Write an outcome as JSON: ``{"product": ...}`` or ``{"error": ...}``."""
    data: dict[str, Any]
    if isinstance(outcome, JobError):
        data = {"error": {"message": outcome.message, "type": outcome.type}}
    else:
        data = {"product": outcome.model_dump(mode="json")}
    os.write(answer, json.dumps(data).encode())


def _outcome(folder: Path) -> ProductDescription | JobError:
    memory_mb = 0
    try:
        spec = JobSpec.model_validate_json((folder / FILE).read_bytes())
        memory_mb = spec.memory_mb
        _limit(spec)
        return run(spec, folder)
    except Exception as error:  # noqa: BLE001 - the edge of a job: anything is told
        told = failures.told(error, memory_mb=memory_mb)
        with suppress(OSError):
            print(told.message, flush=True)  # noqa: T201 - into the log
            if not isinstance(error, DistillerError):
                # The log is its user's; where a defect stands is for the operators.
                text = "".join(traceback.format_exception(error))
                (folder / folders.FAULT).write_text(text, encoding="utf-8")
        return told


def run(spec: JobSpec, folder: Path) -> ProductDescription:
    """Run the task of a specification; its files are in ``result`` and on disk."""
    task = tasks.runnable(spec.task)
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
    configuration = configuration.with_files(sent_files.at_hand(folder, configuration))
    report(0.0, f"Starting {task.name}")
    with fetching.at_hand(spec.inputs, folder) as inputs:
        product = task.load()(configuration, inputs, result, report)
    for file in product.files:
        with (result / file.name).open("rb") as stream:
            os.fsync(stream.fileno())
    sync_folder(result)
    report(1.0, "Filing the product")
    return product


def _limit(spec: JobSpec) -> None:
    """Set limits that hold even between two looks of the shepherd."""
    data = int(processes.data_mb() + spec.memory_mb) * _MB
    resource.setrlimit(resource.RLIMIT_DATA, (data, data))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_MAX_BYTES, _FILE_MAX_BYTES))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _OPEN_MAX if most == resource.RLIM_INFINITY else min(_OPEN_MAX, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    if spec.cpu_s is not None:
        cpu_s = spec.cpu_s + _CPU_MARGIN_S
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + _CPU_MARGIN_S))
