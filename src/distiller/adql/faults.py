"""Fault codes of ADQL, and the list that collects every fault of one text."""

from __future__ import annotations

import difflib
from bisect import bisect_right
from typing import TYPE_CHECKING

from distiller.core.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

CODES = {
    "Q101": "something is missing, or stands where it cannot stand",
    "Q102": "text or a delimited name is not closed",
    "Q103": "a character that is no part of ADQL",
    "Q104": "a reserved word used as a name",
    "Q105": "more than one statement",
    "Q106": "a statement other than SELECT",
    "Q107": "a construct of other SQL dialects that ADQL does not have",
    "Q108": "too long, too deep or too many",
    "Q109": "a malformed number",
    "Q110": "a condition where a value is due, or the reverse",
    "Q111": "a clause in a place where ADQL does not allow it",
    "Q201": "no such table",
    "Q202": "no such column",
    "Q203": "a column name that several tables have",
    "Q204": "a table name that is not in FROM",
    "Q205": "a name given twice",
    "Q206": "no such position in the SELECT list",
    "Q301": "no such function",
    "Q302": "wrong number of arguments",
    "Q303": "an argument of the wrong kind",
    "Q304": "operands that cannot be compared or combined",
    "Q305": "CONTAINS and INTERSECTS are compared with 0 or 1 only",
    "Q306": "an aggregate where there can be none",
    "Q307": "a column that is neither grouped nor aggregated",
    "Q308": "operands of a set operator that do not match",
    "Q309": "a sub-query that must have exactly one column",
    "Q310": "a unit that is unknown or cannot be converted",
    "Q311": "a value outside its range",
    "Q312": "a CAST that is not possible",
    "Q401": "valid ADQL that this service does not translate",
    "Q402": "a coordinate system other than ICRS, FK5 and GALACTIC",
    "Q403": "valid ADQL that this database engine does not translate",
    "Q410": "the name of an object that is not known here",
    "Q411": "a reference frame that ivo_geom_transform does not know",
    "Q430": "joined regions of STC-S where their parts alone do not tell",
}
"""Stable codes: Q1xx syntax, Q2xx names, Q3xx functions and types, Q4xx valid ADQL that
is not translated."""

UNTRANSLATED = "Q4"

_MOST = 50
_MOST_COMPARED = 1_000


class Faults:
    r"""Every fault found in one text.

    >>> faults = Faults("SELECT a\nFROM b")
    >>> faults.add("Q201", 14, "no table b")
    >>> [str(fault) for fault in faults.all()]
    ['2:6 Q201 no table b']
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: dict[tuple[int, str], str] = {}
        self._ends: list[int] | None = None

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def full(self) -> bool:
        """Whether no further fault is noted."""
        return len(self._found) >= _MOST

    def has(self, *codes: str) -> bool:
        """Whether a fault of one of these codes was noted."""
        return any(code in codes for _, code in self._found)

    def add(self, code: str, at: int, message: str) -> None:
        """Note a fault at the character offset ``at``; the first of a kind stays."""
        if code not in CODES:
            raise KeyError(code)
        if not self.full:
            self._found.setdefault((at, code), message)

    def all(self) -> tuple[Fault, ...]:
        """Return the faults in the order of the text."""
        return tuple(
            Fault(*self._place(at), code, message)
            for (at, code), message in sorted(self._found.items())
        )

    def _place(self, at: int) -> tuple[int, int]:
        if self._ends is None:
            self._ends = [i for i, c in enumerate(self._text) if c == "\n"]
        line = bisect_right(self._ends, at - 1)
        begin = self._ends[line - 1] + 1 if line else 0
        return line + 1, at - begin + 1


def meant(name: str, known: Iterable[str]) -> str:
    """Return the hint for a mistyped name, or nothing.

    >>> meant("s_raa", ["s_ra", "s_dec"])
    ' (did you mean s_ra?)'
    >>> meant("obscore", ["ivoa.obscore", "cta.product"])
    ' (did you mean ivoa.obscore?)'
    """
    names = sorted(set(known))[:_MOST_COMPARED]
    tails = [n for n in names if n.rpartition(".")[2] == name.rpartition(".")[2]]
    close = tails or difflib.get_close_matches(name.lower(), names, 1, 0.6)
    return f" (did you mean {close[0]}?)" if close else ""
