"""Grammar of conditions and predicates (ADQL 2.1 appendix A)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from distiller.adql import nodes
from distiller.adql.conditions import balanced, is_condition, is_plain
from distiller.adql.cursor import Lost
from distiller.adql.expressions import ExpressionParser
from distiller.adql.limits import MOST_COMPOUND, MOST_CONDITIONS, MOST_TERMS
from distiller.adql.operators import COMPARISONS

if TYPE_CHECKING:
    from distiller.adql.tokens import Token

_BEHIND_QUERY: Final = frozenset({
    "", ")", "UNION", "EXCEPT", "INTERSECT", "ORDER", "OFFSET", ";",
})  # fmt: skip


class PredicateParser(ExpressionParser):
    """Conditions, and what tells sub-queries from values."""

    conditions = 0
    compound = 0

    def holds_join(self) -> bool:
        """Whether joined tables come next in parentheses; the sub-class defines it."""
        raise NotImplementedError

    def joined_query(self) -> exp.Subquery:
        """Read ``( joined tables )``; the sub-class defines it."""
        raise NotImplementedError

    def table_subquery(self) -> exp.Subquery | None:
        """Read a query or joined tables in parentheses, if these come next."""
        if self.opens_query():
            return self.subquery()
        return self.joined_query() if self.holds_join() else None

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
            hint = f" (write 1={at.value}(...))"
        self.fault("Q110", f"a condition is due here, not a value{hint}", at)

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
            query = self.table_subquery()
            if query is None:
                self.lose("a sub-query in parentheses is missing before")
                raise Lost
            return self.make(exp.Exists, start, this=query.this)
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

    def _tail(self, left: exp.Expr, start: Token) -> exp.Expr | None:
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
            for side in (left, pattern):
                self.not_null(side, f"an operand of {word.value}")
            if self.is_word("ESCAPE"):
                self.lose("ADQL has no ESCAPE:")
            return self.make(operator, start, this=left, expression=pattern)
        if self.take_word("IN"):
            query = self.table_subquery()
            if query is not None:
                return self.make(exp.In, start, this=left, query=query)
            return self.make(exp.In, start, this=left, expressions=self._list())
        if self.take_word("IS"):
            return self._null_test(left, start)
        return None

    def _null_test(self, left: exp.Expr, start: Token) -> exp.Expr:
        """Read ``[NOT] NULL`` (``null_predicate``)."""
        negated = self.take_word("NOT")
        at = self.need_word("NULL")
        if not isinstance(left, exp.Column):
            self.fault("Q101", "IS NULL is asked of a column, not of a value that "
                "is computed (name it in a sub-query of FROM)", start)  # fmt: skip
        node = self.make(exp.Is, start, this=left, expression=self.make(exp.Null, at))
        if negated is None:
            return node
        paren = self.make(exp.Paren, start, this=node)
        return self.make(exp.Not, start, this=paren)

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
