"""The house itself: what is there is documented, and what is documented is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]


def test_generated_reference_is_not_stale() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/generate_reference.py", "--check"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _pages() -> list[Path]:
    return [_ROOT / "README.md", *sorted((_ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", _pages(), ids=lambda p: str(p.relative_to(_ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_every_room_is_on_the_map() -> None:
    readme = (_ROOT / "README.md").read_text(encoding="utf-8")
    for room in (_ROOT / "src" / "distiller").iterdir():
        if room.is_dir() and not room.name.startswith("_"):
            assert f"`src/distiller/{room.name}/`" in readme, room.name


def test_decisions_are_numbered_once_and_have_their_parts() -> None:
    records = sorted((_ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [record.name[:4] for record in records]
    assert len(set(numbers)) == len(numbers)
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert text.startswith(f"# {record.name[:4]} "), record.name
        for part in ("**Context.**", "**Choice.**", "**Consequences.**"):
            assert part in text, f"{record.name} lacks {part}"


def test_no_file_is_a_drawer() -> None:
    for path in (_ROOT / "src").rglob("*.py"):
        assert path.stem not in {"utils", "helpers", "misc", "common"}, path
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= 500, f"{path} has {lines} lines"
