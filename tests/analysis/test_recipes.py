"""Recipes: one file of plain Gammapy goes with a product, and makes it again."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.spectra import made, simulated_runs

from distiller.analysis.record import recipe_py
from distiller.analysis.simulate import simulate
from distiller.analysis.tasks import TASKS

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.analysis.products import InputDataset

WITH_RECIPE = sorted(name for name, task in TASKS.items() if task.recipe)
CASES: dict[str, dict[str, Any]] = {
    "spectrum": {"e_min": 0.3, "e_max": 30.0, "n_e": 3, "model": "lp"},
    "light_curve": {"e_min": 0.5, "e_max": 20.0, "time_bins": "0.25"},
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[InputDataset]:
    folder = tmp_path_factory.mktemp("runs") / "set"
    simulate(folder, runs=2, seed=5)
    return simulated_runs(folder)


@pytest.mark.parametrize("name", WITH_RECIPE)
def test_a_recipe_is_one_whole_program(name: str) -> None:
    text = recipe_py(TASKS[name])
    tree = ast.parse(text)
    compile(text, "recipe.py", "exec")
    defined: list[str] = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            defined.append(node.name)
        elif isinstance(node, ast.Assign):
            defined += [t.id for t in node.targets if isinstance(t, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            defined.append(node.target.id)
    twice = [one for one, count in Counter(defined).items() if count > 1]
    assert not twice, "joined modules must not have the same names"
    assert {"make", "write", "numbers", "main"} <= set(defined)
    imported = [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    assert imported
    assert "distiller" not in {
        part
        for node in imported
        for alias in node.names
        for part in (getattr(node, "module", None) or alias.name).split(".")
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CASES))
def test_plain_gammapy_repeats_the_numbers(
    name: str, runs: list[InputDataset], tmp_path: Path
) -> None:
    product = made(name, runs, tmp_path / "a", **CASES[name])
    # A home without this program.
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "distiller.py").write_text("raise ImportError('not here')\n")
    folder = tmp_path / "a"
    answer = subprocess.run(
        [
            sys.executable, folder / "recipe.py", folder / "configuration.yaml",
            runs[0].path.parent, tmp_path / "b",
        ],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "home")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    ours = json.loads((folder / "fit.json").read_text())
    del ours["limits"]
    _same(told, ours)
    # Its page names what was made, here and there.
    (results,) = [p for p in TASKS[name].method.split("\n## ") if p[:7] == "Results"]
    for file in product.files:
        assert f"`{file.result_id}`" in results
        assert f"`{file.name}`" in results
    assert (tmp_path / "b" / "fit.json").is_file()
    for path in (tmp_path / "b").iterdir():
        said = "pha_*.fits" if path.name.startswith("pha_") else path.name
        assert f"`{said}`" in results


@pytest.mark.parametrize("name", WITH_RECIPE)
def test_pages_say_how_a_recipe_is_run(name: str) -> None:
    words = r"no pictures?: `python recipe\.py configuration\.yaml FOLDER RESULT`"
    assert re.search(words, TASKS[name].method)


def _same(one: Any, other: Any, where: str = "") -> None:
    """Compare results, numbers to one part in a million."""
    assert type(one) is type(other), where
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            _same(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), where
        for number, pair in enumerate(zip(one, other, strict=True)):
            _same(*pair, f"{where}[{number}]")
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-6), where
    else:
        assert one == other, where
