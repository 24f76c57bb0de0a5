"""A file on its own and the folder that it is in are the same run."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from tests.ingest.conftest import RunPlan, write_indexes
from tests.ingest.loading import counts, load, obs_ids

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.archive import Archive

pytestmark = pytest.mark.slow


def collection(archive: Archive) -> list[dict[str, object]]:
    return archive.rows("SELECT name, title, terms FROM cta.collection")


@pytest.fixture
def plain_set(tmp_path: Path) -> Path:
    """Return a folder with two runs and a README, without index files."""
    folder = tmp_path / "plain"
    for number in (1, 2):
        path = folder / f"run_{number}.fits"
        RunPlan(obs_id=number, n_events=number).write(path)
    (folder / "README.txt").write_text("Plain terms\n")
    return folder


def test_without_an_index(archive: Archive, plain_set: Path) -> None:
    one = plain_set / "run_1.fits"
    assert counts(load(archive, one)) == {"added": 1}
    assert counts(load(archive, plain_set)) == {"added": 1, "unchanged": 1}
    assert counts(load(archive, one)) == {"unchanged": 1}
    (row,) = collection(archive)
    assert (row["name"], row["terms"]) == ("plain", "Plain terms")


def test_with_an_index_above_it(archive: Archive, gadf_set: Path) -> None:
    files = {n: f"data/run_{n}.fits.gz" for n in (1, 2, 3)}
    write_indexes(gadf_set, files, {"TARGET_NAME": ["One", "Two", "Three"]})
    one = gadf_set / "data" / "run_2.fits.gz"
    report = load(archive, one)
    assert (counts(report), report.collections) == ({"added": 1}, ["good-set"])
    (row,) = archive.rows("SELECT target_name FROM ivoa.obscore")
    assert row == {"target_name": "Two"}
    assert counts(load(archive, gadf_set)) == {"added": 2, "unchanged": 1}
    assert counts(load(archive, one)) == {"unchanged": 1}


def test_an_index_that_cannot_be_read_does_not_hide_the_file(
    archive: Archive, gadf_set: Path
) -> None:
    (gadf_set / "hdu-index.fits.gz").write_bytes(b"<html>")
    assert counts(load(archive, gadf_set / "data" / "run_2.fits.gz")) == {"added": 1}


def test_an_index_file_on_its_own_is_its_folder(
    archive: Archive, gadf_set: Path
) -> None:
    assert counts(load(archive, gadf_set / "obs-index.fits.gz")) == {"added": 3}
    assert counts(load(archive, gadf_set)) == {"unchanged": 3}


def test_a_readme_further_up_is_taken_once(archive: Archive, plain_set: Path) -> None:
    one = plain_set / "sub" / "run_1.fits"
    one.parent.mkdir()
    shutil.move(plain_set / "run_1.fits", one)
    assert counts(load(archive, one, collection="c")) == {"added": 1}
    again = load(archive, plain_set, collection="c")
    assert counts(again) == {"added": 1, "replaced": 1}
    for path in (one, plain_set, one):
        assert "replaced" not in counts(load(archive, path, collection="c"))


def test_a_file_from_elsewhere_leaves_the_words_of_the_collection_alone(
    archive: Archive, plain_set: Path, tmp_path: Path
) -> None:
    load(archive, plain_set)
    before = collection(archive)
    other = tmp_path / "other"
    RunPlan(obs_id=9).write(other / "run_9.fits")
    (other / "README.txt").write_text("Other terms\n")
    report = load(archive, other / "run_9.fits", collection="plain")
    assert counts(report) == {"added": 1}
    assert obs_ids(archive) == ["1", "2", "9"]
    assert collection(archive) == before
