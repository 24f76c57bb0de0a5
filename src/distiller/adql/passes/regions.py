"""``1 = CONTAINS(...)`` becomes a predicate, so that engines can use their indexes.

So do other functions that give 1 or 0 and may have an index.
"""

from __future__ import annotations

from sqlglot import exp

from distiller.adql import nodes
from distiller.adql.functions import TRUTHS
from distiller.adql.kinds import CONDITION, kind
from distiller.adql.nodes import find, swap
from distiller.adql.scope import type_of
from distiller.adql.typer import bare


def regions(query: exp.Query) -> exp.Query:
    """Turn comparisons of CONTAINS and INTERSECTS with 0 or 1 into predicates.

    >>> from distiller.adql.passes.example import where
    >>> where(regions, "1 = CONTAINS(POINT(ra, dec), field)")
    'INSIDE(POINT(ra, dec), field)'
    >>> where(regions, "INTERSECTS(field, CIRCLE(1, 2, 3)) = 0")
    'NOT (OVERLAPS(field, CIRCLE(POINT(1, 2), 3)))'

    Elsewhere they are numbers, and stay:

    >>> where(regions, "CONTAINS(POINT(ra, dec), field) + n = 1")
    'CONTAINS(POINT(ra, dec), field) + n = 1'

    A point overlaps a region if it lies inside it:

    >>> where(regions, "1 = INTERSECTS(field, POINT(ra, dec))")
    'INSIDE(POINT(ra, dec), field)'

    Functions of ``functions.TRUTHS`` may also be compared with something else:

    >>> where(regions, "cta_tmoc_has(name, ra) = 0")
    'NOT (HOLDS(CALL(CTA_TMOC_HAS, name, ra)))'
    >>> where(regions, "cta_tmoc_has(name, ra) = n")
    'CALL(CTA_TMOC_HAS, name, ra) = n'
    """
    for node in find(query, nodes.Contains, nodes.Intersects, nodes.Truth, nodes.Call):
        if isinstance(node, nodes.Call):
            if node.name in TRUTHS:
                _truth(node)
            continue
        comparison = node.parent
        while isinstance(comparison, exp.Paren):
            comparison = comparison.parent
        if isinstance(comparison, exp.EQ | exp.NEQ):
            swap(comparison, _predicate(node, comparison))
    return query


def _truth(call: nodes.Call) -> None:
    comparison = call.parent
    while isinstance(comparison, exp.Paren):
        comparison = comparison.parent
    if not isinstance(comparison, exp.EQ | exp.NEQ):
        return
    sides = bare(comparison.this), bare(comparison.expression)
    other = sides[0] if sides[1] is call else sides[1]
    if isinstance(other, exp.Literal) and str(other.this) in {"0", "1"}:
        made = nodes.Holds(this=call)
        made.meta["type"] = CONDITION
        swap(comparison, _unless_other(made, comparison))


def _predicate(node: exp.Expr, comparison: exp.Binary) -> exp.Expr:
    first, second = node.this, node.args.get("expression", node.this)
    made: exp.Expr
    if isinstance(node, nodes.Truth):
        made = exp.Paren(this=first)
    elif isinstance(node, nodes.Contains) or kind(type_of(first)) == "point":
        made = nodes.Inside(this=first, expression=second)
    elif kind(type_of(second)) == "point":
        made = nodes.Inside(this=second, expression=first)
    else:
        made = nodes.Overlaps(this=first, expression=second)
    made.meta["type"] = CONDITION
    return _unless_other(made, comparison)


def _unless_other(made: exp.Expr, comparison: exp.Binary) -> exp.Expr:
    """Return a condition, or NOT that, as it is compared with 1 or 0."""
    number = next(
        str(literal.this)
        for literal in (bare(comparison.this), bare(comparison.expression))
        if isinstance(literal, exp.Literal)
    )
    if (number == "1") == isinstance(comparison, exp.EQ):
        return made
    return exp.Not(this=exp.Paren(this=made))
