"""``distiller model diff`` and ``distiller upgrade``, as commands."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import duckdb
import pytest
from click.testing import CliRunner
from tests.archive import changed

from distiller.archive.opening import engine_of
from distiller.cli import program
from distiller.core.errors import DistillerError
from distiller.core.settings import load_settings
from distiller.model import load_file
from distiller.model.emit import sql

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow


def _run(*arguments: str, answer: str | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(program, list(arguments), input=answer)
    text = result.output
    if isinstance(result.exception, DistillerError):
        text += str(result.exception)
    elif result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the packaged model with another weather quantity."""
    folder = changed.copied(tmp_path / "uml")
    changed.with_attribute(folder, "dewPoint", "{unit: K, ucd: phys.temperature}")
    return folder


def _set(home: Path, folder: Path) -> None:
    (home / "distiller.toml").write_text(f'model_dir = "{folder}"\n')


@pytest.fixture
def made(named_home: Settings, installed_home: Settings) -> Settings:
    """Return a home on each engine with an archive, as commands find it."""
    assert named_home is installed_home
    return named_home


def test_upgrade_asks_tells_and_does(made: Settings, folder: Path) -> None:
    home = ("--home", str(made.home))
    assert _run(*home, "upgrade") == (0, "the archive is of this data model\n")
    assert _run(*home, "model", "diff") == (0, "")
    _set(made.home, folder)
    kind = "DOUBLE" if made.database_url is None else "DOUBLE PRECISION"
    line = f"cta.ambient_conditions.dew_point: column new: {kind}"
    status, text = _run(*home, "model", "diff")
    assert status == 1
    assert line in text.splitlines()
    status, text = _run(*home, "query", "SELECT 1 AS one FROM ivoa.obscore")
    assert status == 1
    assert "distiller upgrade" in text
    status, text = _run(*home, "upgrade", "--dry-run")
    assert status == 0
    assert line in text
    assert "nothing was done" in text
    status, text = _run(*home, "upgrade", answer="n\n")
    assert (status, "Aborted!" in text) == (1, True)
    assert "--yes upgrades without asking" in text
    status, text = _run(*home, "upgrade", answer="y\n")
    assert status == 0
    assert f"the archive as it was: {made.backups_path}" in text
    assert _run(*home, "model", "diff") == (0, "")
    assert _run(*home, "upgrade", "--yes") == (0, "the archive is of this data model\n")
    query = "SELECT dew_point FROM cta.ambient_conditions"
    assert _run(*home, "query", query, "--format", "csv") == (0, "dew_point\n")
    assert _run(*home, "adql", query) == (0, "")


def test_what_rows_do_not_allow_is_told_in_a_dry_run_too(
    made: Settings, folder: Path
) -> None:
    home = ("--home", str(made.home))
    with closing(engine_of(made)) as engine, closing(engine.session()) as session:
        session.execute(
            "INSERT INTO cta.project (project_id, name) VALUES ('p', 'One project')"
        )
    drawing = folder / "cta.vo-dml.xml"
    before, drawn, after = drawing.read_text().partition(
        "<vodml-id>Project.Project.name</vodml-id>"
    )
    assert drawn
    drawing.write_text(
        before + drawn + after.replace("ivoa:string<", "ivoa:integer<", 1)
    )
    changed.replace(
        folder / "cta.binding.yaml",
        "    key: project_id\n    columns:\n      name: {",
        "    key: project_id\n    columns:\n      name: {datatype: int, ",
    )
    _set(made.home, folder)
    words = (
        "cta.project.name becomes INTEGER, and 1 row has a value that cannot become "
        "one, such as 'One project', that of project_id = 'p'"
    )
    assert "cta.project.name: column type" in _run(*home, "model", "diff")[1]
    status, text = _run(*home, "upgrade", "--dry-run")
    assert (status, f"in the way: {words}" in text) == (1, True)
    assert text.splitlines()[-1].endswith("nothing was done")
    status, text = _run(*home, "upgrade", "--yes")
    assert status == 1
    assert text.count(words) == 1
    assert "stands in the way of the upgrade, see the line above" in text
    assert not made.backups_path.exists()


def test_what_was_kept_is_a_note_and_no_difference(
    made: Settings, folder: Path
) -> None:
    home = ("--home", str(made.home))
    _set(made.home, folder)
    assert _run(*home, "upgrade", "--yes")[0] == 0
    (made.home / "distiller.toml").unlink()
    status, text = _run(*home, "model", "diff")
    assert status == 1
    assert "cta.ambient_conditions.dew_point: column gone: DOUBLE" in text
    status, text = _run(*home, "upgrade", "--yes")
    stays = "cta.ambient_conditions.dew_point: stays, though the model does not have it"
    assert (status, stays in text) == (0, True)
    assert "column gone" not in text
    status, text = _run(*home, "model", "diff")
    note = "note: cta.ambient_conditions.dew_point: column kept: DOUBLE"
    assert (status, text.startswith(note), text.count("\n")) == (0, True, 1)
    status, text = _run(*home, "upgrade")
    assert text.splitlines()[1:] == ["the archive is of this data model"]
    status, text = _run(*home, "model", "diff", "--sql", "--drop")
    assert "DROP" in text
    status, text = _run(*home, "upgrade", "--drop", "--yes")
    assert status == 0
    dropped = "cta.ambient_conditions.dew_point: column kept: DOUBLE"
    (line,) = [line for line in text.splitlines() if line.startswith(dropped)]
    assert line.endswith(" is dropped")
    assert _run(*home, "model", "diff") == (0, "")


def test_two_files_are_compared(folder: Path, tmp_path: Path) -> None:
    old = str(changed.copied(tmp_path / "old") / "cta.vo-dml.xml")
    new = str(folder / "cta.vo-dml.xml")
    assert _run("model", "diff", old, old) == (0, "")
    status, text = _run("model", "diff", new, old)
    assert status == 1
    assert "cta.ambient_conditions.dew_point: column gone: DOUBLE (DESTRUCTIVE)" in text
    status, text = _run("model", "diff", old, new, "--sql", "--engine", "postgresql")
    assert "ADD COLUMN dew_point DOUBLE PRECISION;" in text
    assert "COMMENT ON COLUMN cta.ambient_conditions.dew_point IS" in text
    assert _run("model", "diff", old, new, new)[0] == 2


def test_the_sql_of_a_difference_leads_there(folder: Path, tmp_path: Path) -> None:
    old = changed.copied(tmp_path / "old") / "cta.vo-dml.xml"
    new = folder / "cta.vo-dml.xml"
    connection = duckdb.connect()
    beside = changed.copied(tmp_path / "beside") / "obscore.vo-dml.xml"
    for path in (beside, old):
        for statement in sql.ddl(load_file(path)):
            connection.execute(statement)
    connection.execute(
        """INSERT INTO cta.ambient_conditions
        (ambient_conditions_id, observation_id, zenith) VALUES ('a', 'o', 20)"""
    )
    status, text = _run("model", "diff", str(old), str(new), "--sql")
    assert status == 1
    connection.execute(text)
    found = connection.execute(
        "SELECT zenith, dew_point FROM cta.ambient_conditions"
    ).fetchall()
    assert found == [(20.0, None)]


def test_a_folder_that_is_not_there_is_refused(tmp_home: Settings) -> None:
    _set(tmp_home.home, tmp_home.home / "nowhere")
    status, text = _run("--home", str(tmp_home.home), "model", "sql")
    assert status == 1
    assert "there is no folder" in text
    assert "DISTILLER_MODEL_DIR" in text
    _set(tmp_home.home, tmp_home.home)
    settings = load_settings(tmp_home.home)
    assert settings.model_dir == tmp_home.home
