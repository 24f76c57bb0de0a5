"""What the settings of a collection say lands in rows that runs share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.ingest.conftest import RunPlan
from tests.ingest.test_to_rows import TARGET, bundle, one

from distiller.ingest.collection import CollectionSettings
from distiller.ingest.run_settings import Names

if TYPE_CHECKING:
    from collections.abc import Callable

    from distiller.core.bundle import Bundle
    from distiller.ingest.run import Run

    Judge = Callable[[RunPlan], Run]

PROPOSAL = {"id": "P-7", "title": "Nebulae", "pi": "A. Nobody", "category": "guest"}


def made(judged: Judge, **settings: Any) -> Bundle:
    """Return the bundle of run 42 under these settings."""
    names = Names(target="Test source")
    said = CollectionSettings.model_validate(settings).of_run("42", "f", names)
    return bundle(judged(RunPlan(obs_id=42)), replace(TARGET, own=said))


def test_a_run_of_a_proposal_is_in_the_block_of_it(judged: Judge) -> None:
    found = made(judged, proposal=[{**PROPOSAL, "runs": ["40..45"]}])
    proposal = one(found, "cta.proposal")
    assert proposal["identifier"] == "TESTSCOPE/P-7"
    assert proposal["proposal_id"] == "P-7"
    assert proposal["principal_investigator"] == "A. Nobody"
    assert proposal["category"] == "guest"
    block = one(found, "cta.observation_block")
    assert block["identifier"] == "test-set/P-7/P-7"
    assert block["title"] == "Nebulae"
    assert block["proposal_key"] == proposal["proposal_key"]
    observation = one(found, "cta.observation")
    assert observation["observation_block_id"] == block["observation_block_id"]


def test_a_named_observation_is_a_block_of_that_name(judged: Judge) -> None:
    named = {"name": "CTA1DC_1", "title": "Four runs", "runs": ["42"]}
    alone = one(made(judged, observation=[named]), "cta.observation_block")
    assert (alone["block_id"], alone["proposal_key"]) == ("CTA1DC_1", None)
    both = made(judged, observation=[named], proposal=[{**PROPOSAL, "runs": ["42"]}])
    block = one(both, "cta.observation_block")
    assert block["identifier"] == "test-set/P-7/CTA1DC_1"
    assert block["proposal_key"] is not None
    assert block["observation_block_id"] != alone["observation_block_id"]


def test_nothing_said_is_no_block(judged: Judge) -> None:
    found = made(judged, proposal=[{**PROPOSAL, "runs": ["43"]}])
    assert "cta.proposal" not in found.rows
    assert "cta.observation_block" not in found.rows
    assert one(found, "cta.observation")["observation_block_id"] is None


def test_telescopes_have_what_the_settings_say(judged: Judge) -> None:
    said = {"id": "2", "type": "MST", "diameter": 12.0, "fov": 7.7, "camera": "C"}
    plain, described = made(judged), made(judged, telescope=[said])
    rows = {row["telescope_id"]: row for row in described.rows["cta.telescope"]}
    assert set(rows) == {"1", "2", "3", "4"}
    assert rows["2"]["telescope_type"] == "MST"
    assert rows["2"]["mirror_diameter"] == 12.0
    assert (rows["2"]["field_of_view"], rows["2"]["camera"]) == (7.7, "C")
    assert rows["1"]["telescope_type"] is None
    # An archive may hold both: rows of the same key would have to be the same.
    keys = {row["telescope_key"] for row in plain.rows["cta.telescope"]}
    assert not keys & {row["telescope_key"] for row in rows.values()}


@pytest.mark.parametrize(
    ("header", "site"),
    [
        ({}, ("Khomas Highland, Namibia", 16.5, -23.27, 1800.0)),
        ({"GEOLON": 3.0}, (None, 3.0, -23.27, 1800.0)),
        ({"GEOLON": 79.0, "TELESCOP": "HESS"}, ("Khomas Highland, Namibia", None)),
    ],
)
def test_the_site_is_named_where_its_place_is_known(
    judged: Judge, header: dict[str, Any], site: tuple[Any, ...]
) -> None:
    row = one(bundle(judged(RunPlan(header=header))), "cta.site")
    found = (row["name"], row["geo_lon"], row["geo_lat"], row["altitude"])
    assert found[: len(site)] == site


def test_no_place_at_all_is_no_site(judged: Judge) -> None:
    header = dict.fromkeys(("GEOLON", "GEOLAT", "ALTITUDE"))
    found = bundle(judged(RunPlan(header=header)))
    assert "cta.site" not in found.rows
    assert one(found, "cta.array_configuration")["site_id"] is None


def test_a_sub_array_is_a_row_of_its_own(judged: Judge) -> None:
    found = bundle(judged(RunPlan(header={"SUBARRAY": "North 4"})))
    row = one(found, "cta.sub_array")
    assert (row["name"], row["facility_name"]) == ("North 4", "TESTSCOPE")
    configuration = one(found, "cta.array_configuration")
    assert configuration["sub_array_id"] == row["sub_array_id"]


def test_a_collection_may_set_another_calib_level(judged: Judge) -> None:
    assert one(made(judged), "cta.product")["calib_level"] is None
    found = made(judged, calib_levels={"DL3": 2, "DL4": 4})
    assert one(found, "cta.product")["calib_level"] == 2


def test_what_is_to_be_cited_and_who_made_it_are_of_the_collection(
    judged: Judge,
) -> None:
    row = one(made(judged), "cta.collection")
    assert (row["bib_reference"], row["creator_did"]) == (None, None)
    given = {"reference": "2019A&A...632A..72M", "creator_did": "ivo://hess/dl3"}
    row = one(made(judged, **given), "cta.collection")
    assert (row["bib_reference"], row["creator_did"]) == tuple(given.values())


def test_a_kind_of_target_changes_the_keys_of_its_targets_only(judged: Judge) -> None:
    plain = one(made(judged), "cta.target")
    other = one(made(judged, target_class={"Elsewhere": "AGN"}), "cta.target")
    kind = one(made(judged, target_class={"TEST  Source": "PWN"}), "cta.target")
    assert plain == other
    assert kind["target_class"] == "PWN"
    assert kind["target_id"] != plain["target_id"]
    renamed = {"target": {"Elsewhere": ("Test source",)}}
    found = made(judged, target_class={"Elsewhere": "AGN"}, rename=renamed)
    assert one(found, "cta.target")["target_class"] == "AGN"


@pytest.mark.parametrize(
    ("header", "modes"),
    [
        ({"OBS_MODE": "wobble"}, ("sidereal", "on-source", None)),
        ({"OBS_MODE": "DRIFT"}, ("fixed-az-el-transit", None, None)),
        ({"OBS_MODE": "SLEW"}, ("none", "slew", None)),
        ({"OBS_MODE": "RASTER"}, ("sidereal", "raster-map", None)),
        ({"OBS_MODE": "SCAN", "CONV_DEP": 0.0}, (None, None, "parallel")),
        ({"OBS_MODE": None, "CONV_DEP": 12.5}, (None, None, "convergent")),
        ({"CONV_DEP": -1.0}, ("sidereal", "on-source", "divergent")),
    ],
)
def test_modes_are_in_the_words_of_the_extension(
    judged: Judge, header: dict[str, Any], modes: tuple[str | None, ...]
) -> None:
    pointing = one(bundle(judged(RunPlan(header=header))), "cta.pointing")
    names = ("tracking_mode", "scan_mode", "pointing_mode")
    assert tuple(pointing[name] for name in names) == modes
