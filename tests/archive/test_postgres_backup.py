"""The commands of the documentation make a backup, and an archive of it again."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from tests.archive import changed

from distiller.archive import open_archive
from distiller.archive.upgrade import plan, upgrade
from distiller.core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support import postgres

    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow

_HOWTO = Path(__file__).parents[2] / "docs" / "howto"
_OWNER = "dump_owner"
_ASKED = "SELECT count(*) AS n FROM ivoa.obscore WHERE dst.may_meet(s_region, s_region)"


def _block(page: str, heading: str) -> str:
    """Return the first block of commands below a heading."""
    text = (_HOWTO / page).read_text()
    below = text.partition(f"\n## {heading}\n")[2]
    found = re.search(r"```\n(.*?)```", below, re.DOTALL)
    assert found, (page, heading)
    return found.group(1)


@pytest.fixture
def owned(postgres_server: postgres.Server) -> Callable[[], str]:
    """Return what makes a database of a user who is no superuser; it gives the URL."""

    def make() -> str:
        url = postgres_server.create()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                f"DO $$ BEGIN CREATE ROLE {_OWNER} LOGIN; "
                f"EXCEPTION WHEN duplicate_object THEN NULL; END $$"
            )
            name = connection.info.dbname
            connection.execute(f"ALTER DATABASE {name} OWNER TO {_OWNER}".encode())
        return url.replace("distiller@", f"{_OWNER}@")

    return make


@pytest.fixture
def home(owned: Callable[[], str], tmp_path: Path, toy: Any) -> Settings:
    """Return a home whose archive is that user's, with points and a region."""
    folder = tmp_path / "home"
    folder.mkdir()
    settings = load_settings(
        folder, authority="org.example", database_url=owned(), resolver_url=""
    )
    with open_archive(settings) as archive:
        archive.store_many([toy.bundle(number) for number in range(4)])
    return settings


def _run(commands: str, settings: Settings, folder: Path, url: str) -> str:
    """Run commands of a page with another database in place of the one they name."""
    commands, count = re.subn(r"^DB=.*$", f"DB='{url}'", commands, flags=re.MULTILINE)
    assert count == 1
    # The files of these datasets are nowhere, which the last command tells.
    commands = commands.rstrip() + " || true"
    program = folder / "bin" / "distiller"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m distiller "$@"\n')
    program.chmod(0o755)
    done = subprocess.run(
        ["bash", "-ec", commands],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "DISTILLER_HOME": str(settings.home),
            "DISTILLER_DATABASE_URL": url,
            "DISTILLER_AUTHORITY": settings.authority,
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _url(settings: Settings) -> str:
    assert settings.database_url is not None
    return settings.database_url.get_secret_value()


def _indexes(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT indexdef FROM pg_indexes WHERE schemaname <> 'pg_catalog'"
        )
        return {str(row[0]) for row in rows}


def test_a_backup_is_restored_by_the_commands_of_the_page(
    home: Settings, owned: Callable[[], str], tmp_path: Path
) -> None:
    with open_archive(home) as archive:
        before = archive.digest()
    _run(_block("postgresql.md", "Back up"), home, tmp_path, _url(home))
    copy = owned()
    told = _run(_block("postgresql.md", "Restore"), home, tmp_path, copy)
    assert "8 of 8 files are not" in told
    assert " index " not in told
    assert _indexes(copy) == _indexes(_url(home))
    restored = load_settings(home.home, authority="org.example", database_url=copy)
    with open_archive(restored) as archive:
        assert archive.check() == []
        assert archive.digest() == before
        assert archive.rows(_ASKED) == [{"n": 4}]


def test_an_upgrade_says_how_to_go_back(
    home: Settings, toy: Any, tmp_path: Path
) -> None:
    with open_archive(home) as archive:
        before = archive.digest()
    there = _indexes(_url(home))
    folder = changed.copied(tmp_path / "uml")
    changed.with_attribute(folder, "dewPoint", "{unit: K, ucd: phys.temperature}")
    settings = load_settings(
        home.home,
        authority="org.example",
        database_url=_url(home),
        model_dir=folder,
    )
    said: list[str] = []
    upgrade(settings, plan(settings), say=said.append)
    with open_archive(settings) as archive:
        archive.store(toy.bundle(8))
    told = said[said.index("to go back, with the model as it was:") + 1 :]
    _run("\n".join(["DB=", *told, "distiller check"]), home, tmp_path, _url(home))
    assert _indexes(_url(home)) == there
    with open_archive(home) as archive:
        assert archive.check() == []
        assert archive.digest() == before
        assert archive.rows(_ASKED) == [{"n": 4}]
        assert archive.store(toy.bundle(0)) == "unchanged"


def test_the_page_goes_back_with_the_same_commands() -> None:
    page = (_HOWTO / "change-the-model.md").read_text()
    restore = _block("postgresql.md", "Restore")
    drop = restore[restore.index("psql ") : restore.index("pg_restore")]
    assert drop in page


def test_a_dump_without_the_functions_is_mended(home: Settings) -> None:
    with psycopg.connect(_url(home)) as connection:
        connection.execute("DROP SCHEMA dst CASCADE")
    with closing(open_archive(home)) as archive:
        assert archive.rows("SELECT dst.area('{1,2,90}') > 6 AS a") == [{"a": True}]
        found = archive.check()
    lost = "the index ivoa.obscore__s_region__idx of ivoa.obscore is not there"
    assert any(finding.startswith(lost) for finding in found), found
    upgrade(home, plan(home))
    with open_archive(home) as archive:
        assert archive.check() == []
