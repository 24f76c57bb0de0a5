"""Coordinate systems of geometries: what names them, and the way from them to ICRS.

ADQL 2.1 section 4.2.5 deprecates the argument that names one, and the document says no
set of names: these are those of STC-S (TAP 1.0 section 6). Places are directions, so
that the reference position makes no difference.
"""

from __future__ import annotations

import math
from typing import Final, TypeAlias

from distiller.adql.rotations import rotation

Matrix: TypeAlias = tuple[tuple[float, ...], ...]

ICRS: Final = "ICRS"
MATRICES: Final[dict[str, Matrix]] = {
    system: tuple(zip(*[iter(rotation(system, ICRS))] * 3, strict=True))
    for system in ("FK5", "GALACTIC")
}
"""What turns a unit vector of a system into one of ICRS."""

_NAMES: Final = {
    "ICRS": ICRS, "UNKNOWNFRAME": ICRS, "UNKNOWN": ICRS, "FK5": "FK5", "J2000": "FK5",
    "GALACTIC": "GALACTIC", "GALACTIC_II": "GALACTIC",
}  # fmt: skip
_OTHERS: Final = frozenset(
    {"B1950", "ECLIPTIC", "FK4", "GEO_C", "GEO_D", "SUPERGALACTIC"}
)
_EQUINOXES: Final = frozenset({"J2000", "J2000.0"})
_POSITIONS: Final = frozenset({
    "BARYCENTER", "GEOCENTER", "HELIOCENTER", "LSR", "RELOCATABLE", "SPHERICAL2",
    "TOPOCENTER", "UNKNOWNREFPOS",
})  # fmt: skip


def system(text: str) -> str | None:
    """Return the system that a text names, None for one that is not known.

    >>> system("icrs geocenter"), system(""), system("FK5 J2000"), system("FK4")
    ('ICRS', 'ICRS', 'FK5', None)
    """
    found, rest = leading(text.upper().split())
    return None if rest else found


def leading(words: list[str]) -> tuple[str | None, list[str]]:
    """Return the system that words begin with, and the words behind it.

    >>> leading("GALACTIC BARYCENTER 1 2".split()), leading(["1", "2"])
    (('GALACTIC', ['1', '2']), ('ICRS', ['1', '2']))
    """
    found: str | None = ICRS
    if words and words[0] in _OTHERS:
        return None, words[1:]
    if words and words[0] in _NAMES:
        found, words = _NAMES[words[0]], words[1:]
        if found == "FK5" and words and words[0] in _EQUINOXES:
            words = words[1:]
    while words and words[0] in _POSITIONS:
        words = words[1:]
    return found, words


def to_icrs(lon_deg: float, lat_deg: float, source: str) -> tuple[float, float]:
    """Return right ascension, in [0, 360), and declination of a place, deg.

    >>> ra, dec = to_icrs(0.0, 0.0, "GALACTIC")
    >>> round(ra, 6), round(dec, 6)
    (266.404988, -28.936178)
    """
    if source == ICRS:
        return lon_deg, lat_deg
    lon, lat = math.radians(lon_deg), math.radians(lat_deg)
    vector = (
        math.cos(lat) * math.cos(lon),
        math.cos(lat) * math.sin(lon),
        math.sin(lat),
    )
    x, y, z = (
        math.fsum(a * b for a, b in zip(row, vector, strict=True))
        for row in MATRICES[source]
    )
    ra = math.degrees(math.atan2(y, x)) % 360.0
    return ra, math.degrees(math.atan2(z, math.hypot(x, y)))


def box(
    lon_deg: float, lat_deg: float, width_deg: float, height_deg: float
) -> list[tuple[float, float]]:
    """Return the corners of a BOX, deg, in its own system.

    Its sides are great circles at right angles to the ends of a cross, whose arms have
    half the sizes (ADQL 2.1 section 4.2.9): the corners lie where a rectangle in the
    plane that touches the sphere in the centre is seen.

    >>> [(round(lon, 3), round(lat, 3)) for lon, lat in box(10, 0, 90, 2)]
    [(325.0, -0.707), (55.0, -0.707), (55.0, 0.707), (325.0, 0.707)]
    """
    sine, cosine = math.sin(math.radians(lat_deg)), math.cos(math.radians(lat_deg))
    east, north = (math.tan(math.radians(d / 2)) for d in (width_deg, height_deg))
    found = []
    for x, y in CORNERS:
        out = cosine - y * north * sine
        lon = lon_deg + math.degrees(math.atan2(x * east, out))
        up = sine + y * north * cosine
        lat = math.degrees(math.atan2(up, math.hypot(x * east, out)))
        found.append((lon % 360.0, lat))
    return found


CORNERS: Final = ((-1, -1), (1, -1), (1, 1), (-1, 1))
"""Of a box, by the sides of its cross: east is positive, north is."""
