"""One SELECT on PostgreSQL: COPY in binary, read as Arrow by ADBC while it runs."""

from __future__ import annotations

import re
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
_BY_COPY: Final = {"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)}
_AT_ONCE: Final = {"adbc.postgresql.use_copy": "false"}
_PLAIN: Final = frozenset(
    kind.id
    for kind in (
        pa.bool_(), pa.int16(), pa.int32(), pa.int64(), pa.float32(), pa.float64(),
        pa.string(),
    )
)  # fmt: skip
"""Types that are the same on both engines."""
_FEW: Final = 100
"""So many rows are taken at once, and are in memory together."""
_LIMIT: Final = re.compile(r"\sLIMIT ([0-9]{1,9})$")
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
        self._rows: _Rows | None = None
        self._text = ""
        self._closing = threading.Lock()

    def _check(self, sql: str, params: Parameters) -> None:
        text = sql.rstrip().removesuffix(";")
        if not is_one_select(text):
            raise no_select()
        self._text = bound(text, params)
        self._connection = self._pool.begin(self._load if self._tables else None)

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
        assert self._connection is not None  # noqa: S101 - `started` comes before
        self._statement = adbc.AdbcStatement(self._connection)
        is_short = _is_short(self._text)
        self._statement.set_options(**(_AT_ONCE if is_short else _BY_COPY))
        self._statement.set_sql_query(self._text)
        handle, _ = self._statement.execute_query()
        self._rows = _Rows(
            AdbcRecordBatchReader._import_from_c(handle.address),  # noqa: SLF001 - the way of Arrow's C interface
            self._batch_rows,
            self._watchdog,
            is_short=is_short,
        )
        self._rows.describe()
        return self._rows

    def _interrupt(self) -> None:
        with self._closing:
            if self._statement is not None:
                with suppress(adbc.Error):  # it may have ended meanwhile
                    self._statement.cancel()

    def _release(self, reader: Batches | None) -> None:
        del reader  # it is one of ours, or could not be described
        # Whatever goes wrong, the next step is taken: a place in the pool is not lost.
        with ExitStack() as last:
            last.callback(self._give_back)
            last.callback(self._close_statement)
            rows, self._rows = self._rows, None
            if rows is not None:
                self._is_at_rest = False
                self._is_at_rest = rows.emptied(self._statement)
                rows.close()

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
        self,
        rows: AdbcRecordBatchReader,
        most: int,
        watchdog: Watchdog,
        *,
        is_short: bool,
    ) -> None:
        self._rows = rows
        self._most = most
        self._watchdog = watchdog
        self._rest: pa.RecordBatch | None = None
        self._ahead: Ahead | None = None
        self._is_long = False
        # The server has nothing left to say of an answer that came at once.
        self._ended = is_short
        self._cast: tuple[int, ...] = ()
        self.schema = rows.schema

    def describe(self) -> None:
        """Give the columns the types that the other engine gives."""
        cast: list[int] = []
        for number, field in enumerate(self.schema):
            if field.type.id in _PLAIN:
                continue
            plain = _plain(field)
            if plain.type != field.type:
                cast.append(number)
                self.schema = self.schema.set(number, plain)
        self._cast = tuple(cast)

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
        if not self._cast:
            return batch
        arrays = batch.columns
        for number in self._cast:
            arrays[number] = _converted(arrays[number], self.schema.field(number).type)
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _raw(self) -> pa.RecordBatch:
        """Return the next rows as they come; those of a long answer are read ahead."""
        if self._ahead is not None:
            return self._ahead.next()
        if self._is_long:
            self._ahead = Ahead(self._rows.read_next_batch)
            return self._ahead.next()
        batch = self._rows.read_next_batch()
        self._is_long = not self._ended and batch.get_total_buffer_size() > _LONG_BYTES
        return batch

    def emptied(self, statement: adbc.AdbcStatement | None) -> bool:
        """Read what is left; tell whether the connection is at rest then.

        Where rows were left out, there is mostly one: much more is cut off.
        """
        if self._ended or statement is None:
            return self._ended
        self._ended = True
        rest = _Rest(statement)
        number = self._watchdog.arm(_REST_S, rest)
        try:
            while True:
                self._raw()
        except StopIteration:
            return not rest.is_cut_off
        except PostgresRunning.ERRORS as error:
            return isinstance(error, adbc.Error) and error.sqlstate == CANCELLED
        finally:
            self._watchdog.disarm(number)

    def close(self) -> None:
        """Let go of the rows."""
        self._rows.close()


class _Rest:
    """Rows that nobody wants, which are cut off once they take too long."""

    def __init__(self, statement: adbc.AdbcStatement) -> None:
        self._statement = statement
        self.is_cut_off = False

    def expire(self) -> None:
        """Cut them off, once; for the watchdog.

        Another cancel could come late, and hit who has the connection next.
        """
        if self.is_cut_off:
            return
        self.is_cut_off = True
        with suppress(adbc.Error):  # it may have ended meanwhile
            self._statement.cancel()


def _is_short(text: str) -> bool:
    """Tell whether a SELECT, its last word says so, gives a few rows at most.

    Such an answer comes in one piece. For a longer one the driver asks thrice: what it
    is like, twice, and for its rows by COPY, which come while they are made.

    >>> _is_short("SELECT 1 LIMIT 20"), _is_short("SELECT 1 LIMIT 10000001")
    (True, False)
    >>> _is_short("SELECT 1 -- LIMIT 2"), _is_short("(SELECT 1 LIMIT 2)")
    (False, False)
    """
    found = _LIMIT.search(text)
    return found is not None and int(found[1]) <= _FEW and "--" not in text


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
