"""Overrides change what they name, or say that they change nothing."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.ingest.conftest import RunPlan, no_responses, write_indexes

from distiller.archive import open_archive
from distiller.ingest import Options, Report, ingest
from distiller.ingest.checks import check
from distiller.ingest.find import find
from distiller.ingest.gadf import RawRun, Reader
from distiller.ingest.keywords import ASKED, is_asked
from distiller.ingest.to_rows import Target, to_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from distiller.archive import Archive
    from distiller.core.settings import Settings


pytestmark = pytest.mark.slow


@pytest.fixture
def archive(tmp_home: Settings, empty_file: Path) -> Iterator[Archive]:
    shutil.copy(empty_file, tmp_home.archive_path)
    with open_archive(tmp_home) as opened:
        yield opened


def override(**given: object) -> str:
    lines = [f"{name} = {value!r}" for name, value in given.items()]
    return "\n".join(["[[override]]", *lines, "reason = 'r'", ""])


def load(archive: Archive, folder: Path, text: str) -> Report:
    file = folder.parent / "given.toml"
    file.write_text(text)
    return ingest([folder], archive, "org.example", Options(settings=file))


def told(report: Report) -> list[tuple[str, str]]:
    return [(f.code, f.message) for f in report.findings if f.code in {"D230", "D244"}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "one"
    RunPlan(obs_id=1).write(made / "run.fits")
    rows: dict[str, list[Any]] = {
        "TARGET_NAME": ["Wrong"],
        "SAFE_ENERGY_LO": [1.0],
        "SAFE_ENERGY_HI": [9.0],
    }
    write_indexes(made, {1: "run.fits"}, rows)
    return made


def test_thresholds_stand_in_the_effective_area(archive: Archive, folder: Path) -> None:
    text = override(table="AEFF", keyword="LO_THRES", value=2.0)
    text += override(table="AEFF", keyword="HI_THRES", value=50)
    report = load(archive, folder, text)
    assert told(report) == [
        ("D230", "LO_THRES of AEFF is 2.0, was 0.5: r"),
        ("D230", "HI_THRES of AEFF is 50, was 80.0: r"),
    ]
    rows = archive.rows("SELECT energy_min, energy_max FROM cta.product")
    assert rows == [{"energy_min": 2.0, "energy_max": 50.0}]


def test_columns_of_the_index_are_mended(archive: Archive, folder: Path) -> None:
    text = override(table="INDEX", keyword="TARGET_NAME", value="Crab Nebula")
    text += override(table="INDEX", keyword="SAFE_ENERGY_LO", value=3.0)
    text += override(table="AEFF", keyword="LO_THRES", drop=True).replace(
        "True", "true"
    )
    text = text.replace("[[override]]", "[rename.target]\n'CRAB' = []\n[[override]]", 1)
    report = load(archive, folder, text)
    assert ("D230", "TARGET_NAME of INDEX is 'Crab Nebula', was 'Wrong': r") in told(
        report
    )
    rows = archive.rows("SELECT target_name, energy_min, energy_max FROM cta.product")
    assert rows == [
        {"target_name": "Crab Nebula", "energy_min": 3.0, "energy_max": 9.0}
    ]
    assert load(archive, folder, text).counts["unchanged"] == 1


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"keyword": "RAD_MAXX", "table": "AEFF"}, "did you mean RAD_MAX"),
        ({"keyword": "LO_THRES"}, 'did you mean table = "AEFF"'),
        ({"keyword": "TIMESIS", "table": "GTI"}, "did you mean TIMESYS"),
        ({"keyword": "QQQ", "table": "GTI"}, "of GTI the ingest asks for MJDREF, "),
        ({"keyword": "RAD_MAX", "table": "BKG"}, "the run has no BKG"),
        ({"keyword": "OBJECT", "table": "INDEX"}, "the header of the events has it"),
    ],
)
def test_an_override_without_effect_is_told(
    archive: Archive, folder: Path, given: dict[str, str], why: str
) -> None:
    report = load(archive, folder, override(value=1, **given))
    ((code, message),) = told(report)
    assert code == "D244"
    assert message.startswith(f"{given['keyword']} of {given.get('table', 'EVENTS')}: ")
    assert why in message
    assert archive.rows("SELECT code FROM cta.finding") == [{"code": "D244"}]


class _Watched(dict[str, Any]):
    """Values that remember what they were asked for."""

    def __init__(self, values: Mapping[str, Any], asked: set[str]) -> None:
        super().__init__(values)
        self._asked = asked

    def get(self, key: str, default: Any = None) -> Any:
        self._asked.add(key)
        return super().get(key, default)


def test_what_is_asked_of_each_table_is_known(tmp_path: Path) -> None:
    """A reader of a new keyword must name it, or overrides of it would be refused."""
    structure = {"TFIELDS", "NAXIS2", "EXTNAME"}
    asked: dict[str, set[str]] = {name: set() for name in ASKED}
    empty: dict[str, Any] = {
        "MJDREFI": 59000,
        "MJDREFF": 0.0,
        "TIMESYS": "TT",
        "OBS_ID": 1,
    }
    for plan in (RunPlan(), RunPlan(responses=no_responses)):
        raw = Reader().read(find(plan.write(tmp_path / "run.fits")).runs[0])
        for events in (dict(raw.events.values), empty):
            run = check(_watched(raw, events, asked))
            to_bundle(run, Target("org.example", "c"), "00")
    # Not reached: the dates and names that go with one that is missing here.
    for table, found in asked.items():
        unknown = {name for name in found - structure if not is_asked(name, table)}
        assert unknown == set(), table
    never = ASKED["EVENTS"] - asked["EVENTS"]
    assert never <= {"TIME-OBS", "TIME_OBS", "TIME-END", "TIME_END", "NMCIDS"}
    assert ASKED["INDEX"] - asked["INDEX"] == set()
    assert ASKED["GTI"] - asked["GTI"] == set()
    assert ASKED["AEFF"] - asked["AEFF"] <= {"HI_THRES"}


def _watched(raw: RawRun, events: dict[str, Any], asked: dict[str, set[str]]) -> RawRun:
    return replace(
        raw,
        events=replace(raw.events, values=_Watched(events, asked["EVENTS"])),
        gti=replace(raw.gti, values=_Watched(raw.gti.values, asked["GTI"])),
        index_row=_Watched(raw.index_row, asked["INDEX"]),
        responses=tuple(
            replace(
                one,
                header=replace(
                    one.header,
                    values=_Watched(
                        one.header.values, asked[one.response_type.upper()]
                    ),
                ),
            )
            for one in raw.responses
        ),
    )
