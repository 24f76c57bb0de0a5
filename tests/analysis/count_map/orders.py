"""Orders of count maps, for tests, and what is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distiller.analysis.count_map.parameters import CountMapParameters
from distiller.analysis.count_map.run import run
from distiller.analysis.products import InputDataset, ProductDescription
from distiller.core.files import sha256

if TYPE_CHECKING:
    from pathlib import Path

CRAB = {"ra": 83.633, "dec": 22.014}


def dataset(path: Path, obs_id: str, *, simulated: bool = False) -> InputDataset:
    return InputDataset(
        did=f"ivo://org.example/set?{obs_id}",
        obs_id=obs_id,
        collection="set",
        path=path,
        checksum=sha256(path),
        simulated=simulated,
    )


def parameters(inputs: list[InputDataset], **given: Any) -> CountMapParameters:
    obs = [item.obs_id for item in inputs]
    return CountMapParameters.model_validate({"obs": obs, **CRAB, **given})


def made(
    configuration: CountMapParameters, inputs: list[InputDataset], folder: Path
) -> ProductDescription:
    folder.mkdir(exist_ok=True)
    return run(configuration, inputs, folder, lambda _fraction, _text: None)
