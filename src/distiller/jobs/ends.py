"""How a job ended: what its shepherd writes as ``state.json``, whole or not at all."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from distiller.analysis.products import ProductDescription
from distiller.core.errors import Damaged
from distiller.core.times import now
from distiller.jobs import folders
from distiller.vo.uws import JobError

if TYPE_CHECKING:
    from pathlib import Path


class End(BaseModel):
    """The end of one job.

    Attributes
    ----------
    started, ended
        UTC; ``started`` is None if nobody knows it any more.
    product
        Of a COMPLETED job.
    """

    # What a newer version wrote beside is no reason to lose a job.
    model_config = ConfigDict(frozen=True, extra="ignore")

    phase: Literal["COMPLETED", "ERROR", "ABORTED"]
    error: JobError | None
    started: datetime | None
    ended: datetime
    product: ProductDescription | None = None
    peak_memory_mb: float | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.phase == "COMPLETED") != (self.product is not None):
            message = "a COMPLETED job has a product, and no other has"
            raise ValueError(message)
        return self


def read(folder: Path) -> End | None:
    """Return how the job of a folder ended, or None if it has not.

    Raises
    ------
    Damaged
        If its record cannot be understood.
    """
    try:
        text = (folder / folders.STATE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return End.model_validate_json(text)
    except ValidationError as error:
        message = f"the record of how job {folder.name} ended cannot be read"
        raise Damaged(message, hint="run it again") from error


def completed(product: ProductDescription, started: datetime) -> End:
    """Return the end of a job that did its work."""
    return End(
        phase="COMPLETED", error=None, started=started, ended=now(), product=product
    )


def failed(error: JobError, started: datetime | None = None) -> End:
    """Return the end of a job that did not."""
    return End(phase="ERROR", error=error, started=started, ended=now())


def aborted(started: datetime | None = None) -> End:
    """Return the end of a job that its user stopped."""
    error = JobError("aborted by its user", "fatal")
    return End(phase="ABORTED", error=error, started=started, ended=now())


def is_asked(end: End) -> bool:
    """Whether a shepherd was told to end the job, by a signal or the cancel file."""
    return end.phase == "ABORTED" and end.error == aborted().error


def late(duration_s: int, started: datetime) -> End:
    """Return the end of a job that ran too long."""
    message = f"P200 the job ran longer than its executionDuration of {duration_s} s"
    error = JobError(message, "transient")
    return End(phase="ABORTED", error=error, started=started, ended=now())


def lost(folder: Path) -> End:
    """Return the end of a job whose shepherd was killed and left no word."""
    if (folder / folders.CANCEL).exists():
        return aborted()
    message = "P400 the process that watched over the job was killed (run it again)"
    return failed(JobError(message, "transient"))
