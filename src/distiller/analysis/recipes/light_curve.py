"""The flux of a source by time, and whether it varies.

The shape of the spectrum is the same in all bins, a power law; its integral over one
range of energies is fitted to the counts of each bin.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.time import Time
from gammapy.data import Observations
from gammapy.datasets import Datasets
from gammapy.estimators import FluxPoints, LightCurveEstimator
from gammapy.modeling import Fit
from gammapy.modeling.models import PowerLawSpectralModel, SkyModel
from gammapy.stats import compute_fvar
from scipy.stats import chi2

from distiller.analysis.recipes.flux_fit import (
    UL_BELOW_SIGMA,
    UL_SIGMA,
    measurable,
    norm_fit,
)
from distiller.analysis.recipes.on_off import (
    Reduced,
    RefusedError,
    counted,
    energy_edges,
    reduce_runs,
    safe_indices,
)
from distiller.analysis.recipes.reading import within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from gammapy.data import Observation
    from gammapy.datasets import SpectrumDatasetOnOff
    from numpy.typing import NDArray

SOURCE = "source"
BINS_MAX = 500
DETECTED_SIGMA = 5.0
"""Below, the index is not fitted but assumed."""

ASSUMED_INDEX = 2.5
POINTS_PER_DECADE = 5
_FIRST_FLUX = 1e-12
_HOURS_PER_DAY = 24.0
_TURN_DEG = 360.0
_ATOL = 1e-3 * u.s
_GAP = 1e-5 * u.s
_FEW_S = 1.0


@dataclass
class Made:
    """A light curve and what it was made from.

    Attributes
    ----------
    reduced
        Of runs, or of the parts of runs that fall into bins.
    e_min, e_max
        Range that the flux is integrated over, TeV.
    index, index_error
        Of the power law; no error if it was given or assumed.
    bins
        Names of the datasets of each point.
    """

    reduced: Reduced
    e_min: float
    e_max: float
    index: float
    index_error: float | None
    index_from: str
    points: FluxPoints
    bins: list[list[str]]


def make(
    observations: Observations,
    parameters: Mapping[str, Any],
    report: Callable[[float, str], None] = lambda _fraction, _text: None,
) -> Made:
    """Make a light curve; parameters as in the configuration.

    Raises
    ------
    RefusedError
        If these runs give none.
    """
    chosen = within(observations, parameters.get("t_min"), parameters.get("t_max"))
    if not chosen:
        message = "the runs have no good time between t_min and t_max"
        raise RefusedError(message)
    pieces = _pieces(chosen, parameters["time_bins"])
    wanted = {**parameters, "n_e": POINTS_PER_DECADE}
    edges, _ = energy_edges(chosen, wanted)
    reduced = reduce_runs(
        Observations([one for _, one in pieces]),
        wanted,
        edges,
        lambda f, text: report(0.7 * f, text),
    )
    low, high = energy_range(reduced, edges, parameters)
    model, source = _model(reduced, parameters, low, high, report)
    names = _names(pieces, reduced)
    intervals = _intervals(reduced, names)
    report(0.8, "Estimating fluxes")
    datasets = Datasets(reduced.datasets)
    datasets.models = [SkyModel(spectral_model=model, name=SOURCE)]
    estimator = LightCurveEstimator(
        time_intervals=intervals,
        energy_edges=[low, high] * u.TeV,
        source=SOURCE,
        selection_optional=["errn-errp", "ul"],
        n_sigma_ul=UL_SIGMA,
        atol=_ATOL,
        fit=norm_fit(),
    )
    points = estimator.run(datasets)
    points.meta["sqrt_ts_threshold_ul"] = UL_BELOW_SIGMA
    error = None if model.index.frozen else float(model.index.error)
    value = float(model.index.value)
    return Made(reduced, low, high, value, error, source, points, names)


def _pieces(observations: Observations, bins: str) -> list[tuple[float, Observation]]:
    """Return runs, or their parts, in time, each with the number of its bin."""
    runs = sorted(observations, key=lambda one: one.tstart)
    if bins == "run":
        return [(float(number), one) for number, one in enumerate(runs)]
    if bins == "night":
        return [(_night(one), one) for one in runs]
    return list(_parts(runs, float(bins) / _HOURS_PER_DAY))


def _night(observation: Observation) -> float:
    """Return the number of the night: a day from noon to noon, by the longitude."""
    place = observation.observatory_earth_location
    longitude = 0.0 if place is None else float(place.lon.deg)
    return float(np.floor(observation.tmid.utc.mjd + longitude / _TURN_DEG - 0.5))


def _parts(
    runs: list[Observation], length_d: float
) -> Iterator[tuple[float, Observation]]:
    """Cut runs at the edges of bins of one length, the first at the first run."""
    first = runs[0].gti.time_start.min()
    last = max(one.gti.time_stop.max() for one in runs)
    number = math.ceil((last - first).to_value("d") / length_d - 1e-9)
    used = 0
    for bin_number in range(max(number, 1)):
        # Cheap, as most bins of many days hold nothing.
        begin = first + bin_number * length_d * u.d
        span = Time([begin, begin + length_d * u.d])
        inside = [
            one
            for one in runs
            if one.gti.time_start.min() < span[1] and one.gti.time_stop.max() > span[0]
        ]
        used += bool(inside)
        if used > BINS_MAX:
            message = f"there are more than {BINS_MAX} bins with data: make them longer"
            raise RefusedError(message)
        for one in inside:
            part = one.select_time(span)
            if len(part.gti.table) and part.gti.time_sum.to_value("s") >= _FEW_S:
                part.obs_id = f"{one.obs_id}_{bin_number + 1}"
                yield float(bin_number), part


def _names(
    pieces: list[tuple[float, Observation]], reduced: Reduced
) -> list[list[str]]:
    """Return the names of the datasets of each bin that has any."""
    known = set(reduced.datasets.names)
    found: dict[float, list[str]] = {}
    for number, one in pieces:
        if str(one.obs_id) in known:
            found.setdefault(number, []).append(str(one.obs_id))
    return list(found.values())


def _intervals(reduced: Reduced, names: list[list[str]]) -> list[Time]:
    """Return first and last instant of what was used in each bin.

    Raises
    ------
    RefusedError
        If two bins overlap, as those of runs of several telescopes may.
    """
    found: list[Time] = []
    for number, one in enumerate(names):
        tables = [reduced.datasets[name].gti for name in one]
        start = min(gti.time_start.min() for gti in tables).tt
        stop = max(gti.time_stop.max() for gti in tables).tt
        if found and found[-1][1] > start:
            if found[-1][1] - start > _ATOL:
                before = ", ".join(names[number - 1])
                message = (
                    f"{before} and {', '.join(one)} were taken at the same time: "
                    "choose some of the runs, or time_bins=night"
                )
                raise RefusedError(message)
            # Edges that are one and the same, but for the last digit.
            found[-1] = Time([found[-1][0], start - _GAP])
        found.append(Time([start, stop]))
    return found


def energy_range(
    reduced: Reduced, edges: NDArray[np.float64], parameters: Mapping[str, Any]
) -> tuple[float, float]:
    """Return the energies that the flux is integrated over, TeV.

    As asked for; else those that are safe in all runs, so that all points measure the
    same.

    Raises
    ------
    RefusedError
        If no energy is safe in all runs.
    """
    ends = [safe_indices(one) for one in reduced.datasets]
    low, high = parameters.get("e_min"), parameters.get("e_max")
    low = float(edges[max(first for first, _ in ends)]) if low is None else low
    high = float(edges[min(last for _, last in ends)]) if high is None else high
    if not low < high:
        message = (
            f"no energy is safe in all runs ({low:.3g} to {high:.3g} TeV): give e_min "
            "and e_max, or choose runs of like thresholds"
        )
        raise RefusedError(message)
    return low, high


def _model(
    reduced: Reduced,
    parameters: Mapping[str, Any],
    low: float,
    high: float,
    report: Callable[[float, str], None],
) -> tuple[PowerLawSpectralModel, str]:
    """Return the power law, and where its index is from."""
    law = PowerLawSpectralModel(
        index=parameters.get("index", ASSUMED_INDEX),
        amplitude=_FIRST_FLUX * u.Unit("cm-2 s-1 TeV-1"),
        reference=math.sqrt(low * min(high, 100 * low)) * u.TeV,
    )
    detected = counted(reduced.stacked)["sqrt_ts"] >= DETECTED_SIGMA
    law.index.frozen = "index" in parameters or not detected
    source = "given" if "index" in parameters else "fitted" if detected else "assumed"
    report(0.7, "Fitting a power law to all runs")
    stacked = Datasets([reduced.stacked.copy(name="all")])
    model = SkyModel(spectral_model=law, name=SOURCE)
    stacked[0].mask_fit = stacked[0].counts.geom.energy_mask(
        energy_min=low * u.TeV, energy_max=high * u.TeV
    )
    stacked.models = [model]
    used = stacked[0].mask.data
    expected = float(stacked[0].npred_signal().data[used].sum())
    seen = counted(stacked[0])
    if expected > 0:
        law.amplitude.value *= max(seen["excess"], 1.0) / expected
    result = Fit().run(stacked)
    if not result.success:
        message = "the fit of a power law to all runs did not converge: give index"
        raise RefusedError(message)
    measurable(law.amplitude)
    return law, source


def table(made: Made) -> Any:
    """Return the light curve as Gammapy writes it: times are MJD in TT."""
    rows = made.points.to_table(sed_type="flux", format="lightcurve")
    for name in ("counts", "npred", "npred_excess"):
        # Of all datasets, where Gammapy has those of other bins as NaN.
        values = np.asarray(rows[name], float).reshape(len(rows), 1, -1)
        rows[name] = np.nansum(values, axis=2, keepdims=True)
    rows.meta["TIMESYS"] = "tt"
    rows["time_min"].description = "Begin of the bin (MJD, TT)"
    rows["time_max"].description = "End of the bin (MJD, TT)"
    if "datasets" in rows.colnames:
        rows.remove_column("datasets")
    return rows


def numbers(made: Made) -> dict[str, Any]:
    """Return what came out, in numbers; energies in TeV, times in MJD."""
    points = _points(made)
    return {
        "e_min": made.e_min,
        "e_max": made.e_max,
        "index": made.index,
        "index_error": made.index_error,
        "index_from": made.index_from,
        **counted(made.reduced.stacked),
        "variability": variability(points),
        "points": points,
        "left_out": made.reduced.dropped,
        "safe_range": made.reduced.safe_range,
    }


def _points(made: Made) -> list[dict[str, Any]]:
    found = []
    for row, names in zip(table(made), made.bins, strict=True):
        datasets = [made.reduced.datasets[name] for name in names]
        start, stop = (
            Time(float(row[name]), format="mjd", scale="tt")
            for name in ("time_min", "time_max")
        )
        used = [_safe_tev(one) for one in datasets]
        point: dict[str, Any] = {
            "runs": names,
            "t_start_tt": start.mjd,
            "t_stop_tt": stop.mjd,
            "t_start_utc": start.utc.mjd,
            "t_stop_utc": stop.utc.mjd,
            "exposure_s": float(sum(d.gti.time_sum.to_value("s") for d in datasets)),
            "e_min": max(made.e_min, min(low for low, _ in used)),
            "e_max": min(made.e_max, max(high for _, high in used)),
            "n_on": float(np.sum(row["counts"])),
        }
        for name in (
            "flux",
            "flux_err",
            "flux_errn",
            "flux_errp",
            "flux_ul",
            "sqrt_ts",
        ):
            value = float(np.squeeze(row[name]))
            point[name] = value if math.isfinite(value) else None
        sigma = point["sqrt_ts"]
        point["is_ul"] = sigma is None or sigma < UL_BELOW_SIGMA
        found.append(point)
    return found


def _safe_tev(dataset: SpectrumDatasetOnOff) -> tuple[float, float]:
    edges = dataset.counts.geom.axes["energy"].edges.to_value("TeV")
    first, last = safe_indices(dataset)
    return float(edges[first]), float(edges[last])


def variability(points: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how well a constant fits, and the fractional variability.

    All points count with their symmetric error, those below 2 sigma too.
    """
    measured = [p for p in points if p["flux"] is not None and p["flux_err"]]
    none: dict[str, Any] = dict.fromkeys(
        (
            "mean_flux", "mean_flux_error", "chi2", "degrees_of_freedom", "p_value",
            "fvar", "fvar_error", "excess_variance",
        )
    )  # fmt: skip
    if not measured:
        return none
    flux = np.array([p["flux"] for p in measured])
    error = np.array([p["flux_err"] for p in measured])
    weight = 1.0 / error**2
    mean = float((weight * flux).sum() / weight.sum())
    none |= {"mean_flux": mean, "mean_flux_error": float(weight.sum() ** -0.5)}
    free = len(flux) - 1
    if free < 1:
        return none
    chi_square = float((weight * (flux - mean) ** 2).sum())
    with np.errstate(invalid="ignore", divide="ignore"):
        fvar, fvar_error = (float(one) for one in compute_fvar(flux, error))
    excess = float((flux.var(ddof=1) - (error**2).mean()) / flux.mean() ** 2)
    known = excess > 0
    return none | {
        "chi2": chi_square,
        "degrees_of_freedom": free,
        "p_value": float(chi2.sf(chi_square, free)),
        "fvar": fvar if known else None,
        "fvar_error": fvar_error if known else None,
        "excess_variance": excess,
    }


def write(made: Made, folder: Path) -> None:
    """Write the light curve and its numbers into a folder."""
    rows = table(made)
    rows.write(folder / "light_curve.fits", overwrite=True)
    rows.write(folder / "light_curve.ecsv", overwrite=True)
    text = json.dumps(numbers(made), indent=1)
    (folder / "fit.json").write_text(text, encoding="utf-8")
