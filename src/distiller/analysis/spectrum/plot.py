"""The picture of a spectrum, fit for a draft of a paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from astropy import units as u
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from distiller.analysis import figures

if TYPE_CHECKING:
    from distiller.analysis.recipes.spectrum import Made
    from distiller.analysis.spectrum.parameters import SpectrumParameters

MODELS: Final = {
    "pl": "Power law",
    "lp": "Log-parabola",
    "ecpl": "Power law with exponential cut-off",
}

_SIZE_IN: Final = (7.0, 6.2)
_UPPER: Final = (0.13, 0.33, 0.84, 0.53)
_LOWER: Final = (0.13, 0.1, 0.84, 0.2)
_COLOUR: Final = "#31688e"
_STEPS: Final = 60
_SAMPLES: Final = 1000
_ERG_PER_TEV: Final = float((1 * u.TeV).to_value("erg"))
_UP: Final = 3.0
_DOWN: Final = 0.3


def draw(
    made: Made,
    numbers: dict[str, Any],
    configuration: SpectrumParameters,
    caption: str,
    simulated: bool,  # noqa: FBT001
) -> Figure:
    """Draw flux points and upper limits, the model with its error, and residuals.

    Parameters
    ----------
    numbers
        As the recipe gives them.
    caption
        Second line of the title: runs, hours.
    simulated
        Whether the picture must say so.
    """
    figure = Figure(figsize=_SIZE_IN, dpi=figures.DPI)
    upper = figure.add_axes(_UPPER)
    lower = figure.add_axes(_LOWER, sharex=upper)
    _model(upper, made, numbers)
    _points(upper, numbers)
    _residuals(lower, made, numbers)
    _dress(upper, lower, numbers)
    title = configuration.target or "Spectrum"
    energies = f"{numbers['e_min']:.3g} to {numbers['e_max']:.3g} TeV"
    counts = f"{numbers['excess']:.1f} excess events, {numbers['sqrt_ts']:.1f}"
    figures.titled(figure, title, f"{energies}   {counts}\u03c3, {caption}")
    if simulated:
        figures.simulated(upper)
    return figure


def _model(axes: Any, made: Made, numbers: dict[str, Any]) -> None:
    """Draw the model and the band that holds it at one standard deviation."""
    energy = np.geomspace(numbers["e_min"], numbers["e_max"], _STEPS)
    values = made.chosen.spectrum(energy * u.TeV).to_value("cm-2 s-1 TeV-1")
    axes.plot(
        energy,
        _sed(energy, values),
        color=_COLOUR,
        linewidth=1.2,
        label=_words(numbers),
    )
    error = made.chosen.spectrum.evaluate_error(energy * u.TeV, n_samples=_SAMPLES)
    low, high = (error[n].to_value("cm-2 s-1 TeV-1") for n in (1, 2))
    axes.fill_between(
        energy,
        _sed(energy, np.maximum(values - low, 0)),
        _sed(energy, values + high),
        color=_COLOUR,
        alpha=0.25,
        linewidth=0,
    )


def _words(numbers: dict[str, Any]) -> str:
    """Say the model with its parameters, as a caption would."""
    lines = [MODELS[numbers["model"]]]
    names = {
        "index": "\u0393", "alpha": "\u03b1", "beta": "\u03b2 (per ln E)",
        "cutoff": "cut-off",
    }  # fmt: skip
    amplitude = numbers["parameters"]["amplitude"]
    power = int(np.floor(np.log10(abs(amplitude["value"]) or 1.0)))
    scaled = amplitude["value"] / 10.0**power
    error = (amplitude["error"] or 0.0) / 10.0**power
    lines.append(
        f"\u03c6({numbers['e_ref']:g} TeV) = ({scaled:.2f} \u00b1 {error:.2f}) "
        f"$\\times 10^{{{power}}}$ cm$^{{-2}}$ s$^{{-1}}$ TeV$^{{-1}}$"
    )
    for name, symbol in names.items():
        one = numbers["parameters"].get(name)
        if one is None:
            continue
        spread = " (held)" if one["error"] is None else f" \u00b1 {one['error']:.2f}"
        unit = " TeV" if name == "cutoff" else ""
        lines.append(f"{symbol} = {one['value']:.2f}{spread}{unit}")
    return "\n".join(lines)


def _points(axes: Any, numbers: dict[str, Any]) -> None:
    points = numbers["flux_points"]
    measured = [p for p in points if not p["is_ul"] and _has_errors(p)]
    limits = [p for p in points if p["is_ul"] and p["dnde_ul"]]
    style = {"color": "black", "markersize": 4, "elinewidth": 1, "capsize": 0}
    if measured:
        energy, flux, low, high = _columns(
            measured, "e_ref", "dnde", "dnde_errn", "dnde_errp"
        )
        axes.errorbar(
            energy,
            _sed(energy, flux),
            yerr=[_sed(energy, np.minimum(low, 0.999 * flux)), _sed(energy, high)],
            xerr=_widths(measured),
            fmt="o",
            **style,
        )
    if limits:
        energy, limit = _columns(limits, "e_ref", "dnde_ul")
        top = _sed(energy, limit)
        axes.errorbar(
            energy, top, xerr=_widths(limits), yerr=0.35 * top, uplims=True, fmt="none",
            color="0.35", elinewidth=1,
        )  # fmt: skip


def _residuals(axes: Any, made: Made, numbers: dict[str, Any]) -> None:
    points = [p for p in numbers["flux_points"] if not p["is_ul"] and _has_errors(p)]
    axes.axhline(0.0, color=_COLOUR, linewidth=1.2)
    if not points:
        return
    energy, flux, low, high = _columns(
        points, "e_ref", "dnde", "dnde_errn", "dnde_errp"
    )
    model = made.chosen.spectrum(energy * u.TeV).to_value("cm-2 s-1 TeV-1")
    error = np.where(flux > model, low, high)
    axes.errorbar(
        energy, (flux - model) / error, yerr=1.0, xerr=_widths(points),
        fmt="o", color="black", markersize=4, elinewidth=1,
    )  # fmt: skip
    largest = max(3.5, float(np.abs((flux - model) / error).max()) + 1.3)
    axes.set_ylim(-largest, largest)


def _dress(upper: Any, lower: Any, numbers: dict[str, Any]) -> None:
    upper.set_xscale("log")
    upper.set_yscale("log")
    points = numbers["flux_points"]
    low = min([numbers["e_min"], *(p["e_min"] for p in points)])
    high = max([p["e_max"] for p in points], default=numbers["e_max"])
    upper.set_xlim(low / 1.15, high * 1.15)
    seen = [p for p in points if _shown(p)]
    if seen:
        values = [_sed(p["e_ref"], _shown(p)) for p in seen]
        upper.set_ylim(_DOWN * min(values), _UP * max(values))
    upper.set_ylabel(
        "$E^2\\,\\mathrm{d}N/\\mathrm{d}E$   (erg cm$^{-2}$ s$^{-1}$)", fontsize=10
    )
    upper.tick_params(labelbottom=False, which="both", direction="in")
    upper.legend(loc="best", fontsize=8.5, frameon=False)
    lower.set_xlabel("Energy (TeV)", fontsize=10)
    lower.set_ylabel("(flux \u2212 model) / error", fontsize=9)
    lower.tick_params(which="both", direction="in")
    lower.xaxis.set_major_formatter(FuncFormatter(lambda value, _at: f"{value:g}"))
    lower.xaxis.set_minor_formatter(NullFormatter())


def _shown(point: dict[str, Any]) -> float | None:
    found = point["dnde_ul"] if point["is_ul"] else point["dnde"]
    return found if found and found > 0 else None


def _has_errors(point: dict[str, Any]) -> bool:
    return bool(point["dnde"] and point["dnde_errn"] and point["dnde_errp"])


def _columns(points: list[dict[str, Any]], *names: str) -> list[Any]:
    return [np.array([point[name] for point in points], float) for name in names]


def _widths(points: list[dict[str, Any]]) -> list[Any]:
    energy, low, high = _columns(points, "e_ref", "e_min", "e_max")
    return [energy - low, high - energy]


def _sed(energy_tev: Any, flux: Any) -> Any:
    """Return E^2 dN/dE in erg cm-2 s-1 from cm-2 s-1 TeV-1."""
    return energy_tev**2 * flux * _ERG_PER_TEV
