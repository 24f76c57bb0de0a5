"""SQL functions of DuckDB on time MOCs: Arrow columns in and out, see `times`.

PostgreSQL has them in `moc.sql`. A text is read once for all rows that have it; what is
read at once is bounded, and between such parts a query can stop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from distiller.archive import geometry, times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BYTES: Final = 2**20
"""Text that is read at once: some 50 MB of temporary arrays."""


def _whole(column: Any) -> Any:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _slices(*columns: Any) -> Iterator[slice]:
    """Yield slices of rows whose texts are not too long together."""
    sizes = sum(
        np.asarray(pc.binary_length(column).fill_null(0).to_numpy(zero_copy_only=False))
        for column in columns
    )
    ends = np.cumsum(sizes)
    start = 0
    while start < len(ends):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _BYTES, side="right")))
        geometry.pause()
        yield slice(start, stop)
        start = stop


def _read(column: Any, part: slice) -> times.Times:
    found = column[part].dictionary_encode(null_encoding="encode")
    indices = np.asarray(found.indices.to_numpy(), dtype=np.int64)
    return times.read(found.dictionary).take(indices)


def _numbers(column: Any) -> Any:
    found = _whole(column).fill_null(np.nan)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.float64)


def _of_one(judge: Callable[[times.Times], Any], to: Any) -> Callable[[Any], Any]:
    def column(a: Any) -> Any:
        texts = _whole(a)
        made = [judge(_read(texts, part)) for part in _slices(texts)]
        return pa.concat_arrays(made) if made else pa.array([], to)

    return column


def _of_two(
    judge: Callable[[times.Times, times.Times], Any], to: Any
) -> Callable[[Any, Any], Any]:
    def column(a: Any, b: Any) -> Any:
        one, two = _whole(a), _whole(b)
        made = [judge(_read(one, p), _read(two, p)) for p in _slices(one, two)]
        return pa.concat_arrays(made) if made else pa.array([], to)

    return column


def _seconds(one: times.Times) -> Any:
    return pa.array(times.seconds(one), mask=~one.good)


def _meet(one: times.Times, two: times.Times) -> Any:
    return pa.array(times.meet(one, two), mask=~(one.good & two.good))


def _held(inner: times.Times, outer: times.Times) -> Any:
    return pa.array(times.holds(inner, outer), mask=~(inner.good & outer.good))


def _both(one: times.Times, two: times.Times) -> Any:
    return times.write(times.intersection(one, two))


def _either(one: times.Times, two: times.Times) -> Any:
    return times.write(times.union(one, two))


def _at(mjd: Any, moc: Any) -> Any:
    """Tell whether a moment lies in a MOC."""
    texts = _whole(moc)
    moments, _, known = times.instants(_numbers(mjd))
    made = []
    for part in _slices(texts):
        outer = _read(texts, part)
        start, good = moments[part], known[part]
        inner = times.Times(np.arange(len(start)), start, start + 1, outer.orders, good)
        made.append(_held(inner, outer))
    return pa.concat_arrays(made) if made else pa.array([], pa.bool_())


def _between(start: Any, stop: Any) -> Any:
    return times.write(times.between(_numbers(start), _numbers(stop)))


FUNCTIONS: Final[tuple[tuple[str, Callable[..., Any], list[str], str], ...]] = (
    ("dst_any_moc", _of_one(times.write, pa.string()), ["VARCHAR"], "VARCHAR"),
    ("dst_any_moc_between", _between, ["DOUBLE", "DOUBLE"], "VARCHAR"),
    ("dst_any_moc_seconds", _of_one(_seconds, pa.float64()), ["VARCHAR"], "DOUBLE"),
    ("dst_any_moc_meet", _of_two(_meet, pa.bool_()), ["VARCHAR"] * 2, "BOOLEAN"),
    ("dst_any_moc_held", _of_two(_held, pa.bool_()), ["VARCHAR"] * 2, "BOOLEAN"),
    ("dst_any_moc_at", _at, ["DOUBLE", "VARCHAR"], "BOOLEAN"),
    ("dst_any_moc_and", _of_two(_both, pa.string()), ["VARCHAR"] * 2, "VARCHAR"),
    ("dst_any_moc_or", _of_two(_either, pa.string()), ["VARCHAR"] * 2, "VARCHAR"),
)
"""Functions of columns: name, what it calls, types of the arguments and the result."""

_TYPED: Final = {"VARCHAR": "::VARCHAR", "DOUBLE": "::DOUBLE"}


def macros(query: str) -> dict[str, str]:
    """Return the text of each macro by its head.

    Parameters
    ----------
    query
        What gives the number of the query.
    """
    return {
        f"{name.replace('any_', '')}({', '.join('ab'[: len(types)])})": (
            f"{name}("
            + ", ".join(
                f"{letter}{_TYPED[of]}" for letter, of in zip("ab", types, strict=False)
            )
            + f", {query})"
        )
        for name, _, types, _ in FUNCTIONS
    }
