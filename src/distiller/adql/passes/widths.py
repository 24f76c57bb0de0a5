"""Numbers are computed and compared in the width that the result is announced in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from distiller.adql import nodes
from distiller.adql.kinds import DOUBLE, INT, is_integer, kind
from distiller.adql.nodes import find, swap
from distiller.adql.scope import type_of

if TYPE_CHECKING:
    from distiller.core.columns import Column

_ARITHMETIC = (exp.Add, exp.Div, exp.Mul, exp.Neg, exp.Sub)
_SHAPES = (nodes.Point, nodes.Circle, nodes.Near)
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between, exp.In)


def widths(query: exp.Query) -> exp.Query:
    """Cast SMALLINT operands to INTEGER, and REAL ones to DOUBLE beside other types.

    Engines compute in the type of the column, and 200 * 200 is no SMALLINT; some also
    make a REAL of a whole number beside one, which loses digits.

    >>> from distiller.adql.passes.example import selected
    >>> selected(widths, "few * 200")
    'TYPED(few, int) * 200'
    >>> selected(widths, "faint * 2")
    'TYPED(faint, double) * 2'
    >>> selected(widths, "DISTANCE(ra, dec, 2, faint)")
    'DISTANCE(POINT(ra, dec), POINT(2, TYPED(faint, double)))'
    >>> selected(widths, "COALESCE(n, faint)")
    'COALESCE(n, TYPED(faint, double))'
    """
    for node in find(query, *_ARITHMETIC, exp.Coalesce):
        for part in _parts(node):
            if type_of(node).datatype == "double":
                _unless_double(part)
            elif type_of(part).datatype == "short" and isinstance(node, _ARITHMETIC):
                _widen(part, INT)
    for node in find(query, *_COMPARISONS, nodes.Call, *_SHAPES):
        parts = _parts(node)
        if _wants_doubles(node, parts):
            for part in parts:
                _unless_double(part)
    return query


def _wants_doubles(node: exp.Expr, parts: list[exp.Expr]) -> bool:
    if isinstance(node, nodes.Call):
        return node.name == "MOD"
    return isinstance(node, _SHAPES) or any(is_integer(type_of(p)) for p in parts)


def _parts(node: exp.Expr) -> list[exp.Expr]:
    """Return the operands of a node."""
    found: list[exp.Expr] = []
    for key in ("this", "expression", "distance", "low", "high", "expressions"):
        value = node.args.get(key)
        parts = value if isinstance(value, list) else [value]
        found += [part for part in parts if isinstance(part, exp.Expr)]
    return found


def _unless_double(node: exp.Expr) -> None:
    column = type_of(node)
    if kind(column) == "number" and column.datatype == "float":
        _widen(node, DOUBLE)


def _widen(node: exp.Expr, to: Column) -> None:
    made = nodes.Typed(this=node.copy(), to=to.datatype)
    made.meta["type"] = to
    swap(node, made)
