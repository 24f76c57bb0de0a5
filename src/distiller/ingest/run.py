"""One run with values that can be believed, in the units of the archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from distiller.core.places import Place
    from distiller.ingest.findings import Finding
    from distiller.ingest.fits_stream import CardValue
    from distiller.ingest.gadf import FileNote, Response


@dataclass(frozen=True, slots=True)
class Interval:
    """A good time interval.

    Attributes
    ----------
    start_met, stop_met
        s since the reference.
    start_tt, stop_tt
        MJD TT, d.
    start_utc, stop_utc
        MJD UTC, d.
    """

    start_met: float
    stop_met: float
    start_tt: float
    stop_tt: float
    start_utc: float
    stop_utc: float


@dataclass(frozen=True, slots=True)
class Times:
    """When a run took place; durations in s, each None where it is not known."""

    intervals: tuple[Interval, ...]
    system: str
    ontime_s: float
    elapsed_s: float
    livetime_s: float | None
    deadc: float | None


@dataclass(frozen=True, slots=True)
class Sky:
    """Where a run looked; ICRS, galactic and horizontal coordinates in deg.

    Attributes
    ----------
    pointing_mode
        How the telescopes pointed relative to each other.
    """

    ra: float | None
    dec: float | None
    glon: float | None
    glat: float | None
    alt: float | None
    az: float | None
    zenith: float | None
    target_name: str | None
    target_ra: float | None
    target_dec: float | None
    offset: float | None
    pointing_mode: str | None


@dataclass(frozen=True, slots=True)
class Array:
    """The telescopes, and the name and place of their site; deg, altitude in m."""

    facility: str | None
    instrument: str | None
    n_tels: int | None
    tel_list: str | None
    sub_array: str | None
    site: str | None
    lon: float | None
    lat: float | None
    altitude: float | None


@dataclass(frozen=True, slots=True)
class Ambient:
    """Conditions; rates in Hz, K, hPa, percent, fractions."""

    trigger_rate: float | None
    zenith_trigger_rate: float | None
    air_temperature: float | None
    pressure: float | None
    relative_humidity: float | None
    nsb_level: float | None
    muon_efficiency: float | None
    broken_pixels: float | None
    quality: int | None


@dataclass(frozen=True, slots=True)
class Making:
    """How the file came to be."""

    creator: str | None
    pipeline_version: str | None
    dst_version: str | None
    analysis_version: str | None
    calibration_version: str | None
    event_version: str | None
    gadf_version: str | None
    created: datetime | None
    origin: str | None
    configuration: str | None
    simulated: bool


@dataclass(frozen=True, slots=True)
class Performance:
    """What the responses allow.

    Attributes
    ----------
    fov_deg
        Diameter of the field of view.
    fwhm_arcsec
        Of the PSF at 1 TeV and 0.5 deg.
    resolving_power
        E over the full width at half maximum of the energy dispersion at 1 TeV.
    energy_min_tev, energy_max_tev
        Safe energy range, both or none.
    """

    fov_deg: float | None
    fwhm_arcsec: float | None
    resolving_power: float | None
    energy_min_tev: float | None
    energy_max_tev: float | None


@dataclass(frozen=True, slots=True)
class Correction:
    """What the settings say in place of one header value of a run.

    Attributes
    ----------
    header
        ``EVENTS``, ``GTI``, ``INDEX`` or the kind of a response, in capitals.
    path, hdu
        The file and the EXTNAME of its table; None and empty: the observation index.
    value
        The right value; None: it is not known.
    former
        What the file says; None: nothing.
    """

    header: str
    path: Place | None
    hdu: str
    keyword: str
    value: CardValue
    former: CardValue
    reason: str


@dataclass(frozen=True, slots=True)
class Run:
    """One run, checked.

    Attributes
    ----------
    events_hdu, gti_hdu
        Where both tables lie in their files, see `run_tables.address`.
    """

    obs_id: str
    object_name: str | None
    obs_mode: str | None
    observer: str | None
    event_class: str | None
    n_events: int
    caldb: str | None
    irf_name: str | None
    times: Times
    sky: Sky
    array: Array
    ambient: Ambient
    making: Making
    performance: Performance
    responses: tuple[Response, ...]
    files: tuple[FileNote, ...]
    events_hdu: str
    gti_hdu: str
    findings: tuple[Finding, ...]
    corrections: tuple[Correction, ...] = ()
