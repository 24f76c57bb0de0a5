"""Headers of the simulated files: GADF 0.3 and the ambient and processing keywords."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from distiller.analysis.simulate.sample import DEAD_TIME
from distiller.analysis.simulate.schedule import RUN_S
from distiller.core.sky import galactic_deg, separation_deg

if TYPE_CHECKING:
    import numpy as np

    from distiller.analysis.simulate.schedule import Run

VERSION = "1.2"
"""Version of the simulation; a change of any byte of its output is a new one."""

DATE = "2025-06-01T00:00:00"
"""Fixed: a clock would make two equal simulations differ."""

_MJD_ZERO = datetime(1858, 11, 17)

Keywords = dict[str, Any]


def common(run: Run) -> Keywords:
    """Return what every table of a run says."""
    return {
        "ORIGIN": ("SYNTHETIC", "simulated: not an observation"),
        "TELESCOP": ("SIMULATED", "imaginary array"),
        "INSTRUME": (f"Simulated array {run.site.name}", "describes no real telescope"),
        "EV_CLASS": "STANDARD",
        "OBS_ID": run.obs_id,
        "CREATOR": "distiller simulate",
        "VERSION": (VERSION, "of the simulation"),
        "DATE": (DATE, "fixed, so that equal seeds give equal bytes"),
    }


def timing(run: Run) -> Keywords:
    """Return the keywords of the time system and the bounds of the run."""
    site = run.site
    start, stop = run.start_met, run.start_met + RUN_S
    return {
        "MJDREFI": site.mjdref_int,
        "MJDREFF": site.mjdref_frac,
        "TIMEUNIT": "s",
        "TIMESYS": site.time_system,
        "TIMEREF": "LOCAL",
        "TSTART": (start, "[s]"),
        "TSTOP": (stop, "[s]"),
        **_dates(run, start, stop),
    }


def _dates(run: Run, start: float, stop: float) -> Keywords:
    """Return dates of start and end on the run's own time system."""
    site = run.site
    # Neither TT nor UTC without leap seconds in between has days of other lengths.
    made = {}
    for met, day, clock in (
        (start, "DATE-OBS", "TIME-OBS"),
        (stop, "DATE-END", "TIME-END"),
    ):
        after = timedelta(site.mjdref_int, site.mjdref_frac * 86400.0 + met)
        text = (_MJD_ZERO + after).isoformat(timespec="milliseconds")
        made[day], made[clock] = text.split("T")
    return made


def observation(run: Run) -> Keywords:
    """Return what the event list says of the observation."""
    glon, glat = galactic_deg(run.ra_pnt_deg, run.dec_pnt_deg)
    field = run.field
    target: Keywords = {}
    if field.has_target:
        target = {
            "RA_OBJ": (field.ra_deg, "[deg]"),
            "DEC_OBJ": (field.dec_deg, "[deg]"),
        }
    live = round(run.ontime_s * (1.0 - DEAD_TIME), 3)
    return {
        "OBS_MODE": "POINTING",
        "OBSERVER": "Simulated schedule",
        "OBJECT": field.name,
        **target,
        "RA_PNT": (run.ra_pnt_deg, "[deg]"),
        "DEC_PNT": (run.dec_pnt_deg, "[deg]"),
        "CONV_DEP": (0.0, "parallel pointing"),
        "GLON_PNT": (round(glon, 6), "[deg]"),
        "GLAT_PNT": (round(glat, 6), "[deg]"),
        "ALT_PNT": (run.alt_deg, "[deg] at mid-run"),
        "AZ_PNT": (run.az_deg, "[deg] at mid-run"),
        "RADECSYS": "ICRS",
        "EQUINOX": 2000.0,
        "ONTIME": (run.ontime_s, "[s]"),
        "LIVETIME": (live, "[s]"),
        "DEADC": 1.0 - DEAD_TIME,
        "TELAPSE": (RUN_S, "[s]"),
    }


def array(run: Run) -> Keywords:
    """Return the keywords of the imaginary array."""
    site = run.site
    return {
        "N_TELS": len(site.telescopes.split(",")),
        "TELLIST": site.telescopes,
        "SUBARRAY": f"{site.name} {len(site.telescopes.split(','))}",
        "GEOLON": (site.lon_deg, "[deg]"),
        "GEOLAT": (site.lat_deg, "[deg]"),
        "ALTITUDE": (site.altitude_m, "[m]"),
    }


def ambient(run: Run, generator: np.random.Generator) -> Keywords:
    """Return simulated weather and detector conditions."""
    draw = generator.normal
    zenith_rate = float(draw(340.0, 12.0))
    high = math.sin(math.radians(run.alt_deg))
    return {
        "TRGRATE": (round(zenith_rate * high**0.8, 2), "[Hz]"),
        "ZTRGRATE": (round(zenith_rate, 2), "[Hz]"),
        "AIRTEMP": (round(float(draw(9.0, 3.0)), 1), "[deg C]"),
        "PRESSURE": (round(float(draw(789.0, 2.0)), 1), "[hPa]"),
        "RELHUM": (round(float(generator.uniform(10.0, 60.0)), 1), "[%]"),
        "NSBLEVEL": (round(float(generator.uniform(0.8, 1.6)), 3), "[a.u.]"),
        "MUONEFF": round(float(draw(0.85, 0.02)), 4),
        "BROKPIX": (round(float(generator.uniform(0.0, 0.02)), 4), "fraction"),
        "QUALITY": (0, "0: good"),
    }


def processing(run: Run) -> Keywords:
    """Return versions of the (simulated) processing, and its responses."""
    return {
        "EUNIT": "TeV",
        "EVTVER": VERSION,
        "DST_VER": f"sim-{VERSION}",
        "ANA_VER": f"sim-{VERSION}",
        "CAL_VER": f"sim-{VERSION}",
        "CONFIG": "simulated standard cuts",
        "CALDB": "simulated",
        "IRF": f"{run.site.name}_v{VERSION}",
    }


def index_row(run: Run, weather: Keywords, events: int) -> Keywords:
    """Return the row of the run in the observation index."""
    row = {
        **{k: v for k, v in timing(run).items() if k.startswith(("T", "D"))},
        **observation(run),
        **array(run),
        **weather,
        "EVENT_COUNT": events,
        "ZEN_PNT": round(90.0 - run.alt_deg, 4),
    }
    left_out = {"TIMEUNIT", "TIMESYS", "TIMEREF", "RADECSYS", "EQUINOX", "TELAPSE"}
    target = (run.field.ra_deg, run.field.dec_deg) if run.field.has_target else None
    if target is not None:
        row["OFFSET_OBJ"] = round(
            float(separation_deg(*target, run.ra_pnt_deg, run.dec_pnt_deg)), 4
        )
    return {
        "OBS_ID": run.obs_id,
        **{
            k: v[0] if isinstance(v, tuple) else v
            for k, v in row.items()
            if k not in left_out
        },
    }
