"""Values that can be believed: each trap of real data, one by one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.time import Time
from tests.ingest.conftest import (
    RunPlan,
    write_indexes,
)

from distiller.core.errors import BadData
from distiller.ingest.checks import check
from distiller.ingest.find import find
from distiller.ingest.gadf import Reader
from distiller.ingest.run import Run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


Judge = Callable[[RunPlan], Run]


def codes(run: Run) -> list[str]:
    return sorted({finding.code for finding in run.findings})


def look_up(run: Run, place: str) -> Any:
    part, name = place.split(".")
    return getattr(getattr(run, part), name)


def test_a_good_run_has_every_value_and_no_finding(judged: Judge) -> None:
    run = judged(RunPlan(obs_id=42, n_events=7))
    assert run.findings == ()
    assert (run.obs_id, run.n_events, run.obs_mode) == ("42", 7, "POINTING")
    assert run.event_class == "std"
    assert run.observer == "A. Tester"
    assert run.sky.target_name == "Test source"
    assert run.sky.offset == pytest.approx(0.5)
    assert run.sky.zenith == 30.0
    assert (run.array.n_tels, run.array.tel_list) == (4, "1,2,3,4")
    assert run.array.altitude == 1800.0
    assert run.making.created == datetime(2021, 2, 3, 4, 5, 6)
    assert not run.making.simulated
    assert run.performance.fov_deg == 5.0
    assert run.performance.fwhm_arcsec == pytest.approx(423.9, rel=1e-3)
    assert run.performance.resolving_power == pytest.approx(4.247, rel=0.02)
    assert run.performance.energy_min_tev == 0.5
    assert run.performance.energy_max_tev == 80.0
    assert (run.times.ontime_s, run.times.elapsed_s) == (1800.0, 1800.0)
    unknown = dataclasses.asdict(run.ambient)
    assert set(unknown.values()) == {None}


PLACEHOLDERS = [
    ({"N_TELS": 0}, ["array.n_tels"], "N_TELS = 0"),
    ({"TELLIST": "Baseline"}, ["array.tel_list"], "TELLIST = 'Baseline'"),
    ({"TELLIST": "string"}, ["array.tel_list"], "TELLIST = 'string'"),
    (
        {"ALT_PNT": 90.0, "AZ_PNT": 0},
        ["sky.alt", "sky.az", "sky.zenith"],
        "ALT_PNT = 90 and AZ_PNT = 0",
    ),
    (
        {"RA_OBJ": 0, "DEC_OBJ": 0.0},
        ["sky.target_ra", "sky.target_dec", "sky.offset"],
        "RA_OBJ = DEC_OBJ = 0",
    ),
    ({"GEOLON": 0.0, "GEOLAT": 0.0}, ["array.lon", "array.lat"], "GEOLON = GEOLAT"),
    ({"ALTITUDE": 0.0}, ["array.altitude"], "ALTITUDE = 0"),
    ({"LIVETIME": 0.0}, ["times.livetime_s"], "LIVETIME = 0"),
    ({"DEADC": 0}, ["times.deadc"], "DEADC = 0"),
    ({"TRGRATE": 0.0}, ["ambient.trigger_rate"], "TRGRATE = 0"),
    ({"PRESSURE": 0.0}, ["ambient.pressure"], "PRESSURE = 0"),
    ({"AIRTEMP": 0.0}, ["ambient.air_temperature"], "AIRTEMP = 0"),
    ({"RELHUM": 0.0}, ["ambient.relative_humidity"], "RELHUM = 0"),
    ({"NSBLEVEL": 0}, ["ambient.nsb_level"], "NSBLEVEL = 0"),
    ({"MUONEFF": 0.0}, ["ambient.muon_efficiency"], "MUONEFF = 0"),
    ({"QUALITY": -1}, ["ambient.quality"], "QUALITY = -1"),
    ({"CREATOR": "unknown"}, ["making.creator"], "CREATOR = 'unknown'"),
]


@pytest.mark.parametrize(("header", "places", "message"), PLACEHOLDERS)
def test_placeholders_become_none_with_a_note(
    judged: Judge, header: dict[str, Any], places: list[str], message: str
) -> None:
    run = judged(RunPlan(header=header))
    assert [look_up(run, place) for place in places] == [None] * len(places)
    notes = [f for f in run.findings if f.code == "D201"]
    assert [message in note.message for note in notes] == [True]
    assert notes[0].severity == "note"


def test_what_a_file_does_not_say_is_none(judged: Judge) -> None:
    left_out = (
        *("OBSERVER", "EV_CLASS", "INSTRUME", "N_TELS", "TELLIST", "GEOLON", "GEOLAT"),
        *("ALTITUDE", "ALT_PNT", "AZ_PNT", "DATE", "LIVETIME", "DEADC", "TELAPSE"),
        *("OBS_MODE", "ORIGIN", "CREATOR", "HDUVERS"),
    )
    run = judged(RunPlan(header=dict.fromkeys(left_out)))
    # Of what analyses and searches need it is told, of nothing else.
    assert codes(run) == ["D241", "D242"]
    assert run.array.instrument is None
    assert run.times.livetime_s is None
    assert run.times.elapsed_s == 1800.0


NONSENSE = [
    ({"ALT_PNT": 123.0}, "sky.alt", "D211", "ALT_PNT = 123 is outside -90...90"),
    ({"ONTIME": "long"}, "array.sub_array", "D211", "ONTIME = 'long' is no number"),
    ({"DEADC": 1.7}, "times.deadc", "D211", "DEADC = 1.7 is outside 0...1"),
    ({"LIVETIME": 9999.0}, "times.livetime_s", "D211", "longer than the exposure"),
    ({"N_TELS": -3}, "array.n_tels", "D211", "N_TELS = -3 is outside"),
    ({"DATE": "yesterday"}, "making.created", "D211", "'yesterday' is no date"),
    ({"RA_PNT": 83.0, "DEC_PNT": 95.0}, "sky.dec", "D210", "DEC_PNT = 95"),
    ({"RA_PNT": None}, "sky.ra", "D210", "RA_PNT or DEC_PNT is missing"),
    ({"BROKPIX": 15.0}, "ambient.broken_pixels", "D211", "BROKPIX = 15"),
]


@pytest.mark.parametrize(("header", "place", "code", "message"), NONSENSE)
def test_nonsense_becomes_none_with_a_warning(
    judged: Judge, header: dict[str, Any], place: str, code: str, message: str
) -> None:
    run = judged(RunPlan(header=header))
    assert look_up(run, place) is None
    found = [f for f in run.findings if f.code == code]
    assert len(found) == 1
    assert message in found[0].message
    assert found[0].severity == "warning"


def test_nan_in_a_header_is_no_number(tmp_path: Path) -> None:
    path = RunPlan().write(tmp_path / "nan.fits")
    content = path.read_bytes()
    place = content.index(b"ALT_PNT =")
    card = b"ALT_PNT =                  NaN".ljust(80)
    path.write_bytes(content[:place] + card + content[place + 80 :])
    found = find(path)
    run = check(Reader().read(found.runs[0]))
    assert run.sky.alt is None
    assert codes(run) == ["D211"]


def test_right_ascension_beyond_the_circle_comes_back(judged: Judge) -> None:
    run = judged(RunPlan(header={"RA_PNT": -10.0, "RA_OBJ": None}))
    assert run.sky.ra == 350.0
    assert codes(run) == ["D210", "D223"]


def test_altitude_in_km(judged: Judge) -> None:
    run = judged(RunPlan(header={"ALTITUDE": 2.15}))
    assert run.array.altitude == 2150.0
    assert codes(run) == ["D205"]


def test_a_longitude_that_is_not_the_site(judged: Judge) -> None:
    site = {"TELESCOP": "CTA", "GEOLAT": -24.6272}
    run = judged(RunPlan(header={**site, "GEOLON": 79.4041}))
    assert (run.array.lon, run.array.lat) == (None, -24.6272)
    assert [f.message for f in run.findings] == ["GEOLON = 79.4041 for CTA"]
    good = judged(RunPlan(header={**site, "GEOLON": 289.68}))
    assert good.array.lon == pytest.approx(-70.32)
    assert codes(good) == []


def test_humidity_as_a_fraction(judged: Judge) -> None:
    run = judged(RunPlan(header={"RELHUM": 0.31, "AIRTEMP": 0.0}))
    assert run.ambient.relative_humidity == 31.0
    assert run.ambient.air_temperature == 273.15  # with other values 0 deg C is real
    assert codes(run) == ["D224"]


def test_simulated_by_its_marks(judged: Judge) -> None:
    for mark in ({"ORIGIN": "SYNTHETIC"}, {"CREATOR": "ctobssim (1.4)"}, {"NMCIDS": 3}):
        assert judged(RunPlan(header=mark)).making.simulated


# --- times ---------------------------------------------------------------------------


def test_times_are_utc_and_tt(judged: Judge) -> None:
    run = judged(RunPlan())
    first = run.times.intervals[0]
    start = Time(59000, 1000 / 86400, format="mjd", scale="tt")
    assert first.start_tt == start.mjd
    assert first.start_utc == start.utc.mjd
    assert (first.start_tt - first.start_utc) * 86400 == pytest.approx(69.184, abs=1e-3)


def test_times_in_utc(judged: Judge) -> None:
    run = judged(RunPlan(header={"TIMESYS": "utc"}))
    first = run.times.intervals[0]
    assert first.start_utc == pytest.approx(59000 + 1000 / 86400, abs=1e-11)
    assert (first.start_tt - first.start_utc) * 86400 == pytest.approx(69.184, abs=1e-3)
    assert run.times.system == "UTC"
    assert codes(run) == []


def test_leap_seconds_since_a_utc_reference(judged: Judge) -> None:
    header = {"TIMESYS": "UTC", "MJDREFI": 51544}
    start = (59000.0 - 51544.0) * 86400.0
    run = judged(
        RunPlan(
            header={**header, "TSTART": start, "TSTOP": start + 1800.0},
            gti=((start, start + 1800.0),),
        )
    )
    assert codes(run) == ["D218"]
    assert run.findings[0].message == "5 s"


def test_several_intervals_in_any_order(judged: Judge) -> None:
    run = judged(
        RunPlan(
            gti=((2000.0, 2800.0), (1000.0, 1500.0)),
            header={"ONTIME": 1300.0, "LIVETIME": 1200.0},
        )
    )
    met = [(one.start_met, one.stop_met) for one in run.times.intervals]
    assert met == [(1000.0, 1500.0), (2000.0, 2800.0)]
    assert (run.times.ontime_s, run.times.elapsed_s) == (1300.0, 1800.0)
    assert codes(run) == []


def test_header_times_that_disagree_with_the_gti(judged: Judge) -> None:
    run = judged(RunPlan(header={"TSTOP": 2792.0}))
    assert [f.message for f in run.findings] == ["TSTOP is -8 s from the GTI"]
    assert codes(run) == ["D202"]
    assert run.times.intervals[0].stop_met == 2800.0


def dates(scale: str, off_s: float = 0.0) -> dict[str, str]:
    made = {}
    for ends, met in (("OBS", 1000.0), ("END", 2800.0)):
        instant = Time(59000, (met + off_s) / 86400, format="mjd", scale="tt")
        day, clock = str(getattr(instant, scale).isot).split("T")
        made[f"DATE-{ends}"], made[f"TIME-{ends}"] = day, clock
    return made


def test_date_strings_on_the_own_scale_are_good(judged: Judge) -> None:
    assert codes(judged(RunPlan(header=dates("tt")))) == []


def test_date_strings_on_another_scale(judged: Judge) -> None:
    run = judged(RunPlan(header=dates("utc")))
    assert [f.message for f in run.findings] == [
        "DATE-OBS and DATE-END in UTC, TIMESYS is TT"
    ]
    assert codes(run) == ["D216"]


def test_date_strings_of_another_time(judged: Judge) -> None:
    run = judged(RunPlan(header=dates("tt", off_s=3600.0)))
    assert codes(run) == ["D202"]
    assert "DATE-OBS is +3600 s from the GTI" in [f.message for f in run.findings]


@pytest.mark.parametrize("text", ["", "not a date", "2020-13-45"])
def test_date_strings_that_are_none_do_not_matter(judged: Judge, text: str) -> None:
    assert codes(judged(RunPlan(header={"DATE-OBS": text, "TIME-OBS": "x"}))) == []


def test_an_exposure_that_is_not_the_sum_of_the_gti(judged: Judge) -> None:
    run = judged(RunPlan(header={"ONTIME": 1000.0, "LIVETIME": 900.0}))
    assert run.times.ontime_s == 1800.0
    assert codes(run) == ["D217"]
    assert "ONTIME = 1000 s, good time intervals 1800 s" in run.findings[0].message


def test_timesys_missing(judged: Judge) -> None:
    run = judged(RunPlan(header={"TIMESYS": None}))
    assert run.times.system == "TT"
    assert codes(run) == ["D203"]


@pytest.mark.parametrize("of", ["GTI", "EVENTS"])
def test_one_time_reference_is_no_number(judged: Judge, of: str) -> None:
    plan = RunPlan(header={"MJDREFI": "abc"}, gti_header={"MJDREFI": 59000})
    if of == "GTI":
        plan = RunPlan(gti_header={"MJDREFI": "abc"})
    run = judged(plan)
    assert run.times.intervals[0].start_tt == pytest.approx(59000 + 1000 / 86400)
    messages = [f.message for f in run.findings if f.code == "D211"]
    text = f"MJDREFI of {of} is 'abc', which is no number: the rest was taken"
    assert messages == [text]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"TIMESYS": "LOCAL"}, "TIMESYS of GTI is 'LOCAL', none of TT, UTC"),
        ({"MJDREFI": None, "MJDREFF": None}, "MJDREFI is missing in GTI and EVENTS"),
        ({"MJDREFI": "abc"}, "MJDREFI of GTI is 'abc', which is no number; MJDREFI of"),
        ({"MJDREFF": "abc"}, "MJDREFF of GTI is 'abc', which is no number"),
        ({"MJDREFI": 0}, "MJDREF and GTI place the run at MJD 0.0"),
        ({"MJDREFI": 999999}, "place the run at MJD"),
    ],
)
def test_runs_that_cannot_be_placed_in_time(
    judged: Judge, header: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadData) as caught:
        judged(RunPlan(header=header))
    assert caught.value.data_code == "D204"
    assert words in caught.value.text


@pytest.mark.parametrize(
    ("gti", "code", "words"),
    [
        (None, "D104", "there is no GTI table"),
        ((), "D104", "the GTI table has no rows"),
        (((1000.0, np.nan),), "D114", "no finite bounds"),
        (((2800.0, 1000.0),), "D114", "ends before it starts"),
        (((1000.0, 2000.0), (1500.0, 2800.0)), "D114", "overlap"),
    ],
)
def test_good_times_that_cannot_be_used(
    judged: Judge, gti: Any, code: str, words: str
) -> None:
    with pytest.raises(BadData) as caught:
        judged(RunPlan(gti=gti))
    assert caught.value.data_code == code
    assert words in caught.value.text


# --- names ---------------------------------------------------------------------------


def test_obs_id_as_text(judged: Judge) -> None:
    run = judged(RunPlan(obs_id="111630"))
    assert run.obs_id == "111630"
    assert codes(run) == ["D206"]


@pytest.mark.parametrize(
    "obs_id", [None, "", "two words", "x" * 65, "'; DROP TABLE obs; --", "a/../b", "#?"]
)
def test_obs_ids_that_cannot_be_used(judged: Judge, obs_id: str | None) -> None:
    with pytest.raises(BadData) as caught:
        judged(RunPlan(obs_id=obs_id))
    assert caught.value.data_code == "D113"
    assert "OBS_ID" in caught.value.text


def test_hostile_text_is_kept_as_text(judged: Judge) -> None:
    sql = "x'; DROP TABLE cta.product; --"
    markup = "<script>alert(1)</script>"
    run = judged(RunPlan(header={"OBJECT": sql, "OBSERVER": markup}))
    assert run.object_name == sql
    assert run.observer == markup


def test_long_text_is_shortened(judged: Judge) -> None:
    run = judged(RunPlan(header={"OBSERVER": "many " * 300}))
    assert run.observer is not None
    assert len(run.observer) == 500
    assert "D215" in codes(run)


def test_text_that_is_not_ascii_and_cards_that_cannot_be_read(tmp_path: Path) -> None:
    path = RunPlan().write(tmp_path / "cards.fits")
    content = path.read_bytes()
    for keyword, card in (
        (b"OBSERVER=", "OBSERVER= 'Müller'".encode()),
        (b"ALTITUDE=", b"ALTITUDE= high up"),
        (b"EV_CLASS=", b"OBJECT  = 'another'"),
    ):
        place = content.index(keyword)
        content = content[:place] + card.ljust(80)[:80] + content[place + 80 :]
    path.write_bytes(content)
    run = check(Reader().read(find(path).runs[0]))
    assert run.observer == "Müller"
    assert run.array.altitude is None
    messages = {f.code: f.message for f in run.findings}
    assert messages == {"D212": "OBSERVER", "D213": "OBJECT", "D214": "ALTITUDE"}


# --- the index -----------------------------------------------------------------------


def indexed(tmp_path: Path, rows: dict[str, list[Any]], plan: RunPlan) -> Run:
    plan.write(tmp_path / "run.fits")
    write_indexes(tmp_path, {5: "run.fits"}, rows)
    found = find(tmp_path)
    return check(Reader(found.files).read(found.runs[0]))


def test_the_target_name_of_the_index_comes_first(tmp_path: Path) -> None:
    run = indexed(tmp_path, {"TARGET_NAME": ["MSH 15-52"]}, RunPlan(obs_id=5))
    assert run.sky.target_name == "MSH 15-52"
    assert run.object_name == "Test source"


def test_times_of_the_index_are_never_used(tmp_path: Path) -> None:
    rows = {"TSTART": [5.0], "TSTOP": [6.0], "TMID": [5.5]}
    run = indexed(tmp_path, rows, RunPlan(obs_id=5))
    assert run.times.intervals[0].start_met == 1000.0
    assert codes(run) == []


def test_the_index_fills_what_the_header_lacks(tmp_path: Path) -> None:
    plan = RunPlan(obs_id=5, header={"MUONEFF": 0.9})
    run = indexed(tmp_path, {"TRGRATE": [310.0], "MUONEFF": [0.1]}, plan)
    assert run.ambient.trigger_rate == 310.0
    assert run.ambient.muon_efficiency == 0.9


def test_obs_id_of_the_index_wins(tmp_path: Path) -> None:
    run = indexed(tmp_path, {}, RunPlan(obs_id=6))
    assert run.obs_id == "5"
    assert [f.message for f in run.findings] == ["OBS_ID = '6', in the index 5"]
    assert codes(run) == ["D209"]
