"""Operands of set operators in parentheses, where precedence or clauses need them."""

from __future__ import annotations

from sqlglot import exp

from distiller.adql.nodes import find


def operands(query: exp.Query) -> exp.Query:
    """Put parentheses around operands that have TOP, ORDER BY or OFFSET, or are sets.

    >>> from distiller.adql.passes.example import tree
    >>> text = "SELECT TOP 1 id FROM sky.run UNION SELECT n FROM sky.run"
    >>> operands(tree(text)).sql().replace('"', "")
    '(SELECT run.id AS id FROM sky.run AS run LIMIT 1) UNION SELECT run_2.n AS n \
FROM sky.run AS run_2'
    """
    for node in find(query, exp.SetOperation):
        for key in ("this", "expression"):
            side = node.args[key]
            if isinstance(side, exp.Subquery):
                continue
            clauses = any(side.args.get(k) for k in ("limit", "order", "offset"))
            chained = key == "this" and type(side) is type(node)
            if clauses or (isinstance(side, exp.SetOperation) and not chained):
                node.set(key, exp.Subquery(this=side))
    return query
