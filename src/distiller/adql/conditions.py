"""Conditions, as opposed to values: their nodes, and long ones as low trees."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from distiller.adql import nodes

CONDITIONS: Final = (
    exp.Connector, exp.Not, exp.Predicate, exp.Between, exp.Exists, exp.In, exp.Is,
)  # fmt: skip


def is_condition(node: exp.Expr) -> bool:
    """Whether a node is true or false, rather than a value."""
    while isinstance(node, exp.Paren):
        node = node.this
    return isinstance(node, CONDITIONS)


def is_plain(node: exp.Expr) -> bool:
    """Whether an alternative of OR is one comparison, list or test for NULL.

    Others become several conditions, which engines multiply out with their neighbours.
    """
    while isinstance(node, exp.Paren | exp.Not):
        node = node.this
    if isinstance(node, exp.Connector | exp.Between):
        return False
    return not any(isinstance(side, nodes.SHAPES) for side in node.args.values())


def balanced(cls: type[exp.Connector], terms: list[exp.Expr]) -> exp.Expr:
    """Join terms by AND or OR in a tree of low depth, so that long lists are cheap.

    >>> balanced(exp.And, [exp.column(c) for c in "abcde"]).sql()
    'a AND b AND c AND d AND e'
    """
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    left = balanced(cls, terms[:middle])
    node = cls(this=left, expression=balanced(cls, terms[middle:]))
    node.meta["at"] = left.meta.get("at", 0)
    nodes.measure(node)
    return node
