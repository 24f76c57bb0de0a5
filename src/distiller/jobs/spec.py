"""What a job is to do, complete: written as ``job.json`` into its folder.

Everything is decided when the job is queued: which files, which position, which limits.
The process that runs it needs no database, and the network only for inputs in a store.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from distiller.analysis.products import InputDataset
from distiller.core.errors import Damaged

FILE: Final = "job.json"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Heritage(_Frozen):
    """What a product takes over from its inputs: the strictest of their rights.

    Attributes
    ----------
    collection, collection_id
        Where the product is filed.
    rights, release_date, access_group
        As in ``cta.product``; two different groups leave the owner only.
    """

    collection: str
    collection_id: str
    rights: Literal["public", "proprietary"]
    release_date: datetime | None
    access_group: str | None
    facility_name: str | None
    instrument_name: str | None
    target_name: str | None


class JobSpec(_Frozen):
    """One job, ready to run.

    Attributes
    ----------
    parameters
        The task's parameters with the centre resolved, as JSON.
    duration_s
        Longest run by the wall clock.
    memory_mb
        Most memory of all its processes together.
    cpus
        Most processor cores that they run on.
    cpu_s
        Most CPU time of all of them together; None in records of older versions.
    nice
        By how much their priority is lower than that of who watches over them.
    """

    # What another version wrote beside is no reason to refuse a queued job.
    model_config = ConfigDict(frozen=True, extra="ignore")

    job_id: str
    task: str
    task_version: str
    owner: str | None
    parameters: dict[str, Any]
    inputs: tuple[InputDataset, ...]
    heritage: Heritage
    duration_s: int
    memory_mb: int
    cpus: int = 1
    cpu_s: int | None = None
    nice: int = 0

    @classmethod
    def read(cls, text: str | bytes) -> JobSpec:
        """Read what was stored when the job was queued.

        Raises
        ------
        Damaged
            If this version of the program cannot understand it.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            place = ".".join(str(part) for part in error.errors()[0]["loc"])
            message = f"the stored record of the job cannot be read (at {place or '0'})"
            raise Damaged(message, hint="make it again") from error
