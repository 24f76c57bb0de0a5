"""Which engine a job goes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from distiller.analysis.products import InputDataset
from distiller.core.errors import BadParameter
from distiller.core.settings import load_settings
from distiller.jobs import folders
from distiller.jobs.engines import selection

from .conftest import specification

if TYPE_CHECKING:
    from pathlib import Path

SIZED = {"slurm_from_runs": 3}
BY_TASK = {"engine_by_task": {"rogue": "local"}, "engine": "slurm", **SIZED}
OTHER_TASK = {"engine_by_task": {"count_map": "slurm"}}


@pytest.mark.parametrize(
    ("given", "runs", "engine"),
    [
        ({}, 100, "local"),
        ({"engine": "slurm"}, 1, "slurm"),
        (SIZED, 2, "local"),
        (SIZED, 3, "slurm"),
        (BY_TASK, 9, "local"),
        (OTHER_TASK, 9, "local"),
        ({"engine_by_task": {"rogue": "slurm"}}, 1, "slurm"),
    ],
)
def test_by_task_then_by_size_then_the_usual_one(
    tmp_path: Path, given: dict[str, Any], runs: int, engine: str
) -> None:
    one = InputDataset(
        did="ivo://org.example/set?1", obs_id="1", collection="set",
        path=tmp_path / "1.fits", checksum="",
    )  # fmt: skip
    spec = specification("good").model_copy(update={"inputs": (one,) * runs})
    settings = load_settings(tmp_path, **given)
    assert selection.choice(settings, spec) == engine
    assert selection.is_only_local(settings) == (given == {})


def test_what_is_set_may_stand_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "distiller.toml").write_text(
        'engine_by_task = {count_map = "slurm"}\nslurm_from_runs = 5\n'
        'slurm_jobs_at_once = 7\nslurm_options = ["--account=vhe"]\n'
        'slurm_ssh = "cta@login.example.org"\n'
    )
    settings = load_settings(tmp_path)
    assert settings.engine_by_task == {"count_map": "slurm"}
    assert selection.places(settings, "slurm") == 7
    assert selection.places(settings, "local") == 2
    selection.check(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("engine", "condor"),
        ("engine_by_task", {"count_map": "condor"}),
        ("slurm_partition", "a b"),
        ("slurm_options", ["account=vhe"]),
        ("slurm_ssh", "-oProxyCommand=x"),
        ("slurm_ssh", "u@-h"),
        ("slurm_ssh", "a;b"),
    ],
)
def test_what_is_set_wrongly_is_told(tmp_path: Path, name: str, value: Any) -> None:
    with pytest.raises(BadParameter, match=f"^.*{name}"):
        load_settings(tmp_path, **{name: value})


def test_a_folder_tells_whose_it_is(tmp_path: Path) -> None:
    assert selection.handed_to(tmp_path) == "local"
    (tmp_path / folders.SLURM).touch()
    assert selection.handed_to(tmp_path) == "slurm"
