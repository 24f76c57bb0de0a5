"""What the provenance says of a run: made of what, by whom, and how it came in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.ingest.conftest import RunPlan, no_responses, responses
from tests.ingest.test_to_rows import TARGET, bundle, one

from distiller.core.files import sha256
from distiller.ingest.run_settings import ConfigFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from distiller.core.bundle import Bundle, Row
    from distiller.ingest.run import Run

    Judge = Callable[[RunPlan], Run]

HEADER = {"VERSION": "2.1", "CAL_VER": "c3", "ANA_VER": "a4", "CONFIG": "loose cuts"}


def rows(made: Bundle, table: str) -> tuple[Row, ...]:
    return made.rows.get(f"provenance.{table}", ())


@pytest.fixture
def run(judged: Judge) -> Run:
    return judged(RunPlan(obs_id=42, header=HEADER))


def test_the_entity_is_known_by_the_content_of_its_file(run: Run) -> None:
    made = bundle(run)
    digits = sha256(run.files[0].path)[:16]
    identifier = f"ivo://org.example/test-set?42#{digits}"
    found = {row["entity_id"]: row for row in rows(made, "entity")}
    assert set(found) == {identifier, f"{identifier}/irf"}
    entity = found[identifier]
    assert entity["location"] == run.files[0].path.name
    assert entity["generated_at_time"] == run.making.created
    assert entity["name"] == one(made, "cta.product")["title"]


def test_the_processing_has_software_versions_and_parameters(run: Run) -> None:
    made = bundle(run)
    described = {
        row["activity_type"]: row for row in rows(made, "activity_description")
    }
    assert described["processing"]["name"] == "builder 1"
    assert described["processing"]["version"] == "2.1"
    parameters = {
        row["name"]: row["parameter_value"] for row in rows(made, "parameter")
    }
    assert parameters.items() >= {"CAL_VER": "c3", "ANA_VER": "a4"}.items()
    assert parameters["CONFIG"] == "loose cuts"
    generated = {
        row["role"]: row["activity_id"] for row in rows(made, "was_generated_by")
    }
    assert set(generated) == {"events", "response"}
    assert len(set(generated.values())) == 1


def test_organisation_observer_and_software_are_agents(run: Run) -> None:
    made = bundle(run)
    kinds = {row["agent_id"]: row["agent_type"] for row in rows(made, "agent")}
    assert kinds["organization:Test builders"] == "Organization"
    assert kinds["software:builder 1 2.1"] == "SoftwareAgent"
    assert kinds["agent:A. Tester"] is None
    attributed = {(r["agent_id"], r["role"]) for r in rows(made, "was_attributed_to")}
    assert attributed == {
        ("organization:Test builders", "creator"),
        ("agent:A. Tester", "observer"),
    }


def test_the_ingest_names_the_settings_file_and_keeps_its_text(run: Run) -> None:
    without = bundle(run)
    assert rows(without, "config_file") == ()
    config = ConfigFile("hess.toml", "ab" * 32, 'title = "H.E.S.S."')
    made = bundle(run, replace(TARGET, config=config))
    (file,) = rows(made, "config_file")
    assert (file["name"], file["comment"]) == (config.name, config.text)
    configured = [
        row for row in rows(made, "was_configured_by") if row["config_file_id"]
    ]
    assert [row["artefact_type"] for row in configured] == ["Configfile"]
    (ingest,) = [
        r for r in rows(made, "activity") if "/ingest/" in str(r["activity_id"])
    ]
    assert configured[0]["activity_id"] == ingest["activity_id"]
    (informed,) = rows(made, "was_informed_by")
    assert "/processing/" in str(informed["informant_id"])


def test_other_settings_make_another_ingest_of_the_same_entity(run: Run) -> None:
    first, second = bundle(run), bundle(run, replace(TARGET, title="Anew"))
    assert rows(first, "entity") == rows(second, "entity")
    one_, other = (
        {r["activity_id"] for r in rows(made, "activity")} for made in (first, second)
    )
    assert len(one_ & other) == 1  # the processing
    assert len(one_ | other) == 3


def test_a_run_without_responses_and_words_has_no_agents_but_us(judged: Judge) -> None:
    bare = dict.fromkeys(("ORIGIN", "CREATOR", "OBSERVER", "DATE"))
    made = bundle(judged(RunPlan(header=bare, responses=no_responses)))
    (agent,) = rows(made, "agent")
    assert str(agent["agent_id"]).startswith("software:CTA Data Distiller ")
    assert len(rows(made, "entity")) == 1
    names = {row["name"] for row in rows(made, "activity_description")}
    assert names == {"unknown software", "ingest"}


def test_all_of_it_follows_from_the_run(judged: Judge) -> None:
    """No clock and no chance in any key."""
    plan = RunPlan(obs_id=42, header=HEADER, responses=responses)
    first, second = bundle(judged(plan)), bundle(judged(plan))
    for table in first.rows:
        if table.startswith("provenance."):
            clocks = {"end_time"}
            assert [
                {k: v for k, v in row.items() if k not in clocks}
                for row in first.rows[table]
            ] == [
                {k: v for k, v in row.items() if k not in clocks}
                for row in second.rows[table]
            ]
