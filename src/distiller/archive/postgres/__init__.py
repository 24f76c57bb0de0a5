"""The archive in PostgreSQL: psycopg for changes, ADBC for the rows of queries."""

from __future__ import annotations

from distiller.archive.postgres.engine import PostgresEngine

__all__ = ["PostgresEngine"]
