"""The circle about a region: it covers, and the index on the sky finds by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import psycopg
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

from distiller.model.emit.sql.cover import cover_statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support import postgres

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sky(postgres_server: postgres.Server) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_server.create(), autocommit=True) as connection:
        for statement in cover_statements():
            connection.execute(statement.encode())
        yield connection


def _cover(
    connection: psycopg.Connection, region: list[float]
) -> tuple[float, float, float]:
    """Longitude, latitude and radius of the cover (deg)."""
    row = connection.execute(
        """SELECT degrees(long(center(c))), degrees(lat(center(c))), degrees(radius(c))
        FROM (SELECT dst.cover(%s::double precision[]) AS c) AS q""",
        [region],
    ).fetchone()
    assert row is not None
    return row


def test_points_and_circles_are_what_they_are(sky: psycopg.Connection) -> None:
    """And a little larger: 1e-8 rad."""
    assert _cover(sky, [83.6, 22.0]) == pytest.approx((83.6, 22.0, 0.0), abs=6e-7)
    assert _cover(sky, [83.6, 22.0])[2] > 5e-7
    lon, lat, radius = _cover(sky, [266.4, -29.0, 2.5])
    assert (lon, lat, radius) == pytest.approx((266.4, -29.0, 2.5))
    assert radius > 2.5


@pytest.mark.parametrize("seed", range(8))
def test_a_polygon_lies_in_its_circle(sky: psycopg.Connection, seed: int) -> None:
    """Edges too: points on the great circles between vertices, by astropy."""
    rng = np.random.default_rng(seed)
    number = int(rng.integers(3, 9))
    centre = SkyCoord(rng.uniform(0, 360) * u.deg, rng.uniform(-90, 90) * u.deg)
    size = rng.uniform(0.01, 60.0)
    angles = np.sort(rng.uniform(0, 360, number))
    corners = centre.directional_offset_by(
        angles * u.deg, rng.uniform(0.3, 1.0, number) * size * u.deg
    )
    region = [
        float(x)
        for pair in zip(corners.ra.deg, corners.dec.deg, strict=True)
        for x in pair
    ]
    lon, lat, radius = _cover(sky, region)
    vectors = corners.cartesian.xyz.value.T
    steps = np.linspace(0, 1, 41)[:, None]
    edges = np.concatenate(
        [
            (1 - steps) * a + steps * b
            for a, b in zip(vectors, np.roll(vectors, -1, axis=0), strict=True)
        ]
    )
    edges /= np.linalg.norm(edges, axis=1)[:, None]
    found = SkyCoord(*edges.T, representation_type="cartesian")
    found.representation_type = "unitspherical"
    away = SkyCoord(lon * u.deg, lat * u.deg).separation(found).deg
    assert away.max() <= radius
    assert away.max() == pytest.approx(radius, abs=1e-6)


@pytest.mark.parametrize(
    "region",
    [
        None,
        [],
        [1.0],
        [1.0, None],
        [1.0, 2.0, None],
        [1.0] * 5,
        [0.0, 91.0],
        [0.0, 0.0, -1.0],
        [float("nan"), 0.0],
        [float("inf"), 0.0, 1.0],
        [0.0, 0.0, 1.0, 1.0, 0.0, float("nan")],
        [0.0, 0.0, 1.0, 1.0, 0.0, 95.0],
        [0.0, 0.0, 1.0, 1.0, None, 1.0],
        [0.0, 0.0, 120.0, 0.0, 240.0, 0.0],
        [0.0, 0.0, 100.0],
    ],
)
def test_what_no_circle_covers_has_none(
    sky: psycopg.Connection, region: list[float | None] | None
) -> None:
    row = sky.execute("SELECT dst.cover(%s::float8[]) IS NULL", [region]).fetchone()
    assert row == (True,)


def test_the_index_finds_what_is_near_and_what_has_no_cover(
    sky: psycopg.Connection,
) -> None:
    sky.execute("CREATE TABLE seen (region double precision[])")
    sky.execute("CREATE INDEX ON seen USING gist (dst.cover(region))")
    sky.execute(
        """INSERT INTO seen SELECT ARRAY[l, b, l + 1, b, l + 1, b + 1, l, b + 1]
        FROM generate_series(0, 358, 2) AS l, generate_series(-88, 87, 5) AS b"""
    )
    sky.execute("INSERT INTO seen VALUES (ARRAY[0, 0, 180])")
    sky.execute("ANALYZE seen")
    query = """SELECT region[3] FROM seen WHERE dst.cover(region) IS NULL
        OR dst.cover(region) && dst.cover(ARRAY[10.5, 2.5])"""
    plan = sky.execute(f"EXPLAIN {query}".encode()).fetchall()
    assert "Index" in str(plan)
    assert sorted(sky.execute(query.encode()).fetchall()) == [(11.0,), (180.0,)]
