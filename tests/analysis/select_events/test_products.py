"""What lists of selected events hold and say, and who reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.time import Time
from gammapy.data import GTI, DataStore, EventList, Observations
from gammapy.datasets import SpectrumDataset
from gammapy.makers import SpectrumDatasetMaker
from gammapy.maps import MapAxis, RegionGeom
from regions import CircleSkyRegion
from tests.ingest.point_like import write_magic
from tests.support import dl3
from tests.support.recipes import at_home

from distiller.analysis import observations
from distiller.analysis.products import (
    HeaderCorrection,
    InputDataset,
    ProductDescription,
)
from distiller.core.errors import BadParameter, UserError

from .orders import CRAB, made, plain, product, unpacked

if TYPE_CHECKING:
    from pathlib import Path


def test_gammapy_reads_the_list(simulated: list[InputDataset], tmp_path: Path) -> None:
    given = {**CRAB, "radius": 1.0}
    description = made(tmp_path, simulated, target="Crab", **given)
    events = EventList.read(tmp_path / "product.fits")
    good = GTI.read(tmp_path / "product.fits")
    assert len(events.table) == sum(len(plain(i, given)) for i in simulated)
    centre = SkyCoord(83.633, 22.014, unit="deg")
    assert (events.radec.separation(centre).deg <= 1.0).all()
    used = [observations.read(item) for item in simulated]
    start = min(one.gti.time_start.min() for one in used)
    assert (good.time_start.min() - start.tt).to_value("s") == pytest.approx(
        0, abs=1e-9
    )
    total = sum(one.gti.time_sum.to_value("s") for one in used)
    assert description.t_exptime_s == pytest.approx(total)
    assert description.s_region_deg == (83.633, 22.014, 1.0)
    assert (description.data_level, description.product_type) == ("DL3", "event")
    assert description.limits[0].startswith("Events are cut to a region")


def counts_of(found: Observations) -> tuple[float, Any]:
    """Return counts in a region and the exposure of their spectrum."""
    region = CircleSkyRegion(SkyCoord(83.633, 22.014, unit="deg"), 0.2 * u.deg)
    geom = RegionGeom(region, axes=[MapAxis.from_energy_bounds("1 TeV", "10 TeV", 4)])
    true = MapAxis.from_energy_bounds("0.5 TeV", "20 TeV", 8, name="energy_true")
    empty = SpectrumDataset.create(geom=geom, energy_axis_true=true)
    maker = SpectrumDatasetMaker(selection=["counts", "exposure", "edisp"])
    total, exposures = 0.0, []
    for one in found:
        dataset = maker.run(empty.copy(name=str(one.obs_id)), one)
        total += float(dataset.counts.data.sum())
        exposures.append(dataset.exposure.data.ravel())
    return total, np.array(exposures)


@pytest.mark.slow
def test_the_runs_are_a_data_store_with_the_same_spectrum(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    crab_runs = [
        item
        for item in simulated
        if fits.getheader(item.path, "EVENTS")["OBJECT"].startswith("Crab")
    ]
    assert crab_runs
    edge = float(observations.read(crab_runs[0]).gti.time_start.utc.mjd[0]) + 0.01
    given = {"e_min": 0.5, "t_min": edge}
    made(tmp_path, crab_runs, **given)
    store = DataStore.from_dir(unpacked(tmp_path))
    found = store.get_observations(required_irf="full-enclosure")
    assert len(found) == len(crab_runs)
    span = Time([edge, 61000.0], format="mjd", scale="utc")
    originals = Observations(
        [observations.read(item).select_time(span) for item in crab_runs]
    )
    ours, plainly = counts_of(found), counts_of(originals)
    assert ours[0] == plainly[0] > 10
    np.testing.assert_allclose(ours[1], plainly[1], rtol=1e-9)
    for own, other in zip(found, originals, strict=True):
        live = own.observation_live_time_duration.to_value("s")
        expected = other.observation_live_time_duration.to_value("s")
        assert live == pytest.approx(expected, rel=1e-9)
        assert own.psf.is_allclose(other.psf)
        assert own.bkg.is_allclose(other.bkg)
    table = store.obs_table
    assert table["EVENT_COUNT"].sum() == len(product(tmp_path)[0])
    assert table["ONTIME"][0] == pytest.approx(found[0].gti.time_sum.to_value("s"))


def test_headers_say_where_the_events_come_from(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    wrong = HeaderCorrection(
        file=simulated[0].path.name, hdu="EVENTS", header="EVENTS", keyword="OBJECT",
        value="Crab Nebula", former="Crab", reason="its name",
    )  # fmt: skip
    one = simulated[0].model_copy(update={"corrections": (wrong,)})
    made(tmp_path, [one], e_min=0.5, e_max=40, ra=83.6, dec=22.0, radius=3)
    rows, header = product(tmp_path)
    assert (header["OBJECT"], header["OBS_ID"]) == ("Crab Nebula", int(one.obs_id))
    assert [header[f"DSVAL{n}"] for n in (1, 2, 3)] == [
        "TABLE", "0.5:40", "CIRCLE(83.6,22,3)",
    ]  # fmt: skip
    assert header["DSREF1"] == ":GTI"
    main = fits.getheader(tmp_path / "product.fits")
    assert one.checksum in "".join(str(line).strip() for line in main["HISTORY"])
    assert (main["TASK"], main["SIMULATD"]) == ("select_events", True)
    path = unpacked(tmp_path) / "data" / f"run_{one.obs_id}.fits"
    with fits.open(path) as hdus:
        own = hdus["EVENTS"].header
        history = "\n".join(own["HISTORY"])
        assert one.did in history
        assert one.checksum in history
        assert "corrected before: OBJECT of EVENTS, was Crab" in history
        assert "cuts: radius=3; e_min=0.5" in history.replace("ra=83.6; dec=22; ", "")
        assert own["OBJECT"] == "Crab Nebula"
        assert own["NSBLEVEL"] == fits.getheader(one.path, "EVENTS")["NSBLEVEL"]
        assert {"AEFF", "EDISP", "PSF", "BKG"} <= {hdu.name for hdu in hdus}
        assert len(hdus["EVENTS"].data) == len(rows)


@pytest.mark.slow
def test_the_recipe_repeats_the_list_at_home(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    edge = float(observations.read(simulated[0]).gti.time_start.utc.mjd[0]) + 0.005
    made(
        tmp_path / "a", simulated[:4], **CRAB, radius=2.0, e_min=0.3,
        exclude=["83.633,22.014,0.1"], gti=[f"{edge!r},61000"],
    )  # fmt: skip
    folder = tmp_path / "a"
    told = at_home(folder, simulated[0].path.parent, tmp_path / "b")
    ours, header = product(folder)
    theirs, other = product(tmp_path / "b")
    assert told["n_events"] == len(ours) > 100
    assert told["ontime_s"] == header["ONTIME"] == other["ONTIME"]
    assert ours.columns.names == theirs.columns.names
    for name in ours.columns.names:
        np.testing.assert_array_equal(ours[name], theirs[name])


def test_the_same_input_gives_the_same_bytes(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    first = made(tmp_path / "a", simulated[:2], e_min=1)
    made(tmp_path / "b", simulated[:2], e_min=1)
    assert [f.role for f in first.files] == [
        "product", "plot", "configuration", "runs", "recipe", "plot",
    ]  # fmt: skip
    for file in first.files:
        one, two = (tmp_path / d / file.name for d in ("a", "b"))
        assert one.read_bytes() == two.read_bytes(), file.name
    again = ProductDescription.model_validate_json(first.model_dump_json())
    assert again == first


def test_two_runs_of_one_number_are_refused(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    other = simulated[0].model_copy(update={"did": "ivo://org.example/b?1"})
    with pytest.raises(BadParameter, match=r"obs: .*have the same number.*two jobs"):
        made(tmp_path, [simulated[0], other])


def test_nothing_left_is_told(simulated: list[InputDataset], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no good time in the chosen.*MJD in UTC"):
        made(tmp_path, simulated[:2], t_max=40000)
    with pytest.raises(UserError, match=r"none of the .*nearest pointing is 1\d\d"):
        made(tmp_path, simulated[:2], ra=263.6, dec=-40.0, radius=1)
    assert not list(tmp_path.iterdir())


def test_runs_without_responses_are_taken(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    bare = simulated[0].model_copy(update={"responses": ()})
    description = made(tmp_path, [bare, simulated[1]])
    told = f"The archive has no instrument responses of run {bare.obs_id}."
    assert told in description.limits
    store = DataStore.from_dir(unpacked(tmp_path))
    assert len(store.obs(int(bare.obs_id), required_irf=[]).events.table)


def test_point_like_runs_keep_their_cut(tmp_path: Path) -> None:
    files = sorted(write_magic(tmp_path / "magic").glob("*DL3*"))
    runs = [dl3.dataset(path, str(n)) for n, path in enumerate(files, start=1)]
    description = made(tmp_path / "a", runs)
    store = DataStore.from_dir(unpacked(tmp_path / "a"))
    found = store.get_observations(required_irf="point-like")
    assert [len(one.events.table) for one in found] == [8, 8]
    assert all(one.rad_max.data.max() > 0 for one in found)
    # They are a quarter of an hour apart, and half an hour long.
    assert any(text.startswith("Runs overlap in time") for text in description.limits)
