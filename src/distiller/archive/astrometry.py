"""Places on the sky in another frame or at another epoch, for columns of them.

Sources: a rotation of unit vectors; ESA SP-1200 (1997) volume 1 section 1.5.5 for the
motion of a star.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np

Floats: TypeAlias = np.typing.NDArray[np.float64]

AU_YEAR_KM_S: Final = 4.740470463533349
"""1 au per Julian year, km/s."""

MAS_RAD: Final = 4.84813681109536e-9
"""1 milliarcsecond, rad."""

_LEAST: Final = 1e-40
"""What is below it is 0, since PostgreSQL refuses products that are too small."""

_MOST: Final = 1e9
_POLE_DEG: Final = 90.0


def clean(values: Floats) -> Floats:
    """Return values without what is too small to compute with."""
    return np.where(np.abs(values) < _LEAST, 0.0, values)


def longitudes(values_deg: Floats) -> Floats:
    """Return angles from 0 to below 360.

    >>> longitudes(np.array([-10.0, 725.0, -1e-300]))
    array([350.,   5.,   0.])
    """
    rest = np.fmod(values_deg, 360.0)
    up = rest + 360.0
    return np.where(rest >= 0, rest, np.where(up < 360.0, up, 0.0))  # noqa: PLR2004


def turned(lon_deg: Floats, lat_deg: Floats, matrix: Floats) -> tuple[Floats, Floats]:
    """Return places in another frame, deg.

    Parameters
    ----------
    matrix
        Shape (..., 9), row by row.
    """
    a, b = np.radians(clean(lon_deg)), np.radians(clean(lat_deg))
    x, y, z = np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b)
    m = matrix
    return _direction(
        *(
            m[..., row] * x + m[..., row + 1] * y + m[..., row + 2] * z
            for row in (0, 3, 6)
        )
    )


def moved(  # noqa: PLR0913, PLR0917 - what makes up the motion of a star
    ra_deg: Floats,
    dec_deg: Floats,
    parallax_mas: Floats,
    pmra_mas: Floats,
    pmdec_mas: Floats,
    velocity_km_s: Floats,
    years: Floats,
) -> tuple[Floats, Floats]:
    """Return the places of stars after some years, deg; NaN where nothing is known.

    Parameters
    ----------
    pmra_mas, pmdec_mas
        Proper motions in a year and on the sky: that in right ascension is multiplied
        by the cosine of the declination.
    """
    parallax, pmra = clean(parallax_mas), clean(pmra_mas)
    pmdec, velocity = clean(pmdec_mas), clean(velocity_km_s)
    t = clean(years)
    sound = (np.abs(dec_deg) <= _POLE_DEG) & np.all(
        [np.abs(v) <= _MOST for v in (ra_deg, t, parallax, pmra, pmdec, velocity)],
        axis=0,
    )
    a, d = np.radians(clean(ra_deg)), np.radians(clean(dec_deg))
    with np.errstate(all="ignore"):
        m, n = pmra * MAS_RAD * t, pmdec * MAS_RAD * t
        f = 1 + velocity * parallax / AU_YEAR_KM_S * MAS_RAD * t
        lon, lat = _direction(
            np.cos(d) * np.cos(a) * f - np.sin(a) * m - np.sin(d) * np.cos(a) * n,
            np.cos(d) * np.sin(a) * f + np.cos(a) * m - np.sin(d) * np.sin(a) * n,
            np.sin(d) * f + np.cos(d) * n,
        )
    return np.where(sound, lon, np.nan), np.where(sound, lat, np.nan)


def _direction(x: Floats, y: Floats, z: Floats) -> tuple[Floats, Floats]:
    lon = longitudes(np.degrees(np.arctan2(y, x)))
    return lon, np.degrees(np.arctan2(z, np.sqrt(x * x + y * y)))
