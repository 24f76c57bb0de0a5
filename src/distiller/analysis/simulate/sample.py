"""Events drawn from the sources and the background through the responses.

Directions are drawn around the exact source position, not around map pixels: nothing
is smeared but by the PSF.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from distiller.analysis.simulate.response import (
    ENERGY_TEV,
    ENERGY_TRUE_TEV,
    THETA_MAX_DEG,
)
from distiller.analysis.simulate.schedule import offset_positions
from distiller.core.sky import separation_deg

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from distiller.analysis.simulate.response import Response
    from distiller.analysis.simulate.schedule import Run
    from distiller.analysis.simulate.sources import Source

    Array = NDArray[np.float64]

DEAD_TIME = 0.04
"""Share of the time in which the array does not see."""

_CM2_PER_M2 = 1e4
_NODES = 1200


@dataclass(frozen=True, slots=True)
class Events:
    """Events of one run in the order of time; every array has the same length.

    Attributes
    ----------
    met_s
        Time in s since the reference of the run's site.
    ra_deg, dec_deg, energy_tev
        Reconstructed direction (ICRS) and energy.
    origin
        0 for background, else the number of the source in the field, from 1.
    """

    met_s: Array
    ra_deg: Array
    dec_deg: Array
    energy_tev: Array
    origin: NDArray[np.int16]


def sample(run: Run, response: Response, generator: np.random.Generator) -> Events:
    """Draw the events of one run."""
    parts = [_background(run, response, generator)]
    for number, source in enumerate(run.field.sources, start=1):
        parts.append(_source(run, source, number, response, generator))
    ra, dec, energy, origin = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    theta = separation_deg(ra, dec, run.ra_pnt_deg, run.dec_pnt_deg)
    kept = (
        (theta < THETA_MAX_DEG) & (energy >= ENERGY_TEV[0]) & (energy < ENERGY_TEV[1])
    )
    met = _times(run, int(kept.sum()), generator)
    order = np.argsort(met, kind="stable")
    return Events(
        met[order],
        ra[kept][order],
        dec[kept][order],
        energy[kept][order],
        origin[kept][order].astype(np.int16),
    )


def expected_counts(run: Run, source: Source, response: Response) -> float:
    """Return the mean number of events that a source gives in a run."""
    energy, rate = _source_rate(run, source, response)
    return float(np.trapezoid(rate, np.log(energy)))


def _source_rate(run: Run, source: Source, response: Response) -> tuple[Array, Array]:
    """Return true energies and the mean number of events per ln(E)."""
    energy = np.geomspace(*ENERGY_TRUE_TEV, _NODES)
    theta = separation_deg(
        source.ra_deg, source.dec_deg, run.ra_pnt_deg, run.dec_pnt_deg
    )
    area = response.effective_area_m2(energy, theta) * _CM2_PER_M2
    live_s = run.ontime_s * (1.0 - DEAD_TIME)
    flux = source.spectrum.flux(energy) * run.flux_scale
    return energy, flux * area * energy * live_s


def _source(
    run: Run,
    source: Source,
    number: int,
    response: Response,
    generator: np.random.Generator,
) -> tuple[Array, ...]:
    count = int(generator.poisson(expected_counts(run, source, response)))
    energy, rate = _source_rate(run, source, response)
    true_tev = np.exp(_draw(np.log(energy), rate, count, generator))
    theta = separation_deg(
        source.ra_deg, source.dec_deg, run.ra_pnt_deg, run.dec_pnt_deg
    )
    core, tail = response.psf_sigmas_deg(true_tev, theta)
    in_tail = generator.random(count) < response.psf_tail_fraction()
    rad = generator.rayleigh(1.0, count) * np.where(in_tail, tail, core)
    ra, dec = offset_positions(
        source.ra_deg, source.dec_deg, rad, generator.uniform(0.0, 360.0, count)
    )
    sigma = response.migration_sigma(true_tev, theta)
    measured_tev = true_tev * np.exp(sigma * generator.standard_normal(count))
    return ra, dec, measured_tev, np.full(count, number, dtype=np.int16)


def _background(
    run: Run, response: Response, generator: np.random.Generator
) -> tuple[Array, ...]:
    """Draw the background, which is a function of reconstructed quantities."""
    energy = np.geomspace(*ENERGY_TEV, _NODES)
    spectrum = response.background_spectrum(energy) * energy
    theta = np.linspace(0.0, THETA_MAX_DEG, _NODES)
    ring_sr = 2.0 * np.pi * np.sin(np.radians(theta)) * np.radians(1.0)  # per deg
    profile = response.background_profile(theta) * ring_sr
    mean = (
        np.trapezoid(spectrum, np.log(energy))
        * np.trapezoid(profile, theta)
        * run.ontime_s
    )
    count = int(generator.poisson(mean))
    ra, dec = offset_positions(
        run.ra_pnt_deg,
        run.dec_pnt_deg,
        _draw(theta, profile, count, generator),
        generator.uniform(0.0, 360.0, count),
    )
    energy_tev = np.exp(_draw(np.log(energy), spectrum, count, generator))
    return ra, dec, energy_tev, np.zeros(count, dtype=np.int16)


def _draw(
    x: Array, density: Array, count: int, generator: np.random.Generator
) -> Array:
    """Draw from a density given at nodes (any normalisation), by inversion."""
    steps = 0.5 * (density[1:] + density[:-1]) * np.diff(x)
    cumulative = np.concatenate(([0.0], np.cumsum(steps)))
    drawn = np.interp(generator.random(count) * cumulative[-1], cumulative, x)
    return np.asarray(drawn, dtype=np.float64)


def _times(run: Run, count: int, generator: np.random.Generator) -> Array:
    """Draw times in the good time intervals, s since the reference, to 1 us."""
    intervals = np.array(run.intervals_s)
    ends = np.cumsum(intervals[:, 1] - intervals[:, 0])
    good_s = generator.uniform(0.0, ends[-1], count)
    which = np.searchsorted(ends, good_s, side="right").clip(0, len(ends) - 1)
    gaps = intervals[:, 1] - ends
    return np.asarray(run.start_met + np.round(good_s + gaps[which], 6))
