"""Every selected value has exactly the type that is announced for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from distiller.adql import nodes
from distiller.adql.kinds import ANY, GEOMETRY, TEXT, kind
from distiller.adql.nodes import find
from distiller.adql.scope import type_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.core.columns import Column


_EXACT: Final = (
    exp.Column, exp.Literal, exp.Count, exp.DPipe, nodes.Convert, nodes.Distance,
    nodes.Contains, nodes.Intersects, nodes.Area, nodes.Coordsys,
)  # fmt: skip
"""Nodes that have their type exactly on every engine."""


def output(query: exp.Query) -> exp.Query:
    """Cast selected values to their types; write regions of the result as text.

    >>> from distiller.adql.passes.example import selected
    >>> selected(output, "SUM(n)")
    'TYPED(SUM(n), long)'
    >>> selected(output, "ra")
    'ra'
    >>> selected(output, "field")
    'REGION_TEXT(field)'
    """
    for select in find(query, exp.Select):
        for item in select.expressions:
            if isinstance(item, exp.Alias):
                _exact(item)
    for select in _outermost(query):
        for item in select.expressions:
            if target(item).xtype == "adql:REGION":
                item.set("this", nodes.RegionText(this=item.this))
    return query


def target(item: exp.Expr) -> Column:
    """Return the type that a selected value must have in the end."""
    column: Column = item.meta.get("to") or type_of(item.this)
    return TEXT if column.xtype == ANY.xtype else column


def _exact(item: exp.Alias) -> None:
    inner, to = item.this, target(item)
    if kind(to) in GEOMETRY or kind(to) == "other":
        return
    own = type_of(inner)
    same = own.datatype == to.datatype and own.xtype == to.xtype
    if same and isinstance(inner, _EXACT):
        return
    typed = nodes.Typed(this=inner, to="timestamp" if to.is_instant else to.datatype)
    typed.meta["type"] = to
    item.set("this", typed)


def _outermost(query: exp.Expr) -> Iterator[exp.Select]:
    """Yield the SELECTs whose rows leave the service."""
    if isinstance(query, exp.SetOperation):
        yield from _outermost(query.this)
        yield from _outermost(query.expression)
    elif isinstance(query, exp.Subquery):
        yield from _outermost(query.this)
    elif isinstance(query, exp.Select):
        yield query
