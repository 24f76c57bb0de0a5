"""Arithmetic of small integers is that of integers."""

from __future__ import annotations

from sqlglot import exp

from distiller.adql import nodes
from distiller.adql.kinds import INT
from distiller.adql.nodes import find, swap
from distiller.adql.scope import type_of

_ARITHMETIC = (exp.Add, exp.Div, exp.Mul, exp.Neg, exp.Sub)


def shorts(query: exp.Query) -> exp.Query:
    """Cast SMALLINT operands to the INTEGER that the result is announced as.

    Engines compute in the type of the column, and 200 * 200 is none of it.

    >>> from distiller.adql.passes.example import selected
    >>> selected(shorts, "few * 200")
    'TYPED(few, int) * 200'
    """
    for node in find(query, *_ARITHMETIC):
        for side in (node.this, node.args.get("expression")):
            if isinstance(side, exp.Expr) and _is_short(side):
                made = nodes.Typed(this=side.copy(), to=INT.datatype)
                made.meta["type"] = INT
                swap(side, made)
    return query


def _is_short(node: exp.Expr) -> bool:
    return type_of(node).datatype == "short"
