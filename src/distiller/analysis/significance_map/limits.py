"""What is valid where on a significance map, in sentences for its user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from astropy.coordinates import SkyCoord

from distiller.analysis import exclusions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.analysis.recipes.significance_map import Made
    from distiller.analysis.recipes.sky_images import Floats
    from distiller.analysis.significance_map.parameters import (
        SignificanceMapParameters,
    )

WIDTH_MAX: Final = 1.2
"""Of the distribution off sources; the background is called into question above."""

MEAN_MAX: Final = 0.2
"""Likewise of its mean, up or down."""

INDEPENDENT_MIN: Final = 30
"""With fewer discs side by side off sources, mean and width say little."""

EXCLUDED_MAX: Final = 0.1
"""Part of the field that may be left out before the field is called crowded."""

COVERED_MIN: Final = 0.3
"""Part of a ring that lies outside of excluded regions, below which it is doubtful."""

COUNTS_MIN: Final = 10
"""Background events below which a significance is not normally distributed."""

SHARE_MIN: Final = 0.25
"""Part of the field from which on something is worth a sentence."""

LOW_MIN: Final = 0.5
"""Part of the field with low counts worth a sentence; its edge always has few."""

NORM_OFF: Final = 0.3
"""How far from 1 the normalisation of a run's background model may lie."""

STRETCHED_MAX: Final = 0.05
"""How much larger or smaller than asked for a pixel may be."""


def sentences(
    made: Made, configuration: SignificanceMapParameters, asked: int
) -> tuple[str, ...]:
    """Return what limits the result, the gravest first.

    Parameters
    ----------
    asked
        How many runs were asked for.
    """
    found = (
        *_background(made),
        *_crowded(made, configuration),
        *exclusions.sentences(made.file_share, "map"),
        *_few(made, configuration),
        *_models(made, configuration),
        *_stretched(made, configuration),
        *_energies(made, configuration),
        *_passes(made, configuration, asked),
    )
    return tuple(found)


def _background(made: Made) -> Iterator[str]:
    fit = made.fit
    if fit["independent"] < INDEPENDENT_MIN:
        yield (
            f"The background could not be checked: only {fit['independent']:.0f} "
            "independent positions lie outside of the excluded regions, and "
            f"{INDEPENDENT_MIN} are needed."
        )
        return
    if fit["width"] <= WIDTH_MAX and abs(fit["mean"]) <= MEAN_MAX:
        return
    yield (
        "The background is not valid: outside of the excluded regions significances "
        f"have a mean of {fit['mean']:.2f} and a width of {fit['width']:.2f}, where 0 "
        "and 1 are expected. Significances on this map are not to be taken at their "
        "value; sources that are not excluded or another method may be why."
    )


def _crowded(made: Made, configuration: SignificanceMapParameters) -> Iterator[str]:
    seen = np.isfinite(made.maps["SIGNIFICANCE"])
    excluded = 1 - made.used[seen].mean()
    if excluded > EXCLUDED_MAX:
        yield (
            f"Crowded field: {excluded:.0%} of it are excluded as sources. Emission "
            "between them that is not excluded counts as background and lowers the "
            "excess of others."
        )
    if configuration.method != "ring":
        return
    fraction = made.maps["OFF_FRACTION"]
    here = _at_centre(fraction)
    if here < COVERED_MIN:
        yield (
            f"Only {here:.0%} of the ring around the centre lie outside of excluded "
            "regions: the background is taken from one side."
        )
    little = float((fraction[seen] < COVERED_MIN).mean())
    if little > SHARE_MIN:
        yield (
            f"In {little:.0%} of the field less than {COVERED_MIN:.0%} of the ring "
            "lie outside of excluded regions (OFF_FRACTION)."
        )


def _few(made: Made, configuration: SignificanceMapParameters) -> Iterator[str]:
    expected = made.maps["CORRELATED_BACKGROUND"]
    here = _at_centre(expected)
    if np.isnan(here):
        yield (
            "The centre has no value: no run that was used has it within "
            f"{configuration.offset_max:g} deg of its pointing."
        )
    seen = np.isfinite(expected)
    few = float((expected[seen] < COUNTS_MIN).mean())
    if few > LOW_MIN or here < COUNTS_MIN:
        yield (
            f"Low counts: in {few:.0%} of the field fewer than {COUNTS_MIN} background "
            "events are expected within the correlation radius"
            + (f" ({here:.1f} at the centre)" if np.isfinite(here) else "")
            + "; significances there are not normally distributed."
        )


def _models(made: Made, configuration: SignificanceMapParameters) -> Iterator[str]:
    if configuration.method != "fov":
        return
    norms = np.asarray(made.runs["background_norm"], dtype=float)
    wrong = np.abs(norms - 1) > NORM_OFF
    if wrong.any():
        named = ", ".join(made.runs["obs_id"][wrong][:5])
        more = f" and {wrong.sum() - 5} more" if wrong.sum() > 5 else ""  # noqa: PLR2004 - names shown
        yield (
            "The background model is off by more than "
            f"{NORM_OFF:.0%} before it is fitted in run {named}{more} (factors "
            f"{norms[wrong].min():.2f} to {norms[wrong].max():.2f})."
        )


def _stretched(made: Made, configuration: SignificanceMapParameters) -> Iterator[str]:
    rows, columns = (
        np.linspace(0, size - 1, min(9, size)).astype(int)
        for size in made.geom.data_shape
    )
    y, x = (grid.ravel() for grid in np.meshgrid(rows, columns, indexing="ij"))
    known = np.isfinite(made.maps["SIGNIFICANCE"][y, x])
    x, y = x[known], y[known]
    wcs = made.geom.wcs
    here = SkyCoord.from_pixel(x, y, wcs)
    scales = [
        here.separation(SkyCoord.from_pixel(x + dx, y + dy, wcs)).deg
        for dx, dy in ((1, 0), (0, 1))
    ]
    ratios = np.asarray(scales) / configuration.binsz
    if ratios.size and np.abs(ratios - 1).max() > STRETCHED_MAX:
        yield (
            f"On this map pixels are {ratios.min():.2f} to {ratios.max():.2f} of "
            f"{configuration.binsz:g} deg wide, and discs and rings with them; a "
            "projection TAN or a smaller map keeps them round."
        )


def _energies(made: Made, configuration: SignificanceMapParameters) -> Iterator[str]:
    low, high = (np.asarray(made.runs[name]) for name in ("e_min", "e_max"))
    if low.max() > configuration.e_min or high.min() < configuration.e_max:
        yield (
            f"Energies that are safe begin at {_range(low)} TeV and end at "
            f"{_range(high)} TeV in the runs; {configuration.e_min:g} to "
            f"{configuration.e_max:g} TeV were asked for."
        )
    without = ~np.asarray(made.runs["has_threshold"])
    if configuration.safe_range != "none" and without.any():
        yield (
            f"{without.sum()} of {len(without)} runs say no energy threshold "
            "(LO_THRES); they are used from e_min on."
        )


def _passes(
    made: Made, configuration: SignificanceMapParameters, asked: int
) -> Iterator[str]:
    if made.found:
        yield (
            f"The second pass excluded {made.found:,} pixels more, around what the "
            f"first found above {configuration.exclude_above:g} sigma."
        )
    if len(made.runs) < asked:
        yield (
            f"{len(made.runs)} of {asked} runs were used; the others have no good "
            "time, no safe energies or no field of view in common with the map."
        )


def _range(values: Floats) -> str:
    low, high = f"{values.min():.3g}", f"{values.max():.3g}"
    return low if low == high else f"{low} to {high}"


def _at_centre(image: Floats) -> float:
    ny, nx = image.shape
    return float(image[ny // 2, nx // 2])
