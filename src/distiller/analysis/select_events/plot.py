"""A quick look at selected events: where they are on the sky, and their energies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from distiller.analysis import figures
from distiller.analysis.record import number

if TYPE_CHECKING:
    from distiller.analysis.recipes.select_events import Merged
    from distiller.analysis.select_events.parameters import SelectEventsParameters

_SIZE_IN: Final = (9.4, 4.9)
_SKY: Final = (0.08, 0.13, 0.36, 0.69)
_BAR: Final = (0.45, 0.13, 0.012, 0.69)
_ENERGY: Final = (0.61, 0.13, 0.36, 0.69)
_LEFT: Final = 0.08
_SKY_BINS: Final = 80
_PER_DECADE: Final = 10
_SHARE: Final = 0.98
"""Of the events that the picture of a whole field must show."""

_POINTS: Final = np.linspace(0, 360, 181)


def draw(
    merged: Merged,
    configuration: SelectEventsParameters,
    caption: str,
    simulated: bool,  # noqa: FBT001
) -> Figure:
    """Draw the events that are kept.

    Parameters
    ----------
    caption
        Second line of the title: events, runs, hours.
    """
    figure = Figure(figsize=_SIZE_IN, dpi=figures.DPI)
    sky = figure.add_axes(_SKY)
    image = _draw_sky(sky, merged, configuration)
    locator = MaxNLocator(nbins=5, integer=True)
    bar = figure.colorbar(image, cax=figure.add_axes(_BAR), ticks=locator)
    bar.set_label("Events")
    _draw_energies(figure.add_axes(_ENERGY), merged.energy_tev, configuration.e_min)
    title = configuration.target or "Selected events"
    figures.titled(figure, title, f"{cuts_of(configuration)}   {caption}", left=_LEFT)
    if simulated:
        figures.simulated(sky)
    return figure


def _draw_sky(axes: Any, merged: Merged, c: SelectEventsParameters) -> Any:
    """Draw counts on the tangent plane, east to the left."""
    places = SkyCoord(
        np.asarray(merged.columns["RA"], dtype=np.float64),
        np.asarray(merged.columns["DEC"], dtype=np.float64),
        unit=(merged.units.get("RA", "deg"), merged.units.get("DEC", "deg")),
    )
    if c.radius is not None:
        centre, reach = SkyCoord(*c.centre_deg, unit="deg"), 1.05 * c.radius
    else:
        mean = SkyCoord(places.cartesian.mean()).spherical
        centre = SkyCoord(mean.lon, mean.lat)
        reach = float(np.quantile(places.separation(centre).deg, _SHARE)) or 0.1
    x, y = _offsets(centre, places)
    edges = np.linspace(-reach, reach, _SKY_BINS + 1)
    counts, _, _ = np.histogram2d(y, x, bins=(edges, edges))
    norm = PowerNorm(0.5, vmin=0, vmax=max(float(counts.max()), 1.0))
    image = axes.pcolormesh(
        edges, edges, counts, cmap=figures.COLOURS, norm=norm, rasterized=True
    )
    if c.radius is not None:
        _circle(axes, centre, centre, c.radius, color="white")
    for out in c.exclude:
        middle = SkyCoord(out.ra, out.dec, unit="deg")
        _circle(axes, centre, middle, out.radius, color="tab:red")
    axes.set_xlim(reach, -reach)
    axes.set_ylim(-reach, reach)
    axes.set_aspect("equal")
    axes.set_xlabel(f"East of ra {centre.ra.deg:.3f} deg (deg)")
    axes.set_ylabel(f"North of dec {centre.dec.deg:.3f} deg (deg)")
    return image


def _offsets(centre: SkyCoord, places: SkyCoord) -> tuple[Any, Any]:
    """Return distances to the east and to the north, deg, true along the radius."""
    angle = centre.position_angle(places).rad
    away = centre.separation(places).deg
    return away * np.sin(angle), away * np.cos(angle)


def _circle(
    axes: Any, centre: SkyCoord, middle: SkyCoord, radius: float, *, color: str
) -> None:
    edge = middle.directional_offset_by(_POINTS * u.deg, radius * u.deg)
    axes.plot(*_offsets(centre, edge), color=color, linewidth=1.2)


def _draw_energies(axes: Any, energy_tev: Any, e_min: float | None) -> None:
    positive = energy_tev[energy_tev > 0]
    if positive.size:
        # Bins begin at the cut: one that it cuts through would look like a gap.
        low = _PER_DECADE * np.log10(e_min or positive.min())
        low = low if e_min is not None else np.floor(low)
        high = _PER_DECADE * np.log10(positive.max())
        edges = 10 ** ((low + np.arange(np.floor(high - low) + 2)) / _PER_DECADE)
        counts, _ = np.histogram(positive, bins=edges)
        axes.stairs(counts, edges, fill=True, color="tab:blue", alpha=0.35)
        axes.stairs(counts, edges, color="tab:blue")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.7)
    axes.set_xlabel("Reconstructed energy (TeV)")
    axes.set_ylabel(f"Events per 1/{_PER_DECADE} decade")
    axes.grid(visible=True, alpha=0.3)


def cuts_of(c: SelectEventsParameters) -> str:
    """Return what was cut, in words."""
    words = []
    if c.radius is not None:
        words.append(f"within {number(c.radius)} deg")
    if c.exclude:
        size = len(c.exclude)
        words.append(f"without {size} {'circle' if size == 1 else 'circles'}")
    if c.e_min is not None and c.e_max is not None:
        words.append(f"{number(c.e_min)}-{number(c.e_max)} TeV")
    elif c.e_min is not None:
        words.append(f"from {number(c.e_min)} TeV")
    elif c.e_max is not None:
        words.append(f"below {number(c.e_max)} TeV")
    if c.t_min is not None or c.t_max is not None or c.gti:
        words.append("chosen times")
    classes = (("class", c.event_class), ("type", c.event_type))
    words += [f"{name} {value}" for name, value in classes if value is not None]
    return ", ".join(words) or "whole runs"
