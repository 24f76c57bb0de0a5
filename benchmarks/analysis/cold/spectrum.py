"""A spectrum with flux points with plain Gammapy, as an astronomer's script.

python spectrum.py OUT FOLDER OBS_ID...
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from gammapy.data import DataStore
from gammapy.datasets import Datasets, SpectrumDataset
from gammapy.estimators import FluxPointsEstimator
from gammapy.makers import (
    ReflectedRegionsBackgroundMaker,
    SafeMaskMaker,
    SpectrumDatasetMaker,
)
from gammapy.maps import MapAxis, RegionGeom
from gammapy.modeling import Fit
from gammapy.modeling.models import PowerLawSpectralModel, SkyModel
from regions import CircleSkyRegion


def main(out: Path, folder: str, runs: list[int]) -> None:
    """Write flux-points.fits, model.yaml and plot.png."""
    out.mkdir(parents=True, exist_ok=True)
    centre = SkyCoord(83.633, 22.014, unit="deg")
    axis = MapAxis.from_energy_bounds(0.7, 30, 20, per_decade=True, unit="TeV")
    true = MapAxis.from_energy_bounds(
        0.2, 100, 20, per_decade=True, unit="TeV", name="energy_true"
    )
    region = CircleSkyRegion(centre, 0.11 * u.deg)
    geom = RegionGeom.create(region, axes=[axis])
    empty = SpectrumDataset.create(geom=geom, energy_axis_true=true)
    maker = SpectrumDatasetMaker(
        containment_correction=True, selection=["counts", "exposure", "edisp"]
    )
    background = ReflectedRegionsBackgroundMaker()
    safe = SafeMaskMaker(methods=["aeff-default"])
    datasets = Datasets()
    for one in DataStore.from_dir(folder).get_observations(runs):
        dataset = maker.run(empty.copy(name=str(one.obs_id)), one)
        datasets.append(safe.run(background.run(dataset, one), one))
    stacked = datasets.stack_reduce(name="stacked")
    law = PowerLawSpectralModel(
        index=2.5, amplitude="3e-11 cm-2 s-1 TeV-1", reference="1 TeV"
    )
    model = SkyModel(spectral_model=law, name="source")
    stacked.models = [model]
    Fit().run([stacked])
    points = FluxPointsEstimator(
        energy_edges=np.geomspace(0.7, 30, 9) * u.TeV,
        source="source",
        selection_optional=["errn-errp", "ul"],
    ).run([stacked])
    points.write(out / "flux-points.fits", overwrite=True)
    stacked.models.write(out / "model.yaml", overwrite=True)
    axes = points.plot(sed_type="e2dnde")
    law.plot(ax=axes, energy_bounds=[0.7, 30] * u.TeV, sed_type="e2dnde")
    plt.savefig(out / "plot.png", dpi=130)


if __name__ == "__main__":
    began = time.perf_counter()
    main(Path(sys.argv[1]), sys.argv[2], [int(a) for a in sys.argv[3:]])
    print(time.perf_counter() - began)
