"""The examples of the documentation of services run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.conftest import Server

pytestmark = [pytest.mark.slow, pytest.mark.debian("stilts")]

_FOLDER = Path(__file__).parents[2] / "docs" / "reference"
_PAGES = ("tap", "cone-search", "sia2")
_BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)$", re.MULTILINE)
_ADDRESS = "http://127.0.0.1:8000"
_PROGRAMS = ("curl ", "stilts ", "distiller ")


def _examples() -> Iterator[tuple[str, str, str]]:
    """Yield page, language and text of every example."""
    for page in _PAGES:
        text = (_FOLDER / f"{page}.md").read_text(encoding="utf-8")
        for language, block in _BLOCK.findall(text):
            listed = [block] if language == "python" else _COMMAND.findall(block)
            assert listed, block
            yield from ((page, language, one) for one in listed)


EXAMPLES = list(_examples())


def test_every_page_has_examples_of_each_kind() -> None:
    kinds = {
        (page, text.split()[0]) for page, kind, text in EXAMPLES if kind != "python"
    }
    assert {
        (page, program) for page in _PAGES for program in ("curl", "stilts")
    } <= kinds
    assert {page for page, kind, _ in EXAMPLES if kind == "python"} == set(_PAGES)
    assert any("astroquery" in text for _, _, text in EXAMPLES)


@pytest.mark.parametrize("image_server", ["duckdb"], indirect=True)
@pytest.mark.parametrize(
    ("language", "text"),
    [pytest.param(kind, text, id=f"{page}-{n}") for n, (page, kind, text) in
     enumerate(EXAMPLES)],
)  # fmt: skip
def test_an_example_runs(
    image_server: Server, language: str, text: str, tmp_path: Path
) -> None:
    here = text.replace(_ADDRESS, image_server.url)
    assert here != text or text.startswith("distiller ")
    if language == "python":
        done = _run([sys.executable, "-W", "ignore", "-c", here], tmp_path)
    else:
        assert text.startswith(_PROGRAMS), text
        ours = f"{sys.executable} -m distiller --home {image_server.home} "
        command = re.sub(r"^distiller ", ours, here)
        command = re.sub(r"^curl ", "curl -sS --fail-with-body ", command)
        done = _run(["bash", "-eu", "-o", "pipefail", "-c", command], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'QUERY_STATUS" value="ERROR' not in done.stdout
    assert 'name="Error"' not in done.stdout
    assert done.stdout.strip() or "print" not in text


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, cwd=folder
    )
