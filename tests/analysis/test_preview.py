"""The quick look: its numbers are plain counts, and any list of events gives one."""

from __future__ import annotations

import json
import struct
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.io import fits
from tests.ingest.conftest import RunPlan, no_responses

from distiller.analysis import events
from distiller.analysis.preview.measure import measure
from distiller.analysis.preview.numbers import PreviewNumbers
from distiller.analysis.preview.parameters import PreviewParameters
from distiller.analysis.preview.run import run
from distiller.analysis.products import InputDataset
from distiller.analysis.tasks import PREVIEW, TASKS, task
from distiller.core.errors import BadData, InternalError, NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.analysis.preview.measure import Look

pytestmark = pytest.mark.slow

RA, DEC = 83.633, 22.514  # where these runs point
SIZE = 4000


def draw_events(size: int = SIZE) -> dict[str, Any]:
    """Events around the pointing, in no order of time."""
    random = np.random.default_rng(7)
    return {
        "TIME": random.uniform(1000.0, 2800.0, size),
        "RA": RA + random.normal(0, 0.8, size),
        "DEC": DEC + random.normal(0, 0.8, size),
        "ENERGY": 10.0 ** random.normal(0, 0.4, size),
    }


def a_run(folder: Path, values: dict[str, Any] | None = None, **more: Any) -> Path:
    values = draw_events() if values is None else values
    plan = RunPlan(
        obs_id=7,
        n_events=len(values["TIME"]),
        values=values,
        responses=no_responses,
        **more,
    )
    return plan.write(folder / "run.fits")


def a_dataset(path: Path, **more: Any) -> InputDataset:
    return InputDataset(
        did="ivo://org.example/set?7",
        obs_id="7",
        collection="set",
        path=path,
        checksum="",
        **more,
    )


def parameters(**more: Any) -> PreviewParameters:
    given = {"obs": ["ivo://org.example/set?7"], "target": "Crab, run 7", "fov": 5.0}
    return PreviewParameters(**{**given, **more})


def look_at(path: Path, *, simulated: bool = False, **more: Any) -> Look:
    read = events.read(a_dataset(path))
    return measure(read, parameters(**more), simulated=simulated)


def size_of_png(content: bytes) -> tuple[int, int]:
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def make(folder: Path, dataset: InputDataset, **more: Any) -> PreviewNumbers:
    """Run the task; return the numbers that it wrote."""
    told: list[str] = []
    made = run(
        parameters(**more), [dataset], folder, lambda _part, text: told.append(text)
    )
    assert told == ["Reading the events", "Drawing"]
    picture, numbers = made.files
    assert size_of_png((folder / picture.name).read_bytes()) == (1000, 833)
    return PreviewNumbers.model_validate_json((folder / numbers.name).read_bytes())


def test_numbers_are_plain_counts(tmp_path: Path) -> None:
    values = draw_events()
    look = look_at(a_run(tmp_path), livetime=1700.0)
    assert look.field is not None
    assert look.energies is not None
    assert look.rate is not None
    assert look.offsets is not None
    numbers = look.numbers
    assert numbers.events == SIZE
    assert numbers.doubts == ()
    assert (numbers.ontime_s, numbers.livetime_s) == (1800.0, 1700.0)
    assert numbers.rate_hz == pytest.approx(SIZE / 1800.0)
    assert numbers.energy_median_tev == np.median(values["ENERGY"])
    assert numbers.energy_min_tev == values["ENERGY"].min()
    assert (numbers.centre, numbers.ra_deg, numbers.dec_deg) == ("header", RA, DEC)
    # Offsets by the law of cosines.
    ra, dec = np.radians(values["RA"] - RA), np.radians(values["DEC"])
    middle = np.radians(DEC)
    cosine = np.sin(dec) * np.sin(middle)
    cosine += np.cos(dec) * np.cos(middle) * np.cos(ra)
    offset = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    assert numbers.in_field == (offset <= 2.5).mean()
    rings = np.diff(-2 * np.pi * np.cos(np.radians(look.offsets.edges)))
    in_rings = look.offsets.values * rings * np.degrees(1) ** 2
    expected, _ = np.histogram(offset, look.offsets.edges)
    assert in_rings == pytest.approx(expected)
    # Every event once, in energy and, inside the map, on the sky.
    assert look.energies.values.sum() == SIZE
    assert np.log10(look.energies.edges) == pytest.approx(
        np.round(np.log10(look.energies.edges), 1)
    )
    x, y = look.field.wcs.wcs_world2pix(values["RA"], values["DEC"], 0)
    half = look.field.counts.shape[0] - 0.5
    inside = (x > -0.5) & (x < half) & (y > -0.5) & (y < half)
    assert look.field.counts.sum() == inside.sum() > 0.95 * SIZE
    cell = np.bincount(np.round(y[inside]).astype(int))
    assert look.field.counts.sum(axis=1)[: cell.size].tolist() == cell.tolist()
    # One rate a minute, all of it good time.
    assert np.diff(look.rate.hertz.edges) == pytest.approx(60.0)
    expected, _ = np.histogram(values["TIME"] - 1000.0, look.rate.hertz.edges)
    assert look.rate.hertz.values[:30] * 60.0 == pytest.approx(expected[:30], abs=0.1)


def test_a_preview_points_east_to_the_left(tmp_path: Path) -> None:
    values = draw_events(1) | {"RA": np.array([RA + 1.0]), "DEC": np.array([DEC])}
    field = look_at(a_run(tmp_path, values)).field
    assert field is not None
    ((row, column),) = np.argwhere(field.counts)
    middle = (field.counts.shape[0] - 1) / 2
    assert abs(row - middle) < 1
    assert column < middle


def test_good_times_with_gaps_and_overlaps(tmp_path: Path) -> None:
    values = draw_events()
    good = ((1900.0, 2800.0), (1000.0, 1300.0), (1200.0, 1600.0))
    look = look_at(a_run(tmp_path, values, gti=good))
    time = values["TIME"]
    inside = (time <= 1600) | (time >= 1900)
    assert look.numbers.ontime_s == pytest.approx(1500.0)
    assert look.numbers.outside_good_time == pytest.approx((~inside).sum(), abs=2)
    assert look.numbers.rate_hz == pytest.approx(inside.sum() / 1500.0, rel=1e-3)
    assert look.rate is not None
    assert look.rate.good_s.round().tolist() == [[0.0, 600.0], [900.0, 1800.0]]
    # No rate where there is no good time; the same level before and after.
    rates = look.rate.hertz.values
    edges = look.rate.hertz.edges
    silent = (edges[:-1] >= 600) & (edges[1:] <= 900)
    assert silent.any()
    assert np.isnan(rates[silent]).all()
    assert np.nanmax(rates) < 2 * np.nanmin(rates)


NOTHING = {name: np.array([]) for name in ("TIME", "RA", "DEC", "ENERGY")}
NAN = np.full(5, np.nan)
HARD: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("no events", NOTHING, {}, {"events": 0, "rate_hz": 0.0, "in_field": None}),
    (
        "no energies",
        draw_events(5) | {"ENERGY": NAN},
        {},
        {"without_energy": 5, "energy_median_tev": None, "rate_hz": 5 / 1800},
    ),
    (
        "no directions",
        draw_events(5) | {"RA": NAN, "DEC": NAN},
        {},
        {"without_direction": 5, "in_field": None, "energy_min_tev": ...},
    ),
    (
        "no times",
        draw_events(5) | {"TIME": NAN},
        {},
        {"without_time": 5, "outside_good_time": 0, "rate_hz": 0.0},
    ),
    (
        "nonsense here and there",
        draw_events(5)
        | {
            "ENERGY": np.array([-1.0, 0.0, np.inf, 1e-30, 1e30]),
            "DEC": np.array([95.0, -1e300, np.inf, DEC, -DEC]),
            "TIME": np.array([-1e9, 1e9, 1500.0, np.nan, 1600.0]),
        },
        {},
        {
            "without_energy": 5, "without_direction": 3, "without_time": 1,
            "outside_good_time": 2,
        },
    ),
    (
        "no good time",
        draw_events(5),
        {"gti": ()},
        {"ontime_s": 0.0, "rate_hz": None, "outside_good_time": 5, "t_min_mjd": None},
    ),
    (
        "good times that end before they begin",
        draw_events(5),
        {"gti": ((2800.0, 1000.0), (1500.0, 1500.0))},
        {"ontime_s": 0.0, "rate_hz": None},
    ),
    (
        "one instant of good time in years",
        draw_events(5),
        {"gti": ((1000.0, 1001.0), (1.0e8, 1.0e8 + 1))},
        {"ontime_s": 2.0},
    ),
    (
        "all at one place",
        draw_events(5) | {"RA": np.full(5, RA), "DEC": np.full(5, DEC)},
        {},
        {"in_field": 1.0},
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "more", "expected"),
    [case[1:] for case in HARD],
    ids=[case[0] for case in HARD],
)
def test_any_list_gives_a_picture(
    tmp_path: Path, values: dict[str, Any], more: dict[str, Any], expected: Any
) -> None:
    numbers = make(tmp_path, a_dataset(a_run(tmp_path, values, **more)))
    found = numbers.model_dump()
    for name, value in expected.items():
        if value is ...:
            assert found[name] is not None
        else:
            assert found[name] == pytest.approx(value), name


def test_where_it_points_if_the_header_does_not_say(tmp_path: Path) -> None:
    path = a_run(tmp_path, header={"RA_PNT": None, "DEC_PNT": None})
    there = make(tmp_path, a_dataset(path), ra=RA + 0.5, dec=DEC)
    assert (there.centre, there.ra_deg, there.dec_deg) == ("archive", RA + 0.5, DEC)
    alone = make(tmp_path, a_dataset(path))
    assert alone.centre == "events"
    assert alone.ra_deg == pytest.approx(RA, abs=0.1)
    assert alone.dec_deg == pytest.approx(DEC, abs=0.1)
    assert "of the events" in alone.words
    # Round the corner of the sky, too.
    values = draw_events()
    values["RA"] = (values["RA"] - RA) % 360
    path = a_run(tmp_path, values, header={"RA_PNT": None, "DEC_PNT": None})
    across = make(tmp_path, a_dataset(path)).ra_deg
    assert across is not None
    assert min(across, 360 - across) < 0.1
    nothing = a_run(tmp_path, NOTHING, header={"RA_PNT": None, "DEC_PNT": None})
    assert make(tmp_path, a_dataset(nothing)).centre is None


def test_a_field_that_nobody_knows_or_that_is_narrow(tmp_path: Path) -> None:
    path = a_run(tmp_path)
    open_field = look_at(path, fov=None)
    assert open_field.numbers.in_field is None
    # As of data with point-like responses: events beyond the field are shown as well.
    narrow = look_at(path, fov=0.8)
    assert narrow.numbers.field_radius_deg == 0.4
    for look in (open_field, narrow):
        assert look.field is not None
        assert look.field.counts.sum() > 0.85 * SIZE


def test_simulated_data_say_so(tmp_path: Path) -> None:
    path = a_run(tmp_path)
    pictures = []
    for simulated in (False, True):
        folder = tmp_path / str(simulated)
        folder.mkdir()
        numbers = make(folder, a_dataset(path, simulated=simulated))
        assert numbers.simulated is simulated
        assert ("(simulated)" in numbers.words) is simulated
        pictures.append((folder / "preview.png").read_bytes())
    assert pictures[0] != pictures[1]


def test_the_same_dataset_gives_the_same_bytes(tmp_path: Path) -> None:
    path = a_run(tmp_path)
    made = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        make(tmp_path / name, a_dataset(path))
        files = ("preview.png", "preview.json")
        made.append([(tmp_path / name / file).read_bytes() for file in files])
    assert made[0] == made[1]


@pytest.mark.parametrize(
    "label", ["A" * 100, "$\\frac{1}$ and $", "\u00c4 \u03b7 Car \u6708, run 1"]
)
def test_any_name_fits_on_the_picture(tmp_path: Path, label: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the font lacks letters of some names
        numbers = make(tmp_path, a_dataset(a_run(tmp_path)), target=label)
    assert numbers.label == label


def test_numbers_are_json_that_every_reader_takes(tmp_path: Path) -> None:
    make(tmp_path, a_dataset(a_run(tmp_path, NOTHING)))

    def refuse(text: str) -> None:
        raise AssertionError(text)

    text = (tmp_path / "preview.json").read_text()
    assert json.loads(text, parse_constant=refuse)["events"] == 0


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    path = a_run(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"'EVENTS  '", b"'NOTHING '"))
    with pytest.raises(BadData, match="has no table EVENTS"):
        make(tmp_path, a_dataset(path))
    two = [a_dataset(path), a_dataset(path)]
    with pytest.raises(InternalError, match="one dataset"):
        run(parameters(), two, tmp_path, lambda _part, _text: None)


def test_nobody_can_ask_for_it() -> None:
    assert PREVIEW.name not in TASKS
    with pytest.raises(NotFound):
        task(PREVIEW.name)


@pytest.mark.real_data
def test_a_real_run(hess: Path, tmp_path: Path) -> None:
    path = hess / "data" / "hess_dl3_dr1_obs_id_023523.fits.gz"
    numbers = make(tmp_path, a_dataset(path))
    with fits.open(path) as hdus:
        table = hdus["EVENTS"].data
        assert numbers.events == len(table) == 7613
        assert numbers.energy_median_tev == pytest.approx(np.median(table["ENERGY"]))
        assert numbers.ontime_s == pytest.approx(hdus["EVENTS"].header["ONTIME"])
    assert numbers.in_field == pytest.approx(0.830, abs=1e-3)
    assert numbers.words == (
        "Quick look of Crab, run 7: 7,613 events, 28.1 min of good time, 4.51 events "
        "per s, median energy 0.953 TeV, 83 % within 2.5 deg of the pointing; 1 "
        "outside the good time intervals."
    )
