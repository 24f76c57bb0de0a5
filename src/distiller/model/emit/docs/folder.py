"""The reference as files in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.model.emit import draw
from distiller.model.emit.docs.pages import MADE_BY, diagrams, pages

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.model.tables import Model


def write(model: Model, folder: Path) -> None:
    """Write pages and diagrams; those of an earlier model that are no more go.

    Diagrams that are up to date are not drawn again. Files that this program did not
    make stay.

    Raises
    ------
    IllegalState
        If a diagram must be drawn and graphviz is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = pages(model)
    drawn = diagrams(model)
    draw.write(folder, drawn)
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")
    kept = {*made, *(f"{name}.svg" for name in drawn)}
    for path in folder.iterdir():
        if path.name not in kept and _is_ours(path):
            path.unlink()


def _is_ours(path: Path) -> bool:
    if path.suffix == ".md":
        return MADE_BY in path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".svg":
        text = path.read_text(encoding="utf-8", errors="replace")
        return draw.shown(text) is not None
    return False
