"""Into a real archive: once, twice, with every fault, and killed in between."""

from __future__ import annotations

import gzip
import json
import random
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from tests.ingest.conftest import (
    RunPlan,
    cut_gzip,
    no_responses,
    write_indexes,
    write_table,
)
from tests.ingest.loading import counts, obs_ids, refused
from tests.support import children

from distiller.analysis.simulate import simulate
from distiller.archive import open_archive
from distiller.core.errors import BadData, BadParameter
from distiller.core.settings import load_settings
from distiller.ingest import Options, Progress, Report, ingest

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.archive import Archive


def load(archive: Archive, *paths: Path, options: Options | None = None) -> Report:
    return ingest(paths, archive, "org.example", options or Options())


def test_a_good_set_goes_in_and_a_second_time_changes_nothing(
    archive: Archive, gadf_set: Path
) -> None:
    assert counts(load(archive, gadf_set)) == {"added": 3}
    assert obs_ids(archive) == ["1", "2", "3"]
    assert archive.check() == []
    before = archive.digest()
    ingested = archive.rows("SELECT ingested FROM cta.product ORDER BY obs_id")
    again = load(archive, gadf_set)
    assert counts(again) == {"unchanged": 3}
    assert archive.digest() == before
    same = archive.rows("SELECT ingested FROM cta.product ORDER BY obs_id")
    assert same == ingested


def test_a_changed_file_replaces_its_rows_only(
    archive: Archive, gadf_set: Path
) -> None:
    load(archive, gadf_set)
    RunPlan(obs_id=2, n_events=99).write(gadf_set / "data" / "run_2.fits.gz")
    assert counts(load(archive, gadf_set)) == {"replaced": 1, "unchanged": 2}
    rows = archive.rows("SELECT n_events FROM cta.observation ORDER BY obs_id")
    assert [row["n_events"] for row in rows] == [1, 99, 3]
    assert archive.check() == []


def test_without_index_files_it_is_the_same_runs(
    archive: Archive, gadf_set: Path
) -> None:
    for name in ("hdu-index.fits.gz", "obs-index.fits.gz"):
        (gadf_set / name).unlink()
    assert counts(load(archive, gadf_set)) == {"added": 3}
    assert counts(load(archive, gadf_set)) == {"unchanged": 3}
    assert obs_ids(archive) == ["1", "2", "3"]


def test_bad_files_are_named_and_the_rest_goes_in(
    archive: Archive, gadf_set: Path
) -> None:
    data = gadf_set / "data"
    plans = {
        "cut": RunPlan(obs_id=11),
        "no_gti": RunPlan(obs_id=12, gti=None),
        "no_events": RunPlan(obs_id=13, has_events=False),
        "no_time": RunPlan(obs_id=14, header={"MJDREFI": None, "MJDREFF": None}),
        "copy": RunPlan(obs_id=1, n_events=1),
        "no_columns": RunPlan(obs_id=16, columns=("TIME",)),
        "bad_gti": RunPlan(obs_id=17, gti=((2000.0, 1000.0),)),
        "no_name": RunPlan(obs_id=18),
    }
    for name, plan in plans.items():
        plan.write(data / f"{name}.fits.gz")
    cut_gzip(data / "cut.fits.gz", 0.6)
    (data / "empty.fits.gz").touch()
    (data / "page.fits.gz").write_bytes(b"<html>not found</html>")
    (data / "gzip.fits.gz").write_bytes(gzip.compress(b"x")[:10] + b"\xff" * 100)
    shutil.copy(data / "run_1.fits.gz", data / "copy.fits.gz")
    names = [*plans, "empty", "page", "gzip", "missing"]
    files = {str(n): f"data/run_{n}.fits.gz" for n in (1, 2, 3)}
    for number, name in enumerate(names, start=100):
        obs_id = "two words" if name == "no_name" else str(number)
        files[obs_id] = f"data/{name}.fits.gz"
    write_indexes(gadf_set, files)
    report = load(archive, gadf_set)
    assert refused(report) == {
        "cut.fits.gz": "D107",
        "no_gti.fits.gz": "D104",
        "no_events.fits.gz": "D105",
        "no_time.fits.gz": "D204",
        "copy.fits.gz": "D111",
        "no_columns.fits.gz": "D112",
        "bad_gti.fits.gz": "D114",
        "no_name.fits.gz": "D113",
        "empty.fits.gz": "D103",
        "page.fits.gz": "D106",
        "gzip.fits.gz": "D108",
        "missing.fits.gz": "D102",
    }
    assert counts(report) == {"added": 3, "refused": 12}
    assert obs_ids(archive) == ["1", "2", "3"]
    assert archive.check() == []
    text = report.as_text()
    assert "D102 error: missing from disk (1)" in text
    assert "Fetch it or put it back" in text
    assert "missing.fits.gz (run 111): there is no such file" in text


def test_an_obs_id_twice_in_a_collection(archive: Archive, gadf_set: Path) -> None:
    other = RunPlan(obs_id=3, n_events=77).write(gadf_set / "more" / "run_3.fits")
    write_indexes(gadf_set / "more", {3: "run_3.fits"})
    report = load(archive, gadf_set)
    assert counts(report) == {"added": 3, "refused": 1}
    (found,) = [f for f in report.findings if f.code == "D110"]
    assert found.path == str(other)
    assert "run 3 was taken from" in found.message
    assert counts(load(archive, gadf_set)) == {"unchanged": 3, "refused": 1}


def test_a_bad_file_that_is_mended_goes_in(archive: Archive, gadf_set: Path) -> None:
    path = gadf_set / "data" / "run_2.fits.gz"
    good = path.read_bytes()
    cut_gzip(path, 0.5)
    assert counts(load(archive, gadf_set)) == {"added": 2, "refused": 1}
    path.write_bytes(good)
    assert counts(load(archive, gadf_set)) == {"added": 1, "unchanged": 2}


def test_a_file_that_breaks_later_leaves_its_rows_alone(
    archive: Archive, gadf_set: Path
) -> None:
    load(archive, gadf_set)
    cut_gzip(gadf_set / "data" / "run_2.fits.gz", 0.5)
    assert counts(load(archive, gadf_set)) == {"unchanged": 2, "refused": 1}
    assert obs_ids(archive) == ["1", "2", "3"]


def test_findings_are_kept_with_the_run(archive: Archive, gadf_set: Path) -> None:
    RunPlan(obs_id=1, header={"N_TELS": 0}).write(gadf_set / "data" / "run_1.fits.gz")
    load(archive, gadf_set)
    rows = archive.rows(
        "SELECT obs_id, code, severity, message FROM cta.finding "
        "JOIN cta.product USING (product_id)"
    )
    assert rows == [
        {
            "obs_id": "1",
            "code": "D201",
            "severity": "note",
            "message": "placeholder dropped: N_TELS = 0",
        }
    ]


def test_hostile_text_arrives_as_it_was(archive: Archive, gadf_set: Path) -> None:
    sql = "x'); DROP TABLE cta.product; --"
    RunPlan(obs_id=1, header={"OBJECT": sql}).write(gadf_set / "data" / "run_1.fits.gz")
    load(archive, gadf_set)
    rows = archive.rows("SELECT target_name FROM ivoa.obscore WHERE obs_id = '1'")
    assert rows == [{"target_name": sql}]
    assert obs_ids(archive) == ["1", "2", "3"]


def test_rights_and_names(archive: Archive, gadf_set: Path) -> None:
    options = Options("my-set", "proprietary", "hess")
    report = load(archive, gadf_set, options=options)
    assert report.collections == ["my-set"]
    rows = archive.rows("SELECT DISTINCT obs_collection, data_rights FROM ivoa.obscore")
    assert rows == [{"obs_collection": "my-set", "data_rights": "proprietary"}]
    (group,) = archive.rows("SELECT DISTINCT access_group FROM cta.product")
    assert group == {"access_group": "hess"}
    same = load(archive, gadf_set, options=Options("my-set"))
    assert counts(same) == {"unchanged": 3}


def test_terms_of_use_come_from_the_readme_and_may_change(
    archive: Archive, gadf_set: Path
) -> None:
    def collection() -> list[dict[str, object]]:
        return archive.rows("SELECT name, title, terms FROM cta.collection")

    load(archive, gadf_set)
    assert collection() == [
        {
            "name": "good-set",
            "title": "Terms of the good set",
            "terms": "Terms of the good set\n\nUse it well.",
        }
    ]
    (gadf_set / "README.txt").write_text("# Other terms\n")
    assert counts(load(archive, gadf_set)) == {"replaced": 3}
    assert collection() == [
        {"name": "good-set", "title": "Other terms", "terms": "# Other terms"}
    ]
    path = RunPlan(obs_id=9).write(gadf_set / "run_9.fits")
    assert counts(load(archive, path)) == {"added": 1}
    assert collection()[0]["terms"] == "# Other terms"
    assert archive.check() == []


def test_several_paths_are_several_collections(
    archive: Archive, gadf_set: Path, tmp_path: Path
) -> None:
    RunPlan(obs_id=1, n_events=50).write(tmp_path / "Second Set" / "run.fits")
    report = load(archive, gadf_set, tmp_path / "Second Set")
    assert report.collections == ["good-set", "second-set"]
    assert counts(report) == {"added": 4}
    assert obs_ids(archive) == ["1", "1", "2", "3"]


def test_a_response_table_too_large_to_be_read(
    archive: Archive, gadf_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distiller.ingest.fits_stream.MAX_TABLE_BYTES", 20_000)
    report = load(archive, gadf_set)
    assert counts(report) == {"added": 3}
    assert {f.message for f in report.findings if f.code == "D126"} == {
        f"EDISP of run_{n}.fits.gz" for n in (1, 2, 3)
    }


def test_a_checksum_of_the_index_that_does_not_hold(
    archive: Archive, tmp_path: Path
) -> None:
    RunPlan(obs_id=5, responses=no_responses).write(tmp_path / "run.fits")
    write_table(
        tmp_path / "hdu-index.fits.gz",
        {
            "OBS_ID": [5, 5],
            "HDU_TYPE": ["events", "gti"],
            "FILE_NAME": ["run.fits"] * 2,
            "HDU_NAME": ["EVENTS", "GTI"],
            "MD5": ["0" * 32] * 2,
        },
    )
    report = load(archive, tmp_path)
    assert [f.code for f in report.findings].count("D124") == 1
    assert counts(report) == {"added": 1}


def test_a_file_that_cannot_be_opened(archive: Archive, gadf_set: Path) -> None:
    path = gadf_set / "data" / "run_2.fits.gz"
    path.unlink()
    path.mkdir()
    report = load(archive, gadf_set)
    assert refused(report) == {"run_2.fits.gz": "D101"}
    assert counts(report) == {"added": 2, "refused": 1}


def test_a_header_without_an_end(archive: Archive, gadf_set: Path) -> None:
    path = gadf_set / "data" / "run_2.fits.gz"
    path.write_bytes(b"SIMPLE  =                    T".ljust(2880 * 2100))
    report = load(archive, gadf_set)
    assert refused(report) == {"run_2.fits.gz": "D109"}


def test_progress_is_told_after_every_run(archive: Archive, gadf_set: Path) -> None:
    told: list[Progress] = []
    report = Report(progress=told.append)
    ingest([gadf_set], archive, "org.example", Options(), report)
    assert [(at.done, at.total, at.run, at.outcome) for at in told] == [
        (1, 3, "1", "added"),
        (2, 3, "2", "added"),
        (3, 3, "3", "added"),
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options("two words"), "--collection: 'two words' is no simple name"),
        (Options("a?b"), "for example a-b"),
        (Options(group="hess"), "--group: public data have no group"),
    ],
)
def test_options_that_make_no_sense(
    archive: Archive, gadf_set: Path, options: Options, words: str
) -> None:
    with pytest.raises(BadParameter) as caught:
        load(archive, gadf_set, options=options)
    assert words in caught.value.text
    assert obs_ids(archive) == []


def test_a_folder_without_data(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadData, match="D100"):
        load(archive, tmp_path / "empty")


# --- the command ---------------------------------------------------------------------


def distiller(home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "distiller", "--home", str(home), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.slow
def test_the_command_reports_and_ends_with_3_if_something_was_refused(
    tmp_path: Path, gadf_set: Path
) -> None:
    home = tmp_path / "home"
    done = distiller(home, "ingest", gadf_set)  # makes the archive, too
    assert done.returncode == 0, done.stderr
    assert "good-set: 3 added, 0 replaced, 0 unchanged, 0 refused" in done.stdout
    assert "3/3 good-set 3 added" in done.stderr
    cut_gzip(gadf_set / "data" / "run_3.fits.gz", 0.5)
    done = distiller(home, "ingest", "--json", gadf_set)
    assert done.returncode == 3
    report = json.loads(done.stdout)
    assert (report["unchanged"], report["refused"]) == (2, 1)
    assert report["findings"][0]["code"] == "D107"
    done = distiller(home, "ingest", tmp_path / "nowhere")
    assert done.returncode == 1
    assert "there is no such file or folder" in done.stderr


# --- kill ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many") / "many"
    simulate(folder, runs=300, metadata_only=True)
    return folder


def digest(home: Path) -> str:
    with open_archive(load_settings(home)) as archive:
        assert archive.check() == []
        return archive.digest()


@pytest.mark.slow
def test_killed_at_any_moment_and_run_again_it_is_the_same_archive(
    tmp_path: Path, many: Path
) -> None:
    whole = tmp_path / "whole"
    distiller(whole, "init")
    began = time.monotonic()
    assert distiller(whole, "ingest", many).returncode == 0
    took = time.monotonic() - began
    home = tmp_path / "killed"
    distiller(home, "init")
    stored = [killed_by_clock(home, many, took * share) for share in (0.5, 0.7)]
    stored += [killed_by_progress(home, many, line) for line in (1, 9)]
    assert stored == sorted(stored)
    assert stored[-1] > 0
    done = distiller(home, "ingest", many)
    assert done.returncode == 0, done.stderr
    assert digest(home) == digest(whole)


@pytest.mark.prove
def test_thirty_kills_at_random_moments_each_end_in_the_same_archive(
    tmp_path: Path, many: Path
) -> None:
    """Most of the time of an ingest is its start, which is not what is to be killed.

    So the processes are forked with everything imported, and each home is a copy of
    one that is made. Two are killed side by side, and so side by side run the two that
    tell how long an ingest takes: alone it ends sooner.
    """
    empty, whole = tmp_path / "empty", tmp_path / "whole"
    distiller(empty, "init")
    children.started("--help").join()  # now all is imported

    def time_one(home: Path) -> float:
        shutil.copytree(empty, home)
        began = time.monotonic()
        assert finish(home, many) == 0
        return time.monotonic() - began

    with ThreadPoolExecutor(2) as pool:
        took = min(pool.map(time_one, (whole, tmp_path / "beside")))
    expected = digest(whole)
    dice = random.Random(20261124)  # noqa: S311 - to repeat, not to hide
    moments = [took * dice.uniform(0.0, 1.0) for _ in range(30)]

    def kill(number: int) -> int:
        home = tmp_path / f"home-{number}"
        shutil.copytree(empty, home)
        process = children.started("--home", str(home), "ingest", str(many))
        time.sleep(moments[number])
        process.kill()
        process.join()
        stored = whole_runs(home)
        assert finish(home, many) == 0
        assert digest(home) == expected
        shutil.rmtree(home)
        return stored

    with ThreadPoolExecutor(2) as pool:
        stored = list(pool.map(kill, range(30)))
    assert len(set(stored)) > 3, "the moments were not spread over the work"


def finish(home: Path, folder: Path) -> int | None:
    """Ingest to the end; return the exit status."""
    process = children.started("--home", str(home), "ingest", str(folder))
    process.join()
    return process.exitcode


def started(home: Path, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "distiller", "--home", home, "ingest", folder],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed_by_clock(home: Path, folder: Path, after_s: float) -> int:
    """Kill an ingest after some time; return the number of runs that are in."""
    with started(home, folder) as process:
        time.sleep(after_s)
        process.kill()
    return whole_runs(home)


def killed_by_progress(home: Path, folder: Path, lines: int) -> int:
    """Kill an ingest that has told of some progress."""
    with started(home, folder) as process:
        assert process.stderr is not None
        for _ in range(lines):
            process.stderr.readline()
        process.kill()
    return whole_runs(home)


def whole_runs(home: Path) -> int:
    with open_archive(load_settings(home)) as archive:
        assert archive.check() == []
        (row,) = archive.rows("SELECT count(*) AS n FROM ivoa.obscore")
        return int(row["n"])
