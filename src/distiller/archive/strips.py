"""SQL functions of DuckDB that make a join of places near each other one of equal keys.

The sphere is cut in strips of declination of some width, and each strip in as many
cells of right ascension as make them about as long as wide. A place lies in one cell,
``dst_cell``; what is near another place lies in one of few, ``dst_cells``. Arguments
stand many times in what the macros become: columns, and arithmetic with them.

Strips may lie beyond the poles, where columns hold such declinations; there is one cell
in each. What is not finite lies in no cell of the other function.
"""

from __future__ import annotations

from typing import Final

from distiller.archive.celestial import let

_STRIP: Final = "1e5"
"""More than a strip has cells: keys are whole numbers, strip times this plus cell."""

_TURNED: Final = "({0} - 360e0 * floor({0} / 360e0))"
_COUNT: Final = (
    "greatest(1e0, floor(360e0 * cos(radians(least(greatest("
    "abs({0} * w), abs(({0} + 1) * w)), 90e0))) / w))"
)
"""Cells in a strip, by the narrower of its two ends."""

_CELL: Final = "floor({0} * {1} / 360e0)"
_HALF: Final = (
    "CASE WHEN abs(dec) + r >= 90e0 - w THEN 180e0 ELSE "
    "degrees(asin(sin(radians(r)) / cos(radians(least(abs(dec), 90e0))))) + 1e-6 END"
)
"""Right ascensions on either side that a circle may have, deg: near a pole all."""


def _whole(text: str) -> str:
    return f"CAST({text} AS BIGINT)"


def _one() -> str:
    strip = "floor(dec / w)"
    count = _COUNT.format(strip)
    return f"{strip} * {_STRIP} + {_CELL.format(_TURNED.format('ra'), count)} % {count}"


def _near() -> str:
    west = _TURNED.format("(ra - h)")
    first = _whole(_CELL.format(west, "n"))
    last = _whole(_CELL.format(f"({west} + 2 * h)", "n"))
    cells = (
        f"list_transform(CASE WHEN h >= 180e0 THEN range(0, {_whole('n')}) "
        f"ELSE range({first}, {last} + 1) END, lambda c: k * {_STRIP} + c % n)"
    )
    strips = (
        f"list_transform(range({_whole('floor((dec - r) / w)')}, "
        f"{_whole('floor((dec + r) / w)')} + 1), "
        f"lambda k: {let('n', _COUNT.format('CAST(k AS DOUBLE)'), cells)})"
    )
    return (
        "CASE WHEN abs(ra) <= 1e9 AND abs(dec) <= 1e3 "
        f"THEN list_distinct(flatten({let('h', _HALF, strips)})) "
        "ELSE CAST([] AS DOUBLE[]) END"
    )


MACROS: Final = {"dst_cell(ra, dec, w)": _one(), "dst_cells(ra, dec, r, w)": _near()}
"""Text of each macro by its head. All deg; ``w`` is the width of strips, at least
0.02 and 3 times the radius ``r``, which is at most 20 and somewhat wider than meant."""
