"""The ADQL of the form: what it says, and that the archive understands it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distiller.adql import translate
from distiller.core.sky import HC_EV_M
from distiller.model import load_model
from distiller.web.pages.search import adql
from distiller.web.pages.search.form import SearchForm

CRAB = SearchForm(ra_deg=83.6331, dec_deg=22.0145)
CATALOG = load_model().catalog


def _conditions(form: SearchForm) -> list[str]:
    text = adql.search(form)
    translate(text, CATALOG)
    _, _, behind = text.partition("\nWHERE ")
    return behind.partition("\nORDER BY ")[0].split("\n  AND ") if behind else []


@pytest.mark.parametrize(
    ("form", "conditions"),
    [
        (SearchForm(), []),
        (
            CRAB,
            [
                (
                    "(1 = INTERSECTS(o.s_region, CIRCLE(83.6331, 22.0145, 0.001))\n"
                    "    OR (o.s_region IS NULL\n"
                    "      AND 1 = CONTAINS(POINT(o.s_ra, o.s_dec), "
                    "CIRCLE(83.6331, 22.0145, 2.0))))"
                )
            ],
        ),
        (
            replace(CRAB, position_mode="pointing"),
            ["1 = CONTAINS(POINT(o.s_ra, o.s_dec), CIRCLE(83.6331, 22.0145, 2.0))"],
        ),
        (SearchForm(types=("event",)), ["o.dataproduct_type = 'event'"]),
        (SearchForm(subtypes=("counts",)), ["p.product_subtype = 'counts'"]),
        (
            SearchForm(levels=("DL3", "DL4"), collections=("a",)),
            ["p.data_level IN ('DL3', 'DL4')", "o.obs_collection = 'a'"],
        ),
        (SearchForm(obs_id="O'Neill"), ["o.obs_id = 'O''Neill'"]),
        (
            SearchForm(t_min_mjd=53343.5, t_max_mjd=53344.0),
            ["o.t_max >= 53343.5", "o.t_min <= 53344.0"],
        ),
    ],
)
def test_conditions(form: SearchForm, conditions: list[str]) -> None:
    assert _conditions(form) == conditions


def test_energies_become_wavelengths_the_other_way_round() -> None:
    low, high = _conditions(SearchForm(e_min_tev=0.5, e_max_tev=40.0))
    assert low.startswith("o.em_min <= ")
    assert high.startswith("o.em_max >= ")
    longest, shortest = (float(text.split()[-1]) for text in (low, high))
    assert longest == pytest.approx(HC_EV_M / 0.5e12, rel=1e-12)
    assert shortest == pytest.approx(HC_EV_M / 40e12, rel=1e-12)


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("", "o.t_min, o.obs_publisher_did"),
        ("s_ra", "o.s_ra, o.obs_publisher_did"),
        ("-data_level", "p.data_level DESC, o.obs_publisher_did"),
        ("no_such_column", "o.t_min, o.obs_publisher_did"),
    ],
)
def test_order(sort: str, order: str) -> None:
    text = adql.search(SearchForm(sort=sort))
    translate(text, CATALOG)
    assert text.endswith(f"ORDER BY {order}")


def test_facets_leave_their_own_condition_out() -> None:
    form = replace(CRAB, levels=("DL3",), types=("event",))
    by_level = {f.field: adql.facet(form, f) for f in adql.FACETS}
    assert "data_level =" not in by_level["level"]
    assert "o.dataproduct_type = 'event'" in by_level["level"]
    assert "data_level = 'DL3'" in by_level["collection"]
    for text in by_level.values():
        translation = translate(text, CATALOG)
        assert [c.name for c in translation.columns] == ["item", "n"]


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"])))
def test_no_text_leaves_its_quotes(text: str) -> None:
    query = adql.search(SearchForm(obs_id=f"x{text}"))
    translation = translate(query, CATALOG)
    assert translation.tables == {"ivoa.obscore", "cta.product"}
    assert len(translation.columns) == len(adql.COLUMNS)
