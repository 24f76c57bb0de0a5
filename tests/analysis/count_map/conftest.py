"""Runs whose events the tests of count maps count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support import dl3

from distiller.analysis.simulate import simulate

from .orders import dataset

if TYPE_CHECKING:
    from distiller.analysis.products import InputDataset


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> list[InputDataset]:
    folder = tmp_path_factory.mktemp("runs") / "set"
    simulate(folder, runs=3, seed=7)
    files = sorted((folder / "data").glob("*.fits"))
    return [dataset(f, f.stem.partition("_")[2], simulated=True) for f in files]


@pytest.fixture(scope="session")
def whole(simulated: list[InputDataset]) -> list[InputDataset]:
    """Return the same runs with what the archive gives of responses: the area."""
    found = [dl3.dataset(item.path, item.obs_id) for item in simulated]
    return [
        item.model_copy(
            update={"responses": tuple(r for r in item.responses if r.kind == "aeff")}
        )
        for item in found
    ]
