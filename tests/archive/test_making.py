"""An archive is made whole or not at all, whatever happens while it is made."""

from __future__ import annotations

import random
import resource
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from distiller.archive import open_archive
from distiller.core.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.core.settings import Settings


pytestmark = pytest.mark.slow


def init(home: Path, largest: int | None = None) -> subprocess.CompletedProcess[str]:
    """Make a home; files may be so large at most, bytes."""

    def limited() -> None:
        if largest is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    return subprocess.run(
        [sys.executable, "-m", "distiller", "--home", home, "init"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limited,
    )


def is_sound(home: Path) -> bool:
    with open_archive(load_settings(home), create=False) as archive:
        return archive.check() == []


@pytest.mark.parametrize("largest", [4096, 8192, 12_288, 100_000])
def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, largest: int) -> None:
    home = tmp_path / "home"
    done = init(home, largest)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert [p.name for p in home.glob("*archive*")] == []
    done = init(home)
    assert done.returncode == 0, done.stderr
    assert is_sound(home)


@pytest.mark.prove
def test_killed_while_it_is_made_it_is_made_again(tmp_path: Path) -> None:
    dice = random.Random(20261124)  # noqa: S311 - to repeat, not to hide
    began = time.monotonic()
    init(tmp_path / "first")
    took = time.monotonic() - began
    for number in range(8):
        home = tmp_path / f"home-{number}"
        words = [sys.executable, "-m", "distiller", "--home", str(home), "init"]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
            time.sleep(took * dice.uniform(0.5, 1.0))
            process.send_signal(signal.SIGKILL)
        done = init(home)
        assert done.returncode == 0, done.stderr
        assert is_sound(home)


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    init(home)
    for path in home.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_two_that_make_it_at_once_end_with_one(tmp_home: Settings) -> None:
    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(lambda _: init(tmp_home.home).returncode, range(2)))
    assert 0 in ends
    assert is_sound(tmp_home.home)
    assert [p.name for p in tmp_home.home.glob(".archive*")] == []
