"""Grammar of values and conditions (ADQL 2.1 appendix A) as recursive descent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from distiller.adql import functions, nodes
from distiller.adql.calls import geometry, without_frame
from distiller.adql.conditions import is_condition
from distiller.adql.cursor import Cursor, Lost
from distiller.adql.faults import meant
from distiller.adql.limits import (
    MOST_OPERATORS,
    MOST_TERMS,
)
from distiller.adql.operators import ARITHMETIC
from distiller.adql.special import aggregate, special
from distiller.adql.words import CLAUSES

if TYPE_CHECKING:
    from distiller.adql.tokens import Token


_BEHIND_QUERY: Final = frozenset({
    "", ")", "UNION", "EXCEPT", "INTERSECT", "ORDER", "OFFSET", ";",
})  # fmt: skip

_ARITHMETIC: Final = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg)


class ExpressionParser(Cursor):
    """Values. Conditions and sub-queries come from the sub-classes."""

    def condition(self) -> exp.Expr:
        """Read a condition, or a value; the grammar of predicates defines it."""
        raise NotImplementedError

    def subquery(self) -> exp.Subquery:
        """Read ``( query )``; the grammar of queries defines it."""
        raise NotImplementedError

    def value(self) -> exp.Expr:
        """Read a value, not a condition."""
        at = self.token
        node = self.condition()
        if is_condition(node):
            self.fault("Q110", "a value is due here, not a condition", at)
        return node

    def additive(self) -> exp.Expr:
        """Read terms joined by +, -, ||."""
        start = self.token
        left = self.term()
        count = 0
        while (sign := self.take_sign("+", "-", "||")) is not None:
            right = self.term()
            self._unmixed(sign, left, right)
            left = self._combine(ARITHMETIC[sign.value], start, left, right)
            count = self._counted(count)
        return left

    def term(self) -> exp.Expr:
        """Read signed values joined by * and /."""
        start = self.token
        left = self.signed()
        count = 0
        while (sign := self.take_sign("*", "/")) is not None:
            left = self._combine(ARITHMETIC[sign.value], start, left, self.signed())
            count = self._counted(count)
        return left

    def signed(self) -> exp.Expr:
        """Read ``[+|-] value``."""
        sign = self.take_sign("+", "-")
        if sign is None:
            return self.primary()
        if self.is_sign("+", "-"):
            self.lose("a value is missing before")
        inner = self.primary()
        self.not_null(inner, "computed with")
        if sign.value == "+":
            node = self.make(exp.Paren, sign, this=inner)
            node.meta["signed"] = True
            return node
        return self.make(exp.Neg, sign, this=inner)

    def _combine(
        self,
        cls: type[exp.Binary],
        start: Token,
        left: exp.Expr,
        right: exp.Expr,
    ) -> exp.Expr:
        for side in (left, right):
            if is_condition(side):
                self.fault("Q110", "a condition cannot be computed with", start)
            self.not_null(side, "computed with")
        return self.make(cls, start, this=left, expression=right)

    def _counted(self, count: int) -> int:
        if count >= MOST_OPERATORS:
            self.exceed(f"more than {MOST_OPERATORS} operators in a row")
        return count + 1

    def not_null(self, node: exp.Expr, what: str) -> None:
        """Note a bare NULL where only ``value_expression`` has one."""
        if isinstance(node, exp.Null):
            self.faults.add(
                "Q101", node.meta["at"], f"NULL cannot be {what} (as a value it stands "
                "alone, or in parentheses)",
            )  # fmt: skip

    def _unmixed(self, sign: Token, left: exp.Expr, right: exp.Expr) -> None:
        """``||`` takes no arithmetic without parentheses (``concatenation``)."""
        if sign.value == "||":
            mixed = any(map(_is_numeric, (left, right)))
        else:
            mixed = isinstance(left, exp.DPipe)
        if mixed:
            self.fault("Q101", "put what is computed beside || in parentheses", sign)

    def primary(self) -> exp.Expr:  # noqa: PLR0911 - one per form
        """Read a literal, column, function call or something in parentheses."""
        token = self.token
        if token.kind == "number":
            self.advance()
            return self.make(exp.Literal, token, this=token.value, is_string=False)
        if token.kind == "text":
            self.advance()
            return self.make(exp.Literal, token, this=token.value, is_string=True)
        if self.is_sign("("):
            return self._parenthesis()
        if token.kind == "name" or (token.kind == "word" and not token.is_reserved):
            if self.ahead().kind == "sign" and self.ahead().value == "(":
                return self._guarded_call()
            return self._column()
        if token.kind != "word" or token.value in CLAUSES - {"NULL"}:
            self.lose("a value is missing before")
        if self.take_word("NULL"):
            return self.make(exp.Null, token)
        if token.value in functions.NAMES and self.ahead().value == "(":
            return self._guarded_call()
        if self.stranger():
            raise Lost
        return self._column()

    def _parenthesis(self) -> exp.Expr:
        start = self.token
        if self.ahead().kind == "word" and self.ahead().value in {"SELECT", "WITH"}:
            return self._scalar(start)
        self.advance()
        self.deeper()
        inner = self.condition()
        self.need_sign(")")
        self.depth -= 1
        return self.make(exp.Paren, start, this=inner)

    def _scalar(self, start: Token) -> exp.Expr:
        """Read a sub-query where a value is due, to tell what else is wrong in it."""
        self.fault(
            "Q107", "ADQL has no sub-query as a value: use IN or EXISTS, or join it in "
            "FROM", start,
        )  # fmt: skip
        self.subquery()
        node = self.make(nodes.Call, start, this="SELECT", expressions=[])
        node.meta["unknown"] = True
        return node

    def _column(self) -> exp.Column:
        start = self.token
        parts = [self.identifier("a column")]
        while self.is_sign("."):
            self.advance()
            parts.append(self.identifier("a name"))
        if len(parts) > 4:  # noqa: PLR2004 - catalog.schema.table.column
            self.fault("Q101", "a column has at most four names", start)
            parts = parts[-4:]
        if any("unknown" in part.meta for part in parts):
            parts[-1].meta["unknown"] = True
        names = dict(zip(("this", "table", "db", "catalog"), parts[::-1], strict=False))
        return self.make(exp.Column, start, **names)

    def _guarded_call(self) -> exp.Expr:
        """Read a function call one level deeper."""
        self.deeper()
        node = self._call()
        self.depth -= 1
        if self.is_word("OVER", "FILTER", "WITHIN") and self.ahead().value == "(":
            self.lose("ADQL has no")
        return node

    def _call(self) -> exp.Expr:
        start = self.advance()
        name = start.value.upper()
        self.need_sign("(")
        if start.kind == "name" or name not in functions.NAMES:
            return self._unknown(start)
        if name in functions.AGGREGATES:
            return self._aggregate(start)
        if name == "CAST":
            return self._cast(start)
        arguments = self._arguments_of(name)
        if name in functions.GEOMETRY_FUNCTIONS:
            return geometry(self, start, arguments)
        if name in functions.SPECIAL:
            return special(self, start, arguments)
        known = functions.FUNCTIONS[name]
        if known.pair and len(arguments) == known.counts[-1]:
            pair = dict(zip(("this", "expression"), arguments[-2:], strict=True))
            arguments[-2:] = [self.make(nodes.Point, start, **pair)]
        call = self.make(nodes.Call, start, this=name, expressions=arguments)
        if len(arguments) not in known.counts:
            self.count_fault(start, known.counts, len(arguments))
            call.meta["unknown"] = True
        return call

    def _arguments_of(self, name: str) -> list[exp.Expr]:
        """Read arguments and see that NULL stands among them only where it may."""
        arguments = self._arguments()
        if functions.takes_no_null(name):
            for argument in without_frame(name, arguments):
                self.not_null(argument, f"an argument of {name}")
        return arguments

    def count_fault(self, start: Token, due: range, given: int) -> None:
        """Note a wrong number of arguments."""
        number = " or ".join(str(n) for n in due)
        noun = "argument" if number == "1" else "arguments"
        self.fault(
            "Q302", f"{start.value.upper()} takes {number} {noun}, not {given}", start
        )

    def _unknown(self, start: Token) -> exp.Expr:
        known = [n.lower() if "_" in n else n for n in functions.NAMES]
        by_lower = {n.lower(): n for n in known}
        hint = "" if self.faults.full else meant(start.text.lower(), by_lower)
        for lower, right in by_lower.items():
            hint = hint.replace(f"mean {lower}?", f"mean {right}?")
        self.fault("Q301", f"there is no function {start.shown}{hint}", start)
        self.take_sign("*")
        arguments = self._arguments()
        node = self.make(nodes.Call, start, this=start.value, expressions=arguments)
        node.meta["unknown"] = True
        return node

    def _arguments(self) -> list[exp.Expr]:
        if self.take_sign(")"):
            return []
        found = [self.value()]
        while self.take_sign(","):
            found.append(self.value())
            if len(found) > MOST_TERMS:
                self.exceed(f"more than {MOST_TERMS} arguments")
        self.need_sign(")")
        return found

    def _aggregate(self, start: Token) -> exp.Expr:
        if issubclass(functions.AGGREGATES[start.value.upper()], nodes.AdqlNode):
            return aggregate(self, start, self._arguments())
        if start.value == "COUNT" and self.take_sign("*"):
            self.need_sign(")")
            return self.make(exp.Count, start, this=exp.Star())
        if self.is_sign(")"):
            self.count_fault(start, range(1, 2), 0)
            inner: exp.Expr = self.make(exp.Null, start)
        else:
            distinct = self.take_word("DISTINCT", "ALL")
            inner = self.value()
            if distinct is not None and distinct.value == "DISTINCT":
                inner = self.make(exp.Distinct, distinct, expressions=[inner])
            if self.is_sign(","):
                self.fault("Q302", f"{start.value} takes 1 argument", start)
                raise Lost
        self.need_sign(")")
        return self.make(functions.AGGREGATES[start.value], start, this=inner)

    def _cast(self, start: Token) -> exp.Expr:
        inner = self.value()
        self.need_word("AS")
        at = self.token
        name = at.value if at.kind == "word" else ""
        if name == "DOUBLE":
            self.advance()
            self.need_word("PRECISION")
            name = "DOUBLE PRECISION"
        elif name in functions.CAST_TYPES:
            self.advance()
        else:
            types = ", ".join(functions.CAST_TYPES)
            self.fault("Q312", f"CAST knows no type {at.shown} (it knows {types})")
            raise Lost
        length = None
        if name in {"CHAR", "VARCHAR"} and self.take_sign("("):
            length = self.whole_number("the length")
            self.need_sign(")")
        self.need_sign(")")
        return self.make(nodes.Convert, start, this=inner, to=name, length=length)

    def whole_number(self, what: str) -> int:
        """Take an unsigned whole number."""
        token = self.token
        if token.kind != "number" or not token.value.isdigit():
            self.lose(f"{what} must be a whole number, not")
        self.advance()
        if int(token.value) >= 2**63:
            self.fault("Q109", f"{what} is too large", token)
            return 0
        return int(token.value)


def _is_numeric(node: exp.Expr) -> bool:
    """Whether a value is numeric by its form, and so no ``character_factor``."""
    if isinstance(node, nodes.Call):
        return functions.is_numeric(node.name)
    arithmetic = isinstance(node, (*_ARITHMETIC, *nodes.NUMERIC))
    return arithmetic or "signed" in node.meta
