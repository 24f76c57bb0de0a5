"""The embedded archive: one DuckDB file, owned by one process."""

from __future__ import annotations

from distiller.archive.duckdb.engine import DuckDBEngine

__all__ = ["DuckDBEngine"]
