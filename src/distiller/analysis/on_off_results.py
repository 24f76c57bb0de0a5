"""What results of on and off counts share: times, OGIP files, and what is valid."""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.stats import chi2

from distiller.analysis import exclusions, results
from distiller.analysis.recipes.exclusion_file import UnusableFileError
from distiller.analysis.recipes.on_off import RefusedError, counted, write_ogip
from distiller.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gammapy.data import Observations

    from distiller.analysis.recipes.on_off import Reduced
    from distiller.analysis.source_region import SourceRegionParameters

_CREATED: Final = re.compile(rb"CREATED = '[-0-9 :.]{23}' {45}")
"""A card of 80 characters."""

FEW_REGIONS: Final = 2
FEW_EVENTS: Final = 10
SURE_SIGMA: Final = 5.0
_WIDE_ZENITH_DEG: Final = 15.0
_UNLIKELY: Final = 1e-3
_ENOUGH: Final = 5.0
_NAMED: Final = 5


@contextmanager
def refusals_told() -> Iterator[None]:
    """Tell users why a recipe gives no result of what they chose."""
    try:
        yield
    except UnusableFileError as error:
        raise exclusions.unusable(error) from error
    except RefusedError as error:
        hint = "choose other runs or parameters"
        raise UserError(str(error), hint=hint) from error


@dataclass(frozen=True, slots=True)
class GoodTime:
    """The time that was used: first and last instant (MJD, UTC), and its sum."""

    t_min_mjd: float
    t_max_mjd: float
    exposure_s: float


def good_time(reduced: Reduced) -> GoodTime:
    """Return the good time of all runs that were used."""
    tables = [one.gti for one in reduced.datasets]
    return GoodTime(
        t_min_mjd=float(min(gti.time_start.utc.mjd.min() for gti in tables)),
        t_max_mjd=float(max(gti.time_stop.utc.mjd.max() for gti in tables)),
        exposure_s=round(float(sum(gti.time_sum.to_value("s") for gti in tables)), 3),
    )


def ogip_zip(reduced: Reduced) -> bytes:
    """Return counts and responses as XSPEC reads them: of each run and of all."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_ogip(reduced, folder)
        files = {path.name: _timeless(path) for path in sorted(folder.iterdir())}
    return results.zip_bytes(files)


def _timeless(path: Path) -> bytes:
    """Return a FITS file without the time when it was written."""
    return _CREATED.sub(b" " * 80, path.read_bytes())


def runs_named(names: list[str]) -> str:
    """Write the names of runs: ``run 1``, ``runs 1 and 2``, ``5 runs (1, 2...)``."""
    if len(names) > _NAMED:
        return f"{len(names)} runs ({', '.join(names[:_NAMED])}...)"
    if len(names) == 1:
        return f"run {names[0]}"
    return f"runs {', '.join(names[:-1])} and {names[-1]}"


def limits(
    reduced: Reduced, configuration: SourceRegionParameters, observations: Observations
) -> list[str]:
    """Return what is valid of these counts, one sentence each."""
    return [
        *_of_runs(reduced),
        *_of_counts(reduced),
        *_of_background(reduced, configuration),
        *_of_responses(reduced, configuration),
        *_of_zenith(observations),
    ]


def _of_runs(reduced: Reduced) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for run, reason in reduced.dropped.items():
        reasons.setdefault(reason, []).append(run)
    for reason, runs in reasons.items():
        left = "is" if len(runs) == 1 else "are"
        yield f"Left out {left} {runs_named(runs)}: {reason}."


def _of_counts(reduced: Reduced) -> Iterator[str]:
    counts = counted(reduced.stacked)
    n_on, sigma = counts["n_on"], counts["sqrt_ts"]
    if n_on < FEW_EVENTS:
        yield (
            f"Only {n_on:.0f} events are in the source region: errors are not those of "
            "a normal distribution."
        )
    if sigma < SURE_SIGMA:
        yield f"The excess has {sigma:.1f} standard deviations: no sure detection."


def _of_background(
    reduced: Reduced, configuration: SourceRegionParameters
) -> Iterator[str]:
    few = [run for run, n in reduced.off_regions.items() if n <= FEW_REGIONS]
    if few:
        have = "has" if len(few) == 1 else "have"
        name = runs_named(few)
        yield (
            f"{name[0].upper()}{name[1:]} {have} {FEW_REGIONS} off regions or fewer: "
            "the background is uncertain, and a slope of the acceptance does not "
            "average out."
        )
    used = reduced.stacked.mask.data
    without = used & (reduced.stacked.counts_off.data == 0)
    filled = without & (reduced.stacked.counts.data > 0)
    if filled.any():
        yield (
            f"{int(filled.sum())} of {int(used.sum())} energy bins have on events and "
            "no off event: the fit statistic W takes the background for zero there, "
            "which biases the fit a little."
        )
    probability = _same_background(reduced)
    if probability is not None and probability < _UNLIKELY:
        yield (
            "The off regions differ more than chance allows "
            f"(probability {probability:.1e}): a source may lie in some of them; "
            "exclude it."
        )
    yield from exclusions.sentences(reduced.file_share, "field of the off regions")
    if not configuration.exclude and configuration.exclusion_file is None:
        yield (
            "No region was left out of the background: another source in an off region "
            "lowers the flux."
        )


def _same_background(reduced: Reduced) -> float | None:
    """Return the probability that the off regions of each run see one background."""
    total, free = 0.0, 0
    for values in reduced.off_counts.values():
        counts = np.array(values, dtype=float)
        if len(counts) > 1 and counts.mean() >= _ENOUGH:
            total += float(((counts - counts.mean()) ** 2).sum() / counts.mean())
            free += len(counts) - 1
    return float(chi2.sf(total, free)) if free else None


def _of_responses(
    reduced: Reduced, configuration: SourceRegionParameters
) -> Iterator[str]:
    if reduced.point_like:
        yield (
            "The responses are point-like: the source region is theirs, and the flux "
            "is right for a point source at the target only."
        )
    elif configuration.containment:
        yield (
            "The flux is corrected for what the source region does not contain of a "
            "point source; that of an extended one is too low."
        )
    else:
        yield (
            "The containment is not corrected: the flux is right only if the source "
            "region holds the whole source, its image blurred by the PSF."
        )
    yield "Errors are statistical; those of the responses are not in them."


def _of_zenith(observations: Observations) -> Iterator[str]:
    zenith = [
        90.0 - float(altitude)
        for one in observations
        if (altitude := one.events.table.meta.get("ALT_PNT")) not in {None, ""}
    ]
    if zenith and max(zenith) - min(zenith) > _WIDE_ZENITH_DEG:
        yield (
            f"The runs have zenith angles from {min(zenith):.0f} to {max(zenith):.0f} "
            "deg: their thresholds and systematic errors differ."
        )
