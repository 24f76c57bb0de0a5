"""What users' values can bring about, in our words, whatever the engine said."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from distiller.core.errors import Busy, NoSpace, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NARROW = "leave such rows out in WHERE"
RESTORE = (
    "something of the archive is gone or damaged: stop the server and put a backup in "
    "its place (docs/howto/operate.md), or make it anew by ingesting the files again"
)


class Words(NamedTuple):
    """A message and its hint; the message may have {value} and {type} in it."""

    message: str
    hint: str


DIVISION = Words(
    "an integer is divided by 0",
    f"{NARROW}, or divide by CAST(... AS DOUBLE PRECISION)",
)
SEVERAL = Words(
    "a sub-query that stands for one value gives several rows",
    "use MAX, MIN or TOP 1 in it, or compare with IN or EXISTS",
)
NO_TYPE = Words("the text {value!r} is no {type}", f"{NARROW}, or do not CAST them")
NO_INSTANT = Words(
    "the text {value!r} is no TIMESTAMP", f"{NARROW}, or do not CAST them"
)
TOO_WIDE = Words("{value} is out of the range of {type}", "CAST to a wider type")
OVERFLOW = Words(
    "a number is out of the range of {type}",
    "compute with CAST(... AS BIGINT) or CAST(... AS DOUBLE PRECISION)",
)
TOO_LONG = Words(
    "a text became longer than {value} characters",
    "make groups of fewer rows, or choose fewer rows in WHERE",
)
REPLACED = Words(
    "a table of yours was replaced or removed after this query was read", "ask again"
)
KEPT = r"u_[0-9a-f]{16}_[0-9a-f]{16}\w*"
"""Name of a table that a user keeps, as the database has it."""
TOO_DEEP = Words("it has too many parts in each other", "write it in a simpler way")


def said(
    text: str,
    doing: str,
    known: Sequence[tuple[str, Words]],
    types: Mapping[str, str],
) -> UserError | None:
    """Return the error in our words, if a pattern fits what the engine said.

    Parameters
    ----------
    known
        Patterns, with groups ``value`` and ``type`` where the words need them.
    types
        ADQL's name of each of the engine's types.
    """
    for pattern, words in known:
        found = re.search(pattern, text, re.DOTALL)
        if found is not None:
            given = found.groupdict()
            given["type"] = types.get(given.get("type") or "", given.get("type"))
            return UserError(
                f"{doing}: {words.message.format(**given)}", hint=words.hint
            )
    return None


def full_disk(doing: str) -> NoSpace:
    """Return what is said where the disk is full."""
    return NoSpace(
        f"{doing}: the disk of the archive is full",
        hint="free space there and do it again; nothing was half-written",
    )


def no_spill(doing: str, limit: str) -> NoSpace:
    """Return what is said of too many intermediate rows."""
    return NoSpace(
        f"{doing}: it has more intermediate rows than the archive may put on disk",
        hint=f"sort and group less, or narrow it down; the operator's limit is {limit}",
    )


def no_memory(doing: str, limit: str) -> Busy:
    """Return what is said of too much memory."""
    return Busy(
        f"{doing}: more memory is needed than the archive may use",
        hint="ask for fewer rows or columns, or sort less; the operator's limit "
        f"is {limit}",
    )
