"""DuckDB's errors as ours: whose fault it is, where, and what to do."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from distiller.core.errors import (
    Busy,
    DistillerError,
    IllegalState,
    InternalError,
    NoSpace,
    UserError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCKED = "Conflicting lock"
_FULL = ("No space left on device", "Disk quota exceeded", "max_temp_directory_size")
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
        return IllegalState(
            f"{doing}: another process has the archive open, most likely the server "
            f"of this home",
            hint="go through that server, or stop it first",
        )
    if any(words in whole for words in _FULL):
        return NoSpace(
            f"{doing}: the disk of the archive is full",
            hint="free space there and do it again; nothing was half-written",
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return Busy(
            f"{doing}: more memory is needed than the archive may use",
            hint="ask for fewer rows or columns, or sort less; the operator's limit "
            "is query_memory_mb",
        )
    if isinstance(error, duckdb.TransactionException) and "onflict" in whole:
        return Busy(f"{doing}: another change was made at the same time")
    if users and isinstance(error, _USERS):
        return UserError(f"{doing}: {text}")
    return InternalError(f"{doing}: {text}")


def _first_line(error: duckdb.Error) -> str:
    """Return the message without the statement that DuckDB quotes."""
    return str(error).partition("\n")[0].strip()
