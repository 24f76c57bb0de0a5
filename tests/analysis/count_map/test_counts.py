"""The count map, held against plain numpy on the same rows and the same WCS."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.time import Time, TimeDelta
from astropy.wcs import WCS
from gammapy.maps import Map, WcsGeom
from PIL import Image

from distiller.analysis.count_map.parameters import CountMapParameters
from distiller.analysis.count_map.run import count
from distiller.analysis.products import InputDataset, ProductDescription
from distiller.core.errors import Damaged, UserError

from .orders import dataset, made, parameters

if TYPE_CHECKING:
    from pathlib import Path


CRAB_RUNS = ("23523", "23526", "23559", "23592")


@pytest.fixture(scope="module")
def real(hess: Path) -> list[InputDataset]:
    name = "hess_dl3_dr1_obs_id_0{}.fits.gz"
    return [dataset(hess / "data" / name.format(n), n) for n in CRAB_RUNS]


def rows(inputs: list[InputDataset]) -> tuple[Any, Any, Any]:
    """Read the columns with nothing but astropy.io.fits, as 64-bit numbers."""
    tables = []
    for item in inputs:
        with fits.open(item.path) as hdus:
            data = hdus["EVENTS"].data
            tables.append([data[n].astype(np.float64) for n in ("RA", "DEC", "ENERGY")])
    ra, dec, energy = (np.concatenate(column) for column in zip(*tables, strict=True))
    return ra, dec, energy


def histogram(
    inputs: list[InputDataset], header: fits.Header, e_min: float, e_max: float
) -> np.typing.NDArray[np.float64]:
    """Bin the rows with numpy on the WCS of a written map."""
    ra, dec, energy = rows(inputs)
    wanted = (energy >= e_min) & (energy < e_max)
    wcs = WCS(header).celestial
    lon, lat = ra[wanted], dec[wanted]
    if header["CTYPE1"].startswith("GLON"):
        galactic = SkyCoord(lon, lat, unit="deg").galactic
        lon, lat = galactic.l.deg, galactic.b.deg
    x, y = wcs.wcs_world2pix(lon, lat, 0)
    shown = np.isfinite(x) & np.isfinite(y)
    bins = [np.arange(header[f"NAXIS{n}"] + 1) - 0.5 for n in (2, 1)]
    counts: np.typing.NDArray[np.float64]
    counts, _, _ = np.histogram2d(y[shown], x[shown], bins=bins)
    return counts


@pytest.mark.real_data
def test_four_crab_runs_equal_a_plain_histogram(
    real: list[InputDataset], tmp_path: Path
) -> None:
    asked = parameters(real, e_min=0.5, e_max=40, width=5, binsz=0.02)
    description = made(asked, real, tmp_path)
    with fits.open(tmp_path / "product.fits") as hdus:
        primary = hdus[0]
        expected = histogram(real, primary.header, 0.5, 40.0)
        assert primary.data.shape == (250, 250)
        np.testing.assert_array_equal(primary.data, expected)
        assert primary.data.sum() == 22105
        assert primary.header["CTYPE1"] == "RA---TAN"
        assert primary.header["NEVENTS"] == 22105
    assert description.t_exptime_s == pytest.approx(6742.0)
    # 22:08:10.184 TT in the header of the first run is 22:07:06 UTC.
    assert description.t_min_mjd == pytest.approx(Time("2004-12-04T22:07:06").mjd)


@pytest.mark.real_data
def test_the_crab_is_where_it_is(real: list[InputDataset]) -> None:
    counts, _ = count(parameters(real, e_min=1, width=2, binsz=0.1), real)
    assert np.unravel_index(counts.data.argmax(), counts.data.shape) == (10, 10)


CASES = [
    {},
    {"width": (3, 2), "binsz": 0.05},
    {"proj": "CAR", "width": 8, "binsz": 0.1},
    {"frame": "galactic", "width": 4, "binsz": 0.04},
    {"proj": "AIT", "width": (60, 40), "binsz": 0.5},
    {"e_min": 0.7, "e_max": 3, "width": 6},
]


@pytest.mark.parametrize("given", CASES)
def test_simulated_runs_equal_a_plain_histogram(
    given: dict[str, Any], simulated: list[InputDataset], tmp_path: Path
) -> None:
    asked = parameters(simulated, **given)
    made(asked, simulated, tmp_path)
    with fits.open(tmp_path / "product.fits") as hdus:
        header = hdus[0].header
        expected = histogram(simulated, header, asked.e_min, asked.e_max)
        assert expected.sum() > 100
        np.testing.assert_array_equal(hdus[0].data, expected)


@pytest.mark.parametrize("given", CASES)
def test_pixels_are_those_of_wcs_geom_create(
    given: dict[str, Any], simulated: list[InputDataset]
) -> None:
    asked = parameters(simulated, **given)
    counts, _ = count(asked, simulated)
    plain = WcsGeom.create(
        skydir=SkyCoord(asked.ra, asked.dec, unit="deg"),
        width=asked.width,
        binsz=asked.binsz,
        proj=asked.proj,
        frame=asked.frame,
    )
    assert counts.geom == plain
    assert counts.data.shape == plain.data_shape


def test_a_cube_equals_a_plain_histogram(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    asked = parameters(simulated, n_e=4, e_min=0.5, e_max=50)
    description = made(asked, simulated, tmp_path)
    cube = Map.read(tmp_path / "product.fits")
    axis = cube.geom.axes["energy"]
    assert axis.unit == "TeV"
    assert axis.edges.value[[0, -1]] == pytest.approx([0.5, 50.0], rel=1e-14)
    with fits.open(tmp_path / "product.fits") as hdus:
        header = hdus[0].header
    ra, dec, energy = rows(simulated)
    inside = (energy >= 0.5) & (energy < 50)
    x, y = WCS(header).celestial.wcs_world2pix(ra[inside], dec[inside], 0)
    bins = [np.arange(header[f"NAXIS{n}"] + 1) - 0.5 for n in (2, 1)]
    sample = (energy[inside], y, x)
    expected, _ = np.histogramdd(sample, bins=[np.geomspace(0.5, 50, 5), *bins])
    np.testing.assert_array_equal(cube.data, expected)
    assert (cube.data.sum(axis=(1, 2)) > 0).all()
    flat, _ = count(parameters(simulated, e_min=0.5, e_max=50), simulated)
    np.testing.assert_array_equal(cube.data.sum(axis=0), flat.data)
    assert description.product_type == "cube"
    assert description.em_xel == 4


def test_what_a_map_spans_is_what_its_pixels_span(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    asked = parameters(simulated, width=1, binsz=0.3)
    description = made(asked, simulated, tmp_path)
    assert (description.s_xel1, description.s_fov_deg) == (3, 1.272792206)
    assert "0.9 x 0.9 deg, 0.3 deg pixels" in description.description


def test_energy_bins_are_half_open(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    path = tmp_path / "copy.fits"
    shutil.copy(simulated[0].path, path)
    with fits.open(path, mode="update") as hdus:
        events = hdus["EVENTS"].data
        events["ENERGY"][:] = 1000.0
        events["ENERGY"][:4] = (0.5, 1.0, 2.0, 2.0)
        events["RA"][:4], events["DEC"][:4] = 83.633, 22.014
    one = [dataset(path, "1")]
    counts, tally = count(parameters(one, e_min=0.5, e_max=2), one)
    assert (tally.in_energy, counts.data.sum()) == (2, 2)
    cube, _ = count(parameters(one, e_min=0.5, e_max=2, n_e=2), one)
    # 1 TeV is the border between the bins and belongs to the upper one.
    assert cube.data.sum(axis=(1, 2)).tolist() == [1, 1]


def test_pixel_borders_are_half_open(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    """Events exactly on a border belong to the pixel above it."""
    asked = parameters(simulated[:1], ra=100, dec=0, width=4, binsz=1, proj="CAR")
    path = tmp_path / "copy.fits"
    shutil.copy(simulated[0].path, path)
    with fits.open(path, mode="update") as hdus:
        events = hdus["EVENTS"].data
        events["ENERGY"][:] = 1000.0
        events["ENERGY"][:4] = 1.0
        events["RA"][:4] = 100.0
        events["DEC"][:4] = (-2.0, 0.0, 1.0, 2.0)
    one = [dataset(path, "1")]
    counts, _ = count(asked, one)
    # The upper border of the map itself is outside.
    assert counts.data.sum(axis=1).tolist() == [1, 0, 1, 1]


def test_time_range_is_half_open_and_utc(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    first = simulated[:1]
    with fits.open(first[0].path) as hdus:
        header = hdus["EVENTS"].header
        met = hdus["EVENTS"].data["TIME"].astype(np.float64)
    reference = Time(
        float(header["MJDREFI"]), float(header["MJDREFF"]), format="mjd",
        scale=header["TIMESYS"].lower(),
    )  # fmt: skip
    instants = (reference + TimeDelta(met, format="sec")).utc
    cut = float(np.median(instants.mjd)) + 1e-7
    wide = {"e_min": 0.01, "e_max": 1000, "width": 20, "binsz": 0.1}
    early, _ = count(parameters(first, t_max=cut, **wide), first)
    late, tally = count(parameters(first, t_min=cut, **wide), first)
    both, _ = count(parameters(first, **wide), first)
    np.testing.assert_array_equal(early.data + late.data, both.data)
    assert tally.in_time == int((instants.mjd >= cut).sum())
    description = made(parameters(first, t_min=cut, **wide), first, tmp_path / "r")
    assert description.t_min_mjd == pytest.approx(cut, abs=1e-9)


def test_same_input_gives_the_same_bytes(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    asked = parameters(simulated, n_e=2)
    made(asked, simulated, tmp_path / "a")
    made(asked, simulated, tmp_path / "b")
    for name in ("product.fits", "configuration.yaml", "plot.png"):
        first, second = (tmp_path / d / name for d in ("a", "b"))
        assert first.read_bytes() == second.read_bytes(), name


def test_the_record_repeats_the_product(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    made(parameters(simulated, target="Crab", e_min=0.7), simulated, tmp_path / "a")
    record = yaml.safe_load((tmp_path / "a" / "configuration.yaml").read_text())
    assert [item["sha256"] for item in record["inputs"]] == [
        item.checksum for item in simulated
    ]
    assert {"cta-data-distiller", "gammapy", "numpy"} <= set(record["software"])
    assert str(tmp_path) not in str(record)
    again = CountMapParameters.model_validate(record["parameters"])
    made(again, simulated, tmp_path / "b")
    products = [(tmp_path / d / "product.fits").read_bytes() for d in ("a", "b")]
    assert products[0] == products[1]


def test_the_header_holds_the_whole_configuration(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    made(parameters(simulated, target="\u03b7 Car", e_min=0.7), simulated, tmp_path)
    header = fits.getheader(tmp_path / "product.fits")
    history = "".join(str(line).strip() for line in header["HISTORY"])
    for item in simulated:
        assert item.did in history
        assert item.checksum in history
    assert (header["E_MIN"], header["E_MAX"]) == (0.7, 100.0)
    assert header["OBJECT"] == r"\u03b7 Car"
    assert header["SIMULATD"] is True
    assert header["ORIGIN"] == "SYNTHETIC"
    assert "DATE" not in header


def test_files_and_description_agree(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    description = made(parameters(simulated, target="Crab"), simulated, tmp_path)
    assert {f.result_id for f in description.files} == {
        "product", "plot", "plot_svg", "configuration", "recipe",
    }  # fmt: skip
    assert sorted(f.name for f in description.files) == sorted(
        path.name for path in tmp_path.iterdir()
    )
    assert description.simulated
    region = np.array(description.s_region_deg).reshape(-1, 2)
    assert region.shape == (4, 2)
    centre = SkyCoord(83.633, 22.014, unit="deg")
    corners = SkyCoord(region[:, 0], region[:, 1], unit="deg")
    angles = centre.position_angle(corners).deg
    # Counter-clockwise on the sky, north up and east left: position angle grows.
    assert (np.diff(np.unwrap(angles, period=360)) > 0).all()
    again = ProductDescription.model_validate_json(description.model_dump_json())
    assert again == description


def test_wide_maps_have_no_polygon(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    asked = parameters(simulated, proj="AIT", width=(360, 180), binsz=1)
    assert made(asked, simulated, tmp_path).s_region_deg is None


def test_the_plot_says_simulated(simulated: list[InputDataset], tmp_path: Path) -> None:
    pretended = [item.model_copy(update={"simulated": False}) for item in simulated]
    made(parameters(simulated), simulated, tmp_path / "a")
    made(parameters(pretended), pretended, tmp_path / "b")
    images = [Image.open(tmp_path / d / "plot.png").convert("L") for d in ("a", "b")]
    arrays = [np.asarray(image).astype(int) for image in images]
    assert arrays[0].shape == arrays[1].shape
    assert min(arrays[0].shape) > 600
    differing = np.argwhere(arrays[0] != arrays[1])
    # One label, in the lower part of the picture.
    assert differing.shape[0] > 500
    assert differing[:, 0].min() > arrays[0].shape[0] * 0.7


def test_no_events_in_the_field(simulated: list[InputDataset], tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        made(parameters(simulated, ra=200, dec=-60), simulated, tmp_path)
    assert caught.value.message.startswith("no events in the field: of ")
    assert "(3 runs) none lies within the 5 x 5 deg around ra 200" in str(caught.value)
    assert "the nearest pointing is 1" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_long_name_stays_in_the_picture(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    asked = parameters(simulated, target="$ W W" * 20)
    made(asked, simulated, tmp_path)
    image = np.asarray(Image.open(tmp_path / "plot.png").convert("L"))
    height, width = image.shape
    title = image[: height // 12]
    assert (title < 128).any()
    assert (title[:, int(0.975 * width) :] == 255).all()


def test_no_events_in_the_energy_range(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"none of the .* has 5000 <= E < 6000 TeV"):
        made(parameters(simulated, e_min=5000, e_max=6000), simulated, tmp_path)
    narrow = parameters(simulated, e_min=1, e_max=1.0000001)
    with pytest.raises(UserError, match=r"has 1 <= E < 1\.0000001 TeV \(widen"):
        made(narrow, simulated, tmp_path)


def test_no_events_in_the_time_range(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"none between t_min and t_max .*MJD in UTC"):
        made(parameters(simulated, t_max=40000), simulated, tmp_path)


def test_a_file_that_is_gone(simulated: list[InputDataset], tmp_path: Path) -> None:
    gone = simulated[0].model_copy(update={"path": tmp_path / "gone.fits"})
    with pytest.raises(Damaged, match=r"events file of run .* is gone: gone.fits"):
        made(parameters([gone]), [gone], tmp_path)


def test_a_file_that_changed(simulated: list[InputDataset], tmp_path: Path) -> None:
    path = tmp_path / "changed.fits"
    shutil.copy(simulated[0].path, path)
    known = dataset(path, "1")
    with path.open("ab") as stream:
        stream.write(b"\0" * 2880)
    message = (
        r"^the events file of run 1 \(ivo://org.example/set\?1\) changed since it was "
        r"ingested: changed.fits "
        r"\(tell the operators; `distiller check --files`"
    )
    with pytest.raises(Damaged, match=message):
        made(parameters([known]), [known], tmp_path)
