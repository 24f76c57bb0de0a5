"""What is near a place lies in one of the cells about it, over poles and 0 h too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.duck import with_functions

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

_LON = st.one_of(
    st.sampled_from([0.0, 360.0, 180.0, -1e-12, 359.9999999, -0.5, 725.0]),
    st.floats(-400, 800),
)
_LAT = st.one_of(
    st.sampled_from([90.0, -90.0, 89.9999, -89.97, 0.0, 0.06, -0.06, 95.0]),
    st.floats(-90, 90),
)
_RADIUS = st.one_of(
    st.sampled_from([0.0, 1e-5, 0.1, 1.0, 20.0]),
    st.floats(-4, 1.3).map(lambda power: 10**power),
)
_MISSED = """
WITH pairs AS (
  SELECT u.lon AS lon, u.lat AS lat, o.lon AS lon2, o.lat AS lat2,
         dst_cells(u.lon, u.lat, $r + 1e-6, $w) AS cells,
         dst_cell(o.lon, o.lat, $w) AS cell
  FROM given AS u, given AS o
  WHERE abs(u.lat - o.lat) <= $r AND dst_distance(u.lon, u.lat, o.lon, o.lat) <= $r
)
SELECT *, len(cells) AS many FROM pairs
WHERE NOT list_contains(cells, cell) OR len(cells) <> len(list_distinct(cells))
"""


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return a database with our functions."""
    with with_functions() as made:
        yield made


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    places=st.lists(st.tuples(_LON, _LAT), min_size=1, max_size=5),
    radius=_RADIUS,
    seed=st.integers(0, 10_000),
)
def test_no_pair_is_missed_and_none_is_doubled(
    database: duckdb.DuckDBPyConnection,
    places: list[tuple[float, float]],
    radius: float,
    seed: int,
) -> None:
    """Places about given ones, at up to the radius and at the radius itself."""
    rng = np.random.default_rng(seed)
    lon, lat = (np.repeat(np.array(side), 20) for side in zip(*places, strict=True))
    lat = np.clip(lat + radius * rng.choice([-1, 1, 0, rng.uniform(-1, 1)], len(lat)),
                  -95, 95)  # fmt: skip
    wide = np.maximum(np.cos(np.radians(lat)), 1e-3)
    lon = lon + radius * rng.choice([-1, 1, 0, rng.uniform(-1, 1)], len(lon)) / wide
    lon += np.where(np.abs(lat) > 90 - radius, rng.uniform(0, 360, len(lon)), 0)
    database.register("given", pa.table({"lon": lon, "lat": lat}))
    width = max(3 * (radius + 1e-6), 0.02)
    missed = database.execute(_MISSED, {"r": radius, "w": width}).fetchall()
    assert missed == []


@pytest.mark.parametrize("lat", [90, -90, 89.99, 88, 0])
@pytest.mark.parametrize("radius", [0, 1e-3, 0.1, 5, 20])
def test_cells_are_few(
    database: duckdb.DuckDBPyConnection, lat: float, radius: float
) -> None:
    asked = "SELECT len(dst_cells(10, ?, ? + 1e-6, greatest(3 * (? + 1e-6), 0.02)))"
    ((count,),) = database.execute(asked, [lat, radius, radius]).fetchall()
    assert 1 <= count <= 40, "at the poles there are the most"


@pytest.mark.parametrize("place", ["NULL, 1", "1, NULL", "'inf', 1", "1, 'nan'"])
def test_what_is_no_place_has_no_cells(
    database: duckdb.DuckDBPyConnection, place: str
) -> None:
    casts = ", ".join(f"CAST({part} AS DOUBLE)" for part in place.split(", "))
    asked = f"SELECT dst_cells({casts}, 0.1, 0.3), dst_cell({casts}, 0.3) = 1"
    assert database.execute(asked).fetchall()[0][0] in ([], None)
