"""Division of integers is division of integers, on every engine."""

from __future__ import annotations

from sqlglot import exp

from distiller.adql.kinds import is_integer
from distiller.adql.nodes import find, swap
from distiller.adql.scope import type_of


def division(query: exp.Query) -> exp.Query:
    """Turn integer / integer into a node of its own, which truncates towards zero.

    >>> from distiller.adql.passes.example import selected
    >>> selected(division, "n / 2")
    'CAST(n / 2 AS BIGINT)'
    >>> selected(division, "ra / 2")
    'ra / 2'
    """
    for node in find(query, exp.Div):
        if is_integer(type_of(node)):
            whole = exp.IntDiv(this=node.this, expression=node.expression)
            whole.meta.update(node.meta)
            swap(node, whole)
    return query
