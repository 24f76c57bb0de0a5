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
from gammapy.makers import FoVBackgroundMaker, RingBackgroundMaker
from gammapy.maps import Map, WcsGeom, WcsNDMap
from gammapy.modeling import Fit
from gammapy.modeling.models import FoVBackgroundModel, PowerLawNormSpectralModel
from gammapy.stats import CashCountsStatistic, WStatCountsStatistic

from distiller.analysis.recipes.exclusion_file import left_in
from distiller.analysis.recipes.reading import within
from distiller.analysis.recipes.significances import (
    fitted_normal,
    histogram,
    off_sources,
    peaks,
)
from distiller.analysis.recipes.sky_images import (
    Flags,
    Floats,
    Images,
    Plan,
    View,
    check_seen,
    cropped,
    disc,
    outside,
    pixels,
    significant,
    views,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gammapy.data import Observations

COVERED_MIN = 0.01
"""A ring of which less lies outside of excluded regions gives no background."""

TILT_COUNTS = 100
"""With fewer events outside of excluded regions a slope of energies is not fitted."""

EXACT = {"optimize_opts": {"tol": 1e-5, "strategy": 2}}
"""The usual tolerance leaves parameters some hundredths of their errors off."""

UNITS = {"ACCEPTANCE": "", "ALPHA": "", "SIGNIFICANCE": "", "OFF_FRACTION": ""}
"""Of the maps that are not in counts."""


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
    file_share
        Part of the map that the exclusion file speaks of.
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
    file_share: float


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
        As in configuration.yaml; ``exclusion_file`` is the path of that file.
    report
        Told of the progress, 0 to 1.

    Raises
    ------
    UnusableFileError
        If the exclusion file is none.
    NothingToMapError
        If no run has good time, energies and field of view in common with the map.
    """
    chosen = within(observations, parameters.get("t_min"), parameters.get("t_max"))
    plan = Plan(chosen, pixels(parameters), parameters, report)
    used, file_share = outside(plan.geom, parameters), 1.0
    if "exclusion_file" in parameters:
        left, file_share = left_in(parameters["exclusion_file"], plan.geom)
        used &= left
    method = _ring if parameters["method"] == "ring" else _field
    seen: list[View] = []
    maps = method(plan, used, seen)
    found = significant(plan.geom, maps["SIGNIFICANCE"], parameters) & used
    if found.any():
        report(0.85, "Again, without what is significant")
        used = used & ~found
        maps = method(plan, used, seen)
    report(0.95, "Looking at the significances")
    off = off_sources(plan.geom, used, maps["SIGNIFICANCE"], parameters)
    fit = fitted_normal(maps["SIGNIFICANCE"][off], plan.geom, parameters)
    return Made(
        geom=plan.geom,
        maps=maps,
        used=used,
        off=off,
        runs=Table([view.row for view in seen]),
        histogram=histogram(maps["SIGNIFICANCE"], off, fit),
        peaks=peaks(plan.geom, maps, parameters),
        fit=fit,
        found=int(found.sum()),
        file_share=file_share,
    )


def _ring(plan: Plan, used: Flags, runs: list[View]) -> Images:
    """Take the background of each run from rings.

    Parameters
    ----------
    runs
        Holds their images, once these have been made.
    """
    if not runs:
        for view in views(plan):
            view.cube = view.cube.to_image(name=view.cube.name)
            runs.append(view)
    names = ("CORRELATED_COUNTS", "CORRELATED_BACKGROUND", "COUNTS", "BACKGROUND")
    more = ("COUNTS_OFF", "ACCEPTANCE", "_ON", "_OFF", "_WHOLE")
    sums = {name: np.zeros(plan.geom.data_shape) for name in (*names, *more)}
    seen = np.zeros(plan.geom.data_shape, dtype=bool)
    for view in runs:
        here, images = _in_rings(view, plan, used[view.box])
        seen[view.box] |= here
        for name, image in images.items():
            sums[name][view.box] += np.where(here, image, 0.0)
        view.row |= _tally(view, here & used[view.box])
    check_seen(seen, sums["COUNTS"], plan.parameters)
    on, off = sums["CORRELATED_COUNTS"], sums["COUNTS_OFF"]
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha = sums["CORRELATED_BACKGROUND"] / off
        alpha = np.where(off > 0, alpha, sums["_ON"] / sums["_OFF"])
        significance = WStatCountsStatistic(on, off, alpha).sqrt_ts
        fraction = sums["_OFF"] / sums["_WHOLE"]
    maps = {"SIGNIFICANCE": significance, **{name: sums[name] for name in names}}
    maps |= {"COUNTS_OFF": off, "ALPHA": alpha, "OFF_FRACTION": fraction}
    return _finished(maps | {"ACCEPTANCE": sums["ACCEPTANCE"]}, seen)


def _in_rings(view: View, plan: Plan, used: Flags) -> tuple[Flags, Images]:
    """Return where one run sees, and what it adds: counts on and off, acceptances."""
    image, parameters = view.cube, plan.parameters
    maker = RingBackgroundMaker(
        r_in=parameters["r_in"] * u.deg,
        width=parameters["ring_width"] * u.deg,
        exclusion_mask=WcsNDMap(cropped(plan.geom, view.box), used),
    )
    on_off = maker.run(image)
    kernel = disc(image, parameters)
    mask = image.mask_safe
    whole = image.background.convolve(maker.kernel(image.counts).array).data[0]
    acceptance_off = on_off.acceptance_off.data[0]
    # Convolutions by Fourier transforms leave noise where nothing is.
    seen = mask.data[0] & (acceptance_off > COVERED_MIN * whole)
    counts_off = np.rint(on_off.counts_off.data[0])
    acceptance = image.background.data[0]
    acceptance_on = (image.background * mask).convolve(kernel).data[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        per_off = counts_off / acceptance_off
    return seen, {
        "CORRELATED_COUNTS": np.rint((image.counts * mask).convolve(kernel).data[0]),
        "CORRELATED_BACKGROUND": acceptance_on * per_off,
        "COUNTS": image.counts.data[0],
        "BACKGROUND": acceptance * per_off,
        "COUNTS_OFF": counts_off,
        "ACCEPTANCE": acceptance,
        "_ON": acceptance_on,
        "_OFF": acceptance_off,
        "_WHOLE": whole,
    }


def _tally(view: View, outside_here: Flags) -> dict[str, Any]:
    """Return the counts of a run, and those outside over what the model predicts."""
    counts, background = view.cube.counts.data[0], view.cube.background.data[0]
    counted, predicted = counts[outside_here].sum(), background[outside_here].sum()
    return {
        "counts": int(counts.sum()),
        "counts_outside": int(counted),
        "background_norm": float(counted / predicted) if predicted > 0 else math.nan,
    }


def _field(plan: Plan, used: Flags, runs: list[View]) -> Images:
    """Take the background of each run from its model, fitted outside.

    Cubes are too large to be kept: a second pass makes them again.
    """
    runs.clear()
    shape = plan.geom.data_shape
    counts, background = np.zeros((2, *shape))
    seen = np.zeros(shape, dtype=bool)
    for view in views(plan):
        view.row["counts"] = 0
        fitted = _fitted(view, used)
        if fitted is None:
            continue
        image = fitted.to_image(name=fitted.name)
        counts[view.box] += image.counts.data[0]
        background[view.box] += image.background.data[0]
        seen[view.box] |= image.mask_safe.data[0]
        view.row["counts"] = int(image.counts.data.sum())
        view.cube = image
        runs.append(view)
    check_seen(seen, counts, plan.parameters)
    kernel = disc(MapDataset(counts=Map.from_geom(plan.geom)), plan.parameters)
    on = np.rint(WcsNDMap(plan.geom, counts).convolve(kernel).data).astype(float)
    expected = WcsNDMap(plan.geom, background).convolve(kernel).data.astype(float)
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
    maker = FoVBackgroundMaker(method="fit", spectral_model=slope, fit=Fit(**EXACT))
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


def _finished(maps: Images, seen: Flags) -> Images:
    """Return the maps with their excesses, NaN where no run looked."""
    for name in ("", "CORRELATED_"):
        maps[f"{name}EXCESS"] = maps[f"{name}COUNTS"] - maps[f"{name}BACKGROUND"]
    return {name: np.where(seen, image, np.nan) for name, image in maps.items()}


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
