"""Several indexes and folders, and runs that share a file."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from astropy.io import fits
from tests.ingest.conftest import RunPlan, write_indexes
from tests.ingest.loading import counts, load, obs_ids, refused, said

from distiller.ingest.find import find

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.archive import Archive

pytestmark = pytest.mark.slow


def test_a_folder_beside_one_with_an_index_is_searched(
    archive: Archive, gadf_set: Path, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(gadf_set, whole / "a")
    RunPlan(obs_id=8).write(whole / "b" / "run_8.fits")
    (whole / "b" / "broken.fits").write_bytes(b"SIMPLE  =")
    (whole / "a" / "data" / "stray.fits").write_bytes(b"<html>")
    report = load(archive, whole)
    assert obs_ids(archive) == ["1", "2", "3", "8"]
    assert refused(report) == {"broken.fits": "D107"}
    (stray,) = said(report, "D123")
    assert stray.startswith("no index names it, and D106: begins with '<html>'")


def test_the_plain_index_is_taken_and_the_other_is_named(
    archive: Archive, gadf_set: Path
) -> None:
    other = gadf_set / "hdu-index-old.fits.gz"
    RunPlan(obs_id=9).write(gadf_set / "data" / "run_9.fits.gz")
    before = (gadf_set / "hdu-index.fits.gz").read_bytes()
    write_indexes(gadf_set, {9: "data/run_9.fits.gz"})
    (gadf_set / "hdu-index.fits.gz").rename(other)
    (gadf_set / "hdu-index.fits.gz").write_bytes(before)
    report = load(archive, gadf_set)
    assert obs_ids(archive) == ["1", "2", "3"]
    assert said(report, "D128") == ["hdu-index.fits.gz was taken"]
    assert [run.obs_id for run in find(other).runs] == ["9"]


def test_responses_in_the_event_file_of_another_run(
    archive: Archive, gadf_set: Path
) -> None:
    write_indexes(gadf_set, {n: f"data/run_{n}.fits.gz" for n in (1, 2)})
    with fits.open(gadf_set / "hdu-index.fits.gz") as hdus:
        rows = hdus[1].data
        shared = (rows["OBS_ID"] == 2) & (rows["HDU_TYPE"] != "events")
        rows["FILE_NAME"][shared & (rows["HDU_TYPE"] != "gti")] = "run_1.fits.gz"
        hdus.writeto(gadf_set / "new.fits.gz")
    (gadf_set / "new.fits.gz").rename(gadf_set / "hdu-index.fits.gz")
    assert counts(load(archive, gadf_set)) == {"added": 2}
    roles = archive.rows(
        "SELECT obs_id, role, name FROM cta.product_file "
        "JOIN cta.product USING (product_id) ORDER BY 1, 2"
    )
    assert [tuple(row.values())[:2] for row in roles] == [
        ("1", "events"),
        ("2", "events"),
        ("2", "irf"),
    ]
    assert archive.check() == []
