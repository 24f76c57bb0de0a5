"""From an event list to what the panels of its quick look show.

Any list gives a picture: one without events, with gaps in its values, with no pointing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from astropy.time import Time
from astropy.wcs import WCS

from distiller.analysis.preview.numbers import PreviewNumbers
from distiller.core.sky import separation_deg

if TYPE_CHECKING:
    from typing import Literal

    from distiller.analysis.preview.parameters import PreviewParameters
    from distiller.analysis.recipes.event_rows import Events, Flags, Floats

_SIDE_MIN_DEG: Final = 1.0
_SIDE_MAX_DEG: Final = 24.0
_SHOWN_PERCENT: Final = 90
"""So many of the events are on the map, whatever the field is said to be."""

_PIXELS: Final = 100
_PIXEL_SIZES_DEG: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
_PER_DECADE: Final = 10
_ENERGY_RANGE: Final = (1e-4, 1e5)  # TeV; what is outside is no energy of a shower
_RINGS: Final = 25
_BINS: Final = 40
_BIN_WIDTHS_S: Final = (
    1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400, 172800, 604800,
    2592000, 31557600,
)  # fmt: skip
_LEAST: Final = 0.1
"""Of a time bin this part is good time at least, or its rate is not shown."""


@dataclass(frozen=True, slots=True)
class Field:
    """The events on the sky.

    Attributes
    ----------
    counts
        Shape (n, n), rows from south to north.
    wcs
        Gnomonic (TAN), around the centre.
    """

    counts: Floats
    wcs: WCS
    pixel_deg: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """Values between edges; NaN is not shown."""

    edges: Floats
    values: Floats


@dataclass(frozen=True, slots=True)
class Rate:
    """Rate over time, both from the begin of the good time on.

    Attributes
    ----------
    hertz
        Events per s of good time; edges in s.
    good_s
        Good time intervals, shape (n, 2).
    """

    hertz: Histogram
    good_s: Floats


@dataclass(frozen=True, slots=True)
class Look:
    """All panels and numbers; a panel is None where there is nothing to show."""

    numbers: PreviewNumbers
    field: Field | None
    energies: Histogram | None
    rate: Rate | None
    offsets: Histogram | None


def measure(
    events: Events,
    parameters: PreviewParameters,
    *,
    simulated: bool,
) -> Look:
    """Bin the events of one dataset.

    Returns
    -------
    Counts per pixel and per energy bin, rate in 1/s, and events per deg2 by offset from
    the centre in deg.
    """
    found: dict[str, Any] = {"events": events.ra_deg.size}
    ra, dec = events.ra_deg, events.dec_deg
    placed = np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90)  # noqa: PLR2004 - a pole
    found["without_direction"] = int(placed.size - placed.sum())
    field, offsets = _on_the_sky(events, placed, parameters, found)
    energies = _energies(events.energy_tev, found)
    rate = _rate(events, found)
    label = parameters.target or parameters.obs[0]
    numbers = PreviewNumbers(
        label=label, simulated=simulated, livetime_s=parameters.livetime, **found
    )
    return Look(numbers, field, energies, rate, offsets)


# On the sky ------------------------------------------------------------------


def _on_the_sky(
    events: Events,
    placed: Flags,
    parameters: PreviewParameters,
    found: dict[str, Any],
) -> tuple[Field | None, Histogram | None]:
    ra, dec = events.ra_deg[placed], events.dec_deg[placed]
    where = _centre(events, ra, dec, parameters)
    if where is None:
        return None, None
    kind, ra_deg, dec_deg = where
    found |= {"centre": kind, "ra_deg": ra_deg, "dec_deg": dec_deg}
    offset = np.asarray(separation_deg(ra_deg, dec_deg, ra, dec), dtype=np.float64)
    if parameters.fov is not None:
        radius = parameters.fov / 2
        found["field_radius_deg"] = radius
        if offset.size:
            found["in_field"] = float((offset <= radius).mean())
    if not offset.size:
        return None, None
    side = max(parameters.fov or 0.0, 2 * float(np.percentile(offset, _SHOWN_PERCENT)))
    side = min(max(side, _SIDE_MIN_DEG), _SIDE_MAX_DEG)
    near = offset < side  # the corners too; the projection has no place for the rest
    field = _field(ra_deg, dec_deg, ra[near], dec[near], side)
    return field, _offsets(offset, side / 2)


def _centre(
    events: Events, ra: Floats, dec: Floats, parameters: PreviewParameters
) -> tuple[Literal["header", "archive", "events"], float, float] | None:
    """Return where the dataset points, ICRS, deg, and who says so."""
    if events.pointing_deg is not None and abs(events.pointing_deg[1]) <= 90:  # noqa: PLR2004 - a pole
        return "header", *events.pointing_deg
    if parameters.ra is not None and parameters.dec is not None:
        return "archive", parameters.ra, parameters.dec
    if not ra.size:
        return None
    lon, lat = np.radians(ra), np.radians(dec)
    x = (np.cos(lat) * np.cos(lon)).mean()
    y = (np.cos(lat) * np.sin(lon)).mean()
    z = np.sin(lat).mean()
    mean_ra = float(np.degrees(np.arctan2(y, x))) % 360
    return "events", mean_ra, float(np.degrees(np.arctan2(z, np.hypot(x, y))))


def _field(
    ra_deg: float, dec_deg: float, ra: Floats, dec: Floats, side: float
) -> Field:
    fitting = (size for size in _PIXEL_SIZES_DEG if side / size <= _PIXELS)
    pixel = next(fitting, _PIXEL_SIZES_DEG[-1])
    count = max(1, round(side / pixel))
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [ra_deg, dec_deg]
    wcs.wcs.crpix = [(count + 1) / 2, (count + 1) / 2]
    wcs.wcs.cdelt = [-pixel, pixel]
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.set()
    x, y = wcs.wcs_world2pix(ra, dec, 0)
    edges = np.arange(count + 1) - 0.5
    counts, _, _ = np.histogram2d(y, x, bins=(edges, edges))
    return Field(counts, wcs, pixel)


def _offsets(offset: Floats, largest_deg: float) -> Histogram:
    edges = np.linspace(0.0, largest_deg, _RINGS + 1)
    counts, _ = np.histogram(offset, edges)
    rings = np.diff(-2 * np.pi * np.cos(np.radians(edges))) * np.degrees(1.0) ** 2
    return Histogram(edges, counts / rings)


# In energy -------------------------------------------------------------------


def _energies(energy_tev: Floats, found: dict[str, Any]) -> Histogram | None:
    low, high = _ENERGY_RANGE
    # Not a number is in no range.
    valid = energy_tev[(energy_tev >= low) & (energy_tev < high)]
    found["without_energy"] = int(energy_tev.size - valid.size)
    if not valid.size:
        return None
    low, high = float(valid.min()), float(valid.max())
    found |= {
        "energy_min_tev": low,
        "energy_median_tev": float(np.median(valid)),
        "energy_max_tev": high,
    }
    begin = int(np.floor(np.log10(low) * _PER_DECADE))
    end = int(np.floor(np.log10(high) * _PER_DECADE)) + 1
    edges = 10.0 ** (np.arange(begin, end + 1) / _PER_DECADE)
    counts, _ = np.histogram(valid, edges)
    return Histogram(edges, counts.astype(np.float64))


# In time ---------------------------------------------------------------------


def _rate(events: Events, found: dict[str, Any]) -> Rate | None:
    timed = np.isfinite(np.asarray(events.time.jd, dtype=np.float64))
    found["without_time"] = int(timed.size - timed.sum())
    intervals = _merged(events.good_mjd)
    if not intervals.size:
        found["outside_good_time"] = int(timed.sum())
        return None
    begin = float(intervals[0, 0])
    found |= {"t_min_mjd": begin, "t_max_mjd": float(intervals[-1, 1])}
    start = Time(begin, format="mjd", scale="utc")
    # Not a difference of dates, which leaves out leap seconds.
    good_s = np.asarray(
        (Time(intervals, format="mjd", scale="utc") - start).sec, dtype=np.float64
    )
    since = np.asarray((events.time[timed] - start).sec, dtype=np.float64)
    place = np.searchsorted(good_s[:, 0], since, side="right") - 1
    is_good = (place >= 0) & (since <= good_s[np.maximum(place, 0), 1])
    found["outside_good_time"] = int(since.size - is_good.sum())
    # MJDs hold microseconds, and noise beyond.
    ontime = round(float(np.diff(good_s, axis=1).sum()), 5)
    found["ontime_s"] = ontime
    if ontime <= 0:
        return None
    found["rate_hz"] = int(is_good.sum()) / ontime
    return Rate(_binned(since[is_good], good_s), good_s)


def _merged(good_mjd: Floats) -> Floats:
    """Return intervals in order, those that overlap or touch as one, none reversed."""
    valid = np.isfinite(good_mjd).all(axis=1) & (good_mjd[:, 1] > good_mjd[:, 0])
    merged: list[list[float]] = []
    for low, high in sorted(map(tuple, good_mjd[valid])):
        if merged and low <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], high)
        else:
            merged.append([low, high])
    return np.array(merged, dtype=np.float64).reshape(-1, 2)


def _binned(since_s: Floats, good_s: Floats) -> Histogram:
    span = float(good_s[-1, 1])
    fitting = (width for width in _BIN_WIDTHS_S if span / width <= _BINS)
    width = float(next(fitting, span / _BINS))
    edges = np.arange(0.0, span + width, width)
    counts, _ = np.histogram(since_s, edges)
    # Good time up to an instant, between whose edges it grows evenly.
    passed = np.concatenate([[0.0], np.cumsum(np.diff(good_s, axis=1))])
    knots = np.column_stack([passed[:-1], passed[1:]]).ravel()
    usable = np.diff(np.interp(edges, good_s.ravel(), knots))
    shown = usable >= _LEAST * width
    rate = np.full(counts.shape, np.nan)
    rate[shown] = counts[shown] / usable[shown]
    if not shown.any():
        # Short glimpses far apart: their rates are all there is.
        some = usable > 0
        rate[some] = counts[some] / usable[some]
    return Histogram(edges, rate)
