"""Two files claim one run, or two runs one file: which is believed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from tests.ingest.conftest import RunPlan, write_indexes, write_table
from tests.ingest.loading import counts, load, said

from distiller.ingest import Options, ingest_refused

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.archive import Archive

pytestmark = pytest.mark.slow


def stored(archive: Archive) -> dict[str, str]:
    """Return the name of the file of each run."""
    rows = archive.rows(
        "SELECT p.obs_id, f.name FROM cta.product_file f "
        "JOIN cta.product p ON p.product_id = f.product_id WHERE f.role = 'events'"
    )
    return {row["obs_id"]: row["name"] for row in rows}


def indexed(folder: Path, *entries: tuple[Any, str, Any]) -> Path:
    """Write runs and an index: its OBS_ID, the file, OBS_ID of the file."""
    for _, name, own in entries:
        RunPlan(obs_id=own, n_events=len(name)).write(folder / name)
    write_indexes(folder, {obs_id: name for obs_id, name, _ in entries})
    return folder


@pytest.mark.parametrize("wrong_first", [True, False])
def test_of_equal_files_that_is_kept_whose_header_agrees(
    archive: Archive, tmp_path: Path, *, wrong_first: bool
) -> None:
    RunPlan(obs_id=7).write(tmp_path / "run_7.fits")
    shutil.copy(tmp_path / "run_7.fits", tmp_path / "run_4.fits")
    names = {4: "run_4.fits", 7: "run_7.fits"}
    order = names if wrong_first else dict(reversed(names.items()))
    write_indexes(tmp_path, order)
    for number in range(2):
        report = load(archive, tmp_path)
        assert counts(report) == {"unchanged" if number else "added": 1, "refused": 1}
        assert stored(archive) == {"7": "run_7.fits"}
        (message,) = said(report, "D111")
        assert "run_7.fits" in message
        if wrong_first:
            assert "OBS_ID of this file is '7', not 4" in message


def test_of_two_runs_of_one_table_that_is_kept_whose_header_agrees(
    archive: Archive, tmp_path: Path
) -> None:
    RunPlan(obs_id=7).write(tmp_path / "run.fits")
    write_indexes(tmp_path, {4: "run.fits", 7: "run.fits"})
    report = load(archive, tmp_path)
    assert stored(archive) == {"7": "run.fits"}
    (message,) = said(report, "D111")
    assert message.startswith("the same table as run 7 of the index")


def test_of_equal_files_none_is_kept_where_no_header_agrees(
    archive: Archive, tmp_path: Path
) -> None:
    RunPlan(obs_id=9).write(tmp_path / "a.fits")
    shutil.copy(tmp_path / "a.fits", tmp_path / "b.fits")
    write_indexes(tmp_path, {4: "a.fits", 7: "b.fits"})
    report = load(archive, tmp_path)
    assert stored(archive) == {}
    assert len(said(report, "D111")) == 2


def test_of_files_for_one_run_that_is_kept_whose_header_agrees(
    archive: Archive, tmp_path: Path
) -> None:
    indexed(tmp_path / "set" / "a", (3, "wrong.fits", 5))
    indexed(tmp_path / "set" / "b", (3, "right.fits", 3))
    report = load(archive, tmp_path / "set")
    assert stored(archive) == {"3": "right.fits"}
    (message,) = said(report, "D110")
    assert "OBS_ID of this file is '5', not 3; see" in message
    assert "right.fits" in message


def test_of_files_for_one_run_none_is_kept_where_no_header_agrees(
    archive: Archive, tmp_path: Path
) -> None:
    indexed(tmp_path / "set" / "a", (3, "one.fits", 5))
    indexed(tmp_path / "set" / "b", (3, "other.fits", None))
    report = load(archive, tmp_path / "set")
    assert stored(archive) == {}
    messages = sorted(said(report, "D110"))
    assert ["has no OBS_ID" in one for one in messages] == [False, True]


def test_an_index_with_the_file_of_another_run_as_well_is_told(
    archive: Archive, tmp_path: Path
) -> None:
    for number in (3, 4):
        RunPlan(obs_id=number, n_events=number).write(tmp_path / f"{number}.fits")
    names = ["3.fits", "4.fits", "4.fits"]
    table: dict[str, list[Any]] = {
        "OBS_ID": [obs_id for obs_id in (3, 4, 3) for _ in range(3)],
        "HDU_TYPE": ["events", "gti", "aeff"] * 3,
        "FILE_NAME": [name for name in names for _ in range(3)],
        "HDU_NAME": ["EVENTS", "GTI", "AEFF"] * 3,
    }
    write_table(tmp_path / "hdu-index.fits", table)
    for _ in range(2):
        report = load(archive, tmp_path)
        assert stored(archive) == {"3": "3.fits", "4": "4.fits"}
        (message,) = said(report, "D111")
        assert "OBS_ID of this file is '4', not 3" in message
        assert counts(report)["refused"] == 1
    rows = archive.rows("SELECT count(*) AS n FROM cta.response")
    assert rows == [{"n": 2}]
    assert counts(load(archive, tmp_path / "3.fits", collection="c")) == {"added": 1}


def test_of_two_files_for_one_run_in_one_index_the_first_is_told(
    archive: Archive, tmp_path: Path
) -> None:
    RunPlan(obs_id=3).write(tmp_path / "new.fits")
    RunPlan(obs_id=3, n_events=8).write(tmp_path / "old.fits")
    table: dict[str, list[Any]] = {
        "OBS_ID": [3] * 4,
        "HDU_TYPE": ["events", "gti"] * 2,
        "FILE_NAME": ["new.fits"] * 2 + ["old.fits"] * 2,
        "HDU_NAME": ["EVENTS", "GTI"] * 2,
    }
    write_table(tmp_path / "hdu-index.fits", table)
    report = load(archive, tmp_path)
    assert stored(archive) == {"3": "new.fits"}
    (message,) = said(report, "D110")
    assert message.startswith("run 3 was taken from ")
    assert message.endswith("new.fits")


def test_rows_of_an_index_that_stand_there_twice_are_told(
    archive: Archive, tmp_path: Path
) -> None:
    RunPlan(obs_id=3).write(tmp_path / "run.fits")
    table: dict[str, list[Any]] = {
        "OBS_ID": [3] * 6,
        "HDU_TYPE": ["events", "gti", "aeff"] * 2,
        "FILE_NAME": ["run.fits"] * 6,
        "HDU_NAME": ["EVENTS", "GTI", "AEFF"] * 2,
    }
    write_table(tmp_path / "hdu-index.fits", table)
    of_runs: dict[str, list[Any]] = {
        "OBS_ID": [3, 3, 3],
        "TARGET_NAME": ["a", "b", "a"],
    }
    write_table(tmp_path / "obs-index.fits", of_runs)
    report = load(archive, tmp_path)
    assert said(report, "D248") == [
        "run 3: 3 rows are there before",
        "run 3: another TARGET_NAME",
        "run 3: the same",
    ]
    assert counts(report) == {"added": 1}
    rows = archive.rows("SELECT response_type FROM cta.response")
    assert rows == [{"response_type": "aeff"}]


def test_a_file_without_an_index_is_the_run_of_its_header(
    archive: Archive, tmp_path: Path
) -> None:
    indexed(tmp_path / "set" / "a", (3, "wrong.fits", 5))
    RunPlan(obs_id=3).write(tmp_path / "set" / "b" / "right.fits")
    load(archive, tmp_path / "set")
    assert stored(archive) == {"3": "right.fits"}


def test_files_of_several_paths_are_compared(archive: Archive, tmp_path: Path) -> None:
    first = indexed(tmp_path / "a", (3, "wrong.fits", 5))
    second = indexed(tmp_path / "b", (3, "right.fits", 3))
    load(archive, first, second, collection="c")
    assert stored(archive) == {"3": "right.fits"}


def test_a_rival_that_cannot_be_read_stops_nobody(
    archive: Archive, tmp_path: Path
) -> None:
    indexed(tmp_path / "set" / "a", (3, "odd.fits", 5))
    indexed(tmp_path / "set" / "b", (3, "page.fits", 3))
    (tmp_path / "set" / "b" / "page.fits").write_bytes(b"<html>")
    load(archive, tmp_path / "set")
    assert stored(archive) == {"3": "odd.fits"}


def test_a_name_that_the_settings_give_to_a_file_counts_as_its_own(
    archive: Archive, tmp_path: Path
) -> None:
    indexed(tmp_path / "set" / "a", (3, "mine.fits", 5))
    indexed(tmp_path / "set" / "b", (3, "other.fits", 6))
    (tmp_path / "set" / "distiller-collection.toml").write_text(
        '[[override]]\nkeyword = "OBS_ID"\nvalue = 3\nfiles = ["mine.fits"]\n'
        'reason = "the header is wrong"\n'
    )
    load(archive, tmp_path / "set")
    assert stored(archive) == {"3": "mine.fits"}


@pytest.mark.parametrize("copied", [True, False])
def test_what_is_tried_again_is_still_compared_with_what_is_in(
    archive: Archive, tmp_path: Path, *, copied: bool
) -> None:
    folder = tmp_path / "set"
    indexed(folder / "a", (3, "first.fits", 3))
    indexed(folder / "b", (3, "second.fits", 3))
    if copied:
        shutil.copy(folder / "a" / "first.fits", folder / "b" / "second.fits")
    load(archive, folder)
    assert stored(archive) == {"3": "first.fits"}
    report = ingest_refused(archive, "org.example", Options())
    assert counts(report) == {"refused": 1}
    assert stored(archive) == {"3": "first.fits"}
    (folder / "a" / "first.fits").unlink()
    (folder / "a" / "hdu-index.fits.gz").unlink()
    (folder / "a" / "obs-index.fits.gz").unlink()
    report = ingest_refused(archive, "org.example", Options())
    assert counts(report) == {"replaced": 1}
    assert stored(archive) == {"3": "second.fits"}


def test_files_without_an_index_are_compared_when_one_is_tried_again(
    archive: Archive, tmp_path: Path
) -> None:
    folder = tmp_path / "set"
    RunPlan(obs_id=3, n_events=1).write(folder / "first.fits")
    RunPlan(obs_id=3, n_events=2).write(folder / "second.fits")
    load(archive, folder)
    report = ingest_refused(archive, "org.example", Options())
    assert counts(report) == {"refused": 1}
    assert stored(archive) == {"3": "first.fits"}
