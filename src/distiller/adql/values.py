"""Check of values and conditions: every node gets its type, or a fault is noted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from sqlglot import exp

from distiller.adql import functions, kinds, nodes
from distiller.adql.called import Called
from distiller.adql.instants import is_instant
from distiller.adql.kinds import (
    ANY,
    CONDITION,
    DOUBLE,
    INT,
    LONG,
    TEXT,
    WORDS,
    kind,
    plain,
)
from distiller.adql.nodes import swap
from distiller.adql.typer import NUMBER, ORDERED, Place, Rule, bare
from distiller.adql.typer import TEXT as TEXT_KIND
from distiller.core.columns import Column

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distiller.adql.scope import Item

_INT_MOST: Final = 2**31 - 1
_LONG_MOST: Final = 2**63 - 1
_TRUTHS: Final = {
    "1": True, "0": False, "true": True, "false": False, "t": True, "f": False,
}  # fmt: skip
_AGGREGATES: Final = {cls: name for name, cls in functions.AGGREGATES.items()}
_NESTED: Final = "in another aggregate"
_PREDICATES: Final = (nodes.Contains, nodes.Intersects)
_SIGNS: Final[dict[type[exp.Expr], str]] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Like: "LIKE",
    exp.ILike: "ILIKE",
}  # fmt: skip


class Values(Called):
    """Types of literals, operators, conditions, sub-queries, aggregates."""

    def _literal(self, node: exp.Literal, place: Place) -> Column:
        del place
        if node.is_string:
            return replace(TEXT, nullable=False)
        if not node.this.isdigit():
            return replace(DOUBLE, nullable=False)
        number = int(node.this)
        column = (
            INT if number <= _INT_MOST else LONG if number <= _LONG_MOST else DOUBLE
        )
        if column is DOUBLE:
            node.set("this", f"{node.this}.")
        return replace(column, nullable=False)

    def _null(self, node: exp.Null, place: Place) -> Column:
        del node, place
        return ANY

    def _truth(self, node: exp.Boolean, place: Place) -> Column:
        del node, place
        return CONDITION

    def _paren(self, node: exp.Paren, place: Place) -> Column:
        return self.typed(node.this, place)

    def _negative(self, node: exp.Neg, place: Place) -> Column:
        column = plain(self.want(node.this, place, NUMBER, "what - stands before"))
        return replace(column, datatype="int") if column.datatype == "short" else column

    def _arithmetic(self, node: exp.Binary, place: Place) -> Column:
        sides = [
            self.want(side, place, NUMBER, f"an operand of {_SIGNS[type(node)]}")
            for side in (node.this, node.expression)
        ]
        left, right = (DOUBLE if kind(s) == "any" else s for s in sides)
        nullable = any(s.nullable for s in sides)
        datatype = kinds.wider(left, right)
        if datatype == "short":
            datatype = "int"
        return Column("", datatype, nullable=nullable)

    def _joined(self, node: exp.DPipe, place: Place) -> Column:
        found = [
            self.want(side, place, frozenset({"text", "number"}), "an operand of ||")
            for side in (node.this, node.expression)
        ]
        return replace(TEXT, nullable=any(f.nullable for f in found))

    def _connector(self, node: exp.Connector, place: Place) -> Column:
        stack: list[exp.Expr] = [node]
        while stack:
            part = stack.pop()
            if isinstance(part, exp.Connector):
                part.meta["type"] = CONDITION
                stack += [part.expression, part.this]
            else:
                self.typed(part, place)
        return CONDITION

    def _not(self, node: exp.Not, place: Place) -> Column:
        self.typed(node.this, place)
        return CONDITION

    def _comparison(self, node: exp.Binary, place: Place) -> Column:
        left, right = node.this, node.expression
        for side, other in ((left, right), (right, left)):
            if isinstance(bare(side), _PREDICATES):
                self._predicate(bare(side), other)
                break
        self.typed(left, place)
        self.typed(right, place)
        self.matched(node.this, node.expression, node)
        return CONDITION

    def _predicate(self, call: exp.Expr, other: exp.Expr) -> None:
        """See that a predicate function is compared with the integer 0 or 1."""
        other = bare(other)
        if not (
            isinstance(other, exp.Literal)
            and not other.is_string
            and other.this in {"0", "1"}
        ):
            self._not_compared(call)

    def _not_compared(self, call: exp.Expr) -> None:
        name = type(call).__name__.upper()
        message = f"{name} is compared with 0 or 1 only: 1={name}(...)"
        self.fault("Q305", call, message)

    def matched(self, left: exp.Expr, right: exp.Expr, at: exp.Expr) -> None:
        """Check that two typed values can be compared; adapt literals to the other."""
        one, two = left.meta.get("type", ANY), right.meta.get("type", ANY)
        for node, column, other in ((left, one, two), (right, two, one)):
            if self._adapted(node, column, other):
                return
        if kinds.comparable(one, two):
            return
        found = {kind(one), kind(two)}
        if found & kinds.GEOMETRY and not found & {"text", "number"}:
            hint = "use CONTAINS, INTERSECTS or DISTANCE"
            self.fault("Q401", at, f"geometries are not compared like this ({hint})")
            return
        words = f"{WORDS[kind(one)]} cannot be compared with {WORDS[kind(two)]}"
        self.fault("Q304", at, words + _in_quotes(left, right, found))

    def _adapted(self, node: exp.Expr, own: Column, other: Column) -> bool:
        """Make a text beside a timestamp a timestamp, 0 and 1 truth values."""
        literal = bare(node)
        if not isinstance(literal, exp.Literal):
            return False
        if kind(other) == "instant" and literal.is_string:
            if not is_instant(literal.this):
                self.fault(
                    "Q304", node, f"{literal.this!r} is no timestamp (write "
                    "'YYYY-MM-DDThh:mm:ss')",
                )  # fmt: skip
                return True
            made = nodes.Convert(this=literal.copy(), to="TIMESTAMP")
            made.meta.update({"at": node.meta["at"], "type": kinds.INSTANT})
            swap(node, made)
            return True
        truth = _TRUTHS.get(str(literal.this).lower())
        if kind(other) == "boolean" and kind(own) != "boolean" and truth is not None:
            value = exp.Boolean(this=truth)
            value.meta["type"] = other
            swap(node, value)
            return True
        return False

    def _no_predicate(self, node: exp.Expr) -> None:
        if isinstance(bare(node), _PREDICATES):
            self._not_compared(bare(node))

    def _between(self, node: exp.Between, place: Place) -> Column:
        self._no_predicate(node.this)
        for part in (node.this, node.args["low"], node.args["high"]):
            self.typed(part, place)
        self.matched(node.this, node.args["low"], node)
        self.matched(node.this, node.args["high"], node)
        return CONDITION

    def _like(self, node: exp.Binary, place: Place) -> Column:
        for side in (node.this, node.expression):
            self.want(side, place, TEXT_KIND, f"an operand of {_SIGNS[type(node)]}")
        return CONDITION

    def _in(self, node: exp.In, place: Place) -> Column:
        self._no_predicate(node.this)
        left = self.typed(node.this, place)
        query = node.args.get("query")
        if query is None:
            for number, value in enumerate(node.expressions):
                self.typed(value, place)
                found = node.expressions[number]
                self.matched(node.this, found, found)
            return CONDITION
        item = self._single(query, place)
        if item is not None and not kinds.comparable(left, item.column):
            words = WORDS[kind(left)], WORDS[kind(item.column)]
            self.fault(
                "Q304", node, f"{words[0]} cannot be one of a list of {words[1]}"
            )
        return CONDITION

    def _is(self, node: exp.Is, place: Place) -> Column:
        self.typed(node.this, place)
        return CONDITION

    def _exists(self, node: exp.Exists, place: Place) -> Column:
        self.nested(node.this, place.scope)
        return CONDITION

    def _single(self, node: exp.Subquery, place: Place) -> Item | None:
        items = self.nested(node.this, place.scope)
        if items is None:
            return None
        if len(items) != 1:
            self.fault(
                "Q309", node, f"this sub-query must have one column, not {len(items)}"
            )
            return None
        return items[0]

    def _aggregate(self, node: exp.AggFunc, place: Place) -> Column:
        name = _AGGREGATES[type(node)]
        if place.no_aggregate:
            self.fault("Q306", node, f"{name} cannot stand {place.no_aggregate}")
        inner = node.this
        if isinstance(inner, exp.Distinct):
            inner = inner.expressions[0]
            node.this.meta["type"] = ANY
        column = self._aggregated(node, inner, Place(place.scope, _NESTED))
        scopes = {c.meta.get("scope") for c in nodes.find(node, exp.Column)}
        if scopes and None not in scopes and id(place.scope) not in scopes:
            # SQL-92 makes this an aggregate of the outer query: nobody means that.
            self.fault("Q306", node, f"{name} is of columns of the outer query only")
        return column

    def _aggregated(self, node: exp.AggFunc, inner: exp.Expr, place: Place) -> Column:
        if isinstance(node, nodes.StringAgg):
            return self.string_agg(node, place)
        if isinstance(node, nodes.Histogram):
            return self.histogram(node, place)
        what = f"the argument of {_AGGREGATES[type(node)]}"
        if isinstance(node, exp.Count):
            if not isinstance(inner, exp.Star):
                self.typed(inner, place)
            return replace(LONG, nullable=False, ucd="meta.number")
        if isinstance(node, exp.Avg | exp.Sum):
            own = self.want(inner, place, NUMBER, what)
            whole = isinstance(node, exp.Sum) and own.datatype in kinds.INTEGERS
            return Column("", "long" if whole else "double", unit=own.unit)
        own = self.want(inner, place, ORDERED, what)
        return replace(own, nullable=True, utype=None)

    def _coalesce(self, node: exp.Coalesce, place: Place) -> Column:
        column = self.typed(node.this, place)
        nullable = column.nullable
        for number, argument in enumerate(node.expressions):
            other = self.typed(argument, place)
            nullable = nullable and other.nullable
            found = node.expressions[number]
            if kind(column) == "instant" and self._adapted(found, other, column):
                continue
            both = kinds.common(column, other)
            if both is None or CONDITION in {column, other}:
                self.fault(
                    "Q304", argument, f"COALESCE mixes {WORDS[kind(column)]} with "
                    f"{WORDS[kind(other)]}",
                )  # fmt: skip
            else:
                column = both
        return replace(column, nullable=nullable)

    RULES: ClassVar[Mapping[type[exp.Expr], Rule]] = {
        **Called.RULES,
        exp.Literal: _literal,
        exp.Null: _null,
        exp.Boolean: _truth,
        exp.Paren: _paren,
        exp.Neg: _negative,
        exp.Add: _arithmetic,
        exp.Sub: _arithmetic,
        exp.Mul: _arithmetic,
        exp.Div: _arithmetic,
        exp.DPipe: _joined,
        exp.And: _connector,
        exp.Or: _connector,
        exp.Not: _not,
        exp.EQ: _comparison,
        exp.NEQ: _comparison,
        exp.LT: _comparison,
        exp.LTE: _comparison,
        exp.GT: _comparison,
        exp.GTE: _comparison,
        exp.Between: _between,
        exp.Like: _like,
        exp.ILike: _like,
        exp.In: _in,
        exp.Is: _is,
        exp.Exists: _exists,
        exp.Avg: _aggregate,
        exp.Count: _aggregate,
        exp.Max: _aggregate,
        exp.Min: _aggregate,
        exp.Sum: _aggregate,
        exp.Coalesce: _coalesce,
        nodes.StringAgg: _aggregate,
        nodes.Histogram: _aggregate,
    }


def _in_quotes(left: exp.Expr, right: exp.Expr, kinds_of: set[kinds.Kind]) -> str:
    """Return the hint for a number that was to be text."""
    if kinds_of != {"text", "number"}:
        return ""
    for side in (bare(left), bare(right)):
        if isinstance(side, exp.Literal) and not side.is_string:
            return f" (write '{side.this}')"
    return ""
