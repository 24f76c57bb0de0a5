"""The commands of a database manager, on each engine."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from distiller.archive import open_archive
from distiller.core.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow


def _run(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DISTILLER_AUTHORITY": "org.example"}
    if settings.database_url is not None:
        environment["DISTILLER_DATABASE_URL"] = settings.database_url.get_secret_value()
    return subprocess.run(
        [sys.executable, "-m", "distiller", "--home", str(settings.home), *words],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def test_from_init_to_check(engine_home: Settings, engine: str, tmp_path: Path) -> None:
    made = _run(engine_home, "init")
    assert "is made; its settings are in " in made.stdout, made.stderr
    if engine == "postgresql":
        assert made.stdout.startswith("the database test_")
        assert not engine_home.archive_path.exists()
    assert "was there already" in _run(engine_home, "init").stdout
    runs = tmp_path / "runs"
    size = ["--runs", "5", "--seed", "1", "--metadata-only"]
    assert _run(engine_home, "simulate", str(runs), *size).returncode == 0
    first = _run(engine_home, "ingest", str(runs), "--collection", "sim")
    assert first.returncode == 0, first.stdout + first.stderr
    again = _run(engine_home, "ingest", str(runs), "--collection", "sim")
    assert again.returncode == 0, again.stdout + again.stderr
    adql = "SELECT count(*) AS n FROM ivoa.obscore WHERE obs_collection = 'sim'"
    found = _run(engine_home, "query", adql, "--format", "csv")
    assert found.stdout.split() == ["n", "5"], found.stderr
    cone = "SELECT obs_id FROM ivoa.obscore WHERE 1 = CONTAINS(POINT(s_ra, s_dec), "
    (tmp_path / "mine.csv").write_text("n,word\n1,one\n2,two\n", encoding="utf-8")
    mine = ["--upload", f"mine={tmp_path / 'mine.csv'}", "--format", "csv"]
    joined = "SELECT word FROM TAP_UPLOAD.mine WHERE n = 2"
    assert _run(engine_home, "query", joined, *mine).stdout.split() == ["word", "two"]
    near = _run(engine_home, "query", cone + "CIRCLE(83.63, 22.01, 5))")
    assert near.returncode == 0, near.stderr
    sound = _run(engine_home, "check")
    assert sound.returncode == 0, sound.stdout + sound.stderr
    assert "nothing is wrong" in sound.stdout


def test_without_an_archive(engine_home: Settings) -> None:
    for words in (["query", "SELECT 1 FROM ivoa.obscore"], ["check"]):
        done = _run(engine_home, *words)
        assert done.returncode == 1
        assert "there is no archive in" in done.stderr
        assert "distiller init" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_the_rows_are_those_of_duckdb(engine_home: Settings, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    size = ["--runs", "6", "--seed", "3", "--metadata-only"]
    assert _run(engine_home, "simulate", str(runs), *size).returncode == 0
    assert _run(engine_home, "ingest", str(runs)).returncode == 0
    reference = load_settings(tmp_path / "reference", authority="org.example")
    assert _run(reference, "ingest", str(runs)).returncode == 0
    with open_archive(engine_home) as ours, open_archive(reference) as theirs:
        assert list(ours.dump()) == list(theirs.dump())
