"""Orders of significance maps, for tests, and what is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

from distiller.analysis.significance_map.parameters import SignificanceMapParameters
from distiller.analysis.significance_map.run import run

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.analysis.products import InputDataset, ProductDescription

Floats = np.typing.NDArray[np.float64]

CRAB = {"ra": 83.633, "dec": 22.014}
SMALL = {"width": 3, "binsz": 0.05}
ALONE = {"exclude_known": False, "exclude_above": 0}


def parameters(inputs: list[InputDataset], **given: Any) -> SignificanceMapParameters:
    obs = [item.obs_id for item in inputs]
    return SignificanceMapParameters.model_validate({"obs": obs, **given})


def made(
    configuration: SignificanceMapParameters, inputs: list[InputDataset], folder: Path
) -> ProductDescription:
    folder.mkdir(exist_ok=True, parents=True)
    asked = configuration.completed()  # as a job is specified
    return run(asked, inputs, folder, lambda _fraction, _text: None)


def images(folder: Path) -> dict[str, Floats]:
    """Read all maps of a product as 64-bit numbers; significance has no name."""
    with fits.open(folder / "product.fits") as hdus:
        named = {hdu.name or "SIGNIFICANCE": hdu.data.astype(float) for hdu in hdus}
    return {name.replace("PRIMARY", "SIGNIFICANCE"): v for name, v in named.items()}
