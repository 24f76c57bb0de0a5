"""What ingests refused, in ``internal.refused_file``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from distiller.core.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

_TABLE: Final = "internal.refused_file"
_AT_ONCE: Final = 500


def refusals(
    connection: duckdb.DuckDBPyConnection, collection: str | None
) -> list[Refusal]:
    """Return what was refused, of one collection or of all, in a fixed order."""
    names = ", ".join(Refusal.names())
    condition = "" if collection is None else "WHERE collection = ?"
    found = connection.execute(
        f"SELECT {names} FROM {_TABLE} {condition} "  # noqa: S608 - fixed names
        "ORDER BY collection, path, obs_id",
        [] if collection is None else [collection],
    ).fetchall()
    return [Refusal(*row) for row in found]


def record(
    connection: duckdb.DuckDBPyConnection,
    added: Sequence[Refusal],
    cleared: Sequence[str],
) -> None:
    """Remember refusals in place of those with the same key; forget others."""
    names = ("refusal_id", *Refusal.names())
    gone = [*cleared, *(one.refusal_id for one in added)]
    connection.execute("BEGIN TRANSACTION")
    try:
        for start in range(0, len(gone), _AT_ONCE):
            connection.execute(
                f"DELETE FROM {_TABLE} WHERE refusal_id = ANY(?)",  # noqa: S608 - a fixed name
                [gone[start : start + _AT_ONCE]],
            )
        for one in added:
            marks = ", ".join("?" * len(names))
            connection.execute(
                f"INSERT INTO {_TABLE} ({', '.join(names)}) VALUES ({marks})",  # noqa: S608 - fixed names
                [getattr(one, name) for name in names],
            )
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
