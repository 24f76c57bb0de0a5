"""The simulated sky: spectra and positions of a few well-known sources.

The values are of the order of published ones and are the *truth* of the simulated set;
they are no measurements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Differential photon flux: a log-parabola with an exponential cut-off.

    ``phi(E) = phi_1tev * E**(-alpha - beta ln E) * exp(-E / cutoff)``, E in TeV.

    Attributes
    ----------
    phi_1tev
        Flux at 1 TeV without the cut-off, cm-2 s-1 TeV-1.
    alpha
        Spectral index at 1 TeV.
    beta
        Curvature per **natural** logarithm of energy (Gammapy's convention).
    cutoff_tev
        Energy of the exponential cut-off, TeV.
    """

    phi_1tev: float
    alpha: float
    beta: float = 0.0
    cutoff_tev: float = float("inf")

    def flux(self, energy_tev: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the differential flux in cm-2 s-1 TeV-1 at energies in TeV.

        >>> float(CRAB.spectrum.flux(np.array([1.0]))[0])
        3.85e-11
        """
        index = -self.alpha - self.beta * np.log(energy_tev)
        powered = self.phi_1tev * np.power(energy_tev, index)
        return np.asarray(powered * np.exp(-energy_tev / self.cutoff_tev))


@dataclass(frozen=True, slots=True)
class Source:
    """A point source with a steady spectrum; positions in ICRS deg."""

    name: str
    ra_deg: float
    dec_deg: float
    spectrum: Spectrum


@dataclass(frozen=True, slots=True)
class Field:
    """What a telescope is sent to: a direction, and the sources around it.

    Attributes
    ----------
    name
        Written as OBJECT.
    sources
        Every source of the field; none in a blank field.
    has_target
        Whether the centre is an object (RA_OBJ and DEC_OBJ are written).
    """

    name: str
    ra_deg: float
    dec_deg: float
    sources: tuple[Source, ...]
    has_target: bool = True


# Log-parabola in the manner of the joint fit of Nigro et al. 2019
# (doi:10.1051/0004-6361/201834938), whose curvature 0.24 is per log10(E).
CRAB = Source("Crab Nebula", 83.633, 22.014, Spectrum(3.85e-11, 2.51, beta=0.104))
# Low state in the manner of Abramowski et al. 2010 (doi:10.1051/0004-6361/201014484).
PKS_2155 = Source("PKS 2155-304", 329.717, -30.226, Spectrum(3.0e-12, 3.3))
# Bright state, some tenths of the Crab at 1 TeV.
MRK_421 = Source("Mrk 421", 166.114, 38.209, Spectrum(2.0e-11, 2.3, cutoff_tev=3.0))
# In the manner of Aharonian et al. 2009 (doi:10.1051/0004-6361/200811569).
SGR_A = Source(
    "Galactic Centre", 266.417, -29.008, Spectrum(2.55e-12, 2.1, cutoff_tev=15.7)
)
# In the manner of Aharonian et al. 2005 (doi:10.1051/0004-6361:200500022).
G09 = Source("SNR G0.9+0.1", 266.825, -28.150, Spectrum(8.4e-13, 2.4))

CRAB_FIELD = Field("Crab Nebula", CRAB.ra_deg, CRAB.dec_deg, (CRAB,))
PKS_2155_FIELD = Field("PKS 2155-304", PKS_2155.ra_deg, PKS_2155.dec_deg, (PKS_2155,))
MRK_421_FIELD = Field("Mrk 421", MRK_421.ra_deg, MRK_421.dec_deg, (MRK_421,))
GC_FIELD = Field("Galactic Centre", SGR_A.ra_deg, SGR_A.dec_deg, (SGR_A, G09))
BLANK_FIELD = Field("Blank field", 45.0, -45.0, (), has_target=False)
