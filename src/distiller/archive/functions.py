"""The SQL functions ``dst_*``: macros where SQL can do it, else vectorised Python.

Every argument is in degrees; NULL in gives NULL out. Points and circles, which nearly
all rows are, are judged within the database; polygons, and texts, are made in Python.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from duckdb import func

from distiller.archive import celestial, geometry, moc, polygons, strips
from distiller.core.covers import EVERYWHERE, covers

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

_pc: Any = pyarrow.compute
_GEOMETRY = "DOUBLE[]"
_BEGINS = pa.array(["POLYGON ICRS", None, "POSITION ICRS", "CIRCLE ICRS"])
"""By the count of numbers; polygons have more."""

_SMALLEST, _LARGEST = 1e-4, 1e10
"""Numbers between these are written without an exponent everywhere."""

_BLOCK = 2**15
"""Numbers of polygons that are worked on at once: some MB of temporary arrays."""

_POLE_DEG = 90.0
VARIABLE = "dst_query"
"""Variable of a cursor that holds the number of its query, see `Stops`."""

_QUERY = f"getvariable('{VARIABLE}')::BIGINT"
_TOLERANCE = f"{math.degrees(geometry.TOLERANCE_RAD):.3e}"

_EAST = "cos(radians(dec2)) * sin(radians(ra2 - ra1))"
_NORTH = (
    "cos(radians(dec1)) * sin(radians(dec2)) "
    "- sin(radians(dec1)) * cos(radians(dec2)) * cos(radians(ra2 - ra1))"
)
_ALONG = (
    "sin(radians(dec1)) * sin(radians(dec2)) "
    "+ cos(radians(dec1)) * cos(radians(dec2)) * cos(radians(ra2 - ra1))"
)

_SOUND = "(abs((g::DOUBLE[])[2]) <= 90 AND (len(g) <> 3 OR (g::DOUBLE[])[3] >= 0))"
_TURNED = (
    "CASE WHEN (g::DOUBLE[])[1] >= 0 AND (g::DOUBLE[])[1] < 360 THEN g[1] "
    "ELSE g[1] - 360 * floor((g::DOUBLE[])[1] / 360) END"
)

MACROS = {
    # Vincenty (1975) on a sphere: exact at small and at antipodal distances.
    "dst_distance(ra1, dec1, ra2, dec2)": (
        f"degrees(atan2(sqrt(pow({_EAST}, 2) + pow({_NORTH}, 2)), {_ALONG}))"
    ),
    # The distance stands once: the database plans each one of a text anew.
    "dst_contains(a, b)": (
        "CASE WHEN len(a) IN (2, 3) AND len(b) = 3 "
        "THEN (len(a) = 3 AND b[3] >= 180) OR dst_distance(a[1], a[2], b[1], b[2]) "
        f"+ CASE len(a) WHEN 3 THEN a[3] ELSE 0 END <= b[3] + {_TOLERANCE} "
        f"ELSE dst_any_contains(a, b, {_QUERY}) END"
    ),
    "dst_intersects(a, b)": (
        "CASE WHEN len(a) IN (2, 3) AND len(b) IN (2, 3) AND len(a) + len(b) > 4 "
        "THEN dst_distance(a[1], a[2], b[1], b[2]) "
        "<= CASE len(a) WHEN 3 THEN a[3] ELSE 0 END "
        f"+ CASE len(b) WHEN 3 THEN b[3] ELSE 0 END + {_TOLERANCE} "
        f"ELSE dst_any_intersects(a, b, {_QUERY}) END"
    ),
    "dst_region_text(g)": f"dst_any_text(g::DOUBLE[], {_QUERY})",
    "dst_area(g)": (
        f"CASE WHEN NOT {_SOUND} THEN NULL ELSE CASE len(g) WHEN 2 THEN 0.0::DOUBLE "
        "WHEN 3 THEN 4 * pi() * pow(sin(radians(least(g[3], 180)) / 2), 2) "
        f"* pow(degrees(1), 2) ELSE dst_any_area(g, {_QUERY}) END END"
    ),
    "dst_centroid(g)": (
        f"CASE WHEN NOT {_SOUND} THEN NULL "
        f"WHEN len(g) < 6 THEN [{_TURNED}, g[2]]::DOUBLE[] "
        f"ELSE dst_any_centroid(g::DOUBLE[], {_QUERY}) END"
    ),
    **celestial.MACROS,
    **strips.MACROS,
    **moc.macros(_QUERY),
}
"""Text of each macro by its head."""


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Define the Python functions of this process; every cursor sees them."""
    for name, function, types, returns in (*_FUNCTIONS, *moc.FUNCTIONS):
        connection.create_function(
            name,
            _stoppable(function, len(types)),
            [*types, "BIGINT"],
            returns,
            type=func.ARROW,
            null_handling=func.SPECIAL,
        )
    for name, plain, types, returns in celestial.FUNCTIONS:
        connection.create_function(
            name,
            plain,
            list(types),
            returns,
            type=func.ARROW,
            null_handling=func.SPECIAL,
        )


def unregister(connection: duckdb.DuckDBPyConnection) -> None:
    """Let go of the Python functions before the connection is closed."""
    for name, *_ in (*_FUNCTIONS, *celestial.FUNCTIONS, *moc.FUNCTIONS):
        connection.remove_function(name)


def macro_statements() -> tuple[str, ...]:
    """Return the statements that define the macros in the archive file."""
    return tuple(
        f"CREATE OR REPLACE MACRO {head} AS {body}" for head, body in MACROS.items()
    )


class Stops:
    """Which queries are to stop: the database cannot interrupt a Python function.

    A query has a number, which the macros hand to the functions.
    """

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._running: dict[int, Callable[[], bool]] = {}

    def begin(self, stopped: Callable[[], bool]) -> int:
        """Return the number of a query that begins."""
        number = next(self._numbers)
        self._running[number] = stopped
        return number

    def end(self, number: int) -> None:
        """Forget a query."""
        self._running.pop(number, None)

    def of(self, number: int | None) -> Callable[[], bool]:
        """Return what tells whether a query is to stop."""
        return self._running.get(number or 0, lambda: False)


STOPS = Stops()
"""Those of this process."""


def _stoppable(function: Callable[..., Any], arity: int) -> Callable[..., Any]:
    """Let a function of columns stop with its query, whose number comes last."""

    def run(query: Any, *geometries: Any) -> Any:
        number = query[0].as_py() if len(query) else None
        with geometry.stopping(STOPS.of(number)):
            return function(*geometries)

    # DuckDB counts the parameters that it sees.
    def of_one(g: Any, query: Any) -> Any:
        return run(query, g)

    def of_two(a: Any, b: Any, query: Any) -> Any:
        return run(query, a, b)

    return of_one if arity == 1 else of_two


class Geometries:
    """A column of geometries, taken apart once.

    Parameters
    ----------
    column
        Arrow list of float64; missing or ill-formed items (a number is missing or not
        finite, the count fits no geometry, or a vertex is beyond a pole) have ``good``
        False.
    """

    def __init__(self, column: Any) -> None:
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        self._offsets = np.asarray(column.offsets)
        self._values = np.asarray(
            column.values.to_numpy(zero_copy_only=False), dtype=np.float64
        )
        counts = self.counts = np.diff(self._offsets)
        valid = np.asarray(column.is_valid().to_numpy(zero_copy_only=False))
        fits = (counts == 2) | (counts == 3) | ((counts >= 6) & (counts % 2 == 0))  # noqa: PLR2004 - point, circle, polygon
        self.good = valid & fits & self._sound()

    def _sound(self) -> geometry.Bools:
        """Tell which are of finite numbers, polygons with no vertex beyond a pole."""
        used = slice(int(self._offsets[0]), int(self._offsets[-1]))
        values = self._values[used]
        owner = np.repeat(np.arange(len(self)), self.counts)
        place = np.arange(len(values)) - np.repeat(
            self._offsets[:-1] - used.start, self.counts
        )
        beyond = (place % 2 == 1) & (self.counts[owner] > 3)  # noqa: PLR2004 - a polygon
        bad = ~np.isfinite(values) | (beyond & ~(np.abs(values) <= _POLE_DEG))
        sound = np.ones(len(self), dtype=np.bool_)
        sound[owner[bad]] = False
        return sound

    def several(self, places: Any, count: int) -> geometry.Floats:
        """Return the first numbers of some items, shape (k, count)."""
        found = self._values[self._offsets[:-1][places][:, None] + np.arange(count)]
        return np.asarray(found)

    def last(self, places: Any) -> geometry.Floats:
        """Return the last number of some items."""
        return np.asarray(self._values[self._offsets[1:][places] - 1])

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index: int) -> geometry.Floats:
        """Return the flat numbers of one item, deg."""
        found = self._values[self._offsets[index] : self._offsets[index + 1]]
        return np.asarray(found)


def _intersects_column(a: Any, b: Any) -> Any:
    left, right = Geometries(a), Geometries(b)
    good = left.good & right.good
    answers = np.zeros(len(left), dtype=np.bool_)
    open_ = good.copy()
    for one, other in ((left, right), (right, left)):
        _polygons(one, other, polygons.meet, answers, open_)
    for index in np.flatnonzero(open_):
        geometry.pause()
        answers[index] = geometry.intersects(left[int(index)], right[int(index)])
    return pa.array(answers, mask=~good)


def _contains_column(a: Any, b: Any) -> Any:
    """Many polygons at once, then points in one polygon at once, else one by one."""
    inner, outer = Geometries(a), Geometries(b)
    good = inner.good & outer.good
    answers = np.zeros(len(inner), dtype=np.bool_)
    open_ = good.copy()
    _polygons(inner, outer, polygons.within, answers, open_, sizes=(3,))
    if _are_several(outer, open_):
        _polygons(outer, inner, polygons.meet, answers, open_, sizes=(2,))
    groups: dict[bytes, list[int]] = {}
    for index in np.flatnonzero(open_):
        geometry.pause()
        place = int(index)
        if len(inner[place]) == 2 and len(outer[place]) > 3:  # noqa: PLR2004 - a point, a polygon
            groups.setdefault(outer[place].tobytes(), []).append(place)
        else:
            answers[place] = geometry.contains(inner[place], outer[place])
    for places in groups.values():
        points = np.stack([inner[place] for place in places])
        answers[places] = geometry.points_in_polygon(
            geometry.vectors(points[:, 0], points[:, 1]),
            geometry.polygon(outer[places[0]]),
        )
    return pa.array(answers, mask=~good)


def _are_several(items: Geometries, chosen: geometry.Bools) -> bool:
    """Whether there are different ones: a polygon that is always the same is not."""
    places = np.flatnonzero(chosen)
    if len(places) < 2:  # noqa: PLR2004 - one is not several
        return False
    return not np.array_equal(items[int(places[0])], items[int(places[-1])])


def _polygons(  # noqa: PLR0913 - both sides, the question, and the answers
    ones: Geometries,
    others: Geometries,
    judge: Callable[[Any, Any, Any], tuple[Any, Any]],
    answers: geometry.Bools,
    open_: geometry.Bools,
    *,
    sizes: tuple[int, ...] = (2, 3),
) -> None:
    """Answer for polygons against points or circles what is clear, all at once."""
    fits = open_ & np.isin(others.counts, sizes) & (ones.counts >= 6)  # noqa: PLR2004 - a polygon
    for count in np.unique(ones.counts[fits]):
        places = np.flatnonzero(fits & (ones.counts == count))
        step = max(1, _BLOCK // int(count))
        for start in range(0, len(places), step):
            geometry.pause()
            these = places[start : start + step]
            said, clear = judge(
                ones.several(these, int(count)).reshape(len(these), -1, 2),
                others.several(these, 2),
                np.where(others.counts[these] == 3, others.last(these), 0.0),  # noqa: PLR2004 - a circle
            )
            answers[these[clear]] = said[clear]
            open_[these[clear]] = False


def _area_column(g: Any) -> Any:
    items = Geometries(g)
    return pa.array(
        [
            geometry.area_deg2(items[i]) if items.good[i] else None
            for i in range(len(items))
        ],
        type=pa.float64(),
    )


def _centroid_column(g: Any) -> Any:
    items = Geometries(g)
    return pa.array(
        [
            list(geometry.centroid_deg(items[i])) if items.good[i] else None
            for i in range(len(items))
        ],
        type=pa.list_(pa.float64()),
    )


def _text_column(g: Any) -> Any:
    """Return geometries as text, each number as the database writes it.

    Arrow is three times as quick as that, and writes the same digits for numbers of
    ordinary size, whole ones without ``.0``; Python writes the others.
    """
    if isinstance(g, pa.ChunkedArray):
        g = g.combine_chunks()
    flat = _pc.list_flatten(g)
    numbers = np.asarray(flat.to_numpy(zero_copy_only=False), dtype=np.float64)
    words = _pc.cast(flat, pa.string())
    size = np.abs(numbers)
    ordinary = (size >= _SMALLEST) & (size < _LARGEST)
    whole = ordinary & (numbers == np.trunc(numbers))
    if whole.any():
        told = _pc.cast(pa.array(numbers[whole].astype(np.int64)), pa.string())
        told = _pc.binary_join_element_wise(told, "0", ".")
        words = _pc.replace_with_mask(words, pa.array(whole), told)
    if not ordinary.all():
        others = [repr(float(number)) for number in numbers[~ordinary]]
        words = _pc.replace_with_mask(words, pa.array(~ordinary), pa.array(others))
    counts = np.asarray(_pc.fill_null(_pc.list_value_length(g), 0))
    ends = np.zeros(len(g) + 1, np.int32)
    np.cumsum(counts, out=ends[1:])
    places: Any = pa.array(ends)
    lists = pa.ListArray.from_arrays(places, words)
    kinds = np.where((counts < 2) | (counts > 3), 0, counts)  # noqa: PLR2004 - points and circles
    begins = _pc.take(_BEGINS, pa.array(kinds))
    text = _pc.binary_join_element_wise(begins, _pc.binary_join(lists, " "), " ")
    return _pc.if_else(_pc.is_valid(g), text, None)


def _cover_column(g: Any) -> Any:
    """Return lists of three numbers, see `distiller.core.covers`."""
    if isinstance(g, pa.ChunkedArray):
        g = g.combine_chunks()
    values = np.asarray(g.values.to_numpy(zero_copy_only=False), dtype=np.float64)
    found = covers(values, np.asarray(g.offsets))
    found[~np.asarray(g.is_valid().to_numpy(zero_copy_only=False))] = EVERYWHERE
    ends: Any = pa.array(np.arange(0, 3 * len(found) + 1, 3, dtype=np.int32))
    return pa.ListArray.from_arrays(ends, pa.array(found.reshape(-1)))


_FUNCTIONS: tuple[tuple[str, Callable[..., Any], list[str], str], ...] = (
    ("dst_any_contains", _contains_column, [_GEOMETRY] * 2, "BOOLEAN"),
    ("dst_any_intersects", _intersects_column, [_GEOMETRY] * 2, "BOOLEAN"),
    ("dst_any_area", _area_column, [_GEOMETRY], "DOUBLE"),
    ("dst_any_text", _text_column, [_GEOMETRY], "VARCHAR"),
    ("dst_cover", _cover_column, [_GEOMETRY], _GEOMETRY),
    ("dst_any_centroid", _centroid_column, [_GEOMETRY], _GEOMETRY),
)
