"""What a writer for PostgreSQL says otherwise than DuckDB where no geometry is.

The answers are those of DuckDB: arithmetic gives infinity and NaN instead of errors,
numbers and texts become each other by the same rules, and text is in the order of its
code points. Functions of the schema ``dst`` do what PostgreSQL's own do not.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp
from sqlglot.generators.postgres import PostgresGenerator

from distiller.adql import shapes
from distiller.adql.kinds import GEOMETRY, is_integer, kind
from distiller.adql.nodes import find
from distiller.adql.scope import type_of
from distiller.adql.targets.writer import Writer, double

if TYPE_CHECKING:
    from collections.abc import Callable

    from distiller.adql import nodes

_NUMBER: Final = "DOUBLE PRECISION"
_TINY: Final = 1e-100
_HUGE: Final = 1e100
_ORDERED: Final = 'COLLATE "C"'
_LONGEST_NAME: Final = 63
_HASHED: Final = 12
_AROUND: Final = '"~"'
"""Name of what stands around a query that has clauses within and without."""

_INTEGERS: Final = {"SMALLINT": "smallint", "INTEGER": "integer", "BIGINT": "bigint"}
_WRAPPED: Final[dict[type[exp.Expr], tuple[str, str]]] = {
    exp.Add: ("+", "dst.plus({0}, {1})"),
    exp.Sub: ("-", "dst.plus({0}, -({1}))"),
    exp.Mul: ("*", "dst.times({0}, {1})"),
    exp.Div: ("/", "dst.over({0}, {1})"),
}
_COMPARISONS: Final[dict[type[exp.Expr], str]] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip
_RANGES: Final = (exp.LT, exp.LTE, exp.GT, exp.GTE)


class PlainWriter(Writer, PostgresGenerator):
    """Numbers, texts, comparisons, aggregates, joins and names for PostgreSQL."""

    # Values of one type ---------------------------------------------------------------

    def literal_sql(self, expression: exp.Literal) -> str:
        """Write a number that is not whole as a double: bare, it would be exact."""
        if expression.is_string or str(expression.this).isdigit():
            return super().literal_sql(expression)
        return constant(float(expression.this))

    def number(self, node: exp.Expr) -> str:
        """Write a number as a double."""
        value = shapes.constant(node)
        if value is not None:
            return f"({constant(value)})" if value < 0 else constant(value)
        text = self.sql(node)
        column = type_of(node)
        if kind(column) == "number" and column.datatype == "double":
            return text
        return f"CAST({text} AS {_NUMBER})"

    def text(self, node: exp.Expr) -> str:
        """Write a value as text, numbers as DuckDB writes them."""
        text, column = self.sql(node), type_of(node)
        found = kind(column)
        if found in {"text", "moc"}:
            return text
        if found == "number" and column.datatype in {"float", "double"}:
            return f"dst.text({text})"
        made = f"CAST({text} AS TEXT)"
        return f"REPLACE({made}, ' ', 'T')" if found == "instant" else made

    def beside(self, node: exp.Expr, other: exp.Expr) -> str:
        """Write one side of a comparison: what has no type takes that of the other."""
        text = self.sql(node)
        if kind(type_of(node)) != "any" or isinstance(node, exp.Null):
            return text
        column = type_of(other)
        return f"CAST({text} AS {self._name_of(column)})"

    def _name_of(self, column: Any) -> str:
        if kind(column) in GEOMETRY:
            return f"{_NUMBER}[]"
        return self.TYPES["timestamp" if column.is_instant else column.datatype]

    # Arithmetic -----------------------------------------------------------------------

    def computed(self, node: exp.Binary) -> str:
        """Write arithmetic that gives infinity, NaN and 0 where IEEE 754 does."""
        sign, function = _WRAPPED[type(node)]
        left, right = node.this, node.expression
        column = type_of(node)
        if is_integer(column):
            return f"{self.sql(left)} {sign} {self.sql(right)}"
        first, second = self.number(left), self.number(right)
        if column.datatype == "float":
            return f"dst.single({function.format(first, second)})"
        if _is_safe(node):
            return f"{first} {sign} {second}"
        if not (_is_simple(left) and _is_simple(right)):
            # What is not inlined since its operands are long is quicker in PL/pgSQL.
            function = function.replace("(", "_any(", 1)
        return function.format(first, second)

    def neg_sql(self, expression: exp.Neg) -> str:
        """Write a sign; of NULL it needs a type."""
        if kind(type_of(expression.this)) == "any":
            return f"-{self.number(expression.this)}"
        return super().neg_sql(expression)

    def joined(self, node: exp.DPipe) -> str:
        """Write ``||``."""
        return f"{self.text(node.this)} || {self.text(node.expression)}"

    def in_unit(self, node: nodes.InUnit) -> str:
        """Write IN_UNIT."""
        factor = constant(node.args["factor"])
        return f"dst.times({self.number(node.this)}, {factor})"

    def spec_conv(self, node: nodes.SpecConv) -> str:
        """Write gavo_specconv."""
        factor, value = constant(node.args["factor"]), self.number(node.this)
        name = "over" if node.args.get("over") else "times"
        return f"dst.{name}({factor}, {value})"

    # Comparisons ----------------------------------------------------------------------

    def compared(self, node: exp.Binary) -> str:
        """Write a comparison."""
        left, right = node.this, node.expression
        first, second = self.beside(left, right), self.beside(right, left)
        if isinstance(node, _RANGES) and "text" in {
            kind(type_of(left)),
            kind(type_of(right)),
        }:
            first = f"{first} {_ORDERED}"
        return f"{first} {_COMPARISONS[type(node)]} {second}"

    def between_sql(self, expression: exp.Between) -> str:
        """Write BETWEEN."""
        value, low, high = (expression.args[key] for key in ("this", "low", "high"))
        first = self.beside(value, low)
        if "text" in {kind(type_of(part)) for part in (value, low, high)}:
            first = f"{first} {_ORDERED}"
        return (
            f"{first} BETWEEN {self.beside(low, value)} AND {self.beside(high, value)}"
        )

    def in_sql(self, expression: exp.In) -> str:
        """Write IN."""
        value, query = expression.this, expression.args.get("query")
        if query is not None:
            first = self.sql(value)
            if kind(_selected(query)) == "any":
                first = f"CAST({first} AS TEXT)"
            return f"{first} IN {self.sql(query)}"
        terms = expression.expressions
        typed = next((t for t in terms if kind(type_of(t)) != "any"), terms[0])
        items = ", ".join(self.beside(term, value) for term in terms)
        return f"{self.beside(value, typed)} IN ({items})"

    def like_sql(self, expression: exp.Like) -> str:
        """Write LIKE without its escape character, which ADQL does not have."""
        left, right = self.text(expression.this), self.text(expression.expression)
        return f"{left} LIKE {right} ESCAPE ''"

    def ilike_sql(self, expression: exp.ILike) -> str:
        """Write ILIKE as LIKE of lower case, which does not depend on the locale."""
        left, right = self.text(expression.this), self.text(expression.expression)
        return f"dst.lower({left}) LIKE dst.lower({right}) ESCAPE ''"

    def coalesced(self, node: exp.Coalesce) -> str:
        """Write COALESCE, every argument in the type of the result."""
        parts = [node.this, *node.expressions]
        whole = type_of(node)
        if kind(whole) == "number" and whole.datatype == "double":
            return f"COALESCE({', '.join(self.number(part) for part in parts)})"
        return f"COALESCE({', '.join(self.beside(part, node) for part in parts)})"

    # Conversions ----------------------------------------------------------------------

    def convert(self, node: nodes.Convert) -> str:
        """Write CAST."""
        name, inner = node.args["to"], node.this
        own = type_of(inner)
        given = kind(own)
        if name in {"CHAR", "VARCHAR"}:
            made = self.text(inner)
            length = node.args.get("length")
            return made if length is None else f"LEFT({made}, {length})"
        if name == "TIMESTAMP":
            if isinstance(inner, exp.Literal) or given != "text":
                return super().convert(node)
            return f"dst.instant({self.sql(inner)})"
        return self._to_number(name, inner, given)

    def _to_number(self, name: str, inner: exp.Expr, given: str) -> str:
        text = self.sql(inner)
        if given == "boolean":
            text = f"CAST({text} AS INTEGER)"
        elif given == "text" and name in _INTEGERS:
            text = f"dst.whole({text}, '{_INTEGERS[name]}')"
        elif given == "text":
            text = f"dst.number({text})"
            return text if name == _NUMBER else f"dst.single({text})"
        elif name == "REAL" and type_of(inner).datatype == "double":
            return f"dst.real({text})"
        return f"CAST({text} AS {self.TYPES[name]})"

    # Aggregates -----------------------------------------------------------------------

    def summed(self, node: exp.AggFunc) -> str:
        """Write SUM, of whole numbers as BIGINT, else as double, maybe infinite."""
        distinct, inner = _aggregated(node)
        if is_integer(type_of(inner)):
            return f"CAST(SUM({distinct}{self.sql(inner)}) AS BIGINT)"
        value = self.number(inner)
        if type_of(inner).datatype == "float":
            return f"SUM({distinct}{value})"
        return (
            f"dst.total(SUM({distinct}dst.common({value})), "
            f"SUM({distinct}dst.large({value})))"
        )

    def averaged(self, node: exp.Avg) -> str:
        """Write AVG as the sum over the count."""
        distinct, inner = _aggregated(node)
        count = f"NULLIF(COUNT({distinct}{self.sql(inner)}), 0)"
        if is_integer(type_of(inner)):
            total = f"CAST(SUM({distinct}{self.sql(inner)}) AS {_NUMBER})"
            return f"({total} / {count})"
        return f"dst.over({self.summed(node)}, {count})"

    def extreme(self, node: exp.AggFunc) -> str:
        """Write MIN and MAX."""
        distinct, inner = _aggregated(node)
        order = f" {_ORDERED}" if kind(type_of(inner)) == "text" else ""
        return f"{type(node).__name__.upper()}({distinct}{self.sql(inner)}{order})"

    # Clauses --------------------------------------------------------------------------

    def ordered_sql(self, expression: exp.Ordered) -> str:
        """Write an order, of texts by code points."""
        made = super().ordered_sql(expression)
        inner = expression.this
        if kind(type_of(inner)) != "text" or "position" in inner.meta:
            return made
        value = self.sql(inner)
        return f"{value} {_ORDERED}{made[len(value) :]}"

    def alias_sql(self, expression: exp.Alias) -> str:
        """Write a selected value; NULL in the place of a geometry needs its type."""
        to = expression.meta.get("to")
        if (
            isinstance(expression.this, exp.Null)
            and to is not None
            and kind(to) in GEOMETRY
        ):
            name = self.sql(expression, "alias")
            return f"CAST(NULL AS {_NUMBER}[]) AS {name}"
        return super().alias_sql(expression)

    def join_sql(self, expression: exp.Join, join_op: str | None = None) -> str:
        """Write a join. PostgreSQL joins in FULL only where two values are equal."""
        on = expression.args.get("on")
        if expression.side != "FULL" or on is None or join_op is not None:
            return super().join_sql(expression, join_op)
        left = self.sql(_alias_of(_begin(expression)))
        right = self.sql(_alias_of(expression.this))
        always = f"(NUM_NULLS({left}.*) >= 0) = (NUM_NULLS({right}.*) >= 0)"
        return (
            f" FULL JOIN {self.sql(expression.this)} ON {always} AND ({self.sql(on)})"
        )

    def subquery_sql(self, expression: exp.Subquery, sep: str = " AS ") -> str:
        """Write a query in parentheses, whose clauses must not meet those inside."""
        whole = expression.parent is None
        clauses = [expression.args.get(key) for key in ("order", "limit", "offset")]
        if expression.args.get("joins") or not (whole or any(clauses)):
            return super().subquery_sql(expression, sep)
        rest = "".join(self.sql(clause) for clause in clauses if clause is not None)
        inner = self.sql(expression.this)
        made = f"SELECT * FROM ({inner}) AS {_AROUND}{rest}"  # noqa: S608 - a checked tree
        return made if whole else f"({made})"

    def identifier_sql(self, expression: exp.Identifier) -> str:
        """Write a name; long ones, which PostgreSQL would cut off, end in a digest."""
        text = str(expression.this)
        whole = text.encode()
        if len(whole) > _LONGEST_NAME:
            digest = hashlib.sha256(whole).hexdigest()[:_HASHED]
            kept = whole[: _LONGEST_NAME - _HASHED - 1].decode(errors="ignore")
            expression = exp.Identifier(this=f"{kept}~{digest}", quoted=True)
        return super().identifier_sql(expression)


PLAIN_WRITES: Final[dict[type[exp.Expr], Callable[[Any, Any], str]]] = {
    **dict.fromkeys(_WRAPPED, PlainWriter.computed),
    **dict.fromkeys(_COMPARISONS, PlainWriter.compared),
    exp.IntDiv: lambda writer, node: writer.binary(node, "/"),
    exp.DPipe: PlainWriter.joined,
    exp.Coalesce: PlainWriter.coalesced,
    exp.Sum: PlainWriter.summed,
    exp.Avg: PlainWriter.averaged,
    exp.Max: PlainWriter.extreme,
    exp.Min: PlainWriter.extreme,
}
"""Nodes of sqlglot that are written in another way than it does."""


def constant(value: float) -> str:
    """Return a number as a constant of type double.

    >>> constant(83.6)
    '83.6e0::float8'
    """
    return f"{double(value)}::float8"


def _is_safe(node: exp.Binary) -> bool:
    """Whether arithmetic of doubles cannot leave their range."""
    sides = node.this, node.expression
    moderate = [_is_moderate(side) for side in sides]
    if isinstance(node, exp.Add | exp.Sub):
        return any(moderate)
    if isinstance(node, exp.Mul):
        return all(moderate)
    return all(moderate) and bool(shapes.constant(node.expression))


def _is_simple(node: exp.Expr) -> bool:
    while isinstance(node, exp.Paren | exp.Neg):
        node = node.this
    return isinstance(node, exp.Column | exp.Literal)


def _is_moderate(node: exp.Expr) -> bool:
    """Whether the size of a number is known to be neither very large nor very small."""
    while isinstance(node, exp.Paren | exp.Neg):
        node = node.this
    value = shapes.constant(node)
    if value is not None:
        return value == 0 or _TINY <= abs(value) <= _HUGE
    column = type_of(node)
    return kind(column) == "number" and column.datatype != "double"


def _aggregated(node: exp.AggFunc) -> tuple[str, exp.Expr]:
    """Return DISTINCT or nothing, and the argument of an aggregate."""
    if isinstance(node.this, exp.Distinct):
        return "DISTINCT ", node.this.expressions[0]
    return "", node.this


def _selected(query: exp.Expr) -> Any:
    """Return the type of the one column of a sub-query."""
    while not isinstance(query, exp.Select):
        query = query.this
    item = query.expressions[0]
    return item.meta.get("to") or type_of(item.this)


def _begin(join: exp.Join) -> exp.Expr:
    """Return the table that the left side of a join begins with."""
    parent = join.parent
    if parent is None:
        raise TypeError(join)
    origin = parent.args.get("from_")
    first: exp.Expr = parent.this if origin is None else origin.this
    for other in parent.args["joins"]:
        if other is join:
            break
        if not any(other.args.get(key) for key in ("on", "side", "kind")):
            first = other.this
    return first


def _alias_of(table: exp.Expr) -> exp.Expr:
    """Return the name of a table, or of the first one in parentheses."""
    return next(iter(_aliases(table)))


def _aliases(table: exp.Expr) -> list[exp.Expr]:
    alias = table.args.get("alias")
    if alias is not None:
        return [alias.this]
    return [a.this for a in find(table.this, exp.TableAlias)] or _aliases(table.this)
