"""The schema of an archive: made from the model, filled with TAP_SCHEMA, compared."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pyarrow as pa

from distiller.archive.functions import macro_statements
from distiller.core.errors import IllegalState
from distiller.model.emit import sql, tap_schema
from distiller.model.obscore import mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from distiller.core.bundle import Row
    from distiller.core.settings import Settings
    from distiller.model import Model

_SHAPE = "model.shape"
_WORDS = "model.words"
_MAPPING = "mapping"


def install(connection: duckdb.DuckDBPyConnection, model: Model) -> bool:
    """Make the schema where there is none, in one transaction.

    Returns
    -------
    Whether it was made now; False means it was there, and of this model.

    Raises
    ------
    IllegalState
        If the archive is of a model with other tables or columns.
    """
    statements = sql.ddl(model)
    shape, words = _checksums(model, statements)
    if _is_installed(connection):
        _compare(connection, model, shape, words)
        return False
    connection.execute("BEGIN TRANSACTION")
    try:
        for statement in (*statements, *macro_statements()):
            connection.execute(statement)
        _fill_tap_schema(connection, model)
        write_setting(connection, _SHAPE, shape)
        write_setting(connection, _WORDS, words)
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
    return True


def apply_mapping(
    connection: duckdb.DuckDBPyConnection,
    model: Model,
    settings: Settings,
    base_url: str,
) -> bool:
    """Fill ivoa.obscore anew if the mapping or what it depends on has changed.

    Returns
    -------
    Whether it had changed.
    """
    select = mapping(model).select_sql("duckdb")
    parameters = mapping_parameters(settings, base_url)
    state = json.dumps([select, parameters], sort_keys=True)
    if read_setting(connection, _MAPPING) == state:
        return False
    connection.execute("BEGIN TRANSACTION")
    try:
        connection.execute("DELETE FROM ivoa.obscore")
        connection.execute(f"INSERT INTO ivoa.obscore BY NAME {select}", parameters)
        write_setting(connection, _MAPPING, state)
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
    return True


def mapping_parameters(settings: Settings, base_url: str) -> dict[str, str]:
    """Return the parameters that the ObsCore mapping is run with."""
    return {
        "base_url": base_url.rstrip("/"),
        "calib_levels": json.dumps(settings.calib_levels, sort_keys=True),
    }


def read_setting(connection: duckdb.DuckDBPyConnection, name: str) -> str | None:
    """Return what the archive remembers under a name."""
    found = connection.execute(
        "SELECT value FROM internal.setting WHERE name = ?", [name]
    ).fetchall()
    return str(found[0][0]) if found else None


def write_setting(connection: duckdb.DuckDBPyConnection, name: str, value: str) -> None:
    """Remember something under a name."""
    connection.execute(
        "INSERT OR REPLACE INTO internal.setting (name, value) VALUES (?, ?)",
        [name, value],
    )


def _is_installed(connection: duckdb.DuckDBPyConnection) -> bool:
    found = connection.execute(
        "SELECT count(*) FROM duckdb_tables() "
        "WHERE schema_name = 'internal' AND table_name = 'setting'"
    ).fetchall()
    return bool(found[0][0])


def _compare(
    connection: duckdb.DuckDBPyConnection, model: Model, shape: str, words: str
) -> None:
    """Refuse an archive of other tables; renew descriptions that have changed."""
    if read_setting(connection, _SHAPE) != shape:
        raise IllegalState(
            "the archive was made with another version of the data model",
            hint="ingest into a new home with this version, or run the version that "
            "made it",
        )
    if read_setting(connection, _WORDS) == words:
        return
    connection.execute("BEGIN TRANSACTION")
    try:
        comments = [s for s in sql.ddl(model) if s.startswith("COMMENT ")]
        for statement in (*comments, *macro_statements()):
            connection.execute(statement)
        _fill_tap_schema(connection, model)
        write_setting(connection, _WORDS, words)
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _checksums(model: Model, statements: tuple[str, ...]) -> tuple[str, str]:
    """Return the checksum of tables and columns, and that of all else."""
    shape = [s for s in statements if not s.startswith("COMMENT ")]
    words = [s for s in statements if s.startswith("COMMENT ")]
    rows = json.dumps({k: list(map(dict, v)) for k, v in tap_rows(model).items()})
    return _digest(shape), _digest([*words, rows, *macro_statements()])


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def tap_rows(model: Model) -> Mapping[str, tuple[Row, ...]]:
    """Return the rows of TAP_SCHEMA that the model asks for."""
    return tap_schema.rows(model)


def _fill_tap_schema(connection: duckdb.DuckDBPyConnection, model: Model) -> None:
    filled = tap_rows(model)
    for table in filled:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of the model
    for table, rows in filled.items():
        if not rows:
            continue
        staged = pa.Table.from_pylist([dict(row) for row in rows])
        connection.register("staged_rows", staged)
        try:
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM staged_rows")  # noqa: S608 - names of the model
        finally:
            connection.unregister("staged_rows")
