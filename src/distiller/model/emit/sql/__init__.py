"""The model as SQL: schemas, tables, keys, indexes, views and comments."""

from __future__ import annotations

from distiller.model.emit.sql.ddl import ENGINES, Engine, ddl, sql_type
from distiller.model.names import RESERVED, literal, qualified, quoted

__all__ = [
    "ENGINES",
    "RESERVED",
    "Engine",
    "ddl",
    "literal",
    "qualified",
    "quoted",
    "sql_type",
]
