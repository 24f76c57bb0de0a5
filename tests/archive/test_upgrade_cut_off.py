"""An upgrade that is killed at any moment, or met by others, leaves old or new."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from tests.archive import changed
from tests.archive.upgrading import RUNS, digest, upgraded

from distiller.archive import open_archive
from distiller.archive.upgrade import plan, upgrade

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow

_KILLED = """
import os, signal, sys
from pathlib import Path
from distiller.archive.upgrade import plan, upgrade
from distiller.core.settings import load_settings

home, folder, moment = sys.argv[1], sys.argv[2], int(sys.argv[3])
url = sys.argv[4] or None
settings = load_settings(home, model_dir=folder, database_url=url)
planned = plan(settings)
calls = 0

def count(frame, event, argument):
    global calls
    name = frame.f_code.co_filename
    if event == "call" and "/distiller/archive/" in name:
        calls += 1
        if calls == moment:
            os.kill(os.getpid(), signal.SIGKILL)

sys.setprofile(count)
upgrade(settings, planned, backed_up=True)
sys.setprofile(None)
print(calls)
"""


def _child(settings: Settings, folder: Path, moment: int) -> tuple[int, str]:
    """Upgrade in a process of its own that kills itself at one of its calls."""
    url = settings.database_url.get_secret_value() if settings.database_url else ""
    arguments = [str(settings.home), str(folder), str(moment), url]
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return done.returncode, done.stdout


@pytest.mark.prove
def test_killed_at_any_moment_it_is_old_or_new(
    make_home: Any, folder: Path, toy: Any
) -> None:
    """A child kills itself at calls spread over the whole of the upgrade."""
    changed.with_attribute(folder, "dewPoint", "{unit: K, ucd: phys.temperature}")

    def filled(name: str) -> Settings:
        home: Settings = make_home(name)
        with open_archive(home) as archive:
            archive.store_many([toy.bundle(number) for number in range(RUNS)])
        return home

    status, said = _child(changed.model_dir(filled("whole"), folder), folder, 0)
    calls = int(said.split()[-1])
    assert (status, calls > 100) == (0, True)
    home = filled("killed")
    settings = changed.model_dir(home, folder)
    before = digest(home)
    olds = news = 0
    for part in (0, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1):
        status, _ = _child(settings, folder, max(1, round(calls * part)))
        if not plan(settings).is_due:
            news += 1
            break
        olds += 1
        assert status == -signal.SIGKILL
        assert digest(home) == before
    assert olds >= 5
    if not news:
        upgraded(settings, backed_up=True)
    with open_archive(settings) as archive:
        assert archive.check() == []
        assert len(archive.rows("SELECT 1 FROM cta.ambient_conditions")) == RUNS
    upgraded(home, backed_up=True)
    leftover = [p.name for p in home.home.iterdir() if p.name.startswith(".upgrade")]
    assert leftover == []
    assert digest(home) == before


def test_the_old_file_is_locked_meanwhile(
    tmp_home: Settings, folder: Path, toy: Any
) -> None:
    """Until the new file is in its place nobody can write to the old one."""
    with open_archive(tmp_home) as archive:
        archive.store(toy.bundle(1))
    changed.with_attribute(folder, "dewPoint", "{unit: K, ucd: phys.temperature}")
    settings = changed.model_dir(tmp_home, folder)
    path = str(tmp_home.archive_path)
    opened: list[str] = []

    def look(_: str) -> None:
        code = f"import duckdb; duckdb.connect({path!r})"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        opened.append(done.stderr)

    upgrade(settings, plan(settings), say=look)
    assert "onflicting lock" in opened[0]
    with duckdb.connect(path, read_only=True) as connection:
        names = connection.execute(
            "SELECT count(*) FROM duckdb_columns() WHERE column_name = 'dew_point'"
        ).fetchall()
    assert names == [(1,)]
