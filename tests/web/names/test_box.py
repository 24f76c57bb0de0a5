"""What the one box takes for a position."""

from __future__ import annotations

import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from distiller.core.errors import BadParameter
from distiller.core.sky import separation_deg
from distiller.web.names.box import parse_place

CRAB_FORMS = (
    "83.6333 22.0133",
    "83.6333,22.0133",
    "83.6333, +22.0133",
    "  83.6333   22.0133  ",
    "83.6333d 22.0133d",
    "83.6333° +22.0133°",
    "ICRS 83.6333 22.0133",
    "05:34:32 +22:00:48",
    "05:34:32, 22:00:48",
    "05 34 32 +22 00 48",
    "05 34 32 22 00 48",
    "5h34m32s +22d00m48s",
    "5h34m32s+22d0m48s",
    "5H 34M 32S +22D 00M 48S",
    "05h34m32s 22\N{DEGREE SIGN}00\N{PRIME}48\N{DOUBLE PRIME}",
    "05:34.5333 +22:00.8",
    "05 34.5333 +22 00.8",
    "83d38m0s +22d0m48s",
    "l 184.558 b -5.785",
    "l=184.558, b=-5.785",
    "L184.558 B\N{MINUS SIGN}5.785",
    "184.558 -5.785 gal",
    "184.558, -5.785 galactic",
    "gal 184.558 -5.785",
    "galactic: 184.558 -5.785",
    "-175.442 -5.785 gal",
)
NAMES = (
    "Crab Nebula",
    "M 87",
    "m 82",
    "h 2356-309",
    "1ES 0229+200",
    "HESS J1825-137",
    "3C 279",
    "23523",
    "SN 1006",
    "LS I +61 303",
    "l 184",
    "galactic centre",
    "G21.5-0.9",
)


@pytest.mark.parametrize("text", CRAB_FORMS)
def test_every_form_of_the_crab(text: str) -> None:
    place = parse_place(text)
    assert place is not None
    assert separation_deg(place.ra_deg, place.dec_deg, 83.6333, 22.0133) < 0.003


@pytest.mark.parametrize("text", NAMES)
def test_names_are_no_positions(text: str) -> None:
    assert parse_place(text) is None


@pytest.mark.parametrize("sign", ["-", "\N{MINUS SIGN}"])
def test_small_negative_declination_keeps_its_sign(sign: str) -> None:
    place = parse_place(f"05:34:32 {sign}00:30:00")
    assert place is not None
    assert place.dec_deg == -0.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("400 22", "right ascension 400 deg is not in 0..360"),
        ("-1 22", "right ascension -1 deg is not in 0..360"),
        ("83 95", "declination 95 deg is not in -90..90"),
        ("24:00:00 +10:00:00", "right ascension must be below 24 h"),
        ("05:60:00 +10:00:00", "minutes and seconds must be below 60"),
        ("05:10:00 +10:00:61", "minutes and seconds must be below 60"),
        ("05:10:00 +90:00:01", "not in -90..90"),
        ("400 -5 gal", "galactic longitude 400 deg is not in 0..360"),
        ("l 10 b 91", "galactic latitude 91 deg is not in -90..90"),
        ("05 34 31.9", "the declination is missing"),
        ("05:34:31.9", "the declination is missing"),
        ("10 20 30", "the declination is missing"),
        ("5h34m31.9s", "the declination is missing"),
    ],
)
def test_impossible_positions_say_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(BadParameter) as caught:
        parse_place(text)
    assert caught.value.message.startswith("target: ")
    assert message in caught.value.message
    assert "write 83.63 22.01" in (caught.value.hint or "")


LONGITUDES = st.floats(0, 359.999999)
LATITUDES = st.floats(-90, 90)


@given(LONGITUDES, LATITUDES)
def test_sexagesimal_round_trip(ra: float, dec: float) -> None:
    text = SkyCoord(ra * u.deg, dec * u.deg).to_string("hmsdms", sep=":", precision=4)
    place = parse_place(text)
    assert place is not None
    assert separation_deg(place.ra_deg, place.dec_deg, ra, dec) < 1e-6
