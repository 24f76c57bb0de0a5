"""A fit of one factor of the flux, quick enough for many points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from gammapy.modeling import Fit
from gammapy.stats import wstat

if TYPE_CHECKING:
    from gammapy.datasets import Datasets
    from gammapy.modeling import FitResult, Parameter

UL_SIGMA = 1.959963984540054
"""Upper limits are where the statistic has grown by 3.84: the upper end of the interval
of 95 % confidence, as Gammapy and GADF (UL_CONF) count."""

FAINT_FLUX = 1e-14
"""In cm-2 s-1 TeV-1: of the order of the faintest that is seen at 1 TeV."""

UL_BELOW_SIGMA = 2.0
"""A flux below that significance is shown as its upper limit."""


class NormFit(Fit):  # type: ignore[misc]  # Gammapy has no types
    """Gammapy's fit, where the only free parameter is a factor of the whole flux.

    The expected counts are then computed once, and multiplied. The numbers are those of
    Gammapy's own way, which computes them anew some hundred times for each point.
    """

    def optimize(self, datasets: Datasets) -> FitResult:
        """Prepare the statistic and find the best factor."""
        if "stat_sum" not in vars(datasets):
            datasets.stat_sum = _statistic(datasets)
        return super().optimize(datasets)


class _Statistic:
    """The statistic of counts with measured background, as a function of the factor."""

    def __init__(self, datasets: Datasets) -> None:
        (self._norm,) = datasets.parameters.free_parameters.unique_parameters
        before = self._norm.value
        self._norm.value = 1.0
        parts = []
        for one in datasets:
            used = one.mask.data
            signal = one.npred_signal().data
            counts = (one.counts.data, one.counts_off.data, one.alpha.data, signal)
            parts.append([values[used] for values in counts])
        self._norm.value = before
        joined = (np.concatenate(values) for values in zip(*parts, strict=True))
        self._n_on, self._n_off, self._alpha, self._signal = joined

    def __call__(self) -> float:
        values = wstat(
            n_on=self._n_on,
            n_off=self._n_off,
            alpha=self._alpha,
            mu_sig=self._norm.value * self._signal,
        )
        return float(np.nan_to_num(values).sum())


def _statistic(datasets: Datasets) -> _Statistic:
    return _Statistic(datasets)


def measurable(amplitude: Parameter) -> None:
    """Make an amplitude fit to be multiplied, before fluxes are estimated.

    Fluxes are factors of it. One that is negative, or much smaller than what can be
    measured, gives factors that no search for an upper limit finds.
    """
    if not amplitude.value > amplitude.error:
        known = amplitude.error if amplitude.error > 0 else FAINT_FLUX
        amplitude.value = known


def norm_fit() -> NormFit:
    """Return the fit for an estimator of fluxes, with the errors Gammapy would give."""
    return NormFit(confidence_opts={"backend": "scipy"})
