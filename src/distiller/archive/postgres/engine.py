"""PostgreSQL with pgSphere: an archive that many processes may serve and fill."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

import adbc_driver_manager as adbc
import adbc_driver_postgresql
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from distiller.archive import install
from distiller.archive.pgsphere import ensure_pgsphere
from distiller.archive.postgres import functions, text
from distiller.archive.postgres.faults import (
    DRIVER_ERRORS,
    is_lost,
    refused,
    translate,
    translated,
)
from distiller.archive.postgres.load import load
from distiller.archive.postgres.mark import Mark
from distiller.archive.postgres.pool import Pool
from distiller.archive.postgres.query import PostgresRunning
from distiller.archive.postgres.session import PostgresSession
from distiller.archive.query import Watchdog
from distiller.core.errors import BadParameter, IllegalState
from distiller.model.emit.sql import qualified, sql_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    import pyarrow as pa

    from distiller.adql import Target
    from distiller.archive.engine import Session
    from distiller.archive.protocol import Given, Parameters
    from distiller.core.columns import Column
    from distiller.core.engines import EngineName
    from distiller.core.settings import Settings
    from distiller.model import BoundTable, Model

_OLDEST = 150_000
_MORE_READERS = 8
"""Look-ups of the server itself, beside the queries of users."""

_COMMON = {
    "timezone": "UTC",
    "datestyle": "ISO",
    "standard_conforming_strings": "on",
    "extra_float_digits": "1",
}
WRITING = {
    **_COMMON,
    "lock_timeout": "60s",
    "idle_in_transaction_session_timeout": "600s",
}
_READING = {
    **_COMMON,
    "default_transaction_read_only": "on",
    # What it compiles for a long answer would come before the first row.
    "jit": "off",
    "idle_in_transaction_session_timeout": "3600s",
    # A query whose client has gone ends by itself.
    "client_connection_check_interval": "5s",
}
_DEFAULTS = {
    "application_name": "distiller",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "client_encoding": "UTF8",
}
_KEPT = """
SELECT c.relname AS name, obj_description(c.oid, 'pg_class') AS comment
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'tap_user' AND c.relkind = 'r' AND starts_with(c.relname, $prefix)
"""


class PostgresEngine:
    """A database of a PostgreSQL server, named by the setting ``database_url``."""

    name: Final[EngineName] = "postgresql"
    target: Final[Target] = "pgsphere"
    kept_tables: Final = _KEPT

    def __init__(self, settings: Settings) -> None:
        assert settings.database_url is not None  # noqa: S101 - `engine_of` has looked
        self._settings = settings
        self._url = settings.database_url.get_secret_value()
        given = settings.database_read_url or settings.database_url
        self._watchdog = Watchdog()
        self._mark = Mark()
        reading = _conninfo(given.get_secret_value(), _READING)
        _require_one_database(self._url, reading)
        self._pool = Pool(
            reading,
            settings.queries_at_once + settings.async_queries_at_once + _MORE_READERS,
            self._mark,
        )
        self._closed = False

    @property
    def place(self) -> str:
        """Server and database."""
        parts = conninfo_to_dict(self._url)
        host = parts.get("host") or "the local server"
        port = f":{parts['port']}" if "port" in parts else ""
        return (
            f"the database {parts.get('dbname') or parts.get('user')} at {host}{port}"
        )

    def exists(self) -> bool:
        """Tell whether the database holds an archive; look at the server, too."""
        with translated(f"opening {self.place}"):
            session = self.session()
            try:
                _check_server(session)
                return install.is_installed(session)
            finally:
                session.close()

    def make(self, model: Model) -> None:
        """Make an empty archive, in one transaction."""
        with translated(f"making an archive in {self.place}"):
            session = self.session()
            try:
                ensure_pgsphere(session.connection)
                install.install(self, session, model)
                self.allow_readers(session, model)
            finally:
                session.close()

    def session(self) -> PostgresSession:
        """Return a session that connects when it is first used."""
        if self._closed:
            raise IllegalState("the archive is closed")
        return PostgresSession(self._connect, self._mark)

    def query(  # noqa: PLR0913 - what a query is and may
        self,
        sql: str,
        params: Parameters,
        *,
        timeout_s: float,
        max_rows: int | None,
        batch_rows: int,
        tables: Sequence[Given] = (),
    ) -> AbstractContextManager[PostgresRunning]:
        """Run one SELECT, read-only, and stream its rows."""
        return PostgresRunning(
            self._pool, self._watchdog, timeout_s, max_rows, batch_rows, tables
        ).started(sql, params)

    def load(self, table: BoundTable, rows: pa.RecordBatchReader) -> int:
        """Take many rows into a table by COPY, on a connection of their own."""
        place = _conninfo(self._url, WRITING)
        with (
            closing(self.session()) as session,
            adbc_driver_postgresql.connect(place) as database,
            adbc.AdbcConnection(database) as connection,
        ):
            session.fetch("SELECT 1")  # raises where the archive was upgraded
            return load(connection, table, rows)

    @contextmanager
    def translated(self, doing: str) -> Iterator[None]:
        """Raise the errors of the engine as ours."""
        try:
            yield
        except DRIVER_ERRORS as error:
            if self._mark.doubts(error):
                with translated(doing), closing(self.session()) as session:
                    session.fetch("SELECT 1")  # raises what an upgrade explains
            raise translate(error, doing) from error

    def expect(self, shape: str) -> None:
        """From here on work only while the archive is of these tables."""
        self._mark.expected = shape

    def expect_mapping(self, mapping: str) -> None:
        """From here on work only while ivoa.obscore is filled by these mappings."""
        self._mark.mapping = mapping

    def reclaim(self) -> bool:
        """Do nothing: a table that was dropped is a file that goes at once."""
        return True

    def definitions(self) -> tuple[str, ...]:
        """Return the text of our SQL functions."""
        return (*text.statements(), *functions.sources())

    def sql_type(self, column: Column) -> str:
        """Return the SQL type of a column."""
        return sql_type(column, "postgresql")

    def close(self) -> None:
        """Close the connections; queries that run are interrupted first."""
        self._closed = True
        self._watchdog.close()
        self._pool.close()

    def _connect(self) -> psycopg.Connection:
        try:
            return psycopg.connect(_conninfo(self._url, WRITING), autocommit=True)
        except psycopg.OperationalError as error:
            # Whom the server turns away at its door gets no SQLSTATE.
            if is_lost(error) and "FATAL:" in str(error):
                raise _turned_away(error) from error
            raise

    def allow_readers(self, session: Session, model: Model) -> None:
        """Let the user of the second URL read, if there is one."""
        reader = self._reader()
        if reader is None:
            return
        schemas = dict.fromkeys([table.schema for table in model.tables] + ["dst"])
        for schema in schemas:
            session.execute(f"GRANT USAGE ON SCHEMA {schema} TO {reader}")
            session.execute(
                f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {reader}"
            )

    def unreadable(self, session: Session, model: Model) -> list[str]:
        """Return the tables that the user of the second URL cannot read."""
        reader = self._reader_name()
        if reader is None:
            return []
        names = [table.name for table in model.tables]
        return [
            str(name)
            for (name,) in session.fetch(
                "SELECT name FROM unnest($names::text[]) AS name "
                "WHERE to_regclass(name) IS NOT NULL AND NOT ("
                "has_table_privilege($reader, name, 'SELECT') AND "
                "has_schema_privilege($reader, split_part(name, '.', 1), 'USAGE'))",
                {"names": names, "reader": reader},
            )
        ]

    def allow_reader(self, session: Session, stored: str) -> None:
        """Let the user of the second URL read one table more."""
        reader = self._reader()
        if reader is not None:
            schema = stored.partition(".")[0]
            session.execute(f"GRANT USAGE ON SCHEMA {schema} TO {reader}")
            session.execute(f"GRANT SELECT ON {qualified(stored)} TO {reader}")

    def _reader(self) -> str | None:
        """Return the user of the second URL as SQL writes it, None without one."""
        name = self._reader_name()
        return None if name is None else psycopg.sql.Identifier(name).as_string()

    def _reader_name(self) -> str | None:
        if self._settings.database_read_url is None:
            return None
        url = self._settings.database_read_url.get_secret_value()
        user = conninfo_to_dict(url).get("user")
        if user is None:
            raise BadParameter("database_read_url", "it names no user")
        return str(user)


def _conninfo(url: str, options: dict[str, str]) -> str:
    """Return a URL with what sessions of the archive need; what it says goes first."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise BadParameter(
            "database_url",
            "it is no URL of PostgreSQL",
            hint="it looks like postgresql://user:password@host:5432/database",
        ) from error
    words = " ".join(f"-c {name}={value}" for name, value in options.items())
    if "options" in given:
        words = f"{given['options']} {words}"
    parts = {name: str(value) for name, value in given.items()}
    return make_conninfo("", **{**_DEFAULTS, **parts, "options": words})


def _require_one_database(url: str, read_url: str) -> None:
    """Refuse to write to one database and to read from another.

    Its server may be another: a standby of it.
    """
    own = conninfo_to_dict(url).get("dbname")
    read = conninfo_to_dict(read_url).get("dbname")
    if own and read and own != read:
        raise BadParameter(
            "database_read_url",
            f"is of the database {read}, and database_url of {own}",
            hint="set both for the same one; the environment beats distiller.toml",
        )


def _turned_away(error: psycopg.OperationalError) -> BadParameter:
    said = str(error).rpartition("FATAL:")[2].strip().partition("\n")[0]
    return refused(said)


def _check_server(session: PostgresSession) -> None:
    """Refuse a server or a database on which answers would differ."""
    ((version, encoding),) = session.fetch(
        "SELECT current_setting('server_version_num')::integer, "
        "current_setting('server_encoding')"
    )
    if version < _OLDEST:
        raise IllegalState(
            f"the PostgreSQL server is too old: version {version // 10_000}",
            hint="use PostgreSQL 15 or newer",
        )
    if encoding != "UTF8":
        raise IllegalState(
            f"the database keeps text in {encoding}, not in UTF-8",
            hint="make it with ENCODING 'UTF8' TEMPLATE template0, see "
            "docs/howto/postgresql.md",
        )
