"""What is left of a job that has ended, and of what a kill cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from distiller.jobs import folders

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_a_job_that_has_ended_keeps_its_log_and_records(tmp_path: Path) -> None:
    kept = {"job.json", "out.log", "shepherd.json", "state.json", "fault.txt", "lock"}
    for name in kept:
        put(tmp_path / name)
    for name in ("inputs/0/run.fits", "inputs/12/run.fits", "result/a", "tmp/b/c"):
        put(tmp_path / name)
    folders.reserve(tmp_path)
    folders.tidy(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == kept
    folders.tidy(tmp_path)


def test_what_was_cut_off_is_swept_and_nothing_else(tmp_home: Settings) -> None:
    products = tmp_home.files_path / "products"
    job, product = tmp_home.jobs_path / "7", products / "count_map" / "ab" / "abc"
    kept = [put(job / "job.json"), put(product / "product.fits")]
    kept += [put(product.parent / ".nfs0001"), put(product / ".trash-of-a-task")]
    left = [folders.partial(product), product.with_name(".trash-abd-01234567")]
    left.append(job.with_name(".trash-8-01234567"))
    for folder in left:
        put(folder / "product.fits")
    folders.sweep(tmp_home)
    assert [folder for folder in left if folder.exists()] == []
    assert [path for path in kept if not path.exists()] == []


def test_there_may_be_nothing_to_sweep(tmp_home: Settings) -> None:
    folders.sweep(tmp_home)
    put(tmp_home.files_path / "products")
    folders.sweep(tmp_home)
