"""Grammar of FROM: tables, derived tables, joins (ADQL 2.1 appendix A)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from distiller.adql.cursor import Lost
from distiller.adql.limits import MOST_JOINS, MOST_SELECTS, MOST_TABLES
from distiller.adql.predicates import PredicateParser
from distiller.adql.words import FOREIGN_WORDS

if TYPE_CHECKING:
    from distiller.adql.tokens import Token

BEHIND_FROM: Final = frozenset({
    "WHERE", "GROUP", "HAVING", "ORDER", "OFFSET", "UNION", "EXCEPT", "INTERSECT", ";",
})  # fmt: skip
"""What may follow FROM."""

_JOINS: Final = ("NATURAL", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "JOIN")
_NO_JOINS: Final = ("SEMI", "ANTI", "ASOF", "POSITIONAL")


class TableParser(PredicateParser):
    """FROM and what stands in it."""

    selects = 0
    tables = 0
    joins = 0
    waiting = 0

    def one_more_select(self, start: Token) -> None:
        """Count a SELECT."""
        self.selects += 1
        if self.selects > MOST_SELECTS:
            self.exceed(f"more than {MOST_SELECTS} SELECTs", start)

    def alias(self, what: str) -> exp.Identifier | None:
        """Read ``[AS] name``."""
        if self.take_word("AS"):
            return self.identifier(f"the name of {what}")
        if not self.token.is_identifier:
            return None
        if self._foreign_clause():
            self.stranger()
            return None
        return self.identifier(f"the name of {what}")

    def _foreign_clause(self) -> bool:
        """Whether a clause of another dialect begins here, such as LIMIT 10."""
        if self.token.kind != "word" or self.token.value not in FOREIGN_WORDS:
            return False
        after = self.ahead()
        if after.kind in {"number", "text", "foreign"} or after.is_identifier:
            return True
        signs = after.kind == "sign" and after.value in {"(", "*"}
        return signs or (
            after.kind == "word" and after.value in {"BY", "JOIN", "FIRST"}
        )

    def from_clause(self) -> list[exp.Join]:
        """Read what FROM names, the first table as a join too."""
        self.waiting = 0
        found = self._chain()
        while self.take_sign(","):
            self._one_more_join()
            found.extend(self._chain())
        if self.is_word("JOIN", "ON", "USING", "OUTER", "INNER", "AS", "TOP", "SELECT"):
            self.complain("a comma or JOIN is missing before")
        elif self.token.kind == "end" or self.is_sign(")", ";"):
            return found
        elif not self.is_word(*BEHIND_FROM):
            self.complain("a comma, JOIN or WHERE is missing before")
        self.skip(self.pos, BEHIND_FROM)
        return found

    def _chain(self) -> list[exp.Join]:
        """Read a table and what is joined to it."""
        return self._joined(self.make(exp.Join, self.token, this=self._table()))

    def _joined(self, first: exp.Join, *, inside: bool = False) -> list[exp.Join]:
        """Read what is joined to a table; ``inside`` another join, up to its ON."""
        found = [first]
        while (join := self._join()) is not None:
            found.append(join)
            if inside and self.is_word("ON", "USING"):
                break
        return found

    def _join(self) -> exp.Join | None:
        start = self.token
        if not self.is_word(*_JOINS):
            if self.is_word(*_NO_JOINS) and self.ahead().value == "JOIN":
                self.lose("ADQL has no such join:")
            return None
        natural = self.take_word("NATURAL") is not None
        cross = not natural and self.is_word("CROSS") and self.stranger()
        inner = self.take_word("INNER", "CROSS") is not None
        side = None if inner else self.take_word("LEFT", "RIGHT", "FULL")
        if side is not None:
            self.take_word("OUTER")
        self.need_word("JOIN")
        self._one_more_join()
        right = self._table()
        if not natural and not cross and self.is_word(*_JOINS):
            # a JOIN b JOIN c ON ... ON ...: the condition of this one comes later.
            self.deeper()
            self.waiting += 1
            inner_ones = self._joined(
                self.make(exp.Join, start, this=right), inside=True
            )
            self.waiting -= 1
            self.depth -= 1
            right = self.make(exp.Subquery, start, this=right, joins=inner_ones[1:])
        join = self.make(exp.Join, start, this=right)
        join.set("side", side.value if side else None)
        if natural:
            join.set("method", "NATURAL")
        self._specification(join, start, allowed=not natural and not cross)
        return join

    def _one_more_join(self) -> None:
        self.joins += 1
        if self.joins > MOST_JOINS:
            self.exceed(f"more than {MOST_JOINS} joins")

    def _specification(self, join: exp.Join, start: Token, *, allowed: bool) -> None:
        if not self.is_word("ON", "USING"):
            if allowed:
                self.fault(
                    "Q101", "this JOIN has no condition (add ON ... or USING (...), or "
                    "write NATURAL JOIN, or a comma for all pairs)", start,
                )  # fmt: skip
            return
        if not allowed and self.waiting:
            return  # it is the condition of a JOIN that stands before
        if not allowed:
            self.lose("a NATURAL JOIN takes no condition, not")
        if self.take_word("ON"):
            join.set("on", self.search_condition())
            self.measure(join)
            return
        self.advance()
        self.need_sign("(")
        names = [self.identifier("a column")]
        while self.take_sign(","):
            names.append(self.identifier("a column"))
        self.need_sign(")")
        join.set("using", names)

    def _table(self) -> exp.Expr:
        start = self.token
        if self.opens_query():
            query = self.subquery()
            name = self.alias("a sub-query")
            if name is None:
                self.fault(
                    "Q101", "this sub-query needs a name: (SELECT ...) AS q", start
                )
                raise Lost
            query.set("alias", exp.TableAlias(this=name))
            return query
        if self.is_sign("("):
            return self._in_parentheses()
        return self._named_table()

    def _in_parentheses(self) -> exp.Expr:
        """Read joins that stand together, or with a name are one table."""
        start = self.token
        first, *joins = self._parenthesised()
        whole: exp.Expr = first.this
        if joins:
            whole = self.make(exp.Subquery, start, this=first.this, joins=joins)
        elif not first.this.args.get("joins"):
            self.fault("Q101", "parentheses in FROM hold a JOIN or a sub-query", start)
        elif first.this.args.get("alias"):
            self.fault("Q101", "these parentheses hold one table", start)
        name = self.alias("a sub-query")
        if name is None or not whole.args.get("joins"):
            return whole
        query = self.make(exp.Subquery, start, this=self._all_of(whole, start))
        query.set("alias", exp.TableAlias(this=name))
        return query

    def _parenthesised(self) -> list[exp.Join]:
        self.need_sign("(")
        self.deeper()
        waiting, self.waiting = self.waiting, 0
        chain = self._chain()
        self.waiting = waiting
        self.need_sign(")")
        self.depth -= 1
        return chain

    def _all_of(self, joined: exp.Expr, start: Token) -> exp.Select:
        """Return the query of all columns of joined tables (``query_expression``)."""
        self.one_more_select(start)
        return self.make(
            exp.Select, start, expressions=[self.make(exp.Star, start)],
            from_=self.make(exp.From, start, this=joined),
        )  # fmt: skip

    def holds_join(self) -> bool:
        """Whether the parenthesis that comes next holds joined tables, not values."""
        opened = 0
        while self.ahead(opened).value == "(" and self.ahead(opened).kind == "sign":
            opened += 1
        depth = opened
        for token in self.tokens[self.pos + opened :]:
            if token.kind == "sign" and token.value in {"(", ")"}:
                depth += 1 if token.value == "(" else -1
                opened = min(opened, depth)
            if depth <= 0 or token.kind == "end":
                return False
            if token.kind == "word" and token.value == "JOIN" and depth <= opened:
                return True
        return False

    def joined_query(self) -> exp.Subquery:
        """Read ``( joined tables )`` where a query may stand: all their columns."""
        start = self.token
        first, *joins = self._parenthesised()
        whole = first.this
        if joins:
            whole = self.make(exp.Subquery, start, this=first.this, joins=joins)
        return self.make(exp.Subquery, start, this=self._all_of(whole, start))

    def _named_table(self) -> exp.Table:
        start = self.token
        parts = [self.identifier("a table")]
        while self.take_sign("."):
            parts.append(self.identifier("a name"))
        if self.is_sign("("):
            if not (len(parts) == 1 and parts[0].this == "lateral"):
                self.fault("Q107", "ADQL has no table functions", start)
            else:
                self.fault("Q107", FOREIGN_WORDS["LATERAL"], start)
            raise Lost
        if len(parts) > 3:  # noqa: PLR2004 - catalog.schema.table
            self.fault("Q101", "a table has at most three names", start)
            raise Lost
        self.tables += 1
        if self.tables > MOST_TABLES:
            self.exceed(f"more than {MOST_TABLES} tables", start)
        names = dict(zip(("this", "db", "catalog"), parts[::-1], strict=False))
        table = self.make(exp.Table, start, **names)
        alias = self.alias("a table")
        if alias is not None:
            table.set("alias", exp.TableAlias(this=alias))
        if self.is_sign("(") and alias is not None:
            self.fault("Q107", "ADQL gives no column names to a table name")
            raise Lost
        return table
