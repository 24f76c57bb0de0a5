"""Where a coarse condition may stand beside an exact one on places and regions."""

from __future__ import annotations

from sqlglot import exp

from distiller.adql import nodes
from distiller.adql.nodes import find


def boxes(query: exp.Query) -> exp.Query:
    """Mark each predicate of geometries where false and unknown (NULL) mean the same.

    That is so in WHERE, ON and HAVING, below AND and OR, but not below NOT: there a row
    without right ascension would turn from unknown to true.

    >>> from distiller.adql.passes.cones import cones
    >>> from distiller.adql.passes.example import where
    >>> where(lambda q: boxes(cones(q)), "n > 3 AND DISTANCE(ra, dec, 1, 2) < 3")
    'n > 3 AND NEAR(POINT(ra, dec), POINT(1, 2), 3, STRICT, BOXED)'
    >>> where(lambda q: boxes(cones(q)), "NOT (DISTANCE(ra, dec, 1, 2) < 3)")
    'NOT (NEAR(POINT(ra, dec), POINT(1, 2), 3, STRICT))'
    """
    for node in find(query, nodes.Near, nodes.Inside, nodes.Overlaps):
        parent = node.parent
        while isinstance(parent, exp.Connector | exp.Paren):
            parent = parent.parent
        if isinstance(parent, exp.Where | exp.Join | exp.Having):
            node.set("boxed", exp.var("BOXED"))
    return query
