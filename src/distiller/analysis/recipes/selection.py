"""Which events of a DL3 run are wanted: place, energy, time, class."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.time import Time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.table import Column, Table
    from gammapy.data import Observation

CLASS_NAMES: Final = {
    "event_class": ("EV_CLASS", "EVENT_CLASS"),
    "event_type": ("EVENT_TYPE",),
}
"""Columns, or else keywords, that a parameter is about."""

Numbers = np.typing.NDArray[Any]


@dataclass(frozen=True)
class Selected:
    """What is left of a run.

    Attributes
    ----------
    table
        All rows of its event list; ``chosen`` marks those that are kept.
    reference
        The instant (TT) that the times of its file count from.
    time_s
        Of all rows, since the reference: the numbers of the file.
    own_good_s, good_s
        Good time intervals of the run, and what is left of them, shape (n, 2).
    classes
        What there is to choose from, of each parameter of `CLASS_NAMES`; None: no such
        column or keyword.
    has_class
        Whether any event is of what was asked for, of each.
    """

    obs_id: str
    table: Table
    chosen: Numbers
    reference: Time
    time_s: Numbers
    own_good_s: Numbers
    good_s: Numbers
    classes: Mapping[str, tuple[str, ...] | None]
    has_class: Mapping[str, bool]

    @property
    def is_used(self) -> bool:
        """Whether any good time is left."""
        return len(self.good_s) > 0

    @property
    def mjdref(self) -> tuple[int, float]:
        """The reference as whole days and their part (MJD, TT)."""
        header = self.table.meta
        if str(header.get("TIMESYS", "TT")).strip().upper() == "TT":
            return int(header["MJDREFI"]), float(header["MJDREFF"])
        whole, part = divmod(self.reference.jd1 - 2400000.5, 1.0)
        more, part = divmod(part + self.reference.jd2, 1.0)
        return int(whole + more), part

    @property
    def ontime_s(self) -> float:
        """Good time that is left."""
        return float(np.diff(self.good_s, axis=1).sum())

    def trimmed(self) -> Selected:
        """Return the same with the rows that are kept, and no others in memory."""
        names = [name for name in self.table.colnames if name != "TIME"]
        return replace(
            self,
            table=self.table[names][self.chosen],
            chosen=np.ones(int(self.chosen.sum()), dtype=np.bool_),
            time_s=self.time_s[self.chosen],
        )

    @property
    def beyond(self) -> int:
        """Count the events that are kept and lie in no good time interval."""
        return int((self.chosen & ~_within(self.time_s, self.good_s)).sum())

    @property
    def live(self) -> float | None:
        """Live time over good time, which the run is taken to have at all times."""
        header = self.table.meta
        if _is_number(header.get("DEADC")):
            return float(header["DEADC"])
        own = float(np.diff(self.own_good_s, axis=1).sum())
        if _is_number(header.get("LIVETIME")) and own > 0:
            return min(float(header["LIVETIME"]) / own, 1.0)
        return None


def select(one: Observation, parameters: Mapping[str, Any]) -> Selected:
    """Mark the events of a run that are wanted, and cut its good time.

    Energies and times are [from, to); a circle has its border.
    """
    events = one.events
    table = events.table
    reference = Time(
        float(table.meta["MJDREFI"]), float(table.meta["MJDREFF"]),
        format="mjd", scale=str(table.meta.get("TIMESYS", "TT")).strip().lower(),
    ).tt  # fmt: skip
    # The number of the file to the last bit; `to_value("s")` is one off at times.
    time_s = np.asarray((table["TIME"] - reference).sec)
    own = np.column_stack(
        [(edge - reference).sec for edge in (one.gti.time_start, one.gti.time_stop)]
    ).astype(np.float64)
    spans = _spans(parameters, reference)
    good = _common(own, spans)
    wanted = _in_energy(table, parameters) & _in_region(events.radec, parameters)
    in_time = np.zeros(time_s.shape, dtype=np.bool_)
    for start, stop in spans:
        in_time |= (time_s >= start) & (time_s < stop)
    wanted &= in_time
    classes, has_class = {}, {}
    for name in CLASS_NAMES:
        classes[name], of_class = _class(table, name, parameters.get(name))
        wanted &= of_class
        has_class[name] = bool(of_class.any())
        if not has_class[name] and not _has_column(table, name):
            good = good[:0]  # a whole run of another class
    if parameters.get("good_time"):
        wanted &= _within(time_s, good)
    return Selected(
        obs_id=str(one.obs_id),
        table=table,
        chosen=wanted & (len(good) > 0),
        reference=reference,
        time_s=time_s,
        own_good_s=own,
        good_s=good,
        classes=classes,
        has_class=has_class,
    )


def _spans(parameters: Mapping[str, Any], reference: Time) -> Numbers:
    """Return the times that are wanted, in s since the reference, shape (n, 2)."""
    low, high = parameters.get("t_min"), parameters.get("t_max")
    bounds = np.array([[-np.inf, np.inf]])
    if low is not None:
        bounds[0, 0] = (Time(low, format="mjd", scale="utc") - reference).sec
    if high is not None:
        bounds[0, 1] = (Time(high, format="mjd", scale="utc") - reference).sec
    listed = np.array(parameters.get("gti") or (), dtype=np.float64).reshape(-1, 2)
    if not len(listed):
        return bounds
    instants = Time(listed, format="mjd", scale="utc")
    return _common(united((instants - reference).sec), bounds)


def united(intervals: Numbers) -> Numbers:
    """Return intervals in order, those that overlap as one; shape (n, 2)."""
    found: list[list[float]] = []
    for start, stop in sorted(map(tuple, intervals)):
        if found and start < found[-1][1]:
            found[-1][1] = max(found[-1][1], stop)
        else:
            found.append([start, stop])
    return np.array(found).reshape(-1, 2)


def _common(first: Numbers, second: Numbers) -> Numbers:
    """Return where an interval of both lists holds, shape (n, 2)."""
    low = np.maximum(first[:, None, 0], second[None, :, 0])
    high = np.minimum(first[:, None, 1], second[None, :, 1])
    some = high > low
    return np.column_stack([low[some], high[some]])


def _within(time_s: Numbers, good_s: Numbers) -> Numbers:
    """Mark instants in any of the intervals, their ends included."""
    inside = np.zeros(time_s.shape, dtype=np.bool_)
    for start, stop in good_s:
        inside |= (time_s >= start) & (time_s <= stop)
    return inside


def _in_energy(table: Table, parameters: Mapping[str, Any]) -> Numbers:
    # 64 bits before any comparison: 0.7 TeV in a 32-bit column is below 0.7.
    energy = np.asarray(table["ENERGY"].quantity.to_value("TeV"), dtype=np.float64)
    low, high = parameters.get("e_min"), parameters.get("e_max")
    inside = np.ones(energy.shape, dtype=np.bool_)
    if low is not None:
        inside &= energy >= low
    if high is not None:
        inside &= energy < high
    return inside


def _in_region(places: SkyCoord, parameters: Mapping[str, Any]) -> Numbers:
    inside = np.ones(places.shape, dtype=np.bool_)
    radius = parameters.get("radius")
    if radius is not None:
        centre = SkyCoord(parameters["ra"], parameters["dec"], unit="deg")
        inside &= places.separation(centre).deg <= radius
    for ra, dec, size in parameters.get("exclude") or ():
        inside &= places.separation(SkyCoord(ra, dec, unit="deg")).deg > size
    return inside


def _has_column(table: Table, parameter: str) -> bool:
    return any(name in table.colnames for name in CLASS_NAMES[parameter])


def _class(
    table: Table, parameter: str, wanted: str | None
) -> tuple[tuple[str, ...] | None, Numbers]:
    """Return what classes there are, and which events are of the one that is wanted.

    A column of bits is read as a whole number whose last bit is the lowest, and an
    event is taken that has any of the bits of ``wanted``.
    """
    every = np.ones(len(table), dtype=np.bool_)
    for name in CLASS_NAMES[parameter]:
        if name in table.colnames:
            return _of_column(table[name], wanted)
    for name in CLASS_NAMES[parameter]:
        if str(table.meta.get(name, "")).strip():
            there = str(table.meta[name]).strip()
            same = wanted is None or there.lower() == wanted.lower()
            return (there,), every & same
    return None, every & (wanted is None)


def _of_column(column: Column, wanted: str | None) -> tuple[tuple[str, ...], Numbers]:
    values = np.asarray(column)
    if values.ndim > 1:
        weights = 2 ** np.arange(values.shape[1], dtype=np.int64)[::-1]
        bits = values.astype(np.int64) @ weights
        there = [str(2**n) for n in range(values.shape[1]) if (bits & 2**n).any()]
        asked = int(wanted) if wanted is not None and wanted.isdecimal() else 0
        chosen = (bits & asked) != 0
    else:
        words = np.char.strip(values.astype(np.str_))
        there = sorted(set(words.tolist()))
        chosen = np.char.lower(words) == (wanted or "").lower()
    if wanted is None:
        chosen = np.ones(len(values), dtype=np.bool_)
    return tuple(there), chosen


def _is_number(value: object) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and bool(np.isfinite(value))
    )
