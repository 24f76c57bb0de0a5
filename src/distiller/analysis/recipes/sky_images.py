"""Runs as images of their fields of view, each from its own energy threshold on."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from gammapy.datasets import MapDataset
from gammapy.estimators import ExcessMapEstimator
from gammapy.makers import MapDatasetMaker, SafeMaskMaker
from gammapy.maps import Map, MapAxis, WcsGeom, WcsNDMap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gammapy.data import Observation, Observations

Floats = np.typing.NDArray[np.float64]
Flags = np.typing.NDArray[np.bool_]
Images = dict[str, Floats]
Box = tuple[slice, slice]


class NothingToMapError(ValueError):
    """No run has anything in the field, energies and times that were asked for."""


@dataclass(frozen=True)
class Plan:
    """What is made into which pixels, as configuration.yaml says it.

    Attributes
    ----------
    report
        Told of the progress, 0 to 1.
    """

    observations: Observations
    geom: WcsGeom
    parameters: Mapping[str, Any]
    report: Callable[[float, str], None]


@dataclass
class View:
    """One run as an image of its field of view.

    Attributes
    ----------
    box
        Where the image lies in the map.
    row
        What is said of the run in the table of runs.
    """

    box: Box
    cube: MapDataset
    row: dict[str, Any]


def pixels(parameters: Mapping[str, Any]) -> WcsGeom:
    """Return the pixels of the map."""
    width, height = parameters["width"]
    binsz = parameters["binsz"]
    return WcsGeom.create(
        skydir=SkyCoord(parameters["ra"], parameters["dec"], unit="deg", frame="icrs"),
        npix=(max(1, round(width / binsz)), max(1, round(height / binsz))),
        binsz=binsz,
        proj=parameters["proj"],
        frame=parameters["frame"],
    )


def outside(geom: WcsGeom, parameters: Mapping[str, Any]) -> Flags:
    """Return which pixels lie outside of all circles that are left out."""
    circles = [tuple(circle) for circle in parameters["exclude"]]
    if parameters["exclude_target"] > 0:
        centre = (parameters["ra"], parameters["dec"], parameters["exclude_target"])
        circles.append(centre)
    used: Flags = np.ones(geom.data_shape, dtype=bool)
    for ra, dec, radius in circles:
        used &= geom.separation(SkyCoord(ra, dec, unit="deg")).deg > radius
    return used


def significant(
    geom: WcsGeom, significance: Floats, parameters: Mapping[str, Any]
) -> Flags:
    """Return which pixels the second pass leaves out, with a margin around them."""
    threshold = parameters["exclude_above"]
    if threshold <= 0:
        return np.zeros(geom.data_shape, dtype=bool)
    high = np.asarray(np.nan_to_num(significance, nan=-np.inf) > threshold)
    margin = parameters["exclude_margin"]
    if margin < parameters["binsz"] or not high.any():
        return high
    grown = WcsNDMap(geom, high).binary_dilate(width=margin * u.deg)
    return np.asarray(grown.data, dtype=bool)


def safe_energies(
    observation: Observation, parameters: Mapping[str, Any]
) -> tuple[float, float]:
    """Return the energies of a run that are used, TeV: within its thresholds."""
    low, high = parameters["e_min"], parameters["e_max"]
    if parameters["safe_range"] == "thresholds":
        meta = observation.aeff.meta
        low = max(low, _limit(meta, "LO_THRES") or low)
        high = min(high, _limit(meta, "HI_THRES") or high)
    return low, high


def _limit(meta: Mapping[str, Any], keyword: str) -> float | None:
    """Return a threshold, TeV; None: the run has none."""
    try:
        value = float(meta.get(keyword))  # type: ignore[arg-type]  # what is no number is refused
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) and value > 0 else None


def views(plan: Plan) -> Iterator[View]:
    """Bin one run after the other that has something of the map in its view."""
    geom, parameters = plan.geom, plan.parameters
    for number, observation in enumerate(plan.observations):
        done = 0.8 * number / len(plan.observations)
        plan.report(done, f"Binning run {observation.obs_id}")
        low, high = safe_energies(observation, parameters)
        pointing = observation.get_pointing_icrs(observation.tmid)
        near = geom.separation(pointing).deg < parameters["offset_max"]
        if low >= high or not near.any():
            continue
        box = _box(near)
        bins = math.ceil(parameters["bins_per_decade"] * math.log10(high / low) - 1e-9)
        axis = MapAxis.from_energy_bounds(low, high, max(1, bins), unit="TeV")
        cube = cropped(geom, box).to_cube([axis])
        name = f"run {observation.obs_id}"
        empty = MapDataset(counts=Map.from_geom(cube), name=name)
        maker = MapDatasetMaker(selection=["counts", "background"])
        safe = SafeMaskMaker(
            methods=["offset-max"], offset_max=parameters["offset_max"] * u.deg
        )
        # Gammapy's metadata take a whole number only, where an archive has any name.
        numbered = copy.copy(observation)
        numbered.obs_id = number
        dataset = safe.run(maker.run(empty, numbered), numbered)
        row = {
            "obs_id": str(observation.obs_id),
            "has_threshold": _limit(observation.aeff.meta, "LO_THRES") is not None,
            "e_min": low * u.TeV,
            "e_max": high * u.TeV,
            "livetime": observation.observation_live_time_duration.to(u.s),
        }
        yield View(box, dataset, row)


def _box(near: Flags) -> Box:
    """Return the smallest box that holds all pixels of a field of view."""
    rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def cropped(geom: WcsGeom, box: Box) -> WcsGeom:
    """Return the part of a map that a box holds; the map itself if it is all."""
    rows, columns = box
    shape = (columns.stop - columns.start, rows.stop - rows.start)
    if shape[::-1] == geom.data_shape:
        return geom
    return WcsGeom(geom.wcs[rows, columns], npix=shape)


def disc(image: MapDataset, parameters: Mapping[str, Any]) -> Floats:
    """Return the disc of correlation, 1 within it, as ExcessMapEstimator has it."""
    estimator = ExcessMapEstimator(parameters["radius"] * u.deg)
    kernel = estimator.estimate_kernel(image).data
    return np.asarray(kernel / kernel.max())


def check_seen(seen: Flags, counts: Floats, parameters: Mapping[str, Any]) -> None:
    """Refuse a map on which no run has seen anything.

    Raises
    ------
    NothingToMapError
        Saying what was looked for.
    """
    wanted = (
        f"{parameters['e_min']:g} to {parameters['e_max']:g} TeV within "
        f"{parameters['offset_max']:g} deg of its pointing on this map"
    )
    if not seen.any():
        message = f"no run has good time, safe energies and a background from {wanted}"
        if "exclusion_file" in parameters:
            message += ", outside of what the exclusion file and circles leave out"
        raise NothingToMapError(message)
    if not counts.any():
        message = f"no run has events from {wanted}"
        raise NothingToMapError(message)
