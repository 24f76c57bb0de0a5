"""The model as SQL: schemas, tables, keys, indexes, views and comments."""

from __future__ import annotations

from distiller.model.emit.sql.ddl import ddl, sql_type
from distiller.model.names import RESERVED, literal, qualified, quoted

__all__ = [
    "RESERVED",
    "ddl",
    "literal",
    "qualified",
    "quoted",
    "sql_type",
]
