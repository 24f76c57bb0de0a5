"""How values look on pages: text, full value on hover, unit under the name."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from distiller.core.sky import HC_EV_M, region_text
from distiller.core.times import dali, mjd_utc_to_iso

if TYPE_CHECKING:
    from distiller.core.columns import Column

_EV_PER_TEV = 1e12
_SIGNIFICANT: Final = 4
_SIZE_UNITS: Final = {"byte": 1, "kbyte": 1000}
_WAVELENGTHS: Final = frozenset({"em_min", "em_max"})
_EARLIEST_MJD: Final = 30_000.0
_LATEST_MJD: Final = 2_973_483.0
"""The end of the year 9999; what is outside of both is no instant of ours."""

_UNIT: Final = "meta.unit"
"""The UCD of columns that hold units."""

_PRODUCT: Final = re.compile(r"\.(?=[A-Za-z(])")
_DECIMALS: Final = {"deg": 4, "s": 1, "d": 6}


@dataclass(frozen=True, slots=True)
class Cell:
    """One value.

    Attributes
    ----------
    text
        As shown; empty for NULL.
    title
        The full value, for the pointer.
    more
        A second form beside it: the MJD of an instant.
    is_whole
        Whether it stays on one line: an instant, or the unit of another value such as
        ``cm-2 s-1 TeV-1``.
    """

    text: str
    title: str = ""
    more: str = ""
    is_number: bool = False
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """The head of a column: words, unit, and what it means."""

    name: str
    label: str
    unit: str
    description: str
    is_number: bool


LABELS: Final = {
    "obs_id": "Obs. id",
    "obs_collection": "Collection",
    "target_name": "Target",
    "dataproduct_type": "Type",
    "product_subtype": "Subtype",
    "data_level": "Level",
    "s_ra": "RA",
    "s_dec": "Dec",
    "t_min": "Start",
    "t_max": "End",
    "t_exptime": "Exposure",
    "em_max": "E min",
    "em_min": "E max",
    "access_estsize": "Size",
}
"""Short words for well-known columns; all others are shown by their name."""


def heading(column: Column) -> Heading:
    """Return the head of a column as shown (energies in TeV, instants in UTC)."""
    unit, description = column.unit or "", column.description or ""
    if column.name in _WAVELENGTHS and column.unit == "m":
        unit = "TeV"
        limit = "Lowest" if column.name == "em_max" else "Highest"
        description = f"{limit} energy; in ADQL {column.name} is a wavelength in m"
    elif is_mjd(column):
        unit = "UTC (MJD)"
    elif column.unit in _SIZE_UNITS:
        unit = "MB"
    return Heading(
        name=column.name,
        label=LABELS.get(column.name, column.name),
        unit=unit_words(unit),
        description=description,
        is_number=_is_number(column) and not is_mjd(column),
    )


def unit_words(unit: str) -> str:
    """Return a unit of the model (VOUnit) as people write it.

    >>> unit_words("cm**-2.s**-1.TeV**-1"), unit_words("erg.cm**-2"), unit_words("deg")
    ('cm-2 s-1 TeV-1', 'erg cm-2', 'deg')
    """
    return _PRODUCT.sub(" ", unit.replace("**", ""))


def heading_as_asked(column: Column) -> Heading:
    """Return the head of a column under its own name and in its own unit."""
    return Heading(
        name=column.name,
        label=column.name,
        unit=column.unit or "",
        description=column.description or "",
        is_number=_is_number(column),
    )


def is_mjd(column: Column) -> bool:
    """Whether values are UTC instants as MJD: unit d, a time by the UCD, and not TT."""
    ucd = (column.ucd or "").lower()
    is_time = ucd.startswith(("time.start", "time.end", "time.epoch"))
    return column.unit == "d" and is_time and not column.name.endswith("_tt")


def cell(column: Column, value: Any) -> Cell:
    """Return a value as shown; NULL is blank.

    >>> from distiller.core.columns import Column
    >>> cell(Column("em_max", "double", unit="m"), 1.239841984332e-18).text
    '1.000'
    >>> cell(Column("s_ra", "double", unit="deg"), 83.63308333).text
    '83.6331'
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return Cell("")
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _number(column, value)
    text = _words(value)
    return Cell(text, text, is_whole=column.ucd == _UNIT)


def cell_as_asked(column: Column, value: Any) -> Cell:
    """Return a value in the unit of its column; NULL is blank.

    >>> from distiller.core.columns import Column
    >>> cell_as_asked(Column("em_max", "double", unit="m"), 1.239841984332e-18).text
    '1.240e-18'
    """
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return cell(column, value)
    if isinstance(value, float) and not math.isfinite(value):
        return Cell("" if math.isnan(value) else repr(value), is_number=True)
    if is_mjd(column) and _EARLIEST_MJD < value < _LATEST_MJD:
        return Cell(f"{value:.6f}", mjd(value).title, is_number=True)
    return _plain(column, value)


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return region_text(value) if isinstance(value, (list, tuple)) else str(value)


def instant(value: datetime) -> Cell:
    """Return an instant (UTC) as shown, to the second."""
    return Cell(value.strftime("%Y-%m-%d %H:%M:%S"), dali(value), is_whole=True)


def mjd(value: float | None) -> Cell:
    """Return an MJD (UTC) as an instant with the MJD beside it; blank for NULL.

    >>> mjd(53343.5).text
    '2004-12-04 12:00:00'
    """
    if value is None:
        return Cell("")
    iso = mjd_utc_to_iso(value)
    shown = iso[:19].replace("T", " ")
    return Cell(shown, f"{iso}, MJD {value!r}", f"{value:.5f}")


def _is_number(column: Column) -> bool:
    return column.datatype not in {"char", "boolean"} and column.arraysize is None


def _number(column: Column, value: float) -> Cell:
    if column.name in _WAVELENGTHS and column.unit == "m" and value > 0:
        energy = HC_EV_M / value / _EV_PER_TEV
        return Cell(significant(energy), f"{energy!r} TeV, {value!r} m", is_number=True)
    if is_mjd(column) and _EARLIEST_MJD < value < _LATEST_MJD:
        return mjd(value)
    if column.unit in _SIZE_UNITS:
        size = value * _SIZE_UNITS[column.unit]
        return Cell(f"{size / 1e6:.2f}", f"{value} {column.unit}", is_number=True)
    return _plain(column, value)


def _plain(column: Column, value: float) -> Cell:
    if isinstance(value, int):
        return Cell(str(value), "", is_number=True)
    decimals = _DECIMALS.get(column.unit or "")
    shown = significant(value) if decimals is None else f"{value:.{decimals}f}"
    return Cell(shown, repr(value), is_number=True)


def significant(value: float) -> str:
    """Write with four significant digits.

    >>> significant(0.5), significant(1234567.0), significant(1.5e-18), significant(0)
    ('0.5000', '1.235e+06', '1.500e-18', '0')
    >>> significant(-math.inf)
    '-inf'
    """
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return str(value)
    size = math.floor(math.log10(abs(value)))
    if -_SIGNIFICANT < size < _SIGNIFICANT:
        return f"{value:.{max(0, _SIGNIFICANT - 1 - size)}f}"
    return f"{value:.{_SIGNIFICANT - 1}e}"


def duration(seconds: float) -> str:
    """Write a length of time for people.

    >>> duration(0.42), duration(75), duration(7322)
    ('0.4 s', '1 min 15 s', '2 h 02 min')
    """
    whole = int(seconds)
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    if seconds < 3600:  # noqa: PLR2004 - an hour
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def size(count: int) -> str:
    """Write a number of bytes for people.

    >>> size(999), size(5_300_000)
    ('999 bytes', '5.3 MB')
    """
    value, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:  # noqa: PLR2004 - SI steps
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
