"""What is plain of regions at first sight is what DuckDB finds by looking closely."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.archive.postgres.shapes import Shape, asked_of, distance, load, offset

if TYPE_CHECKING:
    import duckdb
    import psycopg

pytestmark = pytest.mark.slow


def _close_calls(random: np.random.Generator, number: int) -> tuple[Shape, Shape]:
    """Return a polygon, and a circle whose border is near its first or last vertex."""
    centre = (float(random.uniform(0, 360)), float(random.uniform(-90, 90)))
    if number % 5 == 0:
        centre = (
            float(random.choice([0.0, 359.9999])),
            float(random.choice([90, -89])),
        )
    corners = int(random.integers(3, 9))
    far = 10 ** random.uniform(-5, 1)
    turns = np.sort(random.uniform(0, 360, corners))
    if number % 7 == 0:
        turns = random.permutation(turns)  # edges may cross
    reach = far * random.uniform(0.3, 1, corners)
    places = [
        offset(centre, turn, size) for turn, size in zip(turns, reach, strict=True)
    ]
    if number % 3 == 0:
        places.append(places[0])
    if number % 4 == 0:  # an edge that is short, or none
        step = float(random.choice([1e-13, 1e-10, 1e-8, 1e-6]))
        places.insert(1, (places[0][0], max(-90.0, places[0][1] - step)))
    away = offset(centre, random.uniform(0, 360), far * random.choice([0, 0.1, 1, 3]))
    reaches = sorted(distance(list(away), list(place)) for place in places)
    radius = reaches[-1 if number % 2 else 0]
    radius *= 1 + float(random.choice([0, 1e-9, -1e-6, 1e-3, -0.9]))
    return [n for place in places for n in place], [*away, max(0.0, radius)]


def test_what_is_plain_at_sight_is_so(
    duck: duckdb.DuckDBPyConnection, database: psycopg.Connection
) -> None:
    """Most of it is plain, and no border is taken for another place."""
    random = np.random.default_rng(7)
    pairs = [_close_calls(random, number) for number in range(6000)]
    load(duck, database, [*pairs])
    duck.execute("ALTER TABLE shapes ADD COLUMN c DOUBLE[]")
    duck.execute("UPDATE shapes SET c = b[1:2]")
    database.execute(
        "ALTER TABLE shapes ADD c float8[] GENERATED ALWAYS AS (b[1:2]) STORED"
    )
    for call, sight in (
        ("intersects(a, b)", "at_sight(a, b, false)"),
        ("contains(b, a)", "at_sight(a, b, true)"),
        ("contains(c, a)", "at_sight(a, c, true)"),
        ("contains(a, b)", "in_circle_at_sight(a, b)"),
    ):
        rows = asked_of(duck, database, f"dst.{call}")
        assert [row for row in rows if row[1] is not row[2]] == []
        query = f"SELECT dst.{sight} FROM shapes ORDER BY i"
        seen = [row[0] for row in database.execute(query.encode()).fetchall()]
        assert [
            (sight, *pairs[i])
            for (i, one, _), at_sight in zip(rows, seen, strict=True)
            if at_sight is not None and at_sight is not one
        ] == []
        for answer in (True, False):
            assert sum(at_sight is answer for at_sight in seen) > 100, (sight, answer)


@pytest.mark.parametrize(
    "region",
    [
        "{0, 0, 2, 0, 2, 2, 0, NULL}",
        "{0, 0, 2, 0, 2, 95, 0, 2}",
        "{0, 0, 2, 0, 2, 2, NaN, 2}",
        "{0, 0, 2, 0, 2, 2, Infinity, 2}",
        "{0, 0, 2, 0, 2, 2, 0}",
    ],
)
def test_what_is_no_polygon_is_nowhere(
    database: psycopg.Connection, region: str
) -> None:
    """Also where its first vertices say enough."""
    for call in (
        "dst.intersects(%(g)s, ARRAY[0, 0, 1.5])",
        "dst.intersects(ARRAY[0, 0, 1.5], %(g)s)",
        "dst.contains(%(g)s, ARRAY[0, 0, 50])",
        "dst.contains(ARRAY[1, 1.], %(g)s)",
        "dst.contains(ARRAY[1, 1, 0.1], %(g)s)",
    ):
        text = call.replace("%(g)s", "%(g)s::float8[]")
        row = database.execute(f"SELECT {text}".encode(), {"g": region}).fetchone()
        assert row == (None,), call
