"""The statements of a whole model, for one engine or the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.core.engines import ENGINES
from distiller.core.errors import BadParameter
from distiller.model.emit.sql import duckdb, postgresql

if TYPE_CHECKING:
    from distiller.core.columns import Column
    from distiller.core.engines import EngineName
    from distiller.model.tables import Model


def ddl(model: Model, engine: str = "duckdb") -> tuple[str, ...]:
    """Return the statements that make the schema, each without a semicolon.

    Tables come after those they refer to. Tables of other models are not made: a view
    or foreign key of one needs it to be there. For PostgreSQL the database needs
    pgSphere where an index is of it.

    Raises
    ------
    BadParameter
        If the engine is not one that is supported.
    """
    if engine == "postgresql":
        return tuple(postgresql.statements(model))
    if engine == "duckdb":
        return tuple(duckdb.statements(model))
    raise BadParameter(
        "engine", f"unknown engine {engine!r}", hint=f"use {' or '.join(ENGINES)}"
    )


def sql_type(column: Column, engine: EngineName = "duckdb") -> str:
    """Return the type of a column.

    >>> from distiller.core.columns import Column
    >>> region = Column("s_region", "char", "*", "adql:REGION")
    >>> sql_type(region), sql_type(region, "postgresql")
    ('DOUBLE[]', 'DOUBLE PRECISION[]')
    """
    if engine == "postgresql":
        return postgresql.sql_type(column)
    return duckdb.sql_type(column)
