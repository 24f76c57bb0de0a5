"""Headers that would only fail in a job: refused or told when they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from astropy.io import fits
from tests.ingest.conftest import RunPlan, write_indexes
from tests.ingest.loading import load, refused, said

from distiller.ingest.find import find
from distiller.ingest.gadf import Reader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distiller.archive import Archive
    from distiller.ingest.run import Run


pytestmark = pytest.mark.slow


def codes(run: Run) -> set[str]:
    return {one.code for one in run.findings}


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"TUNIT4": None}, "D237"),
        ({"MJDREFI": None, "MJDREFF": None}, "D239"),
        ({"TIMESYS": None}, "D239"),
        ({"TSTART": 9000.0, "TSTOP": 9900.0}, "D240"),
        ({"DEADC": None}, "D241"),
        ({"TELESCOP": None}, "D242"),
        ({"INSTRUME": "N/A"}, "D242"),
    ],
)
def test_what_a_job_would_miss_is_told(
    judged: Callable[[RunPlan], Run], tmp_path: Path, header: dict[str, Any], code: str
) -> None:
    assert code not in codes(judged(RunPlan()))
    times = {"MJDREFI": 59000, "MJDREFF": 0.0, "TIMESYS": "TT"}
    plan = RunPlan(header=header, gti_header=times)
    if "TUNIT4" not in header:
        assert code in codes(judged(plan))
        return
    path = plan.write(tmp_path / "unit.fits")
    fits.delval(path, "TUNIT4", "EVENTS")

    raw = Reader().read(find(path).runs[0])
    assert [one.code for one in raw.findings] == ["D237"]


def test_no_events(judged: Callable[[RunPlan], Run]) -> None:
    assert "D238" in codes(judged(RunPlan(n_events=0)))


@pytest.mark.parametrize(
    ("unit", "code"),
    [("furlong", "D131"), ("deg", "D131"), ("GeV", None), ("TEV", None)],
)
def test_the_unit_of_energy(
    archive: Archive, tmp_path: Path, unit: str, code: str | None
) -> None:
    path = RunPlan().write(tmp_path / "set" / "run.fits")
    fits.setval(path, "TUNIT4", value=unit, extname="EVENTS")
    assert refused(load(archive, path)).get("run.fits") == code


@pytest.mark.parametrize(
    ("header", "ra"),
    [
        ({"RA_PNT": 483.6}, 83.0),
        ({"DEC_PNT": 122.0}, 83.0),
        ({"RA_PNT": "left"}, 83.0),
        ({"RA_PNT": 90.0}, 90.0),
    ],
)
def test_a_pointing_that_differs_from_the_index(
    archive: Archive, tmp_path: Path, header: dict[str, Any], ra: float
) -> None:
    RunPlan(header=header).write(tmp_path / "set" / "run_1.fits")
    rows: dict[str, list[Any]] = {"RA_PNT": [83.0], "DEC_PNT": [22.514]}
    write_indexes(tmp_path / "set", {1: "run_1.fits"}, rows)
    assert len(said(load(archive, tmp_path / "set"), "D243")) == 1
    (row,) = archive.rows("SELECT ra FROM cta.pointing")
    assert row["ra"] == ra


def test_a_drift_scan_looks_to_the_zenith(judged: Callable[[RunPlan], Run]) -> None:
    header = {"OBS_MODE": "DRIFT", "RA_PNT": None, "DEC_PNT": None}
    run = judged(RunPlan(header={**header, "ALT_PNT": 90.0, "AZ_PNT": 0.0}))
    assert (run.sky.alt, run.sky.az, run.sky.ra) == (90.0, 0.0, None)
    assert not {"D210", "D201"} & codes(run)


@pytest.mark.parametrize("name", ["N/A", "undefined", "Cr\x07ab", "x" * 700])
def test_names_of_the_index_are_cleaned(
    archive: Archive, tmp_path: Path, name: str
) -> None:
    RunPlan().write(tmp_path / "set" / "run_1.fits")
    write_indexes(tmp_path / "set", {1: "run_1.fits"}, {"TARGET_NAME": [name]})
    load(archive, tmp_path / "set")
    (row,) = archive.rows("SELECT target_name FROM ivoa.obscore")
    wanted = {"Cr\x07ab": "Cr ab", "x" * 700: "x" * 500}
    assert row["target_name"] == wanted.get(name, "Test source")
