"""Events of DL3 runs within a region, energies, times and classes, as one list.

The times of the list count from one instant for all runs (TT), its good time intervals
are those of the runs within the times that were chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from astropy import units as u
from astropy.io import fits

from distiller.analysis.recipes.selection import Numbers, Selected, select, united

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from astropy.table import Column
    from astropy.time import Time
    from gammapy.data import Observations

_GADF: Final = "https://github.com/open-gamma-ray-astro/gamma-astro-data-formats"
_FORMATS: Final = {
    "b1": "L", "u1": "B", "i1": "I", "i2": "I", "u2": "J", "i4": "J", "u4": "K",
    "i8": "K", "u8": "K", "f2": "E", "f4": "E", "f8": "D",
}  # fmt: skip
_FIRST_COLUMNS: Final = ("EVENT_ID", "TIME", "RA", "DEC", "ENERGY")
_OF_ONE_RUN: Final = frozenset(
    {
        "CHECKSUM", "COMMENT", "CREATOR", "DATASUM", "DATE", "DATE-BEG", "DATE-END",
        "DATE-OBS", "DATE_END", "DATE_OBS", "DEADC", "EXTLEVEL", "EXTNAME", "EXTVER",
        "HDUCLAS1", "HDUCLASS", "HDUDOC", "HDUVERS", "HISTORY", "LIVETIME", "MJDREF",
        "MJDREFF", "MJDREFI", "NDSKEYS", "OBS_ID", "ONTIME", "TELAPSE", "TIME-END",
        "TIME-OBS", "TIMEREF", "TIMESYS", "TIMEUNIT", "TIMEZERO", "TIME_END",
        "TIME_OBS", "TSTART", "TSTOP",
    }
)  # fmt: skip
"""Keywords that a list of several runs has on its own account, or not at all."""


@dataclass(frozen=True)
class Merged:
    """The events of all runs in one list, sorted by time.

    Attributes
    ----------
    columns
        By name, sorted by time; TIME counts from ``reference`` (TT).
    units
        By name of a column that has one.
    mjdref
        The reference as whole days and their part (MJD, TT).
    good_s
        When any of the runs had good time, shape (n, 2).
    ontime_s, livetime_s
        Of all runs; None: a run does not say.
    header
        What the headers of all runs say alike.
    kept
        Events of each run.
    lost
        Columns that not all runs have alike, and that are left out.
    """

    columns: Mapping[str, Numbers]
    units: Mapping[str, str]
    reference: Time
    mjdref: tuple[int, float]
    good_s: Numbers
    ontime_s: float
    livetime_s: float | None
    header: Mapping[str, Any]
    kept: Mapping[str, int]
    lost: tuple[str, ...]

    @property
    def bounds(self) -> Time:
        """Begin of the first good time and end of the last."""
        edges = np.array([self.good_s.min(), self.good_s.max()])
        return self.reference + edges * u.s

    @property
    def energy_tev(self) -> Numbers:
        """Energies of the events, as 64-bit numbers."""
        values = np.asarray(self.columns["ENERGY"], dtype=np.float64)
        return np.asarray(u.Quantity(values, self.units["ENERGY"]).to_value("TeV"))


def merge(runs: Sequence[Selected]) -> Merged:
    """Put what is left of the runs into one list, sorted by time."""
    reference = runs[0].reference
    # Elapsed seconds are the same on all scales: one sum converts a run's times, and
    # where its reference is the common one they stay as they are.
    shifts = [float((one.reference - reference).sec) for one in runs]
    times = [
        one.time_s[one.chosen] + shift for one, shift in zip(runs, shifts, strict=True)
    ]
    columns: dict[str, Numbers] = {"TIME": np.concatenate(times)}
    order = np.argsort(columns["TIME"], kind="stable")
    units = {"TIME": "s"}
    lost = []
    for name in dict.fromkeys(n for one in runs for n in one.table.colnames):
        if name in {"TIME", "OBS_ID"}:
            continue
        found = _alike([one.table[name] for one in runs if name in one.table.colnames])
        if found is None or not all(name in one.table.colnames for one in runs):
            lost.append(name)
            continue
        unit, parts = found
        kept = [part[one.chosen] for part, one in zip(parts, runs, strict=True)]
        columns[name] = np.concatenate(kept)
        if unit is not None:
            units[name] = unit
    counts = [int(one.chosen.sum()) for one in runs]
    columns["OBS_ID"] = np.repeat(_names([one.obs_id for one in runs]), counts)
    lives = [(one.ontime_s, one.live) for one in runs]
    known = [ontime * live for ontime, live in lives if live is not None]
    livetime = sum(known) if len(known) == len(runs) else None
    good = [one.good_s + shift for one, shift in zip(runs, shifts, strict=True)]
    first = [name for name in _FIRST_COLUMNS if name in columns]
    return Merged(
        columns={
            name: columns[name][order] for name in dict.fromkeys([*first, *columns])
        },
        units=units,
        reference=reference,
        mjdref=runs[0].mjdref,
        good_s=united(np.concatenate(good)),
        ontime_s=sum(one.ontime_s for one in runs),
        livetime_s=livetime,
        header=_shared([one.table.meta for one in runs]),
        kept={one.obs_id: count for one, count in zip(runs, counts, strict=True)},
        lost=tuple(lost),
    )


def _alike(columns: Sequence[Column]) -> tuple[str | None, list[Numbers]] | None:
    """Return columns of one unit, and it; None if they are not alike."""
    first = columns[0]
    parts = []
    for column in columns:
        values = _plain(column)
        if values.shape[1:] != first.shape[1:] or (column.unit is None) != (
            first.unit is None
        ):
            return None
        if column.unit != first.unit:
            if not column.unit.is_equivalent(first.unit):
                return None
            values = u.Quantity(values, column.unit).to_value(first.unit)
        parts.append(values)
    kinds = {"text" if part.dtype.kind in "US" else "number" for part in parts}
    if len(kinds) > 1:
        return None
    return (None if first.unit is None else first.unit.to_string("fits")), parts


def _plain(column: Column) -> Numbers:
    """Return the values of a column: what a reader masks is not a number, or empty."""
    if not hasattr(column, "mask"):
        return np.asarray(column)
    fill = {"f": np.nan, "U": "", "S": b""}.get(column.dtype.kind)
    return np.asarray(column.data.data if fill is None else column.filled(fill))


def _names(obs_ids: Sequence[str]) -> Numbers:
    """Return run numbers, as numbers where all are."""
    if all(name.isdecimal() for name in obs_ids):
        return np.array([int(name) for name in obs_ids], dtype=np.int64)
    return np.array(obs_ids)


def _shared(headers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what all headers say alike and what is true of the whole list."""
    return {
        name: value
        for name, value in headers[0].items()
        if name not in _OF_ONE_RUN
        and not name.startswith(("DSTYP", "DSUNI", "DSVAL", "DSREF"))
        and isinstance(value, (str, int, float))
        and all(other.get(name) == value for other in headers[1:])
    }


def subspace(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Yield what an event list was cut to: type, unit, value, reference.

    As HEASARC's DSTYPn, DSUNIn, DSVALn and DSREFn; regions that were taken out have no
    word there, and stand in the history.
    """
    yield "TIME", "s", "TABLE", ":GTI"
    low, high = parameters.get("e_min"), parameters.get("e_max")
    if low is not None or high is not None:
        ends = ["" if end is None else f"{end:.12g}" for end in (low, high)]
        yield "ENERGY", "TeV", ":".join(ends), ""
    if parameters.get("radius") is not None:
        numbers = [parameters[name] for name in ("ra", "dec", "radius")]
        circle = ",".join(f"{number:.12g}" for number in numbers)
        yield "POS(RA,DEC)", "deg", f"CIRCLE({circle})", ""


def put_subspace(header: fits.Header, parameters: Mapping[str, Any]) -> None:
    """Add to a header what its events were cut to, after what it says already."""
    number = 0
    while f"DSTYP{number + 1}" in header:
        number += 1
    known = [header[f"DSTYP{n}"].strip() for n in range(1, number + 1)]
    for kind, unit, value, reference in subspace(parameters):
        if kind == "TIME" and "TIME" in known:
            continue
        number += 1
        header[f"DSTYP{number}"] = (kind, "data sub-space: type")
        header[f"DSUNI{number}"] = unit
        header[f"DSVAL{number}"] = value
        if reference:
            header[f"DSREF{number}"] = reference
    header["NDSKEYS"] = (number, "number of data sub-space keys")


def to_hdus(
    made: Merged, parameters: Mapping[str, Any]
) -> tuple[fits.BinTableHDU, fits.BinTableHDU]:
    """Return the tables EVENTS and GTI (GADF 0.3)."""
    events = fits.BinTableHDU.from_columns(
        [_to_column(n, v, made.units.get(n)) for n, v in made.columns.items()],
        name="EVENTS",
    )
    header = events.header
    for name, value in made.header.items():
        header[name] = value
    _put_class(header, "EVENTS")
    _put_times(header, made)
    header["ONTIME"] = (made.ontime_s, "[s] good time of all runs")
    if made.livetime_s is not None:
        header["LIVETIME"] = (made.livetime_s, "[s] live time of all runs")
        header["DEADC"] = (made.livetime_s / made.ontime_s, "LIVETIME over ONTIME")
    header["NRUNS"] = (len(made.kept), "runs in this list, see OBS_ID of each event")
    if len(made.kept) == 1:
        header["OBS_ID"] = next(iter(made.kept.items()))[0]
        if header["OBS_ID"].isdecimal():
            header["OBS_ID"] = int(header["OBS_ID"])
    for number, (obs_id, count) in enumerate(made.kept.items(), start=1):
        header[f"RUN{number:05d}"] = (obs_id, f"{count} events")
    put_subspace(header, parameters)
    good = fits.BinTableHDU.from_columns(
        [
            fits.Column("START", "1D", "s", array=made.good_s[:, 0]),
            fits.Column("STOP", "1D", "s", array=made.good_s[:, 1]),
        ],
        name="GTI",
    )
    _put_class(good.header, "GTI")
    _put_times(good.header, made)
    return events, good


def _put_class(header: fits.Header, kind: str) -> None:
    header["HDUCLASS"] = "GADF"
    header["HDUDOC"] = _GADF
    header["HDUVERS"] = "0.3"
    header["HDUCLAS1"] = kind


def _put_times(header: fits.Header, made: Merged) -> None:
    """Write what times count from, and the bounds of the list."""
    start, stop = float(made.good_s.min()), float(made.good_s.max())
    dates = made.bounds.tt.isot
    whole, part = made.mjdref
    header["MJDREFI"] = (whole, "[d] times count from this MJD")
    header["MJDREFF"] = (part, "[d] and this part of a day")
    header["TIMEUNIT"] = "s"
    header["TIMESYS"] = "TT"
    header["TIMEREF"] = "LOCAL"
    header["TSTART"] = (start, "[s] begin of the first good time")
    header["TSTOP"] = (stop, "[s] end of the last good time")
    header["TELAPSE"] = (stop - start, "[s] TSTOP - TSTART")
    for date, ending in zip(dates, ("OBS", "END"), strict=True):
        day, clock = str(date).split("T")
        header[f"DATE-{ending}"] = (day, "TT")
        header[f"TIME-{ending}"] = (clock, "TT")


def _to_column(name: str, values: Numbers, unit: str | None) -> fits.Column:
    size = int(np.prod(values.shape[1:]))
    if values.dtype.kind in "US":
        width = max(1, values.dtype.itemsize // (4 if values.dtype.kind == "U" else 1))
        return fits.Column(name, f"{width}A", unit=unit, array=values)
    if values.dtype.kind == "b" and values.ndim > 1:
        return fits.Column(name, f"{size}X", array=values)
    letter = _FORMATS[f"{values.dtype.kind}{values.dtype.itemsize}"]
    if values.dtype.kind == "u" and values.dtype.itemsize > 1:
        values = values.astype(np.int64)
    return fits.Column(name, f"{size}{letter}", unit=unit, array=values)


def make(observations: Observations, parameters: Mapping[str, Any]) -> Any:
    """Return the list of the events that are wanted, with what it was cut to."""
    runs = [select(one, parameters) for one in observations]
    return merge([one for one in runs if one.is_used]), parameters


def write(made: Any, folder: Path) -> None:
    """Write the list as ``product.fits``."""
    hdus = [fits.PrimaryHDU(), *to_hdus(*made)]
    fits.HDUList(hdus).writeto(folder / "product.fits", overwrite=True)


def numbers(made: Any) -> dict[str, Any]:
    """Return what the list holds."""
    merged, _ = made
    return {
        "n_events": len(merged.columns["TIME"]),
        "runs": dict(merged.kept),
        "ontime_s": merged.ontime_s,
        "livetime_s": merged.livetime_s,
        "good_times": len(merged.good_s),
    }
