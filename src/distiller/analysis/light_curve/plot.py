"""The picture of a light curve, fit for a draft of a paper."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.figure import Figure

from distiller.analysis import figures

if TYPE_CHECKING:
    from distiller.analysis.light_curve.parameters import LightCurveParameters

_SIZE_IN: Final = (7.0, 4.6)
_AXES: Final = (0.13, 0.14, 0.84, 0.68)
_COLOUR: Final = "#31688e"
_MARGIN: Final = 0.06
_LEAST_WIDTH_D: Final = 0.002
_ROOM: Final = 1.35


def bins_named(time_bins: str) -> str:
    """Write the binning in words: ``run``, ``night`` or ``bins of 0.5 h``."""
    return time_bins if time_bins in {"run", "night"} else f"bins of {time_bins} h"


def draw(
    numbers: dict[str, Any],
    configuration: LightCurveParameters,
    caption: str,
    simulated: bool,  # noqa: FBT001
) -> Figure:
    """Draw fluxes and upper limits by time, and the mean.

    Parameters
    ----------
    numbers
        As the recipe gives them.
    caption
        Second line of the title: points, hours.
    simulated
        Whether the picture must say so.
    """
    figure = Figure(figsize=_SIZE_IN, dpi=figures.DPI)
    axes = figure.add_axes(_AXES)
    points = numbers["points"]
    start = math.floor(min(p["t_start_utc"] for p in points))
    scale = _power(points)
    _mean(axes, numbers, scale)
    _points(axes, points, start, scale)
    _dress(axes, points, start, scale)
    energies = f"{numbers['e_min']:.3g} to {numbers['e_max']:.3g} TeV"
    title = configuration.target or "Light curve"
    by = bins_named(configuration.time_bins)
    figures.titled(figure, title, f"{energies}   by {by}, {caption}")
    if simulated:
        figures.simulated(axes)
    return figure


def _power(points: list[dict[str, Any]]) -> int:
    """Return the power of ten that the fluxes are shown in."""
    values = [abs(p["flux_ul"] if p["is_ul"] else p["flux"]) for p in points if _is(p)]
    largest = max([value for value in values if value > 0], default=1.0)
    return math.floor(math.log10(largest))


def _unit(scale: int) -> str:
    return f"$10^{{{scale}}}$ cm$^{{-2}}$ s$^{{-1}}$"


def _is(point: dict[str, Any]) -> bool:
    return point["flux_ul" if point["is_ul"] else "flux"] is not None


def _mean(axes: Any, numbers: dict[str, Any], scale: int) -> None:
    """Draw the constant that fits best, and say how well it does."""
    varies = numbers["variability"]
    mean, error = varies["mean_flux"], varies["mean_flux_error"]
    if mean is None or len(numbers["points"]) == 1:
        return
    mean, error = mean / 10.0**scale, error / 10.0**scale
    words = f"mean ({mean:.2f} \u00b1 {error:.2f}) {_unit(scale)}"
    if varies["chi2"] is not None:
        words += f", \u03c7\u00b2 = {varies['chi2']:.1f} / "
        words += f"{varies['degrees_of_freedom']}, p = {varies['p_value']:.2g}"
    if varies["fvar"] is not None:
        words += (
            f"\nF$_\\mathrm{{var}}$ = {varies['fvar']:.2f} "
            f"\u00b1 {varies['fvar_error']:.2f}"
        )
    axes.axhline(mean, color=_COLOUR, linewidth=1.2, label=words)
    axes.axhspan(mean - error, mean + error, color=_COLOUR, alpha=0.25, linewidth=0)


def _points(axes: Any, points: list[dict[str, Any]], start: float, scale: int) -> None:
    measured = [p for p in points if not p["is_ul"] and _is(p)]
    limits = [p for p in points if p["is_ul"] and _is(p)]
    if measured:
        low, high = (
            [p[name] or p["flux_err"] or 0.0 for p in measured]
            for name in ("flux_errn", "flux_errp")
        )
        flux = np.array([p["flux"] for p in measured])
        axes.errorbar(
            _middle(measured) - start, flux / 10.0**scale,
            yerr=np.array([low, high]) / 10.0**scale, xerr=_half(measured),
            fmt="o", color="black", markersize=4, elinewidth=1,
        )  # fmt: skip
    if limits:
        top = np.array([p["flux_ul"] for p in limits]) / 10.0**scale
        axes.errorbar(
            _middle(limits) - start, top, xerr=_half(limits), yerr=0.2 * top,
            uplims=True, fmt="none", color="0.35", elinewidth=1,
        )  # fmt: skip


def _dress(axes: Any, points: list[dict[str, Any]], start: float, scale: int) -> None:
    first = min(p["t_start_utc"] for p in points) - start
    last = max(p["t_stop_utc"] for p in points) - start
    margin = _MARGIN * max(last - first, _LEAST_WIDTH_D)
    axes.set_xlim(first - margin, last + margin)
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 0.0), high * _ROOM)
    axes.axhline(0.0, color="0.6", linewidth=0.6)
    axes.set_xlabel(f"MJD (UTC) \u2212 {start:d}", fontsize=10)
    axes.set_ylabel(f"Flux ({_unit(scale)})", fontsize=10)
    axes.tick_params(which="both", direction="in")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper right", fontsize=8.5, frameon=False)


def _middle(points: list[dict[str, Any]]) -> Any:
    return np.array([0.5 * (p["t_start_utc"] + p["t_stop_utc"]) for p in points])


def _half(points: list[dict[str, Any]]) -> Any:
    return np.array([0.5 * (p["t_stop_utc"] - p["t_start_utc"]) for p in points])
