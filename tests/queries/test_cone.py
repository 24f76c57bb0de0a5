"""A cone search becomes ADQL that every engine has, whatever the numbers are."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distiller.adql import translate
from distiller.model import load_model
from distiller.queries import cone
from distiller.vo.scs import ConeParameters, Verbosity

CATALOG = load_model().catalog


@pytest.mark.parametrize("target", ["duckdb", "pgsphere"])
@given(
    ra=st.floats(0, 360),
    dec=st.floats(-90, 90),
    radius=st.floats(0, 180),
    verbosity=st.sampled_from(get_args(Verbosity)),
)
def test_every_search_is_translated(
    target: str, ra: float, dec: float, radius: float, verbosity: Verbosity
) -> None:
    asked = ConeParameters(ra, dec, radius, verbosity)
    found = translate(cone.adql(asked), CATALOG, target=target)  # type: ignore[arg-type]
    names = [column.name for column in found.columns]
    assert len(set(names)) == len(names)
    assert {"obs_publisher_did", "s_ra", "s_dec"} <= set(names)
    assert ("separation" in names) is (verbosity > 1)


def test_radius_0_asks_for_no_rows() -> None:
    text = cone.adql(ConeParameters(1.0, 2.0, 0.0))
    assert "WHERE 1 = 0\n" in text


def test_more_verbosity_gives_more_columns() -> None:
    counts = [
        len(translate(cone.adql(ConeParameters(1, 2, 3, v)), CATALOG).columns)
        for v in get_args(Verbosity)
    ]
    assert counts[0] == 3
    assert counts == sorted(set(counts))
