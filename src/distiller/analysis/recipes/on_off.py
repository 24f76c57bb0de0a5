"""Counts of a source region and of reflected regions beside it, by energy, run by run.

Reflected regions lie at the distance of the source region from the pointing, where the
acceptance of background is the same (Berge, Funk and Hinton 2007, A&A 466, 1219).
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from gammapy.datasets import Datasets, SpectrumDataset, SpectrumDatasetOnOff
from gammapy.makers import (
    ReflectedRegionsBackgroundMaker,
    ReflectedRegionsFinder,
    SafeMaskMaker,
    SpectrumDatasetMaker,
    WobbleRegionsFinder,
)
from gammapy.maps import Map, MapAxis, RegionGeom, WcsGeom
from gammapy.stats import WStatCountsStatistic
from gammapy.utils.regions import compound_region_to_regions
from regions import CircleSkyRegion, PointSkyRegion

from distiller.analysis.recipes.exclusion_file import left_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gammapy.data import Observation, Observations
    from numpy.typing import NDArray

FINE_PER_DECADE = 20
"""Least number of energy bins per decade that a spectrum is fitted in."""

TRUE_PER_DECADE = 24
SAFE_PERCENT = 10
"""Bias of the energy, and effective area over its maximum, where the range begins."""

_MASK_BIN_DEG = 0.02
_PSF_MARGIN_DEG = 0.1
_SAME = 1e-6


class RefusedError(ValueError):
    """These runs and parameters give no result; the text says why."""


@dataclass
class Reduced:
    """What is counted.

    Attributes
    ----------
    datasets
        One for each run that has a background.
    stacked
        All of them together.
    dropped
        Why other runs are left out, by run.
    off_regions
        Number of reflected regions, by run.
    safe_range
        What the safe energies of a run are taken from, by run.
    off_counts
        Events in each reflected region, by run; not with point-like responses.
    point_like
        Whether the source region is that of the responses.
    file_share
        Part of the field of the off regions that the exclusion file speaks of.
    """

    datasets: Datasets
    stacked: SpectrumDatasetOnOff
    dropped: dict[str, str] = field(default_factory=dict)
    off_regions: dict[str, int] = field(default_factory=dict)
    safe_range: dict[str, str] = field(default_factory=dict)
    off_counts: dict[str, list[int]] = field(default_factory=dict)
    point_like: bool = False
    file_share: float = 1.0


def energy_edges(
    observations: Observations, parameters: Mapping[str, Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return edges of the bins of a fit, and those of the flux points, in TeV.

    An end that is asked for is an edge, exactly. Others lie on ten to whole multiples
    of 1 / ``n_e``, within the energies of the responses.
    """
    per_decade = int(parameters["n_e"])
    fine = math.ceil(FINE_PER_DECADE / per_decade)
    true = [one.aeff.axes["energy_true"].edges.to_value("TeV") for one in observations]
    lowest = min(edges[edges > 0][0] for edges in true)
    highest = max(edges[-1] for edges in true)
    first = math.ceil(per_decade * math.log10(lowest) - 1e-6)
    last = math.floor(per_decade * math.log10(highest) + 1e-6)
    low, high = parameters.get("e_min"), parameters.get("e_max")
    if low is None and high is None:
        points = 10 ** (np.arange(first, last + 1) / per_decade)
        bins = 10 ** (np.arange(first * fine, last * fine + 1) / (per_decade * fine))
        return bins, points
    low = 10 ** (first / per_decade) if low is None else low
    high = 10 ** (last / per_decade) if high is None else high
    if not low < high:
        message = (
            f"the responses of these runs end at {highest:.3g} TeV, and begin at "
            f"{lowest:.3g} TeV: nothing is known from {low:.3g} to {high:.3g} TeV"
        )
        raise RefusedError(message)
    number = max(1, round(per_decade * math.log10(high / low)))
    bins = np.geomspace(low, high, number * fine + 1)
    bins[[0, -1]] = low, high
    return bins, bins[::fine]


def true_axis(observations: Observations) -> MapAxis:
    """Return the axis of true energies: all that the responses of a run know."""
    bounds = [one.aeff.axes["energy_true"].bounds for one in observations]
    low = min(one[0] for one in bounds).to("TeV")
    high = max(one[1] for one in bounds).to("TeV")
    number = round(TRUE_PER_DECADE * math.log10(high / low))
    return MapAxis.from_energy_bounds(low, high, number, name="energy_true")


def reduce_runs(
    observations: Observations,
    parameters: Mapping[str, Any],
    bins: NDArray[np.float64],
    report: Callable[[float, str], None] = lambda _fraction, _text: None,
) -> Reduced:
    """Count on and off events of each run, with the responses at the source.

    Parameters
    ----------
    parameters
        As in configuration.yaml; ``exclusion_file`` is the path of that file.
    bins
        Edges of the energy bins, TeV.
    report
        Told the part that is done, and of each run.

    Raises
    ------
    UnusableFileError
        If the exclusion file is none.
    RefusedError
        If no run has a background and responses.
    """
    point_like = _is_point_like(observations)
    centre = SkyCoord(parameters["ra"], parameters["dec"], unit="deg", frame="icrs")
    if point_like:
        region = PointSkyRegion(centre)
    else:
        region = CircleSkyRegion(centre, parameters["radius"] * u.deg)
    geom = RegionGeom.create(region, axes=[MapAxis.from_energy_edges(bins * u.TeV)])
    axis = true_axis(observations)
    empty = SpectrumDataset.create(geom=geom, energy_axis_true=axis)
    found = Reduced(Datasets(), None, point_like=point_like)
    near = _within_reach(observations, centre, found)
    # Of the runs that see the target only: its size grows with their distances squared.
    excluded, found.file_share = _exclusion(near, parameters, centre)
    for number, one in enumerate(near):
        report(
            number / len(near),
            f"Counting run {one.obs_id} ({number + 1} of {len(near)})",
        )
        name = str(one.obs_id)
        reason = _add(
            found, name, one, empty=empty, excluded=excluded, parameters=parameters
        )
        if reason is not None:
            found.dropped[name] = reason
    if not found.datasets:
        reasons = "; ".join(f"run {run}: {why}" for run, why in found.dropped.items())
        message = f"no run has a background: {reasons}"
        raise RefusedError(message)
    found.stacked = found.datasets.stack_reduce(name="stacked")
    return found


def counted(dataset: SpectrumDatasetOnOff) -> dict[str, float]:
    """Return counts and significance within the energies that are used."""
    used = dataset.mask.data if dataset.mask is not None else slice(None)
    n_on = float(dataset.counts.data[used].sum())
    n_off = float(dataset.counts_off.data[used].sum())
    background = float(np.nan_to_num(dataset.background.data[used]).sum())
    alpha = background / n_off if n_off else float(np.nanmean(dataset.alpha.data[used]))
    statistics = WStatCountsStatistic(n_on, n_off, alpha)
    return {
        "n_on": n_on,
        "n_off": n_off,
        "alpha": alpha,
        "excess": n_on - background,
        "excess_error": float(np.squeeze(statistics.error)),
        "sqrt_ts": float(np.squeeze(statistics.sqrt_ts)),
    }


def safe_indices(dataset: SpectrumDatasetOnOff) -> tuple[int, int]:
    """Return the first bin that is used, and the one after the last."""
    used = np.nonzero(dataset.mask.data.ravel())[0]
    return int(used[0]), int(used[-1]) + 1


def _is_point_like(observations: Observations) -> bool:
    """Whether the responses are those of a fixed source region.

    Raises
    ------
    RefusedError
        If a run lacks responses, or those of the runs do not go together.
    """
    for one in observations:
        lacking = [name for name in ("aeff", "edisp") if getattr(one, name) is None]
        if lacking:
            message = f"run {one.obs_id} has no {' and no '.join(lacking)}"
            raise RefusedError(message)
    kinds = {bool(one.aeff.is_pointlike) for one in observations}
    if len(kinds) > 1:
        message = (
            "some of these runs have point-like responses and some have responses for "
            "the full field: make a spectrum of each kind"
        )
        raise RefusedError(message)
    (point_like,) = kinds
    for one in observations:
        if point_like and not _says_region(one):
            message = (
                f"run {one.obs_id} has point-like responses and does not say for which "
                "region (RAD_MAX): counts and effective area cannot be matched"
            )
            raise RefusedError(message)
    return point_like


def _says_region(observation: Observation) -> bool:
    """Whether point-like responses say for which region they are."""
    try:
        return observation.rad_max is not None
    except ValueError:  # Gammapy looks for it in the header of the effective area
        return False


def _within_reach(
    observations: Observations, centre: SkyCoord, found: Reduced
) -> list[Observation]:
    """Return the runs whose responses reach to the target; the others are dropped."""
    near = []
    for one in observations:
        offset = _pointing(one).separation(centre)
        axis = one.aeff.axes["offset"]
        if offset > max(axis.bounds[1], axis.center[-1]) * 1.0001 + 0.2 * u.deg:
            found.dropped[str(one.obs_id)] = (
                f"the target is {offset.deg:.2f} deg off axis, beyond its responses"
            )
        else:
            near.append(one)
    return near


def _exclusion(
    observations: list[Observation], parameters: Mapping[str, Any], centre: SkyCoord
) -> tuple[Map | None, float]:
    """Return a map that is false in what is left out; None: nothing is.

    And the part of it that the exclusion file speaks of.
    """
    circles, file = parameters.get("exclude", ()), parameters.get("exclusion_file")
    if not observations or (not circles and file is None):
        return None, 1.0
    away = max(_pointing(one).separation(centre) for one in observations)
    width = 4 * away + 2 * (parameters["radius"] + 0.5) * u.deg
    geom = WcsGeom.create(skydir=centre, width=width, binsz=_MASK_BIN_DEG, proj="TAN")
    regions = [
        CircleSkyRegion(SkyCoord(ra, dec, unit="deg"), radius * u.deg)
        for ra, dec, radius in circles
    ]
    mask, share = Map.from_geom(geom, data=True), 1.0
    if regions:
        mask = geom.region_mask(regions, inside=False)
    if file is not None:
        left, share = left_in(file, geom)
        mask.data &= left
    return mask, share


def _pointing(observation: Observation) -> SkyCoord:
    return observation.get_pointing_icrs(observation.tmid)


def _add(  # noqa: PLR0913, PLR0911 - each reason to leave out a run is told
    found: Reduced,
    name: str,
    observation: Observation,
    *,
    empty: SpectrumDataset,
    excluded: Map | None,
    parameters: Mapping[str, Any],
) -> str | None:
    """Add a run; or return why it is left out."""
    region = empty.counts.geom.region
    offset = _pointing(observation).separation(region.center)
    wanted = parameters["safe_range"]
    if wanted == "thresholds" and _thresholds(observation) == (None, None):
        return "its file has no safe thresholds (choose another safe_range)"
    near = _near(observation, offset, parameters["radius"])
    correct = parameters["containment"] and not found.point_like
    if correct and observation.psf is None:
        return "it has no PSF to correct the containment with (containment=false)"
    maker = SpectrumDatasetMaker(
        selection=["counts", "exposure", "edisp"],
        containment_correction=correct,
    )
    dataset = maker.run(empty.copy(name=name), near)
    if not (dataset.exposure.data > 0).any():
        return "its effective area is zero at the target"
    finder = _finder(near, offset, empty, point_like=found.point_like)
    if finder is None:
        instead = "" if found.point_like else ", or a smaller radius"
        return (
            "the pointing is within the on region, and no off region has room at this "
            f"offset: choose a target further from the pointing{instead}"
        )
    background = ReflectedRegionsBackgroundMaker(finder, exclusion_mask=excluded)
    dataset = background.run(dataset, near)
    if dataset.counts_off is None or not (dataset.acceptance_off.data > 0).any():
        left = "what is excluded"
        if "exclusion_file" in parameters:
            left += " (by the exclusion file, too)"
        return (
            f"no off region at {offset.deg:.2f} deg from the pointing lies outside the "
            f"on region and {left}"
        )
    regions = round(float(dataset.acceptance_off.data.max()))
    if regions < parameters["n_off_min"]:
        return f"it has {regions} off regions of {parameters['n_off_min']} at least"
    method = _make_safe(dataset, observation, region.center, wanted)
    if not dataset.mask_safe.data.any():
        return f"no energy bin lies within its safe range ({method})"
    found.datasets.append(dataset)
    if not found.point_like:
        found.off_counts[name] = _of_each_region(dataset, near)
    found.off_regions[name] = regions
    found.safe_range[name] = method
    return None


def _near(observation: Observation, offset: u.Quantity, radius: float) -> Observation:
    """Return a run without the events that no region can hold: they cost time only."""
    margin = 1.5 * radius * u.deg
    if observation.rad_max is not None:
        margin = max(margin, 1.5 * observation.rad_max.quantity.max())
    margin += _PSF_MARGIN_DEG * u.deg
    events = observation.events
    away = events.radec.separation(_pointing(observation))
    near = copy.copy(observation)
    near.events = events.select_row_subset(abs(away - offset) < margin)
    return near


def _finder(
    observation: Observation,
    offset: u.Quantity,
    empty: SpectrumDataset,
    *,
    point_like: bool,
) -> ReflectedRegionsFinder | WobbleRegionsFinder | None:
    """Return what places as many off regions as have room; None: not even one has."""
    if not point_like:
        radius = empty.counts.geom.region.radius
        return ReflectedRegionsFinder() if offset > radius else None
    rad_max = observation.rad_max
    axis = rad_max.axes["energy"]
    low, high = empty.counts.geom.axes["energy"].bounds
    inside = (axis.edges_max >= low) & (axis.edges_min <= high)
    cut = rad_max.evaluate(offset=offset).reshape(inside.shape)[inside].max()
    if cut >= offset:
        return None
    number = math.floor(math.pi / math.asin(float(cut / offset)) - 1e-6) - 1
    return WobbleRegionsFinder(n_off_regions=number) if number > 0 else None


def _make_safe(
    dataset: SpectrumDatasetOnOff,
    observation: Observation,
    centre: SkyCoord,
    wanted: str,
) -> str:
    """Mark the energies whose responses can be trusted; return how they were found."""
    if wanted == "none":
        return "all energies"
    if wanted == "thresholds" or (wanted == "auto" and _has_thresholds(observation)):
        low, high = _thresholds(observation)
        # An edge that is the threshold but for its last digit is within the range.
        dataset.mask_safe = dataset.counts.geom.energy_mask(
            energy_min=None if low is None else low * (1 - _SAME) * u.TeV,
            energy_max=None if high is None else high * (1 + _SAME) * u.TeV,
        )
        return "thresholds of the file"
    # Not the effective area: that of CTA still grows at 10 TeV, and 10 % of its maximum
    # would leave out all below 0.5 TeV.
    method = "edisp-bias" if wanted == "auto" else wanted
    SafeMaskMaker(
        methods=[method],
        aeff_percent=SAFE_PERCENT,
        bias_percent=SAFE_PERCENT,
        position=centre,
        irfs="DL3",
    ).run(dataset, observation)
    words = {
        "edisp-bias": f"energy bias below {SAFE_PERCENT} %",
        "aeff-max": f"effective area above {SAFE_PERCENT} % of its maximum",
    }
    return words[method]


def write_ogip(reduced: Reduced, folder: Path) -> None:
    """Write counts and responses as XSPEC and others read them: each run, and all."""
    for one in (*reduced.datasets, reduced.stacked):
        one.write(folder / f"pha_{one.name}.fits", format="ogip", overwrite=True)


def _of_each_region(
    dataset: SpectrumDatasetOnOff, observation: Observation
) -> list[int]:
    """Count the events of each reflected region, at the energies that are used."""
    axis = dataset.counts.geom.axes["energy"]
    events = observation.events
    index = axis.coord_to_idx(events.energy)
    used = (index >= 0) & dataset.mask_safe.data.ravel()[index]
    places = events.radec[used]
    regions = compound_region_to_regions(dataset.counts_off.geom.region)
    return [int((places.separation(r.center) < r.radius).sum()) for r in regions]


def _has_thresholds(observation: Observation) -> bool:
    """Whether the file says a safe range that means something.

    Some say the whole range of their tables, or 0.01 to 10,000 TeV.
    """
    low, high = _thresholds(observation)
    if low is None or high is None:
        return False
    first = observation.aeff.axes["energy_true"].edges[0].to_value("TeV")
    return bool(first * 1.01 < low < high)


def _thresholds(observation: Observation) -> tuple[float | None, float | None]:
    """Return what the file says of its safe range, TeV."""
    said = [observation.aeff.meta.get(name) for name in ("LO_THRES", "HI_THRES")]
    low, high = (float(one) if one else None for one in said)
    return low, high
