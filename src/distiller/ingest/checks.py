"""Judge what was read: a `Run` with values that can be believed, and findings."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from distiller.core.errors import BadData
from distiller.core.sky import galactic_deg, separation_deg
from distiller.ingest import run as checked
from distiller.ingest.clock import check_dates, place_in_time
from distiller.ingest.findings import Finding
from distiller.ingest.performance import performance_of
from distiller.ingest.run_settings import NOTHING_SAID
from distiller.ingest.values import Values, as_number, obs_id_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distiller.ingest.collection import Site
    from distiller.ingest.fits_stream import CardValue
    from distiller.ingest.gadf import RawRun, Response
    from distiller.ingest.run_settings import RunSettings

_OBS_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_KM = 10.0  # no array stands below 10 m: such an altitude is in km
_NEAR_DEG = 1.0
_SAME_DEG = 0.01

_PLACES = {
    "Khomas Highland, Namibia": (16.500, -23.272),
    "Paranal, Chile": (-70.316, -24.683),
    "Roque de los Muchachos, La Palma": (-17.892, 28.762),
    "Mount Hopkins, Arizona": (-110.952, 31.675),
}
"""Longitude and latitude in deg of places where arrays stand."""

_SITES = {
    "HESS": ("Khomas Highland, Namibia",),
    "CTA": ("Paranal, Chile", "Roque de los Muchachos, La Palma"),
    "CTAO": ("Paranal, Chile", "Roque de los Muchachos, La Palma"),
    "MAGIC": ("Roque de los Muchachos, La Palma",),
    "VERITAS": ("Mount Hopkins, Arizona",),
    "FACT": ("Roque de los Muchachos, La Palma",),
}
"""Places of a facility, for a plausibility check."""


def check(raw: RawRun, said: RunSettings = NOTHING_SAID) -> checked.Run:
    """Judge one run.

    Parameters
    ----------
    said
        What the settings of its collection say of it; headers are mended already.

    Raises
    ------
    BadData
        D113 or D204 if the run cannot be named or placed in time.
    """
    path = str(raw.files[0].path)
    values = Values(raw.events, raw.index_row, path, "")
    values.obs_id = _obs_id(raw, values)
    _structure(raw, values)
    times = place_in_time(raw, values)
    check_dates(raw, values, times)
    object_name = values.text("OBJECT")
    obs_mode = _upper(values.text("OBS_MODE"))
    sky = _sky(values, object_name, obs_mode)
    if said.names.target is not None:
        sky = replace(sky, target_name=said.names.target)
    array = _array(values, said)
    ambient = _ambient(values)
    responses = tuple(_described(one, values) for one in raw.responses)
    making = _making(values, responses)
    performance = performance_of(raw.responses, values)
    own = [Finding(f.code, f.message, f.path, values.obs_id) for f in raw.findings]
    return checked.Run(
        obs_id=values.obs_id,
        object_name=object_name,
        obs_mode=obs_mode,
        observer=values.text("OBSERVER"),
        event_class=values.text("EV_CLASS"),
        n_events=raw.events.integer("NAXIS2"),
        caldb=values.text("CALDB"),
        irf_name=values.text("IRF"),
        times=times,
        sky=sky,
        array=array,
        ambient=ambient,
        making=making,
        performance=performance,
        responses=responses,
        files=raw.files,
        events_hdu=raw.events_hdu,
        gti_hdu=raw.gti_hdu,
        findings=tuple(own + values.findings),
    )


def _obs_id(raw: RawRun, values: Values) -> str:
    """Return the name of the run: that of the index, else of the header."""
    given = raw.events.values.get("OBS_ID")
    own = obs_id_text(given)
    values.obs_id = raw.index_obs_id or own or ""
    if isinstance(given, str) and own:
        values.note("D206", f"OBS_ID = {own[:40]!r}")
    if raw.index_obs_id and own and own != raw.index_obs_id:
        values.note("D209", f"OBS_ID = {own[:40]!r}, in the index {raw.index_obs_id}")
    name = raw.index_obs_id or own
    if not name:
        found = "missing" if given in {None, ""} else f"{given!r}, which names no run"
        raise BadData("D113", values.path, f"OBS_ID is {found}")
    if not _OBS_ID.fullmatch(name):
        shown = name if len(name) <= 40 else f"{name[:37]}..."  # noqa: PLR2004 - a line
        raise BadData("D113", values.path, f"OBS_ID {shown!r} is no short word")
    return name


def _structure(raw: RawRun, values: Values) -> None:
    header = raw.events
    for code, keywords in (
        ("D213", header.duplicates),
        ("D214", header.damaged),
        ("D212", header.not_ascii),
    ):
        if keywords:
            values.note(code, _some(keywords))
    for one in raw.responses:
        if one.too_large:
            values.note("D126", f"{one.hdu} of {one.path.name}")
    if not header.integer("NAXIS2"):
        values.note("D238", "the EVENTS table has no rows")


def _some(words: Sequence[str]) -> str:
    shown = ", ".join(words[:5])
    return shown if len(words) <= 5 else f"{shown} and {len(words) - 5} more"  # noqa: PLR2004 - five are enough


def _described(one: Response, values: Values) -> Response:
    """Return a response with the texts of its header that can be believed."""
    header = one.header.values
    return replace(
        one,
        event_class=values.cleaned("EV_CLASS", header.get("EV_CLASS")),
        configuration=values.cleaned("CONFIG", header.get("CONFIG")),
    )


def _sky(values: Values, object_name: str | None, obs_mode: str | None) -> checked.Sky:
    # GADF: while the sky drifts by, ALT_PNT and AZ_PNT are the pointing.
    drifts = obs_mode == "DRIFT"
    ra, dec = _pointing(values, required=not drifts)
    target = _direction(values, "RA_OBJ", "DEC_OBJ", required=False)
    name = values.row.get("TARGET_NAME")
    target_name = values.cleaned("TARGET_NAME", name) if name else None
    target_name = target_name or object_name
    if target_name and target[0] is None:
        values.note("D223", f"of {target_name}")
    offset = None
    if ra is not None and dec is not None and None not in target:
        offset = float(separation_deg(ra, dec, *target))  # type: ignore[arg-type]  # both are there
    glon, glat = (
        galactic_deg(ra, dec) if ra is not None and dec is not None else (None,) * 2
    )
    alt = values.number("ALT_PNT", low=-90.0, high=90.0)
    az = values.number("AZ_PNT", low=-360.0, high=360.0)
    if not drifts and alt in {0.0, 90.0} and az in {0.0, None}:
        # The zenith, or nothing written.
        values.note("D201", f"ALT_PNT = {alt:g} and AZ_PNT = 0")
        alt = az = None
    return checked.Sky(
        ra=ra,
        dec=dec,
        glon=glon,
        glat=glat,
        alt=alt,
        az=None if az is None else az % 360.0,
        zenith=None if alt is None else round(90.0 - alt, 9),
        target_name=target_name,
        target_ra=target[0],
        target_dec=target[1],
        offset=offset,
        pointing_mode=_pointing_mode(values),
    )


def _pointing_mode(values: Values) -> str | None:
    """Return what the depth of convergence says (GADF: 0 is parallel)."""
    depth = values.number("CONV_DEP")
    if depth is None:
        return None
    return "parallel" if depth == 0.0 else "convergent" if depth > 0.0 else "divergent"


def _pointing(values: Values, *, required: bool) -> tuple[float | None, float | None]:
    """Return the pointing of the header; where that is unusable, of the index."""
    names = ("RA_PNT", "DEC_PNT")
    header, row = values.header.values, values.row
    own, other = (_usable(*map(source.get, names)) for source in (header, row))
    if other is None:
        return _direction(values, *names, required=required)
    said = [f"{name} = {header[name]}" for name in names if header.get(name)]
    if own is None:
        if said:
            text = f"{', '.join(said)} in the header: that of the index was taken"
            values.note("D243", text)
        return other
    apart = float(separation_deg(*own, *other))
    if apart > _SAME_DEG:
        values.note("D243", f"{apart:.3g} deg between them: the header's was taken")
    return own


def _usable(ra: CardValue, dec: CardValue) -> tuple[float, float] | None:
    """Return a direction in deg if nothing is wrong with it."""
    lon, lat = as_number(ra), as_number(dec)
    if lon is None or lat is None or (lon == 0.0 and lat == 0.0):
        return None
    inside = 0.0 <= lon < 360.0 and -90.0 <= lat <= 90.0  # noqa: PLR2004 - deg
    return (lon, lat) if inside else None


def _direction(
    values: Values, ra_key: str, dec_key: str, *, required: bool
) -> tuple[float | None, float | None]:
    """Return right ascension and declination in deg, both or none."""
    ra = values.number(ra_key)
    dec = values.number(dec_key)
    if ra is None or dec is None:
        if required:
            values.note("D210", f"{ra_key} or {dec_key} is missing")
        return None, None
    if ra == 0.0 and dec == 0.0:
        values.note("D201", f"{ra_key} = {dec_key} = 0")
        return None, None
    if not -90.0 <= dec <= 90.0 or not -360.0 <= ra <= 720.0:  # noqa: PLR2004 - deg
        values.note("D210", f"{ra_key} = {ra:g}, {dec_key} = {dec:g}")
        return None, None
    if not 0.0 <= ra < 360.0:  # noqa: PLR2004 - deg
        values.note("D210", f"{ra_key} = {ra:g} is outside 0...360")
        ra = ra % 360.0 % 360.0  # a hair below 0 is 0, not 360
    return ra, dec


def _array(values: Values, said: RunSettings) -> checked.Array:
    facility = values.text("TELESCOP")
    count = values.number("N_TELS", placeholders=(0.0,), low=1.0, high=1000.0)
    site, lon, lat, altitude = (
        _said_place(said.site, facility)
        if said.site is not None
        else _own_place(values, facility)
    )
    telescope = said.names.facility or facility
    instrument = said.names.instrument or values.text("INSTRUME")
    given = {"TELESCOP": telescope, "INSTRUME": instrument}
    if lacking := [keyword for keyword, name in given.items() if name is None]:
        values.note("D242", " and ".join(lacking))
    return checked.Array(
        facility=telescope,
        instrument=instrument,
        n_tels=None if count is None else int(count),
        tel_list=values.text("TELLIST", placeholders=("baseline",)),
        sub_array=values.text("SUBARRAY"),
        site=site,
        lon=lon,
        lat=lat,
        altitude=altitude,
    )


_Place = tuple[str | None, float | None, float | None, float | None]
"""Name, longitude and latitude in deg, and altitude in m."""


def _said_place(site: Site, facility: str | None) -> _Place:
    """Return the place of the settings; the header is not asked."""
    name = site.name or _place(facility, site.lon, site.lat)
    return name, site.lon, site.lat, site.altitude


def _own_place(values: Values, facility: str | None) -> _Place:
    """Return the place in the header, as far as it can be believed."""
    lon = values.number("GEOLON", low=-180.0, high=360.0)
    lat = values.number("GEOLAT", low=-90.0, high=90.0)
    if lon == 0.0 and lat == 0.0:
        values.note("D201", "GEOLON = GEOLAT = 0")
        lon = lat = None
    if lon is not None and lon > 180.0:  # noqa: PLR2004 - deg
        lon -= 360.0
    lon, lat = _site(values, facility, lon, lat)
    altitude = values.number("ALTITUDE", low=0.0, high=9000.0, placeholders=(0.0,))
    if altitude is not None and altitude < _KM:
        values.note("D205", f"ALTITUDE = {altitude:g}")
        altitude = round(altitude * 1000.0, 6)
    return _place(facility, lon, lat), lon, lat, altitude


def _site(
    values: Values, facility: str | None, lon: float | None, lat: float | None
) -> tuple[float | None, float | None]:
    """Drop coordinates that lie at no site of a known facility."""
    sites = [_PLACES[name] for name in _sites_of(facility)]
    if not sites or lon is None or lat is None:
        return lon, lat
    off = [(abs(lon - x), abs(lat - y)) for x, y in sites]
    if any(max(pair) < _NEAR_DEG for pair in off):
        return lon, lat
    good_lon = any(x < _NEAR_DEG for x, _ in off)
    good_lat = any(y < _NEAR_DEG for _, y in off)
    if not good_lon:
        values.note("D208", f"GEOLON = {lon:g} for {facility}")
    if not good_lat or good_lon:
        values.note("D208", f"GEOLAT = {lat:g} for {facility}")
    return (
        lon if good_lon and not good_lat else None,
        lat if good_lat and not good_lon else None,
    )


def _sites_of(facility: str | None) -> tuple[str, ...]:
    return _SITES.get((facility or "").upper().replace(".", ""), ())


def _place(facility: str | None, lon: float | None, lat: float | None) -> str | None:
    """Return the name of the place; where only one coordinate is right, by facility."""
    if lon is None and lat is None:
        return None
    among = _sites_of(facility) if lon is None or lat is None else tuple(_PLACES)
    for name in among:
        pairs = zip((lon, lat), _PLACES[name], strict=True)
        if all(abs(x - y) < _NEAR_DEG for x, y in pairs if x is not None):
            return name
    return None


def _ambient(values: Values) -> checked.Ambient:
    zero = (0.0,)
    celsius = values.number("AIRTEMP", low=-90.0, high=60.0)
    pressure = values.number("PRESSURE", low=100.0, high=1100.0, placeholders=zero)
    humidity = values.number("RELHUM", low=0.0, high=100.0, placeholders=zero)
    if celsius == 0.0 and pressure is None and humidity is None:
        values.note("D201", "AIRTEMP = 0")
        celsius = None
    if humidity is not None and humidity <= 1.0:
        values.note("D224", f"RELHUM = {humidity:g}")
        humidity = round(humidity * 100.0, 6)
    quality = values.number("QUALITY", low=-1.0, high=1e9, placeholders=(-1.0,))
    return checked.Ambient(
        trigger_rate=values.number("TRGRATE", low=0.0, placeholders=zero),
        zenith_trigger_rate=values.number("ZTRGRATE", low=0.0, placeholders=zero),
        air_temperature=None if celsius is None else round(celsius + 273.15, 6),
        pressure=pressure,
        relative_humidity=humidity,
        nsb_level=values.number("NSBLEVEL", low=0.0, placeholders=zero),
        muon_efficiency=values.number("MUONEFF", low=0.0, placeholders=zero),
        broken_pixels=values.number("BROKPIX", low=0.0, high=1.0),
        quality=None if quality is None else int(quality),
    )


def _making(values: Values, responses: Sequence[Response]) -> checked.Making:
    origin = values.text("ORIGIN")
    creator = values.text("CREATOR")
    marks = (
        (origin or "").upper() == "SYNTHETIC",
        (creator or "").lower().startswith("ctobssim"),
        "NMCIDS" in values.header.values,  # identifiers of Monte Carlo sources
    )
    return checked.Making(
        creator=creator,
        pipeline_version=values.text("VERSION"),
        dst_version=values.text("DST_VER"),
        analysis_version=values.text("ANA_VER"),
        calibration_version=values.text("CAL_VER"),
        event_version=values.text("EVTVER"),
        gadf_version=values.text("HDUVERS"),
        created=values.instant("DATE"),
        origin=origin,
        configuration=values.text("CONFIG")
        or next((r.configuration for r in responses if r.configuration), None),
        simulated=any(marks),
    )


def _upper(text: str | None) -> str | None:
    return None if text is None else text.upper()
