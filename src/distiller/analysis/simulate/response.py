"""Parametrised full-enclosure instrument responses of the two imaginary arrays.

Smooth functions from which both the events are drawn and the GADF tables are filled,
so that an analysis with the tables is an analysis with the truth. They imitate an array
of four to five 12 m telescopes and describe no real instrument.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

THETA_MAX_DEG = 3.0
ENERGY_TRUE_TEV = (0.02, 200.0)
ENERGY_TEV = (0.05, 100.0)
"""Range of reconstructed energies that are kept."""

_TAIL_AMPLITUDE = 0.12
_TAIL_WIDTH = 2.5


@dataclass(frozen=True, slots=True)
class Response:
    """The response of one array at one zenith angle.

    Attributes
    ----------
    area_m2
        Effective area at 1 TeV on axis at zenith.
    threshold_tev
        Energy scale of the threshold at zenith.
    psf_deg
        Width of the core of the PSF at 1 TeV on axis.
    resolution
        Relative energy resolution (sigma of ln(E'/E)) at 1 TeV.
    background_hz_tev_sr
        Background rate at 1 TeV on axis, s-1 TeV-1 sr-1.
    zenith_deg
        Zenith angle.
    """

    area_m2: float
    threshold_tev: float
    psf_deg: float
    resolution: float
    background_hz_tev_sr: float
    zenith_deg: float

    @property
    def _far(self) -> float:
        """How much farther away showers are than at zenith."""
        return 1.0 / math.cos(math.radians(self.zenith_deg))

    def effective_area_m2(self, energy_tev: Array, theta_deg: Array) -> Array:
        """Effective area in m2 at true energies in TeV and offsets in deg."""
        threshold = self.threshold_tev * self._far**2.5
        rise = 1.0 / (1.0 + (threshold / energy_tev) ** 3)
        width_deg = 1.7 + 0.25 * np.log10(energy_tev / 0.1).clip(0.0, 2.0)
        fall = np.exp(-0.5 * (theta_deg / width_deg) ** 2)
        return np.asarray(self.area_m2 * self._far * energy_tev**0.1 * rise * fall)

    def safe_energy_tev(self) -> tuple[float, float]:
        """Range in TeV in which the area exceeds a tenth of its value at 10 TeV."""
        energy = np.geomspace(*ENERGY_TRUE_TEV, 401)
        zero = np.zeros_like(energy)
        area = self.effective_area_m2(energy, zero)
        ten = self.effective_area_m2(np.array([10.0]), np.zeros(1))
        low = float(energy[np.argmax(area > 0.1 * ten)])
        return float(f"{low:.3g}"), 100.0

    def psf_sigmas_deg(self, energy_tev: Array, theta_deg: Array) -> tuple[Array, ...]:
        """Widths in deg of the core and of the tail of the PSF (two Gaussians)."""
        core = self.psf_deg * (energy_tev**-0.3).clip(0.5, 2.5)
        core = core * (1.0 + 0.05 * theta_deg**2)
        return core, core * _TAIL_WIDTH

    def psf_amplitudes(self) -> tuple[float, float]:
        """Heights of core and tail relative to the core."""
        return 1.0, _TAIL_AMPLITUDE

    def psf_tail_fraction(self) -> float:
        """Share of the events that lie in the tail."""
        weight = _TAIL_AMPLITUDE * _TAIL_WIDTH**2
        return weight / (1.0 + weight)

    def psf_per_sr(self, rad_deg: Array, energy_tev: Array, theta_deg: Array) -> Array:
        """PSF in sr-1 at angular distances in deg from the source."""
        core, tail = (np.radians(s) for s in self.psf_sigmas_deg(energy_tev, theta_deg))
        rad = np.radians(rad_deg)
        norm = 2.0 * np.pi * (core**2 + _TAIL_AMPLITUDE * tail**2)
        shape = np.exp(-0.5 * (rad / core) ** 2)
        return np.asarray(
            (shape + _TAIL_AMPLITUDE * np.exp(-0.5 * (rad / tail) ** 2)) / norm
        )

    def migration_sigma(self, energy_tev: Array, theta_deg: Array) -> Array:
        """Width of ln(E'/E), whose distribution is a Gaussian around 0."""
        worse = 0.4 + 0.6 * (energy_tev**-0.35).clip(0.7, 3.0)
        return np.asarray(self.resolution * worse * (1.0 + 0.02 * theta_deg**2))

    def background_spectrum(self, energy_tev: Array) -> Array:
        """Background rate on axis in s-1 TeV-1 sr-1 at reconstructed energies."""
        threshold = self.threshold_tev * self._far**2.5
        rise = 1.0 / (1.0 + (threshold / energy_tev) ** 3)
        return np.asarray(
            self.background_hz_tev_sr * self._far * energy_tev**-2.7 * rise
        )

    def background_profile(self, theta_deg: Array) -> Array:
        """Background at an offset relative to that on axis (any energy)."""
        return np.asarray(np.exp(-0.5 * (theta_deg / 1.6) ** 2))


def north(zenith_deg: float) -> Response:
    """Return the response of the northern array."""
    return Response(1.8e5, 0.12, 0.060, 0.13, 72.0, zenith_deg)


def south(zenith_deg: float) -> Response:
    """Return the response of the southern array."""
    return Response(2.4e5, 0.10, 0.052, 0.11, 64.0, zenith_deg)
