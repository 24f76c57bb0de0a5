"""Rotations between reference frames, for ivo_geom_transform.

The frames are those of the IVOA vocabulary ``refframe``, each with its usual equinox
(Catalogue of ADQL user-defined functions 1.2 section 2.2.2); every change between them
is a rotation, that of FK4 without the E-terms of aberration. Sources: ESA SP-1200
(1997) volume 1 section 1.5.7 for FK5, Murray 1989 (A&A 218, 325) for FK4, Blaauw et al.
1960 in J2000 for galactic, de Vaucouleurs et al. 1976 for supergalactic coordinates,
IAU 2006 and IERS Conventions 2003 for the ecliptic.
"""

from __future__ import annotations

from functools import cache
from math import cos, radians, sin
from typing import Final, TypeAlias

Matrix: TypeAlias = tuple[float, ...]
"""Nine numbers, row by row."""

_MAS: Final = 1 / 3_600_000
_OBLIQUITY: Final = 84381.406 / 3600
_FROM_FK4: Final = (
    0.9999256794956877, -0.0111814832204662, -0.0048590038153592,
    0.0111814832391717, 0.9999374848933135, -0.0000271625947142,
    0.0048590037723143, -0.0000271702937440, 0.9999881946023742,
)  # fmt: skip
"""B1950 to J2000."""


def _about_x(angle: float) -> Matrix:
    c, s = cos(radians(angle)), sin(radians(angle))
    return (1.0, 0.0, 0.0, 0.0, c, s, 0.0, -s, c)


def _about_y(angle: float) -> Matrix:
    c, s = cos(radians(angle)), sin(radians(angle))
    return (c, 0.0, -s, 0.0, 1.0, 0.0, s, 0.0, c)


def _about_z(angle: float) -> Matrix:
    c, s = cos(radians(angle)), sin(radians(angle))
    return (c, s, 0.0, -s, c, 0.0, 0.0, 0.0, 1.0)


def _product(*matrices: Matrix) -> Matrix:
    made = matrices[-1]
    for left in matrices[-2::-1]:
        made = tuple(
            sum(left[row + k] * made[3 * k + column] for k in range(3))
            for row in (0, 3, 6)
            for column in range(3)
        )
    return made


def _turned_back(matrix: Matrix) -> Matrix:
    return tuple(matrix[3 * k + row] for row in range(3) for k in range(3))


@cache
def _from_icrs() -> dict[str, Matrix]:
    fk5 = _product(_about_x(19.9 * _MAS), _about_y(9.1 * _MAS), _about_z(-22.9 * _MAS))
    galactic = _product(
        _about_z(180 - 122.9319185680026),
        _about_y(90 - 27.12825118085622),
        _about_z(192.8594812065348),
        fk5,
    )
    return {
        "ICRS": _about_z(0.0),
        "FK5": fk5,
        "FK4": _product(_turned_back(_FROM_FK4), fk5),
        "ECLIPTIC": _product(
            _about_x(_OBLIQUITY + 6.819 * _MAS),
            _about_y(-16.617 * _MAS),
            _about_z(-14.6 * _MAS),
        ),
        "GALACTIC": galactic,
        "SUPER_GALACTIC": _product(
            _about_z(90), _about_y(90 - 6.32), _about_z(47.37), galactic
        ),
    }


FRAMES: Final = ("ICRS", "GALACTIC", "FK5", "FK4", "ECLIPTIC", "SUPER_GALACTIC")
"""Every frame that is known, by its identifier."""


@cache
def rotation(source: str, target: str) -> Matrix:
    """Return the matrix that turns unit vectors of one frame into those of another.

    Raises
    ------
    KeyError
        If a frame is not known.

    >>> [round(x) for x in rotation("FK5", "FK5")]
    [1, 0, 0, 0, 1, 0, 0, 0, 1]
    """
    known = _from_icrs()
    if known[source] is known[target]:
        return known["ICRS"]
    return _product(known[target], _turned_back(known[source]))
