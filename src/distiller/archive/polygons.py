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
        self._normals = np.cross(self._first, self._second)
        total = self._first.sum(axis=1)
        length = np.linalg.norm(total, axis=1)
        middle = total / np.maximum(length, _SHORTEST)[:, None]
        sides = np.einsum("kmx,kx->km", self._normals, middle)
        self.winding = np.where(sides[:, 0] > 0, 1.0, -1.0)
        small = np.einsum("kmx,kx->km", self._first, middle).min(axis=1) > _TURNS[0]
        clear = (sides * self.winding[:, None]).min(axis=1) > _SHORTEST**2
        lengths = np.linalg.norm(self._normals, axis=2)
        self._lengths = np.maximum(lengths, _SHORTEST)
        self.simple = small & clear & (lengths.min(axis=1) > _SHORTEST)

    def ends(self) -> Floats:
        """Return distances of the places to the vertices, rad, shape (k, m)."""
        return geometry.separation_rad(self._first, self._centre)

    def turns(self) -> Floats:
        """Return how often each polygon runs round its place, shape (k,)."""
        east = np.sum(self._centre * self._normals, axis=2)
        north = np.sum(self._first * self._second, axis=2) - np.sum(
            self._first * self._centre, axis=2
        ) * np.sum(self._second * self._centre, axis=2)
        turns: Floats = np.sum(np.arctan2(east, north), axis=1) / (2.0 * np.pi)
        return turns

    def edge_distances(self) -> Floats:
        """Return distances of the places to the borders, rad, shape (k,)."""
        poles = self._normals / self._lengths[:, :, None]
        height = np.sum(poles * self._centre, axis=2)
        foot = self._centre - height[:, :, None] * poles
        after = np.sum(np.cross(self._first, foot) * poles, axis=2) >= 0
        before = np.sum(np.cross(foot, self._second) * poles, axis=2) >= 0
        over = np.abs(np.arctan2(height, np.linalg.norm(foot, axis=2)))
        on_arc = np.where(after & before, over, np.inf)
        nearest: Floats = np.minimum(on_arc.min(axis=1), self.ends().min(axis=1))
        return nearest
