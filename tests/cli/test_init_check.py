"""``distiller init`` and ``distiller check``."""

from __future__ import annotations

import hashlib
import stat
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import duckdb
import pytest
from click.testing import CliRunner

from distiller.archive import open_archive
from distiller.cli import program
from distiller.cli.init import template_text
from distiller.core.bundle import Bundle
from distiller.core.errors import Damaged
from distiller.core.identifiers import key
from distiller.core.settings import Settings, load_settings

if TYPE_CHECKING:
    from pathlib import Path


def _run(home: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(program, ["--home", str(home), *arguments])
    text = result.output
    if result.exception and not isinstance(result.exception, SystemExit):
        text += str(result.exception)
    return result.exit_code, text


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _store(home: Path, file: Path) -> None:
    """Store one product with one file."""
    did = "ivo://org.example/toy?1"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    product = {
        "product_id": key(did),
        "publisher_did": did,
        "obs_id": "1",
        "collection_id": key("toy"),
        "data_level": "DL3",
        "rights": "public",
    }
    own = {
        "file_id": key(did, "events"),
        "product_id": key(did),
        "role": "events",
        "name": file.name,
        "path": str(file),
        "checksum": digest,
    }
    with open_archive(load_settings(home)) as archive:
        archive.store(
            Bundle(
                did,
                digest,
                {
                    "cta.collection": ({"collection_id": key("toy"), "name": "toy"},),
                    "cta.product": (product,),
                    "cta.product_file": (own,),
                },
            )
        )


def test_init_makes_a_home_that_is_private_and_sound(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "home"
    status, text = _run(home, "init")
    assert status == 0
    made, advice = text.splitlines()
    assert made == f"{home} is made; its settings are in {home}/distiller.toml"
    assert advice.startswith("set `authority` and `base_url` there before")
    assert _mode(home) == 0o700
    assert _mode(home / "distiller.toml") == 0o600
    assert _run(home, "check") == (0, f"{home}: nothing is wrong\n")


def test_an_archive_that_lacks_a_table_is_to_be_restored(tmp_path: Path) -> None:
    home = tmp_path / "home"
    _run(home, "init")
    with duckdb.connect(str(home / "archive.duckdb")) as database:
        database.execute("DROP TABLE cta.finding")
    result = CliRunner().invoke(program, ["--home", str(home), "check"])
    assert isinstance(result.exception, Damaged)
    assert "finding" in result.exception.text
    assert "put a backup in its place" in (result.exception.hint or "")


def test_init_again_changes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    _run(home, "init")
    (home / "distiller.toml").write_text('site_title = "Ours"\n')
    status, text = _run(home, "init")
    assert status == 0
    assert "was there already" in text
    assert load_settings(home).site_title == "Ours"


def test_the_template_documents_every_setting_and_changes_none(tmp_path: Path) -> None:
    text = template_text()
    assert tomllib.loads(text) == {}
    for name, field in Settings.model_fields.items():
        if name != "home":
            assert f"# {field.description}\n# {name} = " in text
    (tmp_path / "distiller.toml").write_text(text)
    assert load_settings(tmp_path) == load_settings(tmp_path / "none").model_copy(
        update={"home": tmp_path}
    )


def test_settings_of_the_template_can_be_uncommented(tmp_path: Path) -> None:
    lines = [
        line.removeprefix("# ")
        for line in template_text().splitlines()
        if line.startswith("# ") and " = " in line
    ]
    (tmp_path / "distiller.toml").write_text("\n".join(lines) + "\n")
    given = load_settings(tmp_path)
    assert given.calib_levels == load_settings(tmp_path / "none").calib_levels


def test_check_of_no_archive_says_what_to_do(tmp_path: Path) -> None:
    status, text = _run(tmp_path / "none", "check")
    assert status == 1
    assert "there is no archive in" in text
    assert "distiller init" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("none", "nothing is wrong"),
        ("edit", "the content has changed since it was ingested"),
        ("remove", "the file is missing"),
    ],
)
def test_check_files(
    named_home: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
    words: str,
) -> None:
    monkeypatch.setenv("DISTILLER_AUTHORITY", "org.example")
    home, file = named_home.home, tmp_path / "run 1.fits"
    file.write_bytes(b"SIMPLE")
    _store(home, file)
    if change == "edit":
        file.write_bytes(b"SIMPLE?")
    elif change == "remove":
        file.unlink()
    status, text = _run(home, "check", "--files")
    assert words in text
    assert status == (0 if change == "none" else 1)
    if status:
        assert f"ivo://org.example/toy?1:\n  - {file} (events): " in text
    # A missing file is seen at once; contents are read only when asked.
    assert _run(home, "check")[0] == (1 if change == "remove" else 0)


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    home = tmp_path / "file" / "home"
    words = [sys.executable, "-m", "distiller", "--home", str(home), "init"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"distiller: U000 {home}: Not a directory")
    assert done.stderr.count("\n") == 1
