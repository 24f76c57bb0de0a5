"""The end of a job: its files into the house, its rows into the archive.

Every step may be done again: the keys follow from the job's id, the files move once.
The id itself opens a job that nobody owns, so that nothing published may hold it: a
product is named by a hash of it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import yaml

from distiller.core.bundle import Bundle, Row
from distiller.core.errors import Damaged
from distiller.core.files import sha256, sync_folder
from distiller.core.identifiers import PublisherDid, key
from distiller.core.times import now
from distiller.jobs import cache, failures, folders
from distiller.jobs.provenance import provenance_rows
from distiller.jobs.result_rows import result_rows
from distiller.vo.provenance import dataset_entity
from distiller.vo.uws import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from distiller.analysis.products import ProductDescription, ProductFile
    from distiller.core.settings import Settings
    from distiller.jobs.ends import End
    from distiller.jobs.spec import JobSpec

_CONFIGURATION: Final = "configuration.yaml"
_Loader: Final = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


def product_id(job_id: str) -> str:
    """Return the id of a job's product: the same each time, and not to be turned round.

    It is the SHA-1 of 122 random bits (UUID 5 of a UUID 4).
    """
    return key("product", job_id)


@contextmanager
def handling_files() -> Iterator[None]:
    """Say what trouble with the files of a product means.

    Raises
    ------
    NoSpace, Unreachable
        If the disk is full, away or not to be written: try again later.
    Damaged
        If a file that ought to be there is not.
    """
    try:
        yield
    except OSError as error:
        raise failures.of_files(error, "filing the product") from error


def move_files(folder: Path, target: Path) -> None:
    """Move a job's results to where products live; all of them or none.

    Raises
    ------
    OSError
        See `handling_files`.
    Damaged
        If there are neither results nor a product.
    """
    source = folder / folders.RESULT
    if target.is_dir():
        return
    if not source.is_dir():
        message = f"job {folder.name} has ended, but its results are gone"
        raise Damaged(message, hint="run it again")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(source, target)
    sync_folder(target.parent)


def _copy(source: Path, target: Path) -> None:
    """Copy to another file system, with one rename at the end."""
    partial = folders.partial(target)
    try:
        partial.mkdir()
        # Not `copytree`: it gathers errors and forgets which of them is a full disk.
        for path in source.iterdir():
            shutil.copy2(path, partial / path.name)
            with (partial / path.name).open("rb") as stream:
                os.fsync(stream.fileno())
        sync_folder(partial)
        partial.rename(target)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    folders.remove(source)


def results(product: ProductDescription, target: Path) -> tuple[Result, ...]:
    """Return the UWS results of a product whose files are in place."""
    return tuple(
        Result(f.result_id, f.name, f.media_type, (target / f.name).stat().st_size)
        for f in product.files
    )


def publisher_did(spec: JobSpec, settings: Settings) -> str:
    """Return the DID of a job's product."""
    did = PublisherDid(settings.authority, spec.heritage.collection, _obs_id(spec))
    return str(did)


def _obs_id(spec: JobSpec) -> str:
    return f"{spec.task}/{product_id(spec.job_id)}"


def bundle(
    spec: JobSpec,
    product: ProductDescription,
    end: End,
    target: Path,
    settings: Settings,
) -> Bundle:
    """Return all rows of a product; the same each time for the same job."""
    did = publisher_did(spec, settings)
    sums = {f.name: sha256(target / f.name) for f in product.files}
    digest = hashlib.sha256("\n".join(sorted(sums.values())).encode()).hexdigest()
    files = tuple(_file_row(spec, f, target, sums[f.name]) for f in product.files)
    text = (target / _CONFIGURATION).read_text(encoding="utf-8")
    record = yaml.load(text, _Loader)  # noqa: S506 - a safe one
    software = record["software"]
    # With what has made it: another version may have queued it.
    version = str(record.get("task_version", spec.task_version))
    analysis: Row = {
        **_analysis_row(spec, product, end),
        "configuration": text,
        "configuration_key": cache.configuration_key(spec, version, software),
        "software": "\n".join(f"{name}=={ver}" for name, ver in software.items()),
    }
    history = provenance_rows(
        spec,
        product,
        end,
        entity=dataset_entity(did, sums[product.files[0].name]),
        configuration=text,
        configuration_sha256=sums[_CONFIGURATION],
        software=software,
    )
    return Bundle(
        publisher_did=did,
        checksum=digest,
        rows={
            # Its runs, and the collection with them, may have been removed meanwhile.
            "cta.collection": (
                {
                    "collection_id": spec.heritage.collection_id,
                    "name": spec.heritage.collection,
                },
            ),
            "cta.product": (
                _product_row(spec, product, did, target, sums)
                | {"created": end.ended, "ingested": now()},
            ),
            "cta.product_file": files,
            "cta.analysis": (analysis,),
            "cta.analysis_input": tuple(
                {
                    "analysis_input_id": key(spec.job_id, item.did),
                    "analysis_id": analysis["analysis_id"],
                    "input_did": item.did,
                    "input_checksum": item.checksum or None,
                    "position": position,
                }
                for position, item in enumerate(spec.inputs)
            ),
            **result_rows(product, str(analysis["analysis_id"])),
            **history,
        },
    )


def _product_row(
    spec: JobSpec,
    product: ProductDescription,
    did: str,
    target: Path,
    sums: Mapping[str, str],
) -> dict[str, Any]:
    main = product.files[0]
    heritage = spec.heritage
    return {
        "product_id": product_id(spec.job_id),
        "publisher_did": did,
        "obs_id": _obs_id(spec),
        "collection_id": heritage.collection_id,
        "observation_id": None,
        "data_level": product.data_level,
        "product_type": product.product_type,
        "product_subtype": product.product_subtype,
        "title": product.title,
        "description": product.description,
        "access_format": main.media_type,
        "size": (target / main.name).stat().st_size,
        "checksum": sums[main.name],
        "rights": heritage.rights,
        "release_date": heritage.release_date,
        "owner": spec.owner,
        "access_group": heritage.access_group,
        "s_ra": product.s_ra_deg,
        "s_dec": product.s_dec_deg,
        "s_fov": product.s_fov_deg,
        "s_region": product.s_region_deg,
        "s_resolution": product.s_resolution_arcsec,
        "s_xel1": product.s_xel1,
        "s_xel2": product.s_xel2,
        "s_pixel_scale": product.s_pixel_scale_arcsec,
        "t_min": product.t_min_mjd,
        "t_max": product.t_max_mjd,
        "t_exptime": product.t_exptime_s,
        "t_xel": product.t_xel,
        "energy_min": product.energy_min_tev,
        "energy_max": product.energy_max_tev,
        "em_xel": product.em_xel,
        "em_res_power": None,
        "o_ucd": product.o_ucd,
        "o_unit": product.o_unit,
        "target_name": product.target_name or heritage.target_name,
        "facility_name": heritage.facility_name,
        "instrument_name": heritage.instrument_name,
        "creator_name": spec.owner,
    }


def _file_row(spec: JobSpec, file: ProductFile, target: Path, checksum: str) -> Row:
    path = target / file.name
    status = path.stat()
    return {
        "file_id": key(spec.job_id, file.name),
        "product_id": product_id(spec.job_id),
        "role": file.role,
        "result_id": file.result_id,
        "name": file.name,
        "path": str(path),
        "media_type": file.media_type,
        "size": status.st_size,
        "checksum": checksum,
        "mtime": datetime.fromtimestamp(int(status.st_mtime), UTC).replace(tzinfo=None),
    }


def _analysis_row(spec: JobSpec, product: ProductDescription, end: End) -> Row:
    return {
        "analysis_id": key("analysis", spec.job_id),
        "product_id": product_id(spec.job_id),
        "task": spec.task,
        "task_version": spec.task_version,
        "limitations": "\n".join(product.limits) or None,
        "started": end.started,
        "ended": end.ended,
        "owner": spec.owner,
    }
