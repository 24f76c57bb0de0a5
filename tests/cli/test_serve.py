"""``distiller serve`` and ``distiller runner`` before anything is served."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from distiller.cli.serve import _addressed
from distiller.core.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path


def _try(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "distiller", "--home", str(home), *words]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DISTILLER_")}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, env=kept
    )


@pytest.mark.slow
@pytest.mark.parametrize("command", ["serve", "runner"])
def test_a_home_that_is_not_there_is_one_line(tmp_path: Path, command: str) -> None:
    home = tmp_path / "nowhere"
    done = _try(home, command)
    assert done.returncode == 1
    assert done.stderr == (
        f"distiller: U300 no archive at {home} (make it with `distiller init`)\n"
    )
    assert not home.exists()


@pytest.mark.slow
def test_a_home_without_an_archive_is_left_alone(tmp_path: Path) -> None:
    done = _try(tmp_path, "serve")
    assert done.returncode == 1
    assert f"no archive at {tmp_path} (make it with" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("::1", "http://[::1]:8123"),
        ("[::1]", "http://[::1]:8123"),
        ("127.0.0.1", "http://127.0.0.1:8123"),
    ],
)
def test_the_address_of_a_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, url: str
) -> None:
    monkeypatch.delenv("DISTILLER_BASE_URL", raising=False)
    assert _addressed(load_settings(tmp_path), host, 8123).base_url == url
