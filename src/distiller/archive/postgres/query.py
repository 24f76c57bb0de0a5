"""One SELECT on PostgreSQL: COPY in binary, read as Arrow by ADBC while it runs."""

from __future__ import annotations

import threading
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Final

import adbc_driver_manager as adbc
import pyarrow as pa
import pyarrow.compute as pc

# The public cursors of ADBC lose the SQLSTATE of what fails amid the rows.
from adbc_driver_manager._reader import AdbcRecordBatchReader

from distiller.archive.postgres import given
from distiller.archive.postgres.ahead import Ahead
from distiller.archive.postgres.faults import CANCELLED
from distiller.archive.postgres.pool import run
from distiller.archive.postgres.statements import bound, is_one_select
from distiller.archive.query import DOING, Running, Watchdog, no_select
from distiller.core.errors import InternalError, UserError
from distiller.model.emit.sql import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distiller.archive.postgres.pool import Pool
    from distiller.archive.protocol import Given, Parameters
    from distiller.archive.query import Batches
    from distiller.core.errors import DistillerError

_BATCH_BYTES: Final = 2**20
"""Rows of so many bytes are read at once: first rows soon, little memory."""
_LONG_BYTES: Final = _BATCH_BYTES // 4
"""What begins with so many is worth a thread that reads ahead."""
_REST_S: Final = 0.02
"""So long rows are still read that nobody wants, before the query is cut off."""


class PostgresRunning(Running):
    """The rows of a query on PostgreSQL."""

    ERRORS = (adbc.Error, pa.ArrowException, OSError)

    def __init__(  # noqa: PLR0913, PLR0917 - what a query is and may
        self,
        pool: Pool,
        watchdog: Watchdog,
        timeout_s: float,
        max_rows: int | None,
        batch_rows: int,
        tables: Sequence[Given] = (),
    ) -> None:
        super().__init__(watchdog, timeout_s, max_rows, batch_rows)
        self._pool = pool
        self._tables = tables
        self._is_own = bool(tables)
        self._is_at_rest = True
        self._connection: adbc.AdbcConnection | None = None
        self._statement: adbc.AdbcStatement | None = None
        self._schema: pa.Schema | None = None
        self._closing = threading.Lock()

    def _check(self, sql: str, params: Parameters) -> None:
        text = sql.rstrip().removesuffix(";")
        if not is_one_select(text):
            raise no_select()
        self._connection = self._pool.begin(self._load if self._tables else None)
        self._statement = adbc.AdbcStatement(self._connection)
        self._statement.set_options(
            **{"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)}
        )
        self._statement.set_sql_query(bound(text, params))
        handle = self._statement.execute_schema()
        given = pa.Schema._import_from_c(handle.address)  # noqa: SLF001 - the way of Arrow's C interface
        self._schema = pa.schema([_plain(field) for field in given])

    def _load(self, connection: adbc.AdbcConnection) -> None:
        """Make temporary tables of what was given, which go with their connection."""
        tables, self._tables = self._tables, ()
        run(connection, "BEGIN READ WRITE")
        for table in tables:
            given.make(connection, table)
            self._statement = given.filling(connection, table)
            try:
                self._statement.execute_update()
            finally:
                with self._closing:
                    self._statement.close()
                    self._statement = None
            run(connection, f"ANALYZE {quoted(table.name)}")
        run(connection, "COMMIT")

    def _run(self) -> Batches:
        assert self._statement is not None  # noqa: S101 - `started` comes before
        assert self._schema is not None  # noqa: S101 - likewise
        handle, _ = self._statement.execute_query()
        rows = AdbcRecordBatchReader._import_from_c(handle.address)  # noqa: SLF001 - likewise
        return _Rows(rows, self._schema, self._batch_rows)

    def _interrupt(self) -> None:
        with self._closing:
            if self._statement is not None:
                with suppress(adbc.Error):  # it may have ended meanwhile
                    self._statement.cancel()

    def _release(self, reader: Batches | None) -> None:
        # Whatever goes wrong, the next step is taken: a place in the pool is not lost.
        with ExitStack() as last:
            last.callback(self._give_back)
            last.callback(self._close_statement)
            if isinstance(reader, _Rows):
                self._is_at_rest = False
                self._is_at_rest = reader.emptied(self._statement)
                reader.close()

    def _close_statement(self) -> None:
        with self._closing:
            statement, self._statement = self._statement, None
            if statement is not None:
                statement.close()

    def _give_back(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            sound = self._is_at_rest and not self._is_over and not self._is_own
            self._pool.end(connection, sound=sound)

    def _fault(self, error: Exception) -> DistillerError:
        if isinstance(error, adbc.Error):
            return self._pool.explained(error, DOING)
        return InternalError(f"{DOING}: {str(error).partition(chr(10))[0]}")


class _Rows:
    """Batches of at most so many rows, of types that both engines have."""

    def __init__(
        self, rows: AdbcRecordBatchReader, schema: pa.Schema, most: int
    ) -> None:
        self._rows = rows
        self._most = most
        self._rest: pa.RecordBatch | None = None
        self._ahead: Ahead | None = None
        self._is_long = False
        self._ended = False
        self.schema = schema

    def read_next_batch(self) -> pa.RecordBatch:
        """Return the next rows, or raise StopIteration."""
        batch, self._rest = self._rest, None
        if batch is None:
            batch = self._read()
        if batch.num_rows > self._most:
            self._rest = batch.slice(self._most)
            batch = batch.slice(0, self._most)
        return batch

    def _read(self) -> pa.RecordBatch:
        try:
            batch = self._raw()
        except BaseException:
            self._ended = True
            raise
        arrays = [
            _converted(array, field.type)
            for array, field in zip(batch.columns, self.schema, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _raw(self) -> pa.RecordBatch:
        """Return the next rows as they come; those of a long answer are read ahead."""
        if self._ahead is not None:
            return self._ahead.next()
        if self._is_long:
            self._ahead = Ahead(self._rows.read_next_batch)
            return self._ahead.next()
        batch = self._rows.read_next_batch()
        self._is_long = batch.nbytes > _LONG_BYTES
        return batch

    def emptied(self, statement: adbc.AdbcStatement | None) -> bool:
        """Read what is left; tell whether the connection is at rest then.

        Where rows were left out, there is mostly one: much more is cut off.
        """
        if self._ended or statement is None:
            return self._ended
        self._ended = True
        cut_off = threading.Event()

        def stop() -> None:
            cut_off.set()
            with suppress(adbc.Error):  # it may have ended meanwhile
                statement.cancel()

        timer = threading.Timer(_REST_S, stop)
        timer.start()
        try:
            while True:
                self._raw()
        except StopIteration:
            return not cut_off.is_set()
        except PostgresRunning.ERRORS as error:
            return isinstance(error, adbc.Error) and error.sqlstate == CANCELLED
        finally:
            timer.cancel()
            timer.join()

    def close(self) -> None:
        """Let go of the rows."""
        self._rows.close()


def _plain(field: pa.Field[Any]) -> pa.Field[Any]:
    """Return a column with the type that the other engine gives."""
    kind = field.type
    if isinstance(kind, pa.OpaqueType) and kind.type_name == "numeric":
        kind = pa.float64()
    elif isinstance(kind, pa.JsonType):
        kind = pa.string()
    elif pa.types.is_timestamp(kind):
        kind = pa.timestamp("us")
    elif pa.types.is_list(kind):
        kind = pa.list_(kind.value_type)
    elif isinstance(kind, pa.BaseExtensionType):
        raise UserError(
            f"{DOING}: column {field.name} is of a type that cannot be given out",
            hint="CAST it to a number or to VARCHAR",
        )
    return pa.field(field.name, kind)


def _converted(array: pa.Array[Any], kind: pa.DataType) -> pa.Array[Any]:
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    return array if array.type == kind else pc.cast(array, kind)
