"""The exposure of a count map, held against that of Gammapy."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.time import Time
from gammapy.data import Observations
from gammapy.makers.utils import make_map_exposure_true_energy
from gammapy.maps import Map, MapAxis, WcsGeom
from tests.ingest.point_like import write_magic
from tests.support import dl3
from tests.support.recipes import at_home

from distiller.analysis import observations
from distiller.analysis.count_map.run import count

from .orders import made, parameters

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.analysis.products import InputDataset


def plain_exposure(
    inputs: list[InputDataset], geom: WcsGeom, edges: Any, span: Time | None = None
) -> Any:
    """Let Gammapy compute exposures at many energies, and average them with E^-2."""
    found = Observations([observations.read(item) for item in inputs])
    if span is not None:
        found = Observations([one.select_time(span) for one in found])
    planes = []
    total: Any
    for low, high in pairwise(edges):
        fine = MapAxis.from_energy_bounds(
            low * u.TeV, high * u.TeV, 200, name="energy_true"
        )
        total = 0.0
        for one in found:
            made_of = make_map_exposure_true_energy(
                one.get_pointing_icrs(one.tmid),
                one.observation_live_time_duration,
                one.aeff,
                geom.to_image().to_cube([fine]),
            )
            total = total + made_of.quantity.to_value("cm2 s")
        # Of E^-2 within each of the narrow bins.
        weights = 1 / fine.edges_min.value - 1 / fine.edges_max.value
        planes.append(np.tensordot(weights / weights.sum(), total, axes=1))
    return np.array(planes)


@pytest.mark.parametrize(
    "given",
    [
        {"width": 6, "binsz": 0.25},
        {"width": 8, "binsz": 0.5, "frame": "galactic", "proj": "CAR", "n_e": 3},
        {"width": (40, 20), "binsz": 1, "proj": "AIT", "e_min": 1, "e_max": 10},
        # More pixels than are computed at once.
        {"width": (7.5, 5), "binsz": 0.04, "n_e": 2},
    ],
)
def test_the_exposure_is_that_of_gammapy(
    given: dict[str, Any], whole: list[InputDataset], tmp_path: Path
) -> None:
    asked = parameters(whole, **given)
    description = made(asked, whole, tmp_path)
    exposure = Map.read(tmp_path / "product.fits", hdu="EXPOSURE")
    counts = Map.read(tmp_path / "product.fits")
    assert exposure.geom == counts.geom
    assert exposure.unit == "cm2 s"
    edges = np.geomspace(asked.e_min, asked.e_max, asked.n_e + 1)
    expected = plain_exposure(whole, exposure.geom, edges)
    values = exposure.data.reshape(expected.shape)
    np.testing.assert_allclose(values, expected, rtol=2e-3, atol=expected.max() * 1e-6)
    assert (expected > 0).any()
    assert [one.quantity for one in description.maps] == ["counts", "exposure"]
    assert description.maps[1].maximum == pytest.approx(values.max())
    assert description.limits[0].startswith("The exposure holds for a power law")


def test_the_exposure_at_one_energy_is_exact(whole: list[InputDataset]) -> None:
    asked = parameters(whole, e_min=2, e_max=2.00001, width=4, binsz=0.5)
    _, tally = count(asked, whole)
    assert tally.exposure is not None
    expected = plain_exposure(whole, tally.exposure.geom, [2.0, 2.00001])
    np.testing.assert_allclose(tally.exposure.data, expected[0], rtol=1e-6)


def test_the_exposure_is_of_the_chosen_time(whole: list[InputDataset]) -> None:
    start = float(observations.read(whole[0]).gti.time_start.utc.mjd[0])
    asked = parameters(whole, t_max=start + 0.005, binsz=0.5, e_min=1, e_max=1.001)
    _, tally = count(asked, whole)
    assert tally.exposure is not None
    span = Time([start - 1, start + 0.005], format="mjd", scale="utc")
    expected = plain_exposure(whole[:1], tally.exposure.geom, [1.0, 1.001], span)
    np.testing.assert_allclose(tally.exposure.data, expected[0], rtol=1e-5)


def test_no_exposure_if_one_run_has_no_area(
    whole: list[InputDataset], simulated: list[InputDataset], tmp_path: Path
) -> None:
    mixed = [*whole[:2], simulated[2]]
    description = made(parameters(mixed), mixed, tmp_path / "a")
    (told,) = description.limits
    assert told.startswith("There is no exposure: the effective area at more than one ")
    assert told.endswith(f" is not known of run {simulated[2].obs_id}.")
    made(parameters(whole, exposure=False), whole, tmp_path / "b")
    for name in ("a", "b"):
        with fits.open(tmp_path / name / "product.fits") as hdus:
            assert [hdu.name for hdu in hdus] == ["PRIMARY"]


@pytest.mark.real_data
def test_the_exposure_of_the_first_data_challenge(cta_1dc: Path) -> None:
    """Offsets of its effective area are bins, not points."""
    one = [dl3.dc_run(cta_1dc, "110380")]
    asked = parameters(
        one, ra=267.68, dec=-29.6, e_min=1, e_max=1.00001, binsz=0.5, width=14
    )
    _, tally = count(asked, one)
    assert tally.exposure is not None
    expected = plain_exposure(one, tally.exposure.geom, [1.0, 1.00001])
    largest = expected.max()
    # Gammapy cuts off what it would extrapolate to less than 0, between two nodes.
    np.testing.assert_allclose(
        tally.exposure.data, expected[0], rtol=1e-5, atol=1e-3 * largest
    )
    assert 0.4 < (tally.exposure.data > 0).mean() < 0.6


def test_point_like_areas_give_no_exposure(tmp_path: Path) -> None:
    files = sorted(write_magic(tmp_path / "magic").glob("*DL3*"))
    runs = [dl3.dataset(path, str(n)) for n, path in enumerate(files, start=1)]
    _, tally = count(parameters(runs), runs)
    assert tally.exposure is None
    assert tally.unexposed == ["1", "2"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "given", [{}, {"n_e": 3, "frame": "galactic", "t_min": 50000.0}]
)
def test_the_recipe_repeats_the_maps_at_home(
    given: dict[str, Any], whole: list[InputDataset], tmp_path: Path
) -> None:
    description = made(parameters(whole, **given), whole, tmp_path / "a")
    told = at_home(tmp_path / "a", whole[0].path.parent, tmp_path / "b")
    assert told["total"] == description.maps[0].total
    assert told["exposure_cm2_s"] == pytest.approx(description.maps[1].maximum)
    for hdu in (0, "EXPOSURE"):
        ours, theirs = (
            Map.read(tmp_path / d / "product.fits", hdu=hdu) for d in ("a", "b")
        )
        np.testing.assert_array_equal(ours.data, theirs.data)
        assert ours.geom == theirs.geom
