"""Where backups of the archive are: a name that exists is a whole backup.

Until it is whole it has another name, which begins with a dot and ends in ``.partial``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distiller.core.settings import Settings

_ENDING = ".partial"


def free_path(settings: Settings, ending: str) -> Path:
    """Return a name of this moment that no backup has, and make the folder."""
    folder = settings.backups_path
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    path = folder / f"archive-{moment}{ending}"
    number = 1
    while path.exists():
        number += 1
        path = folder / f"archive-{moment}-{number}{ending}"
    return path


def partial(path: Path) -> Path:
    """Return the name that a backup has until it is whole."""
    return path.with_name(f".{path.name}{_ENDING}")


def partials(settings: Settings, ending: str) -> Iterator[tuple[Path, Path]]:
    """Yield what was not finished, and the name that each was to get."""
    for found in settings.backups_path.glob(f".archive-*{ending}{_ENDING}"):
        name = found.name.removeprefix(".").removesuffix(_ENDING)
        yield found, found.with_name(name)
