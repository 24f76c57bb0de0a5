"""The search form: from an address to checked values and back."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from distiller.web.pages.search.form import SearchForm, read


def _read(**fields: str | list[str]) -> SearchForm:
    return read(QueryDict(urlencode(fields, doseq=True)))


def test_every_field_is_read() -> None:
    form = _read(
        target=" Crab ",
        sr="2.5",
        pos="pointing",
        level=["DL3", "DL4"],
        dataproduct_type="event",
        dataproduct_subtype=["counts", "flux-points"],
        collection="hess",
        obs_id="23523",
        t_min="2004-12-04T12:00:00",
        t_max="53345.25",
        e_min="0.5",
        e_max="40",
        sort="-t_exptime",
        page="3",
        rows="100",
    )
    assert form.faults == {}
    assert (form.target, form.radius_used_deg) == ("Crab", 2.5)
    assert form.position_mode == "pointing"
    assert form.levels == ("DL3", "DL4")
    assert form.subtypes == ("counts", "flux-points")
    assert (form.t_min_mjd, form.t_max_mjd) == (53343.5, 53345.25)
    assert (form.e_min_tev, form.e_max_tev) == (0.5, 40.0)
    assert (form.sort, form.page, form.rows) == ("-t_exptime", 3, 100)


def test_radius_follows_what_the_position_means() -> None:
    assert _read(target="Crab").radius_used_deg == 0.001
    assert _read(target="Crab", pos="pointing").radius_used_deg == 2.0


@pytest.mark.parametrize(
    ("fields", "name", "text"),
    [
        ({"ra": "400", "dec": "0"}, "ra", "must be from 0 to 360 deg"),
        ({"ra": "360", "dec": "0"}, "ra", "must be from 0 to 360 deg"),
        ({"ra": "83", "dec": "95"}, "dec", "must be from -90 to 90 deg"),
        ({"ra": "east", "dec": "0"}, "ra", "'east' is not a number (in deg)"),
        ({"ra": "nan", "dec": "0"}, "ra", "'nan' is not a number (in deg)"),
        ({"ra": "83"}, "dec", "is missing: ra is given"),
        ({"dec": "22"}, "ra", "is missing: dec is given"),
        ({"sr": "0"}, "sr", "must be above 0 deg"),
        ({"sr": "181"}, "sr", "must be from 0 to 180 deg"),
        ({"e_min": "-1"}, "e_min", "must be from 0 to 1e+06 TeV"),
        ({"e_min": "2", "e_max": "1"}, "e_max", "is below e_min"),
        ({"t_min": "yesterday"}, "t_min", "write MJD or 2004-12-04T22:08:10"),
        ({"t_min": "1e9"}, "t_min", "an MJD must be from 10000 to 100000"),
        ({"t_min": "53345", "t_max": "53344"}, "t_max", "is below t_min"),
        ({"level": "DL9"}, "level", "'DL9' is not one of DL0, DL1"),
        ({"pos": "sideways"}, "pos", "is footprint or pointing"),
        ({"target": "x" * 201}, "target", "is longer than 200 characters"),
    ],
)
def test_wrong_values_say_what_is_wrong(
    fields: dict[str, str], name: str, text: str
) -> None:
    form = _read(**fields)
    assert text in form.faults[name]


@pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 30, "²"])
def test_nonsense_pages_are_the_first(page: str) -> None:
    assert _read(page=page).page == 1


def test_unknown_fields_are_not_carried_on() -> None:
    assert _read(target="Crab", tracker="7").address() == "target=Crab"


def test_changing_a_field_leads_to_the_first_page() -> None:
    form = _read(target="Crab", page="4", level=["DL3", "DL4"])
    assert form.address(sort="s_ra") == "target=Crab&level=DL3&level=DL4&sort=s_ra"
    assert form.address(page="5").endswith("page=5")
    assert form.address(level=("DL4",)) == "target=Crab&level=DL4"
    assert form.address(target=None) == "level=DL3&level=DL4"


TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)


@given(st.dictionaries(st.sampled_from(["target", "obs_id", "collection"]), TEXTS))
def test_address_reads_back_as_the_same_state(fields: dict[str, str]) -> None:
    form = _read(**fields)
    again = read(QueryDict(form.address()))
    assert (again.target, again.obs_id) == (form.target, form.obs_id)
    assert again.collections == form.collections
    assert parse_qs(again.address()) == parse_qs(form.address())
