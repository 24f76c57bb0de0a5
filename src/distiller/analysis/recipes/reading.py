"""DL3 observations from FITS tables, as the configuration of a product names them."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from astropy import units as u
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time
from gammapy.data import (
    GTI,
    FixedPointingInfo,
    Observation,
    ObservationMetaData,
    Observations,
)
from gammapy.data.io import EventListReader
from gammapy.irf import IRF_REGISTRY, RadMax2D

from distiller.analysis.recipes.time_reference import complete

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_PLACE = {"GEOLON": 0.0, "GEOLAT": 0.0, "ALTITUDE": 0.0}


def observation(
    obs_id: str,
    events: fits.BinTableHDU,
    gti: fits.BinTableHDU,
    responses: Mapping[tuple[str, str], fits.BinTableHDU],
) -> Observation:
    """Return the observation that these tables of a run are.

    Parameters
    ----------
    responses
        By kind and class, such as ``("psf", "psf_3gauss")``. A cut on direction that
        stands in a point-like effective area (GADF 0.2) is taken as the table RAD_MAX
        would be (GADF 0.3).
    """
    found: dict[str, Any] = {
        kind: IRF_REGISTRY.get_cls(name).from_table(Table.read(hdu))
        for (kind, name), hdu in responses.items()
    }
    area = found.get("aeff")
    has_cut = area is not None and area.is_pointlike and "RAD_MAX" in area.meta
    if has_cut and "rad_max" not in found:
        found["rad_max"] = RadMax2D.from_irf(area)
    rows = EventListReader.from_gadf_hdu(events)
    header = rows.table.meta
    meta = _metadata(header)
    return Observation(
        obs_id=obs_id,
        events=rows,
        gti=GTI.from_table_hdu(gti),
        pointing=FixedPointingInfo.from_fits_header(header),
        meta=meta,
        location=meta.location,
        **found,
    )


def _metadata(header: Mapping[str, Any]) -> ObservationMetaData:
    """Read a header as Gammapy does, which fails where it does not say the place.

    Only backgrounds that are aligned to the horizon need the place.
    """
    if header.keys() >= _PLACE.keys():
        return ObservationMetaData.from_header(header)
    meta = ObservationMetaData.from_header({**_PLACE, **header})
    meta.location = None
    return meta


def within(
    observations: Observations, t_min: float | None, t_max: float | None
) -> Observations:
    """Cut observations to [t_min, t_max) (MJD, UTC); those with no good time go."""
    if t_min is None and t_max is None:
        return observations
    found = Observations()
    for one in observations:
        # No further than the run: astropy warns of years that have no leap seconds yet.
        low = one.gti.time_start.utc.mjd.min() - 1.0
        high = one.gti.time_stop.utc.mjd.max() + 1.0
        low = low if t_min is None else max(t_min, low)
        high = high if t_max is None else min(t_max, high)
        if low >= high:
            continue
        cut = one.select_time(Time([low, high], format="mjd", scale="utc"))
        # Gammapy cannot sum the times of a table without rows.
        if len(cut.gti.table) and cut.gti.time_sum > 0 * u.s:
            found.append(cut)
    return found


def observations(configuration: Mapping[str, Any], folder: Path) -> Observations:
    """Read the inputs of a configuration from below a folder.

    Raises
    ------
    SystemExit
        If a file is not there, or is not the one that the product was made from.
    """
    return Observations([_input(item, folder) for item in configuration["inputs"]])


def _input(item: Mapping[str, Any], folder: Path) -> Observation:
    sums = {item["file"]: item["sha256"]}
    if "gti_file" in item:
        sums[item["gti_file"]] = item["gti_sha256"]
    sums |= {one["file"]: one["sha256"] for one in item.get("responses", ())}
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(fits.open(_file(folder, name, checksum)))
            for name, checksum in sums.items()
        }
        for one in item.get("header_corrections", ()):
            _correct(files[one["file"]], one)
        events = _table(files[item["file"]], item.get("events_hdu", "EVENTS"))
        gti_file = files[item.get("gti_file", item["file"])]
        gti = _table(gti_file, item.get("gti_hdu", "GTI"))
        complete(events.header, gti.header)
        responses = {
            (one["kind"], one["class"]): _table(files[one["file"]], one["hdu"])
            for one in item.get("responses", ())
        }
        return observation(item["obs_id"], events, gti, responses)


def sent_file(item: Mapping[str, Any], folder: Path, beside: Path) -> Path:
    """Return a file that was sent along with a job, from beside its configuration.

    Or from below the folder with the data. Its name may have a beginning of its own, as
    that of a downloaded result has.

    Raises
    ------
    SystemExit
        If it is not there, or is another one.
    """
    name = item["file"]
    places = [*beside.glob(f"*{name}"), *sorted(folder.rglob(f"*{name}"))]
    where = f"beside the configuration, in {beside.absolute()}, nor below {folder}"
    return _right(places, name, item["sha256"], f"neither {where}")


def _file(folder: Path, name: str, checksum: str) -> Path:
    """Return the file of that name whose content is right."""
    places = sorted(folder.rglob(name))
    return _right(places, name, checksum, f"not below {folder}")


def _right(places: Sequence[Path], name: str, checksum: str, missing: str) -> Path:
    """Return the place whose content is right; ``missing`` says where there is none."""
    for path in places:
        if not checksum or hashlib.sha256(path.read_bytes()).hexdigest() == checksum:
            return path
    if places:
        message = f"{name} is not the file that was used (sha256 {checksum})"
    else:
        message = f"{name} is {missing}"
    raise SystemExit(message)


def _table(hdus: fits.HDUList, hdu: str) -> fits.BinTableHDU:
    """Return a table by its name, or by ``+`` and its number."""
    return hdus[int(hdu) if hdu.startswith("+") else hdu]


def _correct(hdus: fits.HDUList, one: Mapping[str, Any]) -> None:
    """Put right a header as it was for the product."""
    for hdu in hdus:
        if hdu.name == one["hdu"].upper():
            hdu.header.remove(one["keyword"], ignore_missing=True, remove_all=True)
            if not one.get("drop"):
                hdu.header[one["keyword"]] = one["value"]
