"""The spectrum of a source: models fitted to counts, and flux points.

Counts of the source region and of the background are Poissonian (statistic W, Cash with
a measured background); the models are folded with the responses at the source.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from astropy import units as u
from gammapy.datasets import Datasets
from gammapy.estimators import FluxPoints, FluxPointsEstimator
from gammapy.modeling import Fit
from gammapy.modeling.models import (
    ExpCutoffPowerLawSpectralModel,
    LogParabolaSpectralModel,
    Models,
    PowerLawSpectralModel,
    SkyModel,
    SpectralModel,
)
from gammapy.stats import get_wstat_mu_bkg, wstat
from scipy.stats import chi2, norm

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
    write_ogip,
)
from distiller.analysis.recipes.reading import within

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gammapy.data import Observations
    from gammapy.datasets import SpectrumDatasetOnOff
    from numpy.typing import NDArray

SOURCE = "source"
FLUX_UNIT = "cm-2 s-1 TeV-1"
MODELS = ("pl", "lp", "ecpl")
CURVED_TS = 9.0
"""A curved model is taken for the power law where it fits better by 3 sigma."""

DETECTED_SIGMA = 3.0
"""Below, the slope is not fitted but held."""

ASSUMED_INDEX = 2.5
_FIRST_FLUX = 1e-12
_TRIALS = 1000
_SEED = 1


@dataclass
class Fitted:
    """A model at its best fit.

    Attributes
    ----------
    name
        ``pl``, ``lp`` or ``ecpl``.
    statistic, degrees_of_freedom
        W at the best fit, and bins less free parameters.
    """

    name: str
    model: SkyModel
    statistic: float
    degrees_of_freedom: int
    converged: bool
    message: str

    @property
    def spectrum(self) -> SpectralModel:
        """The model of the flux."""
        return self.model.spectral_model

    @property
    def free(self) -> int:
        """Number of free parameters."""
        return len(self.spectrum.parameters.free_parameters)

    @property
    def aic(self) -> float:
        """Akaike's criterion: the lower, the better."""
        return self.statistic + 2 * self.free


@dataclass
class Made:
    """A spectrum and what it was made from.

    Attributes
    ----------
    fitted_to
        What the models were fitted to: all runs as one dataset, or each.
    bins
        Edges of the energy bins, TeV.
    fits
        All models that were tried.
    chosen
        The one that the flux points are made with.
    """

    reduced: Reduced
    fitted_to: Datasets
    bins: NDArray[np.float64]
    fits: list[Fitted]
    chosen: Fitted
    points: FluxPoints
    detected: bool


def make(
    observations: Observations,
    parameters: Mapping[str, Any],
    report: Callable[[float, str], None] = lambda _fraction, _text: None,
) -> Made:
    """Make a spectrum.

    Parameters
    ----------
    parameters
        As in the configuration.
    report
        Told the part that is done, and what comes next.

    Raises
    ------
    RefusedError
        If these runs give none.
    """
    chosen_runs = within(observations, parameters.get("t_min"), parameters.get("t_max"))
    if not chosen_runs:
        message = "the runs have no good time between t_min and t_max"
        raise RefusedError(message)
    bins, edges = energy_edges(chosen_runs, parameters)
    reduced = reduce_runs(
        chosen_runs, parameters, bins, lambda f, text: report(0.6 * f, text)
    )
    stacked = parameters["combine"] == "stacked"
    datasets = Datasets([reduced.stacked]) if stacked else reduced.datasets
    detected = counted(reduced.stacked)["sqrt_ts"] >= DETECTED_SIGMA
    fits = _fit_all(datasets, parameters, detected=detected, report=report)
    chosen = best(fits)
    shape = chosen.model.copy(name=SOURCE)
    measurable(shape.spectral_model.amplitude)
    datasets.models = [shape]
    report(0.75, "Estimating flux points")
    asked = parameters.get("e_max") is not None
    groups = point_edges(reduced.stacked, bins, edges, to_the_end=asked)
    estimator = FluxPointsEstimator(
        energy_edges=groups * u.TeV,
        source=SOURCE,
        selection_optional=["errn-errp", "ul"],
        n_sigma_ul=UL_SIGMA,
        fit=norm_fit(),
    )
    points = estimator.run(datasets)
    points.meta["sqrt_ts_threshold_ul"] = UL_BELOW_SIGMA
    return Made(reduced, datasets, bins, fits, chosen, points, detected)


def best(fits: list[Fitted]) -> Fitted:
    """Return the power law, unless a curved model is better by 3 sigma.

    Of two curved ones that is the one with the lower AIC.
    """
    first, *curved = fits
    better = [one for one in curved if first.statistic - one.statistic >= CURVED_TS]
    return min(better, key=lambda one: one.aic) if better else first


def _fit_all(
    datasets: Datasets,
    parameters: Mapping[str, Any],
    *,
    detected: bool,
    report: Callable[[float, str], None],
) -> list[Fitted]:
    wanted = MODELS if parameters["model"] == "all" else (parameters["model"],)
    if not detected:
        wanted = ("pl",)
    report(0.6, "Fitting a power law")
    law = PowerLawSpectralModel(
        index=ASSUMED_INDEX,
        amplitude=_FIRST_FLUX * u.Unit(FLUX_UNIT),
        reference=parameters["e_ref"] * u.TeV,
    )
    law.index.frozen = not detected
    fits = [_fitted("pl", law, datasets, scale=True)]
    start = fits[0].spectrum
    for name in wanted:
        if name != "pl":
            report(0.65, "Fitting a curved model")
            fits.append(_fitted(name, _curved(name, start), datasets))
    return [one for one in fits if one.name in wanted]


def _curved(name: str, start: PowerLawSpectralModel) -> SpectralModel:
    """Return a curved model that begins near the power law."""
    known = {
        "amplitude": start.amplitude.quantity,
        "reference": start.reference.quantity,
    }
    if name == "lp":
        return LogParabolaSpectralModel(alpha=start.index.value, beta=0.05, **known)
    return ExpCutoffPowerLawSpectralModel(
        index=start.index.value, lambda_=0.03 / u.TeV, **known
    )


def _fitted(
    name: str, law: SpectralModel, datasets: Datasets, *, scale: bool = False
) -> Fitted:
    model = SkyModel(spectral_model=law, name=SOURCE)
    datasets.models = [model]
    if scale:
        _scale(law, datasets)
    result = Fit().run(datasets)
    bins = sum(int(one.mask.data.sum()) for one in datasets)
    done = Fitted(
        name,
        model,
        float(result.total_stat),
        bins - len(law.parameters.free_parameters),
        converged=bool(result.success),
        message=str(result.optimize_result.message),
    )
    done.model = model.copy(name=SOURCE)
    return done


def _scale(law: SpectralModel, datasets: Datasets) -> None:
    """Begin with the flux that gives about the counts seen: the fit goes faster."""
    expected = sum(one.npred_signal().data[one.mask.data].sum() for one in datasets)
    seen = [counted(one) for one in datasets]
    excess = sum(one["excess"] for one in seen)
    least = math.sqrt(sum(one["n_on"] for one in seen) + 1.0)
    if expected > 0:
        law.amplitude.value *= max(excess, least) / float(expected)


def point_edges(
    stacked: SpectrumDatasetOnOff,
    bins: NDArray[np.float64],
    edges: NDArray[np.float64],
    *,
    to_the_end: bool,
) -> NDArray[np.float64]:
    """Return edges of the flux points, TeV: within the range that is fitted.

    A point that the range cuts off to less than half is joined to its neighbour. If no
    end was asked for, the last point is the one above the last event.
    """
    first, last = safe_indices(stacked)
    low, high = bins[first], bins[last]
    filled = np.nonzero(stacked.counts.data.ravel()[:last])[0]
    if not to_the_end and filled.size:
        above = edges[edges > bins[filled[-1] + 1] * (1 - 1e-9)]
        high = min(high, above[min(1, len(above) - 1)]) if above.size else high
    within_range = edges[(edges > low * (1 + 1e-9)) & (edges < high * (1 - 1e-9))]
    found = np.array([low, *within_range, high])
    step = math.log(edges[1] / edges[0])
    if len(found) > 2 and math.log(found[1] / found[0]) < step / 2:  # noqa: PLR2004 - two points
        found = np.delete(found, 1)
    if len(found) > 2 and math.log(found[-1] / found[-2]) < step / 2:  # noqa: PLR2004 - two points
        found = np.delete(found, -2)
    return found


def table(made: Made) -> Any:
    """Return the flux points as GADF has them, with errors and upper limits."""
    rows = made.points.to_table(sed_type="dnde", format="gadf-sed")
    for name in ("counts", "npred", "npred_excess"):
        # Of all datasets; Gammapy reads back a column of two dimensions only.
        values = np.asarray(rows[name], float).reshape(len(rows), -1)
        rows[name] = np.nansum(values, axis=1, keepdims=True)
    return rows


def numbers(made: Made) -> dict[str, Any]:
    """Return what came out, in numbers; energies in TeV."""
    first, last = safe_indices(made.reduced.stacked)
    chosen = made.chosen
    return {
        "model": chosen.name,
        "parameters": _parameters(chosen),
        **counted(made.reduced.stacked),
        "stat": chosen.statistic,
        "degrees_of_freedom": chosen.degrees_of_freedom,
        "goodness": _goodness(made),
        "e_min": float(made.bins[first]),
        "e_max": float(made.bins[last]),
        "e_ref": float(chosen.spectrum.reference.value),
        "pivot_energy": _finite(_pivot(chosen)),
        "covariance": _covariance(chosen),
        "converged": chosen.converged,
        "beta_convention": "per natural logarithm of the energy",
        "statistic": "W",
        "combined": "stacked" if len(made.fitted_to) < 2 else "joint",  # noqa: PLR2004 - several
        "compared": [_compared(one, made.fits[0]) for one in made.fits],
        "flux_points": _points(made),
        "runs": _runs(made.reduced),
        "left_out": made.reduced.dropped,
    }


def _parameters(fitted: Fitted) -> dict[str, Any]:
    found = {
        one.name.rstrip("_"): {
            "value": float(one.value),
            "error": None if one.frozen else _finite(one.error),
            "unit": _unit(one.unit),
        }
        for one in fitted.spectrum.parameters
        if one.name != "alpha" or fitted.name == "lp"
    }
    cut = getattr(fitted.spectrum, "lambda_", None)
    if cut is not None and cut.value > 0:
        found["cutoff"] = {
            "value": 1.0 / float(cut.value),
            "error": _finite(cut.error / cut.value**2),
            "unit": "TeV",
        }
    return found


def _unit(unit: u.UnitBase) -> str:
    return FLUX_UNIT if unit == u.Unit(FLUX_UNIT) else str(unit.to_string("fits"))


def _covariance(fitted: Fitted) -> dict[str, Any]:
    names = fitted.spectrum.parameters.free_parameters.names
    matrix = fitted.spectrum.covariance
    free = [
        n for n, one in enumerate(fitted.spectrum.parameters) if one.name in set(names)
    ]
    return {
        "parameters": [name.rstrip("_") for name in names],
        "matrix": matrix.data[np.ix_(free, free)].tolist(),
    }


def _pivot(fitted: Fitted) -> float:
    if not fitted.spectrum.parameters["amplitude"].error or fitted.name != "pl":
        return math.nan
    if fitted.spectrum.index.frozen:
        return math.nan
    return float(fitted.spectrum.pivot_energy.to_value("TeV"))


def _compared(fitted: Fitted, first: Fitted) -> dict[str, Any]:
    """Say how a model does beside the first."""
    better = first.statistic - fitted.statistic
    more = fitted.free - first.free
    sigma = None
    if more > 0:
        sigma = float(norm.isf(chi2.sf(max(better, 0.0), more) / 2))
    return {
        "model": fitted.name,
        "parameters": _parameters(fitted),
        "stat": fitted.statistic,
        "degrees_of_freedom": fitted.degrees_of_freedom,
        "aic": fitted.aic,
        "ts_to_first": better,
        "sigma_to_first": sigma,
        "converged": fitted.converged,
    }


def _goodness(made: Made) -> dict[str, Any]:
    """Return the probability of a worse statistic, if the model is right.

    From simulated counts, as W is not distributed as chi-square where counts are few;
    a free parameter takes away one on average.
    """
    made.fitted_to.models = [made.chosen.model]
    counts = []
    for one in made.fitted_to:
        used = one.mask.data
        signal = np.maximum(one.npred_signal().data[used], 0.0)
        counts.append(
            (
                one.counts.data[used],
                one.counts_off.data[used],
                one.alpha.data[used],
                signal,
            )
        )
    n_on, n_off, alpha, signal = (
        np.concatenate(one) for one in zip(*counts, strict=True)
    )
    background = get_wstat_mu_bkg(n_on=n_on, n_off=n_off, alpha=alpha, mu_sig=signal)
    background = np.nan_to_num(background)
    random = np.random.default_rng(_SEED)
    shape = (_TRIALS, len(signal))
    drawn = wstat(
        n_on=random.poisson(signal + alpha * background, shape).astype(float),
        n_off=random.poisson(background, shape).astype(float),
        alpha=np.broadcast_to(alpha, shape),
        mu_sig=np.broadcast_to(signal, shape),
    )
    drawn = np.nan_to_num(drawn).sum(axis=1) - made.chosen.free
    return {
        "p_value": float((drawn >= made.chosen.statistic).mean()),
        "trials": _TRIALS,
    }


def _points(made: Made) -> list[dict[str, Any]]:
    rows = table(made)
    names = [f"dnde{part}" for part in ("", "_err", "_errn", "_errp", "_ul")]
    names = ["e_ref", "e_min", "e_max", *names, "sqrt_ts", "npred_excess"]
    found = []
    for row in rows:
        one: dict[str, Any] = {
            name: _finite(np.squeeze(row[name]))
            for name in names
            if name in rows.colnames
        }
        sigma = one.get("sqrt_ts")
        one["is_ul"] = sigma is None or sigma < UL_BELOW_SIGMA
        found.append(one)
    return found


def _runs(reduced: Reduced) -> dict[str, Any]:
    found = {}
    for one in reduced.datasets:
        first, last = safe_indices(one)
        edges = one.counts.geom.axes["energy"].edges.to_value("TeV")
        found[one.name] = {
            "n_on": float(one.counts.data[one.mask.data].sum()),
            "n_off": float(one.counts_off.data[one.mask.data].sum()),
            "off_regions": reduced.off_regions[one.name],
            "e_min": float(edges[first]),
            "e_max": float(edges[last]),
            "safe_range": reduced.safe_range[one.name],
        }
    return found


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def write(made: Made, folder: Path) -> None:
    """Write flux points, OGIP files, the model and the numbers into a folder."""
    rows = table(made)
    rows.write(folder / "flux_points.fits", overwrite=True)
    rows.write(folder / "flux_points.ecsv", overwrite=True)
    write_ogip(made.reduced, folder)
    (folder / "models.yaml").write_text(models_yaml(made), encoding="utf-8")
    text = json.dumps(numbers(made), indent=1)
    (folder / "fit.json").write_text(text, encoding="utf-8")


def models_yaml(made: Made) -> str:
    """Return the best model as Gammapy's ``Models.read`` takes it."""
    said = Models([made.chosen.model]).to_dict()
    said.pop("metadata", None)  # the time when it was written
    return str(yaml.safe_dump(said, sort_keys=False))
