"""Many rows into one table of DuckDB, in the order in which the sky is asked for."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

import duckdb

from distiller.archive.duckdb.session import DuckDBSession
from distiller.core.errors import IllegalState
from distiller.model.emit.sql import duckdb as emit
from distiller.model.names import listed, qualified, quoted

if TYPE_CHECKING:
    import pyarrow as pa

    from distiller.core.columns import ForeignKey
    from distiller.model import BoundTable

_STAGED: Final = "loaded_rows"


def load(
    cursor: duckdb.DuckDBPyConnection, table: BoundTable, rows: pa.RecordBatchReader
) -> int:
    """Take rows into a table in one transaction; return their number."""
    names = tuple(rows.schema.names)
    session = DuckDBSession(cursor)
    cursor.register(_STAGED, rows)
    try:
        with session.transaction():
            given = f"SELECT {listed(names)} FROM {_STAGED}"  # noqa: S608 - names of the model
            count = session.execute(emit.insert(table, names, given, ordered=True))
            for key in table.foreign_keys:
                _require(session, table, key)
            return count
    finally:
        # In a transaction that failed it raises, too; the first error tells more.
        with suppress(duckdb.Error):
            cursor.unregister(_STAGED)
        cursor.close()


def _require(session: DuckDBSession, table: BoundTable, key: ForeignKey) -> None:
    """Refuse rows that refer to none: the engine keeps no foreign keys."""
    own = [quoted(name) for name, _ in key.columns]
    match = " AND ".join(f"b.{quoted(o)} = a.{quoted(n)}" for n, o in key.columns)
    known = " AND ".join(f"a.{name} IS NOT NULL" for name in own)
    ((count, example),) = session.fetch(
        f"SELECT count(*), min(a.{own[0]}) FROM {qualified(table.name)} a "  # noqa: S608 - names of the model
        f"WHERE {known} AND NOT EXISTS "
        f"(SELECT 1 FROM {qualified(key.target)} b WHERE {match})"
    )
    if count:
        raise IllegalState(
            f"{table.name}: {count} rows refer to rows of {key.target} that are not "
            f"there, such as {example!r}"
        )
