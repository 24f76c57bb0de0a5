"""Grammar of queries (ADQL 2.1 appendix A); the public entry is ``parse``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from distiller.adql.conditions import is_condition
from distiller.adql.cursor import Lost
from distiller.adql.limits import MOST_ITEMS, MOST_SORTED
from distiller.adql.tables import BEHIND_FROM, TableParser
from distiller.adql.tokens import tokens
from distiller.adql.words import STATEMENTS

if TYPE_CHECKING:
    from distiller.adql.faults import Faults
    from distiller.adql.tokens import Token

_BEHIND_ITEM: Final = frozenset({",", "FROM", "WHERE", "GROUP", "HAVING", "ORDER", ";"})
_BEHIND_WHERE: Final = BEHIND_FROM - {"WHERE"}
_BEHIND_GROUP: Final = _BEHIND_WHERE - {"GROUP"}
_BEHIND_HAVING: Final = _BEHIND_GROUP - {"HAVING"}
_BEHIND_ORDER: Final = frozenset({"OFFSET", ";"})

_SETS: Final = {"UNION": exp.Union, "EXCEPT": exp.Except, "INTERSECT": exp.Intersect}


def parse(text: str, faults: Faults) -> exp.Query | None:
    """Return the tree of exactly one ADQL query, or None when nothing can be built.

    >>> from distiller.adql.faults import Faults
    >>> parse("select top 3 a.b from c.d a where b > 1", Faults("")).sql()
    'SELECT "a"."b" FROM "c"."d" AS "a" WHERE "b" > 1 LIMIT 3'
    """
    cut = tokens(text, faults)
    if len(cut) == 1:
        if not faults:
            faults.add("Q101", 0, "the query is empty")
        return None
    return QueryParser(cut, faults).statement()


def parse_condition(text: str, faults: Faults) -> exp.Expr | None:
    """Return the tree of a condition that stands alone, or None.

    >>> from distiller.adql.faults import Faults
    >>> parse_condition("a = 1 or b > 2", Faults("")).sql()
    '"a" = 1 OR "b" > 2'
    """
    parser = QueryParser(tokens(text, faults), faults)
    try:
        condition = parser.search_condition()
        if parser.token.kind != "end":
            parser.lose("a condition ends before")
    except Lost:
        return None
    return condition


class QueryParser(TableParser):
    """Statements, SELECT and its clauses, set operators."""

    def statement(self) -> exp.Query | None:
        """Read one whole statement and see that nothing follows."""
        first = self.token
        if not (self.is_word("SELECT", "WITH") or self.is_sign("(")):
            self._not_a_query(first)
            return None
        try:
            query = self._top()
        except Lost:
            return None
        if self.take_sign(";") and self.token.kind != "end":
            self.fault("Q105", "only one statement is allowed: this begins another")
        elif self.token.kind != "end" and not self.stranger():
            self.fault("Q101", f"{self.token.shown} cannot stand here")
        return query

    def _not_a_query(self, first: Token) -> None:
        if first.kind == "word" and first.value in STATEMENTS:
            self.fault(
                "Q106", f"{first.value} is not allowed: queries begin with SELECT"
            )
        elif not self.stranger():
            self.fault("Q101", f"a query begins with SELECT, not with {first.shown}")

    def _top(self) -> exp.Query:
        ctes: list[exp.CTE] = []
        start = self.take_word("WITH")
        if start is not None:
            if self.is_word("RECURSIVE") and self.ahead().value != "AS":
                self.lose("WITH cannot be recursive:")
            ctes.append(self._cte())
            while self.take_sign(","):
                ctes.append(self._cte())
        query = self.select_expression()
        if ctes:
            query.set("with_", exp.With(expressions=ctes))
        return query

    def _cte(self) -> exp.CTE:
        start = self.token
        name = self.identifier("the name of a query")
        if self.is_sign("("):
            self.fault("Q107", "ADQL gives no column names here: use AS in the SELECT")
            raise Lost
        self.need_word("AS")
        if not self.opens_query():
            self.lose("a query in parentheses is missing before")
        query = self.subquery().this
        return self.make(exp.CTE, start, this=query, alias=exp.TableAlias(this=name))

    def subquery(self) -> exp.Subquery:
        """Read ``( query )``."""
        start = self.need_sign("(")
        self.deeper()
        if self.is_word("WITH"):
            self.fault("Q111", "WITH stands at the beginning of the whole query only")
            raise Lost
        waiting, self.waiting = self.waiting, 0
        query = self.select_expression()
        self.waiting = waiting
        self.need_sign(")")
        self.depth -= 1
        return self.make(exp.Subquery, start, this=query)

    def select_expression(self) -> exp.Query:
        """Read SELECTs joined by set operators, then ORDER BY and OFFSET."""
        query = self._union()
        if isinstance(query, exp.Subquery):
            # Parentheses around a whole query mean nothing, unless clauses follow.
            inner = query.this
            closed = any(inner.args.get(k) for k in ("order", "limit", "offset"))
            if not (self.is_word("ORDER", "OFFSET") and closed):
                query = inner
        start = self.take_word("ORDER")
        if start is not None:
            self.need_word("BY")
            terms = self.attempt(self._order_terms, _BEHIND_ORDER)
            if terms:
                query.set("order", self.make(exp.Order, start, expressions=terms))
        start = self.take_word("OFFSET")
        if start is not None:
            number = exp.Literal.number(self.whole_number("OFFSET"))
            query.set("offset", self.make(exp.Offset, start, expression=number))
        self.measure(query)
        if self.is_word("UNION", "EXCEPT", "INTERSECT"):
            self.fault(
                "Q111", "set parentheses around an operand with ORDER BY or OFFSET"
            )
            raise Lost
        return query

    def _order_terms(self) -> list[exp.Expr]:
        found: list[exp.Expr] = []
        while True:
            start = self.token
            inner = self.value()
            word = self.take_word("ASC", "DESC")
            descending = word is not None and word.value == "DESC"
            if self.is_word("NULLS"):
                self.lose("NULLs sort as the largest values:")
            node = self.make(
                exp.Ordered, start, this=inner, desc=descending, nulls_first=descending
            )
            found.append(node)
            if not self.take_sign(","):
                return found
            if len(found) >= MOST_SORTED:
                self.exceed(f"more than {MOST_SORTED} terms of ORDER BY")

    def _union(self) -> exp.Query:
        left = self._intersect()
        while (word := self.take_word("UNION", "EXCEPT")) is not None:
            keep = self._all()
            left = self._set(word, left, self._intersect(), keep=keep)
        return left

    def _intersect(self) -> exp.Query:
        left = self._operand()
        while (word := self.take_word("INTERSECT")) is not None:
            keep = self._all()
            left = self._set(word, left, self._operand(), keep=keep)
        return left

    def _all(self) -> bool:
        if self.is_word("DISTINCT", "CORRESPONDING", "BY"):
            self.lose("SELECT or ALL is missing before")
        return self.take_word("ALL") is not None

    def _set(
        self, word: Token, left: exp.Query, right: exp.Query, *, keep: bool
    ) -> exp.Query:
        return self.make(
            _SETS[word.value], word, this=left, expression=right, distinct=not keep
        )

    def _operand(self) -> exp.Query:
        if self.is_sign("(") and (self.opens_query() or self.ahead().value == "WITH"):
            return self.subquery()
        if self.is_word("WITH"):
            self.fault("Q111", "WITH stands at the beginning of the whole query only")
            raise Lost
        return self._select()

    def _select(self) -> exp.Select:
        start = self.need_word("SELECT")
        self.one_more_select(start)
        select = self.make(exp.Select, start)
        if (word := self.take_word("DISTINCT", "ALL")) and word.value == "DISTINCT":
            select.set("distinct", exp.Distinct())
        if (word := self.take_word("TOP")) is not None:
            number = exp.Literal.number(self.whole_number("TOP"))
            select.set("limit", self.make(exp.Limit, word, expression=number))
            if self.is_word("DISTINCT", "ALL"):
                misplaced = self.advance()
                message = f"{misplaced.value} stands before TOP"
                self.fault("Q111", message, misplaced)
        select.set("expressions", self._items())
        if self.is_word("INTO"):
            self.stranger()
            raise Lost
        if not self.is_word("FROM"):
            self.lose("FROM is missing before")
        self.advance()
        joins = self.attempt(self.from_clause, BEHIND_FROM)
        if joins is None:
            select.meta["open"] = True
        else:
            select.set("from_", self.make(exp.From, start, this=joins[0].this))
            select.set("joins", joins[1:])
        self._clauses(select)
        self.measure(select)
        return select

    def _clauses(self, select: exp.Select) -> None:
        if (word := self.take_word("WHERE")) is not None:
            where = self.attempt(self.search_condition, _BEHIND_WHERE)
            if where is not None:
                select.set("where", self.make(exp.Where, word, this=where))
        if (word := self.take_word("GROUP")) is not None:
            self.need_word("BY")
            terms = self.attempt(self._group_terms, _BEHIND_GROUP)
            if terms:
                select.set("group", self.make(exp.Group, word, expressions=terms))
        if (word := self.take_word("HAVING")) is not None:
            having = self.attempt(self.search_condition, _BEHIND_HAVING)
            if having is not None:
                select.set("having", self.make(exp.Having, word, this=having))

    def _group_terms(self) -> list[exp.Expr]:
        found = [self.value()]
        while self.take_sign(","):
            if len(found) >= MOST_SORTED:
                self.exceed(f"more than {MOST_SORTED} terms of GROUP BY")
            found.append(self.value())
        return found

    def _items(self) -> list[exp.Expr]:
        found: list[exp.Expr] = []
        while True:
            item = self.attempt(self._item, _BEHIND_ITEM)
            if item is None:
                item = exp.Null()
                item.meta["unknown"] = True
            found.append(item)
            if not self.take_sign(","):
                self._star_alone(found)
                return found
            if len(found) >= MOST_ITEMS:
                self.exceed(f"more than {MOST_ITEMS} columns are selected")

    def _star_alone(self, items: list[exp.Expr]) -> None:
        """Note ``*`` beside other items (``select_list``)."""
        for item in items if len(items) > 1 else ():
            if isinstance(item, exp.Star):
                self.faults.add(
                    "Q101", item.meta["at"], "* stands alone in SELECT (of one table "
                    "write t.*)",
                )  # fmt: skip

    def _item(self) -> exp.Expr:
        start = self.token
        if self.take_sign("*"):
            if (
                self.is_word("EXCLUDE", "REPLACE", "EXCEPT")
                and self.ahead().value == "("
            ):
                self.stranger() or self.fault("Q107", "name the columns instead")
                raise Lost
            return self.make(exp.Star, start)
        star = self._qualified_star()
        if star is not None:
            return star
        inner = self.condition()
        if is_condition(inner):
            self.fault("Q110", "ADQL selects values, not conditions", start)
        name = self.alias("a column")
        self._item_ends()
        if name is None:
            return inner
        return self.make(exp.Alias, start, this=inner, alias=name)

    def _item_ends(self) -> None:
        if self.token.kind == "foreign" or not (
            self.token.kind == "end"
            or self.is_sign(",", ")", ";")
            or self.is_word(*BEHIND_FROM, "FROM", "INTO")
        ):
            self.lose("a comma or FROM is missing before")

    def _qualified_star(self) -> exp.Expr | None:
        """Read ``table.*``, which begins like a column."""
        count = 0
        while self.ahead(count).is_identifier and self.ahead(count + 1).value == ".":
            count += 2
        if count == 0 or self.ahead(count).value != "*":
            return None
        start = self.token
        parts = []
        for _ in range(count // 2):
            parts.append(self.identifier("a table"))
            self.advance()
        star = self.make(exp.Star, self.advance())
        if len(parts) > 3:  # noqa: PLR2004 - catalog.schema.table
            self.fault("Q101", "a table has at most three names", start)
            raise Lost
        names = dict(zip(("table", "db", "catalog"), parts[::-1], strict=False))
        return self.make(exp.Column, start, this=star, **names)
