"""The picture of a quick look: four panels, fit for a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from distiller.analysis import figures
from distiller.core.times import mjd_utc_to_iso

if TYPE_CHECKING:
    from distiller.analysis.preview.measure import Field, Histogram, Look, Rate
    from distiller.analysis.preview.numbers import PreviewNumbers

_SIZE_IN: Final = (8.0, 6.67)
_DPI: Final = 125
_LEFT: Final = (0.09, 0.325)  # begin and width of both panels on that side
_RIGHT: Final = (0.58, 0.385)
_UPPER: Final = (0.53, 0.35)
_LOWER: Final = (0.09, 0.335)
_EDGE: Final = 0.975
"""Where a line of text must end, as part of the width."""

# Told apart with any colour vision (Okabe and Ito).
_BLUE: Final = "#0072B2"
_GREEN: Final = "#009E73"
_ORANGE: Final = "#D55E00"
_SMALL: Final = 8
_MINUTES_S: Final = (3 * 3600.0, 60.0, "min")
_HOURS_S: Final = (4 * 86400.0, 3600.0, "h")
_DAYS_S: Final = (np.inf, 86400.0, "d")


def draw(look: Look) -> bytes:
    """Draw the panels as PNG; simulated data are labelled as such."""
    numbers = look.numbers
    figure = Figure(figsize=_SIZE_IN, dpi=_DPI)
    _head(figure, numbers)
    _draw_field(figure, look.field, numbers)
    _draw_energies(figure, look.energies, numbers)
    _draw_rate(figure, look.rate, numbers)
    _draw_offsets(figure, look.offsets, numbers)
    return figures.png_bytes(figure)


def _head(figure: Figure, numbers: PreviewNumbers) -> None:
    label = numbers.label.replace("$", r"\$")
    title = figure.text(0.025, 0.955, label, fontsize=13, fontweight="bold")
    _fit(title)
    caption = numbers.caption
    lines = [f"{caption[0].upper()}{caption[1:]}"]
    if numbers.doubts:
        lines.append(f"Of these: {', '.join(numbers.doubts)}")
    for place, line in zip((0.925, 0.899), lines, strict=False):
        _fit(figure.text(0.025, place, line, fontsize=_SMALL, color="0.25"))
    note = "Raw counts: no background is subtracted, no exposure is corrected"
    figure.text(_EDGE, 0.008, note, fontsize=6.5, color="0.4", ha="right", va="bottom")


def _fit(text: Any) -> None:
    """Cut words off with an ellipsis where they would leave the figure."""
    kept = text.get_text()
    while kept and text.get_window_extent().x1 > _EDGE * text.figure.bbox.x1:
        kept = kept[:-1].rstrip()
        text.set_text(kept.removesuffix("\\") + "\N{HORIZONTAL ELLIPSIS}")


# Panels ----------------------------------------------------------------------


def _draw_field(figure: Figure, field: Field | None, numbers: PreviewNumbers) -> None:
    place = (_LEFT[0], _UPPER[0], _LEFT[1], _UPPER[1])
    if field is None:
        _empty(figure.add_axes(place), "Events on the sky", _why_no_field(numbers))
        return
    axes: Any = figure.add_axes(place, projection=field.wcs)
    # The square root lets single events show beside a bright source.
    norm = PowerNorm(0.5, vmin=0, vmax=max(float(field.counts.max()), 1.0))
    image = axes.imshow(
        field.counts,
        origin="lower",
        cmap=figures.COLOURS,
        norm=norm,
        interpolation="nearest",
    )
    axes.set_anchor("W")
    for coordinate, name in zip(
        axes.coords, ("Right ascension", "Declination"), strict=True
    ):
        # Hours and powers of ten are set like formulas, which takes twice as long.
        coordinate.set_format_unit("deg", decimal=True, show_decimal_unit=False)
        coordinate.set_axislabel(f"{name} (ICRS, deg)", fontsize=_SMALL, minpad=0.6)
        coordinate.set_ticklabel(size=_SMALL - 1)
        coordinate.set_ticks(number=4)
    middle = (field.counts.shape[0] - 1) / 2
    axes.plot(middle, middle, "+", color="white", markersize=8)
    if numbers.field_radius_deg is not None:
        turn = np.linspace(0, 2 * np.pi, 181)
        radius = numbers.field_radius_deg / field.pixel_deg
        axes.plot(
            middle + radius * np.cos(turn),
            middle + radius * np.sin(turn),
            linestyle="--",
            linewidth=0.8,
            color="white",
            scalex=False,
            scaley=False,
        )
    bar_axes = figure.add_axes((0.402, _UPPER[0], 0.014, _UPPER[1]))
    locator = MaxNLocator(nbins=5, integer=True)
    bar = figure.colorbar(image, cax=bar_axes, ticks=locator)
    size = np.format_float_positional(field.pixel_deg, trim="-")
    words = f"Events per pixel of ({size} deg)\N{SUPERSCRIPT TWO}"
    bar.set_label(words, fontsize=_SMALL)
    bar_axes.tick_params(labelsize=_SMALL - 1)
    if numbers.simulated:
        figures.simulated(axes)


def _why_no_field(numbers: PreviewNumbers) -> str:
    if not numbers.events:
        return "no events"
    return "no events with a valid direction"


def _draw_energies(
    figure: Figure, energies: Histogram | None, numbers: PreviewNumbers
) -> None:
    axes = figure.add_axes((_RIGHT[0], _UPPER[0], _RIGHT[1], _UPPER[1]))
    if energies is None:
        why = "no events with a valid energy" if numbers.events else "no events"
        _empty(axes, "Energies", why)
        return
    axes.stairs(energies.values, energies.edges, color=_BLUE, fill=True, alpha=0.25)
    axes.stairs(energies.values, energies.edges, color=_BLUE, linewidth=1.2)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        # Small ticks between decades take as long to draw as all other panels.
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(_plain))
    axes.set_ylim(0.6, 2.0 * max(float(energies.values.max()), 1.0))
    # Whole decades, so that at least two are named.
    low, high = np.log10(energies.edges[[0, -1]])
    axes.set_xlim(10.0 ** np.floor(low + 1e-9), 10.0 ** np.ceil(high - 1e-9))
    if numbers.energy_median_tev is not None:
        axes.axvline(
            numbers.energy_median_tev, color=_ORANGE, linestyle="--", linewidth=1,
            label=f"median {numbers.energy_median_tev:.3g} TeV",
        )  # fmt: skip
        _key(axes)
    _label(axes, "Reconstructed energy (TeV)", "Events per bin (10 per decade)")


def _draw_rate(figure: Figure, rate: Rate | None, numbers: PreviewNumbers) -> None:
    axes = figure.add_axes((_LEFT[0], _LOWER[0], _LEFT[1], _LOWER[1]))
    if rate is None or numbers.t_min_mjd is None:
        _empty(axes, "Rate over time", "no good time intervals")
        return
    span = float(rate.good_s[-1, 1])
    _, unit_s, unit = next(u for u in (_MINUTES_S, _HOURS_S, _DAYS_S) if span <= u[0])
    for number, (low, high) in enumerate(rate.good_s):
        axes.axvspan(
            low / unit_s, high / unit_s, color=_GREEN, alpha=0.15, linewidth=0,
            label="good time" if number == 0 else None,
        )  # fmt: skip
    values = rate.hertz.values
    axes.stairs(
        values, rate.hertz.edges / unit_s, baseline=None, color=_BLUE, linewidth=1.2
    )
    finite = values[np.isfinite(values)]
    axes.set_ylim(0, 1.3 * max(float(finite.max(initial=0.0)), 1e-9))
    axes.set_xlim(-0.02 * span / unit_s, 1.02 * span / unit_s)
    _key(axes)
    begin = mjd_utc_to_iso(numbers.t_min_mjd)[:19].replace("T", " ")
    _label(axes, f"Time since {begin} UTC ({unit})", "Rate (events per s)")


def _draw_offsets(
    figure: Figure, offsets: Histogram | None, numbers: PreviewNumbers
) -> None:
    axes = figure.add_axes((_RIGHT[0], _LOWER[0], _RIGHT[1], _LOWER[1]))
    if offsets is None:
        _empty(axes, "Offsets", _why_no_field(numbers))
        return
    axes.stairs(offsets.values, offsets.edges, color=_BLUE, fill=True, alpha=0.25)
    axes.stairs(offsets.values, offsets.edges, color=_BLUE, linewidth=1.2)
    axes.set_xlim(0, float(offsets.edges[-1]) * 1.04)
    axes.set_ylim(0, 1.15 * max(float(offsets.values.max()), 1e-9))
    if numbers.field_radius_deg is not None:
        axes.axvline(
            numbers.field_radius_deg, color=_ORANGE, linestyle="--", linewidth=1,
            label="edge of the field",
        )  # fmt: skip
        _key(axes)
    of = "mean direction" if numbers.centre == "events" else "pointing"
    _label(axes, f"Offset from the {of} (deg)", "Events per deg\N{SUPERSCRIPT TWO}")


def _label(axes: Any, along: str, up: str) -> None:
    axes.set_xlabel(along, fontsize=_SMALL)
    axes.set_ylabel(up, fontsize=_SMALL)
    axes.tick_params(labelsize=_SMALL - 1)
    axes.grid(visible=True, color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _key(axes: Any) -> None:
    axes.legend(
        fontsize=_SMALL - 1, loc="upper right", edgecolor="none", framealpha=0.9
    )


def _plain(value: float, _place: object) -> str:
    """Write a power of ten as a person does.

    >>> _plain(0.1, None), _plain(1000.0, None), _plain(1e6, None)
    ('0.1', '1,000', '1e+06')
    """
    return f"{value:,.0f}" if 1 <= value < 1e5 else f"{value:g}"  # noqa: PLR2004 - short enough


def _empty(axes: Any, what: str, why: str) -> None:
    """Show a panel that has nothing to show, and say why."""
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_color("0.8")
    axes.text(
        0.5, 0.5, f"{what}:\n{why}", transform=axes.transAxes, ha="center",
        va="center", fontsize=9, color="0.35",
    )  # fmt: skip
