"""Provenance tells what is believed now, in whatever order it was said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.ingest.conftest import RunPlan

from distiller.archive import open_archive
from distiller.ingest import Options, ingest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distiller.archive import Archive
    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow


HEADER = {"VERSION": "1.0", "CAL_VER": "c1"}
MENDS = {
    "CREATOR": "reconstructor",
    "VERSION": "2.0",
    "CAL_VER": "c2",
    "OBSERVER": "The night shift",
    "ORIGIN": "The array",
    "DATE": "2022-01-01T00:00:00",
    "OBJECT": "Crab Nebula",
}
MENDED = "".join(
    f"[[override]]\nkeyword = '{keyword}'\nvalue = '{value}'\nreason = 'r'\n"
    for keyword, value in MENDS.items()
)
DROPPED = "[[override]]\nkeyword = 'CREATOR'\ndrop = true\nreason = 'r'\n"

_ENTITY = """
SELECT e.name AS entity, e.generated_at_time, a.name AS activity, d.name, d.version
FROM cta.dataset_version v
JOIN provenance.entity e USING (entity_id)
JOIN provenance.was_generated_by g USING (entity_id)
JOIN provenance.activity a USING (activity_id)
JOIN provenance.activity_description d USING (activity_description_id)
WHERE v.end_reason IS NULL
"""
_AGENTS = """
SELECT w.agent_id FROM cta.dataset_version v
JOIN provenance.was_generated_by g USING (entity_id)
JOIN provenance.was_associated_with w USING (activity_id)
WHERE v.end_reason IS NULL
UNION ALL
SELECT w.agent_id FROM cta.dataset_version v
JOIN provenance.was_attributed_to w USING (entity_id)
WHERE v.end_reason IS NULL ORDER BY 1
"""
_PARAMETERS = """
SELECT p.name, p.parameter_value FROM cta.dataset_version v
JOIN provenance.was_generated_by g USING (entity_id)
JOIN provenance.was_configured_by c USING (activity_id)
JOIN provenance.parameter p USING (parameter_id)
WHERE v.end_reason IS NULL ORDER BY 1
"""


def load(
    archive: Archive, path: Path, text: str, restore: frozenset[str] = frozenset()
) -> None:
    file = path.parent / "given.toml"
    file.write_text(text)
    options = Options(settings=file, restore=restore)
    report = ingest([path], archive, "org.example", options)
    assert report.refused == 0


def told(archive: Archive) -> dict[str, list[dict[str, Any]]]:
    """Return what leads on from the entity of the current state."""
    return {
        "entity": archive.rows(_ENTITY),
        "agents": archive.rows(_AGENTS),
        "parameters": archive.rows(_PARAMETERS),
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return RunPlan(obs_id=7, header=HEADER).write(tmp_path / "set" / "run.fits")


def test_what_is_mended_is_what_provenance_tells(
    make_home: Callable[..., Settings], path: Path
) -> None:
    with open_archive(make_home(installed=True)) as archive:
        load(archive, path, "")
        load(archive, path, MENDED)
        (entity,) = told(archive)["entity"]
        assert entity["entity"] == "Crab Nebula, TESTSCOPE run 7"
        assert str(entity["generated_at_time"]) == "2022-01-01 00:00:00"
        assert entity["activity"] == "Processing of Crab Nebula, TESTSCOPE run 7"
        assert (entity["name"], entity["version"]) == ("reconstructor", "2.0")
        agents = [row["agent_id"] for row in told(archive)["agents"]]
        assert agents == [
            "agent:The night shift",
            "organization:The array",
            "organization:The array",
            "software:reconstructor 2.0",
        ]
        assert told(archive)["parameters"] == [
            {"name": "CAL_VER", "parameter_value": "c2"}
        ]
        load(archive, path, DROPPED)
        (entity,) = told(archive)["entity"]
        assert entity["name"] == "unknown software"
        agents = [row["agent_id"] for row in told(archive)["agents"]]
        assert not [name for name in agents if name.startswith("software:")]
        # What was said then stays told: each ingest leads to its processing.
        rows = archive.rows(
            "SELECT DISTINCT d.name FROM provenance.was_informed_by w "
            "JOIN provenance.activity a ON a.activity_id = w.informant_id "
            "JOIN provenance.activity_description d USING (activity_description_id) "
            "ORDER BY 1"
        )
        assert [row["name"] for row in rows] == [
            "builder 1",
            "reconstructor",
            "unknown software",
        ]
        assert archive.check() == []


def test_the_order_of_ingests_makes_no_difference(
    make_home: Callable[..., Settings], path: Path
) -> None:
    ways = (("", MENDED), (MENDED, "", MENDED), (MENDED,))
    found = []
    for number, way in enumerate(ways):
        with open_archive(make_home(f"home{number}", installed=True)) as archive:
            for text in way:
                load(archive, path, text)
            rows = [
                (table, row)
                for table, row in archive.dump()
                if table != "cta.dataset_version"  # the one that tells the order
            ]
            found.append((told(archive), rows))
    assert found[0][0] == found[1][0] == found[2][0]
    assert found[0][1] == found[1][1]  # the same two ingests, in another order


def test_a_run_that_was_removed_is_told_anew(
    make_home: Callable[..., Settings], path: Path
) -> None:
    with open_archive(make_home(installed=True)) as archive:
        load(archive, path, "")
        archive.remove("ivo://org.example/set?7")
        load(archive, path, MENDED, frozenset({"7"}))
        (entity,) = told(archive)["entity"]
        assert entity["name"] == "reconstructor"


def test_a_simulation_is_not_taken_for_a_reconstruction(
    make_home: Callable[..., Settings], tmp_path: Path
) -> None:
    folder = tmp_path / "set"
    RunPlan(obs_id=1).write(folder / "a.fits")
    RunPlan(obs_id=2, header={"NMCIDS": 1}).write(folder / "b.fits")
    with open_archive(make_home(installed=True)) as archive:
        load(archive, folder, "")
        rows = archive.rows(
            "SELECT activity_subtype FROM provenance.activity_description "
            "WHERE activity_type = 'processing' ORDER BY 1"
        )
    kinds = [row["activity_subtype"] for row in rows]
    assert kinds == ["reconstruction", "simulation"]
