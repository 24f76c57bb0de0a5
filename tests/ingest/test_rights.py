"""Who may see a run: as it was said, or as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.ingest.conftest import RunPlan, write_indexes
from tests.ingest.loading import counts, load, said

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.archive import Archive

pytestmark = pytest.mark.slow


def rights(archive: Archive) -> dict[str, str]:
    rows = archive.rows("SELECT obs_id, data_rights FROM ivoa.obscore ORDER BY obs_id")
    return {row["obs_id"]: row["data_rights"] for row in rows}


def test_rights_that_are_not_said_stay_as_they_are(
    archive: Archive, gadf_set: Path
) -> None:
    load(archive, gadf_set, rights="proprietary", group="hess")
    assert counts(load(archive, gadf_set)) == {"unchanged": 3}
    RunPlan(obs_id=2, n_events=50).write(gadf_set / "data" / "run_2.fits.gz")
    RunPlan(obs_id=4).write(gadf_set / "data" / "run_4.fits.gz")
    write_indexes(gadf_set, {n: f"data/run_{n}.fits.gz" for n in (1, 2, 3, 4)})
    report = load(archive, gadf_set)
    closed = dict.fromkeys(("1", "2", "3"), "proprietary")
    assert rights(archive) == {**closed, "4": "public"}
    assert said(report, "D227") == ["3 stored runs of the collection are proprietary"]
    (group,) = archive.rows("SELECT access_group FROM cta.product WHERE obs_id = '2'")
    assert group == {"access_group": "hess"}


def test_rights_change_when_they_are_said(archive: Archive, gadf_set: Path) -> None:
    load(archive, gadf_set, rights="proprietary")
    report = load(archive, gadf_set, rights="public")
    assert counts(report) == {"replaced": 3}
    assert said(report, "D228") == ["by --rights public"] * 3
    assert set(rights(archive).values()) == {"public"}


def test_a_run_beside_those_of_a_rule_is_no_slip(
    archive: Archive, gadf_set: Path
) -> None:
    """What the settings close tells nothing of others; what an option closed does."""
    settings = gadf_set / "distiller-collection.toml"
    settings.write_text("[[access]]\nrights = 'proprietary'\nruns = ['1..3']")
    load(archive, gadf_set)
    RunPlan(obs_id=4).write(gadf_set / "data" / "run_4.fits.gz")
    write_indexes(gadf_set, {n: f"data/run_{n}.fits.gz" for n in (1, 2, 3, 4)})
    report = load(archive, gadf_set)
    assert counts(report) == {"unchanged": 3, "added": 1}
    assert said(report, "D227") == []
    settings.write_text("[[access]]\nrights = 'proprietary'\nruns = [1]")
    RunPlan(obs_id=5).write(gadf_set / "data" / "run_5.fits.gz")
    write_indexes(gadf_set, {n: f"data/run_{n}.fits.gz" for n in (1, 2, 3, 4, 5)})
    (text,) = said(load(archive, gadf_set), "D227")
    assert text.startswith("2 stored runs of the collection are proprietary, by no [[")


def test_a_rule_that_holds_for_no_run_is_told(archive: Archive, gadf_set: Path) -> None:
    settings = gadf_set / "distiller-collection.toml"
    rule = "[[access]]\nrights = 'proprietary'\nruns = "
    settings.write_text(f"{rule}['99990..99999', '3..9', 77]")
    for _ in range(2):  # as they come in, and when they are there
        told = said(load(archive, gadf_set), "D231")
        assert told == ["no run of 99990..99999", "run 77"]
    assert rights(archive) == {"1": "public", "2": "public", "3": "proprietary"}
    settings.write_text(f"{rule}['3..9']")
    one = gadf_set / "data" / "run_1.fits.gz"
    assert said(load(archive, one, gadf_set), "D231") == []


def test_a_stored_run_that_the_index_does_not_name_is_told_with_its_rights(
    archive: Archive, gadf_set: Path
) -> None:
    one = RunPlan(obs_id=8).write(gadf_set / "data" / "run_8.fits.gz")
    RunPlan(obs_id=9).write(gadf_set / "data" / "run_9.fits.gz")
    load(archive, one, collection="good-set")
    report = load(archive, gadf_set, rights="proprietary")
    assert said(report, "D251") == ["run 8 of it is stored and stays as it is, public"]
    (stray,) = [f.path for f in report.findings if f.code == "D123"]
    assert stray.endswith("run_9.fits.gz")
    assert rights(archive) == {**dict.fromkeys("123", "proprietary"), "8": "public"}
    load(archive, one, collection="good-set", rights="proprietary")
    assert rights(archive)["8"] == "proprietary"
