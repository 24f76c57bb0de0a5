"""What is refused is remembered, tried again, and forgotten once it is in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.ingest.conftest import (
    RunPlan,
    cut_gzip,
    no_responses,
    responses,
    write_indexes,
    write_table,
)
from tests.ingest.loading import counts, obs_ids

from distiller.archive import open_archive
from distiller.ingest import Options, Report, ingest, ingest_refused, loader

if TYPE_CHECKING:
    from distiller.archive import Archive
    from distiller.core.settings import Settings


pytestmark = pytest.mark.slow


@pytest.fixture
def broken_set(gadf_set: Path) -> Path:
    """Return three runs, of which the second is cut off and the third has no GTI."""
    cut_gzip(gadf_set / "data" / "run_2.fits.gz", 0.6)
    RunPlan(obs_id=3, gti=None).write(gadf_set / "data" / "run_3.fits.gz")
    return gadf_set


def load(archive: Archive | Mortal, path: Path, **given: object) -> Report:
    return ingest([path], archive, "org.example", Options(**given))  # type: ignore[arg-type]  # as a test names them


def again(archive: Archive, **given: object) -> Report:
    return ingest_refused(archive, "org.example", Options(**given))  # type: ignore[arg-type]  # likewise


def refused(archive: Archive) -> dict[str | None, str]:
    return {one.obs_id: one.code for one in archive.refusals()}


def mend(folder: Path, obs_id: int) -> None:
    RunPlan(obs_id=obs_id, n_events=obs_id).write(
        folder / "data" / f"run_{obs_id}.fits.gz"
    )


def test_a_refused_run_is_remembered_with_everything(
    archive: Archive, broken_set: Path
) -> None:
    load(archive, broken_set, collection="c", rights="proprietary", group="g")
    assert refused(archive) == {"2": "D107", "3": "D104"}
    one = archive.refusals("c")[0]
    assert one.path == str(broken_set / "data" / "run_2.fits.gz")
    assert "ends too early" in one.message
    assert one.checksum is not None
    assert len(one.checksum) == 64
    assert (one.source, one.rights, one.access_group) == (
        str(broken_set),
        "proprietary",
        "g",
    )
    assert archive.refusals("other") == []


def test_what_is_mended_goes_in_with_the_options_of_then(
    archive: Archive, broken_set: Path
) -> None:
    load(archive, broken_set, collection="c", rights="proprietary", group="g")
    mend(broken_set, 2)
    report = again(archive)
    assert counts(report) == {"added": 1, "refused": 1}
    assert refused(archive) == {"3": "D104"}
    rows = archive.rows("SELECT rights, access_group FROM cta.product")
    assert rows == [{"rights": "proprietary", "access_group": "g"}] * 2
    mend(broken_set, 3)
    assert counts(again(archive)) == {"added": 1}
    assert refused(archive) == {}
    assert counts(again(archive)) == {}


def test_the_first_time_is_kept(archive: Archive, broken_set: Path) -> None:
    load(archive, broken_set)
    before = archive.refusals()
    load(archive, broken_set)
    after = archive.refusals()
    assert [one.first_refused for one in after] == [one.first_refused for one in before]
    assert all(one.last_refused >= one.first_refused for one in after)


def test_the_file_itself_may_be_ingested(archive: Archive, broken_set: Path) -> None:
    load(archive, broken_set, collection="c")
    mend(broken_set, 3)
    load(archive, broken_set / "data" / "run_3.fits.gz", collection="c")
    assert refused(archive) == {"2": "D107"}


def test_what_the_index_no_longer_names_is_forgotten(
    archive: Archive, broken_set: Path
) -> None:
    load(archive, broken_set)
    write_indexes(broken_set, {1: "data/run_1.fits.gz", 2: "data/run_2.fits.gz"})
    again(archive)
    assert refused(archive) == {"2": "D107"}


def test_a_mended_index_brings_all_its_runs(archive: Archive, gadf_set: Path) -> None:
    index = gadf_set / "hdu-index.fits.gz"
    good = index.read_bytes()
    load(archive, gadf_set)
    cut_gzip(index, 0.5)
    RunPlan(obs_id=2, n_events=77).write(gadf_set / "data" / "run_2.fits.gz")
    report = load(archive, gadf_set)
    codes = [one.code for one in archive.refusals()]
    assert sorted(codes) == ["D118", "D118", "D118", "D120"]
    assert counts(report) == {"refused": 3, "refused_files": 1}
    index.write_bytes(good)
    assert counts(again(archive)) == {"replaced": 1, "unchanged": 2}
    assert refused(archive) == {}


def test_a_response_file_that_came_back(archive: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    RunPlan(obs_id=5, responses=no_responses).write(folder / "run.fits")
    write_indexes(folder, {5: "run.fits"}, hdus=("EVENTS", "GTI", "AEFF"))
    table: dict[str, list[Any]] = {
        "OBS_ID": [5, 5, 5],
        "HDU_TYPE": ["events", "gti", "aeff"],
        "FILE_NAME": ["run.fits", "run.fits", "irf.fits"],
        "HDU_NAME": ["EVENTS", "GTI", "AEFF"],
    }
    write_table(folder / "hdu-index.fits.gz", table)
    assert counts(load(archive, folder)) == {"added": 1, "refused_files": 1}
    assert refused(archive) == {"5": "D121"}
    RunPlan(has_events=False, gti=None).write(folder / "irf.fits")
    assert counts(again(archive)) == {"replaced": 1}
    assert refused(archive) == {}


def test_what_a_run_lacks_is_remembered_until_it_is_mended(
    archive: Archive, gadf_set: Path
) -> None:
    path = gadf_set / "data" / "run_2.fits.gz"
    RunPlan(obs_id=2, responses=lambda: responses()[1:]).write(path)
    load(archive, gadf_set)
    for attempt in (load(archive, gadf_set), again(archive), load(archive, gadf_set)):
        assert [one.code for one in attempt.findings if one.code == "D121"] == ["D121"]
        assert attempt.refused == 1
        assert counts(attempt).keys().isdisjoint({"added", "replaced"})
        assert refused(archive) == {"2": "D121"}
    mend(gadf_set, 2)
    assert counts(again(archive)) == {"replaced": 1}
    assert refused(archive) == {}
    assert counts(load(archive, gadf_set)) == {"unchanged": 3}


def test_a_folder_that_is_gone_keeps_its_refusals(
    archive: Archive, broken_set: Path
) -> None:
    load(archive, broken_set)
    broken_set.rename(broken_set.parent / "away")
    report = again(archive)
    assert [finding.code for finding in report.findings] == ["D102"]
    assert refused(archive) == {"2": "D107", "3": "D104"}


def test_only_one_collection_is_tried(archive: Archive, broken_set: Path) -> None:
    load(archive, broken_set, collection="a")
    load(archive, broken_set, collection="b")
    mend(broken_set, 2)
    assert counts(again(archive, collection="a")) == {"added": 1, "refused": 1}
    assert {(one.collection, one.obs_id) for one in archive.refusals()} == {
        ("a", "3"),
        ("b", "2"),
        ("b", "3"),
    }


class Killed(BaseException):
    """The process ends here, whatever it was about to do."""


class Mortal:
    """An archive whose process ends before one of its transactions."""

    def __init__(self, archive: Archive, transactions: int) -> None:
        self._archive = archive
        self._left = transactions

    def store_many(self, *given: Any) -> Any:
        if not self._left:
            raise Killed
        self._left -= 1
        return self._archive.store_many(*given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._archive, name)


@pytest.fixture
def six_runs(tmp_path: Path) -> Path:
    """Return six runs, of which the first, the third and the fifth have no GTI."""
    folder = tmp_path / "six"
    for number in range(1, 7):
        gti = None if number % 2 else ((1000.0, 2800.0),)
        plan = RunPlan(obs_id=number, n_events=number, gti=gti)
        plan.write(folder / f"run_{number}.fits")
    write_indexes(folder, {n: f"run_{n}.fits" for n in range(1, 7)})
    return folder


def test_refusals_outlive_an_ingest_that_is_killed(
    engine_home: Settings, six_runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "_AT_ONCE", 2)
    for transactions, known, stored in (
        (0, [], []),
        (1, ["1"], ["2"]),
        (2, ["1", "3", "5"], ["2", "4"]),
    ):
        with open_archive(engine_home) as archive, pytest.raises(Killed):
            load(Mortal(archive, transactions), six_runs)
        with open_archive(engine_home) as archive:
            assert list(refused(archive)) == known
            assert obs_ids(archive) == stored
    with open_archive(engine_home) as archive:
        load(archive, six_runs)
        assert list(refused(archive)) == ["1", "3", "5"]


def test_what_went_in_before_an_ingest_was_killed_is_refused_no_more(
    archive: Archive, six_runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(archive, six_runs)
    before = {one.obs_id: one.first_refused for one in archive.refusals()}
    RunPlan(obs_id=1, n_events=1).write(six_runs / "run_1.fits")
    monkeypatch.setattr(loader, "_AT_ONCE", 2)
    with pytest.raises(Killed):
        load(Mortal(archive, 1), six_runs)
    after = {one.obs_id: one.first_refused for one in archive.refusals()}
    assert after == {run: before[run] for run in ("3", "5")}


def test_runs_that_are_all_refused_are_remembered_on_the_way(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "_AT_ONCE", 2)
    for number in range(1, 6):
        RunPlan(obs_id=number, n_events=number, gti=None).write(
            tmp_path / "set" / f"run_{number}.fits"
        )
    with pytest.raises(Killed):
        load(Mortal(archive, 2), tmp_path / "set")
    assert len(archive.refusals()) == 4


def test_settings_that_are_gone_stop_only_their_own(
    archive: Archive, broken_set: Path, tmp_path: Path
) -> None:
    said = tmp_path / "said.toml"
    said.write_text('title = "Mine"\n')
    load(archive, broken_set, settings=said, collection="mine")
    other = tmp_path / "other"
    RunPlan(obs_id=9, gti=None).write(other / "run_9.fits")
    load(archive, other)
    said.unlink()
    mend(broken_set, 2)
    RunPlan(obs_id=9).write(other / "run_9.fits")
    report = again(archive)
    assert counts(report) == {"added": 1, "refused": 1}
    (found,) = (one for one in report.findings if one.code == "D132")
    assert found.path == str(said)
    assert refused(archive) == {"2": "D107", "3": "D104"}
    said.write_text('title = "Mine"\n')
    assert counts(again(archive))["added"] == 1


def test_a_path_is_remembered_from_wherever_it_was_named(
    archive: Archive, broken_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    monkeypatch.chdir(tmp_path)
    ingest([broken_set, Path("loop")], archive, "org.example", Options())
    sources = {one.source for one in archive.refusals()}
    assert sources == {str(broken_set), str(tmp_path / "loop")}
