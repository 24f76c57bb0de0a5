"""What the checks of values have in common: types by rules, one per class of node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from sqlglot import exp

from distiller.adql import lengths, nodes
from distiller.adql.kinds import ANY, CONDITION, GEOMETRY, WORDS, kind
from distiller.adql.limits import MOST_TEXT
from distiller.adql.names import Names
from distiller.core.columns import Column

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distiller.adql.scope import Scope

Rule: TypeAlias = Callable[[Any, Any, "Place"], Column]

NUMBER: Final = frozenset({"number"})
TEXT: Final = frozenset({"text"})
POINT: Final = frozenset({"point"})
ORDERED: Final = frozenset({"number", "text", "instant"})
INSTANT: Final = frozenset({"instant"})
SHAPE: Final = frozenset[str](GEOMETRY)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an expression stands.

    Attributes
    ----------
    scope
        What names mean there.
    no_aggregate
        Why aggregates are not allowed.
    expanded
        How many of `nodes.EXPANDED` it is inside of.
    """

    scope: Scope
    no_aggregate: str | None = None
    expanded: int = 0


class Typer(Names):
    """Gives every expression its type by the rule of its class of node."""

    RULES: ClassVar[Mapping[type[exp.Expr], Rule]] = {}

    def fault(self, code: str, node: exp.Expr, message: str) -> Column:
        """Note a fault at a node."""
        self.faults.add(code, node.meta.get("at", 0), message)
        return ANY

    def condition(self, node: exp.Expr, scope: Scope) -> None:
        """Check a condition of ON, where there can be no aggregate."""
        self.typed(node, Place(scope, "in ON"))

    def typed(self, node: exp.Expr, place: Place) -> Column:
        """Check an expression, note its type on the node and return it."""
        if isinstance(node, exp.Column):
            if isinstance(node.this, exp.Star):
                return self.fault("Q101", node, "* cannot stand here")
            found = self.column(node, place.scope)
            column = found.meta["type"]
            return column if isinstance(column, Column) else ANY
        if isinstance(node, nodes.Call) and "unknown" in node.meta:
            for argument in node.expressions:
                self.typed(argument, place)
            column = ANY
        else:
            column = self.RULES[type(node)](self, node, place)
        node.meta["type"] = column
        if column.arraysize is not None and "length" not in node.meta:
            node.meta["length"] = length = lengths.estimate(node)
            if length > MOST_TEXT:
                message = f"this may become longer than {MOST_TEXT} characters"
                self.exceed(message, node.meta.get("at", 0))
        return column

    def want(
        self, node: exp.Expr, place: Place, wanted: frozenset[str], what: str
    ) -> Column:
        """Check an argument and that it is of one of some kinds."""
        column = self.typed(node, place)
        if kind(column) not in wanted | {"any"}:
            given = "a condition" if column is CONDITION else WORDS[kind(column)]
            self.fault("Q303", node, f"{what} must be {_named(wanted)}, not {given}")
            return ANY
        return column


def bare(node: exp.Expr) -> exp.Expr:
    """Return what stands inside parentheses."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def lacking(*parts: exp.Expr) -> bool:
    """Whether any of some typed values may be NULL."""
    return any(p.meta.get("type", ANY).nullable for p in parts)


def _named(wanted: frozenset[str]) -> str:
    if wanted == GEOMETRY:
        return "a geometry"
    return " or ".join(sorted(WORDS[w] for w in WORDS if w in wanted))
