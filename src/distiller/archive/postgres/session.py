"""A psycopg connection as a session of the archive."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg

from distiller.archive.postgres import functions, given, text
from distiller.archive.postgres.mark import LOOK
from distiller.archive.postgres.statements import bound
from distiller.core.errors import Busy
from distiller.model.emit.sql import postgresql, qualified, quoted
from distiller.model.emit.sql.cover import cover_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from distiller.archive.engine import Cells
    from distiller.archive.postgres.mark import Mark
    from distiller.archive.protocol import Given, Parameters
    from distiller.model import BoundTable, Model

_CHUNK = 5_000
_PATIENCE_S = 2
_EVERYTHING = "distiller:archive"
_ONE = "SELECT pg_advisory_xact_lock(hashtextextended($name, 0))"
_SHARED = "SELECT pg_advisory_xact_lock_shared(hashtextextended($name, 0))"
_INDEXES = """
SELECT n.nspname || '.' || c.relname FROM pg_index x
JOIN pg_class c ON c.oid = x.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE x.indisvalid
"""
_ALONE = "SELECT pg_advisory_lock(hashtextextended($name, 0))"


class PostgresSession:
    """One connection; where it broke, the next use makes another one.

    Several processes may change one archive. Who changes a collection keeps others from
    changing that one; who changes everything keeps all others out. None of them goes on
    in an archive that was upgraded meanwhile.
    """

    def __init__(self, connect: Callable[[], psycopg.Connection], mark: Mark) -> None:
        self._connect = connect
        self._mark = mark
        self._kept: psycopg.Connection | None = None
        self._within = False

    @property
    def connection(self) -> psycopg.Connection:
        """The connection; one that broke between transactions is replaced."""
        if self._within and self._kept is not None:
            return self._kept
        try:
            found = self._look() if self._kept is not None else None
        except psycopg.Error:
            self.close()
            found = None
        if self._kept is None:
            self._kept = self._connect()
            found = self._look()
        self._mark.verify(found)
        return self._kept

    def _look(self) -> str | None:
        """Ask the server for the mark; one round trip."""
        assert self._kept is not None  # noqa: S101 - callers have looked
        if self._mark.expected is None:
            self._kept.execute("SELECT 1")
            return None
        row = self._kept.execute(LOOK).fetchone()
        return None if row is None else str(row[0])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end of the block; roll back whatever leaves it by an error."""
        with self._block("BEGIN", "COMMIT"):
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read what the archive holds at one moment."""
        begin = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
        with self._block(begin, "ROLLBACK"):
            self._mark.verify(self._look())
            yield

    def keep_others_out(self) -> None:
        """Wait until no other process changes anything; they wait from here on.

        Holds until the session is closed.
        """
        self.fetch(_ALONE, {"name": _EVERYTHING})

    @contextmanager
    def _block(self, begin: str, end: str) -> Iterator[None]:
        connection = self.connection
        connection.execute(begin.encode())
        self._within = True
        try:
            yield
            connection.execute(end.encode())
        except BaseException:
            with suppress(psycopg.Error):  # of a connection that broke
                connection.execute("ROLLBACK")
            raise
        finally:
            self._within = False

    def lock(self, names: Sequence[str]) -> None:
        """Wait until no other process changes the datasets under these names."""
        self.fetch(_SHARED, {"name": _EVERYTHING})
        for name in sorted(set(names)):
            self.fetch(_ONE, {"name": name})
        self._mark.verify(self._look())

    def lock_all(self) -> None:
        """Wait until no other process changes anything."""
        self.fetch(_ONE, {"name": _EVERYTHING})
        self._mark.verify(self._look())

    def execute(self, sql: str, params: Parameters = ()) -> int:
        """Run one statement; return the number of rows that it has changed."""
        return max(0, self._run(sql, params).rowcount)

    def fetch(self, sql: str, params: Parameters = ()) -> list[Cells]:
        """Run one query; return its rows."""
        return self._run(sql, params).fetchall()

    def _run(self, sql: str, params: Parameters) -> psycopg.Cursor[Any]:
        return self.connection.execute(bound(sql, params).encode())

    def chunks(self, sql: str) -> Iterator[list[Cells]]:
        """Run one query of many rows, inside `snapshot`."""
        with self.connection.cursor("chunks") as cursor:
            cursor.execute(sql.encode())
            while rows := cursor.fetchmany(_CHUNK):
                yield rows

    def insert(self, table: BoundTable, rows: Sequence[Cells]) -> int:
        """Insert rows of new keys; return their number."""
        return self._copy(table.name, table.names, rows)

    def insert_absent(self, table: BoundTable, rows: Sequence[Cells]) -> int:
        """Insert rows whose keys are absent; return the number of those.

        COPY knows no such rule, so that the rows go by a table of this connection.
        """
        staged = f"staged_{table.name.replace('.', '_')}"
        names = ", ".join(quoted(name) for name in table.names)
        keys = ", ".join(quoted(name) for name in table.key)
        self.execute(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {staged} (LIKE {table.name}) "
            "ON COMMIT DELETE ROWS"
        )
        self._copy(staged, table.names, rows)
        return self.execute(
            f"INSERT INTO {table.name} ({names}) "  # noqa: S608 - names of the model
            f"SELECT {names} FROM {staged} ORDER BY {keys} "
            f"ON CONFLICT ({keys}) DO NOTHING"
        )

    def _copy(self, name: str, columns: Sequence[str], rows: Sequence[Cells]) -> int:
        names = ", ".join(quoted(column) for column in columns)
        statement = f"COPY {name} ({names}) FROM STDIN"
        with self.connection.cursor() as cursor:
            with cursor.copy(statement.encode()) as copy:
                for row in rows:
                    copy.write_row(row)
            return cursor.rowcount

    def define(self) -> None:
        """Define our SQL functions in the schema ``dst``."""
        for statement in (*text.statements(), *cover_statements()):
            self.execute(statement)
        functions.install(self.connection)

    def undefined(self) -> list[str]:
        """Return the names of our functions that the database has not."""
        wanted = (*text.statements(), *cover_statements(), *functions.sources())
        return functions.missing(self.connection, wanted)

    def lost_indexes(self, model: Model) -> list[str]:
        """Return the indexes of a model that are not there, or not whole."""
        found = {row[0] for row in self.fetch(_INDEXES)}
        wanted = {
            f"{table.schema}.{name}": table.name
            for table in model.tables
            for name in postgresql.indexes(table)
        }
        return [
            f"{name} of {table}" for name, table in wanted.items() if name not in found
        ]

    def keep(self, stored: str, table: Given) -> None:
        """Make a table that stays, with its rows."""
        name = qualified(stored)
        self.execute(f"CREATE TABLE {name} ({given.columns(table)})")
        statement = f"COPY {name} FROM STDIN (FORMAT csv)".encode()
        with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            for part in given.as_csv(table):
                copy.write(part)

    def drop(self, stored: str) -> None:
        """Take such a table away; who reads it is not waited for longer than a bit."""
        self.execute(f"SET LOCAL lock_timeout = '{_PATIENCE_S}s'")
        try:
            self.execute(f"DROP TABLE {qualified(stored)}")
        except psycopg.errors.LockNotAvailable as error:
            raise Busy(
                "a query still reads the table that would go",
                hint="do it again once that has ended",
            ) from error
        self.execute("SET LOCAL lock_timeout TO DEFAULT")

    def index(
        self, stored: str, places: Sequence[tuple[str, str]], shapes: Sequence[str]
    ) -> None:
        """Index positions and shapes as those of the archive are."""
        where = f"CREATE INDEX ON {qualified(stored)}"
        for lon, lat in places:
            self.execute(f"{where} USING gist (dst.place({lon}, {lat}))")
        for shape in shapes:
            self.execute(f"{where} USING gist (dst.cover({shape}))")
            self.execute(f"{where} {postgresql.uncovered(shape)}")
        self.execute(f"ANALYZE {qualified(stored)}")

    def close(self) -> None:
        """Close the connection."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()
