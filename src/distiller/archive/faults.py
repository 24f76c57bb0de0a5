"""DuckDB's errors as ours: whose fault it is, where, and what to do."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from distiller.core.errors import (
    Busy,
    DistillerError,
    InternalError,
    NoSpace,
    UserError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCKED = "Conflicting lock"
_FULL = ("No space left on device", "Disk quota exceeded")
_SPILL = "max_temp_directory_size"
_USERS = (
    duckdb.ConversionException,
    duckdb.OutOfRangeException,
    duckdb.TypeMismatchException,
    duckdb.SyntaxException,
    duckdb.ParserException,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.PermissionException,
    duckdb.InvalidInputException,
)
"""What a statement that was allowed can still meet in the values it works on."""


_NARROW = "leave such rows out in WHERE"
_WIDER = "compute with CAST(... AS BIGINT) or CAST(... AS DOUBLE PRECISION)"
_TYPES = {
    "INT16": "SMALLINT", "INT32": "INTEGER", "INT64": "BIGINT", "FLOAT": "REAL",
    "INT128": "BIGINT", "DOUBLE": "DOUBLE PRECISION",
}  # fmt: skip
_TEXTS: tuple[tuple[str, str, str], ...] = (
    (
        r"[Dd]ivision by zero",
        "an integer is divided by 0",
        f"{_NARROW}, or divide by CAST(... AS DOUBLE PRECISION)",
    ),
    (
        r"More than one row returned by a subquery",
        "a sub-query that stands for one value gives several rows",
        "use MAX, MIN or TOP 1 in it, or compare with IN or EXISTS",
    ),
    (
        r"Could not convert string '(?P<value>.*?)' to (?P<type>\w+)",
        "the text {value!r} is no {type}",
        f"{_NARROW}, or do not CAST them",
    ),
    (
        r'(?:timestamp|date) field [\w ]+: "(?P<value>.*?)"',
        "the text {value!r} is no TIMESTAMP",
        f"{_NARROW}, or do not CAST them",
    ),
    (
        r"with value (?P<value>\S+) can't be cast .*type (?P<type>\w+)",
        "{value} is out of the range of {type}",
        "CAST to a wider type",
    ),
    (
        r"Overflow in \w+ of (?P<type>\w+)",
        "a number is out of the range of {type}",
        _WIDER,
    ),
    (
        r"Max expression depth",
        "it has too many parts in each other",
        "write it in a simpler way",
    ),
)
"""What users' values can bring about, in our words; the engine's advice is for those
who may change its settings."""


@contextmanager
def translated(doing: str, *, users: bool = False) -> Iterator[None]:
    """Raise DuckDB's errors as ours.

    Parameters
    ----------
    doing
        What was being done, for the message: "storing ivo://...".
    users
        Whether the statement was a user's, so that bad values in it are theirs.
    """
    try:
        yield
    except duckdb.Error as error:
        raise translate(error, doing, users=users) from error


def translate(
    error: duckdb.Error, doing: str, *, users: bool = False
) -> DistillerError:
    """Return our error for one of DuckDB's."""
    text = _first_line(error)
    whole = str(error)
    if _LOCKED in whole:
        return Busy(
            f"{doing}: another process has the archive open",
            hint="if it is the server of this home, go through that; if it is another "
            "command such as an ingest, wait until it has ended",
        )
    if any(words in whole for words in _FULL):
        return NoSpace(
            f"{doing}: the disk of the archive is full",
            hint="free space there and do it again; nothing was half-written",
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return _too_large(whole, doing)
    if isinstance(error, duckdb.TransactionException) and "onflict" in whole:
        return Busy(f"{doing}: another change was made at the same time")
    if users and isinstance(error, _USERS):
        return _users(whole, text, doing)
    return InternalError(f"{doing}: {text}")


def _too_large(whole: str, doing: str) -> NoSpace | Busy:
    """Return which limit of the operators was reached."""
    if _SPILL in whole:
        return NoSpace(
            f"{doing}: it has more intermediate rows than the archive may put on disk",
            hint="sort and group less, or narrow it down; the operator's limit is "
            "query_spill_mb",
        )
    return Busy(
        f"{doing}: more memory is needed than the archive may use",
        hint="ask for fewer rows or columns, or sort less; the operator's limit "
        "is query_memory_mb",
    )


def _users(whole: str, text: str, doing: str) -> UserError:
    """Return what a user's values or statement brought about."""
    for pattern, message, hint in _TEXTS:
        found = re.search(pattern, whole, re.DOTALL)
        if found is not None:
            given = found.groupdict()
            given["type"] = _TYPES.get(given.get("type") or "", given.get("type"))
            return UserError(f"{doing}: {message.format(**given)}", hint=hint)
    return UserError(f"{doing}: {text}")


def _first_line(error: duckdb.Error) -> str:
    """Return the message without the statement that DuckDB quotes."""
    return str(error).partition("\n")[0].strip()
