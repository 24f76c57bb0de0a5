"""A checked run as rows of the archive (the mapping of docs/reference and DATA model).

Keys are made of the publisher DID, so a run keeps its addresses when it is ingested
anew; keys of shared rows are made of their content.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distiller.core.bundle import Bundle, Row, Value
from distiller.core.identifiers import PublisherDid, key
from distiller.core.times import now
from distiller.ingest.findings import CODES
from distiller.ingest.good_time import time_moc
from distiller.ingest.performance import rad_max_deg
from distiller.ingest.provenance import provenance_rows
from distiller.ingest.run_settings import NOTHING_SAID
from distiller.ingest.shared_rows import shared_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from distiller.core.places import Place
    from distiller.ingest.fits_stream import CardValue
    from distiller.ingest.gadf import FileNote
    from distiller.ingest.index import HduRef
    from distiller.ingest.run import Run
    from distiller.ingest.run_settings import ConfigFile, RunSettings

MAPPING_VERSION = "7"
"""To be counted up when equal files give other rows, so that all are stored anew."""

ACCESS_FORMAT = "application/fits"

_TRACKING = {
    "POINTING": "sidereal",
    "WOBBLE": "sidereal",
    "RASTER": "sidereal",
    "DRIFT": "fixed-az-el-transit",
    "SLEW": "none",
}
"""What OBS_MODE says of the tracking, in the words of the High-Energy extension."""

_SCAN = {
    "POINTING": "on-source",
    "WOBBLE": "on-source",
    "RASTER": "raster-map",
    "SLEW": "slew",
}
"""What it says of how the sky was covered; a SCAN may be of several kinds."""


_VALUE_TYPES = {str: "text", int: "integer", float: "real", bool: "boolean"}


@dataclass(frozen=True, slots=True)
class Target:
    """Where runs go, and who may see them.

    Attributes
    ----------
    project
        Name of the project of the collection: its facility; None where unknown.
    title, terms
        Of the collection.
    config
        The settings file of the collection, for provenance; None: there is none.
    own
        What the settings say of the run in hand.
    """

    authority: str
    collection: str
    rights: str = "public"
    group: str | None = None
    release: datetime | None = None
    project: str | None = None
    title: str | None = None
    terms: str | None = None
    config: ConfigFile | None = None
    own: RunSettings = NOTHING_SAID

    def did(self, obs_id: str) -> str:
        """Return the publisher DID of a run."""
        return str(PublisherDid(self.authority, self.collection, obs_id))


def bundle_checksum(
    files: Sequence[FileNote],
    index_row: Mapping[str, object],
    target: Target,
    tables: Sequence[HduRef] = (),
) -> str:
    """Return the SHA-256 over all that the rows of a run are made from.

    Parameters
    ----------
    tables
        Those that an index names for the run: another table of the same file is
        another run.
    """
    made_from = {
        "mapping": MAPPING_VERSION,
        "files": [[one.role, str(one.path), one.sha256] for one in files],
        "index": index_row,
        "tables": [[one.hdu_type, str(one.path), one.hdu] for one in tables],
        "target": [
            target.authority,
            target.collection,
            target.rights,
            target.group,
            target.release.isoformat() if target.release else None,
            target.project,
            target.title,
            target.terms,
        ],
        # Of the settings only what concerns the run: a file that was changed for
        # others leaves this one alone.
        "settings": target.own.as_values(),
    }
    text = json.dumps(made_from, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def to_bundle(run: Run, target: Target, checksum: str) -> Bundle:
    """Return all rows of a run, parents before children."""
    did = target.did(run.obs_id)
    ids = _Keys(did)
    rows = shared_rows(run, target)
    rows["cta.observation"] = (_observation_row(run, target, ids, rows),)
    rows["cta.pointing"] = (_pointing_row(run, ids),)
    rows["cta.gti"] = _gti_rows(run, ids)
    rows["cta.ambient_conditions"] = (_ambient_row(run, ids),)
    rows["cta.processing"] = (_processing_row(run, ids),)
    rows["cta.product"] = (_product_row(run, target, ids),)
    rows["cta.product_file"] = _file_rows(run, ids)
    rows["cta.response"] = _response_rows(run, ids)
    rows["cta.finding"] = _finding_rows(run, ids)
    rows["cta.header_correction"] = _correction_rows(run, ids)
    rows |= provenance_rows(run, target, _title(run), checksum, MAPPING_VERSION)
    filled = {table: some for table, some in rows.items() if some}
    return Bundle(publisher_did=did, checksum=checksum, rows=filled)


@dataclass(frozen=True, slots=True)
class _Keys:
    """Keys of the rows of one dataset."""

    did: str

    def of(self, table: str, *parts: str) -> str:
        return key(table, self.did, *parts)

    @property
    def observation(self) -> str:
        return self.of("observation")

    @property
    def product(self) -> str:
        return self.of("product")

    def file(self, path: Place) -> str:
        return self.of("product_file", str(path))


def _title(run: Run) -> str:
    words = [run.sky.target_name or "Observation", f"run {run.obs_id}"]
    facility = run.array.facility
    if facility is not None and facility.lower() != "simulated":
        words[1] = f"{facility} {words[1]}"
    title = ", ".join(words)
    return f"{title} (simulated)" if run.making.simulated else title


def _observation_row(
    run: Run, target: Target, ids: _Keys, rows: Mapping[str, tuple[Row, ...]]
) -> Row:
    times = run.times
    first, last = times.intervals[0], times.intervals[-1]
    return {
        "observation_id": ids.observation,
        "obs_id": run.obs_id,
        "collection_id": key("collection", target.collection),
        "observation_block_id": _key_of(rows["cta.observation_block"]),
        "array_configuration_id": _key_of(rows["cta.array_configuration"]),
        "target_id": _key_of(rows["cta.target"]),
        "object_name": run.object_name,
        "title": _title(run),
        "obs_mode": run.obs_mode,
        "observer": run.observer,
        "t_start": first.start_utc,
        "t_stop": last.stop_utc,
        "t_start_tt": first.start_tt,
        "t_stop_tt": last.stop_tt,
        "t_elapsed": times.elapsed_s,
        "ontime": times.ontime_s,
        "livetime": times.livetime_s,
        "deadc": times.deadc,
        "n_events": run.n_events,
        "event_class": run.event_class,
        "time_system": times.system,
        "time_moc": time_moc(times.intervals),
    }


def _key_of(rows: tuple[Row, ...]) -> Value:
    """Return the key of the one row of a shared table, which comes first in it."""
    return next(iter(rows[0].values())) if rows else None


def _pointing_row(run: Run, ids: _Keys) -> Row:
    sky = run.sky
    return {
        "pointing_id": ids.of("pointing"),
        "observation_id": ids.observation,
        "ra": sky.ra,
        "dec": sky.dec,
        "glon": sky.glon,
        "glat": sky.glat,
        "alt": sky.alt,
        "az": sky.az,
        "obs_offset": sky.offset,
        "tracking_mode": _TRACKING.get(run.obs_mode or ""),
        "scan_mode": _SCAN.get(run.obs_mode or ""),
        "pointing_mode": sky.pointing_mode,
    }


def _gti_rows(run: Run, ids: _Keys) -> tuple[Row, ...]:
    return tuple(
        {
            "gti_id": ids.of("gti", str(number)),
            "observation_id": ids.observation,
            "interval_index": number,
            "t_start": one.start_utc,
            "t_stop": one.stop_utc,
            "start_tt": one.start_tt,
            "stop_tt": one.stop_tt,
            "start_met": one.start_met,
            "stop_met": one.stop_met,
            "duration": one.stop_met - one.start_met,
        }
        for number, one in enumerate(run.times.intervals)
    )


def _ambient_row(run: Run, ids: _Keys) -> Row:
    ambient = run.ambient
    return {
        "ambient_conditions_id": ids.of("ambient_conditions"),
        "observation_id": ids.observation,
        "zenith": run.sky.zenith,
        "trigger_rate": ambient.trigger_rate,
        "zenith_trigger_rate": ambient.zenith_trigger_rate,
        "air_temperature": ambient.air_temperature,
        "pressure": ambient.pressure,
        "relative_humidity": ambient.relative_humidity,
        "nsb_level": ambient.nsb_level,
        "muon_efficiency": ambient.muon_efficiency,
        "broken_pixels": ambient.broken_pixels,
        "quality": ambient.quality,
    }


def _processing_row(run: Run, ids: _Keys) -> Row:
    making = run.making
    return {
        "processing_id": ids.of("processing"),
        "observation_id": ids.observation,
        "creator": making.creator,
        "pipeline_version": making.pipeline_version,
        "dst_version": making.dst_version,
        "analysis_version": making.analysis_version,
        "calibration_version": making.calibration_version,
        "event_version": making.event_version,
        "gadf_version": making.gadf_version,
        "created": making.created,
        "origin": making.origin,
        "analysis_configuration": making.configuration,
        "simulated": making.simulated,
    }


def _product_row(run: Run, target: Target, ids: _Keys) -> Row:
    sky, can, times = run.sky, run.performance, run.times
    main = run.files[0]
    region = None
    if sky.ra is not None and sky.dec is not None and can.fov_deg is not None:
        region = (sky.ra, sky.dec, 0.5 * can.fov_deg)
    return {
        "product_id": ids.product,
        "publisher_did": ids.did,
        "obs_id": run.obs_id,
        "collection_id": key("collection", target.collection),
        "observation_id": ids.observation,
        "data_level": target.own.data_level,
        "calib_level": dict(target.own.calib_levels).get(target.own.data_level),
        "product_type": "event",
        "product_subtype": "event-list",
        "title": _title(run),
        "access_format": ACCESS_FORMAT,
        "size": main.size,
        "checksum": main.sha256,
        "created": run.making.created,
        "rights": target.rights,
        "release_date": target.release,
        "access_group": target.group,
        "s_ra": sky.ra,
        "s_dec": sky.dec,
        "s_fov": can.fov_deg,
        "s_region": region,
        "s_resolution": can.fwhm_arcsec,
        "t_min": times.intervals[0].start_utc,
        "t_max": times.intervals[-1].stop_utc,
        "t_exptime": times.ontime_s,
        "energy_min": can.energy_min_tev,
        "energy_max": can.energy_max_tev,
        "em_res_power": can.resolving_power,
        "target_name": sky.target_name,
        "facility_name": run.array.facility,
        "instrument_name": run.array.instrument,
        "creator_name": run.making.origin,
        "ingested": now(),
    }


def _file_rows(run: Run, ids: _Keys) -> tuple[Row, ...]:
    rows: list[Row] = []
    names: set[str] = set()
    events = run.files[0]
    gti = next((one for one in run.files if one.role == "gti"), events)
    for number, one in enumerate(run.files):
        name = one.path.name
        if name in names:  # names are addresses below the dataset
            name = f"{number}-{name}"
        names.add(name)
        rows.append(
            {
                "file_id": ids.file(one.path),
                "product_id": ids.product,
                "name": name,
                "path": str(one.path),
                "media_type": "application/gzip"
                if one.path.suffix.lower() == ".gz"
                else ACCESS_FORMAT,
                "size": one.size,
                "checksum": one.sha256,
                "mtime": one.mtime,
                "role": one.role,
                "events_hdu": run.events_hdu if one is events else None,
                "gti_hdu": run.gti_hdu if one is gti else None,
            }
        )
    return tuple(rows)


def _response_rows(run: Run, ids: _Keys) -> tuple[Row, ...]:
    return tuple(
        {
            "response_id": ids.of("response", str(number)),
            "observation_id": ids.observation,
            "response_type": one.response_type,
            "gadf_class": one.gadf_class,
            "enclosure": one.enclosure,
            "caldb": run.caldb,
            "irf_name": run.irf_name,
            "event_class": one.event_class,
            "configuration": one.configuration,
            "rad_max": rad_max_deg(one),
            "theta_max": one.theta_max_deg,
            "energy_min": one.energy_min_tev,
            "energy_max": one.energy_max_tev,
            "psf_fwhm": one.psf_fwhm_arcsec,
            "energy_resolution": one.energy_resolution,
            "file_id": ids.file(one.path),
            "hdu_name": one.hdu or None,
        }
        for number, one in enumerate(run.responses)
    )


def _finding_rows(run: Run, ids: _Keys) -> tuple[Row, ...]:
    return tuple(
        {
            "finding_id": ids.of("finding", str(number)),
            "product_id": ids.product,
            "code": one.code,
            "severity": one.severity,
            "message": f"{CODES[one.code].title}: {one.message}",
        }
        for number, one in enumerate(run.findings)
    )


def _correction_rows(run: Run, ids: _Keys) -> tuple[Row, ...]:
    return tuple(
        {
            "header_correction_id": ids.of("header_correction", str(number)),
            "product_id": ids.product,
            "number": number,
            "header": one.header,
            "hdu_name": _text(one.hdu or None),
            "keyword": one.keyword,
            "correct_value": _text(one.value),
            "value_type": None if one.value is None else _VALUE_TYPES[type(one.value)],
            "former_value": _text(one.former),
            "reason": one.reason,
            "file_id": None if one.path is None else ids.file(one.path),
        }
        for number, one in enumerate(run.corrections, start=1)
    )


def _text(value: CardValue) -> str | None:
    r"""Return a header value as a text that gives it back; numbers keep every bit.

    >>> _text(83.0), _text(True), _text("a\tb"), _text(None)
    ('83.0', 'true', 'a b', None)
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return "".join(c if c.isprintable() else " " for c in value)
    return repr(value)
