"""How long texts and arrays may get, estimated before a query runs.

Engines hold some thousand rows at once, and strings that they compute are not under
their limit on memory. Lengths of what is stored are not known here.
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from distiller.adql import nodes
from distiller.adql.limits import ASSUMED_TEXT

_NUMBER: Final = 25
_VERTEX: Final = 16


def of(node: exp.Expr) -> int:
    """Return the length that was estimated for a checked value; numbers have none."""
    return int(node.meta.get("length", 0))


def estimate(node: exp.Expr) -> int:
    """Return the length of a value from those of its parts.

    >>> text = exp.Literal.string("abcd")
    >>> text.meta["length"] = estimate(text)
    >>> estimate(exp.DPipe(this=text, expression=text.copy()))
    8
    """
    if isinstance(node, exp.Literal):
        return len(node.this)
    if isinstance(node, exp.DPipe):
        return sum(of(side) or _NUMBER for side in (node.this, node.expression))
    if isinstance(node, nodes.Polygon):
        return _VERTEX * len(node.expressions)
    longest = max(map(of, node.iter_expressions()), default=0)
    if isinstance(node, nodes.Convert):
        longest = longest or ASSUMED_TEXT
        most = node.args.get("length")
        return longest if most is None else min(int(most), longest)
    return longest
