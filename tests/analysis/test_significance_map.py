"""Significance maps, held against plain numpy and against scripts in plain Gammapy."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from gammapy.datasets import MapDataset, MapDatasetOnOff
from gammapy.estimators import ExcessMapEstimator
from gammapy.makers import (
    FoVBackgroundMaker,
    MapDatasetMaker,
    RingBackgroundMaker,
    SafeMaskMaker,
)
from gammapy.maps import Map, MapAxis, WcsGeom
from gammapy.modeling import Fit
from gammapy.modeling.models import PowerLawNormSpectralModel
from gammapy.stats import CashCountsStatistic, WStatCountsStatistic
from PIL import Image
from regions import CircleSkyRegion
from tests.support import dl3

from distiller.analysis import observations, tasks
from distiller.analysis.significance_map.parameters import SignificanceMapParameters
from distiller.analysis.significance_map.run import run
from distiller.analysis.simulate import simulate
from distiller.core.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from gammapy.data import Observation, Observations

    from distiller.analysis.products import InputDataset, ProductDescription

Floats = np.typing.NDArray[np.float64]

CRAB = {"ra": 83.633, "dec": 22.014}
BLANK = {"ra": 45.0, "dec": -45.0}
SMALL = {"width": 3, "binsz": 0.05}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("runs") / "set"
    simulate(made, runs=14, seed=7)
    return made


def simulated(folder: Path, obs_ids: range) -> list[InputDataset]:
    return [
        dl3.dataset(path, str(number), simulated=True)
        for number in obs_ids
        for path in folder.rglob(f"*{number}.fits")
    ]


@pytest.fixture(scope="module")
def crab(folder: Path) -> list[InputDataset]:
    return simulated(folder, range(1001, 1005))


@pytest.fixture(scope="module")
def blank(folder: Path) -> list[InputDataset]:
    return simulated(folder, range(1013, 1015))


def parameters(inputs: list[InputDataset], **given: Any) -> SignificanceMapParameters:
    obs = [item.obs_id for item in inputs]
    return SignificanceMapParameters.model_validate({"obs": obs, **given})


def made(
    configuration: SignificanceMapParameters, inputs: list[InputDataset], folder: Path
) -> ProductDescription:
    folder.mkdir(exist_ok=True, parents=True)
    return run(configuration, inputs, folder, lambda _fraction, _text: None)


def images(folder: Path) -> dict[str, Floats]:
    """Read all maps of a product as 64-bit numbers; significance has no name."""
    with fits.open(folder / "product.fits") as hdus:
        named = {hdu.name or "SIGNIFICANCE": hdu.data.astype(float) for hdu in hdus}
    return {name.replace("PRIMARY", "SIGNIFICANCE"): v for name, v in named.items()}


@pytest.fixture(scope="module")
def crab_map(
    crab: list[InputDataset], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, ProductDescription]:
    result = tmp_path_factory.mktemp("crab") / "result"
    asked = parameters(crab, target="Crab Nebula", **CRAB, **SMALL, e_min=0.2)
    return result, made(asked, crab, result)


def read(inputs: list[InputDataset]) -> Observations:
    return observations.read_all(inputs, lambda _fraction, _text: None, 1.0)


def histogram(
    inputs: list[InputDataset], header: fits.Header, e_min: float, offset_deg: float
) -> Floats:
    """Bin rows from each run's threshold on, in pixels near its pointing."""
    wcs = WCS(header).celestial
    shape = header["NAXIS2"], header["NAXIS1"]
    centres = SkyCoord.from_pixel(*np.indices(shape)[::-1], wcs)
    total = np.zeros(shape)
    for item in inputs:
        with fits.open(item.path) as hdus:
            rows, own = hdus["EVENTS"].data, hdus["EVENTS"].header
            area = next(h for h in hdus if h.name in {"AEFF", "EFFECTIVE AREA"})
            low = max(e_min, area.header["LO_THRES"])
            high = min(100.0, area.header["HI_THRES"])
        columns = (rows[name].astype(float) for name in ("RA", "DEC", "ENERGY"))
        ra, dec, energy = columns
        kept = (energy >= low) & (energy < high)
        x, y = wcs.wcs_world2pix(ra[kept], dec[kept], 0)
        bins = [np.arange(size + 1) - 0.5 for size in shape]
        counts, _, _ = np.histogram2d(y, x, bins=bins)
        pointing = SkyCoord(own["RA_PNT"], own["DEC_PNT"], unit="deg")
        near = pointing.separation(centres).deg < offset_deg
        total += np.where(near, counts, 0)
    return total


def test_counts_are_a_plain_histogram_after_the_same_cuts(
    crab: list[InputDataset], crab_map: tuple[Path, ProductDescription]
) -> None:
    folder, _ = crab_map
    header = fits.getheader(folder / "product.fits")
    expected = histogram(crab, header, 0.2, 2.5)
    counts = images(folder)["COUNTS"]
    assert expected.sum() > 1000
    np.testing.assert_array_equal(np.nan_to_num(counts), expected)


TRUE = MapAxis.from_energy_bounds("0.05 TeV", "200 TeV", 5, name="energy_true")


def dataset_of(
    run: Observation, asked: SignificanceMapParameters, geom: WcsGeom
) -> MapDataset:
    """Reduce a run as Gammapy's tutorial on ring backgrounds does."""
    low = max(asked.e_min, run.aeff.meta["LO_THRES"])
    high = min(asked.e_max, run.aeff.meta["HI_THRES"])
    count = math.ceil(asked.bins_per_decade * math.log10(high / low))
    energies = MapAxis.from_energy_bounds(low * u.TeV, high * u.TeV, count)
    empty = MapDataset.create(
        geom.to_cube([energies]), energy_axis_true=TRUE, name=str(run.obs_id)
    )
    maker = MapDatasetMaker(selection=["counts", "background"])
    # Its bins begin and end at the thresholds: "aeff-default" has nothing to do, and
    # would leave out a bin whose edge is rounded.
    safe = SafeMaskMaker(methods=["offset-max"], offset_max=asked.offset_max * u.deg)
    return safe.run(maker.run(empty, run), run)


def plain(asked: SignificanceMapParameters) -> tuple[WcsGeom, SkyCoord]:
    centre = SkyCoord(asked.ra, asked.dec, unit="deg")
    width = tuple(asked.width)
    geom = WcsGeom.create(skydir=centre, width=width, binsz=asked.binsz, proj="TAN")
    return geom, centre


def excluded(image: MapDataset, circles: list[tuple[SkyCoord, float]]) -> Map:
    regions = [CircleSkyRegion(at, radius * u.deg) for at, radius in circles]
    return ~image.counts.geom.region_mask(regions)


def by_script(
    inputs: list[InputDataset], asked: SignificanceMapParameters
) -> dict[str, Floats]:
    """Make a ring-background map with Gammapy alone, the whole map for each run."""
    geom, centre = plain(asked)
    on, off, background = np.zeros((3, *geom.data_shape))
    seen = np.zeros(geom.data_shape, dtype=bool)
    estimator = ExcessMapEstimator(
        asked.radius * u.deg, selection_optional=[], correlate_off=False
    )
    for one in read(inputs):
        image = dataset_of(one, asked, geom).to_image(name=str(one.obs_id))
        mask = excluded(image, [(centre, asked.exclude_target)])
        maker = RingBackgroundMaker(
            r_in=asked.r_in * u.deg,
            width=asked.ring_width * u.deg,
            exclusion_mask=mask,
        )
        on_off = maker.run(image)
        with np.errstate(all="ignore"):
            maps = estimator.run(on_off)
        here = on_off.mask_safe.data[0]
        excess = maps["npred_excess"].data[0]
        on[here] += maps["counts"].data[0][here]
        background[here] += (maps["counts"].data[0] - excess)[here]
        off[here] += on_off.counts_off.data[0][here]
        seen |= here
    with np.errstate(all="ignore"):
        significance = WStatCountsStatistic(on, off, background / off).sqrt_ts
    found = {
        "SIGNIFICANCE": significance,
        "CORRELATED_COUNTS": on,
        "CORRELATED_BACKGROUND": background,
        "CORRELATED_EXCESS": on - background,
        "COUNTS_OFF": off,
    }
    return {name: np.where(seen, data, np.nan) for name, data in found.items()}


ALONE = {"exclude_known": False, "exclude_above": 0}


@pytest.mark.parametrize(
    "given",
    [
        SMALL,
        # Runs see a part of the map each, which is then cut out for them.
        {**SMALL, "offset_max": 0.9, "r_in": 0.4, "radius": 0.15},
        {"width": (2, 1.5), "binsz": 0.04, "bins_per_decade": 3, "exclude_target": 0.2},
    ],
)
def test_a_script_in_plain_gammapy_gives_the_same(
    given: dict[str, Any], crab: list[InputDataset], tmp_path: Path
) -> None:
    asked = parameters(crab, **CRAB, **ALONE, **given)
    made(asked, crab, tmp_path)
    ours = images(tmp_path)
    for name, expected in by_script(crab, asked).items():
        assert np.isfinite(expected).sum() > 500
        np.testing.assert_allclose(
            ours[name],
            expected,
            rtol=1e-6,
            atol=1e-6 * np.nanmax(ours[name]),
            err_msg=name,
        )


def test_one_run_is_what_the_tutorial_makes_of_it(
    crab: list[InputDataset], tmp_path: Path
) -> None:
    # The tutorial stacks first, which is the same for one run only.
    asked = parameters(crab[:1], **CRAB, **ALONE, **SMALL)
    made(asked, crab[:1], tmp_path)
    geom, centre = plain(asked)
    (one,) = read(crab[:1])
    image = dataset_of(one, asked, geom).to_image()
    mask = excluded(image, [(centre, asked.exclude_target)])
    ring = RingBackgroundMaker(r_in="0.5 deg", width="0.3 deg", exclusion_mask=mask)
    stacked = MapDatasetOnOff.create(image.counts.geom, energy_axis_true=TRUE)
    stacked.stack(ring.run(image))
    estimator = ExcessMapEstimator(
        "0.1 deg", selection_optional=[], correlate_off=False
    )
    expected = estimator.run(stacked)["sqrt_ts"].data[0]
    ours = images(tmp_path)["SIGNIFICANCE"]
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)


def test_the_field_of_view_is_fitted_as_gammapy_fits_it(
    crab: list[InputDataset], tmp_path: Path
) -> None:
    asked = parameters(crab[:2], **CRAB, **ALONE, **SMALL, method="fov")
    made(asked, crab[:2], tmp_path)
    geom, centre = plain(asked)
    counts, background = np.zeros((2, *geom.data_shape))
    norms = []
    for one in read(crab[:2]):
        dataset = dataset_of(one, asked, geom)
        # All pixels, where we fit their sums.
        slope = PowerLawNormSpectralModel()
        slope.tilt.frozen = False
        mask = excluded(dataset, [(centre, asked.exclude_target)])
        maker = FoVBackgroundMaker(
            method="fit",
            spectral_model=slope,
            exclusion_mask=mask,
            fit=Fit(optimize_opts={"tol": 1e-5, "strategy": 2}),
        )
        dataset = maker.run(dataset)
        norms.append(dataset.background_model.spectral_model.norm.value)
        inside = dataset.mask_safe.data
        counts += (dataset.counts.data * inside).sum(axis=0)
        background += (dataset.npred_background().data * inside).sum(axis=0)
    estimator = ExcessMapEstimator(asked.radius * u.deg)
    kernel = estimator.estimate_kernel(MapDataset(counts=Map.from_geom(geom))).data
    kernel = kernel / kernel.max()
    on = np.rint(Map.from_geom(geom, data=counts).convolve(kernel).data)
    off = Map.from_geom(geom, data=background).convolve(kernel).data
    expected = CashCountsStatistic(on, off).sqrt_ts
    ours = images(tmp_path)
    runs = Table.read(tmp_path / "runs.ecsv")
    np.testing.assert_allclose(runs["norm"], norms, rtol=1e-5)
    np.testing.assert_allclose(ours["CORRELATED_BACKGROUND"], off, rtol=1e-5)
    np.testing.assert_allclose(ours["SIGNIFICANCE"], expected, rtol=1e-5, atol=1e-4)


def test_the_crab_is_where_it_is(crab_map: tuple[Path, ProductDescription]) -> None:
    folder, _ = crab_map
    peaks = Table.read(folder / "peaks.ecsv")
    assert len(peaks) == 1
    assert peaks["significance"][0] > 30
    found = SkyCoord(peaks["ra"][0], peaks["dec"][0], unit="deg")
    true = SkyCoord(CRAB["ra"], CRAB["dec"], unit="deg")
    assert found.separation(true).deg < 0.05
    assert peaks["excess"][0] == pytest.approx(
        peaks["counts"][0] - peaks["background"][0]
    )


@pytest.mark.parametrize("method", ["ring", "fov"])
def test_an_empty_field_has_width_1(
    method: str, blank: list[InputDataset], tmp_path: Path
) -> None:
    asked = parameters(blank, **BLANK, width=4, binsz=0.04, method=method)
    description = made(asked, blank, tmp_path)
    table = Table.read(tmp_path / "histogram.ecsv")
    fit = table.meta
    assert fit["independent"] > 200
    assert abs(fit["width"] - 1) < 3 * fit["width_error"] < 0.2
    assert abs(fit["mean"]) < 3 * fit["mean_error"]
    assert table["off"].sum() == pytest.approx(table["fit"].sum(), rel=1e-3)
    assert table["all"].sum() == np.isfinite(images(tmp_path)["SIGNIFICANCE"]).sum()
    assert len(Table.read(tmp_path / "peaks.ecsv")) == 0
    assert not [text for text in description.limits if "not valid" in text]
    (first, *_) = description.maps
    assert first.quantity == "significance"
    assert first.off_width == pytest.approx(fit["width"])


def test_a_source_that_counts_as_background_is_told(
    crab: list[InputDataset], tmp_path: Path
) -> None:
    asked = parameters(crab, **CRAB, **SMALL, e_min=0.2, exclude_target=0, **ALONE)
    description = made(asked, crab, tmp_path)
    said = description.limits[0]
    assert said.startswith("The background is not valid: outside of the excluded")
    header = fits.getheader(tmp_path / "product.fits")
    assert header["SIGWIDTH"] > 1.2
    comment = " ".join(str(line) for line in header["COMMENT"])
    assert "Limit: The background is not valid" in comment
    # Below the plot, in red.
    with Image.open(tmp_path / "plot.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    below = pixels[int(0.87 * pixels.shape[0]) :]
    assert ((below[..., 0] - below[..., 2]) > 90).sum() > 500


def test_the_second_pass_leaves_out_what_the_first_found(
    crab: list[InputDataset], tmp_path: Path
) -> None:
    # The centre is elsewhere, and the table of sources is not asked.
    beside = {"ra": 84.6, "dec": 22.4, "exclude_known": False, "e_min": 0.2}
    once = parameters(crab, **beside, **SMALL, exclude_above=0)
    twice = parameters(crab, **beside, **SMALL)
    first = made(once, crab, tmp_path / "1")
    second = made(twice, crab, tmp_path / "2")
    assert "not valid" in first.limits[0]
    assert not [text for text in second.limits if "not valid" in text]
    assert [text for text in second.limits if text.startswith("The second pass")]
    mask = images(tmp_path / "2")["EXCLUSION"]
    wcs = WCS(fits.getheader(tmp_path / "2" / "product.fits"))
    x, y = wcs.wcs_world2pix(CRAB["ra"], CRAB["dec"], 0)
    assert mask[round(float(y)), round(float(x))] == 0
    excess = [np.nanmax(images(tmp_path / name)["CORRELATED_EXCESS"]) for name in "12"]
    assert excess[1] >= excess[0]


def test_a_crowded_field_and_hidden_rings_are_told(
    crab: list[InputDataset], tmp_path: Path
) -> None:
    around = [(83.633, 22.014, 0.75)]
    asked = parameters(crab, **CRAB, **SMALL, exclude=around)
    description = made(asked, crab, tmp_path)
    said = " ".join(description.limits)
    assert "Crowded field: " in said
    assert "of the ring around the centre lie outside of excluded regions" in said
    fraction = images(tmp_path)["OFF_FRACTION"]
    assert np.nanmin(fraction) < 0.3
    assert np.nanmax(fraction) == pytest.approx(1, abs=1e-4)


def test_few_positions_few_counts_and_energies_are_told(
    crab: list[InputDataset], tmp_path: Path
) -> None:
    asked = parameters(
        crab, **CRAB, width=1, binsz=0.05, e_min=20, radius=0.2, bins_per_decade=2
    )
    said = " ".join(made(asked, crab, tmp_path).limits)
    assert "The background could not be checked: only " in said
    assert "Low counts: in 100% of the field fewer than 10 background events" in said
    low = parameters(crab[:1], **CRAB, **SMALL, e_min=0.01)
    said = " ".join(made(low, crab[:1], tmp_path).limits)
    assert "0.01 to 100 TeV were asked for" in said


def test_pixels_that_are_not_square_are_told(
    crab: list[InputDataset], tmp_path: Path
) -> None:
    far = {"ra": 101, "dec": 22, "width": 34, "binsz": 0.1}
    asked = parameters(crab[:1], **far)
    said = " ".join(made(asked, crab[:1], tmp_path).limits)
    assert "On this map pixels are 0.9" in said
    assert "The centre has no value: no run that was used has it within" in said
    galactic = parameters(crab[:1], **CRAB, **SMALL, frame="galactic")
    description = made(galactic, crab[:1], tmp_path)
    assert "On this map" not in " ".join(description.limits)
    header = fits.getheader(tmp_path / "product.fits")
    assert header["CTYPE1"] == "GLON-TAN"


def test_what_a_product_says_and_holds(
    crab: list[InputDataset], crab_map: tuple[Path, ProductDescription]
) -> None:
    folder, description = crab_map
    assert {f.name for f in description.files} == {f.name for f in folder.iterdir()}
    ids = [file.result_id for file in description.files]
    assert ids[:3] == ["product", "configuration", "plot"]
    assert {"plot_svg", "distribution", "table", "peaks", "runs", "recipe"} < set(ids)
    assert description.o_ucd == "stat.snr"
    assert (description.s_xel1, description.s_xel2) == (60, 60)
    assert description.simulated
    assert description.energy_min_tev == 0.2
    quantities = {one.quantity: one for one in description.maps}
    assert quantities["counts"].total == np.nansum(images(folder)["COUNTS"])
    assert quantities["significance"].off_width is not None
    with fits.open(folder / "product.fits") as hdus:
        hdus.verify("exception")
        header = hdus[0].header
        assert header["TASK"] == "significance_map"
        assert header["METHOD"] == "ring"
        assert header["CORR_OFF"] is False
        assert header["EPERDEC"] == 8
        assert header["SIMULATD"] is True
        assert header["NUSED"] == 4
        names = [hdu.name for hdu in hdus[1:]]
        assert hdus["ALPHA"].header["BUNIT"] == ""
        assert hdus["EXCESS"].header["BUNIT"] == "count"
    assert names[:4] == [
        "CORRELATED_COUNTS", "CORRELATED_BACKGROUND", "COUNTS", "BACKGROUND",
    ]  # fmt: skip
    # Gammapy reads each of them.
    again = Map.read(folder / "product.fits", hdu="EXCESS")
    assert again.geom.data_shape == (60, 60)
    runs = Table.read(folder / "runs.ecsv")
    assert list(runs["obs_id"]) == [item.obs_id for item in crab]
    assert runs["livetime"].unit == "s"


def test_a_configuration_holds_the_circles_of_known_sources(
    crab_map: tuple[Path, ProductDescription],
) -> None:
    folder, _ = crab_map
    record = yaml.safe_load((folder / "configuration.yaml").read_text())
    circles = record["parameters"]["exclude"]
    assert [83.6331, 22.0145, 0.3] in circles
    kinds = {one["kind"] for item in record["inputs"] for one in item["responses"]}
    assert kinds == {"aeff", "bkg"}


ALONE_AT_HOME = """
import importlib.abc, runpy, sys
class Refuses(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "distiller":
            raise ImportError(name)
sys.meta_path.insert(0, Refuses())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ring", "fov"])
def test_the_recipe_gives_the_same_at_home(
    method: str, folder: Path, crab: list[InputDataset], tmp_path: Path
) -> None:
    asked = parameters(
        crab[:2], **CRAB, **SMALL, e_min=0.2, method=method, t_max=60660.05
    )
    made(asked, crab[:2], tmp_path / "here")
    names = ("recipe.py", "configuration.yaml")
    arguments = [str(tmp_path / "here" / name) for name in names]
    command = [sys.executable, "-c", ALONE_AT_HOME, *arguments, str(folder)]
    command.append(str(tmp_path / "home"))
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    said = json.loads(answer.stdout)
    here, home = images(tmp_path / "here"), images(tmp_path / "home")
    assert set(here) == set(home)
    for name, image in here.items():
        np.testing.assert_allclose(home[name], image, rtol=1e-6, atol=1e-6)
    assert said["largest"]["significance"] == pytest.approx(
        np.nanmax(here["SIGNIFICANCE"]), rel=1e-6
    )
    assert said["sums"]["counts"] == np.nansum(here["COUNTS"])
    assert said["off"]["independent"] > 100
    assert "distiller" not in (tmp_path / "here" / "recipe.py").read_text()


def without(item: InputDataset, kind: str) -> InputDataset:
    kept = tuple(one for one in item.responses if one.kind != kind)
    return item.model_copy(update={"responses": kept})


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("bkg", "it has no background model, which both methods take the acceptance"),
        ("aeff", "it has no effective area"),
    ],
)
def test_runs_without_what_a_map_needs_are_refused(
    kind: str, words: str, crab: list[InputDataset], tmp_path: Path
) -> None:
    lacking = [without(crab[0], kind), *crab[1:]]
    with pytest.raises(UserError, match=words) as caught:
        made(parameters(lacking, **CRAB), lacking, tmp_path)
    assert "no significance map can be made of run 1001: " in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_point_like_responses_are_refused(
    crab: list[InputDataset], tmp_path: Path
) -> None:
    table = crab[0].responses[0]
    cut = table.model_copy(update={"kind": "rad_max", "gadf_class": "rad_max_2d"})
    pretended = crab[0].model_copy(update={"responses": (*crab[0].responses, cut)})
    with pytest.raises(UserError, match=r"point-like responses \(RAD_MAX\)"):
        made(parameters([pretended], **CRAB), [pretended], tmp_path)
    # GADF 0.2 says it in the effective area.
    path = tmp_path / crab[0].path.name
    with fits.open(crab[0].path) as hdus:
        for hdu in hdus:
            if hdu.header.get("HDUCLAS2") == "EFF_AREA":
                hdu.header["HDUCLAS3"] = "POINT-LIKE"
                hdu.header["RAD_MAX"] = 0.1
        hdus.writeto(path)
    old = dl3.dataset(path, "1001")
    with pytest.raises(UserError, match="point-like responses, which hold for one"):
        made(parameters([old], **CRAB), [old], tmp_path / "result")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"ra": 200, "dec": -60}, "no run has good time, safe energies and a"),
        ({**CRAB, "t_max": 40000}, "no run has good time, safe energies and a"),
        ({**CRAB, "e_min": 99.99999}, "no run has events from 100 to 100 TeV within"),
        ({**CRAB, "e_min": 200, "e_max": 300}, "no run has good time, safe energies"),
    ],
)
def test_nothing_to_map(
    given: dict[str, Any], words: str, crab: list[InputDataset], tmp_path: Path
) -> None:
    asked = parameters(crab[:2], **given, **SMALL)
    with pytest.raises(UserError, match=words) as found:
        made(asked, crab[:2], tmp_path)
    assert "the nearest pointing is " in str(found.value)


def test_runs_that_see_nothing_are_told(
    crab: list[InputDataset], blank: list[InputDataset], tmp_path: Path
) -> None:
    both = [crab[0], blank[0]]
    description = made(parameters(both, **CRAB, **SMALL), both, tmp_path)
    assert "1 of 2 runs were used; " in description.limits[-1]
    assert len(Table.read(tmp_path / "runs.ecsv")) == 1


def test_a_run_may_have_any_name(crab: list[InputDataset], tmp_path: Path) -> None:
    named = [crab[0].model_copy(update={"obs_id": "CTA1DC_1"})]
    made(parameters(named, **CRAB, **SMALL), named, tmp_path)
    runs = Table.read(tmp_path / "runs.ecsv")
    assert list(runs["obs_id"]) == ["CTA1DC_1"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"r_in": 0.05}, "r_in: the ring begins at 0.05 deg, within the radius of 0.1"),
        ({"radius": 0.01}, "radius: a disc of 0.01 deg is smaller than a pixel"),
        ({"ring_width": 0.01}, "ring_width: 0.01 deg is less than a pixel"),
        ({"width": 50}, "width: 2500 x 2500 pixels and 24 energy bins are more"),
        ({"binsz": 0.004}, "width: 1250 x 1250 pixels and 24 energy bins are more"),
        (
            {"obs": ",".join(map(str, range(200))), "binsz": 0.01},
            "width: 200 runs of 250,000 pixels are more than 40,000,000 together",
        ),
        ({"method": "rings"}, "method: must be 'ring' or 'fov'"),
    ],
)
def test_parameters_that_cannot_be(given: dict[str, Any], words: str) -> None:
    asked = {"obs": "1", "ra": "83", "dec": "22", **given}
    pairs = [(name, str(value)) for name, value in asked.items()]
    with pytest.raises(UserError, match=words.partition(":")[0]) as caught:
        SignificanceMapParameters.from_pairs("significance_map", pairs)
    assert words in str(caught.value)


def test_known_sources_become_circles_once() -> None:
    asked = SignificanceMapParameters.model_validate(
        {"obs": "1", "ra": 228.53, "dec": -59.16, "exclude": ["10,20,0.5"]}
    )
    full = asked.completed()
    written = [str(circle) for circle in full.exclude]
    assert written == ["10,20,0.5", "228.529,-59.157,0.4"]
    assert full.completed() == full
    assert full.near_deg == 2.5
    again = SignificanceMapParameters.from_pairs("significance_map", full.to_pairs())
    assert again == full
    none = asked.model_copy(update={"exclude_known": False})
    assert none.completed() == none


def test_too_many_known_sources_are_refused() -> None:
    circles = [f"{number / 2},0,0.1" for number in range(199)]
    asked = SignificanceMapParameters.model_validate(
        {"obs": "1", "ra": 266.4, "dec": -29.0, "exclude": circles}
    )
    with pytest.raises(ValueError, match=r"exclude: 199 circles and .* known sources"):
        asked.completed()


def test_the_task_is_registered() -> None:
    task = tasks.task("significance_map")
    assert task.needs_responses
    assert task.load() is run


@pytest.fixture(scope="module")
def hess_crab(hess: Path) -> list[InputDataset]:
    return [dl3.hess_run(hess, number) for number in dl3.CRAB_RUNS]


@pytest.mark.slow
@pytest.mark.real_data
def test_the_crab_of_hess(hess_crab: list[InputDataset], tmp_path: Path) -> None:
    asked = parameters(hess_crab, target="Crab Nebula", ra=83.6331, dec=22.0145)
    description = made(asked, hess_crab, tmp_path)
    header = fits.getheader(tmp_path / "product.fits")
    expected = histogram(hess_crab, header, 0.1, 2.5)
    np.testing.assert_array_equal(np.nan_to_num(images(tmp_path)["COUNTS"]), expected)
    assert expected.sum() == 11069
    peaks = Table.read(tmp_path / "peaks.ecsv")
    found = SkyCoord(peaks["ra"][0], peaks["dec"][0], unit="deg")
    assert found.separation(SkyCoord(83.6331, 22.0145, unit="deg")).deg < 0.02
    assert peaks["significance"][0] == pytest.approx(38.750, abs=0.001)
    assert peaks["counts"][0] == 436
    fit = Table.read(tmp_path / "histogram.ecsv").meta
    assert fit["width"] == pytest.approx(1.03, abs=0.01)
    assert "Energies that are safe begin at 0.661 to 0.871 TeV" in " ".join(
        description.limits
    )


@pytest.mark.slow
@pytest.mark.real_data
def test_bins_of_energy_do_not_decide_a_significance(
    hess_crab: list[InputDataset], tmp_path: Path
) -> None:
    found = []
    for per_decade in (5, 20):
        asked = parameters(
            hess_crab, **CRAB, width=2, binsz=0.04, bins_per_decade=per_decade
        )
        made(asked, hess_crab, tmp_path)
        found.append(Table.read(tmp_path / "peaks.ecsv")["significance"][0])
    assert found[0] == pytest.approx(found[1], abs=0.05)


@pytest.mark.slow
@pytest.mark.real_data
def test_a_script_gives_the_same_for_hess(
    hess_crab: list[InputDataset], tmp_path: Path
) -> None:
    asked = parameters(hess_crab, **CRAB, **ALONE, width=3, binsz=0.04)
    made(asked, hess_crab, tmp_path)
    ours = images(tmp_path)
    for name, expected in by_script(hess_crab, asked).items():
        np.testing.assert_allclose(
            ours[name],
            expected,
            rtol=1e-6,
            atol=1e-6 * np.nanmax(ours[name]),
            err_msg=name,
        )


@pytest.mark.slow
@pytest.mark.real_data
def test_the_galactic_centre_is_told_to_be_crowded(
    cta_1dc: Path, tmp_path: Path
) -> None:
    inputs = [dl3.dc_run(cta_1dc, number) for number in dl3.DC_RUNS[:3]]
    place = {"ra": 266.4168, "dec": -29.0078, "width": 5, "binsz": 0.04}
    bare = parameters(inputs, **place, **ALONE)
    description = made(bare, inputs, tmp_path)
    assert "The background is not valid" in description.limits[0]
    assert fits.getval(tmp_path / "product.fits", "SIGWIDTH") > 1.4
    # With known sources and the second pass left out, it is.
    usual = made(parameters(inputs, **place), inputs, tmp_path)
    assert "Crowded field" in usual.limits[0]
    assert fits.getval(tmp_path / "product.fits", "SIGWIDTH") < 1.15
