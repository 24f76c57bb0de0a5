"""Joins of a table that came with the query by place, as joins of equal keys.

DuckDB joins by ranges of declination else, which tries all pairs within a strip of the
sky. Here each row of the uploaded table stands once for each cell of the sky that its
circle meets (``dst_cells``), and is joined with the rows in the cell. A pair has one
cell in common, so that it comes once: in WHERE, and in ON of joins that keep no row
without a partner, as a condition that has to hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from distiller.adql import nodes, shapes
from distiller.adql.nodes import find
from distiller.adql.targets.covers import tables

if TYPE_CHECKING:
    from collections.abc import Iterator

CELL: Final = '"~cell"'
"""Name of the column that the uploaded table has more."""

_WIDER_DEG: Final = 1e-6
"""By how much a circle is taken to be wider, against rounding."""

_MOST_DEG: Final = 20.0
_NARROWEST_DEG: Final = 0.02
_STRIP: Final = 3.0
"""Width of strips, in radii."""

_PLAIN: Final = (
    exp.Column, exp.Identifier, exp.Literal, exp.Paren, exp.Neg, exp.Add, exp.Sub,
    exp.Mul, exp.Div,
)  # fmt: skip
"""What a coordinate may be made of: it is written many times."""


@dataclass(frozen=True, slots=True)
class Match:
    """A place of an uploaded table beside one of other tables.

    Attributes
    ----------
    brought, other
        The points.
    radius_deg, strip_deg
        Of the circle, somewhat wider; and the width of strips.
    """

    brought: nodes.Point
    other: nodes.Point
    radius_deg: float
    strip_deg: float


def match(select: exp.Select) -> None:
    """Look for such a condition; remember it with the condition and with the table.

    Each gets a `Match` as ``meta["cells"]``.
    """
    joins = select.args.get("joins") or []
    if any(not _is_inner(join) for join in joins):
        return
    origin = select.args.get("from_")
    sources = [part.this for part in (origin, *joins) if part is not None]
    brought = {
        source.alias_or_name: source
        for source in sources
        if isinstance(source, exp.Table) and source.meta.get("brought")
    }
    if not brought:
        return
    where = select.args.get("where")
    conditions = [join.args.get("on") for join in joins]
    for condition in (where and where.this, *conditions):
        for near in _required(condition):
            for name, table in brought.items():
                found = _match(near, name)
                if found is not None:
                    near.meta["cells"] = table.meta["cells"] = found
                    return


def _is_inner(join: exp.Join) -> bool:
    return not join.args.get("side") and str(join.args.get("kind") or "INNER") in {
        "INNER",
        "CROSS",
    }


def _required(condition: exp.Expr | None) -> Iterator[nodes.Near]:
    """Yield the parts of a condition without which it does not hold."""
    if isinstance(condition, exp.Paren):
        yield from _required(condition.this)
    elif isinstance(condition, exp.And):
        yield from _required(condition.this)
        yield from _required(condition.expression)
    elif isinstance(condition, nodes.Near):
        yield condition


def _match(near: nodes.Near, name: str) -> Match | None:
    radius = shapes.constant(near.args["distance"])
    points = near.this, near.args["expression"]
    if radius is None or not 0 <= radius <= _MOST_DEG or not near.args.get("boxed"):
        return None
    if not all(isinstance(point, nodes.Point) and _is_plain(point) for point in points):
        return None
    for one, other in (points, points[::-1]):
        if tables(one) == {name} and (others := tables(other)) and name not in others:
            wider = radius + _WIDER_DEG
            return Match(one, other, wider, max(_STRIP * wider, _NARROWEST_DEG))
    return None


def _is_plain(point: nodes.Point) -> bool:
    parts = point.this, point.args["expression"]
    return all(isinstance(node, _PLAIN) for p in parts for node in find(p, exp.Expr))
