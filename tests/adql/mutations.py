"""Queries with something changed, drawn by a seed: by malice or by a slip."""

from __future__ import annotations

import re
from random import Random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PIECE: Final = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\w+|\s+|[^\w\s]")
_FRAGMENTS: Final = (
    "SELECT", "FROM", "WHERE", "(", ")", ",", ".", ";", "*", "--", "'", '"', "/*", "*/",
    "=", "<", "||", "1", "-1", "1e999", "0x1F", "NULL", "NOT", "AND", "OR 1=1",
    "UNION SELECT * FROM information_schema.tables", "; DROP TABLE cta.product",
    "pg_sleep(9)", "read_text('/etc/passwd')", "(SELECT usename FROM pg_user)",
    "duckdb_secrets()", "sqlite_master", "pg_catalog.pg_authid", "current_user",
    "UNION ALL", "EXCEPT", "GROUP BY", "ORDER BY 99", "OFFSET 99999999999", "TOP 0",
    "LIMIT 1", "::text", "$1", "?", "%s", "{0}", "\\", "\x00", "\u2019", "\ud7ff", "é",
    "CAST(", "AS POINT)", "POINT(1, 91)", "CIRCLE(1, 2, -3)", "BOX(0, 90, 179, 179)",
    "POLYGON(0, 0, 0, 0, 0, 0)", "REGION('Union (')", "REGION('Not (Circle 1 2 3)')",
    "ivo_hasword('((', '[')", "LIKE '%'", "IN (SELECT obs_id FROM ivoa.obscore)",
    "MOD(1, 0)", "1/0", "POWER(10, 9999)", "9223372036854775807", "RAND()",
    "s_ra", "obs_id", "name", "t1", "+ 1", "AND 1 = 1", "OR NOT 1 = 1", "/ 2",
    "NATURAL JOIN", "USING (obs_id)", "ON 1=1", "WITH x AS (", "cta.product",
)  # fmt: skip


def mutated(queries: Sequence[str], count: int, seed: int) -> Iterator[str]:
    """Yield queries with one to three changes each."""
    random = Random(seed)  # noqa: S311 - no secret
    for _ in range(count):
        pieces = _PIECE.findall(random.choice(queries))
        other = _PIECE.findall(random.choice(queries))
        for _ in range(random.choice([1, 1, 1, 2, 3])):
            _change(pieces, other, random)
        yield "".join(pieces)


def _change(pieces: list[str], other: Sequence[str], random: Random) -> None:
    """Change a list of pieces in place, which stays not empty."""
    place, kind = random.randrange(len(pieces)), random.randrange(8)
    end = random.randint(place, min(len(pieces), place + 9))
    if kind == 0 and end - place < len(pieces):
        del pieces[place:end]
    elif kind == 1:
        pieces[place:place] = [" ", random.choice(_FRAGMENTS), " "]
    elif kind == 2:
        pieces[place] = random.choice(_FRAGMENTS)
    elif kind == 3:
        pieces[place:place] = pieces[place:end]
    elif kind == 4:
        begin = random.randrange(len(other))
        pieces[place:end] = other[begin : begin + 9]
    elif kind == 5:
        word = pieces[place]
        cut = random.randint(0, len(word))
        pieces[place] = word[:cut] + chr(random.randint(1, 0x2FF)) + word[cut:]
    elif kind == 6:
        mate = random.randrange(len(pieces))
        pieces[place], pieces[mate] = pieces[mate], pieces[place]
    else:
        pieces[place] = random.choice([w for w in other if w.strip()] or ["x"])
