"""What an instrument response table says in a few numbers.

Resolutions are those at 1 TeV and 0.5 deg off axis (or on the axis where the table ends
before): tables are interpolated linearly in offset and in the logarithm of energy,
between the centres of their bins. docs/decisions/0042-resolutions.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Columns = Mapping[str, Array]

REFERENCE_TEV = 1.0
REFERENCE_DEG = 0.5
FWHM_PER_SIGMA = float(2.0 * np.sqrt(2.0 * np.log(2.0)))

_ARCSEC = 3600.0
_PERCENT_68 = (0.158655, 0.5, 0.841345)  # of a Gaussian: -1, 0 and +1 sigma
_ENERGY_AXES = (("ENERG_LO", "ENERG_HI"), ("ETRUE_LO", "ETRUE_HI"))


@dataclass(frozen=True, slots=True)
class Axes:
    """Range of a response table: energies in TeV, offsets in deg.

    Attributes
    ----------
    theta_max_deg
        Where its range of offsets ends; None: it has none.
    offset_deg
        The one offset that the table is for; None: it is for a range.
    """

    energy_min_tev: float | None
    energy_max_tev: float | None
    theta_max_deg: float | None
    offset_deg: float | None = None


def axes(columns: Columns, tev_per_unit: float = 1.0) -> Axes:
    """Return the range of a table; None where the table has no such axis.

    A table for one offset only (point-like responses of MAGIC or VERITAS) has no range
    of offsets: its one bin is a point, or a ring that leaves the axis out. A background
    in detector coordinates reaches to its edges.
    """
    energy = _edges(columns)
    theta_max = offset = None
    if "THETA_LO" in columns and "THETA_HI" in columns:
        nearest = float(np.nanmin(columns["THETA_LO"]))
        farthest = float(np.nanmax(columns["THETA_HI"]))
        is_ring = columns["THETA_LO"].size == 1 and nearest > 0.0
        if is_ring or farthest <= nearest:
            offset = 0.5 * (nearest + farthest)
        else:
            theta_max = farthest
    elif "DETX_HI" in columns:
        theta_max = float(np.nanmax(columns["DETX_HI"]))
    if energy is None:
        return Axes(None, None, theta_max, offset)
    low, high = energy
    return Axes(
        float(np.nanmin(low)) * tev_per_unit,
        float(np.nanmax(high)) * tev_per_unit,
        theta_max,
        offset,
    )


def sensitive_tev(
    columns: Columns, tev_per_unit: float = 1.0
) -> tuple[float, float] | None:
    """Return between which energies an effective area is above zero, in TeV."""
    energy = _edges(columns)
    area = columns.get("EFFAREA")
    if energy is None or area is None or area.shape[-1] != len(energy[0]):
        return None
    low, high = energy
    seen = np.flatnonzero(np.any(area.reshape(-1, len(low)) > 0.0, axis=0))
    if not len(seen):
        return None
    return float(low[seen[0]]) * tev_per_unit, float(high[seen[-1]]) * tev_per_unit


def cut_deg(columns: Columns) -> tuple[float, float] | None:
    """Return the smallest and the largest cut on direction of a table, in deg.

    The column RAD_MAX is that of RAD_MAX_2D (GADF 0.3), or stands in every point-like
    table (GADF 0.2).
    """
    cuts = columns.get("RAD_MAX")
    if cuts is None:
        return None
    used = cuts[np.isfinite(cuts) & (cuts > 0.0)]
    return (float(np.min(used)), float(np.max(used))) if used.size else None


def psf_fwhm_arcsec(columns: Columns, tev_per_unit: float = 1.0) -> float | None:
    """Return the full width at half maximum of a PSF in arcsec.

    PSF_TABLE, PSF_3GAUSS and PSF_KING of GADF 0.3 are known by their columns. None
    where the table has no value at the reference energy and offset.
    """
    place = _place(columns, tev_per_unit)
    if place is None:
        return None
    is_table = {"RPSF", "RAD_LO", "RAD_HI"} <= columns.keys()
    if is_table and columns["RPSF"].ndim == 4:  # noqa: PLR2004 - row, rad, theta, energy
        low, high = _flat(columns["RAD_LO"]), _flat(columns["RAD_HI"])
        profile = np.array([_at(layer, place) for layer in columns["RPSF"][0]])
        radius, profile = _to_the_centre(0.5 * (low + high), profile)
    elif {"SIGMA_1", "AMPL_2", "SIGMA_2"} <= columns.keys():
        sigmas, heights = [], []
        for n in ("1", "2", "3"):
            if f"SIGMA_{n}" in columns:
                sigmas.append(_cell(columns, f"SIGMA_{n}", place))
                heights.append(_cell(columns, f"AMPL_{n}", place) if n != "1" else 1.0)
        radius, profile = _gaussians(sigmas, heights)
    elif {"GAMMA", "SIGMA"} <= columns.keys():
        radius, profile = _king(
            _cell(columns, "SIGMA", place), _cell(columns, "GAMMA", place)
        )
    else:
        return None
    half = _half_radius(radius, profile)
    return None if half is None else 2.0 * half * _ARCSEC


def energy_resolution(columns: Columns, tev_per_unit: float = 1.0) -> float | None:
    """Return sigma(E)/E: half of the central 68 % of the migration over its median."""
    place = _place(columns, tev_per_unit)
    if place is None or not {"MATRIX", "MIGRA_LO", "MIGRA_HI"} <= columns.keys():
        return None
    matrix = columns["MATRIX"]
    if matrix.ndim != 4:  # noqa: PLR2004 - row, theta, migration, energy
        return None
    density = _at(np.moveaxis(matrix[0], 1, 0), place)
    low, high = _flat(columns["MIGRA_LO"]), _flat(columns["MIGRA_HI"])
    steps = np.nan_to_num(np.clip(density, 0.0, None)) * (high - low)
    total = float(np.sum(steps))
    if not total > 0.0 or len(low) < 2:  # noqa: PLR2004 - a distribution has a width
        return None
    cumulative = np.concatenate(([0.0], np.cumsum(steps))) / total
    edges = np.concatenate((low, high[-1:]))
    below, middle, above = np.interp(_PERCENT_68, cumulative, edges)
    return float((above - below) / 2.0 / middle) if middle > 0 else None


@dataclass(frozen=True, slots=True)
class _Place:
    """Neighbours of the reference point and the weight of the upper ones."""

    energy: tuple[int, int, float]
    theta: tuple[int, int, float]


def _place(columns: Columns, tev_per_unit: float) -> _Place | None:
    energy = _edges(columns)
    if energy is None or "THETA_LO" not in columns or "THETA_HI" not in columns:
        return None
    low, high = (edges * tev_per_unit for edges in energy)
    if np.min(low) < 0 or not np.min(low) <= REFERENCE_TEV <= np.max(high):
        return None
    centres = np.where(low > 0, np.sqrt(low * high), 0.5 * (low + high))
    theta = 0.5 * (_flat(columns["THETA_LO"]) + _flat(columns["THETA_HI"]))
    if not np.all(np.diff(centres) > 0) or not np.all(np.diff(theta) > 0):
        return None
    return _Place(
        _neighbours(np.log(centres), float(np.log(REFERENCE_TEV))),
        _neighbours(theta, REFERENCE_DEG),
    )


def _edges(columns: Columns) -> tuple[Array, Array] | None:
    for low, high in _ENERGY_AXES:
        if low in columns and high in columns:
            return _flat(columns[low]), _flat(columns[high])
    return None


def _flat(values: Array) -> Array:
    """Return the first row of a column as one dimension."""
    return np.atleast_1d(values[0])


def _neighbours(centres: Array, value: float) -> tuple[int, int, float]:
    """Return the indices around a value and the weight of the second; clamped."""
    upper = int(np.searchsorted(centres, value))
    if upper == 0:
        return 0, 0, 0.0
    if upper == len(centres):
        return upper - 1, upper - 1, 0.0
    lower = upper - 1
    return lower, upper, float((value - centres[lower]) / np.diff(centres)[lower])


def _at(values: Array, place: _Place) -> Array:
    """Interpolate over the last two axes (theta, energy)."""
    e0, e1, e = place.energy
    t0, t1, t = place.theta
    low = values[..., t0, e0] * (1 - e) + values[..., t0, e1] * e
    high = values[..., t1, e0] * (1 - e) + values[..., t1, e1] * e
    return np.asarray(low * (1 - t) + high * t)


def _cell(columns: Columns, name: str, place: _Place) -> float:
    values = columns[name]
    return float(_at(values[0], place)) if values.ndim == 3 else float("nan")  # noqa: PLR2004 - row, theta, energy


def _to_the_centre(radius: Array, profile: Array) -> tuple[Array, Array]:
    """Continue a tabulated profile linearly to radius 0, as Gammapy reads it."""
    if len(radius) < 2 or not radius[1] > radius[0] > 0:  # noqa: PLR2004 - a slope
        return radius, profile
    slope = (profile[1] - profile[0]) / (radius[1] - radius[0])
    centre = profile[0] - slope * radius[0]
    return np.insert(radius, 0, 0.0), np.insert(profile, 0, centre)


def _gaussians(sigmas: list[float], heights: list[float]) -> tuple[Array, Array]:
    """Profile of a sum of Gaussians on a fine grid of radii in deg."""
    used = [(s, a) for s, a in zip(sigmas, heights, strict=True) if s > 0 and a > 0]
    if not used:
        return np.zeros(1), np.zeros(1)
    radius = np.linspace(0.0, 4.0 * max(s for s, _ in used), 4001)
    profile = sum(a * np.exp(-0.5 * (radius / s) ** 2) for s, a in used)
    return radius, np.asarray(profile)


def _king(sigma_deg: float, gamma: float) -> tuple[Array, Array]:
    """Profile of a King function on a fine grid of radii in deg (GADF 0.3)."""
    if not (sigma_deg > 0 and gamma > 0):
        return np.zeros(1), np.zeros(1)
    radius = np.linspace(0.0, 10.0 * sigma_deg, 8001)
    return radius, (1.0 + (radius / sigma_deg) ** 2 / (2.0 * gamma)) ** -gamma


def _half_radius(radius: Array, profile: Array) -> float | None:
    """Return where a profile first falls to half of its highest value."""
    if not np.all(np.isfinite(profile)) or not np.max(profile) > 0:
        return None
    top = int(np.argmax(profile))
    half = 0.5 * float(profile[top])
    below = np.flatnonzero(profile[top:] < half)
    if not len(below):
        return None
    after = top + int(below[0])
    before = after - 1
    share = (profile[before] - half) / (profile[before] - profile[after])
    return float(radius[before] + share * (radius[after] - radius[before]))
