"""Whatever a file, a name or a moment does: it is named, and the rest goes in."""

from __future__ import annotations

import gzip
import os
import random
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.io import fits
from tests.ingest.conftest import (
    RunPlan,
    aeff_hdu,
    cut_gzip,
    gunzipped,
    no_responses,
    response_hdu,
    write_indexes,
)

from distiller.archive import open_archive
from distiller.core.errors import BadData, IllegalState
from distiller.ingest import Options, Report, gadf, ingest, loader
from distiller.ingest.checks import check
from distiller.ingest.collection import NO_SETTINGS, RunSettings
from distiller.ingest.find import find
from distiller.ingest.loader import Loader
from distiller.ingest.to_rows import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from distiller.archive import Archive
    from distiller.core.bundle import Bundle, Stored
    from distiller.core.refusal import Refusal
    from distiller.core.settings import Settings


@pytest.fixture
def archive(tmp_home: Settings) -> Iterator[Archive]:
    with open_archive(tmp_home) as opened:
        yield opened


def load(archive: Archive, *paths: Path, **options: Any) -> Report:
    return ingest(paths, archive, "org.example", Options(**options))


def counts(report: Report) -> dict[str, int]:
    return {name: number for name, number in report.counts.items() if number}


def obs_ids(archive: Archive) -> list[str]:
    rows = archive.rows("SELECT obs_id FROM ivoa.obscore ORDER BY obs_id")
    return [row["obs_id"] for row in rows]


def refused(report: Report) -> dict[str, str]:
    return {Path(f.path).name: f.code for f in report.findings if f.severity == "error"}


def said(report: Report, code: str) -> list[str]:
    return [finding.message for finding in report.findings if finding.code == code]


# --- odd values ----------------------------------------------------------------------


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
    expected = {"added": 2, "skipped": 1} if code else {"added": 3}
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


# --- damaged structure ---------------------------------------------------------------


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
    assert counts(report) == {"added": 2, "skipped": 1}
    assert refused(report) == {"run_2.fits.gz": "D119"}
    assert said(report, "D119") == ["RuntimeError: nobody thought of this"]


# --- names and kinds of files --------------------------------------------------------


def test_names_that_are_not_utf8_are_refused_by_name(
    archive: Archive, gadf_set: Path
) -> None:
    for name in ("hdu-index.fits.gz", "obs-index.fits.gz"):
        (gadf_set / name).unlink()
    source = gadf_set / "data" / "run_1.fits.gz"
    shutil.copy(source, gadf_set / "data" / os.fsdecode(b"caf\xe9.fits.gz"))
    strange = Path(os.fsdecode(os.fsencode(gadf_set) + b"/d\xe9"))
    strange.mkdir()
    shutil.copy(source, strange / "run.fits.gz")
    report = load(archive, gadf_set)
    assert counts(report) == {"added": 3, "skipped": 2}
    assert refused(report) == {"caf\\xe9.fits.gz": "D116", "run.fits.gz": "D116"}
    report.as_text().encode()
    with pytest.raises(BadData, match="its name is not UTF-8"):
        load(archive, strange)


def test_pipes_and_circles_of_links_stop_nothing(
    archive: Archive, gadf_set: Path
) -> None:
    for name in ("hdu-index.fits.gz", "obs-index.fits.gz"):
        (gadf_set / name).unlink()
    os.mkfifo(gadf_set / "pipe.fits")
    (gadf_set / "a.fits").symlink_to("b.fits")
    (gadf_set / "b.fits").symlink_to("a.fits")
    (gadf_set / "data" / "round").symlink_to(gadf_set)
    report = load(archive, gadf_set)
    assert counts(report) == {"added": 3, "skipped": 3}
    assert refused(report) == dict.fromkeys(("pipe.fits", "a.fits", "b.fits"), "D101")


def test_folders_that_are_links_are_followed(archive: Archive, tmp_path: Path) -> None:
    RunPlan(obs_id=4).write(tmp_path / "elsewhere" / "run.fits")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "linked").symlink_to(tmp_path / "elsewhere")
    assert counts(load(archive, tmp_path / "set")) == {"added": 1}


def test_a_path_upwards_has_the_name_of_its_folder(
    archive: Archive, gadf_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(gadf_set / "data")
    assert load(archive, Path("..")).collections == ["good-set"]
    (row,) = archive.rows("SELECT min(path) AS path FROM cta.product_file")
    assert ".." not in row["path"]


def test_a_bad_path_does_not_stop_the_others(
    archive: Archive, gadf_set: Path, tmp_path: Path
) -> None:
    report = load(archive, tmp_path / "nowhere", gadf_set)
    assert counts(report) == {"added": 3, "skipped": 1}
    assert refused(report) == {"nowhere": "D102"}


# --- several indexes, several folders ------------------------------------------------


def test_a_folder_beside_one_with_an_index_is_searched(
    archive: Archive, gadf_set: Path, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(gadf_set, whole / "a")
    RunPlan(obs_id=8).write(whole / "b" / "run_8.fits")
    (whole / "b" / "broken.fits").write_bytes(b"SIMPLE  =")
    (whole / "a" / "data" / "stray.fits").write_bytes(b"<html>")
    report = load(archive, whole)
    assert obs_ids(archive) == ["1", "2", "3", "8"]
    assert refused(report) == {"broken.fits": "D107"}
    (stray,) = said(report, "D123")
    assert stray.startswith("no index names it, and D106: begins with '<html>'")


def test_the_plain_index_is_taken_and_the_other_is_named(
    archive: Archive, gadf_set: Path
) -> None:
    other = gadf_set / "hdu-index-old.fits.gz"
    RunPlan(obs_id=9).write(gadf_set / "data" / "run_9.fits.gz")
    before = (gadf_set / "hdu-index.fits.gz").read_bytes()
    write_indexes(gadf_set, {9: "data/run_9.fits.gz"})
    (gadf_set / "hdu-index.fits.gz").rename(other)
    (gadf_set / "hdu-index.fits.gz").write_bytes(before)
    report = load(archive, gadf_set)
    assert obs_ids(archive) == ["1", "2", "3"]
    assert said(report, "D128") == ["hdu-index.fits.gz was taken"]
    assert [run.obs_id for run in find(other).runs] == ["9"]


def test_responses_in_the_event_file_of_another_run(
    archive: Archive, gadf_set: Path
) -> None:
    write_indexes(gadf_set, {n: f"data/run_{n}.fits.gz" for n in (1, 2)})
    with fits.open(gadf_set / "hdu-index.fits.gz") as hdus:
        rows = hdus[1].data
        shared = (rows["OBS_ID"] == 2) & (rows["HDU_TYPE"] != "events")
        rows["FILE_NAME"][shared & (rows["HDU_TYPE"] != "gti")] = "run_1.fits.gz"
        hdus.writeto(gadf_set / "new.fits.gz")
    (gadf_set / "new.fits.gz").rename(gadf_set / "hdu-index.fits.gz")
    assert counts(load(archive, gadf_set)) == {"added": 2}
    roles = archive.rows(
        "SELECT obs_id, role, name FROM cta.product_file "
        "JOIN cta.product USING (product_id) ORDER BY 1, 2"
    )
    assert [tuple(row.values())[:2] for row in roles] == [
        ("1", "events"),
        ("2", "events"),
        ("2", "irf"),
    ]
    assert archive.check() == []


# --- less than before ----------------------------------------------------------------


def test_a_run_is_not_replaced_when_its_index_breaks(
    archive: Archive, gadf_set: Path
) -> None:
    load(archive, gadf_set)
    before = archive.digest()
    cut_gzip(gadf_set / "hdu-index.fits.gz", 0.5)
    report = load(archive, gadf_set)
    assert counts(report) == {"skipped": 4}
    assert refused(report)["hdu-index.fits.gz"] == "D120"
    assert said(report, "D118") == [
        f"run {n}: its index is unusable" for n in (1, 2, 3)
    ]
    assert archive.digest() == before


def caldb_set(folder: Path) -> Path:
    keywords = {"CALDB": "1dc", "IRF": "South"}
    plan = RunPlan(obs_id=5, header=keywords, responses=no_responses)
    plan.write(folder / "data" / "run.fits")
    irf = folder / "caldb" / "data" / "cta" / "1dc" / "bcf" / "South"
    RunPlan(has_events=False, gti=None).write(irf / "irf_file.fits")
    return folder / "caldb"


def responses(archive: Archive) -> int:
    (row,) = archive.rows("SELECT count(*) AS n FROM cta.response")
    return int(row["n"])


def test_responses_that_vanish_are_kept_and_those_that_come_are_seen(
    archive: Archive, tmp_path: Path
) -> None:
    folder = tmp_path / "set"
    caldb = caldb_set(folder)
    caldb.rename(tmp_path / "away")
    assert counts(load(archive, folder)) == {"added": 1}
    assert responses(archive) == 0
    assert counts(load(archive, folder)) == {"unchanged": 1}
    (tmp_path / "away").rename(caldb)
    assert counts(load(archive, folder)) == {"replaced": 1}
    assert responses(archive) == 3
    caldb.rename(tmp_path / "away")
    report = load(archive, folder)
    assert counts(report) == {"skipped": 1}
    assert said(report, "D118") == ["run 5 has 0 responses, had 3"]
    assert responses(archive) == 3


def test_a_response_file_that_is_missing_is_counted_once(
    archive: Archive, gadf_set: Path
) -> None:
    with fits.open(gadf_set / "hdu-index.fits.gz") as hdus:
        rows = hdus[1].data
        rows["FILE_NAME"][rows["HDU_TYPE"] == "aeff"] = "no.fits"
        hdus.writeto(gadf_set / "new.fits.gz")
    (gadf_set / "new.fits.gz").rename(gadf_set / "hdu-index.fits.gz")
    report = load(archive, gadf_set)
    assert counts(report) == {"added": 3, "skipped": 1}


# --- who may see it ------------------------------------------------------------------


def rights(archive: Archive) -> dict[str, str]:
    rows = archive.rows("SELECT obs_id, data_rights FROM ivoa.obscore ORDER BY obs_id")
    return {row["obs_id"]: row["data_rights"] for row in rows}


def test_rights_that_are_not_said_stay_as_they_are(
    archive: Archive, gadf_set: Path
) -> None:
    load(archive, gadf_set, rights="proprietary", group="hess")
    assert counts(load(archive, gadf_set)) == {"unchanged": 3}
    RunPlan(obs_id=2, n_events=50).write(gadf_set / "data" / "run_2.fits.gz")
    RunPlan(obs_id=4).write(gadf_set / "data" / "run_4.fits.gz")
    write_indexes(gadf_set, {n: f"data/run_{n}.fits.gz" for n in (1, 2, 3, 4)})
    report = load(archive, gadf_set)
    closed = dict.fromkeys(("1", "2", "3"), "proprietary")
    assert rights(archive) == {**closed, "4": "public"}
    assert said(report, "D227") == ["3 stored runs of the collection are proprietary"]
    (group,) = archive.rows("SELECT access_group FROM cta.product WHERE obs_id = '2'")
    assert group == {"access_group": "hess"}


def test_rights_change_when_they_are_said(archive: Archive, gadf_set: Path) -> None:
    load(archive, gadf_set, rights="proprietary")
    report = load(archive, gadf_set, rights="public")
    assert counts(report) == {"replaced": 3}
    assert said(report, "D228") == ["by --rights public"] * 3
    assert set(rights(archive).values()) == {"public"}


# --- moments -------------------------------------------------------------------------


def changing(
    monkeypatch: pytest.MonkeyPatch, path: Path, times: int
) -> Callable[[], int]:
    """Replace a file each time that it has been read; return how often it was."""
    real, read = gadf._contents, 0

    def reading(asked: Path) -> gadf.Contents:
        nonlocal read
        made = real(asked)
        if asked == path:
            read += 1
            if read <= times:
                RunPlan(obs_id=1, n_events=100 + read).write(path)
        return made

    monkeypatch.setattr(gadf, "_contents", reading)
    return lambda: read


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(
    archive: Archive, gadf_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = gadf_set.resolve() / "data" / "run_1.fits.gz"
    changing(monkeypatch, path, 1)
    assert counts(load(archive, gadf_set)) == {"added": 3}
    (row,) = archive.rows("SELECT n_events FROM cta.observation WHERE obs_id = '1'")
    assert row["n_events"] == 101
    assert counts(load(archive, gadf_set)) == {"unchanged": 3}


def test_a_file_that_never_rests_is_refused(
    archive: Archive, gadf_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = gadf_set.resolve() / "data" / "run_1.fits.gz"
    changing(monkeypatch, path, 99)
    report = load(archive, gadf_set)
    assert counts(report) == {"added": 2, "skipped": 1}
    assert refused(report) == {"run_1.fits.gz": "D115"}


class Choosy:
    """An archive that refuses one dataset."""

    def __init__(self, archive: Archive, refused: str) -> None:
        self.archive = archive
        self.refused = refused

    def store_many(self, bundles: Sequence[Bundle]) -> Any:
        if any(bundle.publisher_did.endswith(self.refused) for bundle in bundles):
            message = f"{bundles[0].publisher_did}: it contradicts what is there"
            raise IllegalState(message)
        return self.archive.store_many(bundles)

    def stored(self, collection: str) -> Mapping[str, Stored]:
        return self.archive.stored(collection)

    def refusals(self, collection: str | None) -> Sequence[Refusal]:
        return self.archive.refusals(collection)

    def record_refusals(self, added: Sequence[Refusal], cleared: Sequence[str]) -> None:
        self.archive.record_refusals(added, cleared)


def test_a_run_that_the_archive_refuses_takes_no_neighbour_along(
    archive: Archive, gadf_set: Path
) -> None:
    report = ingest([gadf_set], Choosy(archive, "?2"), "org.example")
    assert counts(report) == {"added": 2, "skipped": 1}
    assert refused(report) == {"run_2.fits.gz": "D117"}
    assert "it contradicts what is there" in said(report, "D117")[0]
    assert obs_ids(archive) == ["1", "3"]


def test_a_loader_that_has_nothing_to_do(archive: Archive) -> None:
    target = Target("org.example", "nothing")
    loader = Loader(archive, "nothing", rights_given=False)
    assert list(loader.load([], target, NO_SETTINGS)) == []
