"""Commands of the database manager: ingest, refused, remove, history, check."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from click.testing import CliRunner
from tests.ingest.conftest import RunPlan, cut_gzip, gadf_set, good_set

from distiller.archive import open_archive
from distiller.cli import program
from distiller.core.bundle import Bundle
from distiller.core.identifiers import key
from distiller.core.settings import load_settings
from distiller.jobs import folders, registration

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.core.bundle import Row
    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow

__all__ = ["gadf_set", "good_set"]  # fixtures of the ingest tests

DID = "ivo://distiller.invalid/c?"


@pytest.fixture
def home(named_home: Settings, installed_home: Settings) -> Path:
    assert named_home is installed_home
    return named_home.home


def run(home: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(program, ["--home", str(home), *arguments])
    text = result.output
    if result.exception and not isinstance(result.exception, SystemExit):
        text += str(result.exception)
    return result.exit_code, text


def sound(home: Path) -> str:
    """Return what `check` says of an archive that is, and where that is."""
    with open_archive(load_settings(home), create=False) as archive:
        return f"{archive.place}: nothing is wrong\n"


def load(home: Path, folder: Path) -> None:
    assert run(home, "ingest", str(folder), "--collection", "c")[0] in {0, 3}


def make_product(home: Path, input_did: str, job_id: str | None = None) -> str:
    """Register a product that was made from a dataset; return its DID.

    With the id of a job, its file lies where the products of jobs do.
    """
    settings, number = load_settings(home), "1"
    product_id, path = key("count_map/1"), home / "map.fits"
    if job_id is not None:
        number = product_id = registration.product_id(job_id)
        path = folders.product_folder(settings, "count_map", job_id) / "map.fits"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"a map")
    did, job = f"ivo://distiller.invalid/c?count_map/{number}", key("job", number)
    with open_archive(settings) as archive:
        (collection,) = archive.rows("SELECT collection_id FROM cta.collection")
        product = {
            "product_id": product_id,
            "publisher_did": did,
            "obs_id": number,
            "collection_id": collection["collection_id"],
            "data_level": "DL4",
            "title": "A map",
            "rights": "public",
        }
        file = {
            "file_id": key(did, "product"),
            "product_id": product_id,
            "role": "product",
            "name": "map.fits",
            "path": str(path),
        }
        analysis = {
            "analysis_id": job,
            "product_id": product_id,
            "task": "count_map",
            "task_version": "1",
            "configuration": "{}",
        }
        used: Row = {
            "analysis_input_id": key(job, "1"),
            "analysis_id": job,
            "input_did": input_did,
            "position": 1,
        }
        archive.store(
            Bundle(
                did,
                "sum",
                {
                    "cta.product": (product,),
                    "cta.product_file": (file,),
                    "cta.analysis": (analysis,),
                    "cta.analysis_input": (used,),
                },
            )
        )
    return did


def test_refused_lists_mends_and_forgets(home: Path, gadf_set: Path) -> None:
    broken = gadf_set / "data" / "run_2.fits.gz"
    cut_gzip(broken, 0.5)
    status, text = run(home, "ingest", str(gadf_set), "--collection", "c")
    assert status == 3
    assert "`distiller ingest --refused` tries it again" in text
    status, text = run(home, "refused")
    assert status == 0
    assert "c: D107 truncated (1)" in text
    assert "The file ends too early: fetch it again." in text
    assert f"- {broken} (run 2): the gzip stream ends too early; since 20" in text
    (one,) = json.loads(run(home, "refused", "--collection", "c", "--json")[1])
    assert one["code"] == "D107"
    assert one["advice"] == "The file ends too early: fetch it again."
    assert run(home, "refused", "--code", "d104")[1] == "nothing is refused\n"
    RunPlan(obs_id=2).write(broken)
    assert run(home, "ingest", "--refused")[0] == 0
    assert run(home, "refused") == (0, "nothing is refused\n")
    cut_gzip(broken, 0.5)
    load(home, gadf_set)
    status, text = run(home, "refused", "--forget", "elsewhere")
    assert status == 1
    assert "nothing is refused of elsewhere" in text
    assert run(home, "refused", "--forget", str(broken))[0] == 0
    assert run(home, "refused") == (0, "nothing is refused\n")


def test_a_relative_path_can_be_forgotten(
    home: Path, gadf_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = gadf_set / "data" / "run_2.fits.gz"
    cut_gzip(broken, 0.5)
    (gadf_set.parent / "link").symlink_to(gadf_set)
    monkeypatch.chdir(gadf_set.parent)
    for folder in (gadf_set.name, "link"):
        load(home, gadf_set)
        path = f"{folder}/data/../data/run_2.fits.gz"
        assert run(home, "refused", "--forget", path) == (0, f"{path}: forgotten\n")
        assert run(home, "refused") == (0, "nothing is refused\n")


def test_what_is_refused_is_asked_by_known_names(home: Path, gadf_set: Path) -> None:
    load(home, gadf_set)
    assert run(home, "refused", "--collection", "c") == (0, "nothing is refused\n")
    for arguments, words in (
        (("--collection", "cc"), "there is no collection 'cc' (did you mean c; known"),
        (("--collection", "other"), "there is no collection 'other' (known: c)"),
        (("--code", "D999"), "'D999': there is no such code (known: D100, D101, "),
        (("--code", "d216"), "'d216': it refuses nothing (known: D100, "),
    ):
        status, text = run(home, "refused", *arguments)
        assert (status, words in text) == (1, True), text


def test_ingest_wants_paths_or_refused(home: Path, gadf_set: Path) -> None:
    for arguments in ((), (str(gadf_set), "--refused")):
        status, text = run(home, "ingest", *arguments)
        assert status == 2
        assert "give PATH... or --refused" in text


def test_remove_shows_first_and_tells_what_was_made(home: Path, gadf_set: Path) -> None:
    load(home, gadf_set)
    product = make_product(home, f"{DID}2")
    status, text = run(home, "remove", f"{DID}2", "--reason", "bad weather")
    assert status == 1
    assert f"- {DID}2: Test source, TESTSCOPE run 2, public" in text
    assert f"made from them, and kept: 1\n  - {product}: A map" in text
    assert "nothing was removed; add --yes" in text
    with open_archive(load_settings(home)) as archive:
        assert len(archive.rows("SELECT 1 FROM cta.product")) == 4
    words = ("remove", f"{DID}2", "--reason", "bad weather", "--yes")
    assert run(home, *words)[1].endswith("removed: 1\n")
    status, text = run(home, "remove", f"{DID}2", "--reason", "again", "--yes")
    assert (status, f"not in the archive: {DID}2" in text) == (1, True)
    with open_archive(load_settings(home)) as archive:
        rows = archive.rows("SELECT publisher_did FROM cta.product ORDER BY 1")
        assert [row["publisher_did"] for row in rows] == [f"{DID}1", f"{DID}3", product]


@pytest.mark.parametrize("end", ["whole", "cut off"])
def test_files_of_a_product_go_with_it(home: Path, gadf_set: Path, end: str) -> None:
    """Those of runs stay, and those of other products."""
    load(home, gadf_set)
    settings, (one, other) = load_settings(home), (str(uuid4()), str(uuid4()))
    dids = [make_product(home, f"{DID}2", job_id) for job_id in (one, other)]
    places = [folders.product_folder(settings, "count_map", j) for j in (one, other)]
    assert run(home, "check") == (0, sound(home))
    words = ("remove", dids[0], f"{DID}1", "--reason", "wrong", "--yes")
    if end == "whole":
        assert run(home, *words)[1].endswith("removed: 2\n")
        assert [place.exists() for place in places] == [False, True]
        assert list(places[0].parent.iterdir()) in ([], [places[1]])
    else:  # killed after the rows were gone
        with open_archive(settings) as archive:
            assert archive.remove(dids[0])
        status, text = run(home, "check")
        told = f"{places[0]}: files of a product that is not in the archive; if no job"
        assert (status, told in text, str(places[1]) in text) == (1, True, False)
        shutil.rmtree(places[0])
    assert run(home, "check") == (0, sound(home))
    assert (gadf_set / "data" / "run_1.fits.gz").exists()


def test_remove_some_or_all_of_a_collection(home: Path, gadf_set: Path) -> None:
    cut_gzip(gadf_set / "data" / "run_3.fits.gz", 0.5)
    load(home, gadf_set)
    why = ("--reason", "test", "--yes")
    status, text = run(home, "remove", "--collection", "c", "--obs", "9", *why)
    assert (status, "not in the archive: 9" in text) == (1, True)
    text = run(home, "remove", "--collection", "c", "--obs", "1", *why)[1]
    assert text.endswith("removed: 1\n")
    assert run(home, "refused")[1] != "nothing is refused\n"
    assert run(home, "remove", "--collection", "c", *why)[1].endswith("removed: 1\n")
    assert run(home, "refused")[1] == "nothing is refused\n"
    assert run(home, "remove", "--collection", "c", *why)[0] == 1
    status, text = run(home, "history", f"{DID}2")
    assert text.endswith(": with the whole collection: test\n")
    assert run(home, "remove", *why)[0] == 2
    assert run(home, "remove", f"{DID}1", "--reason", " ")[0] == 1


def test_removing_a_collection_keeps_what_users_made(
    home: Path, gadf_set: Path
) -> None:
    load(home, gadf_set)
    product = make_product(home, f"{DID}1")  # is filed in c under obs_id 1
    why = ("--reason", "test", "--yes")
    one = ("remove", "--collection", "c", "--obs", "1", *why)
    text = run(home, *one)[1]
    assert f"made from them, and kept: 1\n  - {product}: A map" in text
    assert text.endswith("removed: 1\n")
    status, text = run(home, "remove", "--collection", "c", *why)
    assert (status, text.splitlines()[-1]) == (0, "removed: 2")
    with open_archive(load_settings(home)) as archive:
        rows = archive.rows("SELECT publisher_did FROM cta.product")
        assert [row["publisher_did"] for row in rows] == [product]
        assert archive.check() == []
    assert run(home, *("remove", "--collection", "c", *why))[0] == 1


def test_history_tells_every_state(home: Path, gadf_set: Path) -> None:
    load(home, gadf_set)
    product = make_product(home, f"{DID}2")
    RunPlan(obs_id=2, n_events=9).write(gadf_set / "data" / "run_2.fits.gz")
    load(home, gadf_set)
    run(home, "remove", f"{DID}2", "--reason", "bad weather", "--yes")
    again = ("ingest", str(gadf_set), "--collection", "c")
    status, text = run(home, *again)
    assert (status, "D236 note: removed before" in text) == (0, True)
    assert ": bad weather" in text
    assert run(home, *again, "--restore", "2")[0] == 0
    status, text = run(home, "history", f"{DID}2")
    when = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"
    assert status == 0
    assert re.fullmatch(
        rf"{re.escape(DID)}2\n  1\. from {when}, replaced {when}\n"
        rf"  2\. from {when}, removed {when}: bad weather\n"
        rf"  3\. from {when}, current\n  made from it: {re.escape(product)}\n",
        text,
    )
    found = json.loads(run(home, "history", f"{DID}2", "--json")[1])
    assert [one["end_reason"] for one in found["versions"]] == [
        "replaced",
        "removed",
        None,
    ]
    status, text = run(home, "history", f"{DID}77")
    assert (status, f"the archive never had {DID}77" in text) == (1, True)


def test_check_files_lists_by_dataset(home: Path, gadf_set: Path) -> None:
    load(home, gadf_set)
    for words in ("--files", "--files=quick", "--files=checksums"):
        assert run(home, "check", words) == (0, sound(home))
    gone, cut = (gadf_set / "data" / f"run_{n}.fits.gz" for n in (1, 3))
    gone.unlink()
    cut_gzip(cut, 0.5)
    status, text = run(home, "check", "--files=quick")
    assert status == 1
    lines = text.splitlines()
    assert lines[0] == f"{DID}1:"
    assert lines[1].startswith(f"  - {gone} (events): the file is missing: put")
    assert lines[2] == f"{DID}3:"
    assert lines[3].startswith(f"  - {cut} (events): has ")
    assert lines[4] == "2 of 3 files are not as they were ingested"


def test_check_takes_out_what_nothing_refers_to(home: Path, gadf_set: Path) -> None:
    load(home, gadf_set)
    assert run(home, "check", "--mend") == (
        0,
        f"taken out: 0 unused rows\n{sound(home)}",
    )
    run(home, "remove", "--collection", "c", "--reason", "test", "--yes")
    with open_archive(load_settings(home)) as archive:
        for table in ("collection", "target", "site", "project"):
            assert archive.rows(f"SELECT 1 FROM cta.{table}") == []
    status, text = run(home, "check", "--mend")
    assert (status, text.startswith("taken out: 0 unused rows\n")) == (0, True)


def test_check_tells_of_runs_of_another_authority(home: Path, gadf_set: Path) -> None:
    load(home, gadf_set)
    (home / "distiller.toml").write_text('authority = "org.moved"\n')
    status, text = run(home, "check")
    assert status == 1
    assert text.startswith(
        f"3 runs have another authority than org.moved, such as {DID}1: set"
    )
    status, text = run(home, "ingest", str(gadf_set), "--collection", "c")
    assert (status, "ingested under distiller.invalid" in text) == (1, True)
