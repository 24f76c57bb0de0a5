"""What all pictures of products share: sizes, titles, the stamp of simulated data."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI: Final = 130
COLOURS: Final = "viridis"
"""Even in lightness, told apart with any colour vision."""

_RIGHT: Final = 0.97
"""Where a title must end, as part of the width."""

_SALT: Final = "distiller"


def png_bytes(figure: Figure) -> bytes:
    """Return a picture as PNG: the same bytes for the same picture."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def svg_bytes(figure: Figure) -> bytes:
    """Return a picture as SVG, without the time and with ids that do not change."""
    stream = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": _SALT}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()


def titled(figure: Figure, title: str, caption: str, *, left: float = 0.13) -> None:
    """Write a title, cut to the width, and a line below it.

    Parameters
    ----------
    left
        Where both begin, as part of the width.
    """
    text = figure.text(left, 0.94, "", fontsize=13, fontweight="bold")
    _fit(text, title)
    figure.text(left, 0.895, caption, fontsize=9, color="0.25")


def simulated(axes: Any) -> None:
    """Say on a picture that its data are simulated."""
    axes.text(
        0.5, 0.03, "SIMULATED", transform=axes.transAxes, ha="center",
        fontsize=13, fontweight="bold", color="white", alpha=0.9,
        bbox={"facecolor": "black", "alpha": 0.55, "edgecolor": "none"},
    )  # fmt: skip


def _fit(text: Any, words: str) -> None:
    """Show words, cut off with an ellipsis where they would leave the figure."""
    text.set_text(_plain(words))
    kept = words
    while kept and text.get_window_extent().x1 > _RIGHT * text.figure.bbox.x1:
        kept = kept[:-1].rstrip()
        text.set_text(_plain(kept) + "\N{HORIZONTAL ELLIPSIS}")


def _plain(text: str) -> str:
    """Keep a target's name from being read as a formula."""
    return text.replace("$", r"\$")
