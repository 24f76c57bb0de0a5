"""Regions on the sphere in plain numpy: what lies in what, what meets what.

A geometry is a flat sequence of ICRS degrees: 2 numbers a point, 3 a circle (centre and
radius), an even number from 6 on a polygon. Edges of polygons are arcs of great circles
between neighbouring vertices, the last joined to the first; the inside is the smaller
of the two parts of the sphere, whatever the winding, so that poles and right ascension
0 are places like any other. Inside, directions are unit vectors of shape (..., 3).

Sources: spherical excess after van Oosterom & Strackee (1983); sums of azimuth for
"inside" and the centroid integral are elementary and derived in the docstrings.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Floats: TypeAlias = np.typing.NDArray[np.float64]
Bools: TypeAlias = np.typing.NDArray[np.bool_]

_POINT = 2
_CIRCLE = 3
_POLYGON = 6
TOLERANCE_RAD = 1e-11
"""Distances below this (2 micro-arcseconds) are none: borders belong to the inside."""

_BLOCK = 2**15
"""Pairs of places that are worked on at once: some MB of temporary arrays."""

_STOPPED: ContextVar[Callable[[], bool] | None] = ContextVar("stopped", default=None)

_DEG2_PER_SR = float(np.degrees(1.0) ** 2)


class Stopped(Exception):  # noqa: N818 - named as the condition
    """Nobody waits for the answer any more."""


@contextmanager
def stopping(stopped: Callable[[], bool]) -> Iterator[None]:
    """Ask from time to time, while the block works, whether it is to stop."""
    token = _STOPPED.set(stopped)
    try:
        yield
    finally:
        _STOPPED.reset(token)


def pause() -> None:
    """Stop here if nobody waits for the answer.

    Raises
    ------
    Stopped
        Within `stopping`, once that says so.
    """
    stopped = _STOPPED.get()
    if stopped is not None and stopped():
        raise Stopped


def _blocks(rows: Floats, columns: Floats) -> Iterator[slice]:
    """Yield slices of rows so that a block of rows times columns is small."""
    step = max(1, _BLOCK // max(1, len(columns)))
    for start in range(0, len(rows), step):
        pause()
        yield slice(start, start + step)


def vectors(ra_deg: np.typing.ArrayLike, dec_deg: np.typing.ArrayLike) -> Floats:
    """Return unit vectors, shape (..., 3), of ICRS degrees of shape (...)."""
    ra = np.radians(np.asarray(ra_deg, dtype=np.float64))
    dec = np.radians(np.asarray(dec_deg, dtype=np.float64))
    ra, dec = np.broadcast_arrays(ra, dec)
    return np.stack(
        (np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)), axis=-1
    )


def separation_rad(a: Floats, b: Floats) -> Floats:
    """Return angles in rad between unit vectors of shapes (..., 3) that broadcast."""
    cross = np.linalg.norm(np.cross(a, b), axis=-1)
    dot = np.sum(a * b, axis=-1)
    return np.asarray(np.arctan2(cross, dot))


def polygon(numbers_deg: Sequence[float] | Floats) -> Floats:
    """Return the vertices, shape (m, 3), of a flat polygon; repeated ones once."""
    flat = np.asarray(numbers_deg, dtype=np.float64).reshape(-1, 2)
    corners = vectors(flat[:, 0], flat[:, 1])
    distinct = separation_rad(corners, np.roll(corners, 1, axis=0)) > TOLERANCE_RAD
    return corners[distinct] if distinct.any() else corners[:1]


def signed_area_sr(corners: Floats) -> float:
    """Return the area in sr of a polygon, positive if it winds to the left.

    The sum of the signed triangles that each edge forms with the mean direction, each
    by the formula of van Oosterom & Strackee.
    """
    if len(corners) < _CIRCLE:
        return 0.0
    centre = corners.sum(axis=0)
    length = np.linalg.norm(centre)
    centre = corners[0] if length < TOLERANCE_RAD else centre / length
    following = np.roll(corners, -1, axis=0)
    triple = np.cross(corners, following) @ centre
    below = (
        1.0
        + corners @ centre
        + following @ centre
        + np.sum(corners * following, axis=1)
    )
    area = float(np.sum(2.0 * np.arctan2(triple, below)))
    # A loop that bounds more than half of the sphere bounds the rest as well.
    full = 4.0 * np.pi
    if area > full / 2:
        area -= full
    elif area < -full / 2:
        area += full
    return area


def edge_distance_rad(points: Floats, corners: Floats) -> Floats:
    """Return distances in rad of points (n, 3) to the border of a polygon, shape (n,).

    The nearest place of an arc is the foot of the perpendicular where that lies on the
    arc, else one of its ends.
    """
    parts = [_edge_distance(points[b], corners) for b in _blocks(points, corners)]
    return np.concatenate(parts) if parts else np.zeros(0)


def _edge_distance(points: Floats, corners: Floats) -> Floats:
    following = np.roll(corners, -1, axis=0)
    normals = np.cross(corners, following)
    lengths = np.linalg.norm(normals, axis=1)
    proper = lengths > 0
    ends = separation_rad(points[:, None, :], corners[None, :, :])
    nearest = np.asarray(ends.min(axis=1))
    if not proper.any():
        return nearest
    first, second = corners[proper], following[proper]
    poles = normals[proper] / lengths[proper, None]
    height = points @ poles.T
    foot = points[:, None, :] - height[:, :, None] * poles[None, :, :]
    after = np.sum(np.cross(first, foot) * poles, axis=-1) >= 0
    before = np.sum(np.cross(foot, second) * poles, axis=-1) >= 0
    over = np.abs(np.arctan2(height, np.linalg.norm(foot, axis=-1)))
    on_arc = np.where(after & before, over, np.inf)
    return np.asarray(np.minimum(nearest, on_arc.min(axis=1)))


def points_in_polygon(points: Floats, corners: Floats) -> Bools:
    """Tell which points (n, 3) lie in a polygon (m, 3), border included, shape (n,).

    Seen from a point, the azimuth of a vertex that runs round the polygon turns once
    if the point is inside, in the sense of the winding; it turns once the other way if
    the point's antipode is inside, and not at all otherwise.
    """
    if len(corners) < _CIRCLE:
        return np.asarray(edge_distance_rad(points, corners) <= TOLERANCE_RAD)
    parts = [_points_in(points[b], corners) for b in _blocks(points, corners)]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.bool_)


def _points_in(points: Floats, corners: Floats) -> Bools:
    following = np.roll(corners, -1, axis=0)
    east = points @ np.cross(corners, following).T
    north = np.sum(corners * following, axis=1) - (points @ corners.T) * (
        points @ following.T
    )
    turns = np.sum(np.arctan2(east, north), axis=1) / (2.0 * np.pi)
    inside = turns * np.sign(signed_area_sr(corners)) > 1.0 / 2.0
    middle = corners.sum(axis=0)
    if (corners @ middle > 0).all():
        # Of a polygon that crosses itself, a part winds the other way: what lies
        # opposite to that part turns in the sense of the whole as well.
        inside &= points @ middle > 0
    border = ~inside
    if border.any():
        near = edge_distance_rad(points[border], corners) <= TOLERANCE_RAD
        inside[border] = near
    return np.asarray(inside, dtype=np.bool_)


def edges_cross(a: Floats, b: Floats) -> bool:
    """Tell whether an edge of one polygon properly crosses an edge of the other."""
    following = np.roll(a, -1, axis=0)
    return any(_cross(a[c], following[c], b) for c in _blocks(a, b))


def _cross(starts: Floats, ends: Floats, b: Floats) -> bool:
    a1, a2 = starts[:, None, :], ends[:, None, :]
    b1, b2 = b[None, :, :], np.roll(b, -1, axis=0)[None, :, :]
    normal_a, normal_b = np.cross(a1, a2), np.cross(b1, b2)
    sides = np.stack(
        (
            -np.sum(normal_a * b1, axis=-1),
            np.sum(normal_a * b2, axis=-1),
            np.sum(normal_b * a1, axis=-1),
            -np.sum(normal_b * a2, axis=-1),
        )
    )
    size = TOLERANCE_RAD * 1e-3
    return bool(np.any(np.all(sides > size, axis=0) | np.all(sides < -size, axis=0)))


def contains(inner: Floats, outer: Floats) -> bool:
    """Tell whether geometry ``inner`` lies in ``outer``, borders included.

    Both are flat degrees; a point contains nothing but itself.
    """
    if len(outer) == _POINT:
        centre = vectors(outer[0], outer[1])
        if len(inner) == _POINT or (len(inner) == _CIRCLE and inner[2] <= 0):
            here = vectors(inner[0], inner[1])
            return bool(separation_rad(here, centre) <= TOLERANCE_RAD)
        return False
    if len(outer) == _CIRCLE:
        return _in_circle(inner, outer)
    return _in_polygon(inner, polygon(outer))


def _in_circle(inner: Floats, outer: Floats) -> bool:
    centre = vectors(outer[0], outer[1])
    radius = float(np.radians(outer[2])) + TOLERANCE_RAD
    if len(inner) < _POLYGON:
        distance = float(separation_rad(vectors(inner[0], inner[1]), centre))
        extent = float(np.radians(inner[2])) if len(inner) == _CIRCLE else 0.0
        return radius >= np.pi or distance + extent <= radius
    corners = polygon(inner)
    if radius <= np.pi / 2:
        return bool(np.all(separation_rad(corners, centre) <= radius))
    # What a large circle leaves out is a small one around the antipode.
    antipode = -centre[None, :]
    outside = np.pi - radius
    return bool(
        not points_in_polygon(antipode, corners)[0]
        and edge_distance_rad(antipode, corners)[0] >= outside
    )


def _in_polygon(inner: Floats, outer: Floats) -> bool:
    if len(inner) < _POLYGON:
        centre = vectors(inner[0], inner[1])[None, :]
        if not points_in_polygon(centre, outer)[0]:
            return False
        if len(inner) == _POINT:
            return True
        distance = float(edge_distance_rad(centre, outer)[0])
        return distance >= float(np.radians(inner[2])) - TOLERANCE_RAD
    corners = polygon(inner)
    if not points_in_polygon(corners, outer).all() or edges_cross(corners, outer):
        return False
    # An edge whose ends are inside can pass outside between two vertices of a notch.
    following = np.roll(corners, -1, axis=0)
    middles = corners + following
    middles /= np.linalg.norm(middles, axis=1)[:, None]
    return bool(points_in_polygon(middles, outer).all())


def intersects(a: Floats, b: Floats) -> bool:
    """Tell whether two geometries (flat degrees) have a place in common."""
    if len(a) == _POINT:
        return contains(a, b)
    if len(b) == _POINT:
        return contains(b, a)
    if len(a) == _CIRCLE and len(b) == _CIRCLE:
        between = separation_rad(vectors(a[0], a[1]), vectors(b[0], b[1]))
        return float(between) <= float(np.radians(a[2] + b[2])) + TOLERANCE_RAD
    if len(a) == _CIRCLE:
        a, b = b, a
    corners = polygon(a)
    if len(b) == _CIRCLE:
        centre = vectors(b[0], b[1])[None, :]
        reach = float(np.radians(b[2])) + TOLERANCE_RAD
        return bool(
            points_in_polygon(centre, corners)[0]
            or edge_distance_rad(centre, corners)[0] <= reach
        )
    others = polygon(b)
    return bool(
        points_in_polygon(corners, others).any()
        or points_in_polygon(others, corners).any()
        or edges_cross(corners, others)
    )


def area_deg2(numbers_deg: Floats) -> float:
    """Return the area of a geometry in square degrees; that of a point is 0."""
    if len(numbers_deg) == _POINT:
        return 0.0
    if len(numbers_deg) == _CIRCLE:
        half = np.sin(np.radians(min(float(numbers_deg[2]), 180.0)) / 2.0)
        return float(4.0 * np.pi * half * half) * _DEG2_PER_SR
    return abs(signed_area_sr(polygon(numbers_deg))) * _DEG2_PER_SR


def centroid_deg(numbers_deg: Floats) -> tuple[float, float]:
    """Return right ascension [0, 360) and declination of the centroid, deg.

    That of a polygon is the direction of the integral of the position vector over its
    inside: half the sum, over the edges, of length times unit normal (Stokes).
    """
    if len(numbers_deg) < _POLYGON:
        return float(numbers_deg[0]) % 360.0, float(numbers_deg[1])
    corners = polygon(numbers_deg)
    following = np.roll(corners, -1, axis=0)
    normals = np.cross(corners, following)
    lengths = np.linalg.norm(normals, axis=1)
    proper = lengths > 0
    angles = separation_rad(corners, following)[proper]
    total = (angles[:, None] * normals[proper] / lengths[proper, None]).sum(axis=0)
    total *= np.sign(signed_area_sr(corners))
    if np.linalg.norm(total) == 0.0:
        total = corners.sum(axis=0)
    ra = float(np.degrees(np.arctan2(total[1], total[0]))) % 360.0
    dec = float(np.degrees(np.arctan2(total[2], np.hypot(total[0], total[1]))))
    return ra, dec
