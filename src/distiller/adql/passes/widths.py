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
    >>> selected(widths, "COALESCE(n, faint)")
    'COALESCE(n, TYPED(faint, double))'
    """
    for node in find(query, *_ARITHMETIC):
        for side in _parts(node):
            if type_of(side).datatype == "short":
                _widen(side, INT)
            elif type_of(node).datatype == "double":
                _unless_double(side)
    for coalesce in find(query, exp.Coalesce):
        if type_of(coalesce).datatype == "double":
            for part in _parts(coalesce):
                _unless_double(part)
    for comparison in find(query, *_COMPARISONS):
        parts = _parts(comparison)
        if any(is_integer(type_of(part)) for part in parts):
            for part in parts:
                _unless_double(part)
    for call in find(query, nodes.Call):
        if call.name == "MOD":
            for part in _parts(call):
                _unless_double(part)
    return query


def _parts(node: exp.Expr) -> list[exp.Expr]:
    """Return the operands of a node."""
    found: list[exp.Expr] = []
    for key in ("this", "expression", "low", "high", "expressions"):
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
