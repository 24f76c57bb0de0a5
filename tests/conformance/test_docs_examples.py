"""The examples of the documentation of services run as they stand.

Those of one page and language follow each other as a reader runs them: names of one are
known to the next.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from astropy.table import Table
from tests.support.maps import maps
from tests.web.conftest import PROGRAM, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.conftest import Server

pytestmark = [pytest.mark.slow, pytest.mark.debian("stilts")]

_FOLDER = Path(__file__).parents[2] / "docs" / "reference"
_PAGES = ("tap", "cone-search", "sia2")
_BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)$", re.MULTILINE)
_ADDRESS = "http://127.0.0.1:8000"
_PASSWORD = "correct horse battery"  # noqa: S105 - of a server that is gone at once
_PERSON = "maria"


def blocks(page: str, language: str) -> list[str]:
    """Return the examples of a page in one language; of commands each alone."""
    text = (_FOLDER / f"{page}.md").read_text(encoding="utf-8")
    found = [block for kind, block in _BLOCK.findall(text) if kind == language]
    if language == "python":
        return found
    return [command for block in found for command in _COMMAND.findall(block)]


@pytest.fixture(scope="module")
def documented_server() -> Iterator[Server]:
    """Serve maps, too, and know the person of the examples."""
    with serving(maps) as running:
        made = subprocess.run(
            [*PROGRAM, "--home", str(running.home), "user", "add", _PERSON],
            input=f"{_PASSWORD}\n{_PASSWORD}\n",
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert made.returncode == 0, made.stderr
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the files that the examples name."""
    sources = Table({"ra": [83.63, 10.0], "dec": [22.01, 10.0], "name": ["a", "b"]})
    sources.write(tmp_path / "sources.fits")
    sources.write(tmp_path / "sources.vot", format="votable")
    return tmp_path


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, cwd=folder
    )


@pytest.mark.parametrize("page", _PAGES)
def test_the_commands_run(documented_server: Server, page: str, folder: Path) -> None:
    commands = blocks(page, "console")
    assert {"curl", "stilts"} <= {command.split()[0] for command in commands}
    ours = f"{' '.join(PROGRAM)} --home {documented_server.home} "
    script = 'set -eu -o pipefail\ncurl() { command curl -sS --fail-with-body "$@"; }\n'
    for number, command in enumerate(commands):
        here = re.sub(r"^distiller ", ours, command).replace(
            _ADDRESS, documented_server.url
        )
        here = here.replace(f"-u {_PERSON}", f"-u '{_PERSON}:{_PASSWORD}'")
        script += f"echo; echo '-- {number}'\n{here}\n"
    done = _run(["bash", "-c", script], folder)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr}"
    assert 'value="ERROR"' not in done.stdout
    assert 'name="Error"' not in done.stdout
    said = re.split(r"^-- \d+\n", done.stdout, flags=re.MULTILINE)[1:]
    silent = [
        command
        for command, answer in zip(commands, said, strict=True)
        if not answer.strip()
    ]
    # A job, a file and what is removed need not be shown.
    assert all(re.search(r"^job=| -o | DELETE ", command) for command in silent)


@pytest.mark.parametrize("page", _PAGES)
def test_the_lines_of_python_run(
    documented_server: Server, page: str, folder: Path
) -> None:
    script = "\n".join(blocks(page, "python"))
    assert "pyvo" in script
    script = script.replace(_ADDRESS, documented_server.url)
    script = script.replace(f'"{_PERSON}", "..."', f'"{_PERSON}", "{_PASSWORD}"')
    done = _run([sys.executable, "-W", "ignore", "-c", script], folder)
    assert done.returncode == 0, done.stderr


def test_astroquery_is_among_them() -> None:
    assert any("astroquery" in text for text in blocks("tap", "python"))
