"""Runs are found with index files, with broken ones and with none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.ingest.conftest import RunPlan, write_indexes, write_table

from distiller.core.errors import BadData
from distiller.ingest.find import find

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.ingest.find import DataSet


def codes(found: DataSet) -> list[str]:
    return [finding.code for finding in found.findings]


def obs_ids(found: DataSet) -> list[str | None]:
    return [run.obs_id for run in found.runs]


def test_a_folder_with_index_files(gadf_set: Path) -> None:
    found = find(gadf_set)
    assert obs_ids(found) == ["1", "2", "3"]
    assert found.name == "good-set"
    assert found.terms == "Terms of the good set\n\nUse it well."
    assert codes(found) == []
    run = found.runs[0]
    assert run.events.path == gadf_set.resolve() / "data" / "run_1.fits.gz"
    assert [ref.hdu_type for ref in run.responses] == ["aeff", "psf", "edisp"]


def test_index_files_in_a_deeper_folder_with_paths_upwards(tmp_path: Path) -> None:
    RunPlan(obs_id=7).write(tmp_path / "set" / "data" / "a" / "run.fits")
    write_indexes(tmp_path / "set" / "index" / "gps", {7: "../../data/a/run.fits"})
    found = find(tmp_path / "set")
    assert obs_ids(found) == ["7"]
    assert found.runs[0].events.path.is_file()
    assert codes(found) == []


def test_an_index_file_itself_may_be_named(gadf_set: Path) -> None:
    assert obs_ids(find(gadf_set / "hdu-index.fits.gz")) == ["1", "2", "3"]


def test_index_names_of_the_wild(gadf_set: Path) -> None:
    (gadf_set / "hdu-index.fits.gz").rename(gadf_set / "HDU_INDEX_v2.fits.gz")
    (gadf_set / "obs-index.fits.gz").rename(gadf_set / "obs-index-v2.fits.gz")
    assert obs_ids(find(gadf_set)) == ["1", "2", "3"]


def test_a_folder_without_index_files(tmp_path: Path) -> None:
    for number in (2, 1):
        RunPlan(obs_id=number).write(tmp_path / "deep" / f"run{number}.fits")
    found = find(tmp_path)
    assert [run.events.path.name for run in found.runs] == ["run1.fits", "run2.fits"]
    assert obs_ids(found) == [None, None]
    assert codes(found) == []


def test_files_without_events_are_no_runs(tmp_path: Path) -> None:
    RunPlan().write(tmp_path / "run.fits")
    RunPlan(has_events=False, gti=None).write(tmp_path / "irf.fits")
    (tmp_path / ".hidden.fits").write_bytes(b"")
    found = find(tmp_path)
    assert [run.events.path.name for run in found.runs] == ["run.fits"]
    assert codes(found) == []


def test_one_file(tmp_path: Path) -> None:
    path = RunPlan().write(tmp_path / "my set" / "run.fits")
    found = find(path)
    assert len(found.runs) == 1
    assert found.name == "my-set"


def test_one_file_without_events(tmp_path: Path) -> None:
    path = RunPlan(has_events=False).write(tmp_path / "irf.fits")
    found = find(path)
    assert codes(found) == ["D105"]
    assert str(found.findings[0]) == f"D105 {path}: there is no EVENTS table"


def test_a_file_that_is_not_fits_is_named(tmp_path: Path) -> None:
    RunPlan().write(tmp_path / "good.fits")
    (tmp_path / "page.fits").write_text("<html>")
    (tmp_path / "empty.fits").touch()
    found = find(tmp_path)
    assert len(found.runs) == 1
    assert sorted(codes(found)) == ["D103", "D106"]


def test_an_event_list_that_the_index_does_not_name(gadf_set: Path) -> None:
    path = RunPlan(obs_id=9).write(gadf_set / "data" / "run_9.fits")
    found = find(gadf_set)
    assert obs_ids(found) == ["1", "2", "3"]
    assert codes(found) == ["D123"]
    assert found.findings[0].path == str(path)
    assert obs_ids(find(path)) == [None]  # named by the user, it is a run


def test_the_same_run_in_two_indexes(gadf_set: Path) -> None:
    write_indexes(gadf_set / "other", {1: "../data/run_1.fits.gz"})
    found = find(gadf_set)
    assert obs_ids(found) == ["1", "2", "3"]
    assert codes(found) == ["D125"]


def test_a_broken_index_is_reported_and_the_files_are_found(gadf_set: Path) -> None:
    index = gadf_set / "hdu-index.fits.gz"
    index.write_bytes(index.read_bytes()[:100])
    found = find(gadf_set)
    assert len(found.runs) == 3
    assert obs_ids(found) == [None] * 3
    assert codes(found) == ["D120"]
    assert "D107: the gzip stream ends too early" in found.findings[0].message


def test_an_index_without_a_needed_column(gadf_set: Path) -> None:
    write_table(gadf_set / "hdu-index.fits.gz", {"OBS_ID": [1], "FILE_NAME": ["a"]})
    found = find(gadf_set)
    assert codes(found) == ["D120"]
    assert "has no column HDU_TYPE" in found.findings[0].message
    assert len(found.runs) == 3


def test_an_observation_index_alone(gadf_set: Path) -> None:
    (gadf_set / "hdu-index.fits.gz").unlink()
    found = find(gadf_set)
    assert codes(found) == ["D120"]
    assert len(found.runs) == 3


def test_a_run_of_the_index_without_events(gadf_set: Path) -> None:
    write_indexes(gadf_set, {1: "data/run_1.fits.gz"}, hdus=("GTI", "AEFF"))
    found = find(gadf_set)
    assert codes(found) == ["D105", "D123", "D123"]
    assert "names no events of run 1" in found.findings[0].message


def test_a_long_readme_is_bounded(gadf_set: Path) -> None:
    (gadf_set / "README.txt").write_text("Terms\n" + "word " * 10_000)
    found = find(gadf_set)
    assert found.terms is not None
    assert len(found.terms) <= 20_000
    assert codes(found) == ["D225"]


def test_a_readme_of_any_bytes_is_text(gadf_set: Path) -> None:
    (gadf_set / "README.txt").write_bytes(b"Terms \xff\xfe of \x00 use")
    assert find(gadf_set).terms == "Terms \ufffd\ufffd of  use"


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(BadData) as caught:
        find(tmp_path)
    assert caught.value.data_code == "D100"
    assert "holds no DL3 data" in caught.value.text
    assert "name a folder with GADF index files" in caught.value.text


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(BadData) as caught:
        find(tmp_path / "nowhere")
    assert caught.value.data_code == "D102"
    assert "there is no such file or folder" in caught.value.text
