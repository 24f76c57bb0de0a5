"""Products that are there already: what makes two analyses one, and who may have them.

A product is known by a key over everything that its files and rows follow from. It
stands in the archive with the product, so that it outlives the job, and is made when a
job is specified, with what would make it now, and when its product is filed, with what
has made it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from distiller.analysis.products import Role
from distiller.core.rights import Terms, may_read
from distiller.core.times import dali, now
from distiller.vo.uws import Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from distiller.analysis.products import InputDataset
    from distiller.core.rights import Reader
    from distiller.jobs.spec import JobSpec
    from distiller.jobs.store import DatasetFinder
    from distiller.vo.uws import Job

_KEPT: Final = """
SELECT p.product_id, p.created, p.rights, p.release_date, p.owner, p.access_group,
       f.result_id, f.role, f.name, f.path, f.media_type, f.size
FROM cta.analysis AS a
JOIN cta.product AS p ON p.product_id = a.product_id
JOIN cta.product_file AS f ON f.product_id = p.product_id
WHERE a.configuration_key = ?
ORDER BY p.created, p.product_id, f.result_id
"""
_PATH: Final = "SELECT path FROM cta.product_file WHERE product_id = ? AND name = ?"
_ROLES: Final = get_args(Role)

# Where a file lies is not what it holds.
_PLACE: Final = frozenset({"path", "url"})
_NOT_OF_A_FILE: Final[Any] = {
    "path": True,
    "url": True,
    "gti_file": _PLACE,
    "responses": {"__all__": _PLACE},
}


@dataclass(frozen=True, slots=True)
class Kept:
    """A product that is there, whole.

    Attributes
    ----------
    made
        When (UTC).
    results
        Its files as UWS results, the product first.
    """

    product_id: str
    made: datetime
    results: tuple[Result, ...]


def configuration_key(
    spec: JobSpec, task_version: str, software: Mapping[str, str]
) -> str | None:
    """Return the SHA-256 by which the product of a job is known.

    It is the same for the same runs in another order or under other names (obs_id or
    DID), and for parameters that are left at their defaults or spelled otherwise. A
    label of the target stands in the product, and so it counts; so do name and place of
    the collection that it is filed under.

    Parameters
    ----------
    task_version, software
        What makes the product, or has made it.

    Returns
    -------
    None if the archive has no checksum of a file that goes in: nobody could tell
    whether that file is another one by now.
    """
    if not all(_checksums(spec.inputs)):
        return None
    whole = {
        "task": spec.task,
        "task_version": task_version,
        "parameters": {n: v for n, v in spec.parameters.items() if n != "obs"},
        "collection": spec.heritage.collection,
        "inputs": sorted((_input(item) for item in spec.inputs), key=_canonical),
        "software": dict(software),
    }
    return hashlib.sha256(_canonical(whole).encode()).hexdigest()


def _checksums(inputs: Iterable[InputDataset]) -> Iterable[str]:
    for item in inputs:
        yield item.checksum
        if item.gti_file is not None:
            yield item.gti_file.checksum
        for table in item.responses:
            yield table.checksum


def _input(item: InputDataset) -> dict[str, Any]:
    """Return all that is read of an input; what is added to it later counts too."""
    return item.model_dump(mode="json", exclude=_NOT_OF_A_FILE)


def _canonical(value: object) -> str:
    """Write as JSON in one way only; what is None is left out.

    >>> _canonical({"b": (1.0, -0.0), "a": None, "c": {"d": True}})
    '{"b":[1.0,0.0],"c":{"d":true}}'
    """
    return json.dumps(
        _plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(v) for name, v in value.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    # Zero has a sign that no result shows.
    return value + 0.0 if isinstance(value, float) else value


def find(archive: DatasetFinder, key: str | None, reader: Reader) -> Kept | None:
    """Return the oldest product of a key that is whole and that this reader may read.

    A file that is gone, or has another size than the archive says, is no result.
    """
    if key is None:
        return None
    products: dict[str, list[dict[str, Any]]] = {}
    for row in archive.rows(_KEPT, [key]):
        products.setdefault(row["product_id"], []).append(row)
    moment = now()
    for product_id, files in products.items():
        readable = may_read(reader, Terms.of(files[0]), moment)
        if readable and all(_is_there(file) for file in files):
            files.sort(key=lambda file: _ROLES.index(file["role"]))
            return Kept(product_id, files[0]["created"], tuple(map(_result, files)))
    return None


def _is_there(file: Mapping[str, Any]) -> bool:
    try:
        return bool(Path(file["path"]).stat().st_size == file["size"])
    except OSError:
        return False


def _result(file: Mapping[str, Any]) -> Result:
    return Result(file["result_id"], file["name"], file["media_type"], file["size"])


def path_of(archive: DatasetFinder, product_id: str, name: str) -> Path | None:
    """Return where a file of a product lies; None if the archive has it no more."""
    rows = archive.rows(_PATH, [product_id, name])
    return Path(rows[0]["path"]) if rows else None


def log_of(job: Job) -> str:
    """Return the log of a job that was given a product; nothing for one that ran."""
    if job.reused is None:
        return ""
    return (
        f"Given at once, nothing was computed: product {job.product_id} was made at "
        f"{dali(job.reused)} by the same version of {job.task}, from the same "
        "configuration and inputs, with the same libraries. With CACHE=no a job "
        "computes it anew.\n"
    )
