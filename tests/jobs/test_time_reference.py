"""A job understands the time reference of a run as the archive does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.io import fits
from tests.ingest.conftest import RunPlan, no_responses

from distiller.analysis import events
from distiller.archive import open_archive
from distiller.core.rights import NOBODY
from distiller.ingest import Options, ingest
from distiller.jobs.inputs import resolve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow

Cards = dict[str, Any]
WHOLE: Cards = {"MJDREFI": 59000, "MJDREFF": 0.25}
NONE: Cards = {}
CASES: dict[str, tuple[Cards, Cards]] = {
    "one keyword": ({"MJDREF": 59000.25}, {"MJDREF": 59000.25}),
    "one keyword in GTI only": (NONE, {"MJDREF": 59000.25}),
    "one keyword in EVENTS only": ({"MJDREF": 59000.25}, NONE),
    "one keyword and two": ({"MJDREF": 59000.25}, WHOLE),
    "one keyword as text": ({"MJDREF": "59000.25"}, {"MJDREF": "59000.25 "}),
    "one keyword beside a blank": ({**WHOLE}, {"MJDREFI": " ", "MJDREF": 59000.25}),
    "a part in one table": (WHOLE, {"MJDREFI": 59000}),
    "a part in the other table": ({"MJDREFI": 59000}, WHOLE),
    "only a part": ({"MJDREFF": 0.25}, WHOLE),
    "whole days with a part": ({"MJDREFI": 59000.25}, {"MJDREFI": 59000.25}),
    "two keywords before one": ({**WHOLE, "MJDREF": 1.0}, {**WHOLE, "MJDREF": 1.0}),
}


def run_file(path: Path, of_events: Cards, of_gti: Cards) -> Path:
    plan = RunPlan(obs_id=7, responses=no_responses, header={"TIMESYS": "UTC"})
    hdus = plan.hdus()
    for table, cards in (("EVENTS", of_events), ("GTI", of_gti)):
        header = hdus[table].header
        del header["MJDREFI"], header["MJDREFF"]
        header.update(cards)
    path.parent.mkdir()
    hdus.writeto(path)
    return path


@pytest.mark.parametrize("name", CASES)
def test_the_times_of_a_job_are_those_of_the_archive(
    make_home: Callable[..., Settings], tmp_path: Path, name: str
) -> None:
    path = run_file(tmp_path / "set" / "run.fits", *CASES[name])
    right = run_file(tmp_path / "right" / "run.fits", WHOLE, WHOLE)
    with open_archive(make_home(installed=True)) as archive:
        for folder in (path.parent, right.parent):
            report = ingest([folder], archive, "org.example", Options())
            assert report.refused == 0, report.findings
        found, wanted = (
            resolve(archive, [f"ivo://org.example/{did}?7"], NOBODY)[0][0]
            for did in ("set", "right")
        )
        rows = archive.rows("SELECT DISTINCT t_start, t_stop FROM cta.gti")
    read, known = events.read(found), events.read(wanted)
    assert (read.time == known.time).all()
    assert read.time.scale == "utc"
    (row,) = rows
    np.testing.assert_allclose(read.good_mjd[0], list(row.values()), atol=1e-9)


@pytest.mark.parametrize("table", ["EVENTS", "GTI"])
def test_days_without_a_part_anywhere(
    make_home: Callable[..., Settings], tmp_path: Path, table: str
) -> None:
    """The other table has another reference, whose part is none of this one's."""
    days: dict[str, Cards] = {"EVENTS": WHOLE, "GTI": WHOLE, table: {"MJDREFI": 59001}}
    path = run_file(tmp_path / "set" / "run.fits", days["EVENTS"], days["GTI"])
    with open_archive(make_home(installed=True)) as archive:
        report = ingest([path.parent], archive, "org.example", Options())
        assert report.refused == 0, report.findings
        (found,), _ = resolve(archive, ["7"], NOBODY)
        (row,) = archive.rows("SELECT t_start, t_stop FROM cta.gti")
    read = events.read(found)
    np.testing.assert_allclose(read.good_mjd[0], list(row.values()), atol=1e-9)
    first = read.time[0].mjd if table == "EVENTS" else read.good_mjd[0, 0]
    assert first == pytest.approx(59001 + (table == "GTI") * 1000 / 86400, abs=1e-9)


def test_a_card_that_cannot_be_read(
    make_home: Callable[..., Settings], tmp_path: Path
) -> None:
    path = run_file(tmp_path / "set" / "run.fits", WHOLE, WHOLE)
    content = path.read_bytes()
    card = b"MJDREFI =                59000"
    assert content.count(card) == 2
    path.write_bytes(content.replace(card, b"MJDREFI = 59.0.0 @ 'abc       ", 1))
    with open_archive(make_home(installed=True)) as archive:
        report = ingest([path.parent], archive, "org.example", Options())
        assert report.refused == 0, report.findings
        (found,), _ = resolve(archive, ["7"], NOBODY)
    read = events.read(found)
    assert read.time[0].mjd == pytest.approx(59000.25, abs=1e-9)
    assert fits.getheader(path, "GTI")["MJDREFI"] == 59000
