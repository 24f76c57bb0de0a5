"""Values of users as literals of ADQL, so that no text becomes part of a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def text(value: str) -> str:
    """Write a character string literal (ADQL 2.1 section 2.1: quotes doubled).

    >>> text("Barnard's star")
    "'Barnard''s star'"
    """
    return "'" + value.replace("'", "''") + "'"


def number(value: float) -> str:
    """Write a finite number, exactly.

    >>> number(-1e-20), number(83.0)
    ('-1e-20', '83.0')
    """
    return repr(float(value))


def one_of(column: str, values: Iterable[str]) -> str:
    """Return the condition that a column is one of some literals, at least one.

    >>> one_of("o.obs_id", ["'1'", "'2'"])
    "o.obs_id IN ('1', '2')"
    """
    listed = list(values)
    if len(listed) == 1:
        return f"{column} = {listed[0]}"
    return f"{column} IN ({', '.join(listed)})"
