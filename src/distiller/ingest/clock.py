"""Times of a run from GTI, MJDREF and TIMESYS; never from an index or a date string."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

import numpy as np
from astropy.time import Time
from astropy.utils.exceptions import AstropyWarning

from distiller.core.errors import BadData
from distiller.ingest.run import Interval, Times
from distiller.ingest.values import as_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distiller.ingest.fits_stream import CardValue
    from distiller.ingest.gadf import RawRun
    from distiller.ingest.values import Values

_SCALES = frozenset({"tt", "utc", "tai", "tdb"})
_DAY_S = 86400.0
_EARLIEST, _LATEST = 44239.0, 88069.0  # 1980 and 2100, MJD
_TOLERANCE_S = 1.0
_SAME_S = 1e-3
_LEAST_S = 1.0  # a shorter run is a damaged table, or one in another unit


def place_in_time(raw: RawRun, values: Values) -> Times:
    """Return the good time intervals in MET, TT and UTC, and the exposure.

    Raises
    ------
    BadData
        D204 if reference or time system cannot be used; D114 if the intervals are
        too short to be true.
    """
    reference = _reference(raw, values)
    scale = _scale(raw, values)
    met = np.stack([raw.start_met, raw.stop_met])
    # Before astropy, which raises errors of several kinds for years it cannot hold.
    about = sum(reference) + met / _DAY_S
    if not np.all((about > _EARLIEST) & (about < _LATEST)):
        message = f"MJDREF and GTI place the run at MJD {about.flat[0]:.6g}"
        raise BadData("D204", values.path, message)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dubious years far from the leap second table
        instants = Time(
            reference[0], reference[1] + met / _DAY_S, format="mjd", scale=scale
        )
        tt, utc = instants.tt.mjd, instants.utc.mjd
        leaps = _leap_seconds(reference, utc) if scale == "utc" else 0.0
    if leaps > 0.5:  # noqa: PLR2004 - whole seconds
        values.note("D218", f"{leaps:.0f} s")
    intervals = tuple(
        Interval(*(float(v) for v in row)) for row in zip(*met, *tt, *utc, strict=True)
    )
    return _exposure(values, intervals, scale.upper())


def _reference(raw: RawRun, values: Values) -> tuple[float, float]:
    """Return MJDREF of the GTI, else of the EVENTS, as whole days and their part."""
    own, other = (_mjdref(header.values) for header in (raw.gti, raw.events))
    odd = _no_numbers(raw)
    if own[0] is None and other[0] is None:
        message = "; ".join(odd) or "MJDREFI is missing in GTI and EVENTS"
        raise BadData("D204", values.path, message)
    whole = other[0] if own[0] is None else own[0]
    part = own[1]
    if part is None and other[0] in {None, whole}:
        part = other[1]
    for text in odd:
        if part is None and text.startswith("MJDREFF of GTI"):
            raise BadData("D204", values.path, text)
        values.note("D211", f"{text}: the rest was taken")
    reference = whole or 0.0, part or 0.0
    if not all(math.isfinite(number) for number in reference):
        raise BadData("D204", values.path, f"MJDREF is {reference[0]} + {reference[1]}")
    if other[0] is None:
        values.note("D239", "MJDREFI is in GTI only")
    else:
        apart = (other[0] - reference[0] + (other[1] or 0.0) - reference[1]) * _DAY_S
        if not abs(apart) <= _SAME_S:
            values.note("D226", f"MJDREF of EVENTS is {apart:+.6g} s from that of GTI")
    return reference


def _no_numbers(raw: RawRun) -> list[str]:
    """Return what gives a time reference and is no number."""
    return [
        f"{keyword} of {of} is {text[:20]!r}, which is no number"
        for of, header in (("GTI", raw.gti), ("EVENTS", raw.events))
        for keyword in ("MJDREFI", "MJDREFF", "MJDREF")
        if (text := header.text(keyword)) is not None
        and as_number(header.values[keyword]) is None
    ]


def _mjdref(cards: Mapping[str, CardValue]) -> tuple[float | None, float | None]:
    whole, part = as_number(cards.get("MJDREFI")), as_number(cards.get("MJDREFF"))
    single = as_number(cards.get("MJDREF"))
    if whole is None and single is not None and math.isfinite(single):
        return divmod(single, 1.0)
    return whole, part


def _scale(raw: RawRun, values: Values) -> str:
    text, other = raw.gti.text("TIMESYS"), raw.events.text("TIMESYS")
    if text and other and text.lower() != other.lower():
        values.note("D226", f"TIMESYS of EVENTS is {other[:20]}, of GTI {text[:20]}")
    text = text or other
    if text is None:
        values.note("D203", "neither in GTI nor in EVENTS")
        return "tt"
    if other is None:
        values.note("D239", "TIMESYS is in GTI only")
    scale = text.lower()
    if scale not in _SCALES:
        of = "GTI" if raw.gti.text("TIMESYS") else "EVENTS"
        message = f"TIMESYS of {of} is {text[:20]!r}, none of TT, UTC, TAI, TDB"
        raise BadData("D204", values.path, message)
    return scale


def _leap_seconds(reference: tuple[float, float], utc: np.ndarray) -> float:
    ends = Time([sum(reference), float(utc.flat[0])], format="mjd", scale="utc")
    ahead = (ends.tai.mjd - ends.mjd) * _DAY_S
    return float(round(ahead[1] - ahead[0]))


def _exposure(values: Values, intervals: tuple[Interval, ...], system: str) -> Times:
    good = sum(one.stop_met - one.start_met for one in intervals)
    if good < _LEAST_S:
        message = f"the good time intervals last {good:.3g} s in all"
        raise BadData("D114", values.path, message)
    elapsed = intervals[-1].stop_met - intervals[0].start_met
    zero = (0.0,)
    ontime = values.number("ONTIME", low=0.0, placeholders=zero)
    if ontime is not None and abs(ontime - good) > max(_TOLERANCE_S, 0.001 * good):
        values.note("D217", f"ONTIME = {ontime:g} s, good time intervals {good:g} s")
        ontime = None
    ontime = good if ontime is None else ontime
    keywords = ("ONTIME", "LIVETIME", "DEADC")
    if lacking := [name for name in keywords if values.raw(name)[1] is None]:
        values.note("D241", ", ".join(lacking))
    livetime = values.number("LIVETIME", low=0.0, placeholders=zero)
    if livetime is not None and livetime > ontime + _TOLERANCE_S:
        values.note("D211", f"LIVETIME = {livetime:g} s is longer than the exposure")
        livetime = None
    return Times(
        intervals=intervals,
        system=system,
        ontime_s=ontime,
        elapsed_s=elapsed,
        livetime_s=livetime,
        deadc=values.number("DEADC", low=0.0, high=1.0, placeholders=zero),
    )


def check_dates(raw: RawRun, values: Values, times: Times) -> None:
    """Compare TSTART, TSTOP and the date strings with the good time intervals."""
    header = raw.events.values
    first, last = times.intervals[0], times.intervals[-1]
    for keyword, met in (("TSTART", first.start_met), ("TSTOP", last.stop_met)):
        said = as_number(header.get(keyword))
        if said is not None and abs(said - met) > _TOLERANCE_S:
            values.note("D202", f"{keyword} is {said - met:+.6g} s from the GTI")
    begin, end = (as_number(header.get(name)) for name in ("TSTART", "TSTOP"))
    if (end is not None and end <= first.start_met) or (
        begin is not None and begin >= last.stop_met
    ):
        values.note("D240", f"TSTART = {begin}, TSTOP = {end}; GTI {_span(times)}")
    own, other = ("UTC", "TT") if times.system == "UTC" else (times.system, "UTC")
    elsewhere = []
    for ends, instants in (
        ("OBS", {"UTC": first.start_utc, "TT": first.start_tt}),
        ("END", {"UTC": last.stop_utc, "TT": last.stop_tt}),
    ):
        said_mjd = _date(raw, ends)
        if said_mjd is None:
            continue
        away = {scale: (said_mjd - mjd) * _DAY_S for scale, mjd in instants.items()}
        if abs(away.get(own, np.inf)) <= _TOLERANCE_S + 0.5:
            continue
        if abs(away[other]) <= _TOLERANCE_S + 0.5:
            elsewhere.append(f"DATE-{ends}")
        else:
            off = away.get(own, away[other])
            values.note("D202", f"DATE-{ends} is {off:+.6g} s from the GTI")
    if elsewhere:
        names = " and ".join(elsewhere)
        values.note("D216", f"{names} in {other}, TIMESYS is {times.system}")


def _span(times: Times) -> str:
    first, last = times.intervals[0], times.intervals[-1]
    return f"{first.start_met}...{last.stop_met}"


def _date(raw: RawRun, ends: str) -> float | None:
    """Return DATE-OBS with TIME-OBS (or those of END) as MJD on its own scale."""
    header = raw.events
    day = header.text(f"DATE-{ends}") or header.text(f"DATE_{ends}")
    clock = header.text(f"TIME-{ends}") or header.text(f"TIME_{ends}")
    if day is None:
        return None
    text = day if "T" in day or clock is None else f"{day}T{clock}"
    if "T" not in text:
        return None  # a day only: nothing to compare
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            return float(Time(text.removesuffix("Z"), format="isot", scale="tt").mjd)
    except ValueError:
        return None
