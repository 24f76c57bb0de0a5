"""A table that a user brought, in DuckDB."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import duckdb

from distiller.model.emit.sql import quoted, sql_type

if TYPE_CHECKING:
    from distiller.archive.protocol import Given

_ARROW = "given_rows"
"""Under which the rows are known while they are copied."""


def make(
    cursor: duckdb.DuckDBPyConnection, table: Given, stored: str | None = None
) -> None:
    """Make a table of the rows: a temporary one, or a stored one of that name.

    A temporary one belongs to its cursor: no other sees it, and it goes when that is
    closed. It is a copy, since only of what the engine holds it knows how much it is.
    """
    columns = ", ".join(
        f"CAST(c{number} AS {kind}) AS c{number}"
        for number, kind in enumerate(table.types(sql_type), 1)
    )
    what = (
        f"TEMPORARY TABLE {quoted(table.name)}" if stored is None else f"TABLE {stored}"
    )
    cursor.register(_ARROW, table.rows)
    try:
        cursor.execute(f"CREATE {what} AS SELECT {columns} FROM {_ARROW}")  # noqa: S608 - fixed words and names that were quoted
    finally:
        with suppress(duckdb.Error):  # the first error tells more
            cursor.unregister(_ARROW)
