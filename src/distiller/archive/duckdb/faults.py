"""DuckDB's errors as ours: whose fault it is, where, and what to do."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from distiller.archive import faults
from distiller.core.errors import (
    Busy,
    Damaged,
    DistillerError,
    InternalError,
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

_CORRUPT = "Corrupt database file"
_TYPES = {
    "INT16": "SMALLINT", "INT32": "INTEGER", "INT64": "BIGINT", "FLOAT": "REAL",
    "INT128": "BIGINT", "DOUBLE": "DOUBLE PRECISION",
}  # fmt: skip
_KNOWN = (
    (rf"Table with name {faults.KEPT} does not exist", faults.REPLACED),
    (r"[Dd]ivision by zero", faults.DIVISION),
    (r"More than one row returned by a subquery", faults.SEVERAL),
    (
        r"Could not convert string '(?P<value>.*?)' to (?P<type>\w+)",
        faults.NO_TYPE,
    ),
    (r'(?:timestamp|date) field [\w ]+: "(?P<value>.*?)"', faults.NO_INSTANT),
    (
        r"with value (?P<value>\S+) can't be cast .*type (?P<type>\w+)",
        faults.TOO_WIDE,
    ),
    (r"Overflow in \w+ of (?P<type>\w+)", faults.OVERFLOW),
    (r"a text became longer than (?P<value>\d+) characters", faults.TOO_LONG),
    (r"Max expression depth", faults.TOO_DEEP),
)
"""What users' values can bring about, in our words; the engine's advice is for those
who may change its settings."""


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise DuckDB's errors as ours; ``doing`` begins the text: "storing ivo://..."."""
    try:
        yield
    except duckdb.Error as error:
        raise translate(error, doing) from error


def translate(
    error: duckdb.Error, doing: str, *, users: bool = False
) -> DistillerError:
    """Return our error for one of DuckDB's.

    Parameters
    ----------
    users
        Whether the statement was a user's, so that bad values in it are theirs.
    """
    text = f"{doing}: {_first_line(error)}"
    passing = _passing(error, str(error), doing)
    if passing is not None:
        return passing
    if users and isinstance(error, _USERS):
        return faults.said(str(error), doing, _KNOWN, _TYPES) or UserError(text)
    if isinstance(error, duckdb.CatalogException) or _CORRUPT in text:
        return Damaged(text, hint=faults.RESTORE)
    return InternalError(text)


def _passing(error: duckdb.Error, whole: str, doing: str) -> DistillerError | None:
    """Return what is in the way now and may not be later."""
    if _LOCKED in whole:
        return Busy(
            f"{doing}: another process has the archive open",
            hint="if it is the server of this home, go through that; if it is another "
            "command such as an ingest, wait until it has ended",
        )
    if any(words in whole for words in _FULL):
        return faults.full_disk(doing)
    if isinstance(error, duckdb.OutOfMemoryException):
        if _SPILL in whole:
            return faults.no_spill(doing, "query_spill_mb")
        return faults.no_memory(doing, "query_memory_mb")
    if isinstance(error, duckdb.TransactionException) and "onflict" in whole:
        return Busy(f"{doing}: another change was made at the same time")
    return None


def _first_line(error: duckdb.Error) -> str:
    """Return the message without the statement that DuckDB quotes."""
    return str(error).partition("\n")[0].strip()
