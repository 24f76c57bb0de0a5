"""The SQL functions of the schema ``dst``: the same answers as those of DuckDB.

They stand in files of SQL beside this one: `numbers` (arithmetic that never fails),
`texts` (texts of numbers, upper and lower case, words), `sphere` (regions), `sight`
(what is plain of them at first sight), `celestial` (HEALPix, proper motion, frames,
sexagesimal texts, and more) and `moc` (time MOCs).
Their bodies are read when they are made, so that no search path of a session changes
what they mean, and short ones are inlined into the query that calls them.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
import sys
import unicodedata
from collections import Counter
from importlib import resources
from typing import TYPE_CHECKING, Final

from distiller.archive import celestial, times
from distiller.archive.geometry import TOLERANCE_RAD
from distiller.core.errors import IllegalState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import psycopg

SCHEMA: Final = "dst"
FILES: Final = ("numbers", "texts", "sight", "sphere", "celestial", "moc")
SLACK_RAD: Final = 1e-8
"""By how much conditions for an index are wider than what they stand beside."""

_CASES: Final = ("C.utf8", "C.UTF-8", "und-x-icu")
"""Collations that know the case of every letter, the best first."""

_COLLATIONS: Final = (
    "SELECT collname FROM pg_collation WHERE collname = ANY(%s) "
    "AND collencoding IN (-1, pg_char_to_encoding('UTF8'))"
)
_COVER: Final = "SELECT to_regprocedure('dst.cover(double precision[])') IS NOT NULL"
_MADE: Final = re.compile(r"CREATE OR REPLACE (?:FUNCTION|AGGREGATE) dst\.(\w+)")
_THERE: Final = (
    "SELECT p.proname, count(*) FROM pg_proc p "
    "JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = %s GROUP BY 1"
)
_UTF8: Final = "SELECT current_setting('server_encoding') = 'UTF8'"


def install(connection: psycopg.Connection) -> None:
    """Make the schema ``dst`` and its functions, or bring them up to date.

    Parameters
    ----------
    connection
        To a database that has pgSphere, in the search path, and ``dst.cover``, which
        belongs to the tables.

    Raises
    ------
    IllegalState
        If the database is not in UTF-8, knows no case of letters, or has no
        ``dst.cover``.
    """
    if not _value(connection, _UTF8):
        raise IllegalState(
            "the PostgreSQL database is not in UTF-8",
            hint="make it with ENCODING 'UTF8' TEMPLATE template0",
        )
    if not _value(connection, _COVER):
        raise IllegalState(
            "the PostgreSQL database has no function dst.cover",
            hint="the tables of the data model are made first",
        )
    text = script(_case(connection))
    with connection.transaction():
        connection.execute("SET LOCAL check_function_bodies = off")
        connection.execute(text.encode())


def script(case: str = _CASES[0]) -> str:
    """Return the statements that define all functions.

    Parameters
    ----------
    case
        Collation of the database that knows upper and lower case.
    """
    parts = {
        "{tolerance}": repr(TOLERANCE_RAD),
        "{tolerance_deg}": f"{math.degrees(TOLERANCE_RAD):.3e}",
        "{crossing}": repr(TOLERANCE_RAD * 1e-3),
        "{slack}": repr(SLACK_RAD),
        "{case}": f'"{case}"',
        "{letters}": _letters(),
        "{hours}": celestial.HOURS,
        "{degrees}": celestial.DEGREES,
        "{leaps}": f"{{{', '.join(map(str, times.LEAPS_MJD))}}}",
        "{rate}": repr(times.RATE),
    }
    text = "\n".join(_read(name) for name in FILES)
    for mark, value in parts.items():
        text = text.replace(mark, value)
    return text


def sources() -> tuple[str, ...]:
    """Return the text of the files, which changes if a function does."""
    return tuple(_read(name) for name in FILES)


def missing(connection: psycopg.Connection, texts: Iterable[str]) -> list[str]:
    """Return the functions of some statements that are not there, by name.

    One that has several forms is missing if one of them is.
    """
    wanted = Counter(name for text in texts for name in _MADE.findall(text))
    rows = connection.execute(_THERE.encode(), [SCHEMA]).fetchall()
    there = Counter({str(name): int(count) for name, count in rows})
    return [f"{SCHEMA}.{name}" for name in sorted(wanted - there)]


def _read(name: str) -> str:
    path = resources.files("distiller.archive.postgres") / f"{name}.sql"
    return path.read_text(encoding="utf-8")


def _case(connection: psycopg.Connection) -> str:
    rows = connection.execute(_COLLATIONS, [list(_CASES)]).fetchall()
    found = {str(row[0]) for row in rows}
    for name in _CASES:
        if name in found:
            return name
    raise IllegalState(
        "the PostgreSQL server has no collation that knows upper and lower case",
        hint="one of C.utf8 and und-x-icu must be in pg_collation",
    )


@functools.cache
def _letters() -> str:
    r"""Return letters and digits of all alphabets as ranges of a regular expression.

    >>> _letters()[:9]
    '0-9A-Za-z'
    """
    return "".join(f"{a}-{b}" if a != b else a for a, b in _ranges())


def _ranges() -> Iterator[tuple[str, str]]:
    codes = (
        code
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code))[0] in "LN"
    )
    for _, group in itertools.groupby(enumerate(codes), lambda pair: pair[1] - pair[0]):
        members = [code for _, code in group]
        yield chr(members[0]), chr(members[-1])


def _value(connection: psycopg.Connection, query: str) -> object:
    row = connection.execute(query.encode()).fetchone()
    return None if row is None else row[0]
