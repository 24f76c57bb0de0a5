"""Constraints of a type whose words read as a condition on its attributes.

The grammar is that of an SQL condition, cut down to what every engine answers alike::

    condition  = and { "or" and } ;
    and        = not { "and" not } ;
    not        = [ "not" ] predicate ;
    predicate  = sum comparison sum { comparison sum }      (* 0 <= x < 360 *)
               | sum [ "not" ] "between" sum "and" sum
               | sum [ "not" ] "in" "(" sum { "," sum } ")"
               | sum "is" [ "not" ] "null"
               | attribute                                  (* of boolean type *)
               | "(" condition ")" ;
    sum        = product { ("+" | "-") product } ;
    product    = factor { ("*" | "/") factor } ;
    factor     = [ "-" ] ( number | quoted word | "true" | "false" | attribute
               | "(" sum ")" ) ;
    attribute  = [ "self." ] name { "." name } ;

Both sides of a comparison are numbers, texts, truths or instants. NULL passes.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from distiller.model.names import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Kind = Literal["number", "text", "truth", "instant", "region", "condition"]


class NoCondition(Exception):  # noqa: N818 - no error: most constraints are words
    """The words are no condition; the message says why."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A column that a condition may be on.

    Attributes
    ----------
    name
        Of the column.
    kind
        What its values are.
    single
        Whether they are numbers of single precision.
    """

    name: str
    kind: Kind
    single: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as SQL, and the columns that it is on."""

    sql: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Term:
    sql: str
    kind: Kind


_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    | (?P<text>'(?:[^']|'')*')
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
    | (?P<sign><=|>=|<>|!=|==|[<>=()+\-*/,])
    )""",
    re.VERBOSE,
)
_COMPARISONS = {
    "<": "<", "<=": "<=", ">": ">", ">=": ">=", "=": "=", "==": "=", "<>": "<>",
    "!=": "<>",
}  # fmt: skip
_WORDS = frozenset({
    "and", "or", "not", "between", "in", "is", "null", "true", "false",
})  # fmt: skip
_DEEPEST = 50


def read_condition(text: str, attributes: Mapping[str, Operand]) -> Condition:
    """Return a constraint as a condition on columns.

    Parameters
    ----------
    attributes
        The column of each attribute path, ``period.start``.

    Raises
    ------
    NoCondition
        If the words are not of the grammar, name what is no attribute, or compare what
        cannot be compared.

    Examples
    --------
    >>> start, stop = Operand("t_start", "number"), Operand("t_stop", "number")
    >>> columns = {"period.start": start, "period.stop": stop}
    >>> read_condition("period.start <= period.stop", columns).sql
    't_start <= t_stop'
    >>> read_condition("0<=self.period.start < 360", columns).sql
    '0 <= t_start AND t_start < 360'
    """
    return _Reader(text, attributes).read()


class _Reader:
    """Recursive descent, one method per rule."""

    def __init__(self, text: str, attributes: Mapping[str, Operand]) -> None:
        self._attributes = attributes
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0
        self._used: dict[str, None] = {}

    def read(self) -> Condition:
        """Return the whole as a condition."""
        term = self._or()
        if self._at < len(self._tokens):
            raise NoCondition(f"{self._tokens[self._at][1]!r} is too much")
        if not self._used:
            raise NoCondition("it is on no attribute")
        return Condition(_truth(term).sql, tuple(self._used))

    def _peek(self) -> str:
        """Return the next word or sign in lower case, empty for all else."""
        if self._at == len(self._tokens):
            return ""
        kind, text = self._tokens[self._at]
        return text.lower() if kind in {"word", "sign"} else ""

    def _take(self, *wanted: str) -> str:
        """Return the next word or sign and go on if it is one of these, else empty."""
        found = self._peek()
        if found and found in wanted:
            self._at += 1
            return found
        return ""

    def _need(self, wanted: str) -> None:
        if not self._take(wanted):
            raise NoCondition(f"{wanted!r} is lacking")

    def _or(self) -> _Term:
        return self._chain("or", self._and)

    def _and(self) -> _Term:
        return self._chain("and", self._not)

    def _chain(self, word: str, inner: Callable[[], _Term]) -> _Term:
        terms = [inner()]
        while self._take(word):
            terms.append(inner())
        if len(terms) == 1:
            return terms[0]
        listed = [f"({_truth(term).sql})" for term in terms]
        return _Term(f" {word.upper()} ".join(listed), "condition")

    def _not(self) -> _Term:
        if self._take("not"):
            return _Term(f"NOT ({_truth(self._predicate()).sql})", "condition")
        return self._predicate()

    def _predicate(self) -> _Term:
        left = self._sum()
        if self._peek() in _COMPARISONS:
            return self._comparisons(left)
        if self._take("is"):
            no = "NOT " if self._take("not") else ""
            self._need("null")
            return _Term(f"{_value(left).sql} IS {no}NULL", "condition")
        no = "NOT " if self._take("not") else ""
        if self._take("between"):
            low = self._sum()
            self._need("and")
            high = self._sum()
            _alike(left, low, high)
            text = f"{left.sql} {no}BETWEEN {low.sql} AND {high.sql}"
            return _Term(text, "condition")
        if self._take("in"):
            self._need("(")
            values = [self._sum()]
            while self._take(","):
                values.append(self._sum())
            self._need(")")
            _alike(left, *values)
            listed = ", ".join(value.sql for value in values)
            return _Term(f"{left.sql} {no}IN ({listed})", "condition")
        if no:
            raise NoCondition("'between' or 'in' is lacking after 'not'")
        return left

    def _comparisons(self, left: _Term) -> _Term:
        parts: list[str] = []
        while sign := self._take(*_COMPARISONS):
            right = self._sum()
            _alike(left, right)
            parts.append(f"{left.sql} {_COMPARISONS[sign]} {right.sql}")
            left = right
        return _Term(" AND ".join(parts), "condition")

    def _sum(self) -> _Term:
        left = self._product()
        while sign := self._take("+", "-"):
            right = self._product()
            _numbers(left, right)
            left = _Term(f"({left.sql} {sign} {right.sql})", "number")
        return left

    def _product(self) -> _Term:
        left = self._factor()
        while sign := self._take("*", "/"):
            right = self._factor()
            _numbers(left, right)
            # Whole numbers are divided, and zero is met, differently by each engine.
            text = (
                f"({left.sql} * {right.sql})"
                if sign == "*"
                else f"(CAST({left.sql} AS DOUBLE PRECISION) / NULLIF({right.sql}, 0))"
            )
            left = _Term(text, "number")
        return left

    def _factor(self) -> _Term:
        if self._take("-"):
            inner = self._inside(self._factor)
            _numbers(inner)
            # Two signs in a row would begin a comment.
            simple = inner.sql[0] in "0123456789"
            text = f"-{inner.sql}" if simple else f"(-({inner.sql}))"
            return _Term(text, "number")
        if self._take("("):
            term = self._inside(self._or)
            self._need(")")
            return _Term(f"({term.sql})", term.kind)
        if self._at == len(self._tokens):
            raise NoCondition("it ends too early")
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "number":
            return _Term(_number(text), "number")
        if kind == "text":
            return _Term(text, "text")
        if text.lower() in {"true", "false"}:
            return _Term(text.upper(), "truth")
        if kind == "sign" or text.lower() in _WORDS:
            raise NoCondition(f"{text!r} is out of place")
        return self._attribute(text)

    def _inside(self, rule: Callable[[], _Term]) -> _Term:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NoCondition("too many brackets")
        term = rule()
        self._depth -= 1
        return term

    def _attribute(self, path: str) -> _Term:
        operand = self._attributes.get(path.removeprefix("self."))
        if operand is None:
            raise NoCondition(f"{path} is no attribute with one column")
        self._used[operand.name] = None
        name = quoted(operand.name)
        if operand.single:
            return _Term(f"CAST({name} AS DOUBLE PRECISION)", "number")
        return _Term(name, operand.kind)


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise NoCondition(f"{text[at : at + 20].strip()!r} is not understood")
        found.append((str(match.lastgroup), match[str(match.lastgroup)]))
        at = match.end()
    return found


def _number(text: str) -> str:
    """Return a number that every engine takes as a double unless it is whole.

    >>> _number("360"), _number("0.50"), _number("1.e30")
    ('360', '0.5e0', '1e+30')
    """
    if text.isdigit():
        return text
    value = float(text)
    if math.isinf(value):
        raise NoCondition(f"{text} is too large")
    return repr(value) if "e" in repr(value) else f"{value!r}e0"


def _truth(term: _Term) -> _Term:
    if term.kind not in {"condition", "truth"}:
        raise NoCondition(f"{term.sql} is no condition")
    return term


def _value(term: _Term) -> _Term:
    if term.kind == "condition":
        raise NoCondition(f"{term.sql} is no value")
    return term


def _numbers(*terms: _Term) -> None:
    for term in terms:
        if term.kind != "number":
            raise NoCondition(f"{term.sql} is no number")


def _alike(*terms: _Term) -> None:
    kinds = {_value(term).kind for term in terms}
    if len(kinds) > 1 or "region" in kinds:
        listed = " and ".join(term.sql for term in terms)
        raise NoCondition(f"{listed} cannot be compared")


def guarded(condition: Condition, column: str, values: tuple[str, ...]) -> Condition:
    """Return the condition for the rows only whose column has one of these values.

    >>> guarded(Condition("a > 0", ("a",)), "kind", ("X",)).sql
    "kind NOT IN ('X') OR (a > 0)"
    """
    listed = ", ".join(literal(value) for value in values)
    text = f"{quoted(column)} NOT IN ({listed}) OR ({condition.sql})"
    return Condition(text, (column, *condition.columns))
