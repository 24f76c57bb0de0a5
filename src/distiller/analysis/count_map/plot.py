"""The picture of a count map, fit to be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from distiller.analysis import figures
from distiller.analysis.record import number

if TYPE_CHECKING:
    from gammapy.maps import WcsNDMap

    from distiller.analysis.count_map.parameters import CountMapParameters

_SIZE_IN: Final = (7.0, 6.2)
_AXES: Final = (0.13, 0.1, 0.673, 0.76)  # a square
_BAR: Final = (0.86, 0.1, 0.025, 0.76)


def draw(
    counts: WcsNDMap,
    configuration: CountMapParameters,
    caption: str,
    simulated: bool,  # noqa: FBT001
) -> Figure:
    """Draw the map, summed over energy.

    Parameters
    ----------
    caption
        Second line of the title: events, runs, hours.
    simulated
        Whether the picture must say so.
    """
    data = counts.data if counts.data.ndim == 2 else counts.data.sum(axis=0)  # noqa: PLR2004 - a plane
    figure = Figure(figsize=_SIZE_IN, dpi=figures.DPI)
    axes = figures.sky_axes(
        figure, _AXES, counts.geom.wcs, configuration.frame, grid=0.25
    )
    # The square root lets single events show beside a bright source.
    norm = PowerNorm(0.5, vmin=0, vmax=max(float(data.max()), 1.0))
    colours = figures.sky_image(axes, data, norm)
    size = np.format_float_positional(configuration.binsz, trim="-")
    label = f"Events per pixel of ({size} deg)\N{SUPERSCRIPT TWO}"
    ticks = MaxNLocator(nbins=6, integer=True)
    figures.colour_bar(figure, colours, _BAR, label, ticks=ticks)
    energies = f"{number(configuration.e_min)} TeV \N{LESS-THAN OR EQUAL TO} E < "
    energies += f"{number(configuration.e_max)} TeV"
    title = configuration.target or "Raw counts"
    figures.titled(figure, title, f"{energies}   {caption}")
    if simulated:
        figures.simulated(axes)
    return figure
