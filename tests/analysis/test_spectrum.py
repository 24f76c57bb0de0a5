"""Spectra: simulated numbers, plain counts, Gammapy's own ways."""

from __future__ import annotations

import io
import shutil
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from gammapy.datasets import Datasets, SpectrumDatasetOnOff
from gammapy.estimators import FluxPoints, FluxPointsEstimator
from gammapy.maps import WcsGeom
from gammapy.modeling import Fit
from gammapy.modeling.models import Models
from gammapy.utils.regions import compound_region_to_regions
from PIL import Image
from tests.support.spectra import (
    CRAB,
    TRUTH,
    made,
    numbers_of,
    parameters,
    point_like,
    simulated_runs,
    true_flux,
)

from distiller.analysis import observations
from distiller.analysis.products import InputDataset, ProductDescription
from distiller.analysis.recipes import on_off
from distiller.analysis.recipes import spectrum as recipe
from distiller.analysis.recipes.flux_fit import UL_SIGMA
from distiller.analysis.simulate import simulate
from distiller.analysis.spectrum.parameters import SpectrumParameters
from distiller.core.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

QUICK = {"n_e": 3, "e_min": 0.3, "e_max": 30.0}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[InputDataset]:
    """Four runs of the Crab Nebula, with the seed of the demo."""
    folder = tmp_path_factory.mktemp("runs") / "set"
    simulate(folder, runs=4, seed=1)
    return simulated_runs(folder)


@pytest.fixture(scope="module")
def product(
    runs: list[InputDataset], tmp_path_factory: pytest.TempPathFactory
) -> tuple[ProductDescription, Path]:
    """Spectrum of four runs with all models."""
    folder = tmp_path_factory.mktemp("spectrum")
    return made("spectrum", runs, folder, target="Crab", model="all"), folder


def recipe_made(inputs: list[InputDataset], **given: Any) -> recipe.Made:
    asked = parameters("spectrum", inputs, **given).completed()
    read = observations.read_all(inputs, lambda _fraction, _text: None, 0.1)
    return recipe.make(read, asked.model_dump(mode="json", exclude_none=True))


def reduced(inputs: list[InputDataset], **given: Any) -> on_off.Reduced:
    asked = parameters("spectrum", inputs, **{**QUICK, **given})
    read = observations.read_all(inputs, lambda _fraction, _text: None, 0.1)
    words = asked.model_dump(mode="json", exclude_none=True)
    bins, _ = on_off.energy_edges(read, words)
    return on_off.reduce_runs(read, words, bins)


def test_the_simulated_crab_is_recovered(
    product: tuple[ProductDescription, Path],
) -> None:
    description, folder = product
    numbers = numbers_of(folder)
    assert numbers["model"] == "lp"
    assert description.spectrum is not None
    assert description.spectrum.model == "lp"
    assert [one.model for one in description.compared] == ["pl", "ecpl"]
    for name, truth in TRUTH.items():
        one = numbers["parameters"][name]
        assert abs(one["value"] - truth) < 2 * one["error"], name
        assert one["error"] < 0.25 * abs(truth), name
    points = [p for p in numbers["flux_points"] if not p["is_ul"]]
    energy, flux, low, high = (
        np.array([p[n] for p in points])
        for n in ("e_ref", "dnde", "dnde_errn", "dnde_errp")
    )
    expected = true_flux(energy)
    pull = (flux - expected) / np.where(flux > expected, low, high)
    assert len(points) > 8
    assert np.abs(pull).max() < 3
    assert np.sqrt((pull**2).mean()) < 1.5
    for point in numbers["flux_points"]:
        assert point["dnde_ul"] > true_flux(np.array(point["e_ref"])) * 0.5


def test_a_curved_model_is_taken_where_it_is_better_by_3_sigma(
    product: tuple[ProductDescription, Path],
) -> None:
    numbers = numbers_of(product[1])
    law, parabola, cut = numbers["compared"]
    assert law["model"] == "pl"
    assert law["stat"] - parabola["stat"] > recipe.CURVED_TS
    assert parabola["aic"] < min(law["aic"], cut["aic"])
    # One more parameter: the square root of the difference is its significance.
    better = law["stat"] - parabola["stat"]
    assert parabola["sigma_to_first"] == pytest.approx(better**0.5, rel=1e-9)
    fits_of = [_fitted(name, stat) for name, stat in (("pl", 50), ("lp", 42))]
    assert recipe.best(fits_of).name == "pl"
    fits_of = [_fitted(n, s) for n, s in (("pl", 50), ("lp", 41), ("ecpl", 40))]
    assert recipe.best(fits_of).name == "ecpl"


def _fitted(name: str, statistic: float) -> recipe.Fitted:
    class Named(recipe.Fitted):
        free = 2 if name == "pl" else 3

    return Named(name, None, statistic, 10, converged=True, message="")


def test_counts_are_plain_counts(runs: list[InputDataset]) -> None:
    found = reduced(runs, e_min=0.5, e_max=20, n_e=5)
    centre = SkyCoord(CRAB["ra"], CRAB["dec"], unit="deg")
    edges = found.stacked.counts.geom.axes["energy"].edges.to_value("TeV")
    assert edges[[0, -1]] == pytest.approx([0.5, 20.0], rel=1e-14)
    n_on = n_off = 0
    for item, one in zip(runs, found.datasets, strict=True):
        with fits.open(item.path) as hdus:
            rows = hdus["EVENTS"].data
            energy = rows["ENERGY"].astype(float)
            wanted = (energy >= 0.5) & (energy < 20)
            places = SkyCoord(rows["RA"][wanted], rows["DEC"][wanted], unit="deg")
        n_on += int((places.separation(centre) < 0.11 * u.deg).sum())
        regions = compound_region_to_regions(one.counts_off.geom.region)
        assert len(regions) == found.off_regions[one.name] > 8
        off = [int((places.separation(r.center) < r.radius).sum()) for r in regions]
        assert found.off_counts[one.name] == off
        n_off += sum(off)
        assert one.alpha.data[one.mask.data] == pytest.approx(1 / len(regions))
    counts = on_off.counted(found.stacked)
    assert counts["n_on"] == n_on > 300
    # Off regions touch each other: on their borders pixels decide otherwise.
    assert counts["n_off"] == pytest.approx(n_off, abs=3)
    assert counts["excess"] == pytest.approx(n_on - counts["alpha"] * counts["n_off"])


def test_the_range_is_that_asked_for_exactly(
    runs: list[InputDataset], tmp_path: Path
) -> None:
    description = made("spectrum", runs[:2], tmp_path, e_min=0.37, e_max=11.3, n_e=4)
    numbers = numbers_of(tmp_path)
    assert (numbers["e_min"], numbers["e_max"]) == (0.37, 11.3)
    header = fits.getheader(tmp_path / "product.fits")
    assert (header["E_MIN"], header["E_MAX"]) == (0.37, 11.3)
    assert description.energy_min_tev == 0.37
    points = numbers["flux_points"]
    assert len(points) == round(4 * np.log10(11.3 / 0.37))
    assert points[0]["e_min"] == pytest.approx(0.37, rel=1e-12)
    assert points[-1]["e_max"] == pytest.approx(11.3, rel=1e-12)
    assert not [words for words in description.limits if "asked for" in words]
    asked = parameters("spectrum", runs, e_min=0.01)
    low = made("spectrum", runs[:1], tmp_path / "low", e_min=0.02, e_max=30, n_e=2)
    assert asked.e_min == 0.01
    words = [text for text in low.limits if "from 0.02 TeV were asked for" in text]
    assert len(words) == 1


def test_points_are_those_of_gammapys_estimator(runs: list[InputDataset]) -> None:
    """Ours are computed quicker, and are the same."""
    found = recipe_made(runs[:2], **QUICK, combine="joint")
    ours = found.points.to_table(sed_type="dnde", format="gadf-sed")
    edges = [*ours["e_min"], ours["e_max"][-1]] * u.TeV
    found.fitted_to.models = [found.chosen.model]
    estimator = FluxPointsEstimator(
        energy_edges=edges,
        source=recipe.SOURCE,
        selection_optional=["errn-errp", "ul"],
        n_sigma_ul=UL_SIGMA,
    )
    plain = estimator.run(found.fitted_to).to_table(sed_type="dnde", format="gadf-sed")
    for name in ("dnde", "dnde_err", "dnde_errn", "dnde_errp", "dnde_ul", "sqrt_ts"):
        np.testing.assert_allclose(ours[name], plain[name], rtol=1e-6, err_msg=name)
    assert recipe.table(found)["counts"].shape == (len(ours), 1)


def test_files_are_read_by_gammapy(product: tuple[ProductDescription, Path]) -> None:
    description, folder = product
    assert [(f.result_id, f.role) for f in description.files] == [
        ("product", "product"), ("plot", "plot"), ("configuration", "configuration"),
        ("table", "table"), ("fit", "fit"), ("models", "models"),
        ("recipe", "recipe"), ("ogip", "ogip"), ("plot_svg", "plot"),
    ]  # fmt: skip
    numbers = numbers_of(folder)
    models = Models.read(folder / "models.yaml")
    law = models[recipe.SOURCE].spectral_model
    assert law.alpha.value == pytest.approx(numbers["parameters"]["alpha"]["value"])
    points = FluxPoints.read(folder / "product.fits", reference_model=law)
    expected = [p["dnde"] for p in numbers["flux_points"]]
    np.testing.assert_allclose(points.dnde.data.ravel(), expected, rtol=1e-6)
    assert fits.getheader(folder / "product.fits", 1)["UL_CONF"] == 0.95
    with zipfile.ZipFile(folder / "ogip.zip") as archive:
        archive.extractall(folder / "ogip")
    runs = [SpectrumDatasetOnOff.read(folder / "ogip" / f"pha_{n}.fits")
            for n in numbers["runs"]]  # fmt: skip
    assert sum(d.counts.data[d.mask_safe.data].sum() for d in runs) == numbers["n_on"]
    stacked = SpectrumDatasetOnOff.read(folder / "ogip" / "pha_stacked.fits")
    stacked.models = models
    assert stacked.stat_sum() == pytest.approx(numbers["stat"], rel=1e-4)
    result = Fit().run(Datasets([stacked]))
    assert result.parameters["alpha"].value == pytest.approx(
        numbers["parameters"]["alpha"]["value"], abs=0.002
    )
    record = yaml.safe_load((folder / "configuration.yaml").read_text())
    asked = SpectrumParameters.model_validate(record["parameters"])
    assert asked.completed() == asked
    assert all(len(i["responses"]) == 4 for i in record["inputs"])
    assert u.Unit(description.o_unit, format="vounit") == u.Unit("cm-2 s-1 TeV-1")
    again = ProductDescription.model_validate_json(description.model_dump_json())
    assert again == description


def test_the_same_input_gives_the_same_bytes(
    runs: list[InputDataset], tmp_path: Path
) -> None:
    first = made("spectrum", runs[:1], tmp_path / "a", **QUICK)
    made("spectrum", runs[:1], tmp_path / "b", **QUICK)
    for file in first.files:
        one, two = ((tmp_path / d / file.name).read_bytes() for d in ("a", "b"))
        assert one == two, file.name


def test_a_run_at_whose_pointing_the_source_is_has_no_background(
    runs: list[InputDataset], tmp_path: Path
) -> None:
    with fits.open(runs[0].path) as hdus:
        header = hdus["EVENTS"].header
        place = {"ra": header["RA_PNT"], "dec": header["DEC_PNT"]}
    words = r"run 1001: the pointing .* choose a target further .*, or a smaller radius"
    with pytest.raises(UserError, match=words):
        made("spectrum", runs[:1], tmp_path, **place, exclude_known=False)
    assert not list(tmp_path.iterdir())
    two = [runs[0], runs[1]]
    description = made(
        "spectrum", two, tmp_path, **{**QUICK, **place}, exclude_known=False
    )
    numbers = numbers_of(tmp_path)
    assert list(numbers["left_out"]) == ["1001"]
    assert "Left out is run 1001: the pointing is within" in description.limits[0]
    assert list(numbers["runs"]) == ["1002"]


def test_no_detection_has_limits_and_no_slope(
    runs: list[InputDataset], tmp_path: Path
) -> None:
    place = {"ra": 83.0, "dec": 21.2}
    description = made("spectrum", runs[:2], tmp_path, **place, model="all", **QUICK)
    numbers = numbers_of(tmp_path)
    assert abs(numbers["sqrt_ts"]) < 3
    assert numbers["model"] == "pl"
    assert numbers["parameters"]["index"] == {"value": 2.5, "error": None, "unit": ""}
    said = " ".join(description.limits)
    assert "no sure detection" in said
    assert "not fitted but held at 2.5" in said
    assert description.spectrum is not None
    faint = [p for p in description.spectrum.flux_points if p.significance is not None]
    assert all(p.upper_limit_per_cm2_s_tev for p in faint)
    assert any(p.flux_per_cm2_s_tev is None for p in faint)


def test_excluded_regions_are_no_background(runs: list[InputDataset]) -> None:
    circle = "83.633,22.914,0.3"
    free, cut = reduced(runs[:1]), reduced(runs[:1], exclude=[circle])
    assert 0 < cut.off_regions["1001"] < free.off_regions["1001"]
    centre = SkyCoord(83.633, 22.914, unit="deg")
    away = [
        region.center.separation(centre).deg
        for region in compound_region_to_regions(cut.datasets[0].counts_off.geom.region)
    ]
    assert min(away) > 0.3 + 0.11 - 0.03
    with pytest.raises(
        on_off.RefusedError, match=r"run 1001: it has .* of 50 at least"
    ):
        reduced(runs[:1], n_off_min=50)


def test_known_sources_are_in_the_configuration(runs: list[InputDataset]) -> None:
    asked = parameters("spectrum", runs).completed()
    assert (83.6331, 22.0145, 0.3) in [(c.ra, c.dec, c.radius) for c in asked.exclude]
    bare = parameters("spectrum", runs, exclude_known=False).completed()
    assert bare.exclude == ()


@pytest.mark.parametrize("fixed", [None, 0.12])
def test_point_like_responses(
    fixed: float | None, runs: list[InputDataset], tmp_path: Path
) -> None:
    """The flux is that which the full responses give."""
    inputs = [
        point_like(item, tmp_path / item.path.name, fixed_deg=fixed)
        for item in runs[:2]
    ]
    folder = tmp_path / "result"
    description = made("spectrum", inputs, folder, **QUICK)
    numbers = numbers_of(folder)
    full = recipe.numbers(recipe_made(runs[:2], **QUICK))
    for name in ("amplitude", "index"):
        one, other = numbers["parameters"][name], full["parameters"][name]
        assert one["value"] == pytest.approx(other["value"], abs=1.2 * other["error"])
    assert numbers["sqrt_ts"] > 20
    assert any("The responses are point-like" in text for text in description.limits)
    if fixed is not None:
        counts = reduced(runs[:2], radius=fixed)
        assert numbers["n_on"] == on_off.counted(counts.stacked)["n_on"]


def test_responses_that_do_not_serve_are_refused(
    runs: list[InputDataset], tmp_path: Path
) -> None:
    kept = [one for one in runs[0].responses if one.kind != "edisp"]
    bare = runs[0].model_copy(update={"responses": tuple(kept)})
    with pytest.raises(UserError, match="run 1001 has no edisp"):
        made("spectrum", [bare], tmp_path)
    kept = [one for one in runs[0].responses if one.kind != "psf"]
    bare = runs[0].model_copy(update={"responses": tuple(kept)})
    with pytest.raises(UserError, match=r"no PSF to correct .* \(containment=false\)"):
        made("spectrum", [bare], tmp_path)
    pointed = point_like(runs[0], tmp_path / "point.fits")
    with pytest.raises(UserError, match="make a spectrum of each kind"):
        made("spectrum", [pointed, runs[1]], tmp_path / "both")
    kept = [one for one in pointed.responses if one.kind != "rad_max"]
    bare = pointed.model_copy(update={"responses": tuple(kept)})
    with pytest.raises(UserError, match=r"does not say for which region \(RAD_MAX\)"):
        made("spectrum", [bare], tmp_path / "bare")
    with pytest.raises(UserError, match="no good time between t_min and t_max"):
        made("spectrum", runs[:1], tmp_path, t_max=40000)
    with pytest.raises(UserError, match="nothing is known from 5e\\+03"):
        made("spectrum", runs[:1], tmp_path, e_min=5000)
    with pytest.raises(UserError, match=r"deg off axis, beyond its responses"):
        made("spectrum", runs[:1], tmp_path, ra=120, exclude_known=False)


@pytest.mark.parametrize("ra_deg", [120.0, 263.6])
def test_a_target_far_away_is_refused_before_a_mask_is_made(
    ra_deg: float, runs: list[InputDataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its mask would be larger than the memory of a job."""
    monkeypatch.setattr(WcsGeom, "create", small_only(WcsGeom.create))
    with pytest.raises(on_off.RefusedError, match=r"1001: the target is \d+\.\d+ deg"):
        reduced(runs[:2], ra=ra_deg, exclude=[f"{ra_deg},22,0.3"])


def test_a_run_far_away_is_left_out_before_a_mask_is_made(
    runs: list[InputDataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "away.fits"
    shutil.copy(runs[1].path, path)
    with fits.open(path, mode="update") as hdus:
        hdus["EVENTS"].header["RA_PNT"] = 266.4
    moved = {"path": path, "checksum": ""}
    tables = [one.model_copy(update=moved) for one in runs[1].responses]
    away = runs[1].model_copy(update={**moved, "responses": tuple(tables)})
    circles = {"exclude": ["83.633,22.914,0.3"]}
    monkeypatch.setattr(WcsGeom, "create", small_only(WcsGeom.create))
    alone, both = reduced(runs[:1], **circles), reduced([runs[0], away], **circles)
    assert list(both.dropped) == ["1002"]
    assert "deg off axis, beyond its responses" in both.dropped["1002"]
    assert both.off_counts == alone.off_counts
    assert both.off_regions == alone.off_regions


def small_only(create: Any) -> Any:
    """Refuse to make pixels of more than some degrees: nobody needs them here."""

    def checked(**given: Any) -> Any:
        assert np.max(u.Quantity(given.get("width", 0 * u.deg), u.deg).value) < 20
        return create(**given)

    return checked


def test_containment_is_corrected(runs: list[InputDataset]) -> None:
    with_it = reduced(runs[:1]).datasets[0].exposure.data
    bare = reduced(runs[:1], containment=False).datasets[0].exposure.data
    seen = bare > 0
    ratio = with_it[seen] / bare[seen]
    assert 0.1 < ratio.min() < ratio.max() <= 1.0
    flux = {
        radius: recipe.numbers(recipe_made(runs[:2], radius=radius, **QUICK))
        for radius in (0.08, 0.2)
    }
    small, large = (flux[r]["parameters"]["amplitude"] for r in (0.08, 0.2))
    assert small["value"] == pytest.approx(large["value"], abs=2 * large["error"])
    assert flux[0.2]["n_on"] > 1.1 * flux[0.08]["n_on"]


def test_safe_ranges(runs: list[InputDataset], tmp_path: Path) -> None:
    wide = {"e_min": 0.03, "e_max": 100.0}
    first = {
        method: on_off.safe_indices(
            reduced(runs[:1], safe_range=method, **wide).stacked
        )
        for method in ("auto", "thresholds", "edisp-bias", "aeff-max", "none")
    }
    assert first["auto"] == first["thresholds"]
    assert first["none"][0] == 0 < first["thresholds"][0]
    # A file that says the whole range of its tables says nothing.
    path = tmp_path / "vague.fits"
    shutil.copy(runs[0].path, path)
    with fits.open(path, mode="update") as hdus:
        for hdu in hdus:
            if hdu.header.get("HDUCLAS2", "").strip() == "EFF_AREA":
                hdu.header["LO_THRES"], hdu.header["HI_THRES"] = 0.001, 10_000.0
    tables = [
        one.model_copy(update={"path": path, "checksum": ""})
        for one in runs[0].responses
    ]
    vague = runs[0].model_copy(
        update={"path": path, "checksum": "", "responses": tuple(tables)}
    )
    found = reduced([vague], **wide)
    assert found.safe_range["1001"] == "energy bias below 10 %"
    assert on_off.safe_indices(found.stacked)[0] == first["edisp-bias"][0] > 0
    assert first["aeff-max"][0] > first["edisp-bias"][0]
    with fits.open(path, mode="update") as hdus:
        for hdu in hdus:
            for keyword in ("LO_THRES", "HI_THRES"):
                hdu.header.remove(keyword, ignore_missing=True)
    with pytest.raises(on_off.RefusedError, match="its file has no safe thresholds"):
        reduced([vague], safe_range="thresholds", **wide)


def test_times_are_cut(runs: list[InputDataset], tmp_path: Path) -> None:
    gti = observations.read(runs[0]).gti
    middle = float(gti.time_start.utc.mjd[0]) + 0.008
    description = made("spectrum", runs[:2], tmp_path, t_max=middle, **QUICK)
    assert description.t_exptime_s == pytest.approx(0.008 * 86400, abs=0.01)
    assert description.t_max_mjd == pytest.approx(middle, abs=1e-8)
    assert "1 run, 0.19 h" in description.description


def test_the_plot_says_simulated(runs: list[InputDataset], tmp_path: Path) -> None:
    pretended = [item.model_copy(update={"simulated": False}) for item in runs[:1]]
    made("spectrum", runs[:1], tmp_path / "a", target="$Crab", **QUICK)
    made("spectrum", pretended, tmp_path / "b", target="$Crab", **QUICK)
    images = [
        np.asarray(Image.open(io.BytesIO((tmp_path / d / "plot.png").read_bytes())))
        for d in ("a", "b")
    ]
    assert (images[0] != images[1]).any(axis=2).sum() > 500
