"""Check that a grouped SELECT names only what has one value in each group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from distiller.adql.scope import called

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.adql.faults import Faults
    from distiller.adql.scope import Scope


def check(select: exp.Select, scope: Scope, faults: Faults) -> None:
    """Note every column that is neither grouped nor inside an aggregate."""
    group = select.args.get("group")
    terms = set(group.expressions) if group else set()
    having = select.args.get("having")
    order = select.args.get("order")
    parts = [*select.expressions, *((having,) if having else ())]
    parts += (
        [t for t in order.expressions if not isinstance(t.this, exp.Literal)]
        if (order)
        else []
    )
    if not (group or having or any(_aggregates(p) for p in parts)):
        return
    for part in parts:
        for column in _loose(part, terms, id(scope)):
            name = called(column)
            faults.add(
                "Q307", column.meta.get("at") or part.meta.get("at", 0),
                f"{name} is neither in GROUP BY nor inside an aggregate",
            )  # fmt: skip


def _aggregates(node: exp.Expr) -> bool:
    """Whether an aggregate stands in a value, not counting its sub-queries."""
    stack = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, exp.AggFunc):
            return True
        if not isinstance(part, exp.Query):
            stack.extend(part.iter_expressions())
    return False


def _loose(node: exp.Expr, terms: set[exp.Expr], scope: int) -> Iterator[exp.Column]:
    stack = [node]
    while stack:
        part = stack.pop()
        if part in terms:
            continue
        if isinstance(part, exp.AggFunc) and _owns(part, scope):
            continue
        if isinstance(part, exp.Column):
            if part.meta.get("scope") == scope:
                yield part
            continue
        stack.extend(part.iter_expressions())


def _owns(aggregate: exp.Expr, scope: int) -> bool:
    columns = list(aggregate.find_all(exp.Column))
    return not columns or any(c.meta.get("scope") == scope for c in columns)
