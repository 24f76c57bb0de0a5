"""What the responses say of a run, and what is noted when they do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from tests.ingest.conftest import (
    RunPlan,
    aeff_hdu,
    edisp_hdu,
    no_responses,
    psf_hdu,
    write_indexes,
    write_table,
)

from distiller.core.errors import BadData
from distiller.ingest.checks import check
from distiller.ingest.find import find
from distiller.ingest.gadf import Reader
from distiller.ingest.run import Run

if TYPE_CHECKING:
    from pathlib import Path

Judge = Callable[[RunPlan], Run]


def codes(run: Run) -> list[str]:
    return sorted({finding.code for finding in run.findings})


@pytest.mark.parametrize(
    ("low", "high"), [(0.01, 100.0), (0.5, 10_000.0), (5.0, 2.0), (0.0, 50.0)]
)
def test_unphysical_thresholds_are_dropped(
    judged: Judge, low: float, high: float
) -> None:
    run = judged(RunPlan(responses=lambda: [aeff_hdu(LO_THRES=low, HI_THRES=high)]))
    assert run.performance.energy_min_tev == pytest.approx(0.1)
    assert run.performance.energy_max_tev == pytest.approx(100.0)
    assert codes(run) == ["D207", "D232", "D234"]
    assert [f.message for f in run.findings if f.code == "D232"] == ["0.1-100 TeV"]


def test_the_safe_range_of_the_index_comes_second(tmp_path: Path) -> None:
    plan = RunPlan(obs_id=5, responses=lambda: [aeff_hdu(LO_THRES=None, HI_THRES=None)])
    rows = {"SAFE_ENERGY_LO": [0.7], "SAFE_ENERGY_HI": [70.0]}
    plan.write(tmp_path / "run.fits")
    write_indexes(tmp_path, {5: "run.fits"}, rows, hdus=("EVENTS", "GTI", "AEFF"))
    run = check(Reader().read(find(tmp_path).runs[0]))
    assert run.performance.energy_min_tev == 0.7
    assert codes(run) == ["D234"]


def test_the_event_selection_comes_third(judged: Judge) -> None:
    selection = {"DSTYP2": "ENERGY", "DSUNI2": "TeV", "DSVAL2": "0.03:160"}
    plan = RunPlan(
        header=selection, responses=lambda: [aeff_hdu(LO_THRES=None, HI_THRES=None)]
    )
    run = judged(plan)
    assert run.performance.energy_min_tev == 0.03
    assert run.performance.energy_max_tev == 160.0
    assert codes(run) == ["D219", "D234"]


def test_no_responses_at_all(judged: Judge) -> None:
    run = judged(RunPlan(responses=no_responses))
    assert run.performance.fov_deg is None
    assert run.responses == ()
    assert codes(run) == ["D122", "D220"]


def test_responses_without_usable_values(judged: Judge) -> None:
    run = judged(RunPlan(responses=lambda: [aeff_hdu(), psf_hdu(0.0), edisp_hdu()]))
    assert run.performance.fwhm_arcsec is None
    assert [(f.code, f.message) for f in run.findings] == [("D222", "psf")]


def test_events_without_a_needed_column(judged: Judge) -> None:
    with pytest.raises(BadData) as caught:
        judged(RunPlan(columns=("TIME", "RA")))
    assert caught.value.data_code == "D112"
    assert "EVENTS has no column DEC, ENERGY" in caught.value.text


def test_responses_by_caldb_keywords(tmp_path: Path) -> None:
    keywords = {"CALDB": "1dc", "IRF": "South_z20_50h"}
    plan = RunPlan(obs_id=5, header=keywords, responses=no_responses)
    plan.write(tmp_path / "data" / "run.fits")
    irf = tmp_path / "caldb" / "data" / "cta" / "1dc" / "bcf" / "South_z20_50h"
    RunPlan(has_events=False, gti=None).write(irf / "irf_file.fits")
    found = find(tmp_path)
    run = check(Reader(found.files).read(found.runs[0]))
    assert {r.response_type for r in run.responses} == {"aeff", "psf", "edisp"}
    assert [(f.role, f.path.name) for f in run.files] == [
        ("events", "run.fits"),
        ("irf", "irf_file.fits"),
    ]
    assert (run.caldb, run.irf_name) == ("1dc", "South_z20_50h")


def test_a_response_file_of_the_index_that_is_missing(tmp_path: Path) -> None:
    RunPlan(obs_id=5, responses=no_responses).write(tmp_path / "run.fits")
    write_indexes(tmp_path, {5: "run.fits"}, hdus=("EVENTS", "GTI"))
    write_table(
        tmp_path / "hdu-index.fits.gz",
        {
            "OBS_ID": [5, 5],
            "HDU_TYPE": ["events", "aeff"],
            "FILE_NAME": ["run.fits", "irf.fits"],
            "HDU_NAME": ["EVENTS", "AEFF"],
        },
    )
    run = check(Reader().read(find(tmp_path).runs[0]))
    assert codes(run) == ["D121", "D122", "D220"]
    assert "D102: there is no such file" in run.findings[0].message
    assert run.findings[0].path.endswith("irf.fits")
