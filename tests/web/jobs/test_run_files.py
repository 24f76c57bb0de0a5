"""Whole jobs on files that are wrong: corrected headers, bytes that are gone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.ingest.test_mend import override

from distiller.core.files import sha256
from distiller.ingest import Options, ingest
from distiller.vo.uws import Phase
from distiller.web import site
from distiller.web.pages.dataset import record

from .conftest import AUTHORITY

if TYPE_CHECKING:
    from distiller.vo.uws import Job

pytestmark = pytest.mark.slow

RUN = "sim_001001.fits"
PARAMETERS = """
SELECT a.activity_id, p.name, p.parameter_value
FROM provenance.parameter AS p
JOIN provenance.was_configured_by AS c ON c.parameter_id = p.parameter_id
JOIN provenance.activity AS a ON a.activity_id = c.activity_id
WHERE p.name LIKE 'header_corrections%'
"""


@pytest.fixture
def run_file(yard: Any, runs: Path, tmp_path: Path) -> Path:
    """Take in one run whose RA_PNT is corrected, as a collection of its own."""
    folder = tmp_path / "own"
    folder.mkdir()
    path = Path(shutil.copy(runs / "data" / RUN, folder))
    said = tmp_path / "own.toml"
    said.write_text(override(keyword="RA_PNT", value=83.25))
    report = ingest([folder], yard.archive, AUTHORITY, Options(settings=said))
    assert report.counts["added"] == 1
    return path


def done(yard: Any) -> Job:
    yard.supervisor(real=True)
    pairs = [("obs", f"ivo://{AUTHORITY}/own?1001"), ("target", "Crab")]
    made = yard.service.create("count_map", pairs, owner="marie")
    job: Job = yard.until(yard.service.run(made.job_id))
    return job


def test_what_was_corrected_is_part_of_the_history(yard: Any, run_file: Path) -> None:
    job = done(yard)
    assert (job.phase, job.error) == (Phase.COMPLETED, None)
    record = yard.service.result_path(job.job_id, "configuration").read_text()
    (named,) = yaml.safe_load(record)["inputs"]
    assert named["sha256"] == sha256(run_file)
    (one,) = named["header_corrections"]
    assert (one["keyword"], one["value"], one["reason"]) == ("RA_PNT", 83.25, "r")
    (row,) = yard.archive.rows(PARAMETERS)
    assert row["activity_id"].endswith("/count_map")
    assert row["name"] == f"header_corrections of ivo://{AUTHORITY}/own?1001"
    words = f"RA_PNT of EVENTS in {RUN} is 83.25, was {one['former']}: r"
    assert row["parameter_value"] == words


def test_a_run_that_was_cut_off_is_named(yard: Any, run_file: Path) -> None:
    run_file.write_bytes(run_file.read_bytes()[:20_000])
    job = done(yard)
    assert job.phase is Phase.ERROR
    assert job.error is not None
    assert job.error.message == (
        f"U600 D107 {RUN}: the events file of run 1001 (ivo://{AUTHORITY}/own?1001) is "
        "cut off, which it was not when it was ingested (choose other runs, or tell "
        "the operators; `distiller check --files` lists such files)"
    )


def test_the_page_of_a_run_shows_what_is_corrected(yard: Any, run_file: Path) -> None:
    (row,) = yard.archive.rows(
        "SELECT product_id FROM cta.product_file WHERE path = ?", [str(run_file)]
    )
    site.install(site.Site(settings=yard.home, archive=yard.archive, jobs=yard.service))
    try:
        found = record.find(row["product_id"])
    finally:
        site.install(None)
    (group,) = (one for one in found.groups if one.key == "header_correction")
    assert group.title == "Header corrections"
    shown = dict(
        zip((h.name for h in group.heads), (c.text for c in group.rows[0]), strict=True)
    )
    assert (shown["keyword"], shown["correct_value"]) == ("RA_PNT", "83.25")
    assert shown["reason"] == "r"
