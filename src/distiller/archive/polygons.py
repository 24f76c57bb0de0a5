"""Many polygons of equally many vertices against a place or a circle each.

What is clear is decided here, for all at once; what is near a border, or is a polygon
of a doubtful shape, is left to `geometry`, one by one. So the answers are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from distiller.archive import geometry

if TYPE_CHECKING:
    from typing import TypeAlias

    from distiller.archive.geometry import Bools, Floats

    Verdict: TypeAlias = tuple[Bools, Bools]  # answers, and which of them are clear

_MARGIN_RAD = 1e-9
"""What is nearer to a border than this is looked at closely."""

_SHORTEST = 1e-8
_TURNS = (0.1, 0.9)
"""Turns of a polygon about a place between these are not clear."""


def meet(corners_deg: Floats, centre_deg: Floats, reach_deg: Floats) -> Verdict:
    """Tell which polygons have a place in common with a circle.

    Parameters
    ----------
    corners_deg
        Vertices, shape (k, m, 2).
    centre_deg
        Middles of the circles, shape (k, 2).
    reach_deg
        Their radii, 0 for a place, shape (k,).
    """
    shapes = _Shapes(corners_deg, centre_deg)
    reach = np.radians(reach_deg) + geometry.TOLERANCE_RAD
    near = shapes.edge_distances()
    turns = shapes.turns()
    inside = turns * shapes.winding > _TURNS[1]
    clear = shapes.simple & (np.abs(near - reach) > _MARGIN_RAD) & (reach >= 0)
    clear &= inside | (np.abs(turns) < _TURNS[0]) | (turns * shapes.winding < 0)
    return inside | (near <= reach), clear


def within(corners_deg: Floats, centre_deg: Floats, reach_deg: Floats) -> Verdict:
    """Tell which polygons lie in a circle; see `meet`."""
    shapes = _Shapes(corners_deg, centre_deg)
    reach = np.radians(reach_deg) + geometry.TOLERANCE_RAD
    farthest = shapes.ends().max(axis=1)
    clear = shapes.simple & (np.abs(farthest - reach) > _MARGIN_RAD)
    clear &= (reach >= 0) & (reach < np.pi / 2)
    return farthest <= reach, clear


class _Shapes:
    """Polygons and places as unit vectors.

    Attributes
    ----------
    winding
        1 for polygons that wind to the left, else -1.
    simple
        Which are smaller than a hemisphere and seen whole from their middle, all edges
        running the same way round: of these the winding is clear.
    """

    def __init__(self, corners_deg: Floats, centre_deg: Floats) -> None:
        self._first = geometry.vectors(corners_deg[..., 0], corners_deg[..., 1])
        self._second = np.roll(self._first, -1, axis=1)
        self._centre = geometry.vectors(centre_deg[:, 0], centre_deg[:, 1])[:, None, :]
        self._normals = _cross(self._first, self._second)
        total = self._first.sum(axis=1)[:, None, :]
        middle = total / np.maximum(_length(total), _SHORTEST)[..., None]
        sides = _dot(self._normals, middle)
        self.winding = np.where(sides[:, 0] > 0, 1.0, -1.0)
        small = _dot(self._first, middle).min(axis=1) > _TURNS[0]
        clear = (sides * self.winding[:, None]).min(axis=1) > _SHORTEST**2
        lengths = _length(self._normals)
        self._lengths = np.maximum(lengths, _SHORTEST)
        self.simple = small & clear & (lengths.min(axis=1) > _SHORTEST)

    def ends(self) -> Floats:
        """Return distances of the places to the vertices, rad, shape (k, m)."""
        across = _length(_cross(self._first, self._centre))
        return np.asarray(np.arctan2(across, _dot(self._first, self._centre)))

    def turns(self) -> Floats:
        """Return how often each polygon runs round its place, shape (k,)."""
        east = _dot(self._normals, self._centre)
        there = _dot(self._first, self._centre)
        north = _dot(self._first, self._second) - there * np.roll(there, -1, axis=1)
        turns: Floats = np.sum(np.arctan2(east, north), axis=1) / (2.0 * np.pi)
        return turns

    def edge_distances(self) -> Floats:
        """Return distances of the places to the borders, rad, shape (k,)."""
        poles = self._normals / self._lengths[:, :, None]
        height = _dot(poles, self._centre)
        foot = self._centre - height[:, :, None] * poles
        after = _dot(_cross(self._first, foot), poles) >= 0
        before = _dot(_cross(foot, self._second), poles) >= 0
        over = np.abs(np.arctan2(height, _length(foot)))
        on_arc = np.where(after & before, over, np.inf)
        nearest: Floats = np.minimum(on_arc.min(axis=1), self.ends().min(axis=1))
        return nearest


# Of few polygons at a time numpy's own `cross` and sums over three numbers take longer
# than the arithmetic.


def _cross(a: Floats, b: Floats) -> Floats:
    made: Floats = np.empty(np.broadcast_shapes(a.shape, b.shape))
    for x, y, z in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        made[..., x] = a[..., y] * b[..., z] - a[..., z] * b[..., y]
    return made


def _dot(a: Floats, b: Floats) -> Floats:
    found: Floats = a[..., 0] * b[..., 0]
    found += a[..., 1] * b[..., 1]
    found += a[..., 2] * b[..., 2]
    return found


def _length(a: Floats) -> Floats:
    return np.asarray(np.sqrt(_dot(a, a)))
