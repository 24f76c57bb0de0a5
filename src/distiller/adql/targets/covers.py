"""Which values come from which tables, and where a stored region has its cover."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from sqlglot import exp

from distiller.adql import nodes, shapes
from distiller.adql.kinds import kind
from distiller.adql.nodes import find
from distiller.adql.scope import type_of
from distiller.adql.targets.writer import double
from distiller.core.covers import EVERYWHERE, NARROW_DEG, WIDE_DEG, covers

if TYPE_CHECKING:
    from collections.abc import Sequence

_FARTHEST_DEG: Final = 89.0
_MOST_DEG: Final = 90.0
_STEPS: Final = 1e6
_WIDER_DEG: Final = 1e-7
"""By how much a box is wider than it must be, against rounding."""

_COVERED = frozenset({"circle", "polygon", "region", "point"})


def tables(node: exp.Expr) -> set[str]:
    """Return the tables, by their names in the query, that a value comes from."""
    return {str(column.table) for column in find(node, exp.Column)}


def apart(one: exp.Expr, *others: exp.Expr) -> bool:
    """Whether a value is of other tables than all others, which may be constants."""
    own = tables(one)
    return all(own.isdisjoint(tables(other)) for other in others)


def has_cover(node: exp.Expr) -> bool:
    """Tell whether a value is a region as it is stored, so that its cover is at hand.

    Not where it comes out of a subquery, unless that is all rows of a table that a user
    may see.
    """
    if not isinstance(node, exp.Column) or kind(type_of(node)) not in _COVERED:
        return False
    if not type_of(node).indexed:
        return False
    select = node.parent_select
    while select is not None:
        for source in (*select.find_all(exp.Table), *select.find_all(exp.Subquery)):
            if source.parent_select is select and source.alias_or_name == node.table:
                return _is_stored(source)
        select = select.parent_select
    return False


def _is_stored(source: exp.Expr) -> bool:
    if isinstance(source, exp.Subquery):
        inner = source.this
        if not isinstance(inner, exp.Select) or not inner.is_star:
            return False
        source = inner.args["from_"].this
    return bool(source.meta.get("covered"))


def constant_cover(corners: Sequence[exp.Expr]) -> tuple[float, float, float] | None:
    """Return middle and radius, deg, of a circle about a polygon of constants.

    None if it is none, or no circle holds it.
    """
    numbers: list[float] = []
    for corner in corners:
        if not isinstance(corner, nodes.Point):
            return None
        for part in (corner.this, corner.args["expression"]):
            value = shapes.constant(part)
            if value is None:
                return None
            numbers.append(value)
    found = covers(np.array(numbers), np.array([0, len(numbers)]))[0]
    lon, south, north = (float(number) for number in found)
    if (lon, south, north) == EVERYWHERE:
        return None
    return lon % 360.0, (south + north) / 2, (north - south) / 2


def longitudes(shape: exp.Expr) -> tuple[float, float] | None:
    """Return the longitudes, deg, of covers that are narrow and meet a constant shape.

    None if they may have any; see `meridians`.

    >>> longitudes(nodes.Circle(this=shapes.point(10, 0), expression=shapes.number(1)))
    (358.999999, 21.000001)
    """
    if isinstance(shape, nodes.Polygon):
        found = constant_cover(shape.expressions)
    else:
        found = _about_constant(shape)
    if found is None:
        return None
    lon, lat, reach = found
    return meridians(lon, lat, reach + NARROW_DEG)


def _about_constant(shape: exp.Expr) -> tuple[float, float, float] | None:
    """Return middle and radius, deg, of a point or circle of constants."""
    circle = isinstance(shape, nodes.Circle)
    place = shapes.place(shape.this if circle else shape)
    radius = shapes.constant(shape.args["expression"]) if circle else 0.0
    if place is None or radius is None:
        return None
    return *place, max(radius, 0.0)


def longitude_within(text: str, found: tuple[float, float]) -> str:
    """Write that a longitude of a cover is between others, or that of a wide one."""
    low, high = found
    if low > high:  # wide ones are above both
        return f"({text} <= {double(high)} OR {text} >= {double(low)})"
    within = f"{text} >= {double(low)} AND {text} <= {double(high)}"
    return f"({within} OR {text} >= {double(WIDE_DEG)})"


def meridians(
    lon_deg: float, lat_deg: float, radius_deg: float
) -> tuple[float, float] | None:
    """Return the right ascensions, deg, that a circle lies between; None if all.

    The first is the larger one where right ascension 0 lies between them.

    >>> meridians(0.5, 60, 1)
    (358.499695, 2.500305)
    >>> meridians(10, 88.9, 1) is None
    True
    """
    if radius_deg < 0 or abs(lat_deg) + radius_deg > _FARTHEST_DEG:
        return None
    sine = math.sin(math.radians(radius_deg)) / math.cos(math.radians(lat_deg))
    half = math.degrees(math.asin(min(1.0, sine))) + _WIDER_DEG
    if half >= _MOST_DEG:
        return None
    low, high = (lon_deg - half) % 360.0, (lon_deg + half) % 360.0
    return math.floor(low * _STEPS) / _STEPS, math.ceil(high * _STEPS) / _STEPS
