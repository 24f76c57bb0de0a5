"""HEALPix cells in NESTED numbering, for columns of places and of cells.

What PostgreSQL computes (`celestial.sql`) is computed here, with the same operations in
the same order and sines that the database has taken, so that what lies on the border of
a cell is in the same cell there. Source: Gorski et al. 2005 (ApJ 622, 759).
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np

Floats: TypeAlias = np.typing.NDArray[np.float64]
Ints: TypeAlias = np.typing.NDArray[np.int64]

ORDER_MOST: Final = 29
_BITS: Final = (
    (16, 0x0000FFFF0000FFFF), (8, 0x00FF00FF00FF00FF), (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333), (1, 0x5555555555555555),
)  # fmt: skip
_TWO_THIRDS: Final = 0.6666666666666666
_ROOT_6: Final = 2.449489742783178


def cells(order: Ints, ra_deg: Floats, z: Floats, polar: Floats) -> Ints:
    """Return the cells that hold places, all of the shape of the arguments.

    Parameters
    ----------
    order
        From 0 to 29.
    ra_deg
        From 0 to below 360.
    z, polar
        Sine of the declination, and of half its distance from the nearer pole.

    >>> one = np.ones(1, dtype=np.int64)
    >>> cells(17 * one, one.astype(float), np.sin(np.radians(one)), 0.5 * one).tolist()
    [81609757711]
    """
    n = np.left_shift(1, order)
    turns = ra_deg / 90
    equatorial = np.abs(z) <= _TWO_THIRDS
    p = np.floor(n * (0.5 + turns) - n * (z * 0.75)).astype(np.int64)
    m = np.floor(n * (0.5 + turns) + n * (z * 0.75)).astype(np.int64)
    face_p, face_m = p >> order, m >> order
    face = np.where(
        face_p == face_m, face_p | 4, np.where(face_p < face_m, face_p, face_m + 8)
    )
    x, y = m & (n - 1), n - (p & (n - 1)) - 1

    quarter = np.minimum(3, np.floor(turns)).astype(np.int64)
    reach = n * (_ROOT_6 * polar)
    p = np.minimum(n - 1, np.floor((turns - quarter) * reach).astype(np.int64))
    m = np.minimum(n - 1, np.floor((1 - (turns - quarter)) * reach).astype(np.int64))
    north = z >= 0
    face = np.where(equatorial, face, np.where(north, quarter, quarter + 8))
    x = np.where(equatorial, x, np.where(north, n - m - 1, p))
    y = np.where(equatorial, y, np.where(north, n - p - 1, m))
    found = (face << (2 * order)) + _spread(x) + 2 * _spread(y)
    return np.asarray(found, dtype=np.int64)


def centres(order: Ints, cell: Ints) -> tuple[Floats, Floats]:
    """Return right ascension and declination of the centres of cells, deg.

    >>> centres(np.array([0]), np.array([6]))
    (array([180.]), array([0.]))
    """
    n = np.left_shift(1, order)
    face = cell >> (2 * order)
    inner = cell & (np.left_shift(1, 2 * order) - 1)
    x, y = _squeezed(inner), _squeezed(inner >> 1)
    ring = (2 + face // 4) * n - x - y - 1
    column = 2 * (face % 4) + np.where(face // 4 == 1, 0, 1)
    south = ring > 3 * n
    width = np.where(ring < n, ring, np.where(south, 4 * n - ring, n))
    step = column * width + x - y
    step = np.where(step < 0, step + 8 * width, step)
    ra = 45.0 * step / width
    cap = 90 - 2 * np.degrees(np.arcsin(np.minimum(1, width / (n * _ROOT_6))))
    band = np.degrees(np.arcsin(np.clip((2 * n - ring) * 2 / (3 * n), -1, 1)))
    dec = np.where(width < n, np.where(south, -cap, cap), band)
    return ra, dec


def _spread(x: Ints) -> Ints:
    """Return the bits of numbers below 2**29, a 0 before each."""
    for shift, mask in _BITS:
        x = (x | (x << shift)) & mask
    return x


def _squeezed(x: Ints) -> Ints:
    """Return every second bit of numbers, side by side."""
    x = x & _BITS[-1][1]
    masks = [mask for _, mask in _BITS[-2::-1]] + [0xFFFFFFFF]
    for shift, mask in zip((1, 2, 4, 8, 16), masks, strict=True):
        x = (x | (x >> shift)) & mask
    return x
