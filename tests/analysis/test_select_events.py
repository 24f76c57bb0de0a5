"""Selected events, held against plain numpy on the rows of the files."""

from __future__ import annotations

import shutil
import zipfile
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
from distiller.analysis.select_events.parameters import SelectEventsParameters
from distiller.analysis.select_events.run import run
from distiller.analysis.simulate import simulate
from distiller.core.errors import BadParameter, UserError
from distiller.core.sky import separation_deg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

CRAB = {"ra": 83.633, "dec": 22.014}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> list[InputDataset]:
    """Simulate both sites: one writes its times in TT, the other in UTC."""
    folder = tmp_path_factory.mktemp("runs") / "set"
    simulate(folder, runs=6, seed=7)
    files = sorted((folder / "data").glob("*.fits"))
    return [
        dl3.dataset(f, str(int(f.stem.partition("_")[2])), simulated=True)
        for f in files
    ]


@pytest.fixture(scope="module")
def crab(hess: Path) -> list[InputDataset]:
    return [dl3.hess_run(hess, name) for name in dl3.CRAB_RUNS]


@pytest.fixture(scope="module")
def galactic(cta_1dc: Path) -> list[InputDataset]:
    return [dl3.dc_run(cta_1dc, name) for name in ("110380", "111630")]


def asked(inputs: Sequence[InputDataset], **given: Any) -> SelectEventsParameters:
    return SelectEventsParameters.model_validate(
        {"obs": [item.obs_id for item in inputs], **given}
    )


def made(
    folder: Path, inputs: Sequence[InputDataset], **given: Any
) -> ProductDescription:
    folder.mkdir(exist_ok=True)
    return run(asked(inputs, **given), inputs, folder, lambda _fraction, _text: None)


def reference(header: fits.Header) -> Time:
    return Time(
        float(header["MJDREFI"]), float(header["MJDREFF"]),
        format="mjd", scale=header["TIMESYS"].lower(),
    )  # fmt: skip


def plain(item: InputDataset, given: Mapping[str, Any]) -> Any:
    """Return the rows of a file that numpy keeps."""
    with fits.open(item.path) as hdus:
        rows, header = hdus["EVENTS"].data.copy(), hdus["EVENTS"].header.copy()
    ra, dec, energy, met = (
        rows[name].astype(np.float64) for name in ("RA", "DEC", "ENERGY", "TIME")
    )
    keep = np.ones(len(rows), dtype=bool)
    if "radius" in given:
        keep &= separation_deg(ra, dec, given["ra"], given["dec"]) <= given["radius"]
    for text in given.get("exclude", ()):
        lon, lat, radius = map(float, text.split(","))
        keep &= separation_deg(ra, dec, lon, lat) > radius
    keep &= (energy >= given.get("e_min", 0)) & (energy < given.get("e_max", np.inf))
    for name in ("t_min", "t_max"):
        if name in given:
            edge = (
                Time(given[name], format="mjd", scale="utc") - reference(header)
            ).sec
            keep &= met >= edge if name == "t_min" else met < edge
    return rows[keep]


def product(folder: Path) -> tuple[Any, fits.Header]:
    with fits.open(folder / "product.fits") as hdus:
        return hdus["EVENTS"].data.copy(), hdus["EVENTS"].header.copy()


def unpacked(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "runs.zip") as archive:
        archive.extractall(folder / "runs")
    return folder / "runs"


def check(folder: Path, inputs: Sequence[InputDataset], given: Any) -> int:
    """Compare both results with numpy, row by row; return the count of events."""
    made(folder, inputs, **given)
    rows, _ = product(folder)
    runs = unpacked(folder)
    for item in inputs:
        expected = plain(item, given)
        ours = rows[rows["OBS_ID"] == int(item.obs_id)]
        with fits.open(runs / "data" / f"run_{item.obs_id}.fits") as hdus:
            own = hdus["EVENTS"].data
            assert own.columns.names == expected.columns.names
            for name in own.columns.names:
                np.testing.assert_array_equal(own[name], expected[name])
            own_order = np.argsort(expected["TIME"], kind="stable")
            for name in ("EVENT_ID", "RA", "DEC", "ENERGY"):
                np.testing.assert_array_equal(ours[name], expected[name][own_order])
    assert (np.diff(rows["TIME"]) >= 0).all()
    assert len(rows) == sum(len(plain(item, given)) for item in inputs)
    return len(rows)


CASES = [
    {},
    {**CRAB, "radius": 1.0, "e_min": 0.5, "e_max": 40},
    {"e_min": 0.7},
    {**CRAB, "radius": 2.5, "exclude": ["83.633,22.014,0.3", "84.4,21.1,0.5"]},
    {"t_min": 53343.925, "t_max": 53347.92},
]


@pytest.mark.real_data
@pytest.mark.parametrize("given", CASES)
def test_crab_runs_equal_a_plain_selection(
    given: dict[str, Any], crab: list[InputDataset], tmp_path: Path
) -> None:
    inputs = crab if "t_min" not in given else [crab[0], crab[3]]
    assert check(tmp_path, inputs, given) > 1000


@pytest.mark.real_data
def test_times_of_runs_with_one_reference_stay_to_the_last_bit(
    crab: list[InputDataset], tmp_path: Path
) -> None:
    made(tmp_path, crab)
    rows, header = product(tmp_path)
    for item in crab:
        ours = rows["TIME"][rows["OBS_ID"] == int(item.obs_id)]
        np.testing.assert_array_equal(ours, np.sort(plain(item, {})["TIME"]))
    assert (header["MJDREFI"], header["MJDREFF"]) == (51910, 0.000742870370370241)
    assert (header["TELESCOP"], header["EV_CLASS"]) == ("HESS", "std")
    assert "RA_PNT" not in header
    assert header["RUN00004"] == "23592"
    assert header["LIVETIME"] == pytest.approx(6742.0 * header["DEADC"])


@pytest.mark.slow
@pytest.mark.real_data
def test_runs_of_the_first_data_challenge(
    galactic: list[InputDataset], tmp_path: Path
) -> None:
    given = {"ra": 266.4, "dec": -29.0, "radius": 3.0, "e_min": 0.1}
    with pytest.raises(UserError, match="none of the 101,430 events"):
        made(tmp_path / "vela", galactic[1:], **given)
    assert check(tmp_path / "a", galactic[:1], given) > 1000
    given = {"e_max": 0.05, "t_min": 59235.505, "t_max": 59300.85}
    assert check(tmp_path / "b", galactic, given) > 1000
    with fits.open(tmp_path / "b" / "runs" / "data" / "run_111630.fits") as hdus:
        header = hdus["EVENTS"].header
        # The file has its number as text, and no word on what it is.
        assert (header["OBS_ID"], header["HDUCLAS1"]) == (111630, "EVENTS")
        assert header["DSVAL3"] == "CIRCLE(130.8869,-44.6265,5)"
        assert (header["DSTYP4"], header["DSVAL4"]) == ("ENERGY", ":0.05")
        assert header["NDSKEYS"] == 4
        end = Time(f"{header['DATE-END']}T{header['TIME-END']}", scale="tt")
        assert end.utc.mjd == pytest.approx(59300.85, abs=1e-8)
        good = hdus["GTI"].data
    with fits.open(tmp_path / "b" / "runs" / "data" / "run_110380.fits") as hdus:
        header, good = hdus["EVENTS"].header, hdus["GTI"].data
        assert header["TSTART"] == good["START"][0] > 664502400
        # 8 s too early in the file.
        assert header["TSTOP"] == good["STOP"][0] == 664504200
        assert header["ONTIME"] == pytest.approx(good["STOP"][0] - good["START"][0])
        assert header["LIVETIME"] == pytest.approx(0.98 * header["ONTIME"], rel=1e-6)
        assert "DATE_OBS" not in header


@pytest.mark.real_data
def test_a_mixed_list_has_one_time_and_the_columns_of_both(
    crab: list[InputDataset], galactic: list[InputDataset], tmp_path: Path
) -> None:
    mixed = [galactic[0], crab[0]]
    description = made(tmp_path, mixed, e_min=1)
    rows, header = product(tmp_path)
    assert rows.columns.names == [
        "EVENT_ID", "TIME", "RA", "DEC", "ENERGY", "OBS_ID",
    ]  # fmt: skip
    assert header["MJDREFI"] == 51544
    for item in mixed:
        with fits.open(item.path) as hdus:
            own = reference(hdus["EVENTS"].header)
        instants = own + np.sort(plain(item, {"e_min": 1})["TIME"]) * u.s
        ours = rows["TIME"][rows["OBS_ID"] == int(item.obs_id)]
        away = (reference(header) + ours * u.s) - instants
        assert abs(away.to_value("s")).max() < 1.5e-7
    assert "DETX, DETY, MC_ID" in " ".join(description.limits)
    assert "mixes events of several instruments" in " ".join(description.limits)


def test_times_in_utc_become_tt(simulated: list[InputDataset], tmp_path: Path) -> None:
    scales = {}
    for item in simulated:
        scales[item.obs_id] = fits.getheader(item.path, "EVENTS")["TIMESYS"]
    assert set(scales.values()) == {"TT", "UTC"}
    check(tmp_path, simulated, {"e_min": 1.0})
    rows, header = product(tmp_path)
    assert header["TIMESYS"] == "TT"
    for item in simulated:
        own = reference(fits.getheader(item.path, "EVENTS"))
        expected = np.sort(plain(item, {"e_min": 1.0})["TIME"])
        ours = rows["TIME"][rows["OBS_ID"] == int(item.obs_id)]
        away = (reference(header) + ours * u.s) - (own + expected * u.s)
        assert abs(away.to_value("s")).max() < 1e-7


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


def altered(item: InputDataset, folder: Path, change: Any) -> InputDataset:
    """Return a copy of a run that was changed."""
    path = folder / f"altered_{item.obs_id}.fits"
    shutil.copy(item.path, path)
    with fits.open(path, mode="update") as hdus:
        change(hdus)
    return dl3.dataset(path, item.obs_id, simulated=True)


def test_times_are_half_open_and_good_times_are_cut(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    header = fits.getheader(simulated[0].path, "EVENTS")
    start = header["TSTART"]

    def change(hdus: fits.HDUList) -> None:
        hdus["EVENTS"].data["TIME"][:] = start + 5.0
        hdus["EVENTS"].data["TIME"][:4] = start + np.array([10, 20, 30, 40])
        hdus["GTI"].data["START"][0] = start
        hdus["GTI"].data["STOP"][-1] = start + 1800

    one = [altered(simulated[0], tmp_path, change)]
    origin = reference(header).utc
    first, second, third, last = (
        float((origin + (start + s) * u.s).utc.mjd) for s in (10.0, 20.5, 30.0, 600.0)
    )
    # An edge a nanosecond before the event: an MJD is not finer than a microsecond.
    spans = [f"{first - 1e-9!r},{second!r}", f"{third + 1e-9!r},{last!r}"]
    description = made(tmp_path / "a", one, gti=spans)
    rows, own = product(tmp_path / "a")
    assert sorted(rows["TIME"] - start) == pytest.approx([10, 20, 40], abs=1e-3)
    with fits.open(tmp_path / "a" / "product.fits") as hdus:
        good = hdus["GTI"].data
    assert good["START"][0] - start == pytest.approx(10, abs=1e-3)
    assert good["STOP"][-1] - start == pytest.approx(600, abs=1e-3)
    assert own["ONTIME"] == pytest.approx(np.sum(good["STOP"] - good["START"]))
    assert description.t_exptime_s == pytest.approx(own["ONTIME"])
    assert "Good time is cut: live times assume" in " ".join(description.limits)


def test_events_outside_the_good_time_are_told_or_left_out(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    def change(hdus: fits.HDUList) -> None:
        hdus["EVENTS"].data["TIME"][:2] = hdus["EVENTS"].header["TSTOP"] + 100.0

    one = [altered(simulated[0], tmp_path, change)]
    first = made(tmp_path / "a", one)
    second = made(tmp_path / "b", one, good_time=True)
    lost = len(product(tmp_path / "a")[0]) - len(product(tmp_path / "b")[0])
    (told,) = (text for text in first.limits if "good time interval" in text)
    assert told.startswith(f"{lost} events lie in no good time interval")
    assert lost >= 2
    assert not any("no good time interval" in text for text in second.limits)


def test_a_class_is_that_of_the_header(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    def change(hdus: fits.HDUList) -> None:
        hdus["EVENTS"].header["EV_CLASS"] = "hard"

    runs = [altered(simulated[0], tmp_path, change), *simulated[1:3]]
    description = made(tmp_path / "a", runs, event_class="Standard")
    rows, header = product(tmp_path / "a")
    assert set(rows["OBS_ID"]) == {int(item.obs_id) for item in runs[1:]}
    assert header["EV_CLASS"] == "STANDARD"
    left_out = f"No good time in the selection, left out: run {runs[0].obs_id}."
    assert left_out in description.limits
    with pytest.raises(BadParameter) as caught:
        made(tmp_path / "b", runs, event_class="soft")
    assert str(caught.value) == (
        "event_class: no run has events of 'soft'; there are: STANDARD, hard"
    )
    with pytest.raises(BadParameter) as caught:
        made(tmp_path / "c", runs, event_type="1")
    assert "has no column or keyword EVENT_TYPE; it has event_class" in str(
        caught.value
    )
    assert not list((tmp_path / "c").iterdir())


@pytest.mark.slow
def test_a_type_may_be_a_column_of_bits_words_or_numbers(
    simulated: list[InputDataset], tmp_path: Path
) -> None:
    with fits.open(simulated[0].path) as hdus:
        hdus.verify("ignore")
        whole = hdus["EVENTS"]
        count = len(whole.data)
        bits = np.zeros((count, 32), dtype=bool)
        bits[::2, 31] = True  # 1
        bits[::3, 29] = True  # 4
        words = np.array(["front", "back"])[np.arange(count) % 2]
        kinds = (
            ("32X", bits, "5", bits.any(axis=1)),
            ("5A", words, "BACK", words == "back"),
            ("1I", np.arange(count) % 3, "2", np.arange(count) % 3 == 2),
        )
        for form, values, wanted, expected in kinds:
            column = fits.Column("EVENT_TYPE", form, array=values)
            table = fits.BinTableHDU.from_columns(
                whole.columns + fits.ColDefs([column]), header=whole.header
            )
            path = tmp_path / f"{form}.fits"
            fits.HDUList([hdus[0], table, *hdus[2:]]).writeto(path)
            one = [dl3.dataset(path, simulated[0].obs_id)]
            made(tmp_path / form, one, event_type=wanted)
            rows, _ = product(tmp_path / form)
            ids = np.sort(whole.data["EVENT_ID"][expected])
            np.testing.assert_array_equal(np.sort(rows["EVENT_ID"]), ids)
            with fits.open(unpacked(tmp_path / form) / "data" / (
                f"run_{simulated[0].obs_id}.fits"
            )) as own:  # fmt: skip
                kept = own["EVENTS"].data["EVENT_TYPE"]
                np.testing.assert_array_equal(
                    np.asarray(kept), np.asarray(values)[expected]
                )
            with pytest.raises(BadParameter, match="there are: "):
                made(tmp_path / "none", one, event_type="64")


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
        "product", "runs", "configuration", "recipe", "plot", "plot",
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


def test_a_centre_is_needed_for_a_circle_only() -> None:
    read = SelectEventsParameters.from_pairs
    assert read("select_events", [("obs", "1")]).ra is None
    with pytest.raises(BadParameter, match="target: no centre"):
        read("select_events", [("obs", "1"), ("radius", "1")])
    with pytest.raises(BadParameter, match="e_min: 2 TeV is not below e_max 1 TeV"):
        read("select_events", [("obs", "1"), ("e_min", "2"), ("e_max", "1")])
    with pytest.raises(BadParameter, match="event_class: must be plain ASCII"):
        read("select_events", [("obs", "1"), ("event_class", "\u03b3")])


def test_good_times_are_read_and_written() -> None:
    pairs = (("obs", "1"), ("gti", "53343.9,53344"), ("gti", "53345.5,53346.25"))
    read = SelectEventsParameters.from_pairs
    found = read("select_events", pairs)
    assert found.gti == ((53343.9, 53344.0), (53345.5, 53346.25))
    assert read("select_events", found.to_pairs()) == found
    again = SelectEventsParameters.model_validate(found.model_dump(mode="json"))
    assert again == found
    for text, words in (
        ("5", "must be start,stop"),
        ("a,b", "must be start,stop"),
        ("6,5", "6.0 is not before 5.0"),
    ):
        with pytest.raises(BadParameter, match=f"gti: {words}"):
            read("select_events", [("obs", "1"), ("gti", text)])
