"""Instants: MJD in UTC, DALI timestamps."""

from __future__ import annotations

from datetime import UTC, datetime

from distiller.core.errors import BadParameter


def mjd_utc_to_iso(mjd: float) -> str:
    """Write an MJD (UTC) as ISO 8601 with milliseconds and Z.

    >>> mjd_utc_to_iso(53343.5)
    '2004-12-04T12:00:00.000Z'
    """
    from astropy.time import Time  # noqa: PLC0415 - slow import

    return f"{Time(mjd, format='mjd', scale='utc').isot}Z"


def iso_to_mjd_utc(text: str) -> float:
    """Read a DALI timestamp (``YYYY-MM-DD[Thh:mm:ss[.SSS][Z]]``) as MJD (UTC).

    >>> iso_to_mjd_utc("2004-12-04T12:00:00Z")
    53343.5
    """
    from astropy.time import Time  # noqa: PLC0415 - slow import

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
