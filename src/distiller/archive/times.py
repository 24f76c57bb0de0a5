"""Time MOCs (MOC 2.0) of columns: sets of half-open intervals of whole microseconds.

A time MOC has its times in TCB, as microseconds since JD 0; a cell of order 61 is one
of them. Its text names cells by their orders, ``31/197866603 32/5-7 41/``, the last
order being that of the whole. Everything is done for all rows at once: the ends of all
intervals are sorted, and a sum over them tells how many intervals are open.

Sources: MOC 2.0 section 4; IAU 2006 resolution B3 for TCB, TT taken for TDB (2 ms).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Ints: TypeAlias = np.typing.NDArray[np.int64]
Floats: TypeAlias = np.typing.NDArray[np.float64]
Bools: TypeAlias = np.typing.NDArray[np.bool_]

ORDER_MOST: Final = 61
LEAPS_MJD: Final = (
    41317, 41499, 41683, 42048, 42413, 42778, 43144, 43509, 43874, 44239, 44786, 45151,
    45516, 46247, 47161, 47892, 48257, 48804, 49169, 49534, 50083, 50630, 51179, 53736,
    54832, 56109, 57204, 57754,
)  # fmt: skip
"""Days from which TAI - UTC is 10, 11, 12... s; before them it is taken for 10 s."""

_DAY_US: Final = 86_400_000_000
_NOON_US: Final = 43_200_000_000
_JD_OF_MJD: Final = 2_400_000
_TT_US: Final = 32.184e6
RATE: Final = 1.550519768e-08 / (1 - 1.550519768e-08)
"""By how much TCB is faster than TT."""

_SAME_MJD: Final = 43144.0003725
_AHEAD_US: Final = 65.5
_LIMITS_MJD: Final = (-700_000.0, 3_000_000.0)
_WORD: Final = (
    r"^(?:(?P<o>[0-9]{1,2})/)?(?:(?P<a>[0-9]{1,19})(?:-(?P<b>[0-9]{1,19}))?)?$"
)


@dataclass(frozen=True, slots=True)
class Times:
    """The MOCs of some rows.

    Attributes
    ----------
    rows, starts, stops
        Intervals: to which row each belongs, sorted, and its ends in microseconds.
    orders
        Of each row.
    good
        Which rows have a MOC.
    """

    rows: Ints
    starts: Ints
    stops: Ints
    orders: Ints
    good: Bools

    def take(self, indices: Ints) -> Times:
        """Return the MOCs of other rows, each by its number among these."""
        counts = np.bincount(self.rows, minlength=len(self.good))
        firsts = np.cumsum(counts) - counts
        wanted = counts[indices]
        rows = np.repeat(np.arange(len(indices)), wanted)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(wanted) - wanted, wanted)
        places = firsts[indices][rows] + within
        return Times(
            rows,
            self.starts[places],
            self.stops[places],
            self.orders[indices],
            self.good[indices],
        )


def read(texts: Any) -> Times:
    """Return the MOCs of a column of texts; what is none is not good.

    >>> found = read(pa.array(["61/5-6 60/1", "61/", "x"]))
    >>> found.starts.tolist(), found.stops.tolist(), found.good.tolist()
    ([2, 5], [4, 7], [True, True, False])
    """
    count = len(texts)
    good = np.asarray(texts.is_valid().to_numpy(zero_copy_only=False)).copy()
    plain = pc.replace_substring_regex(texts.fill_null(""), r"[ \t\r\n,]+", " ")
    listed = pc.split_pattern(
        pc.replace_substring_regex(pc.utf8_trim(plain, " "), "^t", ""), " "
    )
    flat = listed.flatten()
    sizes = np.asarray(pc.list_value_length(listed).to_numpy(), dtype=np.int64)
    rows = np.repeat(np.arange(count), sizes)
    parts = pc.extract_regex(flat, _WORD)
    fits = np.asarray(parts.is_valid().to_numpy(zero_copy_only=False))
    has_order, order = _field(parts, "o")
    has_cell, first = _field(parts, "a")
    has_end, last = _field(parts, "b")
    places = np.arange(len(flat))
    led = (
        np.maximum.accumulate(np.where(has_order, places, -1)) if len(flat) else places
    )
    begins = (np.cumsum(sizes) - sizes)[rows]
    fits &= led >= begins
    order = order[np.maximum(led, 0)].astype(np.int64) if len(flat) else order
    fits &= order <= ORDER_MOST
    order = np.where(fits, order, 0)
    last = np.where(has_end, last, first)
    most = np.left_shift(np.uint64(2), order.astype(np.uint64))
    fits &= ~has_cell | ((first <= last) & (last < most))
    good[rows[~fits]] = False
    good[sizes == 0] = False
    kept = has_cell & good[rows]
    shift = ORDER_MOST - order[kept]
    orders = np.zeros(count, dtype=np.int64)
    np.maximum.at(orders, rows[fits], order[fits])
    return _swept(
        rows[kept],
        first[kept].astype(np.int64) << shift,
        (last[kept].astype(np.int64) + 1) << shift,
        orders,
        good,
    )


def _field(parts: Any, name: str) -> tuple[Bools, Any]:
    """Return whether a part is there, and its number, 0 where it is not."""
    texts: Any = pc.struct_field(parts, name).fill_null("")
    there: Any = pc.not_equal(texts, pa.scalar(""))
    numbers: Any = pc.cast(pc.if_else(there, texts, "0"), pa.uint64())
    return (
        np.asarray(there.to_numpy(zero_copy_only=False)),
        np.asarray(numbers.to_numpy(zero_copy_only=False)),
    )


def _swept(rows: Ints, starts: Ints, stops: Ints, orders: Ints, good: Bools) -> Times:
    """Return MOCs of intervals that may overlap and stand in any order."""
    nothing = np.zeros(0, dtype=np.int64)
    none = Times(nothing, nothing, nothing, orders, good)
    return _combined(Times(rows, starts, stops, orders, good), none, "or")


def _combined(one: Times, two: Times, how: str) -> Times:
    """Return, row by row, what is in both MOCs ("and"), in any, or in one only."""
    sides = (one, two)
    rows = np.concatenate([side.rows for side in sides for _ in range(2)])
    ends = np.concatenate([e for side in sides for e in (side.starts, side.stops)])
    steps = np.zeros((2, len(rows)), dtype=np.int64)
    at = 0
    for number, side in enumerate(sides):
        for step in (1, -1):
            steps[number, at : at + len(side.rows)] = step
            at += len(side.rows)
    turn = np.lexsort((ends, rows))
    rows, ends = rows[turn], ends[turn]
    first, second = (np.cumsum(step[turn]) > 0 for step in steps)
    # Of several ends in one moment the last tells what holds from there on.
    told = np.ones(len(rows), dtype=np.bool_)
    told[:-1] = (rows[1:] != rows[:-1]) | (ends[1:] != ends[:-1])
    inside = {"and": first & second, "or": first | second, "not": first & ~second}[how]
    rows, ends, inside = rows[told], ends[told], inside[told]
    before = np.concatenate([[False], inside[:-1]])
    begins, stops = inside & ~before, before & ~inside
    return Times(
        rows[begins],
        ends[begins],
        ends[stops],
        np.maximum(one.orders, two.orders),
        one.good & two.good,
    )


def intersection(one: Times, two: Times) -> Times:
    """Return the times that two MOCs have in common, row by row."""
    return _combined(one, two, "and")


def union(one: Times, two: Times) -> Times:
    """Return the times of two MOCs together, row by row."""
    return _combined(one, two, "or")


def meet(one: Times, two: Times) -> Bools:
    """Tell for each row whether two MOCs have a time in common."""
    return _any(_combined(one, two, "and"))


def holds(inner: Times, outer: Times) -> Bools:
    """Tell for each row whether all times of a MOC are in another."""
    return ~_any(_combined(inner, outer, "not"))


def _any(times: Times) -> Bools:
    found = np.zeros(len(times.good), dtype=np.bool_)
    found[times.rows] = True
    return found


def seconds(times: Times) -> Floats:
    """Return how long the times of each MOC are together, s."""
    lengths = np.zeros(len(times.good), dtype=np.int64)
    np.add.at(lengths, times.rows, times.stops - times.starts)
    return lengths / 1e6


def write(times: Times) -> Any:
    """Return the texts of MOCs: the fewest cells, by order, as mocpy writes them.

    >>> write(read(pa.array(["61/1 2 3 4 5 6 7 11", "41/"]))).to_pylist()
    ['59/1 60/1 61/1 11', '41/']
    """
    count = len(times.good)
    cells = [_cells(times, order) for order in range(ORDER_MOST + 1)]
    rows, order, first, last = (
        np.concatenate(parts) for parts in zip(*cells, strict=True)
    )
    # The order of the whole is named even if no cell has it.
    named = np.zeros(count, dtype=np.bool_)
    named[rows[order == times.orders[rows]]] = True
    bare = np.flatnonzero(~named)
    rows = np.concatenate([rows, bare])
    order = np.concatenate([order, times.orders[bare]])
    first, last = (np.concatenate([e, np.full(len(bare), -1)]) for e in (first, last))
    turn = np.lexsort((first, order, rows))
    rows, order, first, last = rows[turn], order[turn], first[turn], last[turn]
    leads = np.ones(len(rows), dtype=np.bool_)
    leads[1:] = (rows[1:] != rows[:-1]) | (order[1:] != order[:-1])
    words = pc.binary_join_element_wise(
        _said(leads, order, "", "/"),
        _said(first >= 0, first),
        _said(last > first, last, "-"),
        "",
    )
    offsets = np.searchsorted(rows, np.arange(count + 1))
    listed = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), words)
    return pc.if_else(pa.array(times.good), pc.binary_join(listed, " "), None)


def _cells(times: Times, order: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Return rows, orders, first and last of the cells of one order that make up MOCs.

    They are in an interval, and not in a cell of the order above that is.
    """
    own = _inner(times, ORDER_MOST - order)
    low, high = own
    if order > 0:
        up_low, up_high = (2 * ends for ends in _inner(times, ORDER_MOST - order + 1))
    else:
        up_low = up_high = np.zeros_like(low)
    split = up_low < up_high
    lows = np.concatenate([low, np.where(split, up_high, high)])
    highs = np.concatenate([np.where(split, up_low, high), high])
    rows = np.concatenate([times.rows, times.rows])
    kept = lows < highs
    orders = np.full(int(kept.sum()), order, dtype=np.int64)
    return rows[kept], orders, lows[kept], highs[kept] - 1


def _inner(times: Times, shift: int) -> tuple[Ints, Ints]:
    """Return the first cell that is whole in an interval, and that behind the last."""
    return (times.starts + ((1 << shift) - 1)) >> shift, times.stops >> shift


def _said(there: Bools, numbers: Ints, before: str = "", after: str = "") -> Any:
    """Return numbers as texts, empty where they are not to be said."""
    texts: Any = pc.cast(pa.array(numbers), pa.string())
    texts = pc.binary_join_element_wise(pa.scalar(before), texts, after, "")
    return pc.if_else(pa.array(there), texts, "")


def instants(mjd: Floats) -> tuple[Ints, Floats, Bools]:
    """Return moments as microseconds, what is left of one, and which are moments.

    Parameters
    ----------
    mjd
        UTC.
    """
    low, high = _LIMITS_MJD
    good = (mjd >= low) & (mjd <= high)
    mjd = np.where(good, mjd, 0.0)
    day = np.floor(mjd)
    leaps = 9 + np.maximum(1, np.searchsorted(LEAPS_MJD, mjd, side="right"))
    ahead = leaps * 1e6 + _TT_US
    ahead += RATE * ((mjd - _SAME_MJD) * 86400e6 + ahead) + _AHEAD_US
    part = (mjd - day) * 86400e6 + ahead
    whole = np.floor(part)
    moment = (day.astype(np.int64) + _JD_OF_MJD) * _DAY_US + _NOON_US
    return moment + whole.astype(np.int64), part - whole, good


def between(start_mjd: Floats, stop_mjd: Floats) -> Times:
    """Return the MOCs of one interval each: every microsecond that it touches."""
    start, _, one = instants(start_mjd)
    stop, rest, two = instants(stop_mjd)
    good = one & two & (start_mjd <= stop_mjd)
    stop = np.maximum(stop + (rest > 0), start + 1)
    rows = np.flatnonzero(good)
    orders = np.full(len(good), ORDER_MOST, dtype=np.int64)
    return Times(rows, start[rows], stop[rows], orders, good)
