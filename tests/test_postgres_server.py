"""The throw-away PostgreSQL that other tests use is what production has."""

from __future__ import annotations

import psycopg


def test_a_new_database_has_pgsphere(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        row = connection.execute(
            "SELECT version(), spoint(0, 0) <@ scircle(spoint(0, 0), 0.1)"
        ).fetchone()
    assert row is not None
    assert row[0].startswith("PostgreSQL 15")
    assert row[1] is True
