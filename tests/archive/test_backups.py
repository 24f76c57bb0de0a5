"""A backup that has its name is whole, whenever the upgrade was killed."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.archive import changed

from distiller.archive import open_archive
from distiller.archive.upgrade import plan, upgrade
from distiller.core.errors import IllegalState
from distiller.core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow

_KILLED = """
import os, signal, sys
from distiller.archive.duckdb import upgrade as room
from distiller.archive.upgrade import plan, upgrade
from distiller.core.settings import load_settings

home, folder, moment, url = sys.argv[1:]
settings = load_settings(home, model_dir=folder, database_url=url or None)

def end(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def after_the_change(folder):
    if folder == settings.home:
        end()

if moment == "changed":
    room.sync_folder = after_the_change
upgrade(settings, plan(settings), say=end if moment == "said" else print)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a model with another attribute."""
    folder = changed.copied(tmp_path / "uml")
    changed.with_attribute(folder, "dewPoint", "{unit: K, ucd: phys.temperature}")
    return folder


@pytest.fixture
def file_home(tmp_home: Settings, toy: Any) -> Settings:
    """Return a home whose archive is a file."""
    return _filled(tmp_home, toy)


@pytest.fixture
def base_home(tmp_path: Path, postgres_url: str, toy: Any) -> Settings:
    """Return a home whose archive is in PostgreSQL."""
    home = tmp_path / "home"
    home.mkdir()
    given = load_settings(home, authority="org.example", database_url=postgres_url)
    return _filled(given, toy)


def _filled(settings: Settings, toy: Any) -> Settings:
    with open_archive(settings) as archive:
        archive.store(toy.bundle(1))
    return settings


def _digest(settings: Settings) -> str:
    with open_archive(settings) as archive:
        return archive.digest()


def _killed(settings: Settings, folder: Path, moment: str) -> None:
    """Upgrade in a process that is killed at a moment."""
    url = settings.database_url.get_secret_value() if settings.database_url else ""
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(settings.home), str(folder), moment, url],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def _named(settings: Settings) -> list[Path]:
    return sorted(settings.backups_path.glob("archive-*"))


def _unnamed(settings: Settings) -> list[Path]:
    return sorted(settings.backups_path.glob(".*"))


def test_a_file_that_is_the_archive_still_is_no_backup(
    file_home: Settings, folder: Path, toy: Any
) -> None:
    _killed(file_home, folder, "said")
    assert _named(file_home) == []
    # The archive goes on, and what goes in is in no backup.
    with open_archive(file_home) as archive:
        archive.store(toy.bundle(2))
    settings = changed.model_dir(file_home, folder)
    planned = plan(settings)
    assert (planned.is_due, _unnamed(file_home)) == (True, [])
    before = _digest(file_home)
    upgrade(settings, planned)
    (backup,) = _named(file_home)
    backup.replace(file_home.archive_path)
    assert _digest(file_home) == before


def test_a_backup_whose_upgrade_was_killed_gets_its_name(
    file_home: Settings, folder: Path
) -> None:
    before = _digest(file_home)
    _killed(file_home, folder, "changed")
    assert _named(file_home) == []
    assert len(_unnamed(file_home)) == 1
    settings = changed.model_dir(file_home, folder)
    assert not plan(settings).is_due
    (backup,) = _named(file_home)
    assert _unnamed(file_home) == []
    assert backup.stat().st_mode & 0o077 == 0
    backup.replace(file_home.archive_path)
    assert _digest(file_home) == before


def test_where_no_links_are_the_backup_is_a_copy(
    file_home: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _digest(file_home)
    link = Path.hardlink_to

    def elsewhere(self: Path, target: Path) -> None:
        if self.parent == file_home.backups_path:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        link(self, target)

    monkeypatch.setattr(Path, "hardlink_to", elsewhere)
    settings = changed.model_dir(file_home, folder)
    upgrade(settings, plan(settings))
    (backup,) = _named(file_home)
    assert _unnamed(file_home) == []
    assert backup.stat().st_mode & 0o077 == 0
    backup.replace(file_home.archive_path)
    assert _digest(file_home) == before


@pytest.fixture
def dumping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return what puts a pg_dump on the PATH that ends amid its work, as told."""

    def put(how: str) -> None:
        program = tmp_path / "bin" / "pg_dump"
        program.parent.mkdir()
        program.write_text(
            "#!/bin/sh\n"
            'for word; do case "$word" in --file=*) file="${word#--file=}";; esac; '
            'done\nprintf PGDMP > "$file"\n'
            f"{how}\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    return put


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("kill -9 $$", "pg_dump made no backup: it was ended by SIGKILL"),
        ("echo no space left >&2; exit 1", "pg_dump made no backup: no space left"),
        ("exit 3", "pg_dump made no backup: it ended with status 3"),
    ],
)
def test_a_dump_that_is_cut_off_is_none(
    base_home: Settings,
    folder: Path,
    dumping: Callable[[str], None],
    how: str,
    words: str,
) -> None:
    before = _digest(base_home)
    settings = changed.model_dir(base_home, folder)
    planned = plan(settings)
    dumping(how)
    with pytest.raises(IllegalState, match=words):
        upgrade(settings, planned)
    assert list(base_home.backups_path.iterdir()) == []
    assert _digest(base_home) == before


def test_a_dump_amid_which_the_upgrade_was_killed_is_none(
    base_home: Settings,
    folder: Path,
    dumping: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, path = _digest(base_home), os.environ["PATH"]
    dumping("kill -9 $PPID")
    _killed(base_home, folder, "dumping")
    assert _named(base_home) == []
    assert len(_unnamed(base_home)) == 1
    assert _digest(base_home) == before
    monkeypatch.setenv("PATH", path)
    settings = changed.model_dir(base_home, folder)
    upgrade(settings, plan(settings))
    assert len(_named(base_home)) == 1
    assert _unnamed(base_home) == []
