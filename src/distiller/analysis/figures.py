"""What all pictures of products share: sizes, titles, the stamp of simulated data."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from astropy import units as u
from astropy.visualization.wcsaxes import conf as wcsaxes_settings
from matplotlib.cm import ScalarMappable
from matplotlib.transforms import blended_transform_factory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from astropy.wcs import WCS
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

# Letters as in the SVG, wherever this process measures or draws them: to fit each of
# them to pixels takes time.
mpl.rcParams["text.hinting"] = "none"

Box = tuple[float, float, float, float]
"""Left, bottom, width and height of axes, as parts of the figure."""

DPI: Final = 130
COLOURS: Final = "viridis"
"""Even in lightness, told apart with any colour vision."""

_RIGHT: Final = 0.97
"""Where a title must end, as part of the width."""

_MARGIN: Final = 0.957
"""Where the label of a colour bar begins, likewise: beside numbers of five digits."""

_SURE: Final = 25
"""So many letters fit, be they the widest; to measure words takes a canvas."""

_SVG: Final[Any] = {"svg.hashsalt": "distiller", "image.composite_image": False}

_PNG: Final = {"compress_level": 3}
"""Quicker than the usual 6, and not much larger."""

_POINTS: Final = 200
"""Of a line of the grid and of a border: no corner is seen; 1,000 are usual."""

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


def sky_image(axes: Any, data: NDArray[Any], norm: Normalize) -> ScalarMappable:
    """Show an image on axes of `sky_axes`, pixel by pixel.

    Returns
    -------
    What `colour_bar` takes.
    """
    colours = ScalarMappable(norm, COLOURS)
    box = axes.get_window_extent()
    if data.size > box.width * box.height:
        how = {"norm": norm, "cmap": COLOURS, "interpolation": "nearest"}
        axes.imshow(data, origin="lower", **how)
    else:
        # Fewer than the pixels of the screen: they become colours once for all
        # pictures, and in the SVG they stand as they are, sharp at any size.
        rgba = colours.to_rgba(data, bytes=True)
        axes.imshow(rgba, origin="lower", interpolation="none")
    return colours


def colour_bar(
    figure: Figure, colours: ScalarMappable, box: Box, label: str, **look: Any
) -> None:
    """Draw the colour bar of an image, its label at the margin.

    Parameters
    ----------
    look
        Of ``Figure.colorbar``.
    """
    made: Any = figure
    axes = made.add_axes(box)
    bar = made.colorbar(colours, cax=axes, **look)
    bar.set_label(label)
    # Given, it need not be found beside the labels of ticks whenever it is drawn.
    place = blended_transform_factory(made.transFigure, axes.transAxes)
    axes.yaxis.set_label_coords(_MARGIN, 0.5, transform=place)


def png_bytes(figure: Figure) -> bytes:
    """Return a picture as PNG: the same bytes for the same picture."""
    stream = io.BytesIO()
    with _quick_sky():
        figure.savefig(
            stream, format="png", metadata={"Software": None}, pil_kwargs=_PNG
        )
    return stream.getvalue()


def svg_bytes(figure: Figure) -> bytes:
    """Return a picture as SVG, without the time and with ids that do not change."""
    stream = io.BytesIO()
    with _quick_sky(), mpl.rc_context(_SVG):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()


@contextmanager
def _quick_sky() -> Iterator[None]:
    """Draw the lines of sky axes with no more points than are seen."""
    settings: Any = wcsaxes_settings
    with (
        settings.set_temp("grid_samples", _POINTS),
        settings.set_temp("frame_boundary_samples", _POINTS),
    ):
        yield


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
    if len(words) <= _SURE:
        return
    kept = words
    while kept and text.get_window_extent().x1 > _RIGHT * text.figure.bbox.x1:
        kept = kept[:-1].rstrip()
        text.set_text(_plain(kept) + "\N{HORIZONTAL ELLIPSIS}")


def _plain(text: str) -> str:
    """Keep a target's name from being read as a formula."""
    return text.replace("$", r"\$")
