"""Instants: mission elapsed time, MJD in TT and UTC, DALI timestamps."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from astropy.time import Time

from distiller.core.errors import BadParameter

_SECONDS_PER_DAY = 86400.0
_SCALES = frozenset({"tt", "utc", "tai", "tdb"})


def met_to_mjd_utc(
    seconds: np.typing.ArrayLike,
    mjdref_int: int,
    mjdref_frac: float,
    scale: str,
) -> np.typing.NDArray[np.float64]:
    """Turn mission elapsed time into UTC-based MJD.

    Parameters
    ----------
    seconds
        Elapsed seconds since the reference, any shape.
    mjdref_int, mjdref_frac
        MJDREFI and MJDREFF of the header, in days on ``scale``.
    scale
        TIMESYS of the header: tt, utc, tai or tdb, any case.

    Returns
    -------
    MJD (UTC) in days, same shape.

    Notes
    -----
    H.E.S.S. writes TT: 64.184 s ahead of UTC in 2004.

    >>> float(met_to_mjd_utc(123890826.0, 51910, 0.000742870370370241, "TT").round(6))
    53343.921597
    """
    name = scale.strip().lower()
    if name not in _SCALES:
        raise BadParameter("TIMESYS", f"unknown time scale {scale!r}")
    elapsed = np.asarray(seconds, dtype=np.float64) / _SECONDS_PER_DAY
    instant = Time(float(mjdref_int), mjdref_frac + elapsed, format="mjd", scale=name)
    return np.asarray(instant.utc.mjd, dtype=np.float64)


def mjd_utc_to_iso(mjd: float) -> str:
    """Write an MJD (UTC) as ISO 8601 with milliseconds and Z.

    >>> mjd_utc_to_iso(53343.5)
    '2004-12-04T12:00:00.000Z'
    """
    return f"{Time(mjd, format='mjd', scale='utc').isot}Z"


def iso_to_mjd_utc(text: str) -> float:
    """Read a DALI timestamp (``YYYY-MM-DD[Thh:mm:ss[.SSS][Z]]``) as MJD (UTC).

    >>> iso_to_mjd_utc("2004-12-04T12:00:00Z")
    53343.5
    """
    try:
        instant = Time(text.strip().removesuffix("Z"), scale="utc")
    except ValueError as error:
        raise BadParameter(
            "time", f"not a time: {text!r}", hint="write MJD or 2004-12-04T22:08:10"
        ) from error
    return float(instant.mjd)


def now() -> datetime:
    """Return the present instant, UTC, without zone mark, to the millisecond."""
    present = datetime.now(UTC).replace(tzinfo=None)
    return present.replace(microsecond=present.microsecond // 1000 * 1000)


def dali(instant: datetime) -> str:
    """Write an instant as a DALI 1.1 timestamp (section 3.3.3), UTC with Z.

    >>> dali(datetime(2026, 1, 2, 3, 4, 5, 678000))
    '2026-01-02T03:04:05.678Z'
    """
    return instant.isoformat(timespec="milliseconds") + "Z"
