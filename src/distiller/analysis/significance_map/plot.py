"""The pictures of a significance map: the map, and the distribution of its values."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.visualization.wcsaxes import SphericalCircle
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from scipy.stats import norm

from distiller.analysis import figures
from distiller.analysis.recipes.significances import BIN_SIGMA
from distiller.analysis.record import number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from distiller.analysis.recipes.significance_map import Made
    from distiller.analysis.significance_map.parameters import (
        SignificanceMapParameters,
    )

_WIDTH_IN: Final = 7.0
_HEIGHT_IN: Final = 6.2
_LINE_IN: Final = 0.15
_MARGIN_IN: Final = 0.08
_LETTERS: Final = 118
_SENTENCES: Final = 3
_LOWEST: Final = -5.0
_HIGHEST: Final = (8.0, 15.0)
_SIGMA: Final = "\N{GREEK SMALL LETTER SIGMA}"
_RING: Final = "#ff9d5c"


def draw(
    made: Made,
    configuration: SignificanceMapParameters,
    caption: str,
    limits: Sequence[str],
    simulated: bool,  # noqa: FBT001
) -> Figure:
    """Draw the map with its contours, excluded regions, disc and ring.

    Parameters
    ----------
    caption
        Second line of the title.
    limits
        What is valid where; the first are written below.
    simulated
        Whether the picture must say so.
    """
    orange = "disc and ring" if configuration.method == "ring" else "disc"
    key = f"Solid: 5 {_SIGMA}. Dashed: excluded from the background. Orange: {orange}."
    figure, axes_at = _sheet([key, *_lines(limits)])
    box = axes_at((0.13, 0.1, 0.673, 0.76))
    axes = figures.sky_axes(figure, box, made.geom.wcs, configuration.frame, grid=0.2)
    data = made.maps["SIGNIFICANCE"]
    largest = float(np.nanmax(data))
    top = float(np.clip(largest, *_HIGHEST))
    axes.set_facecolor("0.85")
    colours = figures.sky_image(axes, data, Normalize(_LOWEST, top))
    _outline(axes, made, configuration)
    extend = "max" if largest > top else "neither"
    label = f"Significance within {configuration.radius:g} deg ({_SIGMA})"
    bar_at = axes_at((0.86, 0.1, 0.025, 0.76))
    figures.colour_bar(figure, colours, bar_at, label, extend=extend)
    figures.titled(figure, configuration.target or "Significance", caption)
    if simulated:
        figures.simulated(axes)
    return figure


def _lines(limits: Sequence[str]) -> list[str]:
    wrapped = [
        textwrap.fill(text, _LETTERS, subsequent_indent="   ")
        for text in limits[:_SENTENCES]
    ]
    return [line for text in wrapped for line in f"\N{BULLET} {text}".split("\n")]


def _sheet(lines: Sequence[str]) -> tuple[Figure, Any]:
    """Return a figure with lines below, and where axes go on what is above.

    Parameters
    ----------
    lines
        The first is a key, and stands in grey; the others are limits.
    """
    below = _LINE_IN * len(lines) + _MARGIN_IN
    height = _HEIGHT_IN + below
    figure = Figure(figsize=(_WIDTH_IN, height), dpi=figures.DPI)
    key, *others = lines
    for text, skipped, colour in ((key, 0, "0.35"), ("\n".join(others), 1, "#8a1c00")):
        top = (below - skipped * _LINE_IN) / height
        figure.text(
            0.03, top, text, fontsize=7.5, color=colour, va="top", linespacing=1.35
        )

    def above(box: tuple[float, float, float, float]) -> tuple[float, ...]:
        left, bottom, width, tall = box
        scale = _HEIGHT_IN / height
        return left, (below + bottom * _HEIGHT_IN) / height, width, tall * scale

    return figure, above


def _outline(axes: Any, made: Made, configuration: SignificanceMapParameters) -> None:
    """Draw 5 sigma, the excluded regions, the disc and the ring around the centre."""
    data = np.nan_to_num(made.maps["SIGNIFICANCE"], nan=-np.inf)
    if (data > 5).any():  # noqa: PLR2004 - sigma
        axes.contour(data, levels=[5.0], colors="white", linewidths=0.9)
    if not made.used.all():
        axes.contour(
            made.used.astype(float), levels=[0.5], colors="white", linewidths=0.9,
            linestyles="dashed",
        )  # fmt: skip
    c = configuration
    sky = axes.get_transform("icrs")
    centre = SkyCoord(*c.centre_deg, unit="deg")
    rings = [c.r_in, c.r_in + c.ring_width] if c.method == "ring" else []
    for radius in (c.radius, *rings):
        circle = SphericalCircle(
            centre, radius * u.deg, transform=sky, edgecolor=_RING, facecolor="none",
            linewidth=1.0,
        )  # fmt: skip
        axes.add_patch(circle)
    ny, nx = data.shape
    axes.set_xlim(-0.5, nx - 0.5)
    axes.set_ylim(-0.5, ny - 0.5)


def draw_distribution(
    made: Made,
    configuration: SignificanceMapParameters,
    caption: str,
    limits: Sequence[str],
    simulated: bool,  # noqa: FBT001
) -> Figure:
    """Draw how many pixels have which significance, and what fits those off sources."""
    figure, axes_at = _sheet(["", *_lines(limits)])
    axes = figure.add_axes(axes_at((0.13, 0.1, 0.83, 0.76)))
    table, fit = made.histogram, made.fit
    edges = np.append(table["low"], table["high"][-1])
    axes.stairs(table["all"], edges, fill=True, color="0.8", label="All pixels")
    axes.stairs(
        table["off"], edges, color="#31688e", linewidth=1.6,
        label="Outside of excluded regions",
    )  # fmt: skip
    total = float(np.sum(table["off"])) * BIN_SIGMA
    x = np.linspace(edges[0], edges[-1], 600)
    if total:
        words = (
            f"Fit: mean {fit['mean']:.2f} \N{PLUS-MINUS SIGN} {fit['mean_error']:.2f}"
        )
        words += (
            f", width {fit['width']:.2f} \N{PLUS-MINUS SIGN} {fit['width_error']:.2f}"
        )
        curve = total * norm.pdf(x, fit["mean"], fit["width"])
        axes.plot(x, curve, color="#d1495b", label=words)
        axes.plot(
            x, total * norm.pdf(x), color="0.3", linestyle="dotted",
            label="Expected: mean 0, width 1",
        )  # fmt: skip
    axes.set_yscale("log")
    axes.set_ylim(0.5, 3.0 * max(float(np.max(table["all"])), 1.0))
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xlabel(f"Significance ({_SIGMA})")
    axes.set_ylabel(f"Pixels per {number(BIN_SIGMA)}")
    axes.legend(frameon=False, fontsize=8.5, loc="upper right")
    title = configuration.target or "Significance"
    figures.titled(figure, f"{title}: distribution", caption)
    if simulated:
        figures.simulated(axes)
    return figure


def _value(fit: Mapping[str, float], name: str) -> str:
    return f"{fit[name]:.2f} \N{PLUS-MINUS SIGN} {fit[f'{name}_error']:.2f}"
