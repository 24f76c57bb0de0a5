"""SQL functions of DuckDB for HEALPix, frames, proper motion, sexagesimal texts, more.

PostgreSQL has them in `celestial.sql`. What takes many steps is a Python function of
columns, since the database plans a long macro anew for every call; the others are
macros. There an argument stands once, bound to a name as the one item of a list: else
functions in functions would double it with every level.

What is no number, no place on the sphere or no cell gives NULL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from distiller.archive import astrometry, healpix

if TYPE_CHECKING:
    from collections.abc import Callable

_NO_WORD: Final = r"[^\p{L}\p{N}_]"
_BLANKS: Final = r"[ \t\n\r\f]+"
_SECONDS: Final = r"[0-9]{1,2}(?:\.[0-9]{0,30})?"
_LIST: Final = "DOUBLE[]"
_POLE_DEG: Final = 90.0


def let(name: str, value: str, body: str) -> str:
    """Return SQL in which a name stands for a value that is computed once.

    >>> let("x", "1 + 2", "x * x")
    'list_transform([1 + 2], lambda x: x * x)[1]'
    """
    return f"list_transform([{value}], lambda {name}: {body})[1]"


def sexagesimal(letter: str, first: str) -> str:
    """Return the pattern of h:m:s, hhmmss and hHmMsS, or with degrees.

    Parameters
    ----------
    letter
        What stands behind the first number, as a class of characters.
    first
        How the first number is written.
    """
    plain = f"({first}):([0-9]{{1,2}}):({_SECONDS})"
    words = f"({first}){letter}([0-9]{{1,2}})[mM]({_SECONDS})[sS]"
    together = r"([0-9]{2})([0-9]{2})([0-9]{2}(?:\.[0-9]{0,30})?)"
    return f"^ *([+-]?)(?:{plain}|{words}|{together}) *$"


HOURS: Final = sexagesimal("[hH]", "[0-9]{1,2}")
DEGREES: Final = sexagesimal("[dD]", "[0-9]{1,3}")

_GROUPS: Final = ", ".join(f"'{name}'" for name in ("s", *"abcdefghi"))


def _parts(pattern: str) -> str:
    """Return the sign and the three numbers of a text ``t``, NULL if there are none."""
    found = f"regexp_extract(t, '{pattern}', [{_GROUPS}])"
    numbers = ", ".join(
        f"'{name}': try_cast(r.{x} || r.{y} || r.{z} AS DOUBLE)"
        for name, x, y, z in zip("hmx", "abc", "def", "ghi", strict=True)
    )
    return let("r", found, f"{{'s': r.s, {numbers}}}")


def _angle(most: int) -> str:
    """Return the value of the parts ``p`` of such a text, if they are in range."""
    return (
        f"CASE WHEN p.m < 60 AND p.x < 60 AND p.h + p.m / 60 + p.x / 3600 <= {most} "
        "THEN p.h + p.m / 60 + p.x / 3600 END"
    )


_INDEX = let(
    "p",
    "g::DOUBLE[]",
    let(
        "s",
        "{'ra': CASE WHEN abs(p[1]) >= 1e-40 THEN p[1] ELSE 0 * p[1] END, "
        "'dec': CASE WHEN abs(p[2]) >= 1e-40 THEN p[2] ELSE 0 * p[2] END}",
        "dst_any_cell(o::BIGINT, s.ra, s.dec, sin(radians(s.dec)), "
        "sin(radians(90 - abs(s.dec)) / 2))",
    ),
)

MACROS: Final = {
    "dst_healpix_index(o, g)": _INDEX,
    "dst_healpix_center(o, i)": "dst_any_centre(o::BIGINT, i::BIGINT)",
    "dst_turned(g, m)": "dst_any_turned(g::DOUBLE[], m::DOUBLE[])",
    "dst_epoch(ra, dec, parallax, pmra, pmdec, velocity, ref_epoch, out_epoch)": (
        "dst_any_moved(ra::DOUBLE, dec::DOUBLE, parallax::DOUBLE, pmra::DOUBLE, "
        "pmdec::DOUBLE, velocity::DOUBLE, out_epoch::DOUBLE - ref_epoch::DOUBLE)"
    ),
    "dst_bin(v, low, high, bins)": let(
        "x",
        "v::DOUBLE",
        "CASE WHEN x IS NULL OR x < low THEN 0 WHEN x > high THEN bins + 1 "
        "ELSE least(bins, 1 + floor((x - low) / (high - low) * bins)::BIGINT) END",
    ),
    "dst_overlaps(l1, h1, l2, h2)": let(
        "s",
        "{'a': l1, 'b': h1, 'c': l2, 'd': h2}",
        "s.b >= s.c AND s.d >= s.a AND s.a <= s.b AND s.c <= s.d",
    ),
    "dst_bounded(t, most)": let(
        "x",
        "t",
        "CASE WHEN length(x) > most "
        "THEN error('a text became longer than ' || most || ' characters') ELSE x END",
    ),
    # A pattern that is not the same in all rows takes milliseconds to read: the text is
    # split at the word instead, and what is before and behind it looked at.
    "dst_has_word(haystack, needle)": let(
        "s",
        "{'w': needle, 'p': string_split(haystack, needle)}",
        "len(list_filter(range(1, len(s.p)), lambda i: "
        "regexp_matches(CASE WHEN i = 1 THEN s.p[1] ELSE s.w || s.p[i] END, "
        f"'(^|{_NO_WORD})$') AND "
        "regexp_matches(CASE WHEN i + 1 = len(s.p) THEN s.p[i + 1] "
        f"ELSE s.p[i + 1] || s.w END, '^($|{_NO_WORD})'))) > 0",
    ),
    "dst_has_words(haystack, needle)": let(
        "s",
        "{'h': lower(upper(haystack)), 'n': string_split_regex(lower(upper(needle)), "
        f"'{_BLANKS}')}}",
        "CASE WHEN s.h IS NOT NULL AND s.n IS NOT NULL THEN len(list_filter(s.n, "
        "lambda w: w <> '' AND NOT dst_has_word(s.h, w))) = 0 END",
    ),
    "dst_hms(t)": let(
        "p", _parts(HOURS), f"CASE WHEN p.s = '' THEN 15 * ({_angle(24)}) END"
    ),
    "dst_dms(t)": let(
        "p",
        _parts(DEGREES),
        f"CASE WHEN p.s = '-' THEN -1 ELSE 1 END * ({_angle(360)})",
    ),
}
"""Text of each macro by its head."""


def _whole(column: Any) -> Any:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _numbers(column: Any, missing: float = np.nan) -> Any:
    """Return a column of doubles with a number for NULL."""
    found = _whole(column).fill_null(missing)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.float64)


def _integers(column: Any) -> Any:
    """Return a column of whole numbers, -1 for NULL."""
    found = _whole(column).fill_null(-1)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int64)


def _points(lon: Any, lat: Any, good: Any) -> Any:
    flat = np.stack([lon, lat], axis=-1).ravel()
    offsets = pa.array(2 * np.arange(len(good) + 1), pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.array(flat), mask=pa.array(~good))


def _cell_column(order: Any, ra: Any, dec: Any, z: Any, polar: Any) -> Any:
    orders, lon, lat = _integers(order), _numbers(ra), _numbers(dec)
    good = (orders >= 0) & (orders <= healpix.ORDER_MOST)
    with np.errstate(invalid="ignore"):
        good &= np.isfinite(lon) & (np.abs(lat) <= _POLE_DEG)
        found = healpix.cells(
            np.where(good, orders, 0),
            astrometry.longitudes(np.where(good, lon, 0.0)),
            np.where(good, _numbers(z), 0.0),
            np.where(good, _numbers(polar), 0.0),
        )
    return pa.array(found, mask=~good)


def _centre_column(order: Any, cell: Any) -> Any:
    orders, cells = _integers(order), _integers(cell)
    good = (orders >= 0) & (orders <= healpix.ORDER_MOST) & (cells >= 0)
    orders = np.where(good, orders, 0)
    good &= cells < 12 * np.left_shift(1, 2 * orders)
    return _points(*healpix.centres(orders, np.where(good, cells, 0)), good)


def _turned_column(g: Any, m: Any) -> Any:
    column, matrices = _whole(g), _whole(m)
    offsets = np.asarray(column.offsets)
    start = offsets[0]
    offsets = offsets - start
    values = _numbers(column.values)[start : start + offsets[-1]].copy()
    counts = np.diff(offsets)
    good = np.asarray(column.is_valid().to_numpy(zero_copy_only=False)) & (
        (counts == 2) | (counts == 3) | ((counts >= 6) & (counts % 2 == 0))  # noqa: PLR2004 - point, circle, polygon
    )
    rows = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(values)) - offsets[:-1][rows]
    wrong = ~np.isfinite(values)
    wrong |= (within % 2 == 1) & ~(np.abs(values) <= _POLE_DEG)
    good[rows[wrong]] = False
    first = np.flatnonzero((within % 2 == 0) & (within + 1 < counts[rows]) & good[rows])
    numbers = _numbers(matrices.values)[np.asarray(matrices.offsets)[0] :]
    matrix = numbers[: 9 * len(counts)].reshape(-1, 9)[rows[first]]
    values[first], values[first + 1] = astrometry.turned(
        values[first], values[first + 1], matrix
    )
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), pa.array(values), mask=pa.array(~good)
    )


def _moved_column(  # noqa: PLR0913, PLR0917 - what makes up the motion of a star
    ra: Any, dec: Any, parallax: Any, pmra: Any, pmdec: Any, velocity: Any, years: Any
) -> Any:
    lon, lat = astrometry.moved(
        _numbers(ra),
        _numbers(dec),
        _numbers(parallax, 0.0),
        _numbers(pmra, 0.0),
        _numbers(pmdec, 0.0),
        _numbers(velocity, 0.0),
        _numbers(years),
    )
    return _points(lon, lat, np.isfinite(lon) & np.isfinite(lat))


FUNCTIONS: Final[tuple[tuple[str, Callable[..., Any], list[str], str], ...]] = (
    ("dst_any_cell", _cell_column, ["BIGINT", *["DOUBLE"] * 4], "BIGINT"),
    ("dst_any_centre", _centre_column, ["BIGINT", "BIGINT"], _LIST),
    ("dst_any_turned", _turned_column, [_LIST, _LIST], _LIST),
    ("dst_any_moved", _moved_column, ["DOUBLE"] * 7, _LIST),
)
"""Functions of columns: name, what it calls, types of the arguments and the result."""
