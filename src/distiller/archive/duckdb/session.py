"""A DuckDB cursor as a session of the archive."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from distiller.archive import functions
from distiller.archive.arrow import arrow_type
from distiller.archive.duckdb import given
from distiller.core.errors import InternalError
from distiller.model.emit.sql import duckdb as emit
from distiller.model.emit.sql import qualified, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from distiller.archive.engine import Cells
    from distiller.archive.protocol import Given, Parameters
    from distiller.model import BoundTable, Model

_CHUNK = 5_000
_ARROW_FROM = 100
"""Cells from which Arrow is quicker than parameters of an INSERT (measured)."""


class DuckDBSession:
    """One cursor. One process owns the file, so that there is nobody to lock out."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end of the block; roll back whatever leaves it by an error.

        DuckDB's COMMIT after a failed statement rolls back without an error: nothing
        is committed after one.
        """
        self._cursor.execute("BEGIN TRANSACTION")
        try:
            yield
        except BaseException:
            self._cursor.rollback()
            raise
        self._cursor.commit()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read what the archive holds at one moment."""
        self._cursor.execute("BEGIN TRANSACTION READ ONLY")
        try:
            yield
        finally:
            self._cursor.rollback()

    def lock(self, names: Sequence[str]) -> None:
        """Do nothing: callers within the process wait for each other already."""

    def lock_all(self) -> None:
        """Do nothing, likewise."""

    def execute(self, sql: str, params: Parameters = ()) -> int:
        """Run one statement; return the number of rows that it has changed."""
        found = self._cursor.execute(sql, params or None).fetchall()
        count = found[0][0] if found else 0
        return count if isinstance(count, int) else 0

    def fetch(self, sql: str, params: Parameters = ()) -> list[Cells]:
        """Run one query; return its rows."""
        return self._cursor.execute(sql, params or None).fetchall()

    def chunks(self, sql: str) -> Iterator[list[Cells]]:
        """Run one query of many rows."""
        self._cursor.execute(sql)
        while rows := self._cursor.fetchmany(_CHUNK):
            yield rows

    def insert(self, table: BoundTable, rows: Sequence[Cells]) -> int:
        """Insert rows of new keys; return their number."""
        return self._insert(table, rows, "")

    def insert_absent(self, table: BoundTable, rows: Sequence[Cells]) -> int:
        """Insert rows whose keys are absent; return the number of those."""
        keys = ", ".join(quoted(name) for name in table.key)
        return self._insert(table, rows, f" ON CONFLICT ({keys}) DO NOTHING")

    def _insert(self, table: BoundTable, rows: Sequence[Cells], rule: str) -> int:
        names = _names(table)
        width = len(table.columns)
        if len(rows) * width < _ARROW_FROM:
            marks = "(" + ", ".join("?" * width) + ")"
            given = f"VALUES {', '.join([marks] * len(rows))}"
            params = [cell for row in rows for cell in row]
            if not emit.regions(table):
                into = f"INSERT INTO {table.name} ({names})"
                return self.execute(f"{into} {given}{rule}", params)
            given = f"SELECT * FROM ({given}) AS v({names})"  # noqa: S608 - likewise
            return self.execute(emit.insert(table, table.names, given) + rule, params)
        types = [arrow_type(bound.column) for bound in table.columns]
        arrays = [
            _array(f"{table.name}.{name}", cells, kind)
            for name, cells, kind in zip(
                table.names, zip(*rows, strict=True), types, strict=True
            )
        ]
        staged = pa.Table.from_arrays(arrays, names=list(table.names))
        self._cursor.register("staged_rows", staged)
        given = f"SELECT {names} FROM staged_rows"  # noqa: S608 - names of the model
        try:
            return self.execute(emit.insert(table, table.names, given) + rule)
        finally:
            # In a transaction that failed it raises, too; the first error tells more.
            with suppress(duckdb.Error):
                self._cursor.unregister("staged_rows")

    def define(self) -> None:
        """Define our SQL functions in the file."""
        for statement in functions.macro_statements():
            self.execute(statement)

    def undefined(self) -> list[str]:
        """Return the names of our macros that the file has not."""
        wanted = {head.partition("(")[0] for head in functions.MACROS}
        found = self.fetch("SELECT function_name FROM duckdb_functions()")
        return sorted(wanted - {name for (name,) in found})

    def lost_indexes(self, model: Model) -> list[str]:
        """Return none: there are no indexes beside those of keys."""
        del model
        return []

    def keep(self, stored: str, table: Given) -> None:
        """Make a table that stays, with its rows."""
        given.make(self._cursor, table, qualified(stored))

    def drop(self, stored: str) -> None:
        """Take such a table away; queries that read it keep what they see."""
        self._cursor.execute(f"DROP TABLE {qualified(stored)}")

    def index(
        self, stored: str, places: Sequence[tuple[str, str]], shapes: Sequence[str]
    ) -> None:
        """Do nothing: there is no index on the sky."""

    def close(self) -> None:
        """Close the cursor."""
        self._cursor.close()


def _names(table: BoundTable) -> str:
    """Return the columns that rows have; an upgrade may have kept others beside."""
    return ", ".join(quoted(name) for name in table.names)


def _array(column: str, cells: Sequence[Any], kind: pa.DataType) -> pa.Array[Any]:
    try:
        return pa.array(cells, type=kind)
    except (pa.ArrowException, OverflowError, TypeError) as error:
        said = str(error).partition("\n")[0]
        raise InternalError(f"{column}: a value does not fit: {said}") from error
