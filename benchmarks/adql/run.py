"""How long questions about the sky and arithmetic take on PostgreSQL.

    .venv/bin/python benchmarks/adql/run.py [--rows N]

A throw-away server gets a table of N rows (default 1,000,000) spread over the sky, half
of the regions polygons, with the indexes that the data model makes. Each question is
ADQL, translated as for a user, and run as SQL; the time is the median of several runs,
in ms, without the translation. Beside it, where plain SQL has an answer too, stands how
long that takes with the operators of PostgreSQL.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from distiller.adql import translate
from distiller.archive.postgres import functions
from distiller.core.columns import Column, Table
from distiller.model.emit.sql import postgresql
from distiller.model.emit.sql.cover import cover_statements

if TYPE_CHECKING:
    from distiller.core.columns import Catalog

ROOT = Path(__file__).parents[2]
ROWS = 1_000_000
TIMES = 7
_NUMBERS = ("s_ra", "s_dec", "em_min", "em_max")
_CATALOG: Catalog = {
    "b.runs": Table(
        "b.runs",
        (
            Column("n", "int"),
            *(Column(name, "double") for name in _NUMBERS),
            Column("s_region", "char", "*", "adql:REGION"),
        ),
    )
}
_MAKE = """
CREATE SCHEMA b;
CREATE TABLE b.runs (n integer PRIMARY KEY, s_ra double precision,
  s_dec double precision, em_min double precision, em_max double precision,
  s_region double precision[]);
INSERT INTO b.runs SELECT n, ra, lat, 1e-18 * (1 + n % 97), 1e-16 * (1 + n % 89),
  CASE WHEN n % 2 = 0 THEN ARRAY[ra, lat, 2.5]
  ELSE ARRAY[ra, lat, ra + 2, lat, ra + 2, lat * 0.97, ra, lat * 0.97] END
FROM (SELECT n, n * 0.6180339887 % 1 * 360 AS ra,
  degrees(asin(2 * (n + 0.5) / {rows} - 1)) * 0.98 AS lat
  FROM generate_series(0, {rows} - 1) AS n) AS places;
CREATE INDEX ON b.runs USING gist (dst.place(s_ra, s_dec));
CREATE INDEX ON b.runs USING gist (dst.cover(s_region));
CREATE INDEX ON b.runs {uncovered};
ANALYZE b.runs;
"""
ADQL = {
    "cone of 1 deg": (
        "SELECT n, s_ra, s_dec FROM b.runs WHERE 1 = CONTAINS(POINT(s_ra, s_dec), "
        "CIRCLE(83.63, 22.01, 1))"
    ),
    "regions that meet a circle of 1 deg": (
        "SELECT n FROM b.runs WHERE 1 = INTERSECTS(s_region, CIRCLE(83.63, 22.01, 1))"
    ),
    "regions with a place in them": (
        "SELECT n FROM b.runs WHERE 1 = CONTAINS(POINT(83.63, 22.01), s_region)"
    ),
    "regions in a circle of 5 deg": (
        "SELECT n FROM b.runs WHERE 1 = CONTAINS(s_region, CIRCLE(83.63, 22.01, 5))"
    ),
    "a product, all rows": "SELECT MAX(s_ra * em_min) AS x FROM b.runs",
    "a sum of products, all rows": (
        "SELECT MAX(s_ra * em_min + s_dec / em_max) AS x FROM b.runs"
    ),
    "functions, all rows": "SELECT MAX(SQRT(em_min) * SIN(s_ra)) AS x FROM b.runs",
    "SUM of a column": "SELECT SUM(s_ra) AS x FROM b.runs",
}
PLAIN = ("a product", "a sum of products", "functions", "SUM")
"""Beginnings of those that are plain SQL too."""


def median_ms(connection: psycopg.Connection, sql: str) -> float:
    """Return how long a statement takes, with what it needs in memory already."""
    times: list[float] = []
    for _ in range(TIMES):
        began = time.perf_counter()
        connection.execute(sql.encode()).fetchall()
        times.append(1e3 * (time.perf_counter() - began))
    return statistics.median(times)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    rows: int = parser.parse_args().rows
    sys.path.append(str(ROOT))
    from tests.support.postgres import Server  # noqa: PLC0415 - not part of the program

    server = Server.start(shared_buffers="1GB")
    try:
        with psycopg.connect(server.create(), autocommit=True) as connection:
            for statement in cover_statements():
                connection.execute(statement.encode())
            functions.install(connection)
            uncovered = postgresql.uncovered("s_region")
            connection.execute(_MAKE.format(rows=rows, uncovered=uncovered).encode())
            print(f"{'question':<38} {'ms':>9} {'plain SQL, ms':>14}")
            for name, text in ADQL.items():
                sql = translate(text, _CATALOG, target="pgsphere").sql
                ours = f"{median_ms(connection, sql):>9.2f}"
                beside = ""
                if name.startswith(PLAIN):
                    beside = f"{median_ms(connection, text):>14.2f}"
                print(f"{name:<38} {ours} {beside}")
    finally:
        server.stop()
    print(f"PostgreSQL, {rows} rows, {os.cpu_count()} cores")
    return 0


if __name__ == "__main__":
    sys.exit(main())
