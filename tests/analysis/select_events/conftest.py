"""Runs whose events the tests select."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support import dl3

from distiller.analysis.simulate import simulate

if TYPE_CHECKING:
    from distiller.analysis.products import InputDataset


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> list[InputDataset]:
    """Simulate both sites: one writes its times in TT, the other in UTC."""
    folder = tmp_path_factory.mktemp("runs") / "set"
    simulate(folder, runs=6, seed=7)
    files = sorted((folder / "data").glob("*.fits"))
    return [
        dl3.dataset(f, str(int(f.stem.partition("_")[2])), simulated=True)
        for f in files
    ]
