"""Regions of the sky as POS writes them (SIA 2.0 section 2.1, SODA 1.0): ICRS, deg."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from distiller.core.errors import BadParameter
from distiller.vo.dali import number
from distiller.vo.intervals import bound

if TYPE_CHECKING:
    from collections.abc import Sequence

_TURN: Final = 360.0
_POLE: Final = 90.0
_RADIUS_MAX: Final = 180.0
_CIRCLE: Final = 3
_RANGE: Final = 4
_POLYGON: Final = 6
MOST_CORNERS: Final = 200
"""Corners of a polygon at most."""

_HINT: Final = (
    "give CIRCLE ra dec radius, RANGE ra1 ra2 dec1 dec2 or POLYGON ra1 dec1 ra2 dec2 "
    "ra3 dec3 ..., in deg"
)


@dataclass(frozen=True, slots=True)
class Circle:
    """A circle; deg."""

    ra_deg: float
    dec_deg: float
    radius_deg: float


@dataclass(frozen=True, slots=True)
class Range:
    """What lies between two meridians and two parallels; deg.

    Attributes
    ----------
    west_deg, east_deg
        Right ascensions; east is not less than west, and above 360 where the range
        goes on behind 0.
    """

    west_deg: float
    east_deg: float
    south_deg: float
    north_deg: float


@dataclass(frozen=True, slots=True)
class Polygon:
    """A polygon of great circles: right ascension and declination of each corner, deg.

    Its inside is the smaller part of the sphere, whichever way round it is given.
    """

    corners_deg: tuple[tuple[float, float], ...]


Shape: TypeAlias = Circle | Range | Polygon


def parse(name: str, text: str) -> Shape:
    """Read one region.

    Parameters
    ----------
    name
        Of the parameter, for the error.

    Raises
    ------
    BadParameter
        If it is none, or lies outside the sky.

    >>> parse("POS", "CIRCLE 83.63 22.01 0.5")
    Circle(ra_deg=83.63, dec_deg=22.01, radius_deg=0.5)
    >>> parse("POS", "RANGE 350 10 89 +Inf")
    Range(west_deg=350.0, east_deg=370.0, south_deg=89.0, north_deg=90.0)
    """
    kind, *words = text.split() or [""]
    kind = kind.upper()
    if kind == "CIRCLE" and len(words) == _CIRCLE:
        return _circle(name, words)
    if kind == "RANGE" and len(words) == _RANGE:
        return _range(name, words)
    if kind == "POLYGON" and len(words) >= _POLYGON and len(words) % 2 == 0:
        return _polygon(name, words)
    raise BadParameter(name, f"{text!r} is no region", hint=_HINT)


def _circle(name: str, words: Sequence[str]) -> Circle:
    ra, dec = _place(name, words[0], words[1])
    return Circle(ra, dec, number(name, words[2], 0.0, _RADIUS_MAX, "deg"))


def _range(name: str, words: Sequence[str]) -> Range:
    west = _edge(name, words[0], 0.0, _TURN)
    east = _edge(name, words[1], 0.0, _TURN)
    south = _edge(name, words[2], -_POLE, _POLE)
    north = _edge(name, words[3], -_POLE, _POLE)
    if south > north:
        raise BadParameter(
            name, f"no declination is from {south:g} to {north:g}", hint=_HINT
        )
    return Range(west, east if east >= west else east + _TURN, south, north)


def _edge(name: str, text: str, lowest: float, highest: float) -> float:
    """Read an edge of a range; an infinite one is the end of the sky."""
    value = bound(name, text)
    if math.isinf(value):
        return highest if value > 0 else lowest
    return number(name, text, lowest, highest, "deg")


def _polygon(name: str, words: Sequence[str]) -> Polygon:
    pairs = zip(words[::2], words[1::2], strict=True)
    corners = tuple(_place(name, ra, dec) for ra, dec in pairs)
    if len(corners) > MOST_CORNERS:
        raise BadParameter(
            name, f"a polygon of more than {MOST_CORNERS} corners", hint="simplify it"
        )
    return Polygon(corners)


def _place(name: str, ra: str, dec: str) -> tuple[float, float]:
    return number(name, ra, 0.0, _TURN, "deg"), number(name, dec, -_POLE, _POLE, "deg")
