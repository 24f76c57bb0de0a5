"""What all pictures of products share: sizes, titles, the stamp of simulated data."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final, cast

import matplotlib as mpl
from astropy import units as u
from astropy.visualization.wcsaxes import conf as wcsaxes_settings

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from astropy.wcs import WCS
    from matplotlib.figure import Figure

Box = tuple[float, float, float, float]
"""Left, bottom, width and height of axes, as parts of the figure."""

DPI: Final = 130
COLOURS: Final = "viridis"
"""Even in lightness, told apart with any colour vision."""

_RIGHT: Final = 0.97
"""Where a title must end, as part of the width."""

_SALT: Final = "distiller"

_PNG: Final = {"compress_level": 3}
"""Quicker than the usual 6, and not much larger."""

_GRID_POINTS: Final = 200
"""Of a line of the grid: no corner is seen, and it is drawn sooner than of 1,000."""

_NAMES: Final = {
    "icrs": ("Right ascension (ICRS)", "Declination (ICRS)"),
    "galactic": ("Galactic longitude", "Galactic latitude"),
}
_HOURS: Final = (
    "\N{MODIFIER LETTER SMALL H}",
    "\N{MODIFIER LETTER SMALL M}",
    "\N{MODIFIER LETTER SMALL S}",
)
_DEGREES: Final = ("\N{DEGREE SIGN}", "\N{PRIME}", "\N{DOUBLE PRIME}")


def sky_axes(figure: Figure, box: Box, wcs: WCS, frame: str, *, grid: float) -> Any:
    """Add axes on the sky, with named coordinates and a white grid.

    Parameters
    ----------
    frame
        ``icrs`` or ``galactic``.
    grid
        Opacity of its lines.
    """
    made: Any = figure
    axes = made.add_axes(box, projection=wcs)
    axes.set_anchor("W")
    for coordinate, name, ticks in zip(axes.coords, _NAMES[frame], (5, 6), strict=True):
        coordinate.set_axislabel(name)
        coordinate.set_ticks(number=ticks)
        # Letters: the usual ones are set like formulas, which takes longer.
        is_hours = coordinate.get_format_unit() == u.hourangle
        coordinate.set_separator(_HOURS if is_hours else _DEGREES)
    axes.coords.grid(color="white", alpha=grid, linewidth=0.6)
    return axes


def png_bytes(figure: Figure) -> bytes:
    """Return a picture as PNG: the same bytes for the same picture."""
    stream = io.BytesIO()
    with _quick_grid():
        figure.savefig(
            stream, format="png", metadata={"Software": None}, pil_kwargs=_PNG
        )
    return stream.getvalue()


def svg_bytes(figure: Figure) -> bytes:
    """Return a picture as SVG, without the time and with ids that do not change."""
    stream = io.BytesIO()
    with _quick_grid(), mpl.rc_context({"svg.hashsalt": _SALT}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()


def _quick_grid() -> AbstractContextManager[Any]:
    settings: Any = wcsaxes_settings
    return cast(
        "AbstractContextManager[Any]", settings.set_temp("grid_samples", _GRID_POINTS)
    )


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
