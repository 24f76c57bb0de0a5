"""Diagrams drawn: DOT text to SVG by graphviz, kept with the hash of what it shows."""

from __future__ import annotations

import hashlib
import re
import subprocess
from typing import TYPE_CHECKING

from distiller.core.errors import IllegalState, InternalError
from distiller.model.emit.dot import AFTER_DARK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LONGEST_S = 120
_PROLOGUE = re.compile(r"\A.*?(?=<svg)", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_WIDTH = re.compile(r'<svg width="([0-9.]+)pt"')
_PAGE_PT = 900
"""A wider diagram is drawn from left to right, where that makes it narrower."""
_SHOWN = re.compile(r"<!-- drawn from sha256:([0-9a-f]{64}) -->")
_STYLE = (
    "<style>@media (prefers-color-scheme: dark) { "
    + " ".join(
        f'[fill="{light}"] {{ fill: {dark}; }} [stroke="{light}"] {{ stroke: {dark}; }}'
        for light, dark in AFTER_DARK.items()
    )
    + " }</style>"
)


def svg(dot: str) -> str:
    """Draw a diagram; its colours follow the reader's screen, light or dark.

    The text does not say which graphviz drew it; it carries `digest` of ``dot``.

    Raises
    ------
    IllegalState
        If graphviz is not installed.
    InternalError
        If it refuses the diagram.
    """
    drawn = _drawn(dot)
    if _width(drawn) > _PAGE_PT:
        drawn = min(drawn, _drawn(dot, "-Grankdir=LR"), key=_width)
    drawn = _COMMENT.sub("", _PROLOGUE.sub("", drawn))
    opening, end, rest = drawn.partition(">")
    mark = f"<!-- drawn from sha256:{digest(dot)} -->"
    return f'{opening} role="img"{end}\n{mark}\n{_STYLE}{rest}'


def _drawn(dot: str, *options: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own options
            ["dot", "-Tsvg", *options],  # noqa: S607 - wherever graphviz is
            input=dot.encode(),
            capture_output=True,
            timeout=_LONGEST_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise IllegalState(
            "diagrams cannot be drawn: there is no program `dot`",
            hint="install graphviz (Debian: apt-get install graphviz)",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise InternalError(
            f"graphviz did not draw a diagram within {_LONGEST_S} s"
        ) from error
    if done.returncode != 0:
        said = " ".join(done.stderr.decode(errors="replace").split())
        raise InternalError(f"graphviz refuses a diagram: {said}")
    return done.stdout.decode()


def _width(drawing: str) -> float:
    found = _WIDTH.search(drawing)
    return float(found[1]) if found else 0.0


def digest(dot: str) -> str:
    """Return the SHA-256 of what decides on a drawing, graphviz apart."""
    return hashlib.sha256(f"{_STYLE}{_PAGE_PT}{dot}".encode()).hexdigest()


def shown(drawing: str) -> str | None:
    """Return the hash that a drawing carries, or None."""
    found = _SHOWN.search(drawing)
    return found[1] if found else None


def write(folder: Path, diagrams: Mapping[str, str]) -> None:
    """Draw diagrams into a folder, as ``NAME.svg``; those that are up to date stay.

    Raises
    ------
    IllegalState, InternalError
        As `svg`.
    """
    for name, dot in diagrams.items():
        path = folder / f"{name}.svg"
        if path.is_file() and shown(path.read_text(encoding="utf-8")) == digest(dot):
            continue
        path.write_text(svg(dot), encoding="utf-8")
