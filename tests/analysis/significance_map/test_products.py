"""What significance maps say and hold, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from gammapy.maps import Map
from PIL import Image
from tests.support import dl3

from distiller.analysis import tasks
from distiller.analysis.significance_map.parameters import SignificanceMapParameters
from distiller.analysis.significance_map.run import run
from distiller.core.errors import UserError

from .orders import ALONE, CRAB, SMALL, images, made, parameters

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.analysis.products import InputDataset, ProductDescription


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
    assert ids[:3] == ["product", "plot", "configuration"]
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
