"""What is observed when, from where: the runs of the simulated set."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from distiller.analysis.simulate import sources, streams
from distiller.analysis.simulate.sources import Field

RUN_S = 1680.0
"""Length of a run, s (28 min)."""

FIRST_OBS_ID = 1001
MAX_RUNS = 1_000_000
_SIDEREAL = 360.98564736629  # deg of Earth rotation in a day (Meeus 1998, eq. 12.4)
_WOBBLE_DEG = 0.5


@dataclass(frozen=True, slots=True)
class Site:
    """An imaginary array: where it stands and how it writes time.

    Attributes
    ----------
    time_system
        TIMESYS of its files.
    mjdref_int, mjdref_frac
        MJDREFI and MJDREFF, d, on ``time_system``.
    telescopes
        TELLIST.
    """

    name: str
    lon_deg: float
    lat_deg: float
    altitude_m: float
    telescopes: str
    time_system: str
    mjdref_int: int
    mjdref_frac: float


# The reference of the UTC site lies after the last leap second, so that elapsed
# seconds mean the same to everyone.
NORTH = Site("North", -17.89, 28.76, 2200.0, "1,2,3,4", "TT", 51910, 0.000742870370370)
SOUTH = Site("South", -70.32, -24.68, 2100.0, "11,12,13,14,15", "UTC", 60310, 0.0)


@dataclass(frozen=True, slots=True)
class Run:
    """One run to simulate.

    Attributes
    ----------
    ra_pnt_deg, dec_pnt_deg
        Pointing, ICRS deg.
    start_mjd
        Start, MJD on the site's time system.
    breaks_s
        Interruptions as (start, stop) in s after the start.
    flux_scale
        Factor on the spectrum of every source in this run.
    """

    obs_id: int
    site: Site
    field: Field
    ra_pnt_deg: float
    dec_pnt_deg: float
    start_mjd: float
    alt_deg: float
    az_deg: float
    breaks_s: tuple[tuple[float, float], ...] = ()
    flux_scale: float = 1.0

    @property
    def start_met(self) -> float:
        """Start in s since the reference, a whole number."""
        site = self.site
        days = self.start_mjd - site.mjdref_int - site.mjdref_frac
        return float(round(days * 86400.0))

    @property
    def intervals_s(self) -> tuple[tuple[float, float], ...]:
        """Good time intervals, in s after the start."""
        edges = [0.0, *(edge for pair in self.breaks_s for edge in pair), RUN_S]
        return tuple(zip(edges[::2], edges[1::2], strict=True))

    @property
    def ontime_s(self) -> float:
        """Length of the good time intervals, s."""
        return sum(stop - start for start, stop in self.intervals_s)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A run of the repeated programme; the night is the MJD of its midnight."""

    site: Site
    field: Field
    night: int
    hour_angle_h: float
    wobble_deg: float
    flux_scale: float = 1.0
    breaks_s: tuple[tuple[float, float], ...] = ()


# Nights on which the field culminates near midnight; wobble angles count from North
# through East. The third Crab run was interrupted by a cloud.
_PROGRAMME = (
    _Plan(NORTH, sources.CRAB_FIELD, 60660, -0.60, 0.0),
    _Plan(NORTH, sources.CRAB_FIELD, 60660, -0.10, 180.0),
    _Plan(NORTH, sources.CRAB_FIELD, 60660, 0.40, 90.0, breaks_s=((700.0, 940.0),)),
    _Plan(NORTH, sources.CRAB_FIELD, 60660, 0.90, 270.0),
    _Plan(SOUTH, sources.PKS_2155_FIELD, 60555, -0.50, 0.0),
    _Plan(SOUTH, sources.PKS_2155_FIELD, 60555, 0.00, 180.0),
    _Plan(NORTH, sources.MRK_421_FIELD, 60745, -0.75, 90.0, flux_scale=0.6),
    _Plan(NORTH, sources.MRK_421_FIELD, 60746, -0.25, 270.0, flux_scale=1.0),
    _Plan(NORTH, sources.MRK_421_FIELD, 60747, 0.25, 90.0, flux_scale=1.7),
    _Plan(SOUTH, sources.GC_FIELD, 60480, -0.50, 0.0),
    _Plan(SOUTH, sources.GC_FIELD, 60480, 0.00, 180.0),
    _Plan(SOUTH, sources.GC_FIELD, 60480, 0.50, 90.0),
    _Plan(SOUTH, sources.BLANK_FIELD, 60610, -0.25, 0.0),
    _Plan(SOUTH, sources.BLANK_FIELD, 60610, 0.25, 180.0),
    _Plan(NORTH, sources.CRAB_FIELD, 60662, -1.60, 0.0),
    _Plan(NORTH, sources.CRAB_FIELD, 60662, -1.10, 180.0),
    _Plan(SOUTH, sources.PKS_2155_FIELD, 60556, 0.25, 90.0, flux_scale=1.8),
)
_YEAR_D = 365  # a later cycle of the programme is one year on: the same season


def programme(runs: int) -> tuple[Run, ...]:
    """Return the first runs of the programme; it repeats itself year by year.

    >>> [run.field.name for run in programme(5)][3:]
    ['Crab Nebula', 'PKS 2155-304']
    """
    made = []
    for index in range(runs):
        cycle, item = divmod(index, len(_PROGRAMME))
        plan = _PROGRAMME[item]
        made.append(_run(FIRST_OBS_ID + index, plan, plan.night + cycle * _YEAR_D))
    return tuple(made)


def survey(runs: int, seed: int) -> tuple[Run, ...]:
    """Return runs with blank fields spread evenly over the sky, for load tests.

    Equal seeds give equal runs, however many there are.

    >>> survey(5, seed=1)[:2] == survey(2, seed=1)
    True
    """
    made = []
    for index in range(runs):
        obs_id = FIRST_OBS_ID + index
        generator = streams.stream(seed, obs_id, streams.POINTING)
        ra = generator.uniform(0.0, 360.0)
        dec = math.degrees(math.asin(generator.uniform(-0.97, 0.97)))
        field = Field(
            f"Survey field {index + 1:06d}",
            round(ra, 4),
            round(dec, 4),
            (),
            has_target=False,
        )
        site = NORTH if dec > 0 else SOUTH
        plan = _Plan(site, field, 60400 + index % 1500, 0.0, 0.0)
        made.append(_run(obs_id, plan, plan.night))
    return tuple(made)


def _run(obs_id: int, plan: _Plan, night: int) -> Run:
    """Place a plan in time (so that the hour angle is right) and on the sky."""
    site, field = plan.site, plan.field
    ra, dec = offset_position(field.ra_deg, field.dec_deg, _WOBBLE_DEG, plan.wobble_deg)
    wanted = field.ra_deg + 15.0 * plan.hour_angle_h  # local sidereal time at mid-run
    turn = (wanted - _sidereal_deg(float(night), site.lon_deg) + 180.0) % 360.0 - 180.0
    middle = night + turn / _SIDEREAL
    start = round((middle - 0.5 * RUN_S / 86400.0) * 86400.0) / 86400.0
    alt, az = _horizontal(ra, dec, wanted, site.lat_deg)
    return Run(
        obs_id=obs_id,
        site=site,
        field=field,
        ra_pnt_deg=ra,
        dec_pnt_deg=dec,
        start_mjd=start,
        alt_deg=alt,
        az_deg=az,
        breaks_s=plan.breaks_s,
        flux_scale=plan.flux_scale,
    )


def _sidereal_deg(mjd: float, lon_deg: float) -> float:
    """Mean sidereal time in deg (Meeus 1998, eq. 12.4); good to 0.01 deg here."""
    return (280.46061837 + _SIDEREAL * (mjd - 51544.5) + lon_deg) % 360.0


def _horizontal(
    ra_deg: float, dec_deg: float, sidereal_deg: float, lat_deg: float
) -> tuple[float, float]:
    """Altitude, and azimuth from North through East, in deg (4 decimals)."""
    hour, dec, lat = map(math.radians, (sidereal_deg - ra_deg, dec_deg, lat_deg))
    up = math.sin(lat) * math.sin(dec) + math.cos(lat) * math.cos(dec) * math.cos(hour)
    east = -math.cos(dec) * math.sin(hour)
    north = math.cos(lat) * math.sin(dec) - math.sin(lat) * math.cos(dec) * math.cos(
        hour
    )
    az = math.degrees(math.atan2(east, north)) % 360.0
    return round(math.degrees(math.asin(up)), 4), round(az, 4)


def offset_position(
    ra_deg: float, dec_deg: float, distance_deg: float, angle_deg: float
) -> tuple[float, float]:
    """Return the ICRS position at a distance and a position angle, deg (6 decimals).

    >>> offset_position(83.633, 22.014, 0.5, 0.0)
    (83.633, 22.514)
    """
    ra, dec = offset_positions(
        ra_deg, dec_deg, np.array([distance_deg]), np.array([angle_deg])
    )
    return round(float(ra[0]), 6), round(float(dec[0]), 6)


def offset_positions(
    ra_deg: float | np.typing.NDArray[np.float64],
    dec_deg: float | np.typing.NDArray[np.float64],
    distance_deg: np.typing.NDArray[np.float64],
    angle_deg: np.typing.NDArray[np.float64],
) -> tuple[np.typing.NDArray[np.float64], np.typing.NDArray[np.float64]]:
    """Return positions at distances and position angles from others, all deg.

    The angle counts from North through East; arguments broadcast.
    """
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    far, angle = np.radians(distance_deg), np.radians(angle_deg)
    z = np.sin(dec) * np.cos(far) + np.cos(dec) * np.sin(far) * np.cos(angle)
    along = np.cos(dec) * np.cos(far) - np.sin(dec) * np.sin(far) * np.cos(angle)
    across = np.sin(far) * np.sin(angle)
    lon = ra + np.arctan2(across, along)
    lat = np.arctan2(z, np.hypot(along, across))
    return np.degrees(lon) % 360.0, np.degrees(lat)
