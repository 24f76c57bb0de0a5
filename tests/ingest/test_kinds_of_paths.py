"""Names, links and special files: each is named, and the rest goes in."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.ingest.conftest import RunPlan
from tests.ingest.loading import counts, load, refused

from distiller.core.errors import BadData

if TYPE_CHECKING:
    from distiller.archive import Archive

pytestmark = pytest.mark.slow


def test_names_that_are_not_utf8_are_refused_by_name(
    archive: Archive, gadf_set: Path
) -> None:
    for name in ("hdu-index.fits.gz", "obs-index.fits.gz"):
        (gadf_set / name).unlink()
    source = gadf_set / "data" / "run_1.fits.gz"
    shutil.copy(source, gadf_set / "data" / os.fsdecode(b"caf\xe9.fits.gz"))
    strange = Path(os.fsdecode(os.fsencode(gadf_set) + b"/d\xe9"))
    strange.mkdir()
    shutil.copy(source, strange / "run.fits.gz")
    report = load(archive, gadf_set)
    assert counts(report) == {"added": 3, "refused": 2}
    assert refused(report) == {"caf\\xe9.fits.gz": "D116", "run.fits.gz": "D116"}
    report.as_text().encode()
    with pytest.raises(BadData, match="its name is not UTF-8"):
        load(archive, strange)


def test_pipes_and_circles_of_links_stop_nothing(
    archive: Archive, gadf_set: Path
) -> None:
    for name in ("hdu-index.fits.gz", "obs-index.fits.gz"):
        (gadf_set / name).unlink()
    os.mkfifo(gadf_set / "pipe.fits")
    (gadf_set / "a.fits").symlink_to("b.fits")
    (gadf_set / "b.fits").symlink_to("a.fits")
    (gadf_set / "data" / "round").symlink_to(gadf_set)
    report = load(archive, gadf_set)
    assert counts(report) == {"added": 3, "refused": 3}
    assert refused(report) == dict.fromkeys(("pipe.fits", "a.fits", "b.fits"), "D101")


def test_folders_that_are_links_are_followed(archive: Archive, tmp_path: Path) -> None:
    RunPlan(obs_id=4).write(tmp_path / "elsewhere" / "run.fits")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "linked").symlink_to(tmp_path / "elsewhere")
    assert counts(load(archive, tmp_path / "set")) == {"added": 1}


def test_a_path_upwards_has_the_name_of_its_folder(
    archive: Archive, gadf_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(gadf_set / "data")
    assert load(archive, Path("..")).collections == ["good-set"]
    (row,) = archive.rows("SELECT min(path) AS path FROM cta.product_file")
    assert ".." not in row["path"]


def test_a_bad_path_does_not_stop_the_others(
    archive: Archive, gadf_set: Path, tmp_path: Path
) -> None:
    report = load(archive, tmp_path / "nowhere", gadf_set)
    assert counts(report) == {"added": 3, "refused": 1}
    assert refused(report) == {"nowhere": "D102"}
