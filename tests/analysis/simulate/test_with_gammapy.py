"""Gammapy, which had no part in the simulation, judges it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from distiller.analysis.simulate import simulate
from distiller.analysis.simulate.sources import CRAB

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    # Gammapy's own imports and its use of astropy and numpy warn; not our code.
    pytest.mark.filterwarnings("default"),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("judged") / "set"
    simulate(folder, runs=14)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from gammapy.data import DataStore  # noqa: PLC0415 - its import is slow

        return DataStore.from_dir(folder)


def test_every_run_passes_as_full_enclosure(store: Any) -> None:
    observations = store.get_observations(required_irf="full-enclosure")
    assert len(observations) == 14
    assert observations[0].gti.time_sum.to_value("s") == pytest.approx(1680.0)


def test_the_crab_comes_back_with_its_spectrum(store: Any) -> None:
    from astropy import units as u  # noqa: PLC0415 - beside Gammapy
    from gammapy.datasets import Datasets, SpectrumDataset  # noqa: PLC0415
    from gammapy.makers import (  # noqa: PLC0415
        ReflectedRegionsBackgroundMaker,
        SpectrumDatasetMaker,
    )
    from gammapy.maps import MapAxis, RegionGeom  # noqa: PLC0415
    from gammapy.modeling import Fit  # noqa: PLC0415
    from gammapy.modeling.models import (  # noqa: PLC0415
        LogParabolaSpectralModel,
        SkyModel,
    )

    energy = MapAxis.from_energy_bounds("0.3 TeV", "30 TeV", 12)
    true = MapAxis.from_energy_bounds("0.1 TeV", "100 TeV", 30, name="energy_true")
    geometry = RegionGeom.create("icrs;circle(83.633, 22.014, 0.15)", axes=[energy])
    maker = SpectrumDatasetMaker(
        containment_correction=True, selection=["counts", "exposure", "edisp"]
    )
    off = ReflectedRegionsBackgroundMaker()
    datasets = Datasets()
    for observation in store.get_observations([1001, 1002, 1003, 1004]):
        empty = SpectrumDataset.create(
            geometry, energy_axis_true=true, name=str(observation.obs_id)
        )
        datasets.append(off.run(maker.run(empty, observation), observation))
    model = LogParabolaSpectralModel(
        amplitude=3e-11 * u.Unit("cm-2 s-1 TeV-1"),
        reference=1 * u.TeV,
        alpha=2.3,
        beta=CRAB.spectrum.beta,
    )
    model.beta.frozen = True
    datasets.models = [SkyModel(model, name="crab")]
    result = Fit().run(datasets)
    assert result.success
    for parameter, truth in (
        (model.amplitude, CRAB.spectrum.phi_1tev),
        (model.alpha, CRAB.spectrum.alpha),
    ):
        assert abs(parameter.value - truth) < 2.0 * parameter.error, parameter


@pytest.mark.parametrize("obs_id", [1013, 1014])
def test_a_blank_field_holds_what_the_background_model_says(
    store: Any, obs_id: int
) -> None:
    from gammapy.datasets import MapDataset  # noqa: PLC0415
    from gammapy.makers import MapDatasetMaker  # noqa: PLC0415
    from gammapy.maps import MapAxis, WcsGeom  # noqa: PLC0415

    observation = store.obs(obs_id)
    axis = MapAxis.from_energy_bounds("0.2 TeV", "10 TeV", 4)
    geometry = WcsGeom.create(
        skydir=observation.get_pointing_icrs(observation.tmid),
        width=4,
        binsz=0.05,
        axes=[axis],
    )
    maker = MapDatasetMaker(selection=["counts", "background"])
    dataset = maker.run(MapDataset.create(geometry), observation)
    seen = dataset.counts.data.sum(axis=(1, 2))
    told = dataset.background.data.sum(axis=(1, 2))
    assert np.all(np.abs(seen - told) < 4.0 * np.sqrt(told))
