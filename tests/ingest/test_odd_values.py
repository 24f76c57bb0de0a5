"""Odd values in headers and tables: each is told, and stops no other run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.ingest.conftest import RunPlan, aeff_hdu, response_hdu, write_indexes
from tests.ingest.loading import counts, load, obs_ids, refused, said

from distiller.adql import translate
from distiller.archive import open_archive

if TYPE_CHECKING:
    from pathlib import Path

    from astropy.io import fits

    from distiller.archive import Archive
    from distiller.core.settings import Settings


pytestmark = pytest.mark.slow


def without_rad_hi() -> list[fits.BinTableHDU]:
    energy, theta = np.geomspace(0.1, 100, 4), np.array([0.0, 1.0, 2.0])
    rad = np.linspace(0, 0.5, 6)
    table = response_hdu(
        "PSF",
        ("RPSF", "PSF_TABLE"),
        {"ENERG": energy, "THETA": theta, "RAD": rad},
        {"RPSF": np.ones((5, 2, 3))},
    )
    table.columns.change_name("RAD_HI", "RAD_UP")
    return [aeff_hdu(), table]


ODD: dict[str, tuple[RunPlan, str | None]] = {
    "mjdref_huge": (RunPlan(obs_id=2, header={"MJDREFI": 9_999_999_999}), "D204"),
    "mjdref_1e30": (RunPlan(obs_id=2, header={"MJDREFI": 1e30}), "D204"),
    "mjdref_negative": (RunPlan(obs_id=2, header={"MJDREFI": -2_000_000}), "D204"),
    "gti_1e300": (RunPlan(obs_id=2, gti=((0.0, 1e300),)), "D204"),
    "gti_too_short": (RunPlan(obs_id=2, gti=((0.0, 1e-9),)), "D114"),
    "date_overflow": (
        RunPlan(obs_id=2, header={"DATE": "0001-01-01T00:00:00+14:00"}),
        None,
    ),
    "psf_without_rad_hi": (RunPlan(obs_id=2, responses=without_rad_hi), None),
    "obs_id_logical": (RunPlan(obs_id=True), "D113"),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_value_stops_no_other_run(
    archive: Archive, tmp_path: Path, name: str
) -> None:
    plan, code = ODD[name]
    folder = tmp_path / "set"
    RunPlan(obs_id=1, n_events=1).write(folder / "a.fits")
    plan.write(folder / "b.fits")
    RunPlan(obs_id=3, n_events=3).write(folder / "c.fits")
    report = load(archive, folder)
    expected = {"added": 2, "refused": 1} if code else {"added": 3}
    assert counts(report) == expected
    assert refused(report) == ({"b.fits": code} if code else {})


def test_whole_numbers_written_as_floats_are_obs_ids(
    archive: Archive, tmp_path: Path
) -> None:
    RunPlan(obs_id=20136.0).write(tmp_path / "set" / "a.fits")
    load(archive, tmp_path / "set")
    RunPlan(obs_id=7).write(tmp_path / "indexed" / "b.fits")
    write_indexes(tmp_path / "indexed", {7.0: "b.fits"})
    report = load(archive, tmp_path / "indexed")
    assert obs_ids(archive) == ["20136", "7"]
    assert said(report, "D209") == []


def test_good_times_in_days_are_read_in_days(archive: Archive, tmp_path: Path) -> None:
    plan = RunPlan(gti=((0.0, 0.0208333333333333),), header={"ONTIME": None})
    hdus = plan.hdus()
    for name in ("START", "STOP"):
        hdus["GTI"].columns.change_unit(name, "d")
    hdus.writeto(tmp_path / "run.fits")
    load(archive, tmp_path / "run.fits")
    (row,) = archive.rows("SELECT t_exptime FROM ivoa.obscore")
    assert row["t_exptime"] == pytest.approx(1800.0, abs=1e-6)
    hdus["GTI"].columns.change_unit("START", "furlong")
    hdus.writeto(tmp_path / "other.fits")
    report = load(archive, tmp_path / "other.fits")
    assert refused(report) == {"other.fits": "D114"}
    assert said(report, "D114") == ["START and STOP are in d and furlong"]


def test_the_time_reference_of_the_gti_is_completed_by_the_events(
    archive: Archive, tmp_path: Path
) -> None:
    plan = RunPlan(header={"MJDREFF": 0.25}, gti_header={"MJDREFF": None})
    load(archive, plan.write(tmp_path / "run.fits"))
    (row,) = archive.rows("SELECT t_start_tt FROM cta.observation")
    assert row["t_start_tt"] == pytest.approx(59000.25 + 1000 / 86400, abs=1e-9)


def test_references_that_differ_are_told(archive: Archive, tmp_path: Path) -> None:
    plan = RunPlan(gti_header={"MJDREFI": 59001, "TIMESYS": "UTC"})
    report = load(archive, plan.write(tmp_path / "run.fits"))
    assert said(report, "D226") == [
        "MJDREF of EVENTS is -86400 s from that of GTI",
        "TIMESYS of EVENTS is TT, of GTI UTC",
    ]


@pytest.mark.parametrize("tiny", [5e-324, -1e-320, 1e-310, 1e-200])
def test_coordinates_next_to_nothing_go_in_and_are_found(
    engine_home: Settings, tmp_path: Path, tiny: float
) -> None:
    """Their products are too small for a number, which PostgreSQL takes ill."""
    ra = abs(tiny)
    place = {"RA_PNT": ra, "DEC_PNT": tiny, "RA_OBJ": ra, "DEC_OBJ": tiny}
    RunPlan(header=place).write(tmp_path / "run.fits")
    with open_archive(engine_home) as archive:
        assert counts(load(archive, tmp_path / "run.fits")) == {"added": 1}
        assert archive.check() == []
        for condition in (
            f"1 = CONTAINS(POINT(s_ra, s_dec), CIRCLE({ra!r}, {tiny!r}, 1))",
            f"1 = INTERSECTS(s_region, CIRCLE({ra!r}, {tiny!r}, {ra!r}))",
            f"DISTANCE(POINT(s_ra, s_dec), POINT({-ra!r}, {tiny!r})) < 1e-9",
        ):
            asked = f"SELECT s_ra, s_dec FROM ivoa.obscore WHERE {condition}"
            made = translate(asked, archive.catalog, target=archive.target)
            assert archive.rows(made.sql) == [{"s_ra": ra, "s_dec": tiny}]
