"""A file that leaves regions out, of maps, spectra and light curves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from astropy.coordinates import SkyCoord
from gammapy.maps import Map
from tests.support import spectra

from distiller.analysis import observations
from distiller.analysis.parameters import InvalidParameters
from distiller.analysis.recipes import on_off, reading
from distiller.analysis.significance_map.parameters import SignificanceMapParameters
from distiller.analysis.tasks import TASKS
from distiller.core.errors import BadParameter, InternalError, UserError
from distiller.core.files import sha256

from .orders import ALONE, CRAB, SMALL, images, made, parameters

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.analysis.parameters import TaskParameters
    from distiller.analysis.products import InputDataset

# Of the size of a circle of known sources, and none of them.
CIRCLE = "84.2,22.5,0.4"
REGION = "fk5\ncircle(84.2,22.5,0.4)\n"
BARE = {**CRAB, **SMALL, "e_min": 0.2, **ALONE}


def regions(folder: Path, text: str = REGION) -> Path:
    path = folder / "sent.reg"
    path.write_text(text)
    return path


def with_file(asked: Any, path: Path) -> Any:
    named = asked.model_copy(update={"exclusion_file": sha256(path)})
    return named.with_files({"exclusion_file": path})


def test_regions_of_a_file_are_those_of_the_parameter(
    crab: list[InputDataset], tmp_path: Path
) -> None:
    circles = parameters(crab[:2], **BARE, exclude=[CIRCLE])
    first = made(circles, crab[:2], tmp_path / "circle")
    bare = parameters(crab[:2], **BARE)
    second = made(with_file(bare, regions(tmp_path)), crab[:2], tmp_path / "file")
    one, other = images(tmp_path / "circle"), images(tmp_path / "file")
    assert not one["EXCLUSION"].all()
    for name, image in one.items():
        np.testing.assert_allclose(other[name], image, rtol=1e-6, err_msg=name)
    assert first.limits == second.limits
    # What went in comes out beside the configuration, and is named there.
    (file,) = [f for f in second.files if f.result_id == "exclusion_file"]
    assert (file.role, file.name) == ("configuration", "exclusion_file.reg")
    assert (tmp_path / "file" / file.name).read_text() == REGION
    record = yaml.safe_load((tmp_path / "file" / "configuration.yaml").read_text())
    checksum = sha256(tmp_path / "sent.reg")
    assert record["parameters"]["exclusion_file"] == checksum
    assert record["files"] == {
        "exclusion_file": {"file": "exclusion_file.reg", "sha256": checksum}
    }


@pytest.mark.slow
def test_the_mask_of_a_product_makes_it_again_at_home(
    folder: Path, crab: list[InputDataset], tmp_path: Path
) -> None:
    """The mask of one map is sent for another, whose recipe finds it beside."""
    asked = parameters(crab[:2], **BARE, exclude=[CIRCLE])
    made(asked, crab[:2], tmp_path / "first")
    # Half of it, so that there is something to say.
    whole = Map.read(tmp_path / "first" / "product.fits", hdu="EXCLUSION")
    mask = tmp_path / "half.fits"
    whole.cutout(whole.geom.center_skydir, width=(1.5, 3)).write(mask)
    bare = {**BARE, "exclude_target": 0}
    sent = with_file(parameters(crab[:2], **bare), mask)
    product = made(sent, crab[:2], tmp_path / "here")
    (said,) = [text for text in product.limits if "exclusion file" in text]
    assert said.startswith("The exclusion file covers 50% of the map; beyond its edges")
    here = images(tmp_path / "here")
    assert 0 < (here["EXCLUSION"] == 0).sum() < (whole.data == 0).sum() + 1
    # As they are called when they are downloaded, in a home without this program.
    home = tmp_path / "home"
    home.mkdir()
    (home / "distiller.py").write_text("raise ImportError('not here')\n")
    for name in ("recipe.py", "configuration.yaml", "exclusion_file.fits"):
        (tmp_path / "here" / name).rename(home / f"map_0b5ff3b6_{name}")
    command = [
        sys.executable,
        str(home / "map_0b5ff3b6_recipe.py"),
        str(home / "map_0b5ff3b6_configuration.yaml"),
        str(folder),
        str(home / "again"),
    ]
    environment = {**os.environ, "PYTHONPATH": str(home)}
    answer = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    again = images(home / "again")
    assert set(again) == set(here)
    for name, image in here.items():
        np.testing.assert_allclose(again[name], image, rtol=1e-6, atol=1e-6)
    largest = json.loads(answer.stdout)["largest"]["significance"]
    assert largest == pytest.approx(np.nanmax(here["SIGNIFICANCE"]), rel=1e-6)
    # Another file of that name is not taken for it.
    with (home / "map_0b5ff3b6_exclusion_file.fits").open("ab") as stream:
        stream.write(b"\0")
    answer = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 1
    assert "exclusion_file.fits is not the file that was used" in answer.stderr


def test_a_recipe_says_both_places_where_a_missing_file_may_lie(tmp_path: Path) -> None:
    home, data = tmp_path / "home", tmp_path / "data"
    item = {"file": "exclusion_file.reg", "sha256": "ab" * 32}
    with pytest.raises(SystemExit) as caught:
        reading.sent_file(item, data, home)
    assert str(caught.value) == (
        f"exclusion_file.reg is neither beside the configuration, in {home}, nor below "
        f"{data}"
    )


def test_off_regions_keep_away_from_what_a_file_leaves_out(
    crab: list[InputDataset], tmp_path: Path
) -> None:
    read = observations.read_all(crab[:2], lambda _fraction, _text: None, 1.0)
    bins = np.geomspace(0.5, 20, 11)
    given = {"e_min": 0.5, "e_max": 20.0, "exclude_known": False}

    def off(asked: TaskParameters) -> list[Any]:
        reduced = on_off.reduce_runs(read, asked.for_recipe(), bins)
        counts = [one.counts_off.data.ravel().tolist() for one in reduced.datasets]
        return [reduced.off_regions, reduced.off_counts, counts]

    bare = spectra.parameters("spectrum", crab[:2], **given)
    # Where an off region lies: on the other side of the pointing.
    source = SkyCoord(CRAB["ra"], CRAB["dec"], unit="deg")
    pointing = read[0].get_pointing_icrs(read[0].tmid)
    away, angle = source.separation(pointing), source.position_angle(pointing)
    place = source.directional_offset_by(angle, 2 * away)
    beside = f"{place.ra.deg},{place.dec.deg},0.25"
    circle = spectra.parameters("spectrum", crab[:2], **given, exclude=[beside])
    path = regions(tmp_path, f"icrs\ncircle({beside})\n")
    assert off(with_file(bare, path)) == off(circle) != off(bare)


@pytest.mark.parametrize("task", ["spectrum", "light_curve"])
def test_a_spectrum_and_a_light_curve_keep_the_file(
    task: str, crab: list[InputDataset], tmp_path: Path
) -> None:
    path = regions(tmp_path)
    asked = spectra.parameters(task, crab[:2], e_min=0.5, exclude_known=False)
    product = run_of(task, with_file(asked, path), crab[:2], tmp_path / "made")
    assert not [text for text in product.limits if "No region was left out" in text]
    (file,) = [one for one in product.files if one.result_id == "exclusion_file"]
    assert (tmp_path / "made" / file.name).read_bytes() == path.read_bytes()
    compile((tmp_path / "made" / "recipe.py").read_text(), "recipe.py", "exec")


def run_of(
    task: str, asked: TaskParameters, inputs: list[InputDataset], folder: Path
) -> Any:
    folder.mkdir(exist_ok=True)
    return TASKS[task].load()(asked, inputs, folder, lambda _fraction, _text: None)


@pytest.mark.parametrize("task", ["significance_map", "spectrum", "light_curve"])
def test_a_file_that_cannot_be_used_is_told_as_such(
    task: str, crab: list[InputDataset], tmp_path: Path
) -> None:
    path = regions(tmp_path, "fk5\ncircle(10,10,1)\n")
    asked = with_file(spectra.parameters(task, crab[:1]), path)
    with pytest.raises(BadParameter) as caught:
        run_of(task, asked, crab[:1], tmp_path / "result")
    assert caught.value.text == (
        "exclusion_file: none of its 1 regions holds a pixel of the field (send a FITS "
        "image of 1 and 0 with a celestial WCS, or regions of DS9)"
    )
    assert not list((tmp_path / "result").iterdir())


@pytest.mark.parametrize("task", ["significance_map", "spectrum", "light_curve"])
def test_a_file_that_leaves_no_background_is_named(
    task: str, crab: list[InputDataset], tmp_path: Path
) -> None:
    def refusal(radius: float, **given: Any) -> str:
        path = regions(tmp_path, f"fk5\ncircle(83.633,22.014,{radius})\n")
        asked = with_file(spectra.parameters(task, crab[:1], **given), path)
        with pytest.raises(UserError) as caught:
            run_of(task, asked, crab[:1], tmp_path / "result")
        return caught.value.text

    small = SMALL if task == "significance_map" else {}
    assert "exclusion_file: it leaves out all of the field" in refusal(20, **small)
    if small:
        # The corners of the map, where the run does not look.
        assert "exclusion file" in refusal(2.07, **small, offset_max=1)
    else:
        assert "exclusion file" in refusal(1.8)


def test_a_file_is_known_by_its_checksum_and_nothing_else() -> None:
    pairs = [("obs", "1"), ("ra", "83"), ("dec", "22")]
    read = SignificanceMapParameters.from_pairs
    asked = read("significance_map", [*pairs, ("exclusion_file", "AB" * 32)])
    assert asked.sent == {"exclusion_file": "ab" * 32}
    assert read("significance_map", asked.to_pairs()) == asked
    for text in ("mask.fits", "../" + "a" * 61, "a" * 65):
        with pytest.raises(InvalidParameters, match="must be sent along as a file"):
            read("significance_map", [*pairs, ("exclusion_file", text)])
    with pytest.raises(InternalError, match="nobody said where exclusion_file lies"):
        asked.for_recipe()
