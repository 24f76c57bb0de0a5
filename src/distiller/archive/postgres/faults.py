"""PostgreSQL's errors as ours: whose fault it is, where, and what to do.

Both drivers tell the SQLSTATE; where the connection itself fails there may be none.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

import adbc_driver_manager as adbc
import psycopg

from distiller.archive import faults
from distiller.archive.query import no_select
from distiller.core.errors import (
    BadParameter,
    Busy,
    Damaged,
    DistillerError,
    IllegalState,
    InternalError,
    Unreachable,
    UserError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

DriverError: TypeAlias = psycopg.Error | adbc.Error
DRIVER_ERRORS = (psycopg.Error, adbc.Error)

CANCELLED = "57014"
_SERVER_GONE = ("57P01", "57P02", "57P03", "57P05", "08")
_REFUSED = ("28", "3D000")
_AWAY = re.compile(
    r"FATAL:  ?(?:password authentication failed|role .* (?:does not exist|is not "
    r"permitted to log in)|database .* does not exist|no pg_hba\.conf entry|"
    r"permission denied for database)"
)
_AT_ONCE = "another change was made at the same time"
_WAITED = {
    "40001": _AT_ONCE,
    "40P01": _AT_ONCE,
    "55P03": "another process is changing the archive",
}
_TOO_MANY = "53300"
_NO_MEMORY = "53200"
_FULL = "53100"
_SPILL = "53400"
_READ_ONLY = ("25006", "25001")
_NO_RIGHT = "42501"
_NOT_OURS = ("42P06", "42P07", "42723", "42710")
_DAMAGED = "XX00"
_LACKING = ("42P01", "42703", "42883", "3F000")
"""Tables, columns, functions and schemas that an archive has."""
_USERS = ("20", "21", "22", "2F", "42", "54", "0A", "P0")
"""Classes of what a statement that was allowed can still meet in its values."""

_TYPES = {
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "real": "REAL",
    "double precision": "DOUBLE PRECISION",
    "numeric": "DOUBLE PRECISION",
    "timestamp": "TIMESTAMP",
    "timestamp without time zone": "TIMESTAMP",
}
_TYPE = "|".join(sorted(_TYPES, key=len, reverse=True))
_KNOWN = (
    (rf'^relation "tap_user\.{faults.KEPT}" does not exist', faults.REPLACED),
    (r"^division by zero", faults.DIVISION),
    (r"^more than one row returned by a subquery", faults.SEVERAL),
    (
        r'^invalid input syntax for type (?:timestamp|date)[\w ]*: "(?P<value>.*)"',
        faults.NO_INSTANT,
    ),
    (r'^date/time field value out of range: "(?P<value>.*)"', faults.NO_INSTANT),
    (
        rf'^invalid input syntax for type (?P<type>{_TYPE}): "(?P<value>.*)"',
        faults.NO_TYPE,
    ),
    (
        rf'"(?P<value>.*)" is out of range for type (?P<type>{_TYPE})',
        faults.TOO_WIDE,
    ),
    (rf"^(?P<type>{_TYPE}) out of range", faults.OVERFLOW),
    (r"^value out of range: (?:over|under)flow", faults.Words(
        "a number is out of the range of DOUBLE PRECISION", faults.NARROW
    )),
    (r"^a text became longer than (?P<value>\d+) characters", faults.TOO_LONG),
    (r"^stack depth limit exceeded", faults.TOO_DEEP),
)  # fmt: skip


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise the drivers' errors as ours; ``doing`` begins the text."""
    try:
        yield
    except DRIVER_ERRORS as error:
        raise translate(error, doing) from error


def translate(  # noqa: PLR0911 - one answer a kind
    error: DriverError, doing: str, *, users: bool = False, reading: bool = False
) -> DistillerError:
    """Return our error for one of PostgreSQL's.

    Parameters
    ----------
    users
        Whether the statement was a user's, so that bad values in it are theirs.
    reading
        Whether it was made to read for somebody, who can do nothing about what the
        database lets us do.
    """
    state = error.sqlstate or ""
    text = _primary(error)
    if is_refused(error):
        return _closed(doing, text) if reading else refused(text)
    if is_lost(error):
        return Unreachable(
            f"{doing}: the database server does not answer",
            hint="do it again once it runs; nothing was half-written",
        ).with_detail(text)
    if state == _NO_RIGHT:
        if reading and "function" not in text:  # which one is the statement's choice
            return _closed(doing, text)
        return IllegalState(
            f"{doing}: {text}",
            hint="give the user of the database URL that right, see "
            "docs/howto/postgresql.md",
        )
    if state in _NOT_OURS and not users:
        return IllegalState(
            f"{doing}: {text}, and not as part of an archive",
            hint="name a database of its own",
        )
    if users and state in _READ_ONLY:
        return no_select()
    if users and state.startswith(_USERS):
        known = faults.said(text, doing, _KNOWN, _TYPES)
        return known or UserError(f"{doing}: {text}")
    return _limited(state, doing) or _ours(state, f"{doing}: {text}")


def refused(text: str) -> BadParameter:
    """Return what is said where the server does not let us in."""
    return BadParameter(
        "database_url", text, hint="see user, password and database of the URL"
    )


def _closed(doing: str, text: str) -> Unreachable:
    """Return what is said where the server does not let us read."""
    return Unreachable(
        f"{doing}: the database does not let this server in",
        hint="its operators find in the log what is missing",
    ).with_detail(f"{text}; see docs/howto/postgresql.md")


def is_refused(error: DriverError) -> bool:
    """Tell whether the server turned the user away.

    Where a connection cannot be made the driver of queries tells no SQLSTATE, and what
    the server said is in the words of the default language.
    """
    if error.sqlstate:
        return error.sqlstate.startswith(_REFUSED)
    return isinstance(error, adbc.Error) and _AWAY.search(str(error)) is not None


def is_lost(error: DriverError) -> bool:
    """Tell whether the connection is no more, or there was none."""
    state = error.sqlstate
    if state:
        return state.startswith(_SERVER_GONE)
    if isinstance(error, adbc.Error):
        return error.status_code == adbc.AdbcStatusCode.IO
    return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))


def _limited(state: str, doing: str) -> DistillerError | None:
    """Return which limit was reached, if one was."""
    if state == _FULL:
        return faults.full_disk(doing)
    if state == _SPILL:
        return faults.no_spill(doing, "temp_file_limit of the database")
    if state == _NO_MEMORY:
        return faults.no_memory(doing, "work_mem of the database")
    if state == _TOO_MANY:
        return Busy(
            f"{doing}: the database has too many connections",
            hint="the operator's limit is max_connections of the database",
        )
    if state in _WAITED:
        hint = "do it again once that is done"
        return Busy(f"{doing}: {_WAITED[state]}", hint=hint)
    return None


def _ours(state: str, text: str) -> InternalError:
    if state.startswith(_DAMAGED) or state in _LACKING:
        return Damaged(text, hint=faults.RESTORE)
    return InternalError(text)


def _primary(error: DriverError) -> str:
    """Return the message of the server in one line, without the statement."""
    if isinstance(error, psycopg.Error):
        return _line(error.diag.message_primary or str(error))
    details = {_text(name): _text(given) for name, given in error.details or ()}
    return _line(details.get("PG_DIAG_MESSAGE_PRIMARY") or str(error))


def _text(given: str | bytes) -> str:
    return given.decode(errors="replace") if isinstance(given, bytes) else given


def _line(text: str) -> str:
    r"""Return the first line, without what the drivers put before it.

    >>> _line('IO: [libpq] Failed to connect: connection to server failed\nIs it?')
    'connection to server failed'
    """
    first = text.strip().partition("\n")[0].strip()
    return first.rpartition("[libpq] ")[2].removeprefix("Failed to connect: ")
