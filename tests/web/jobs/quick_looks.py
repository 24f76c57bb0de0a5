"""What quick looks a home has, and a zygote that makes them without drawing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from distiller.jobs import previews

if TYPE_CHECKING:
    import pytest

    from distiller.core.settings import Settings
    from distiller.jobs.engines.local import LocalEngine

DID = "ivo://org.example/sim?1001"
OTHER = "ivo://org.example/sim?1002"
QUICK = Path(__file__).parents[2] / "jobs" / "quick_zygote.py"
REAL = previews._ZYGOTE


def hurry(monkeypatch: pytest.MonkeyPatch, engine: LocalEngine) -> None:
    """Draw nothing and do not give way to other tests, unless the real one is named.

    The engine is kept for the next test: its zygote takes seconds to get ready.
    """
    monkeypatch.setattr(previews, "LocalEngine", lambda program: program and engine)
    monkeypatch.setattr(previews, "NICE", 0)


def kept(home: Settings) -> list[str]:
    """Return the names of all files of quick looks."""
    return sorted(path.name for path in (home.files_path / "previews").glob("*/*"))


def stamps(home: Settings) -> dict[Path, int]:
    """Return when each of them was written."""
    found = (home.files_path / "previews").glob("*/*")
    return {path: path.stat().st_mtime_ns for path in found}
