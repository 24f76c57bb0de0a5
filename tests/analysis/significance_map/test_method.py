"""Significance maps, held against plain numpy and against scripts in plain Gammapy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
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
from regions import CircleSkyRegion
from tests.support import dl3

from distiller.analysis import observations

from .orders import ALONE, CRAB, SMALL, Floats, images, made, parameters

if TYPE_CHECKING:
    from pathlib import Path

    from gammapy.data import Observation, Observations

    from distiller.analysis.products import InputDataset, ProductDescription
    from distiller.analysis.significance_map.parameters import SignificanceMapParameters

BLANK = {"ra": 45.0, "dec": -45.0}


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
