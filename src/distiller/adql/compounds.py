"""CONTAINS and INTERSECTS of regions that a text of STC-S joins, as conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from distiller.adql import nodes
from distiller.adql.conditions import balanced
from distiller.adql.kinds import CONDITION, INT, kind
from distiller.adql.scope import type_of
from distiller.adql.typer import bare

if TYPE_CHECKING:
    from collections.abc import Callable

_LEAF: Final = 4
"""What a copied part costs: engines multiply conditions out."""


class Undecided(Exception):  # noqa: N818 - becomes a fault
    """What parts of a joined region say about its whole is not enough."""


def condition(node: exp.Expr, count: Callable[..., None]) -> nodes.Truth:
    """Return what a function of joined regions says, as a value.

    Parameters
    ----------
    node
        CONTAINS or INTERSECTS, its arguments checked.
    count
        Is told of each copy of an argument before it is made.

    Raises
    ------
    Undecided
        Where it is not a matter of the parts alone: whether a union contains a region
        that no part contains, or whether an intersection meets one.
    """
    first, second = bare(node.this), bare(node.args["expression"])
    judge = _Judge(count)
    if isinstance(node, nodes.Contains):
        made = judge.inside(first, second)
    else:
        made = judge.overlap(first, second)
    truth = nodes.Truth(this=made)
    truth.meta["type"] = INT
    return truth


class _Judge:
    def __init__(self, count: Callable[..., None]) -> None:
        self._count = count

    def inside(self, inner: exp.Expr, outer: exp.Expr) -> exp.Expr:
        """Return whether one region lies in another."""
        if isinstance(inner, nodes.Compound):
            if inner.args["operator"] != "UNION":
                raise Undecided(
                    "CONTAINS of an Intersection or of Not is not translated"
                )
            return self._all([self.inside(p, outer) for p in inner.expressions])
        if not isinstance(outer, nodes.Compound):
            return self._leaf(nodes.Inside, inner, outer)
        operator, parts = outer.args["operator"], outer.expressions
        if operator == "NOT":
            return _not(self.overlap(inner, parts[0]))
        if operator == "UNION" and not _is_point(inner):
            raise Undecided("CONTAINS in a Union is translated for a POINT")
        found = [self.inside(inner, part) for part in parts]
        return self._any(found) if operator == "UNION" else self._all(found)

    def overlap(self, one: exp.Expr, other: exp.Expr) -> exp.Expr:
        """Return whether two regions have a place in common."""
        joined = isinstance(one, nodes.Compound), isinstance(other, nodes.Compound)
        if joined[0] and (not joined[1] or one.args["operator"] == "UNION"):
            one, other = other, one
        if not isinstance(other, nodes.Compound):
            if _is_point(one):
                return self._leaf(nodes.Inside, one, other)
            if _is_point(other):
                return self._leaf(nodes.Inside, other, one)
            return self._leaf(nodes.Overlaps, one, other)
        operator, parts = other.args["operator"], other.expressions
        if operator == "NOT":
            return _not(self.inside(one, parts[0]))
        if operator == "INTERSECTION" and not _is_point(one):
            raise Undecided("INTERSECTS with an Intersection is translated for a POINT")
        found = [self.overlap(one, part) for part in parts]
        return self._any(found) if operator == "UNION" else self._all(found)

    def _leaf(
        self, cls: type[nodes.AdqlNode], one: exp.Expr, other: exp.Expr
    ) -> exp.Expr:
        self._count(_LEAF, one, other)
        made = cls(this=one.copy(), expression=other.copy())
        made.meta["type"] = CONDITION
        return made

    def _any(self, found: list[exp.Expr]) -> exp.Expr:
        return _joined(exp.Or, found)

    def _all(self, found: list[exp.Expr]) -> exp.Expr:
        return _joined(exp.And, found)


def _joined(cls: type[exp.Connector], found: list[exp.Expr]) -> exp.Expr:
    made = exp.Paren(this=balanced(cls, found))
    made.meta["type"] = CONDITION
    return made


def _not(node: exp.Expr) -> exp.Expr:
    made = exp.Not(this=exp.Paren(this=node))
    made.meta["type"] = CONDITION
    return made


def _is_point(node: exp.Expr) -> bool:
    return not isinstance(node, nodes.Compound) and kind(type_of(node)) == "point"
