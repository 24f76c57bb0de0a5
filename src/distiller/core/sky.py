"""Directions, regions and photon energies, as plain numbers with their unit named."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from distiller.core.errors import BadParameter

if TYPE_CHECKING:
    from collections.abc import Sequence

HC_EV_M = 1.239841984332e-6
"""Planck's constant times the speed of light, eV m (CODATA 2018, exact)."""

_TEV = 1e12
_TURN_DEG = 360.0
# Rows are the galactic axes in ICRS (Hipparcos catalogue, ESA SP-1200, 1997, vol. 1,
# section 1.5.3, eq. 1.5.11).
_GALACTIC_AXES: Final = np.array(
    [
        (-0.0548755604, -0.8734370902, -0.4838350155),
        (+0.4941094279, -0.4448296300, +0.7469822445),
        (-0.8676661490, -0.1980763734, +0.4559837762),
    ]
)
_CIRCLE = 3
_POLYGON = 6


def energy_tev_to_wavelength_m(energy_tev: float) -> float:
    """Return the vacuum wavelength in m of a photon energy in TeV.

    >>> energy_tev_to_wavelength_m(1.0)
    1.239841984332e-18
    """
    return HC_EV_M / (energy_tev * _TEV)


def separation_deg(
    ra1_deg: np.typing.ArrayLike,
    dec1_deg: np.typing.ArrayLike,
    ra2_deg: np.typing.ArrayLike,
    dec2_deg: np.typing.ArrayLike,
) -> np.typing.NDArray[np.float64]:
    """Return great-circle distances in deg (Vincenty's formula: exact at all angles).

    Arguments are ICRS degrees that broadcast against each other.
    """
    lon1, lat1, lon2, lat2 = (
        np.radians(np.asarray(a, dtype=np.float64))
        for a in (ra1_deg, dec1_deg, ra2_deg, dec2_deg)
    )
    delta = lon2 - lon1
    east = np.cos(lat2) * np.sin(delta)
    north = np.cos(lat1) * np.sin(lat2) - np.sin(lat1) * np.cos(lat2) * np.cos(delta)
    along = np.sin(lat1) * np.sin(lat2) + np.cos(lat1) * np.cos(lat2) * np.cos(delta)
    return np.asarray(np.degrees(np.arctan2(np.hypot(east, north), along)))


def galactic_deg(ra_deg: float, dec_deg: float) -> tuple[float, float]:
    """Return galactic longitude and latitude in deg of an ICRS position.

    >>> [round(angle, 2) for angle in galactic_deg(83.6331, 22.0145)]
    [184.56, -5.78]
    """
    return _turned(_GALACTIC_AXES, ra_deg, dec_deg)


def icrs_deg(glon_deg: float, glat_deg: float) -> tuple[float, float]:
    """Return ICRS right ascension and declination in deg of a galactic position.

    >>> [round(angle, 2) for angle in icrs_deg(184.56, -5.78)]
    [83.64, 22.01]
    """
    return _turned(_GALACTIC_AXES.T, glon_deg, glat_deg)


def _turned(
    axes: np.typing.NDArray[np.float64], lon_deg: float, lat_deg: float
) -> tuple[float, float]:
    """Return longitude in [0, 360) and latitude in deg on other axes (rows)."""
    lon, lat = np.radians([lon_deg, lat_deg])
    x, y, z = axes @ np.array(
        [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]
    )
    # A tiny negative angle modulo 360 is 360 in floating point: hence twice.
    return (
        float(np.degrees(np.arctan2(y, x)) % _TURN_DEG % _TURN_DEG),
        float(np.degrees(np.arctan2(z, np.hypot(x, y)))),
    )


def region_text(numbers_deg: Sequence[float]) -> str:
    """Write a geometry as TAP 1.0 STC-S text (xtype ``adql:REGION``).

    2 numbers are a point, 3 a circle, an even number from 6 on a polygon.

    >>> region_text((83.633, 22.014, 2.5))
    'CIRCLE ICRS 83.633 22.014 2.5'
    """
    count = len(numbers_deg)
    if count == _CIRCLE - 1:
        word = "POSITION"
    elif count == _CIRCLE:
        word = "CIRCLE"
    elif count >= _POLYGON and count % 2 == 0:
        word = "POLYGON"
    else:
        raise BadParameter("region", f"{count} numbers are no point, circle or polygon")
    if not all(math.isfinite(n) for n in numbers_deg):
        raise BadParameter("region", "every number must be finite")
    return f"{word} ICRS " + " ".join(repr(float(n)) for n in numbers_deg)
