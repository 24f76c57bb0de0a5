"""Time MOCs for PostgreSQL: multiranges inside, text where one is selected.

So no text is made in between, and an index on ``dst.moc_ranges`` of a column is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from distiller.adql import nodes
from distiller.adql.kinds import kind
from distiller.adql.scope import type_of
from distiller.adql.typer import bare

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlglot import exp

_FINEST: Final = "61"
_SIGNS: Final = {"CTA_TMOC_INTERSECTION": "*", "CTA_TMOC_UNION": "+"}

TRUTHS: Final[Mapping[str, str]] = {
    "CTA_TMOC_INTERSECTS": "{0} && {1}",
    "CTA_TMOC_CONTAINS": "{0} <@ {1}",
    "CTA_TMOC_HAS": "{0} @> dst.moc_instant({1})",
}
"""Conditions of those functions that give 1 or 0."""

CALLS: Final[Mapping[str, str]] = {
    **{name: f"CAST({text} AS INTEGER)" for name, text in TRUTHS.items()},
    "CTA_TMOC": "dst.moc_text({0})",
    "CTA_TMOC_BETWEEN": "dst.moc_text({0})",
    "CTA_TMOC_INTERSECTION": "dst.moc_text({0})",
    "CTA_TMOC_UNION": "dst.moc_text({0})",
    "CTA_TMOC_DURATION": "dst.moc_seconds({0})",
}


class Values(Protocol):
    """What writes numbers and texts."""

    def number(self, node: exp.Expr) -> str:
        """Write a number as a double."""

    def text(self, node: exp.Expr) -> str:
        """Write a value as text."""


def arguments(writer: Values, node: nodes.Call) -> list[str]:
    """Write what stands in a template for a function on MOCs."""
    given = node.expressions
    if node.name in TRUTHS or node.name == "CTA_TMOC_DURATION":
        made = [ranges(writer, part) for part in given[:1]]
        if node.name == "CTA_TMOC_HAS":
            return [*made, writer.number(given[1])]
        return made + [ranges(writer, part) for part in given[1:]]
    return [f"{ranges(writer, node)}, {_order(writer, node)}"]


def ranges(writer: Values, node: exp.Expr) -> str:
    """Write a MOC as a multirange."""
    node = bare(node)
    if not isinstance(node, nodes.Call):
        return f"dst.moc_ranges({_text(writer, node)})"
    parts = node.expressions
    if node.name == "CTA_TMOC":
        return ranges(writer, parts[0])
    if node.name == "CTA_TMOC_BETWEEN":
        return f"dst.moc_between({', '.join(map(writer.number, parts))})"
    if node.name in _SIGNS:
        one, two = (ranges(writer, part) for part in parts)
        return f"({one} {_SIGNS[node.name]} {two})"
    return f"dst.moc_ranges({writer.text(node)})"


def _order(writer: Values, node: exp.Expr) -> str:
    """Write the order of a MOC."""
    node = bare(node)
    if isinstance(node, nodes.Call):
        if node.name == "CTA_TMOC":
            return _order(writer, node.expressions[0])
        if node.name == "CTA_TMOC_BETWEEN":
            return _FINEST
        if node.name in _SIGNS:
            orders = ", ".join(_order(writer, part) for part in node.expressions)
            return f"GREATEST({orders})"
    return f"dst.moc_order({_text(writer, node)})"


def _text(writer: Values, node: exp.Expr) -> str:
    text = writer.text(node)
    return f"CAST({text} AS TEXT)" if kind(type_of(node)) == "any" else text
