"""The distribution of significances on a map, and its peaks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import Table
from gammapy.estimators.utils import find_peaks
from gammapy.maps import WcsGeom, WcsNDMap
from scipy.stats import norm

from distiller.analysis.recipes.sky_images import (  # noqa: TC001 - joined recipes have none
    Flags,
    Floats,
    Images,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

PEAK_SIGMA = 5.0
"""From which significance on a local maximum is listed."""

BIN_SIGMA = 0.2
"""Width of a bin of the distribution of significances."""


def off_sources(
    geom: WcsGeom, used: Flags, significance: Floats, parameters: Mapping[str, Any]
) -> Flags:
    """Return whose discs lie whole on the map and outside of excluded regions."""
    eroded = WcsNDMap(geom, used).binary_erode(width=parameters["radius"] * u.deg)
    return np.asarray(eroded.data, dtype=bool) & np.isfinite(significance)


def fitted_normal(
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


def histogram(significance: Floats, off: Flags, fit: Mapping[str, float]) -> Table:
    """Return how many pixels have which significance: all, and those off sources."""
    known = significance[np.isfinite(significance)]
    ends = (known.min(), known.max()) if known.size else (-1.0, 1.0)
    low = math.floor(min(-5.0, ends[0]) / BIN_SIGMA)
    high = math.floor(max(5.0, ends[1]) / BIN_SIGMA) + 1
    edges = np.arange(low, high + 1) * BIN_SIGMA
    table = Table({"low": edges[:-1], "high": edges[1:]})
    table["all"], _ = np.histogram(known, edges)
    table["off"], _ = np.histogram(significance[off], edges)
    width = fit["width"] if fit["width"] > 0 else math.nan
    parts = np.diff(norm.cdf(edges, fit["mean"], width))
    table["fit"] = parts * table["off"].sum()
    table.meta |= fit
    return table


def peaks(geom: WcsGeom, maps: Images, parameters: Mapping[str, Any]) -> Table:
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
