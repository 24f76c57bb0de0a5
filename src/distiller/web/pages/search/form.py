"""The search form: what the address says, as typed and checked values."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlencode

from distiller.core.errors import BadParameter
from distiller.core.times import iso_to_mjd_utc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import QueryDict

PositionMode = Literal["footprint", "pointing"]

LEVELS: Final = ("DL0", "DL1", "DL2", "DL3", "DL4", "DL5")
PAGE_SIZES: Final = (50, 100)
RADIUS_DEG: Final[dict[PositionMode, float]] = {"footprint": 0.001, "pointing": 2.0}
"""Radius where none is given: a point must lie in the footprint; a pointing near it."""

_MJD_MIN: Final = 10_000.0
_MJD_MAX: Final = 100_000.0
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_RADIUS_MAX_DEG: Final = 180.0
_ENERGY_MAX_TEV: Final = 1e6
_TEXT_MAX: Final = 200
_ADQL_MAX: Final = 20_000
_MULTIPLE: Final = (
    "dataproduct_type",
    "dataproduct_subtype",
    "level",
    "collection",
    "target_name",
)
_TEXTS: Final = ("target", "obs_id", "proposal_id")
_NUMBERS: Final[dict[str, tuple[float, float, str]]] = {
    "ra": (0.0, 360.0, "deg"),
    "dec": (-90.0, 90.0, "deg"),
    "sr": (0.0, _RADIUS_MAX_DEG, "deg"),
    "e_min": (0.0, _ENERGY_MAX_TEV, "TeV"),
    "e_max": (0.0, _ENERGY_MAX_TEV, "TeV"),
}
_TIMES: Final = ("t_min", "t_max")
_SORT: Final = re.compile(r"-?[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class SearchForm:
    """Every field of the form.

    Attributes
    ----------
    target
        Name or position as typed; ``ra`` and ``dec`` beat it.
    ra_deg, dec_deg, radius_deg
        Centre and radius, ICRS, deg.
    t_min_mjd, t_max_mjd
        Time range (UTC), d.
    e_min_tev, e_max_tev
        Energy range, TeV.
    adql
        A query edited by hand, which then is the whole search.
    sort
        Column, with ``-`` in front for descending.
    raw
        Every value as it came, to be shown again.
    faults
        What is wrong, by field.
    """

    target: str = ""
    ra_deg: float | None = None
    dec_deg: float | None = None
    radius_deg: float | None = None
    position_mode: PositionMode = "footprint"
    types: tuple[str, ...] = ()
    subtypes: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    obs_id: str = ""
    proposal_id: str = ""
    t_min_mjd: float | None = None
    t_max_mjd: float | None = None
    e_min_tev: float | None = None
    e_max_tev: float | None = None
    adql: str = ""
    sort: str = ""
    page: int = 1
    rows: int = PAGE_SIZES[0]
    raw: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)

    @property
    def radius_used_deg(self) -> float:
        """The radius in deg that holds: the given one, or that of the mode."""
        if self.radius_deg is not None:
            return self.radius_deg
        return RADIUS_DEG[self.position_mode]

    @property
    def has_position(self) -> bool:
        """Whether right ascension and declination are given as numbers."""
        return self.ra_deg is not None and self.dec_deg is not None

    def at(self, ra_deg: float, dec_deg: float) -> SearchForm:
        """Return the same form with its centre at this ICRS position, deg."""
        return replace(self, ra_deg=ra_deg, dec_deg=dec_deg)

    def address(self, **changes: str | tuple[str, ...] | None) -> str:
        """Return the query string of this state with some fields changed.

        Changing anything but the page leads back to the first page; None takes a
        field away.
        """
        values = {k: v for k, v in self.raw.items() if k != "page"}
        for name, value in changes.items():
            given = (value,) if isinstance(value, str) else value
            if given:
                values[name] = given
            else:
                values.pop(name, None)
        pairs = [(k, v) for k, vs in values.items() for v in vs if v.strip()]
        return urlencode(pairs)


def read(query: QueryDict) -> SearchForm:
    """Read the address; wrong values become faults at their fields."""
    raw = {name: tuple(query.getlist(name)) for name in query}
    reader = _Reader({k: v for k, v in raw.items() if k in FIELDS})
    values = reader.values()
    return SearchForm(raw=reader.raw, faults=reader.faults, **values)


class _Reader:
    """Collects values and faults of one address."""

    def __init__(self, raw: Mapping[str, tuple[str, ...]]) -> None:
        self.raw = raw
        self.faults: dict[str, str] = {}

    def values(self) -> dict[str, Any]:
        """Read every field."""
        texts = {name: self._text(name) for name in _TEXTS}
        numbers = {name: self._number(name) for name in _NUMBERS}
        times = {
            "t_min_mjd": self._checked("t_min", _read_time),
            "t_max_mjd": self._checked("t_max", _read_end),
        }
        types, subtypes, levels, collections, names = (
            self._several(n) for n in _MULTIPLE
        )
        self._check_ranges(numbers, times)
        mode = self._text("pos") or "footprint"
        if mode not in RADIUS_DEG:
            self.faults["pos"] = "is footprint or pointing"
            mode = "footprint"
        unknown = [level for level in levels if level not in LEVELS]
        if unknown:
            self.faults["level"] = f"{unknown[0]!r} is not one of {', '.join(LEVELS)}"
        return {
            **texts,
            "ra_deg": numbers["ra"],
            "dec_deg": numbers["dec"],
            "radius_deg": numbers["sr"],
            "e_min_tev": numbers["e_min"],
            "e_max_tev": numbers["e_max"],
            **times,
            "position_mode": mode,
            "types": types,
            "subtypes": subtypes,
            "levels": tuple(level for level in levels if level in LEVELS),
            "collections": collections,
            "target_names": names,
            "adql": self._text("adql", _ADQL_MAX),
            "sort": self._sort(),
            "page": self._whole("page", 1, range(1, 1_000_000)),
            "rows": self._whole("rows", PAGE_SIZES[0], PAGE_SIZES),
        }

    def _first(self, name: str) -> str:
        return next((v.strip() for v in self.raw.get(name, ()) if v.strip()), "")

    def _text(self, name: str, most: int = _TEXT_MAX) -> str:
        text = self._first(name)
        if len(text) > most:
            self.faults[name] = f"is longer than {most} characters"
            return ""
        return text

    def _several(self, name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(v for v in self.raw.get(name, ()) if v.strip()))

    def _checked(self, name: str, parse: Callable[[str], float]) -> float | None:
        text = self._first(name)
        if not text:
            return None
        try:
            return parse(text)
        except (ValueError, BadParameter) as error:
            self.faults[name] = str(getattr(error, "hint", None) or error)
            return None

    def _number(self, name: str) -> float | None:
        lowest, highest, unit = _NUMBERS[name]

        def parse(text: str) -> float:
            try:
                value = float(text)
            except ValueError:
                value = math.nan
            if not math.isfinite(value):
                message = f"{text!r} is not a number (in {unit})"
                raise ValueError(message)
            if not lowest <= value <= highest or (name == "ra" and value == highest):
                message = f"must be from {lowest:g} to {highest:g} {unit}"
                raise ValueError(message)
            return value

        return self._checked(name, parse)

    def _sort(self) -> str:
        text = self._first("sort")
        return text if _SORT.fullmatch(text) else ""

    def _whole(self, name: str, default: int, allowed: range | tuple[int, ...]) -> int:
        text = self._first(name)
        number = int(text) if text.isdecimal() and len(text) < len("1000000") else 0
        return number if number in allowed else default

    def _check_ranges(
        self,
        numbers: Mapping[str, float | None],
        times: Mapping[str, float | None],
    ) -> None:
        for lower, upper, low, high in (
            ("e_min", "e_max", numbers["e_min"], numbers["e_max"]),
            ("t_min", "t_max", times["t_min_mjd"], times["t_max_mjd"]),
        ):
            if low is not None and high is not None and low > high:
                self.faults[upper] = f"is below {lower}"
        for one, other in (("ra", "dec"), ("dec", "ra")):
            missing = self._first(one) and not self._first(other)
            if missing and other not in self.faults:
                self.faults[other] = f"is missing: {one} is given"
        if numbers["sr"] == 0:
            self.faults["sr"] = "must be above 0 deg"


def _read_time(text: str) -> float:
    """Read an MJD or an ISO 8601 time (UTC) as MJD, d."""
    try:
        mjd = float(text)
    except ValueError:
        return iso_to_mjd_utc(text)
    if not _MJD_MIN <= mjd <= _MJD_MAX:
        # A year is no MJD, though both are numbers.
        message = (
            f"an MJD must be from {_MJD_MIN:g} to {_MJD_MAX:g}; or write "
            "2004-12-04T22:08:10"
        )
        raise ValueError(message)
    return mjd


def _read_end(text: str) -> float:
    """Read the end of a range; a date alone includes its day."""
    mjd = _read_time(text)
    return mjd + 1.0 if _DATE.fullmatch(text) else mjd


FIELDS: Final = frozenset(
    {*_MULTIPLE, *_TEXTS, *_NUMBERS, *_TIMES, "pos", "adql", "sort", "page", "rows"}
)
"""Names of all parameters of the address."""
