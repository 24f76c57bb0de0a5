"""A table for the doctests of the passes, and the tree of a query on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.adql.check import Checker
from distiller.adql.faults import Faults
from distiller.adql.grammar import parse
from distiller.core.columns import Column, Table
from distiller.core.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlglot import exp

CATALOG = {
    "sky.run": Table(
        "sky.run",
        (
            Column("id", "int", nullable=False),
            Column("ra", "double", unit="deg", ucd="pos.eq.ra"),
            Column("dec", "double", unit="deg", ucd="pos.eq.dec"),
            Column("n", "int"),
            Column("few", "short"),
            Column("faint", "float"),
            Column("name", "char", "*"),
            Column("field", "char", "*", "adql:REGION"),
        ),
    )
}


def tree(text: str) -> exp.Query:
    """Return the checked tree of a query on ``sky.run``."""
    faults = Faults(text)
    query = parse(text, faults)
    if query is not None:
        Checker(faults, CATALOG).whole(query)
    if faults or query is None:
        raise QueryError(faults.all())
    return query


def where(rewrite: Callable[[exp.Query], exp.Query], condition: str) -> str:
    """Return what a pass makes of a condition, without quotes and table names."""
    query = rewrite(tree(f"SELECT id FROM sky.run WHERE {condition}"))  # noqa: S608 - parsed
    return _short(query.args["where"].this)


def selected(rewrite: Callable[[exp.Query], exp.Query], value: str) -> str:
    """Return what a pass makes of a selected value."""
    query = rewrite(tree(f"SELECT {value} AS x FROM sky.run"))  # noqa: S608 - parsed
    return _short(query.expressions[0].this)


def _short(node: exp.Expr) -> str:
    return node.sql().replace('"run".', "").replace('"', "")
