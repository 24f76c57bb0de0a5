"""Light curves: simulated truth, Gammapy's own estimator, bins, what is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time
from gammapy.estimators import FluxPoints, LightCurveEstimator
from gammapy.modeling.models import LogParabolaSpectralModel
from tests.support.dl3 import CRAB_RUNS, hess_run
from tests.support.spectra import TRUTH, made, numbers_of, parameters, simulated_runs

from distiller.analysis import observations
from distiller.analysis.light_curve.parameters import LightCurveParameters
from distiller.analysis.parameters import InvalidParameters
from distiller.analysis.products import InputDataset, ProductDescription
from distiller.analysis.recipes import light_curve as recipe
from distiller.analysis.recipes.flux_fit import UL_SIGMA
from distiller.analysis.simulate import simulate
from distiller.core.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

QUICK = {"e_min": 0.5, "e_max": 20.0, "index": 2.7}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[InputDataset]:
    """Four runs of the Crab Nebula in one night."""
    folder = tmp_path_factory.mktemp("runs") / "set"
    simulate(folder, runs=4, seed=1)
    return simulated_runs(folder)


@pytest.fixture(scope="module")
def product(
    runs: list[InputDataset], tmp_path_factory: pytest.TempPathFactory
) -> tuple[ProductDescription, Path]:
    """Light curve by run, with the default parameters above 1 TeV."""
    folder = tmp_path_factory.mktemp("light_curve")
    given = {"target": "Crab", "e_min": 0.5, "e_max": 20.0}
    return made("light_curve", runs, folder, **given), folder


def recipe_made(inputs: list[InputDataset], **given: Any) -> recipe.Made:
    asked = parameters("light_curve", inputs, **{**QUICK, **given})
    read = observations.read_all(inputs, lambda _fraction, _text: None, 0.1)
    return recipe.make(read, asked.model_dump(mode="json", exclude_none=True))


def test_the_simulated_flux_is_constant_and_recovered(
    product: tuple[ProductDescription, Path],
) -> None:
    numbers = numbers_of(product[1])
    law = LogParabolaSpectralModel(
        amplitude=TRUTH["amplitude"] * u.Unit("cm-2 s-1 TeV-1"),
        alpha=TRUTH["alpha"],
        beta=TRUTH["beta"],
        reference=1 * u.TeV,
    )
    truth = law.integral(0.5 * u.TeV, 20 * u.TeV).to_value("cm-2 s-1")
    assert len(numbers["points"]) == 4
    for point in numbers["points"]:
        assert abs(point["flux"] - truth) < 3 * point["flux_err"]
        assert not point["is_ul"]
        assert point["flux_ul"] > point["flux"]
        assert (point["e_min"], point["e_max"]) == pytest.approx((0.5, 20.0))
    varies = numbers["variability"]
    assert abs(varies["mean_flux"] - truth) < 2 * varies["mean_flux_error"]
    assert varies["degrees_of_freedom"] == 3
    assert varies["p_value"] > 0.01
    assert numbers["index_from"] == "fitted"
    assert 2.4 < numbers["index"] < 2.9


def test_variability_in_numbers() -> None:
    def points(*flux: float, error: float = 1.0) -> list[dict[str, Any]]:
        return [{"flux": one, "flux_err": error} for one in flux]

    found = recipe.variability(points(8, 12, 8, 12))
    assert found["mean_flux"] == pytest.approx(10)
    assert found["mean_flux_error"] == pytest.approx(0.5)
    assert found["chi2"] == pytest.approx(16)
    assert found["p_value"] == pytest.approx(0.0011340, rel=1e-3)
    # Vaughan et al. 2003, equations 10 and B2.
    excess = (16 / 3 - 1) / 100
    assert found["fvar"] == pytest.approx(excess**0.5)
    error = np.hypot(np.sqrt(1 / 8) / 100 / excess**0.5, np.sqrt(1 / 4) / 10)
    assert found["fvar_error"] == pytest.approx(error)
    still = recipe.variability(points(10, 10.5, 9.8))
    assert still["fvar"] is None
    assert still["excess_variance"] < 0
    alone = recipe.variability(points(10))
    assert (alone["mean_flux"], alone["chi2"]) == (10, None)
    assert recipe.variability([])["mean_flux"] is None


def test_points_are_those_of_gammapys_estimator(runs: list[InputDataset]) -> None:
    found = recipe_made(runs[:2])
    ours = recipe.table(found)
    estimator = LightCurveEstimator(
        energy_edges=[found.e_min, found.e_max] * u.TeV,
        source=recipe.SOURCE,
        selection_optional=["errn-errp", "ul"],
        n_sigma_ul=UL_SIGMA,
    )
    datasets = found.reduced.datasets
    plain = estimator.run(datasets).to_table(sed_type="flux", format="lightcurve")
    names = ("time_min", "flux", "flux_err", "flux_errn", "flux_errp", "flux_ul", "ts")
    for name in names:
        np.testing.assert_allclose(ours[name], plain[name], rtol=1e-6, err_msg=name)


def test_times_say_their_scale(
    product: tuple[ProductDescription, Path], runs: list[InputDataset]
) -> None:
    description, folder = product
    gti = observations.read(runs[0]).gti
    begin = gti.time_start[0]
    table = Table.read(folder / "light_curve.ecsv")
    assert table.meta["TIMESYS"] == "tt"
    assert table["time_min"][0] == pytest.approx(begin.tt.mjd, abs=1e-9)
    assert "TT" in table["time_min"].description
    assert description.light_curve is not None
    first = description.light_curve.points[0]
    assert first.t_start_mjd == pytest.approx(begin.utc.mjd, abs=1e-9)
    assert begin.tt.mjd - begin.utc.mjd > 60 / 86400
    header = fits.getheader(folder / "product.fits")
    assert header["TIMESYS"] == "UTC"
    assert Time(header["DATE-BEG"], scale="utc").mjd == pytest.approx(
        begin.utc.mjd, abs=1e-8
    )


def test_files_are_read_by_gammapy(product: tuple[ProductDescription, Path]) -> None:
    description, folder = product
    assert [(f.result_id, f.role) for f in description.files] == [
        ("product", "product"), ("plot", "plot"), ("configuration", "configuration"),
        ("table", "table"), ("fit", "fit"), ("recipe", "recipe"), ("plot_svg", "plot"),
    ]  # fmt: skip
    points = FluxPoints.read(folder / "product.fits", format="lightcurve")
    expected = [p["flux"] for p in numbers_of(folder)["points"]]
    np.testing.assert_allclose(points.flux.data.ravel(), expected, rtol=1e-6)
    axis = points.geom.axes["time"]
    assert axis.time_min[0].scale == "tt"
    assert description.product_type == "timeseries"
    assert description.t_xel == 4
    assert description.em_xel == 1
    assert u.Unit(description.o_unit, format="vounit") == u.Unit("cm-2 s-1")
    again = ProductDescription.model_validate_json(description.model_dump_json())
    assert again == description


def test_nights_and_bins_of_one_length(
    runs: list[InputDataset], tmp_path: Path
) -> None:
    (night,) = recipe.numbers(recipe_made(runs[:2], time_bins="night"))["points"]
    assert night["runs"] == ["1001", "1002"]
    by_run = recipe.numbers(recipe_made(runs[:2]))["points"]
    assert night["n_on"] == sum(p["n_on"] for p in by_run)
    assert night["exposure_s"] == pytest.approx(sum(p["exposure_s"] for p in by_run))
    description = made("light_curve", runs[:2], tmp_path, time_bins="0.25", **QUICK)
    quarter = numbers_of(tmp_path)["points"]
    # The second run begins 4.8 s before the second bin ends.
    assert [p["runs"] for p in quarter] == [
        ["1001_1"], ["1001_2", "1002_2"], ["1002_3"], ["1002_4"],
    ]  # fmt: skip
    assert sum(p["n_on"] for p in quarter) == night["n_on"]
    first, second = quarter[:2]
    assert first["t_stop_utc"] - first["t_start_utc"] == pytest.approx(
        0.25 / 24, abs=1e-8
    )
    assert first["t_stop_utc"] == pytest.approx(second["t_start_utc"], abs=1e-8)
    assert description.light_curve is not None
    assert description.light_curve.binning == "0.25"


def test_a_night_ends_at_noon_of_the_site(runs: list[InputDataset]) -> None:
    run = observations.read(runs[0])
    noon = {}
    for hours in (-2, 2):
        moved = run.copy()
        place = run.observatory_earth_location
        day = 60000 + 0.5 - float(place.lon.deg) / 360 + hours / 24
        moved._gti = _gti(day)
        noon[hours] = recipe._night(moved)
    assert noon[2] - noon[-2] == 1
    evening, morning = (_at(run, 0.3), _at(run, 0.7))
    assert recipe._night(evening) != recipe._night(morning)


def _at(run: Any, part: float) -> Any:
    moved = run.copy()
    lon = float(run.observatory_earth_location.lon.deg)
    moved._gti = _gti(60000 + part - lon / 360)
    return moved


def _gti(day: float) -> Any:
    from gammapy.data import GTI  # noqa: PLC0415

    reference = Time(day, format="mjd", scale="utc").tt
    return GTI.create([0] * u.s, [60] * u.s, reference)


def test_what_is_said(runs: list[InputDataset], tmp_path: Path) -> None:
    one = made("light_curve", runs[:1], tmp_path / "a", **QUICK)
    said = " ".join(one.limits)
    assert "one power law of index 2.70 (given)" in said
    assert "There is one point only" in said
    wide = made(
        "light_curve", runs[:1], tmp_path / "b", e_min=0.02, e_max=20, index=2.5
    )
    said = " ".join(wide.limits)
    assert "1 of 1 points were measured in a part of the range of energies" in said
    faint = made(
        "light_curve", runs[:2], tmp_path / "c",
        **{**QUICK, "ra": 83.0, "dec": 21.2, "e_min": 3.0},
    )  # fmt: skip
    said = " ".join(faint.limits)
    assert "2 of 2 points have fewer than 10 events" in said
    assert faint.light_curve is not None
    assert all(p.upper_limit_per_cm2_s for p in faint.light_curve.points)


def test_runs_at_the_same_time_are_no_bins_of_their_own(
    runs: list[InputDataset], tmp_path: Path
) -> None:
    twin = runs[0].model_copy(update={"obs_id": "9", "did": "ivo://org.example/set?9"})
    with pytest.raises(UserError, match="were taken at the same time: choose some"):
        made("light_curve", [runs[0], twin], tmp_path, **QUICK)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("week", "time_bins: must be run, night or a length in h, not 'week'"),
        ("0", "time_bins: must be from 0.01 to 10000 h, not '0'"),
        ("nan", "time_bins: must be from 0.01 to 10000 h, not 'nan'"),
    ],
)
def test_wrong_bins(given: str, message: str) -> None:
    pairs = (("obs", "1"), ("ra", "1"), ("dec", "2"), ("time_bins", given))
    with pytest.raises(InvalidParameters) as caught:
        LightCurveParameters.from_pairs("light_curve", pairs)
    assert message in caught.value.text


def test_bins_are_written_in_one_way() -> None:
    pairs = (("obs", "1"), ("ra", "1"), ("dec", "2"))
    for given, written in (("Night", "night"), (" 0.50", "0.5"), ("2.0", "2")):
        asked = LightCurveParameters.from_pairs(
            "light_curve", (*pairs, ("time_bins", given))
        )
        assert asked.time_bins == written


@pytest.mark.slow
@pytest.mark.real_data
def test_the_crab_of_four_runs(hess: Path, tmp_path: Path) -> None:
    """All points measure the same energies: those that are safe in all runs."""
    inputs = [hess_run(hess, number) for number in CRAB_RUNS]
    made("light_curve", inputs, tmp_path)
    numbers = numbers_of(tmp_path)
    # Thresholds are 0.66 to 0.87 TeV; the next edge above the highest.
    assert numbers["e_min"] == pytest.approx(0.8913, abs=1e-4)
    assert len(numbers["points"]) == 4
    assert all(p["e_min"] == pytest.approx(0.8913, abs=1e-4) for p in numbers["points"])
    assert numbers["variability"]["p_value"] > 0.001
