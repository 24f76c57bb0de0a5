"""ivoa.obscore_hea against the draft of the High-Energy extension, and its mapping."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from distiller.model import load_model
from distiller.model.obscore import mappings

_DRAFT = Path(__file__).parents[1] / "data" / "obscore_hea.csv"
_UNKNOWN = ("instr.detection", "meta.ref.pdgid")
"""Words of the draft that no list of UCDs has."""


def _columns() -> list[dict[str, str]]:
    with _DRAFT.open() as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("row", _columns(), ids=lambda row: row["name"])
def test_a_column_is_as_the_draft_has_it(row: dict[str, str]) -> None:
    column = load_model().catalog["ivoa.obscore_hea"].column(row["name"])
    assert column is not None
    assert column.datatype == row["datatype"]
    assert (column.unit or "") == row["unit"]
    assert column.nullable == (row["not_null"] != "yes")
    assert column.std
    assert column.utype is None
    if row["ucd"] and not any(word in row["ucd"] for word in _UNKNOWN):
        assert column.ucd == row["ucd"]


def test_it_shares_one_column_with_obscore_for_a_natural_join() -> None:
    catalog = load_model().catalog
    names = [
        {column.name for column in catalog[table].columns}
        for table in ("ivoa.obscore", "ivoa.obscore_hea")
    ]
    assert names[0] & names[1] == {"obs_publisher_did"}
    assert names[1] == {row["name"] for row in _columns()}


def test_each_mapping_names_the_parameters_that_it_needs() -> None:
    given = {
        "base_url": "u",
        "calib_levels": "{}",
        "product_types": "{}",
        "event_format": "application/fits",
        "publisher_dids": ["d"],
    }
    obscore, hea = mappings(load_model())
    assert obscore.used(given) == given
    assert hea.used(given) == {"publisher_dids": ["d"]}
    assert hea.did_column == "obs_publisher_did"
