"""``1 = cta_tmoc_intersects(...)`` becomes a condition, which an index can answer."""

from __future__ import annotations

from sqlglot import exp

from distiller.adql import nodes
from distiller.adql.functions import TRUTHS
from distiller.adql.kinds import CONDITION
from distiller.adql.nodes import find, swap
from distiller.adql.typer import bare


def truths(query: exp.Query) -> exp.Query:
    """Turn comparisons of functions that give 1 or 0 with 1 or 0 into conditions.

    >>> from distiller.adql.passes.example import where
    >>> where(truths, "1 = cta_tmoc_has(name, ra)")
    'TRUTH(CALL(CTA_TMOC_HAS, name, ra))'
    >>> where(truths, "cta_tmoc_has(name, ra) = 0")
    'NOT (TRUTH(CALL(CTA_TMOC_HAS, name, ra)))'
    """
    for comparison in find(query, exp.EQ, exp.NEQ):
        sides = bare(comparison.this), bare(comparison.expression)
        for call, other in (sides, sides[::-1]):
            if not (isinstance(call, nodes.Call) and call.name in TRUTHS):
                continue
            if isinstance(other, exp.Literal) and str(other.this) in {"0", "1"}:
                swap(comparison, _condition(call, other, comparison))
            break
    return query


def _condition(
    call: nodes.Call, number: exp.Literal, comparison: exp.Binary
) -> exp.Expr:
    made: exp.Expr = nodes.Truth(this=call)
    made.meta["type"] = CONDITION
    if (str(number.this) == "1") == isinstance(comparison, exp.EQ):
        return made
    return exp.Not(this=exp.Paren(this=made))
