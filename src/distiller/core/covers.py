"""Circles about regions: where a region is, as far as finding it goes.

DuckDB has no index on the sky. Beside a region it keeps its cover as three numbers that
it can compare block by block: the longitude of the middle of a circle that holds the
region, and the declinations where that circle ends in the south and in the north. Half
their sum is the latitude of the middle and half their difference the radius, all deg;
the declinations may pass a pole. The longitude is in [0, 360] where the radius is at
most `NARROW_DEG`, else it is 10 turns more: so a condition on this one column can pass
over all narrow covers that are elsewhere, and over no wide one.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]

NARROW_DEG: Final = 10.0
"""Covers up to this radius have a longitude in [0, 360]."""

WIDE_DEG: Final = 3600.0
"""What is added to the longitude of wider ones: turns, which change no direction."""

EVERYWHERE: Final = (WIDE_DEG, -1000.0, 1000.0)
"""Of a region that no circle below 85 deg holds, or that is none."""

SLACK_DEG: Final = 1e-6
"""By how much a cover is wider than its region, against rounding."""

_PARTS: Final = ("lon", "south", "north")
_WIDEST_DEG: Final = 85.0
_FARTHEST_DEG: Final = 1e6
_POLE_DEG: Final = 90.0
_POINT, _CIRCLE, _POLYGON = 2, 3, 6
_SHORTEST: Final = 1e-6


def cover_names(region: str) -> tuple[str, ...]:
    """Return the names of the columns that hold the cover of a region.

    >>> cover_names("s_region")
    ('s_region:lon', 's_region:south', 's_region:north')
    """
    return tuple(f"{region}:{part}" for part in _PARTS)


def is_cover(name: str) -> bool:
    """Tell whether a column holds part of a cover."""
    return name.partition(":")[2] in _PARTS


def covers(values: Floats, offsets: np.ndarray[Any, np.dtype[Any]]) -> Floats:
    """Return the covers of regions, shape (n, 3).

    Parameters
    ----------
    values
        The numbers of all regions, deg: 2 a point, 3 a circle, an even number from 6 on
        the vertices of a polygon.
    offsets
        Where each begins, and the end, shape (n + 1,).
    """
    starts, counts = offsets[:-1], np.diff(offsets)
    lon, lat = np.zeros(len(counts)), np.zeros(len(counts))
    reach = np.full(len(counts), np.inf)
    round_ones = (counts == _POINT) | (counts == _CIRCLE)
    first = starts[round_ones]
    lon[round_ones], lat[round_ones] = values[first], values[first + 1]
    radius = np.zeros(len(first))
    circles = counts[round_ones] == _CIRCLE
    radius[circles] = values[first[circles] + 2]
    reach[round_ones] = np.where(radius >= 0, radius, np.inf)
    polygons = np.flatnonzero((counts >= _POLYGON) & (counts % 2 == 0))
    if len(polygons):
        lon[polygons], lat[polygons], reach[polygons] = _about(
            values, starts[polygons], counts[polygons]
        )
    good = (np.abs(lon) <= _FARTHEST_DEG) & (np.abs(lat) <= _POLE_DEG)
    good &= reach <= _WIDEST_DEG
    wider = reach + SLACK_DEG
    with np.errstate(invalid="ignore"):
        turned = lon % 360.0 + np.where(wider <= NARROW_DEG, 0.0, WIDE_DEG)
    found = np.stack((turned, lat - wider, lat + wider), axis=1)
    found[~good] = EVERYWHERE
    return found


def _about(
    values: Floats,
    starts: np.ndarray[Any, np.dtype[Any]],
    counts: np.ndarray[Any, np.dtype[Any]],
) -> tuple[Floats, Floats, Floats]:
    """Return middles and radii, deg, of circles about polygons.

    The middle is the mean of the vertices' directions. A circle of less than 90 deg
    about all vertices holds the arcs between them too, and so the whole of a polygon
    that is smaller than a hemisphere.
    """
    ends = np.cumsum(counts)
    places = np.repeat(starts - (ends - counts), counts) + np.arange(ends[-1])
    numbers = values[places].reshape(-1, 2)
    sizes = counts // 2
    firsts = np.cumsum(sizes) - sizes
    with np.errstate(invalid="ignore"):
        lon, lat = np.radians(numbers[:, 0]), np.radians(numbers[:, 1])
        corners = np.stack(
            (np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat))
        )
        sound = (np.abs(numbers[:, 1]) <= _POLE_DEG) & (
            np.abs(numbers[:, 0]) <= _FARTHEST_DEG
        )
        total = np.add.reduceat(corners, firsts, axis=1)
        length = np.sqrt((total**2).sum(axis=0))
        middle = total / np.maximum(length, _SHORTEST)
        apart = corners - np.repeat(middle, sizes, axis=1)
        chord = np.sqrt(np.maximum.reduceat((apart**2).sum(axis=0), firsts))
        reach = np.degrees(2 * np.arcsin(np.minimum(chord / 2, 1.0)))
    bad = ~np.logical_and.reduceat(sound, firsts) | ~(length > _SHORTEST)
    reach[bad] = np.inf
    # The middle of bad ones is of no use, and may be no number.
    middle[:, bad] = 1.0
    return (
        np.degrees(np.arctan2(middle[1], middle[0])),
        np.degrees(np.arcsin(np.clip(middle[2], -1.0, 1.0))),
        reach,
    )
