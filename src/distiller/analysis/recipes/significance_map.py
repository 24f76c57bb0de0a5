"""Significance of the excess within a disc around each pixel, in plain Gammapy.

Each run is binned from its own energy threshold on, in energies and pixels, and summed
over energies; its background is taken from a ring around each pixel (Berge, Funk &
Hinton 2007), or from the model of its field of view, fitted outside of the excluded
regions. Discs, rings and backgrounds of all runs are added up and give the significance
of Li & Ma (1983), or that of counts above a known background.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from gammapy.datasets import MapDataset
from gammapy.estimators import ExcessMapEstimator
from gammapy.estimators.utils import find_peaks
from gammapy.makers import (
    FoVBackgroundMaker,
    MapDatasetMaker,
    RingBackgroundMaker,
    SafeMaskMaker,
)
from gammapy.maps import Map, MapAxis, WcsGeom, WcsNDMap
from gammapy.modeling.models import FoVBackgroundModel, PowerLawNormSpectralModel
from gammapy.stats import CashCountsStatistic, WStatCountsStatistic
from scipy.stats import norm

from distiller.analysis.recipes.reading import within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from gammapy.data import Observation, Observations

PEAK_SIGMA = 5.0
"""From which significance on a local maximum is listed."""

COVERED_MIN = 0.01
"""A ring of which less lies outside of excluded regions gives no background."""

TILT_COUNTS = 100
"""With fewer events outside of excluded regions a slope of energies is not fitted."""

BIN_SIGMA = 0.2
"""Width of a bin of the distribution of significances."""

UNITS = {"ACCEPTANCE": "", "ALPHA": "", "SIGNIFICANCE": "", "OFF_FRACTION": ""}
"""Of the maps that are not in counts."""

Floats = np.typing.NDArray[np.float64]
Flags = np.typing.NDArray[np.bool_]
Images = dict[str, Floats]
Box = tuple[slice, slice]


class NothingToMap(ValueError):
    """No run has anything in the field, energies and times that were asked for."""


@dataclass
class Made:
    """A significance map and all that belongs to it.

    Attributes
    ----------
    maps
        Images by name, NaN where no run looked.
    used
        Where pixels count as background: outside of excluded regions.
    off
        Which significances stand for an empty sky: whose discs lie in ``used``.
    runs
        One row for each run that was used.
    histogram
        The distribution of significances.
    peaks
        Local maxima from 5 sigma on.
    fit
        ``mean`` and ``width`` of the normal distribution that fits ``off``, their
        errors, and in ``independent`` how many discs fit side by side into ``off``.
    found
        Pixels that the second pass left out because the first was significant there.
    """

    geom: WcsGeom
    maps: Images
    used: Flags
    off: Flags
    runs: Table
    histogram: Table
    peaks: Table
    fit: dict[str, float]
    found: int


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


def make(
    observations: Observations,
    parameters: Mapping[str, Any],
    report: Callable[[float, str], None] = lambda _fraction, _text: None,
) -> Made:
    """Make a significance map.

    Parameters
    ----------
    observations
        With effective area and background.
    parameters
        As in configuration.yaml.
    report
        Told of the progress, 0 to 1.

    Raises
    ------
    NothingToMap
        If no run has good time, energies and field of view in common with the map.
    """
    chosen = within(observations, parameters.get("t_min"), parameters.get("t_max"))
    geom = pixels(parameters)
    used = outside(geom, parameters)
    passes = _ring if parameters["method"] == "ring" else _field
    views: list[View] = []
    maps = passes(chosen, geom, used, parameters, views, report)
    found = significant(geom, maps["SIGNIFICANCE"], parameters) & used
    if found.any():
        report(0.85, "Again, without what is significant")
        used = used & ~found
        maps = passes(chosen, geom, used, parameters, views, report)
    report(0.95, "Looking at the significances")
    off = _off(geom, used, maps, parameters)
    fit = _fit(maps["SIGNIFICANCE"][off], geom, parameters)
    return Made(
        geom=geom,
        maps=maps,
        used=used,
        off=off,
        runs=Table([view.row for view in views]),
        histogram=_histogram(maps["SIGNIFICANCE"], off, fit),
        peaks=_peaks(geom, maps, parameters),
        fit=fit,
        found=int(found.sum()),
    )


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
    used = np.ones(geom.data_shape, dtype=bool)
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
    high = np.nan_to_num(significance, nan=-np.inf) > threshold
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
    if parameters["safe_range"]:
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


def _views(
    observations: Observations, geom: WcsGeom, parameters: Mapping[str, Any]
) -> Iterator[View]:
    """Bin one run after the other that has something of the map in its view."""
    for observation in observations:
        low, high = safe_energies(observation, parameters)
        pointing = observation.get_pointing_icrs(observation.tmid)
        near = geom.separation(pointing).deg < parameters["offset_max"]
        if low >= high or not near.any():
            continue
        box = _box(near)
        bins = math.ceil(parameters["bins_per_decade"] * math.log10(high / low) - 1e-9)
        axis = MapAxis.from_energy_bounds(low, high, max(1, bins), unit="TeV")
        cube = _cropped(geom, box).to_cube([axis])
        name = f"run-{observation.obs_id}"
        empty = MapDataset(counts=Map.from_geom(cube), name=name)
        maker = MapDatasetMaker(selection=["counts", "background"])
        safe = SafeMaskMaker(
            methods=["offset-max"], offset_max=parameters["offset_max"] * u.deg
        )
        dataset = safe.run(maker.run(empty, observation), observation)
        row = {
            "obs_id": str(observation.obs_id),
            "e_min": low * u.TeV,
            "e_max": high * u.TeV,
            "livetime": observation.observation_live_time_duration.to(u.s),
        }
        yield View(box, dataset, row)


def _box(near: Flags) -> Box:
    """Return the smallest box that holds all pixels of a field of view."""
    rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _cropped(geom: WcsGeom, box: Box) -> WcsGeom:
    rows, columns = box
    shape = (columns.stop - columns.start, rows.stop - rows.start)
    if shape[::-1] == geom.data_shape:
        return geom
    return WcsGeom(geom.wcs[rows, columns], npix=shape)


def _disc(image: MapDataset, parameters: Mapping[str, Any]) -> Floats:
    """Return the disc of correlation, 1 within it, as ExcessMapEstimator has it."""
    estimator = ExcessMapEstimator(parameters["radius"] * u.deg)
    kernel: Floats = estimator.estimate_kernel(image).data
    return kernel / kernel.max()


def _ring(  # noqa: PLR0913 - both methods are called alike
    observations: Observations,
    geom: WcsGeom,
    used: Flags,
    parameters: Mapping[str, Any],
    views: list[View],
    report: Callable[[float, str], None],
) -> Images:
    """Take the background of each run from rings.

    ``views`` holds the images of the runs, once these have been made.
    """
    if not views:
        for view in _views(observations, geom, parameters):
            report(0.8 * len(views) / len(observations), f"Binning {view.cube.name}")
            view.cube = view.cube.to_image(name=view.cube.name)
            views.append(view)
    names = ("CORRELATED_COUNTS", "CORRELATED_BACKGROUND", "COUNTS", "BACKGROUND")
    more = ("COUNTS_OFF", "ACCEPTANCE", "_ON", "_OFF", "_WHOLE")
    sums = {name: np.zeros(geom.data_shape) for name in (*names, *more)}
    seen = np.zeros(geom.data_shape, dtype=bool)
    for view in views:
        for name, image in _in_rings(view, geom, used, parameters).items():
            if name == "_SEEN":
                seen[view.box] |= image > 0
            else:
                sums[name][view.box] += image
        inside = seen[view.box] & used[view.box]
        view.row["counts"] = int(view.cube.counts.data.sum())
        view.row["counts_outside"] = int(view.cube.counts.data[0][inside].sum())
        view.row["background_norm"] = _norm(view, inside)
    _some(views, seen, parameters)
    on, off = sums["CORRELATED_COUNTS"], sums["COUNTS_OFF"]
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha = sums["CORRELATED_BACKGROUND"] / off
        alpha = np.where(off > 0, alpha, sums["_ON"] / sums["_OFF"])
        significance = WStatCountsStatistic(on, off, alpha).sqrt_ts
        fraction = sums["_OFF"] / sums["_WHOLE"]
    maps = {"SIGNIFICANCE": significance, **{name: sums[name] for name in names}}
    maps |= {"COUNTS_OFF": off, "ALPHA": alpha, "OFF_FRACTION": fraction}
    return _finished(maps | {"ACCEPTANCE": sums["ACCEPTANCE"]}, seen)


def _in_rings(
    view: View, geom: WcsGeom, used: Flags, parameters: Mapping[str, Any]
) -> Images:
    """Return what one run adds: counts on and off, and acceptances; 0 where masked."""
    image = view.cube
    outside_map = WcsNDMap(_cropped(geom, view.box), used[view.box])
    maker = RingBackgroundMaker(
        r_in=parameters["r_in"] * u.deg,
        width=parameters["ring_width"] * u.deg,
        exclusion_mask=outside_map,
    )
    on_off = maker.run(image)
    disc = _disc(image, parameters)
    mask = image.mask_safe
    whole = image.background.convolve(maker.kernel(image.counts).array).data[0]
    acceptance_off = on_off.acceptance_off.data[0]
    # Convolutions by Fourier transforms leave noise where nothing is.
    seen = mask.data[0] & (acceptance_off > COVERED_MIN * whole)
    counts_off = np.rint(on_off.counts_off.data[0])
    counts = np.rint((image.counts * mask).convolve(disc).data[0])
    acceptance = image.background.data[0]
    acceptance_on = (image.background * mask).convolve(disc).data[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        per_off = np.where(seen, counts_off / acceptance_off, 0.0)
    found = {
        "CORRELATED_COUNTS": counts,
        "CORRELATED_BACKGROUND": acceptance_on * per_off,
        "COUNTS": image.counts.data[0],
        "BACKGROUND": acceptance * per_off,
        "COUNTS_OFF": counts_off,
        "ACCEPTANCE": acceptance,
        "_ON": acceptance_on,
        "_OFF": acceptance_off,
        "_WHOLE": whole,
    }
    kept = {name: np.where(seen, data, 0.0) for name, data in found.items()}
    return kept | {"_SEEN": seen.astype(float)}


def _norm(view: View, inside: Flags) -> float:
    """Return events outside of excluded regions over those that the model predicts."""
    predicted = float(view.cube.background.data[0][inside].sum())
    counted = float(view.cube.counts.data[0][inside].sum())
    return counted / predicted if predicted > 0 else math.nan


def _field(  # noqa: PLR0913 - both methods are called alike
    observations: Observations,
    geom: WcsGeom,
    used: Flags,
    parameters: Mapping[str, Any],
    views: list[View],
    report: Callable[[float, str], None],
) -> Images:
    """Take the background of each run from its model, fitted outside.

    Cubes are too large to be kept: a second pass makes them again.
    """
    views.clear()
    counts, background = np.zeros((2, *geom.data_shape))
    seen = np.zeros(geom.data_shape, dtype=bool)
    for view in _views(observations, geom, parameters):
        report(0.8 * len(views) / len(observations), f"Binning {view.cube.name}")
        fitted = _fitted(view, used)
        if fitted is None:
            continue
        image = fitted.to_image(name=fitted.name)
        counts[view.box] += image.counts.data[0]
        background[view.box] += image.background.data[0]
        seen[view.box] |= image.mask_safe.data[0]
        view.row["counts"] = int(image.counts.data.sum())
        view.cube = image
        views.append(view)
    _some(views, seen, parameters)
    disc = _disc(MapDataset(counts=Map.from_geom(geom)), parameters)
    on = np.rint(WcsNDMap(geom, counts).convolve(disc).data).astype(float)
    expected = WcsNDMap(geom, background).convolve(disc).data.astype(float)
    significance = CashCountsStatistic(on, expected).sqrt_ts
    maps = {"SIGNIFICANCE": significance, "CORRELATED_COUNTS": on}
    maps |= {"CORRELATED_BACKGROUND": expected, "COUNTS": counts}
    return _finished(maps | {"BACKGROUND": background}, seen)


def _fitted(view: View, used: Flags) -> MapDataset | None:
    """Return a run whose background fits what lies outside; None: nothing does.

    Normalisation and slope are common to all pixels, so that the likelihood is that of
    the sums over pixels, but for a constant: one pixel is fitted in place of all.
    """
    cube = view.cube
    inside = cube.mask_safe.data & used[view.box]
    axes = [cube.counts.geom.axes["energy"]]
    single = WcsGeom.create(npix=1, axes=axes)
    sums = {
        name: Map.from_geom(
            single,
            data=np.where(inside, getattr(cube, name).data, 0.0).sum(
                axis=(1, 2), keepdims=True, dtype=float
            ),
        )
        for name in ("counts", "background")
    }
    total = sums["counts"].data.sum()
    mask = Map.from_geom(single, data=sums["background"].data > 0)
    small = MapDataset(**sums, mask_safe=mask, name=cube.name)
    slope = PowerLawNormSpectralModel()
    slope.tilt.frozen = bool(total < TILT_COUNTS) or mask.data.sum() < 2  # noqa: PLR2004 - a slope
    maker = FoVBackgroundMaker(method="fit", spectral_model=slope)
    small = maker.run(small)
    if not small.mask_safe.data.any():
        return None
    spectral = small.models[f"{cube.name}-bkg"].spectral_model
    model = FoVBackgroundModel(dataset_name=cube.name, spectral_model=spectral)
    cube.models = [model]
    cube.background = cube.npred_background()
    cube.models = None
    view.row["counts_outside"] = int(total)
    view.row["background_norm"] = float(total / sums["background"].data.sum())
    view.row["norm"] = float(spectral.norm.value)
    view.row["norm_error"] = float(spectral.norm.error)
    view.row["tilt"] = float(spectral.tilt.value)
    view.row["tilt_error"] = float(spectral.tilt.error)
    return cube


def _some(views: list[View], seen: Flags, parameters: Mapping[str, Any]) -> None:
    if views and seen.any():
        return
    wanted = f"{parameters['e_min']:g} to {parameters['e_max']:g} TeV"
    message = (
        f"no run has good time, a background and {wanted} within "
        f"{parameters['offset_max']:g} deg of its pointing on this map"
    )
    raise NothingToMap(message)


def _finished(maps: Images, seen: Flags) -> Images:
    """Return the maps with their excesses, NaN where no run looked."""
    for name in ("", "CORRELATED_"):
        maps[f"{name}EXCESS"] = maps[f"{name}COUNTS"] - maps[f"{name}BACKGROUND"]
    return {name: np.where(seen, image, np.nan) for name, image in maps.items()}


def _off(
    geom: WcsGeom, used: Flags, maps: Images, parameters: Mapping[str, Any]
) -> Flags:
    """Return whose discs lie whole on the map and outside of excluded regions."""
    eroded = WcsNDMap(geom, used).binary_erode(width=parameters["radius"] * u.deg)
    return np.asarray(eroded.data, dtype=bool) & np.isfinite(maps["SIGNIFICANCE"])


def _fit(
    values: Floats, geom: WcsGeom, parameters: Mapping[str, Any]
) -> dict[str, float]:
    """Fit a normal distribution; pixels within one disc say the same only once."""
    area = math.pi * parameters["radius"] ** 2
    pixel = float(np.prod(geom.pixel_scales.deg))
    independent = values.size * pixel / max(area, pixel)
    if values.size < 2:  # noqa: PLR2004 - a width
        return {"mean": math.nan, "width": math.nan, "independent": independent}
    mean, width = (float(value) for value in norm.fit(values))
    return {
        "mean": mean,
        "mean_error": width / math.sqrt(independent),
        "width": width,
        "width_error": width / math.sqrt(2 * independent),
        "independent": independent,
    }


def _histogram(significance: Floats, off: Flags, fit: Mapping[str, float]) -> Table:
    """Return how many pixels have which significance: all, and those off sources."""
    known = significance[np.isfinite(significance)]
    ends = (known.min(), known.max()) if known.size else (-1.0, 1.0)
    low = math.floor(min(-5.0, ends[0]) / BIN_SIGMA)
    high = math.floor(max(5.0, ends[1]) / BIN_SIGMA) + 1
    edges = np.arange(low, high + 1) * BIN_SIGMA
    table = Table({"low": edges[:-1], "high": edges[1:]})
    table["all"], _ = np.histogram(known, edges)
    table["off"], _ = np.histogram(significance[off], edges)
    parts = np.diff(norm.cdf(edges, fit["mean"], fit["width"]))
    table["fit"] = parts * table["off"].sum()
    table.meta |= fit
    return table


def _peaks(geom: WcsGeom, maps: Images, parameters: Mapping[str, Any]) -> Table:
    """Return the local maxima; two are at least two radii apart."""
    image = WcsNDMap(geom, maps["SIGNIFICANCE"].copy())
    found = find_peaks(image, PEAK_SIGMA, min_distance=2 * parameters["radius"] * u.deg)
    columns = ("x", "y", "ra", "dec", "value")
    if not len(found):
        return Table(names=columns[2:], dtype=[float] * 3)
    table = Table({name: found[name] for name in columns})
    at = np.asarray(table["y"]), np.asarray(table["x"])
    table.remove_columns(["x", "y"])
    table["ra"].unit = table["dec"].unit = "deg"
    table.rename_column("value", "significance")
    for name in ("counts", "background", "excess"):
        table[name] = maps[f"CORRELATED_{name.upper()}"][at]
    return table


def to_hdus(made: Made) -> fits.HDUList:
    """Return the maps as FITS: significance first, then all others by name."""
    header = made.geom.to_header()
    primary = fits.PrimaryHDU(_single(made.maps["SIGNIFICANCE"]), header)
    primary.header["BTYPE"] = ("SIGNIFICANCE", "square root of TS, with sign")
    hdus = fits.HDUList([primary])
    for name, image in made.maps.items():
        if name == "SIGNIFICANCE":
            continue
        hdu = fits.ImageHDU(_single(image), header, name=name)
        hdu.header["BUNIT"] = UNITS.get(name, "count")
        hdus.append(hdu)
    mask = fits.ImageHDU(made.used.astype(np.uint8), header, name="EXCLUSION")
    mask.header["BTYPE"] = ("mask", "1: used as background, 0: excluded")
    hdus.append(mask)
    return hdus


def _single(image: Floats) -> np.typing.NDArray[np.float32]:
    return image.astype(np.float32)


def write(made: Made, folder: Path) -> None:
    """Write the maps as FITS and the tables as ECSV."""
    to_hdus(made).writeto(folder / "product.fits", overwrite=True)
    for name in ("histogram", "peaks", "runs"):
        getattr(made, name).write(
            folder / f"{name}.ecsv", format="ascii.ecsv", overwrite=True
        )


def numbers(made: Made) -> dict[str, Any]:
    """Return the largest significance and where it is, sums, and the fit of off."""
    maps = made.maps
    y, x = np.unravel_index(np.nanargmax(maps["SIGNIFICANCE"]), made.geom.data_shape)
    sky = made.geom.pix_to_coord((x, y))
    icrs = SkyCoord(*sky, frame=made.geom.frame).icrs
    largest = {
        name.lower(): float(image[y, x])
        for name, image in maps.items()
        if name == "SIGNIFICANCE" or name.startswith("CORRELATED_")
    }
    sums = {
        name.lower(): float(np.nansum(maps[name]))
        for name in ("COUNTS", "BACKGROUND", "EXCESS")
    }
    return {
        "largest": {"ra": float(icrs.ra.deg), "dec": float(icrs.dec.deg), **largest},
        "sums": sums,
        "off": made.fit,
        "peaks": len(made.peaks),
        "runs": len(made.runs),
    }
