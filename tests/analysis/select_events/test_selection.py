"""Selected events, held against plain numpy on the rows of the files."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.time import Time
from tests.support import dl3

from distiller.analysis.select_events.parameters import SelectEventsParameters
from distiller.core.errors import BadParameter, UserError

from .orders import CRAB, made, plain, product, reference, unpacked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from distiller.analysis.products import InputDataset


@pytest.fixture(scope="module")
def crab(hess: Path) -> list[InputDataset]:
    return [dl3.hess_run(hess, name) for name in dl3.CRAB_RUNS]


@pytest.fixture(scope="module")
def galactic(cta_1dc: Path) -> list[InputDataset]:
    return [dl3.dc_run(cta_1dc, name) for name in ("110380", "111630")]


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
