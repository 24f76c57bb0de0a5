"""Constants in GROUP BY and ORDER BY: engines take bare numbers there for positions."""

from __future__ import annotations

from sqlglot import exp

from distiller.adql import nodes
from distiller.adql.kinds import ANY, GEOMETRY, TEXT, kind
from distiller.adql.nodes import find, swap
from distiller.adql.scope import type_of

_VARYING = (exp.Column, exp.AggFunc, exp.Query, nodes.Call)


def constants(query: exp.Query) -> exp.Query:
    """Cast constants in GROUP BY, and drop them from ORDER BY, which they do not order.

    >>> from distiller.adql.passes.example import tree
    >>> text = "SELECT 7 AS x, COUNT(*) AS n FROM sky.run GROUP BY x ORDER BY -1, n"
    >>> constants(tree(text)).sql().replace('"', "")
    'SELECT 7 AS x, COUNT(*) AS n FROM sky.run AS run GROUP BY TYPED(7, int) \
ORDER BY 2 ASC NULLS LAST'
    """
    for group in find(query, exp.Group):
        for term in list(group.expressions):
            if _is_constant(term) and kind(type_of(term)) not in GEOMETRY:
                swap(term, _cast(term))
    for order in find(query, exp.Order):
        terms = [term for term in order.expressions if not _is_idle(term.this)]
        if terms:
            order.set("expressions", terms)
        elif order.parent is not None:
            order.parent.set("order", None)
    return query


def _is_idle(node: exp.Expr) -> bool:
    return "position" not in node.meta and _is_constant(node)


def _is_constant(node: exp.Expr) -> bool:
    """Whether a value is written without a column, or may be."""
    while isinstance(node, exp.Paren | nodes.Coord1 | nodes.Coord2):
        inner = node.this
        if isinstance(inner, nodes.Point) and not isinstance(node, exp.Paren):
            second = isinstance(node, nodes.Coord2)
            inner = inner.args["expression"] if second else inner.this
        node = inner
    return not find(node, *_VARYING)


def _cast(term: exp.Expr) -> nodes.Typed:
    column = type_of(term)
    if column.xtype == ANY.xtype:
        column = TEXT
    to = "timestamp" if column.is_instant else column.datatype
    made = nodes.Typed(this=term.copy(), to=to)
    made.meta["type"] = column
    return made
