"""What the settings leave out does not go in, and is told with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.ingest.conftest import RunPlan, cut_gzip, no_responses, write_table
from tests.ingest.loading import counts, load, obs_ids, refused, said

from distiller.core.errors import BadParameter
from distiller.ingest import Options, ingest_refused

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.archive import Archive

pytestmark = pytest.mark.slow


def leave_out(folder: Path, *patterns: str) -> None:
    """Write settings that leave out files."""
    listed = ", ".join(f'"{one}"' for one in patterns)
    (folder / "distiller-collection.toml").write_text(
        f'[[ignore]]\nfiles = [{listed}]\nreason = "taken with the lid on"\n'
    )


@pytest.mark.parametrize("pattern", ["run_2.*", "data/run_2*", "*/run_2.fits.gz"])
def test_runs_of_an_index_are_left_out(
    archive: Archive, gadf_set: Path, pattern: str
) -> None:
    leave_out(gadf_set, pattern)
    report = load(archive, gadf_set)
    assert counts(report) == {"added": 2, "ignored": 1}
    assert obs_ids(archive) == ["1", "3"]
    assert said(report, "D246") == ["taken with the lid on"]
    words = "2 added, 0 replaced, 0 unchanged, 0 refused, 1 ignored"
    assert words in report.as_text()
    assert report.as_json()["ignored"] == 1


def test_broken_files_without_an_index_are_left_out(
    archive: Archive, tmp_path: Path
) -> None:
    folder = tmp_path / "set"
    RunPlan(obs_id=1).write(folder / "run_1.fits.gz")
    cut_gzip(RunPlan(obs_id=2).write(folder / "tests" / "cut.fits.gz"), 0.5)
    RunPlan(obs_id=3, gti=None).write(folder / "tests" / "deep" / "no_gti.fits")
    leave_out(folder, "tests/*")
    report = load(archive, folder)
    assert counts(report) == {"added": 1, "ignored": 2}
    assert refused(report) == {}


def test_it_is_remembered_until_it_is_left_out_no_more(
    archive: Archive, gadf_set: Path
) -> None:
    cut_gzip(gadf_set / "data" / "run_3.fits.gz", 0.5)
    leave_out(gadf_set, "run_2.*")
    load(archive, gadf_set)
    found = {one.obs_id: (one.code, one.message) for one in archive.refusals()}
    assert found["2"] == ("D246", "taken with the lid on")
    assert found["3"][0] == "D107"
    again = ingest_refused(archive, "org.example", Options())
    assert counts(again) == {"refused": 1, "ignored": 1}
    (gadf_set / "distiller-collection.toml").unlink()
    again = ingest_refused(archive, "org.example", Options())
    assert counts(again) == {"added": 1, "refused": 1}
    assert [one.code for one in archive.refusals()] == ["D107"]


def test_what_is_left_out_after_it_was_refused_is_not_tried(
    archive: Archive, gadf_set: Path
) -> None:
    for number in (2, 3):
        cut_gzip(gadf_set / "data" / f"run_{number}.fits.gz", 0.5)
    load(archive, gadf_set)
    leave_out(gadf_set, "run_2.*")
    again = ingest_refused(archive, "org.example", Options())
    assert counts(again) == {"refused": 1, "ignored": 1}
    codes = {one.obs_id: one.code for one in archive.refusals()}
    assert codes == {"2": "D246", "3": "D107"}


def test_a_run_that_is_stored_stays_and_is_told(
    archive: Archive, gadf_set: Path
) -> None:
    load(archive, gadf_set)
    leave_out(gadf_set, "run_2.*")
    report = load(archive, gadf_set)
    assert counts(report) == {"unchanged": 2, "ignored": 1}
    assert said(report, "D246") == [
        "taken with the lid on; run 2 is stored and stays until `distiller remove`"
    ]
    assert obs_ids(archive) == ["1", "2", "3"]


def test_a_response_file_is_as_if_no_index_named_it(
    archive: Archive, tmp_path: Path
) -> None:
    folder = tmp_path / "set"
    RunPlan(obs_id=1, responses=no_responses).write(folder / "run.fits")
    RunPlan(has_events=False, gti=None).write(folder / "irf" / "wrong.fits")
    names = ["EVENTS", "GTI", "AEFF"]
    write_table(
        folder / "hdu-index.fits.gz",
        {
            "OBS_ID": [1] * 3,
            "HDU_TYPE": ["events", "gti", "aeff"],
            "FILE_DIR": [".", ".", "irf"],
            "FILE_NAME": ["run.fits", "run.fits", "wrong.fits"],
            "HDU_NAME": names,
        },
    )
    leave_out(folder, "irf/*")
    report = load(archive, folder)
    assert counts(report) == {"added": 1, "ignored": 1}
    assert archive.rows("SELECT count(*) AS n FROM cta.response") == [{"n": 0}]
    assert len(said(report, "D122")) == 1


def test_all_may_be_left_out(archive: Archive, gadf_set: Path) -> None:
    leave_out(gadf_set, "*")
    assert counts(load(archive, gadf_set)) == {"ignored": 3}


def test_a_reason_is_needed(archive: Archive, gadf_set: Path) -> None:
    text = '[[ignore]]\nfiles = ["*"]\n'
    (gadf_set / "distiller-collection.toml").write_text(text)
    with pytest.raises(BadParameter, match="line 1: reason of ignore 1: is missing"):
        load(archive, gadf_set)
