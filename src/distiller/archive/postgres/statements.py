"""SQL text taken apart as far as its quotes: parameters, and how many statements.

Parameters become literals here, since what reads them (COPY, ADBC) takes none. The
driver writes the literals, for a server with ``standard_conforming_strings``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from psycopg import sql

from distiller.core.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.archive.protocol import Parameters

_PART = re.compile(
    r"""
      (?P<quoted> [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" )
    | (?P<comment> --[^\n]* | /\*.*?\*/ )
    | (?P<dollars> \$(?:[A-Za-z_]\w*)?\$ )
    | \$(?P<name> [A-Za-z_]\w* )
    | (?P<mark> \? )
    | (?P<end> ; )
    | (?P<word> \w+ )
    | (?P<other> \s+ | . )
    """,
    re.DOTALL | re.VERBOSE,
)
_LONG = 20_000
_READING = frozenset({"select", "with", "values"})


def is_one_select(text: str) -> bool:
    """Tell whether a text can be one SELECT; the server has the last word.

    >>> is_one_select("(SELECT 1)"), is_one_select("SELECT ';' -- ; one")
    (True, True)
    >>> is_one_select("DROP TABLE x"), is_one_select("SELECT 1; SELECT 2")
    (False, False)
    """
    # Most questions are asked again; long texts are not kept.
    return (_told if len(text) < _LONG else _told.__wrapped__)(text)


@functools.lru_cache(512)
def _told(text: str) -> bool:
    parts = [
        part
        for part in _parts(text)
        if part.lastgroup != "comment" and not part.group().isspace()
    ]
    if any(part.lastgroup in {"end", "dollars"} for part in parts):
        return False
    first = next((part for part in parts if part.group() != "("), None)
    return first is not None and first.group().lower() in _READING


def bound(text: str, params: Parameters) -> str:
    """Return the statement with its parameters ``$name`` or ``?`` as literals.

    >>> bound("SELECT $a || '$a' FROM t WHERE b = ANY($b)", {"a": "x'y", "b": [1, 2]})
    "SELECT 'x''y' || '$a' FROM t WHERE b = ANY('{1,2}'::int2[])"
    >>> bound("SELECT ?, ?", [None, 0.1])
    'SELECT NULL, 0.1'

    Raises
    ------
    InternalError
        If a parameter is missing, or one is left over.
    """
    if not params:
        return text
    named = params if isinstance(params, Mapping) else {}
    marks = iter(()) if isinstance(params, Mapping) else iter(params)
    parts = []
    for part in _parts(text):
        try:
            if part.lastgroup == "name":
                parts.append(_literal(named[part["name"]]))
            elif part.lastgroup == "mark":
                parts.append(_literal(next(marks)))
            else:
                parts.append(part.group())
        except (KeyError, StopIteration):
            raise InternalError(f"a statement lacks {part.group()}") from None
    if list(marks):
        raise InternalError("a statement has fewer marks than parameters")
    return "".join(parts)


def _parts(text: str) -> Iterator[re.Match[str]]:
    return _PART.finditer(text)


def _literal(value: Any) -> str:
    return sql.Literal(value).as_string()
