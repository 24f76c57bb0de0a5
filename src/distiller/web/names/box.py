"""The one box: whether what was typed is a position, and which one.

Read as a position: ``83.63 22.01`` (ICRS, deg), sexagesimal with colons, blanks or
``h m s``, and galactic ``l 184.56 b -5.78`` or ``184.56 -5.78 gal``. Everything else
is a name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from distiller.core.errors import BadParameter
from distiller.core.sky import icrs_deg

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)"
_DEGREES = r"\s*(?:°|deg|d)?"
_DECIMAL = re.compile(
    rf"(?P<lon>{_NUMBER}){_DEGREES}(?:\s*[,;]\s*|\s+)(?P<lat>{_NUMBER}){_DEGREES}",
    re.IGNORECASE,
)
_GALACTIC_NAMED = re.compile(
    rf"(?:gal(?:actic)?\s*:?\s*)?l\s*[=:]?\s*(?P<lon>{_NUMBER}){_DEGREES}"
    rf"\s*[,;]?\s*b\s*[=:]?\s*(?P<lat>{_NUMBER}){_DEGREES}",
    re.IGNORECASE,
)
_GALACTIC_SUFFIX = re.compile(r"(?P<pair>.+?)\s+gal(?:actic)?", re.IGNORECASE)
_GALACTIC_PREFIX = re.compile(r"gal(?:actic)?\s*:?\s+(?P<pair>.+)", re.IGNORECASE)
_ICRS_WORD = re.compile(r"^icrs\s+|\s+icrs$", re.IGNORECASE)
_SEXAGESIMAL = re.compile(
    r"""
    (?P<h>\d{1,3}) (?: \s*(?P<hu>[hd:°])\s* | \s+ )
    (?P<hm>\d{1,2}(?:\.\d*)?)
    (?: (?: \s*[m:']\s* | \s+ ) (?P<hs>\d{1,2}(?:\.\d*)?) \s*(?:s|"|'')? )?
    \s*[m']?
    \s*[,;]?\s*
    # Right ascension and declination are two: a number is never cut in halves.
    (?: (?P<sign>[+-]) | (?<![\d.]) )
    (?P<d>\d{1,2}) (?: \s*[d:°]\s* | \s+ )
    (?P<dm>\d{1,2}(?:\.\d*)?)
    (?: (?: \s*[m:']\s* | \s+ ) (?P<ds>\d{1,2}(?:\.\d*)?) \s*(?:s|"|'')? )?
    \s*[m']?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_HALF = re.compile(
    r"""
    \d{1,3} (?: \s*[hd:°]\s* | \s+ ) \d{1,2} (?: \s*[m:']\s* | \s+ )
    \d{1,2}(?:\.\d*)? \s*(?:s|"|'')?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_MARKS = str.maketrans(
    {
        "\N{MINUS SIGN}": "-",
        "\N{EN DASH}": "-",
        "\N{PRIME}": "'",
        "\N{DOUBLE PRIME}": '"',
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        "\N{NO-BREAK SPACE}": " ",
    }
)
_TURN_DEG = 360.0
_POLE_DEG = 90.0
_SIXTY = 60.0
_HOUR_DEG = 15.0
_FULL_HOURS = 24.0


@dataclass(frozen=True, slots=True)
class Place:
    """A position that was typed.

    Attributes
    ----------
    ra_deg, dec_deg
        ICRS, deg.
    frame
        The frame in which it was typed.
    """

    ra_deg: float
    dec_deg: float
    frame: Literal["icrs", "galactic"] = "icrs"


def parse_place(text: str) -> Place | None:
    """Read a position; None if the text is a name.

    Raises
    ------
    BadParameter
        The text has the form of a position, but no such position exists.

    >>> parse_place("83.63 22.01")
    Place(ra_deg=83.63, dec_deg=22.01, frame='icrs')
    >>> parse_place("05:34:30 -22:00:36")
    Place(ra_deg=83.625, dec_deg=-22.01, frame='icrs')
    >>> parse_place("Crab Nebula") is None
    True
    """
    plain = _ICRS_WORD.sub("", text.translate(_MARKS).strip())
    galactic = _galactic_pair(plain)
    if galactic is not None:
        return galactic
    match = _DECIMAL.fullmatch(plain)
    if match is not None:
        ra, dec = float(match["lon"]), float(match["lat"])
        _check(text, ra, dec, ("right ascension", "declination"))
        return Place(ra, dec)
    match = _SEXAGESIMAL.fullmatch(plain)
    if match is not None:
        return _from_sexagesimal(text, match)
    if _HALF.fullmatch(plain):
        raise _wrong(text, "the declination is missing")
    return None


def _galactic_pair(plain: str) -> Place | None:
    match = _GALACTIC_NAMED.fullmatch(plain)
    if match is None:
        framed = _GALACTIC_SUFFIX.fullmatch(plain) or _GALACTIC_PREFIX.fullmatch(plain)
        match = None if framed is None else _DECIMAL.fullmatch(framed["pair"])
    if match is None:
        return None
    longitude, latitude = float(match["lon"]), float(match["lat"])
    if -_TURN_DEG / 2 <= longitude < 0:
        longitude += _TURN_DEG
    _check(plain, longitude, latitude, ("galactic longitude", "galactic latitude"))
    ra, dec = icrs_deg(longitude, latitude)
    return Place(round(ra, 6), round(dec, 6), "galactic")


def _from_sexagesimal(text: str, match: re.Match[str]) -> Place:
    in_degrees = match["hu"] in {"d", "D", "°"}
    ra = _sixties(text, match["h"], match["hm"], match["hs"])
    if not in_degrees:
        if ra >= _FULL_HOURS:
            raise _wrong(text, "right ascension must be below 24 h")
        ra *= _HOUR_DEG
    dec = _sixties(text, match["d"], match["dm"], match["ds"])
    if match["sign"] == "-":
        dec = -dec
    _check(text, ra, dec, ("right ascension", "declination"))
    return Place(round(ra, 9), round(dec, 9))


def _sixties(text: str, whole: str, minutes: str, seconds: str | None) -> float:
    minute, second = float(minutes), float(seconds or 0)
    if minute >= _SIXTY or second >= _SIXTY:
        raise _wrong(text, "minutes and seconds must be below 60")
    return float(whole) + minute / _SIXTY + second / _SIXTY**2


def _check(
    text: str, longitude: float, latitude: float, names: tuple[str, str]
) -> None:
    if not 0 <= longitude < _TURN_DEG:
        raise _wrong(text, f"{names[0]} {longitude:g} deg is not in 0..360")
    if not -_POLE_DEG <= latitude <= _POLE_DEG:
        raise _wrong(text, f"{names[1]} {latitude:g} deg is not in -90..90")


def _wrong(text: str, message: str) -> BadParameter:
    return BadParameter(
        "target",
        f"{text.strip()!r} is no position: {message}",
        hint="write 83.63 22.01, 05:34:32 +22:00:52 or l 184.56 b -5.78",
    )
