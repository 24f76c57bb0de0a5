"""A search for images as a query: from its parameters to ADQL, as any query goes."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from distiller.queries import answer
from distiller.queries.literals import number, one_of, text
from distiller.vo import sia
from distiller.vo.descriptors import Describing, descriptor
from distiller.vo.formats import writer_for
from distiller.vo.shapes import Circle, Polygon, Range
from distiller.vo.tap import TapParameters
from distiller.vo.votable import VOTableWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from distiller.archive.protocol import ArchiveReader
    from distiller.core.settings import Settings
    from distiller.queries.answer import Prepared
    from distiller.vo.intervals import Interval
    from distiller.vo.shapes import Shape
    from distiller.vo.sia import ImageParameters

_ALL: Final = "SELECT * FROM ivoa.obscore"
_TURN: Final = 360.0
_POLE: Final = 90.0
_PIECE_DEG: Final = 90.0
"""Right ascension, and declination, that one polygon of a range covers at most."""

_LEAST_DEG: Final = 1e-6
"""Width of a range that has none."""

_STEP_DEG: Final = 2.0
"""Between corners on a parallel: great circles leave it by 0.3 arcmin at most then."""

_TWO_ENDS: Final = ("BAND", "TIME")
_ANY_CASE: Final = ("ID", "FORMAT")


def adql(asked: ImageParameters, words: Mapping[str, str] | None = None) -> str:
    """Return the query: images and cubes that satisfy every parameter.

    Parameters
    ----------
    words
        Of a site for types of data products, where they are not those of ObsCore.

    >>> from distiller.vo.sia import ImageParameters
    >>> print(adql(ImageParameters.parse([("POS", "CIRCLE 83.6 22 1"), ("BAND", "1")])))
    SELECT * FROM ivoa.obscore
    WHERE dataproduct_type IN ('image', 'cube')
      AND (1 = INTERSECTS(s_region, CIRCLE(83.6, 22.0, 1.0)))
      AND (em_max >= 1.0 AND em_min <= 1.0)
    ORDER BY t_min, obs_publisher_did
    """
    where = "\n  AND ".join(_conditions(asked, words or {}))
    return f"{_ALL}\nWHERE {where}\nORDER BY t_min, obs_publisher_did"


def prepare(
    asked: ImageParameters, archive: ArchiveReader, settings: Settings
) -> Prepared:
    """Translate a search; nothing runs yet.

    Raises
    ------
    QueryError
        If the regions are too many to be translated.
    """
    query = TapParameters(
        query=adql(asked, settings.product_types),
        maxrec=asked.maxrec,
        responseformat=asked.responseformat,
        run_id=asked.run_id,
    )
    prepared = answer.prepare(query, archive, settings)
    infos = [("standardID", sia.STANDARD), ("QUERY", query.query)]
    writer = writer_for(asked.responseformat, prepared.columns, infos=infos)
    if not isinstance(writer, VOTableWriter):
        return replace(prepared, writer=writer)
    url = f"{settings.base_url}/sia2/query"
    this = descriptor("this", sia.STANDARD, url, sia.INPUTS)
    return replace(prepared, writer=Describing(writer, this))


def _conditions(asked: ImageParameters, words: Mapping[str, str]) -> Iterator[str]:
    types = (text(words.get(kind, kind)) for kind in sia.TYPES)
    yield one_of("dataproduct_type", types)
    if asked.positions and not any(_is_sky(shape) for shape in asked.positions):
        yield _any(_meets(s) for shape in asked.positions for s in written(shape))
    for name, given in asked.intervals.items():
        column = sia.INTERVALS[name][0]
        ends = (
            (f"{column}_min", f"{column}_max") if name in _TWO_ENDS else (column,) * 2
        )
        yield _any(_between(interval, *ends) for interval in given)
    for name, values in asked.texts.items():
        column = sia.TEXTS[name][0]
        if name in _ANY_CASE:
            folded = (text(value.strip().lower()) for value in values)
            yield one_of(f"LOWER({column})", folded)
        elif name == "DPTYPE":
            yield one_of(column, (text(words.get(v, v)) for v in values))
        else:
            yield one_of(column, (text(value) for value in values))
    if asked.states:
        yield _any(f"pol_states LIKE '%/{state}/%'" for state in asked.states)
    if asked.levels:
        yield one_of("calib_level", (str(level) for level in asked.levels))


def _any(conditions: Iterator[str]) -> str:
    return f"({' OR '.join(conditions)})"


def _between(interval: Interval, lower: str, upper: str) -> str:
    """Return the condition that data from lower to upper have values in an interval."""
    parts = []
    if math.isfinite(interval.lowest):
        parts.append(f"{upper} >= {number(interval.lowest)}")
    if math.isfinite(interval.highest):
        parts.append(f"{lower} <= {number(interval.highest)}")
    return " AND ".join(parts) or f"{lower} IS NOT NULL"


def _is_sky(shape: Shape) -> bool:
    return isinstance(shape, Range) and shape == Range(0.0, _TURN, -_POLE, _POLE)


def _meets(shape: str) -> str:
    return f"1 = INTERSECTS(s_region, {shape})"


def written(shape: Shape) -> Iterator[str]:
    """Yield a region in ADQL; a range is one polygon or some."""
    if isinstance(shape, Circle):
        yield f"CIRCLE({_listed(shape.ra_deg, shape.dec_deg, shape.radius_deg)})"
    elif isinstance(shape, Polygon):
        yield _polygon(shape.corners_deg)
    else:
        yield from _pieces(shape)


def _polygon(corners: Iterable[tuple[float, float]]) -> str:
    return f"POLYGON({_listed(*(x for corner in corners for x in corner))})"


def _listed(*numbers: float) -> str:
    return ", ".join(number(value) for value in numbers)


def _pieces(asked: Range) -> Iterator[str]:
    """Yield polygons that cover a range, each smaller than an eighth of the sphere."""
    for west, east in _cut(*_with_width(asked.west_deg, asked.east_deg, math.inf)):
        for south, north in _cut(*_with_width(asked.south_deg, asked.north_deg, _POLE)):
            yield _polygon(
                [*_parallel(west, east, south), *_parallel(east, west, north)]
            )


def _with_width(lowest: float, highest: float, end: float) -> tuple[float, float]:
    """Return bounds that are not equal: a line has no inside, and meets nothing."""
    if highest - lowest >= _LEAST_DEG:
        return lowest, highest
    return (lowest, lowest + _LEAST_DEG) if lowest < end else (end - _LEAST_DEG, end)


def _cut(lowest: float, highest: float) -> Iterator[tuple[float, float]]:
    """Yield parts of equal length that polygons may have.

    >>> list(_cut(0, 120))
    [(0.0, 60.0), (60.0, 120.0)]
    """
    count = math.ceil((highest - lowest) / _PIECE_DEG)
    edges = [lowest + part * (highest - lowest) / count for part in range(count + 1)]
    yield from itertools.pairwise(edges)


def _parallel(start: float, end: float, dec: float) -> Iterator[tuple[float, float]]:
    """Yield corners on a parallel; the pole is one corner, the equator needs two."""
    if abs(dec) == _POLE:
        yield (0.0, dec)
        return
    steps = math.ceil(abs(end - start) / _STEP_DEG) if dec else 1
    for step in range(steps + 1):
        yield ((start + step * (end - start) / steps) % _TURN, dec)
