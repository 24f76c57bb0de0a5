"""Damaged files and indexes end in an answer, whatever the damage."""

from __future__ import annotations

import gzip
import random
from typing import TYPE_CHECKING, Any

import pytest
from tests.ingest.conftest import RunPlan, gunzipped, no_responses
from tests.ingest.loading import counts, load, obs_ids, refused, said

from distiller.ingest import Options, Report, gadf, ingest, loader
from distiller.ingest.checks import check

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.archive import Archive
    from distiller.ingest.run_settings import RunSettings

pytestmark = pytest.mark.slow


def test_a_table_whose_first_card_is_damaged_is_not_lost_in_silence(
    archive: Archive, tmp_path: Path
) -> None:
    path = RunPlan().write(tmp_path / "run.fits")
    content = bytearray(path.read_bytes())
    last = content.rfind(b"XTENSION")
    content[last] ^= 1
    path.write_bytes(bytes(content))
    report = load(archive, tmp_path)
    assert refused(report) == {"run.fits": "D109"}
    assert 'begins with "YTENSION=' in said(report, "D109")[0]


def test_padding_at_the_end_is_no_damage(archive: Archive, tmp_path: Path) -> None:
    path = RunPlan().write(tmp_path / "run.fits")
    path.write_bytes(path.read_bytes() + bytes(2880 * 3))
    assert counts(load(archive, path)) == {"added": 1}


def test_a_table_without_its_data_is_refused(archive: Archive, tmp_path: Path) -> None:
    path = RunPlan(responses=no_responses).write(tmp_path / "run.fits")
    content = path.read_bytes()
    place = content.index(b"GCOUNT  =", content.index(b"'GTI"[:4]) - 2880)
    card = b"GCOUNT  =                    0".ljust(80)
    path.write_bytes(content[:place] + card + content[place + 80 :])
    report = load(archive, path)
    assert refused(report)["run.fits"] in {"D109", "D107"}


def test_of_several_event_tables_the_first_is_taken_and_it_is_said(
    archive: Archive, tmp_path: Path
) -> None:
    hdus = RunPlan(obs_id=1).hdus()
    hdus.append(RunPlan(obs_id=2).hdus()["EVENTS"])
    hdus.writeto(tmp_path / "run.fits")
    report = load(archive, tmp_path / "run.fits")
    assert obs_ids(archive) == ["1"]
    assert said(report, "D129") == ["2 tables; the first was taken"]


def test_an_index_with_any_flipped_bit_ends_in_an_answer(
    archive: Archive, gadf_set: Path
) -> None:
    index = gadf_set / "hdu-index.fits.gz"
    good = gunzipped(index)
    dice = random.Random(2026)  # noqa: S311 - to repeat, not to hide
    for _ in range(150):
        content = bytearray(good)
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        index.write_bytes(gzip.compress(bytes(content), 1))
        report = Report()
        ingest([gadf_set], archive, "org.example", Options(), report)
        assert sum(report.counts.values()) >= 1
    assert archive.check() == []
    index.write_bytes(gzip.compress(good))
    load(archive, gadf_set)
    assert {"1", "2", "3"} <= set(obs_ids(archive))


def test_what_is_not_foreseen_ends_at_the_edge_of_its_run(
    archive: Archive, gadf_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = check

    def faulty(raw: gadf.RawRun, said: RunSettings) -> Any:
        if raw.index_obs_id == "2":
            raise RuntimeError("nobody thought of this")
        return real(raw, said)

    monkeypatch.setattr(loader, "check", faulty)
    report = load(archive, gadf_set)
    assert counts(report) == {"added": 2, "refused": 1}
    assert refused(report) == {"run_2.fits.gz": "D119"}
    assert said(report, "D119") == ["RuntimeError: nobody thought of this"]
