"""Polygons are written by Arrow, each digit as the database would write it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.duck import with_functions

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

ODD = [
    0.0,
    -0.0,
    83.0,
    1e-5,
    1e-4,
    1e10 + 0.5,
    1e15,
    1e16,
    5e-324,
    1e300,
    math.inf,
    math.nan,
]
NUMBERS = st.one_of(
    st.sampled_from(ODD), st.floats(-360, 360), st.floats(width=32), st.floats()
)
REGIONS = st.one_of(st.none(), st.lists(NUMBERS, max_size=9))
ASKED = (
    "SELECT dst_region_text(g), CASE len(g) WHEN 2 THEN 'POSITION ICRS ' "
    "WHEN 3 THEN 'CIRCLE ICRS ' ELSE 'POLYGON ICRS ' END || array_to_string(g, ' ') "
    "FROM regions"
)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return a database with our functions."""
    with with_functions() as made:
        yield made


@settings(max_examples=60, deadline=None)
@given(regions=st.lists(REGIONS, min_size=1, max_size=40))
def test_text_is_that_of_the_database(
    connection: duckdb.DuckDBPyConnection, regions: list[list[float] | None]
) -> None:
    rows = pa.table({"g": pa.array(regions, pa.list_(pa.float64()))})
    connection.register("regions", rows)
    for ours, theirs in connection.execute(ASKED).fetchall():
        # The sign of what is no number is left to the machine.
        assert ours == (theirs and theirs.replace("-nan", "nan"))
