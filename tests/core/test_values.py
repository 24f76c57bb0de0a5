"""Bundles, identifiers, times and directions against independent judges."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from distiller.core.bundle import Bundle, Value
from distiller.core.errors import BadParameter
from distiller.core.identifiers import PublisherDid, key, slug
from distiller.core.sky import (
    HC_EV_M,
    _turned,
    galactic_deg,
    icrs_deg,
    region_text,
    separation_deg,
)
from distiller.core.times import iso_to_mjd_utc, mjd_utc_to_iso

_finite = st.floats(allow_nan=False, allow_infinity=False)
_values: st.SearchStrategy[Value] = st.one_of(
    st.none(),
    st.text(),
    st.integers(),
    _finite,
    st.booleans(),
    st.datetimes(min_value=datetime(1900, 1, 1)),
    st.lists(_finite, min_size=2, max_size=8).map(tuple),
)


@given(st.lists(st.dictionaries(st.text(min_size=1), _values), max_size=3))
def test_bundle_round_trip(rows: list[dict[str, Value]]) -> None:
    bundle = Bundle("ivo://org.example/c?1", "0", {"cta.gti": tuple(rows)})
    assert Bundle.from_json(bundle.to_json()) == bundle


@pytest.mark.parametrize(
    "text",
    [
        "",
        "23523",
        "http://x/y?1",
        "ivo://ab/c?1",
        "ivo://org.example/c",
        "ivo://a b/c?d",
    ],
)
def test_bad_did_is_shown_back(text: str) -> None:
    with pytest.raises(BadParameter) as caught:
        PublisherDid.parse(text)
    assert repr(text) in caught.value.text
    assert "ivo://authority/collection?obs_id" in caught.value.text


def test_did_of_a_product_round_trip() -> None:
    text = "ivo://org.example/demo?count_map/0b1e"
    assert str(PublisherDid.parse(text)) == text


def test_keys_do_not_run_together() -> None:
    assert key("a", "bc") != key("ab", "c")
    assert key("a") == key("a")


@given(st.text())
def test_slug_is_one_path_segment(text: str) -> None:
    made = slug(text)
    assert made
    assert "/" not in made
    assert made not in {".", ".."}


def test_iso_and_mjd_are_inverse() -> None:
    assert mjd_utc_to_iso(iso_to_mjd_utc("2004-12-04T22:07:06.000")) == (
        "2004-12-04T22:07:06.000Z"
    )


def test_not_a_time() -> None:
    with pytest.raises(BadParameter, match="not a time: 'yesterday'"):
        iso_to_mjd_utc("yesterday")


_lon = st.floats(0, 360)
_lat = st.floats(-90, 90)


@given(_lon, _lat, _lon, _lat)
def test_separation_against_astropy(a: float, b: float, c: float, d: float) -> None:
    expected = SkyCoord(a, b, unit="deg").separation(SkyCoord(c, d, unit="deg")).deg
    assert abs(float(separation_deg(a, b, c, d)) - expected) < 1e-9


def test_separation_broadcasts() -> None:
    made = separation_deg(np.zeros(3), 0.0, 90.0, np.array([0.0, 45.0, 90.0]))
    assert np.allclose(made, 90.0)


@given(_lon, _lat)
def test_galactic_against_astropy(ra: float, dec: float) -> None:
    judge = SkyCoord(ra, dec, unit="deg").galactic
    lon, lat = galactic_deg(ra, dec)
    # astropy goes through FK5: its galactic frame is turned by some 20 mas.
    assert separation_deg(lon, lat, judge.l.deg, judge.b.deg) < 1e-5
    assert separation_deg(*icrs_deg(lon, lat), ra, dec) < 1e-6


@pytest.mark.parametrize(
    ("position", "ra", "dec"),
    [((0.0, 90.0), 192.85948, 27.12825), ((0.0, 0.0), 266.40500, -28.93617)],
)
def test_pole_and_centre_of_the_galaxy(
    position: tuple[float, float], ra: float, dec: float
) -> None:
    """The values in words of the Hipparcos catalogue (ESA SP-1200, section 1.5.3)."""
    assert icrs_deg(*position) == pytest.approx((ra, dec), abs=1e-5)


def test_longitude_stays_below_a_turn() -> None:
    assert _turned(np.eye(3), -1e-15, 0.0) == (0.0, 0.0)
    assert _turned(np.eye(3), 360.0, 90.0)[1] == 90.0


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((1.0, 2.0), "POSITION ICRS 1.0 2.0"),
        ((1.0, 2.0, 3.0, 4.0, 5.0, 6.0), "POLYGON ICRS 1.0 2.0 3.0 4.0 5.0 6.0"),
    ],
)
def test_region_text(numbers: tuple[float, ...], text: str) -> None:
    assert region_text(numbers) == text


@pytest.mark.parametrize("numbers", [(1.0,), (1.0, 2.0, 3.0, 4.0, 5.0)])
def test_region_of_a_wrong_length(numbers: tuple[float, ...]) -> None:
    with pytest.raises(BadParameter, match=f"{len(numbers)} numbers are no point"):
        region_text(numbers)


def test_region_must_be_finite() -> None:
    with pytest.raises(BadParameter, match="must be finite"):
        region_text((1.0, float("nan")))


def test_hc_is_the_exact_product() -> None:
    planck_ev_s, light_m_s = 4.135667696e-15, 299792458.0
    assert pytest.approx(planck_ev_s * light_m_s, rel=1e-9) == HC_EV_M
