"""Joins of uploaded tables by place: by cells of the sky on DuckDB, and none amiss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.support.duck import with_functions

from distiller.adql import translate
from distiller.core.columns import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

pytestmark = pytest.mark.slow

PLACE = (
    Column("id", "int"),
    Column("ra", "double", unit="deg"),
    Column("dec", "double", unit="deg"),
    Column("r", "double", unit="deg"),
)
CATALOG = {
    "sky.star": Table("sky.star", PLACE),
    "tap_upload.a": Table("tap_upload.a", PLACE, stored="upload_1"),
    "tap_upload.b": Table("tap_upload.b", PLACE, stored="upload_2"),
}
ROWS = 1500


def _rows(seed: int) -> list[tuple[Any, ...]]:
    """Return places, most of them about poles and right ascension 0, some no places."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[Any, ...]] = [
        (-1, None, 1.0, 1.0), (-2, 1.0, None, 1.0), (-3, None, None, None),
        (-4, math.nan, 0.0, 1.0), (-5, math.inf, 0.0, 1.0), (-6, 0.0, 90.0, 1.0),
        (-7, 180.0, 90.0, -1.0), (-8, 0.0, -90.0, 200.0), (-9, 360.0, 0.0, math.nan),
        (-9, 360.0, 0.0, None), (-10, -0.01, 0.01, 0.1), (-10, -0.01, 0.01, 0.1),
    ]  # fmt: skip
    for number in range(ROWS):
        pole = rng.choice([-1, 1])
        lat = (pole * (90 - 2 * rng.random() ** 2), rng.uniform(-2, 2))[number % 2]
        lon = (rng.uniform(-40, 400), rng.uniform(-1, 1) % 360)[number % 2]
        rows.append((number, float(lon), float(lat), float(rng.uniform(-0.1, 0.5))))
    return rows


@pytest.fixture(scope="module")
def sky() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return a database with a stored and two uploaded tables."""
    with with_functions() as made:
        made.execute("CREATE SCHEMA sky")
        for seed, (table, names) in enumerate(
            {
                "sky.star": ("id", "ra", "dec", "r"),
                "upload_1": ("c1", "c2", "c3", "c4"),
                "upload_2": ("c1", "c2", "c3", "c4"),
            }.items()
        ):
            made.execute(f"CREATE TABLE {table} ({' DOUBLE, '.join(names)} DOUBLE)")
            marks = f"INSERT INTO {table} VALUES (?, ?, ?, ?)"
            rows = _rows(seed)
            made.executemany(marks, rows if table == "sky.star" else rows[:400])
        yield made


NEAR = "1 = CONTAINS(POINT(o.ra, o.dec), CIRCLE(u.ra, u.dec, {0}))"
JOINED = "SELECT u.id AS u, o.id AS o FROM tap_upload.a AS u JOIN sky.star AS o ON "
PAIRS = "SELECT u.id AS u, o.id AS o FROM "
WITHIN = f"SELECT 1 FROM tap_upload.a AS u WHERE {NEAR.format(0.1)}"
THIRD = NEAR.format(0.2) + " JOIN tap_upload.b AS b ON b.id = o.id"
BY_CELLS = [
    *(JOINED + NEAR.format(radius) for radius in (0, 1e-6, 0.01, 0.1, 1.5, 20)),
    JOINED + "DISTANCE(POINT(u.ra, u.dec), POINT(o.ra, o.dec)) < 0.3",
    JOINED + f"o.id > 7 AND ({NEAR.format(0.2)} AND u.id < 300)",
    PAIRS + f"sky.star AS o, tap_upload.a AS u WHERE {NEAR.format(0.2)}",
    PAIRS + f"tap_upload.a AS u JOIN tap_upload.b AS o ON {NEAR.format(0.2)}",
    JOINED + "DISTANCE(u.ra + 180, -u.dec, o.ra * 1, o.dec / 1.0) < 0.3",
    JOINED.replace("u.id AS u, o.id", "COUNT(*) AS u, SUM(o.id)") + NEAR.format(0.2),
    f"SELECT o.id AS o FROM sky.star AS o WHERE EXISTS ({WITHIN})",
    JOINED + THIRD,
]
AS_THEY_ARE = [
    JOINED + NEAR.format(30),
    JOINED + NEAR.format("u.r"),
    JOINED + NEAR.format("o.r"),
    JOINED + f"(u.id = o.id OR {NEAR.format(0.1)})",
    JOINED.replace("JOIN", "LEFT JOIN") + NEAR.format(0.2),
    JOINED.replace("JOIN", "FULL JOIN") + f"u.id = o.id AND {NEAR.format(0.2)}",
    JOINED + NEAR.format(0.1).replace("o.ra", "o.ra + u.id"),
    JOINED + NEAR.format(0.1).replace("u.ra, u.dec", "1.5, 0"),
]


@pytest.mark.parametrize("text", BY_CELLS)
def test_a_join_by_cells_finds_the_same_pairs(
    sky: duckdb.DuckDBPyConnection, text: str
) -> None:
    found = _sorted(sky, text)
    assert "dst_cells(" in translate(text, CATALOG).sql
    assert found == _sorted(sky, _plainly(text))
    assert found


@pytest.mark.parametrize("text", AS_THEY_ARE)
def test_where_cells_may_not_be_right_there_are_none(
    sky: duckdb.DuckDBPyConnection, text: str
) -> None:
    assert "dst_cell" not in translate(text, CATALOG).sql
    assert _sorted(sky, text) == _sorted(sky, _plainly(text))


def _plainly(text: str) -> str:
    """Return the question with its condition on places below NOT: nothing coarse."""
    for begin, end in (("1 = CONTAINS", "))"), ("DISTANCE", "0.3")):
        start = text.find(begin)
        if start >= 0:
            stop = text.index(end, start) + len(end)
            condition = text[start:stop]
            made = text[:start] + f"NOT (NOT ({condition}))" + text[stop:]
            assert "~cell" not in translate(made, CATALOG).sql
            return made
    raise AssertionError(text)


def _sorted(sky: duckdb.DuckDBPyConnection, text: str) -> list[tuple[Any, ...]]:
    return sorted(sky.execute(translate(text, CATALOG).sql).fetchall(), key=repr)
