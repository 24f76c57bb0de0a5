"""What overrides correct is kept with the run, as long as the settings say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.ingest.conftest import RunPlan, aeff_hdu, no_responses, write_indexes
from tests.ingest.test_mend import load, override

from distiller.archive import open_archive
from distiller.ingest.corrections import Override
from distiller.ingest.run_settings import RunSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distiller.archive import Archive
    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow

_ALL = """
SELECT h.number, h.header, f.name, h.hdu_name, h.keyword, h.correct_value, h.value_type,
       h.former_value, h.reason
FROM cta.header_correction AS h
LEFT JOIN cta.product_file AS f ON f.file_id = h.file_id
ORDER BY h.number
"""


@pytest.fixture
def archive(installed_home: Settings) -> Iterator[Archive]:
    with open_archive(installed_home) as opened:
        yield opened


def kept(archive: Archive) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in archive.rows(_ALL)]


def test_corrections_are_kept_header_by_header(
    archive: Archive, tmp_path: Path
) -> None:
    folder = tmp_path / "set"
    RunPlan(obs_id=1, responses=no_responses).write(folder / "run.fits")
    aeff_hdu().writeto(folder / "irf.fits")
    names = ["run.fits", "run.fits", "irf.fits"]
    write_indexes(
        folder, {1: "run.fits"}, {"TARGET_NAME": ["Wrong"]}, ("EVENTS", "GTI", "AEFF"),
        {"FILE_NAME": names},
    )  # fmt: skip
    text = "".join(
        [
            override(keyword="RA_PNT", value=83.25),
            override(keyword="N_TELS", value=3),
            override(keyword="N_TELS", value=2),
            override(table="GTI", keyword="TIMESYS", value="UTC"),
            override(table="INDEX", keyword="TARGET_NAME", value="Right"),
            override(table="AEFF", keyword="LO_THRES", value=1e-300 / 3),
            override(table="AEFF", keyword="EV_CLASS", value="x"),
            override(table="BKG", keyword="EV_CLASS", value="without effect"),
        ]
    )
    load(archive, folder, text)
    events, irf = ("run.fits", "EVENTS"), ("irf.fits", "AEFF")
    assert kept(archive) == [
        (1, "EVENTS", *events, "RA_PNT", "83.25", "real", "83.633", "r"),
        (2, "EVENTS", *events, "N_TELS", "3", "integer", "4", "r"),
        (3, "EVENTS", *events, "N_TELS", "2", "integer", "3", "r"),
        (4, "GTI", "run.fits", "GTI", "TIMESYS", "UTC", "text", "TT", "r"),
        (5, "INDEX", None, None, "TARGET_NAME", "Right", "text", "Wrong", "r"),
        (6, "AEFF", *irf, "LO_THRES", repr(1e-300 / 3), "real", "0.5", "r"),
        (7, "AEFF", *irf, "EV_CLASS", "x", "text", None, "r"),
    ]


def test_they_come_and_go_with_the_settings(archive: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    RunPlan(obs_id=1).write(folder / "run.fits")
    load(archive, folder, override(keyword="RA_PNT", value=83.25))
    (first,) = kept(archive)
    again = load(archive, folder, override(keyword="RA_PNT", value=83.25))
    assert again.counts["unchanged"] == 1
    assert kept(archive) == [first]
    text = override(keyword="DEC_PNT", drop=True).replace("True", "true")
    assert load(archive, folder, text).counts["replaced"] == 1
    ((_, _, _, _, *told),) = kept(archive)
    assert told == ["DEC_PNT", None, None, "22.514", "r"]
    assert load(archive, folder, "").counts["replaced"] == 1
    assert kept(archive) == []
    load(archive, folder, override(keyword="RA_PNT", value=83.25))
    assert len(kept(archive)) == 1
    assert archive.remove("ivo://org.example/set?1")
    assert kept(archive) == []


def test_only_runs_with_overrides_are_stored_anew_for_them() -> None:
    one = Override.model_validate({"keyword": "RA_PNT", "value": 1.0, "reason": "r"})
    assert RunSettings(overrides=(one,)).as_values()["corrections"] == "stored"
    assert "corrections" not in RunSettings().as_values()
