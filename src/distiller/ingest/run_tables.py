"""The two tables that make a run: its events and its good time intervals.

Several runs may share a file; which tables are whose, an index says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from distiller.core.errors import BadData
from distiller.ingest.findings import Finding
from distiller.ingest.fits_stream import columns
from distiller.ingest.units import SECONDS, is_convertible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from distiller.core.places import Place
    from distiller.ingest.fits_stream import Hdu, Header

_NEEDED = {"TIME": "s", "RA": "deg", "DEC": "deg", "ENERGY": "TeV"}
"""Columns of EVENTS with the units that GADF wants."""


@dataclass(frozen=True, slots=True)
class EventTable:
    """The header of an event list, where it lies in its file (`address`), some rows."""

    header: Header
    hdu: str
    sample: Hdu | None = None


@dataclass(frozen=True, slots=True)
class GtiTable:
    """A GTI table.

    Attributes
    ----------
    hdu
        Where it lies in its file (`address`).
    start_met, stop_met
        START and STOP in s since its reference.
    """

    header: Header
    hdu: str
    start_met: NDArray[np.float64]
    stop_met: NDArray[np.float64]


def address(number: int, headers: Sequence[Header]) -> str:
    """Return how a table is found again in a file with these headers.

    By its EXTNAME in capitals, if that singles it out; else by its number among the
    extensions, from 1: ``+2``.

    >>> from distiller.ingest.fits_stream import Header
    >>> names = "", "events", "GTI", "GTI", "+3"
    >>> headers = [Header({"EXTNAME": name}) for name in names]
    >>> [address(number, headers) for number in range(1, 5)]
    ['EVENTS', '+2', '+3', '+4']
    """
    name = headers[number].name
    alone = sum(header.name == name for header in headers) == 1
    plain = name.isascii() and name.isprintable() and not name.startswith("+")
    # Readers give the first HDU a name of its own.
    return name if name and alone and plain and name != "PRIMARY" else f"+{number}"


def event_table(path: Place, tables: Sequence[EventTable], name: str) -> EventTable:
    """Return the table of that name; without a name, the first.

    Raises
    ------
    BadData
        D105 if there is none.
    """
    for one in tables:
        if not name or one.header.name == name:
            return one
    raise BadData("D105", str(path), f"there is no EVENTS table {name}".rstrip())


def check_columns(path: Place, events: Header) -> list[Finding]:
    """Refuse event lists that no analysis can read; return what is doubtful."""
    numbers = {
        (events.text(f"TTYPE{n}") or "").upper(): n
        for n in range(events.integer("TFIELDS"), 0, -1)
    }
    lacking = [name for name in _NEEDED if name not in numbers]
    if lacking:
        raise BadData("D112", str(path), f"EVENTS has no column {', '.join(lacking)}")
    findings = []
    for name, wanted in _NEEDED.items():
        text = events.text(f"TUNIT{numbers[name]}")
        if text is None:
            findings.append(Finding("D237", f"{name} has none", str(path)))
        elif not is_convertible(text, wanted):
            message = f"{name} is in {text[:40]!r}, which is no {wanted}"
            raise BadData("D131", str(path), message)
    return findings


def check_rows(path: Place, events: EventTable) -> list[Finding]:
    """Look at some rows of an event list: refuse it if no number of a column is one.

    Raises
    ------
    BadData
        D249 if no row has a finite value in a column that is needed; D109 if the
        columns do not fit into the rows.
    """
    if events.sample is None:
        return []
    rows, every = (h.integer("NAXIS2") for h in (events.sample.header, events.header))
    with np.errstate(all="ignore"):
        table = columns(events.sample, path)
    lacking = {
        name: rows - int(np.isfinite(table[name].reshape(rows, -1)).all(axis=1).sum())
        for name in _NEEDED
        if name in table
    }
    of = f"the {rows:,} events" + (f" looked at, of {every:,}" if rows < every else "")
    if empty := [name for name, number in lacking.items() if number == rows]:
        message = f"{', '.join(empty)} of {of}: none is a finite number"
        raise BadData("D249", str(path), message)
    told = ", ".join(f"{name} of {n:,}" for name, n in lacking.items() if n)
    return [Finding("D250", f"{told}; {of}", str(path))] if told else []


def is_gti(header: Header) -> bool:
    """Whether a header is that of good time intervals."""
    return header.name == "GTI" or header.text("HDUCLAS1") == "GTI"


def gti_table(path: Place, hdu: Hdu, where: str) -> GtiTable | None:
    """Return the good time intervals of an HDU that was read; None if it has none.

    Raises
    ------
    BadData
        D114 if they are in no unit of time.
    """
    table = columns(hdu, path)
    start, stop = table.get("START"), table.get("STOP")
    if start is None or stop is None or start.ndim != 1:
        return None
    per_unit = _seconds(path, hdu.header)
    return GtiTable(hdu.header, where, start * per_unit, stop * per_unit)


def _seconds(path: Place, header: Header) -> float:
    """Return s per unit of START and STOP; without TUNIT they are s, as GADF wants."""
    units = {
        (header.text(f"TUNIT{n}") or "s").lower()
        for n in range(1, header.integer("TFIELDS") + 1)
        if (header.text(f"TTYPE{n}") or "").upper() in {"START", "STOP"}
    }
    known = {SECONDS.get(unit) for unit in units}
    if len(known) != 1 or None in known:
        message = f"START and STOP are in {' and '.join(sorted(units))}"
        raise BadData("D114", str(path), message)
    return known.pop() or 1.0


def good_times(path: Place, tables: Sequence[GtiTable], name: str) -> GtiTable:
    """Return the table of that name, without a name the first; its rows in order.

    Raises
    ------
    BadData
        D104 if there is none, D114 if its intervals cannot be.
    """
    gti = next((g for g in tables if not name or g.header.name == name), None)
    if gti is None:
        raise BadData("D104", str(path), f"there is no GTI table {name}".rstrip())
    start, stop = gti.start_met, gti.stop_met
    if not len(start):
        raise BadData("D104", str(path), "the GTI table has no rows")
    order = np.argsort(start, kind="stable")
    start, stop = start[order], stop[order]
    if not (np.all(np.isfinite(start)) and np.all(np.isfinite(stop))):
        raise BadData("D114", str(path), "a good time interval has no finite bounds")
    if not np.all(stop > start):
        raise BadData("D114", str(path), "a good time interval ends before it starts")
    if not np.all(start[1:] >= stop[:-1]):
        raise BadData("D114", str(path), "good time intervals overlap")
    return replace(gti, start_met=start, stop_met=stop)
