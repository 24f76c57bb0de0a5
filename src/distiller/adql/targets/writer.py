"""What the writers of all engines have in common: they write only what they know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from sqlglot import exp
from sqlglot.generator import Generator

from distiller.adql import nodes
from distiller.adql.kinds import frame, kind
from distiller.adql.limits import MOST_WRITTEN
from distiller.adql.scope import type_of
from distiller.adql.shapes import constant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Write: TypeAlias = "Callable[[Any, Any], str]"

PLAIN: Final = frozenset({
    exp.Add, exp.Alias, exp.And, exp.Avg, exp.Between, exp.Boolean, exp.CTE,
    exp.Coalesce, exp.Column, exp.Count, exp.DPipe, exp.Distinct, exp.Div, exp.EQ,
    exp.Except, exp.Exists, exp.From, exp.GT, exp.GTE, exp.Group, exp.Having,
    exp.ILike, exp.Identifier, exp.In, exp.IntDiv, exp.Intersect, exp.Is, exp.Join,
    exp.LT, exp.LTE, exp.Like, exp.Limit, exp.Literal, exp.Max, exp.Min, exp.Mul,
    exp.NEQ, exp.Neg, exp.Not, exp.Null, exp.Offset, exp.Or, exp.Order, exp.Ordered,
    exp.Paren, exp.Select, exp.Star, exp.Sub, exp.Subquery, exp.Sum, exp.Table,
    exp.TableAlias, exp.Union, exp.Where, exp.With,
})  # fmt: skip
"""Nodes of sqlglot that a tree may hold; every other one is refused."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A declared refusal: valid ADQL that a target does not translate."""

    why: str


class NotTranslated(Exception):  # noqa: N818 - becomes a fault with a place
    """A node that the target refuses; carries the node and the reason."""

    def __init__(self, node: exp.Expr, why: str) -> None:
        super().__init__(why)
        self.node = node
        self.why = why


class TooMuch(Exception):  # noqa: N818 - becomes a fault
    """The tree would become too much SQL: some targets write parts of it twice."""


class Writer(Generator):
    """Base of the writers.

    Attributes
    ----------
    CALLS
        SQL of each function of ``functions.FUNCTIONS``; ``{0}`` is its first argument,
        ``{rest}`` the others, each behind a comma.
    WRITES
        For each class of ``nodes.NODES`` how it is written, or a refusal.
    TYPES
        The engine's name of each VOTable type.
    PREFIX
        What stands before the names of our own functions.
    """

    CALLS: ClassVar[Mapping[str, str | Refused]] = {}
    WRITES: ClassVar[Mapping[type[nodes.AdqlNode], Write | Refused]] = {}
    TYPES: ClassVar[Mapping[str, str]] = {}

    PREFIX: ClassVar[str] = ""

    written = 0

    def sql(
        self,
        expression: str | exp.Expr | None,
        key: str | None = None,
        comment: bool = True,  # noqa: FBT001, FBT002 - as in sqlglot
    ) -> str:
        """Write a node, if it is one that may be written."""
        if expression is None or isinstance(expression, str) or key:
            return super().sql(expression, key, comment)
        self.written += 1
        if self.written > MOST_WRITTEN:
            raise TooMuch
        cls = type(expression)
        if isinstance(expression, nodes.AdqlNode):
            write = self.WRITES.get(type(expression), Refused("it has no translation"))
            if isinstance(write, Refused):
                raise NotTranslated(expression, write.why)
            return write(self, expression)
        if cls not in PLAIN:
            raise NotTranslated(expression, f"{cls.__name__} is not known")
        return super().sql(expression, key, comment)

    def call(self, node: nodes.Call) -> str:
        """Write a function of the table."""
        template = self.CALLS.get(node.name, Refused("it has no translation"))
        if isinstance(template, Refused):
            raise NotTranslated(node, f"{node.name}: {template.why}")
        arguments = self.arguments(node)
        rest = "".join(f", {argument}" for argument in arguments[1:])
        return template.format(*arguments, rest=rest)

    def arguments(self, node: nodes.Call) -> list[str]:
        """Write the arguments of a function."""
        return [self.sql(argument) for argument in node.expressions]

    def convert(self, node: nodes.Convert) -> str:
        """Write CAST."""
        name, inner = node.args["to"], node.this
        if name == "TIMESTAMP" and isinstance(inner, exp.Literal):
            return f"CAST('{str(inner.this).rstrip('Z')}' AS TIMESTAMP)"
        made = f"CAST({self.sql(inner)} AS {self.TYPES[name]})"
        if name in {"CHAR", "VARCHAR"} and kind(type_of(inner)) == "instant":
            made = f"REPLACE({made}, ' ', 'T')"
        length = node.args.get("length")
        return made if length is None else f"LEFT({made}, {length})"

    def coordsys(self, node: nodes.Coordsys) -> str:
        """Write COORDSYS: what names no other system is ICRS."""
        name = node.args.get("system") or frame(type_of(node.this))
        return f"CASE WHEN {self.tight(node.this)} IS NOT NULL THEN '{name}' END"

    def truth(self, node: nodes.Truth) -> str:
        """Write a condition as a value."""
        return f"CAST(({self.sql(node.this)}) AS INTEGER)"

    def region_text(self, node: nodes.RegionText) -> str:
        """Write a region as text."""
        name = frame(type_of(node.this))
        text = f"{self.PREFIX}region_text({self.sql(node.this)})"
        return text if name == "ICRS" else f"REPLACE({text}, ' ICRS ', ' {name} ')"

    def transform(self, node: nodes.Transform) -> str:
        """Write ivo_geom_transform."""
        numbers = ", ".join(double(x) for x in node.args["matrix"])
        given = self.geometry(node.this)
        return f"{self.PREFIX}turned({given}, {self.array(numbers)})"

    def geometry(self, node: exp.Expr) -> str:
        """Write a geometry; NULL may need a type."""
        return self.sql(node)

    def array(self, numbers: str) -> str:
        """Write an array of doubles."""
        return f"[{numbers}]"

    def typed(self, node: nodes.Typed) -> str:
        """Write a value of exactly one type."""
        return f"CAST({self.sql(node.this)} AS {self.TYPES[node.args['to']]})"

    def in_unit(self, node: nodes.InUnit) -> str:
        """Write IN_UNIT."""
        return f"({self.tight(node.this)} * {double(node.args['factor'])})"

    def spec_conv(self, node: nodes.SpecConv) -> str:
        """Write gavo_specconv."""
        factor, value = double(node.args["factor"]), self.tight(node.this)
        if node.args.get("over"):
            return f"({factor} / {value})"
        return f"({factor} * {value})"

    def literal_sql(self, expression: exp.Literal) -> str:
        """Write a number that is not whole as a double, text between quotes."""
        if expression.is_string:
            return "'" + str(expression.this).replace("'", "''") + "'"
        text = str(expression.this)
        return text if text.isdigit() else double(float(text))

    def identifier_sql(self, expression: exp.Identifier) -> str:
        """Write every name between quotes."""
        return '"' + str(expression.this).replace('"', '""') + '"'

    def subquery_sql(self, expression: exp.Subquery, sep: str = " AS ") -> str:
        """Write a query, or the joins that stand together, in parentheses."""
        joins = expression.args.get("joins")
        if not joins:
            return super().subquery_sql(expression, sep)
        parts = [self.sql(expression.this), *(self.sql(join) for join in joins)]
        return f"({''.join(parts)})"

    def ordered_sql(self, expression: exp.Ordered) -> str:
        """Write an order with NULL as the largest value."""
        direction = "DESC NULLS FIRST" if expression.args.get("desc") else "NULLS LAST"
        return f"{self.sql(expression, 'this')} {direction}"

    def tight(self, node: exp.Expr) -> str:
        """Write a value so that operators may stand beside it."""
        simple = (exp.Column, exp.Literal, exp.Paren, exp.Func)
        text = self.sql(node)
        return text if isinstance(node, simple) else f"({text})"


def double(value: float) -> str:
    """Return a number as a double literal of SQL.

    >>> double(0.1), double(1e300)
    ('0.1e0', '1e+300')
    """
    text = repr(value)
    return text if "e" in text else f"{text}e0"


def numbers(node: nodes.Histogram) -> tuple[float, float, int]:
    """Return the limits of a histogram and the number of its bins."""
    low, high, count = (constant(part) or 0.0 for part in node.expressions)
    return low, high, int(count)
