"""SQL functions on texts that DuckDB has and PostgreSQL has not."""

from __future__ import annotations

SCHEMA = "CREATE SCHEMA IF NOT EXISTS dst"

URL_ENCODE = r"""
CREATE OR REPLACE FUNCTION dst.url_encode(given text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT coalesce(string_agg(
    CASE WHEN piece ~ '^[A-Za-z0-9_.~-]$' THEN piece
    ELSE upper(regexp_replace(
      encode(convert_to(piece, 'UTF8'), 'hex'), '(..)', '%\1', 'g')) END,
    '' ORDER BY place), '')
  FROM regexp_split_to_table(given, '') WITH ORDINALITY AS pieces(piece, place)
$$
"""
"""Percent-encoding of all but unreserved characters (RFC 3986 section 2.1)."""


def statements() -> tuple[str, ...]:
    """Return the statements that define the functions, or define them anew."""
    return (SCHEMA, URL_ENCODE.strip())
