"""What was stored with more than can be read now stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from astropy.io import fits
from tests.ingest.conftest import RunPlan, cut_gzip, no_responses
from tests.ingest.loading import counts, load, refused, said

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.archive import Archive

pytestmark = pytest.mark.slow


def test_a_run_is_not_replaced_when_its_index_breaks(
    archive: Archive, gadf_set: Path
) -> None:
    load(archive, gadf_set)
    before = archive.digest()
    cut_gzip(gadf_set / "hdu-index.fits.gz", 0.5)
    report = load(archive, gadf_set)
    assert counts(report) == {"refused": 3, "refused_files": 1}
    assert refused(report)["hdu-index.fits.gz"] == "D120"
    assert said(report, "D118") == [
        f"run {n}: its index is unusable" for n in (1, 2, 3)
    ]
    assert archive.digest() == before


def caldb_set(folder: Path) -> Path:
    keywords = {"CALDB": "1dc", "IRF": "South"}
    plan = RunPlan(obs_id=5, header=keywords, responses=no_responses)
    plan.write(folder / "data" / "run.fits")
    irf = folder / "caldb" / "data" / "cta" / "1dc" / "bcf" / "South"
    RunPlan(has_events=False, gti=None).write(irf / "irf_file.fits")
    return folder / "caldb"


def responses(archive: Archive) -> int:
    (row,) = archive.rows("SELECT count(*) AS n FROM cta.response")
    return int(row["n"])


def test_responses_that_vanish_are_kept_and_those_that_come_are_seen(
    archive: Archive, tmp_path: Path
) -> None:
    folder = tmp_path / "set"
    caldb = caldb_set(folder)
    caldb.rename(tmp_path / "away")
    assert counts(load(archive, folder)) == {"added": 1}
    assert responses(archive) == 0
    assert counts(load(archive, folder)) == {"unchanged": 1}
    (tmp_path / "away").rename(caldb)
    assert counts(load(archive, folder)) == {"replaced": 1}
    assert responses(archive) == 3
    caldb.rename(tmp_path / "away")
    report = load(archive, folder)
    assert counts(report) == {"refused": 1}
    assert said(report, "D118") == ["run 5 has 0 responses, had 3"]
    assert responses(archive) == 3


def test_a_response_file_that_is_missing_is_counted_once(
    archive: Archive, gadf_set: Path
) -> None:
    with fits.open(gadf_set / "hdu-index.fits.gz") as hdus:
        rows = hdus[1].data
        rows["FILE_NAME"][rows["HDU_TYPE"] == "aeff"] = "no.fits"
        hdus.writeto(gadf_set / "new.fits.gz")
    (gadf_set / "new.fits.gz").rename(gadf_set / "hdu-index.fits.gz")
    report = load(archive, gadf_set)
    assert counts(report) == {"added": 3, "refused_files": 1}
