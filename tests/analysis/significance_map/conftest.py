"""Simulated runs for the tests of significance maps, and a map of the Crab."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support import dl3

from distiller.analysis.simulate import simulate

from .orders import CRAB, SMALL, made, parameters

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.analysis.products import InputDataset, ProductDescription


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("runs") / "set"
    simulate(target, runs=14, seed=7)
    return target


def simulated(folder: Path, obs_ids: range) -> list[InputDataset]:
    return [
        dl3.dataset(path, str(number), simulated=True)
        for number in obs_ids
        for path in folder.rglob(f"*{number}.fits")
    ]


@pytest.fixture(scope="session")
def crab(folder: Path) -> list[InputDataset]:
    return simulated(folder, range(1001, 1005))


@pytest.fixture(scope="session")
def blank(folder: Path) -> list[InputDataset]:
    return simulated(folder, range(1013, 1015))


@pytest.fixture(scope="session")
def crab_map(
    crab: list[InputDataset], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, ProductDescription]:
    result = tmp_path_factory.mktemp("crab") / "result"
    asked = parameters(crab, target="Crab Nebula", **CRAB, **SMALL, e_min=0.2)
    return result, made(asked, crab, result)
