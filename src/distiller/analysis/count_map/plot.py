"""The picture of a count map, fit to be shown."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from distiller.analysis.record import number

if TYPE_CHECKING:
    from gammapy.maps import WcsNDMap

    from distiller.analysis.count_map.parameters import CountMapParameters

_SIZE_IN: Final = (7.0, 6.2)
_AXES: Final = (0.13, 0.1, 0.673, 0.76)  # a square
_DPI: Final = 130
_RIGHT: Final = 0.97
"""Where a title must end, as part of the width."""

_COLOURS: Final = "viridis"  # even in lightness, told apart with any colour vision
_LABELS: Final = {
    "icrs": ("Right ascension (ICRS)", "Declination (ICRS)"),
    "galactic": ("Galactic longitude", "Galactic latitude"),
}


def draw(
    counts: WcsNDMap,
    configuration: CountMapParameters,
    caption: str,
    simulated: bool,  # noqa: FBT001
) -> bytes:
    """Draw the map, summed over energy, as PNG.

    Parameters
    ----------
    caption
        Second line of the title: events, runs, hours.
    simulated
        Whether the picture must say so.
    """
    data = counts.data if counts.data.ndim == 2 else counts.data.sum(axis=0)  # noqa: PLR2004 - a plane
    figure = Figure(figsize=_SIZE_IN, dpi=_DPI)
    axes = figure.add_axes(_AXES, projection=counts.geom.wcs)
    axes.set_anchor("W")
    # The square root lets single events show beside a bright source.
    norm = PowerNorm(0.5, vmin=0, vmax=max(float(data.max()), 1.0))
    image = axes.imshow(
        data, origin="lower", cmap=_COLOURS, norm=norm, interpolation="nearest"
    )
    _label(axes, configuration)
    _bar(figure, image, configuration)
    energies = f"{number(configuration.e_min)} TeV \N{LESS-THAN OR EQUAL TO} E < "
    energies += f"{number(configuration.e_max)} TeV"
    title = figure.text(0.13, 0.94, "", fontsize=13, fontweight="bold")
    _fit(title, configuration.target or "Raw counts")
    figure.text(0.13, 0.895, f"{energies}   {caption}", fontsize=9, color="0.25")
    if simulated:
        axes.text(
            0.5, 0.03, "SIMULATED", transform=axes.transAxes, ha="center",
            fontsize=13, fontweight="bold", color="white", alpha=0.9,
            bbox={"facecolor": "black", "alpha": 0.55, "edgecolor": "none"},
        )  # fmt: skip
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def _label(axes: Any, configuration: CountMapParameters) -> None:
    longitude, latitude = _LABELS[configuration.frame]
    axes.coords[0].set_axislabel(longitude)
    axes.coords[1].set_axislabel(latitude)
    axes.coords[0].set_ticks(number=5)
    axes.coords[1].set_ticks(number=6)
    axes.coords.grid(color="white", alpha=0.25, linewidth=0.6)


def _bar(figure: Figure, image: Any, configuration: CountMapParameters) -> None:
    bar_axes = figure.add_axes((0.86, 0.1, 0.025, 0.76))
    locator = MaxNLocator(nbins=6, integer=True)
    bar = figure.colorbar(image, cax=bar_axes, ticks=locator)
    size = np.format_float_positional(configuration.binsz, trim="-")
    bar.set_label(f"Events per pixel of ({size} deg)\N{SUPERSCRIPT TWO}")


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
