"""Every code is documented, used, and says what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from distiller.ingest import findings
from distiller.ingest.findings import CODES, Finding, reference
from distiller.ingest.report import OUTCOMES, Report

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "distiller" / "ingest"
_NONE = dict.fromkeys(OUTCOMES, 0)
CODE = re.compile(r"\"(D\d{3})\"")


def test_the_reference_is_up_to_date() -> None:
    assert (ROOT / "docs" / "reference" / "findings.md").read_text() == reference()


def used() -> set[str]:
    own = Path(findings.__file__)
    texts = [p.read_text() for p in SOURCES.glob("*.py") if p != own]
    return {code for text in texts for code in CODE.findall(text)}


def test_every_code_of_the_room_is_in_the_table_and_used() -> None:
    assert used() == set(CODES)


def test_every_code_is_provoked_by_a_test() -> None:
    texts = [p.read_text() for p in Path(__file__).parent.glob("test_*.py")]
    provoked = {code for text in texts for code in CODE.findall(text)}
    assert set(CODES) - provoked == set()


@pytest.mark.parametrize("code", CODES.values(), ids=lambda c: c.code)
def test_every_code_says_what_to_do(code: findings.Code) -> None:
    assert code.title
    assert code.title[-1] != "."
    assert code.advice.endswith(".")
    assert code.severity in {"error", "warning", "note"}


def test_a_report_groups_by_code_errors_first() -> None:
    report = Report(collections=["x"])
    report.counts["added"] = 2
    report.add(
        [
            *(Finding("D201", f"N_TELS = {n}", f"{n}.fits", str(n)) for n in range(8)),
            Finding("D107", "ends inside EVENTS", "cut.fits"),
        ]
    )
    text = report.as_text()
    assert text.startswith("x: 2 added, 0 replaced, 0 unchanged, 1 refused")
    assert text.index("D107 error: truncated (1)") < text.index("D201 note")
    assert "- cut.fits: ends inside EVENTS" in text
    assert "and 3 more" in text
    as_json = report.as_json()
    assert as_json["refused"] == 1
    found = as_json["findings"]
    assert isinstance(found, list)
    assert [(group["code"], len(group["items"])) for group in found] == [
        ("D107", 1),
        ("D201", 8),
    ]


def test_a_report_has_sums_for_each_of_several_collections() -> None:
    report = Report()
    report.add([Finding("D102", "there is no such file", "nowhere")])
    for name in ("x", "y"):
        report.begin(name)
        report.count("added", name)
        # A file that both have: refused in each, once.
        for run in ("1", "2"):
            report.add([Finding("D121", "is cut", "irf.fits", run)], collection=name)
    report.count("withheld", "y")
    files = "refused (responses, indexes)"
    sums = "added, 0 replaced, 0 unchanged"
    assert report.as_text().splitlines()[:3] == [
        f"x, y: 2 {sums}, 1 refused, 1 withheld; besides 2 files {files} (0.0 s)",
        f"  x: 1 {sums}, 0 refused; besides 1 file {files}",
        f"  y: 1 {sums}, 0 refused, 1 withheld; besides 1 file {files}",
    ]
    assert report.as_json()["by_collection"] == {
        "x": {**_NONE, "added": 1, "refused_files": 1},
        "y": {**_NONE, "added": 1, "refused_files": 1, "withheld": 1},
    }
    assert report.refused == 3
