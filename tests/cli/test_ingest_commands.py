"""Commands of the database manager: ingest, refused, remove, history, check."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from tests.ingest.conftest import RunPlan, cut_gzip, gadf_set

from distiller.archive import open_archive
from distiller.cli import program
from distiller.core.bundle import Bundle
from distiller.core.identifiers import key
from distiller.core.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.core.bundle import Row
    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow

__all__ = ["gadf_set"]  # a fixture of the ingest tests

DID = "ivo://distiller.invalid/c?"


@pytest.fixture
def home(named_home: Settings) -> Path:
    return named_home.home


def run(home: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(program, ["--home", str(home), *arguments])
    text = result.output
    if result.exception and not isinstance(result.exception, SystemExit):
        text += str(result.exception)
    return result.exit_code, text


def load(home: Path, folder: Path) -> None:
    assert run(home, "ingest", str(folder), "--collection", "c")[0] in {0, 3}


def make_product(home: Path, input_did: str) -> str:
    """Register a product that was made from a dataset; return its DID."""
    did, job = "ivo://distiller.invalid/c?count_map/1", key("job")
    with open_archive(load_settings(home)) as archive:
        (collection,) = archive.rows("SELECT collection_id FROM cta.collection")
        product = {
            "product_id": key(did),
            "publisher_did": did,
            "obs_id": "1",
            "collection_id": collection["collection_id"],
            "data_level": "DL4",
            "title": "A map",
            "rights": "public",
        }
        file = {
            "file_id": key(did, "product"),
            "product_id": key(did),
            "role": "product",
            "name": "map.fits",
            "path": str(home / "map.fits"),
        }
        analysis = {
            "analysis_id": job,
            "product_id": key(did),
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
        assert run(home, "check", words) == (0, f"{home}: nothing is wrong\n")
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
