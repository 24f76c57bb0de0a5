"""Grammar of values and conditions (ADQL 2.1 appendix A) as recursive descent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from distiller.adql import functions, nodes
from distiller.adql.calls import geometry
from distiller.adql.conditions import balanced, is_condition, is_plain
from distiller.adql.cursor import Cursor, Lost
from distiller.adql.faults import meant
from distiller.adql.limits import (
    MOST_COMPOUND,
    MOST_CONDITIONS,
    MOST_OPERATORS,
    MOST_TERMS,
)
from distiller.adql.operators import ARITHMETIC, COMPARISONS
from distiller.adql.special import aggregate, special
from distiller.adql.words import CLAUSES

if TYPE_CHECKING:
    from distiller.adql.tokens import Token


_BEHIND_QUERY: Final = frozenset({
    "", ")", "UNION", "EXCEPT", "INTERSECT", "ORDER", "OFFSET", ";",
})  # fmt: skip


class ExpressionParser(Cursor):
    """Values, predicates, conditions. Sub-queries come from the sub-class."""

    conditions = 0
    compound = 0

    def subquery(self) -> exp.Subquery:
        """Read ``( query )``; the grammar of queries defines it."""
        raise NotImplementedError

    def opens_query(self) -> bool:
        """Whether the parenthesis that comes next holds a query.

        With several in a row, as in ``((SELECT ...) UNION ...)``, each inner one must
        end where only a query goes on: not so in ``IN ((SELECT ...), 3)``.
        """
        first = self.pos
        last = first
        while self.tokens[last].kind == "sign" and self.tokens[last].value == "(":
            last += 1
        following = self.tokens[last]
        if following.kind != "word" or last == first:
            return False
        if following.value == "WITH":
            return last == first + 1
        return following.value == "SELECT" and all(
            self.behind(opening) in _BEHIND_QUERY for opening in range(first + 1, last)
        )

    def search_condition(self) -> exp.Expr:
        """Read a condition, as behind WHERE, ON and HAVING."""
        at = self.token
        node = self.condition()
        self.need_condition(node, at)
        return node

    def need_condition(self, node: exp.Expr, at: Token) -> None:
        """Note a value that stands where a condition is due."""
        if is_condition(node):
            return
        if self.token.kind == "foreign" and self.stranger():
            raise Lost
        hint = ""
        if isinstance(node, nodes.Contains | nodes.Intersects):
            node.meta["faulty"] = True
            hint = f" (write 1={at.value}(...))"
        self.fault("Q110", f"a condition is due here, not a value{hint}", at)

    def value(self) -> exp.Expr:
        """Read a value, not a condition."""
        at = self.token
        node = self.condition()
        if is_condition(node):
            self.fault("Q110", "a value is due here, not a condition", at)
        return node

    def condition(self) -> exp.Expr:
        """Read terms joined by AND and OR; a single term may be a value."""
        either: list[exp.Expr] = []
        both: list[exp.Expr] = []
        while True:
            at = self.token
            term = self.factor()
            joined = self.is_word("AND", "OR")
            if joined or both or either:
                self.need_condition(term, at)
            both.append(term)
            if not joined or self.advance().value == "OR":
                either.append(balanced(exp.And, both))
                both = []
            if not joined:
                self._bounded(either)
                return balanced(exp.Or, either)
            self.conditions += 1
            if self.conditions >= MOST_CONDITIONS:
                self.exceed(f"more than {MOST_CONDITIONS} conditions")

    def _bounded(self, either: list[exp.Expr]) -> None:
        """Count alternatives that are not plain: engines multiply them out."""
        if len(either) > 1:
            self.compound += sum(not is_plain(term) for term in either)
        if self.compound > MOST_COMPOUND:
            self.exceed(
                f"more than {MOST_COMPOUND} alternatives of OR that are no plain "
                "comparison"
            )

    def factor(self) -> exp.Expr:
        """Read ``[NOT] predicate``."""
        start = self.take_word("NOT")
        if start is None:
            return self.predicate()
        at = self.token
        node = self.predicate()
        self.need_condition(node, at)
        if not isinstance(node, exp.Paren):
            node = self.make(exp.Paren, start, this=node)
        return self.make(exp.Not, start, this=node)

    def predicate(self) -> exp.Expr:
        """Read a comparison, BETWEEN, IN, LIKE, IS NULL, EXISTS, or a bare value."""
        start = self.token
        if self.is_word("EXISTS"):
            self.advance()
            if not self.opens_query():
                self.lose("a sub-query in parentheses is missing before")
            return self.make(exp.Exists, start, this=self.subquery().this)
        left = self.additive()
        if self.token.kind == "sign" and self.token.value in COMPARISONS:
            operator = COMPARISONS[self.advance().value]
            if self.is_word("ANY", "ALL", "SOME"):
                self.lose("ADQL compares with one value, not with")
            right = self.additive()
            return self.make(operator, start, this=left, expression=right)
        negated = self.is_word("NOT") and self.ahead().value in {
            "BETWEEN", "IN", "LIKE", "ILIKE",
        }  # fmt: skip
        if negated:
            self.advance()
        node = self._tail(left, start)
        if not negated:
            return node or left
        if node is None:
            raise Lost
        return self.make(exp.Not, start, this=self.make(exp.Paren, start, this=node))

    def _tail(  # noqa: PLR0911 - one per form
        self, left: exp.Expr, start: Token
    ) -> exp.Expr | None:
        if self.take_word("BETWEEN"):
            low = self.additive()
            self.need_word("AND")
            return self.make(
                exp.Between, start, this=left, low=low, high=self.additive()
            )
        if (word := self.take_word("LIKE", "ILIKE")) is not None:
            operator = exp.Like if word.value == "LIKE" else exp.ILike
            if self.is_word("ANY", "ALL", "SOME"):
                self.lose("ADQL compares with one pattern, not with")
            pattern = self.additive()
            if self.is_word("ESCAPE"):
                self.lose("ADQL has no ESCAPE:")
            return self.make(operator, start, this=left, expression=pattern)
        if self.take_word("IN"):
            if self.opens_query():
                return self.make(exp.In, start, this=left, query=self.subquery())
            return self.make(exp.In, start, this=left, expressions=self._list())
        if self.take_word("IS"):
            negated = self.take_word("NOT")
            at = self.need_word("NULL")
            node = self.make(
                exp.Is, start, this=left, expression=self.make(exp.Null, at)
            )
            if negated is None:
                return node
            paren = self.make(exp.Paren, start, this=node)
            return self.make(exp.Not, start, this=paren)
        return None

    def _list(self) -> list[exp.Expr]:
        """Read ``( value, ... )``."""
        self.need_sign("(")
        self.deeper()
        found = [self.value()]
        while self.take_sign(","):
            found.append(self.value())
            if len(found) > MOST_TERMS:
                self.exceed(f"more than {MOST_TERMS} values in a list")
        self.need_sign(")")
        self.depth -= 1
        return found

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
        if sign.value == "+":
            return self.make(exp.Paren, sign, this=inner)
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
        return self.make(cls, start, this=left, expression=right)

    def _counted(self, count: int) -> int:
        if count >= MOST_OPERATORS:
            self.exceed(f"more than {MOST_OPERATORS} operators in a row")
        return count + 1

    def _unmixed(self, sign: Token, left: exp.Expr, right: exp.Expr) -> None:
        """``||`` takes no arithmetic without parentheses (``concatenation``)."""
        arithmetic = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg)
        mixed = (
            isinstance(left, arithmetic) or isinstance(right, arithmetic)
            if sign.value == "||"
            else isinstance(left, exp.DPipe)
        )
        if mixed:
            self.fault("Q101", "put arithmetic beside || in parentheses", sign)

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
            return self.subquery()
        self.advance()
        self.deeper()
        inner = self.condition()
        self.need_sign(")")
        self.depth -= 1
        return self.make(exp.Paren, start, this=inner)

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
        arguments = self._arguments()
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
