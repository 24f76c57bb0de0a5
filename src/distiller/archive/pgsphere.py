"""pgSphere in a PostgreSQL database, also where its packaged script does not run.

PostgreSQL 15.20, and 17, refuse an operator whose commutator has another commutator
already. pgSphere before 1.4 declares two such operators,
``bigint @ smoc`` and ``spoint @ smoc``, that nothing uses any more
(https://github.com/postgrespro/pgsphere/issues/85), so that Debian 12's package fails
with ``CREATE EXTENSION``. Then its script is run here without the two.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg

from distiller.core.errors import IllegalState

if TYPE_CHECKING:
    from typing import LiteralString

_IS_THERE = "SELECT to_regtype('spoint') IS NOT NULL AND to_regtype('smoc') IS NOT NULL"
_IS_PACKAGED = (
    "SELECT default_version FROM pg_available_extensions WHERE name = 'pg_sphere'"
)
_SHARE = "SELECT setting FROM pg_config WHERE name = 'SHAREDIR'"
_CLASH = "is already the commutator of operator"
_CLASHING = re.compile(
    r"CREATE\s+OPERATOR\s+@\s*\(\s*LEFTARG\s*=\s*(?:bigint|spoint)\s*,"
    r"\s*RIGHTARG\s*=\s*smoc\s*,[^;]*;",
    re.IGNORECASE,
)
_MODULE = "'$libdir/pg_sphere'"


def ensure_pgsphere(connection: psycopg.Connection) -> None:
    """Make pgSphere's types and operators where the database lacks them.

    Parameters
    ----------
    connection
        Of a superuser, or to a database that has pgSphere; outside a transaction.

    Raises
    ------
    IllegalState
        If it is not installed on the server, or the user may not create it.
    """
    if _value(connection, _IS_THERE):
        return
    version = _value(connection, _IS_PACKAGED)
    if version is None:
        raise IllegalState(
            "the PostgreSQL server has no pgSphere",
            hint="install it there (Debian: postgresql-15-pgsphere)",
        )
    try:
        with connection.transaction():
            connection.execute("CREATE EXTENSION pg_sphere")
    except psycopg.errors.InsufficientPrivilege as error:
        raise IllegalState(
            "the database has no pgSphere, and this user may not create it",
            hint=_hint(str(_value(connection, "SELECT current_user"))),
        ) from error
    except psycopg.errors.InvalidFunctionDefinition as error:
        if _CLASH not in str(error):
            raise
        _run_script(connection, str(version))


def _hint(user: str) -> str:
    """Return what makes pgSphere without leaving tables to another user."""
    return (
        "a superuser runs `CREATE EXTENSION pg_sphere` in this database; where that "
        "fails (pgSphere before 1.4), `ALTER ROLE "
        f'"{user}" SUPERUSER`, then `distiller init`, then `ALTER ROLE "{user}" '
        "NOSUPERUSER`: see docs/howto/postgresql.md"
    )


def _run_script(connection: psycopg.Connection, version: str) -> None:
    folder = _value(connection, _SHARE)
    path = f"{folder}/extension/pg_sphere--{version}.sql"
    script = str(_value(connection, "SELECT pg_read_file(%s)", path))
    lines = [line for line in script.splitlines() if not line.startswith("\\")]
    text = _CLASHING.sub("", "\n".join(lines)).replace("'MODULE_PATHNAME'", _MODULE)
    with connection.transaction():
        connection.execute("SET LOCAL client_min_messages = warning")
        connection.execute(text.encode())


def _value(
    connection: psycopg.Connection, query: LiteralString, *parameters: str
) -> object:
    row = connection.execute(query, parameters or None).fetchone()
    return None if row is None else row[0]
