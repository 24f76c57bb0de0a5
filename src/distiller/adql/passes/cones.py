"""A point near a point: one predicate for every way that ADQL can say it."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from distiller.adql import nodes
from distiller.adql.kinds import CONDITION, kind
from distiller.adql.nodes import find, swap
from distiller.adql.scope import type_of

_FLIPPED: Final[dict[type[exp.Expr], type[exp.Expr]]] = {
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
}


def cones(query: exp.Query) -> exp.Query:
    """Turn a point in a circle, and a DISTANCE below a limit, into ``Near``.

    >>> from distiller.adql.passes.example import where
    >>> from distiller.adql.passes.regions import regions
    >>> where(cones, "2 >= DISTANCE(ra, dec, 83.6, 22)")
    'NEAR(POINT(ra, dec), POINT(83.6, 22), 2)'
    >>> both = lambda query: cones(regions(query))
    >>> where(both, "1 = CONTAINS(POINT(ra, dec), CIRCLE(1, 2, 3))")
    'NEAR(POINT(ra, dec), POINT(1, 2), 3, BORDERED)'
    """
    for node in find(query, nodes.Inside):
        point, circle = node.this, node.args["expression"]
        if isinstance(circle, nodes.Circle) and kind(type_of(point)) == "point":
            centre, radius = circle.this, circle.args["expression"]
            near = _near(point, centre, radius, strict=False)
            near.set("bordered", exp.var("BORDERED"))
            swap(node, near)
    for comparison in find(query, exp.LT, exp.LTE, exp.GT, exp.GTE):
        operator: type[exp.Expr] = type(comparison)
        left, right = comparison.this, comparison.expression
        if not isinstance(left, nodes.Distance):
            left, right, operator = right, left, _FLIPPED[operator]
        if isinstance(left, nodes.Distance) and operator in {exp.LT, exp.LTE}:
            strict = operator is exp.LT
            first, second = left.this, left.args["expression"]
            swap(comparison, _near(first, second, right, strict=strict))
    return query


def _near(
    first: exp.Expr,
    second: exp.Expr,
    distance: exp.Expr,
    *,
    strict: bool,
) -> nodes.Near:
    near = nodes.Near(this=first, expression=second, distance=distance)
    if strict:
        near.set("strict", exp.var("STRICT"))
    near.meta["type"] = CONDITION
    return near
