"""A raw count map: events of DL3 runs, binned on the sky (and in energy).

Pixels follow Gammapy's ``WcsGeom.create``. A pixel takes in its lower borders and not
its upper ones, and so does an energy bin.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from gammapy.maps import MapAxis, WcsGeom, WcsNDMap

from distiller.analysis import events, figures, footprint, record, results
from distiller.analysis.count_map import plot
from distiller.analysis.count_map.parameters import CountMapParameters
from distiller.analysis.products import (
    CONFIGURATION,
    PLOT,
    PLOT_SVG,
    PRODUCT,
    InputDataset,
    ProductDescription,
    ProductFile,
    SkyMap,
)
from distiller.analysis.tasks import TASKS
from distiller.core.errors import InternalError, UserError
from distiller.core.sky import separation_deg
from distiller.core.times import mjd_utc_to_iso

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from astropy.io import fits

    from distiller.analysis.parameters import TaskParameters

logger = logging.getLogger(__name__)

_SECONDS_PER_DAY: Final = 86400.0
_ARCSEC_PER_DEG: Final = 3600.0

Floats = np.typing.NDArray[np.float64]
Cells = np.typing.NDArray[np.int64]


@dataclass(slots=True)
class Tally:
    """What was counted on the way to the map."""

    read: int = 0
    in_energy: int = 0
    in_time: int = 0
    in_field: int = 0
    nearest_deg: float = np.inf
    good_mjd: Floats | None = None
    runs: int = 0
    used: int = 0

    def add_good_time(self, intervals_mjd: Floats) -> None:
        """Add the good time intervals of one run, shape (n, 2)."""
        self.runs += 1
        self.used += bool(len(intervals_mjd))
        known = [] if self.good_mjd is None else [self.good_mjd]
        self.good_mjd = np.concatenate([*known, intervals_mjd])

    @property
    def exposure_s(self) -> float:
        """Sum of the good time that was used."""
        if self.good_mjd is None:
            return 0.0
        seconds = np.diff(self.good_mjd, axis=1).sum() * _SECONDS_PER_DAY
        return round(float(seconds), 3)  # MJDs hold microseconds, and noise beyond


def run(
    configuration: TaskParameters,
    inputs: Sequence[InputDataset],
    result_dir: Path,
    report: Callable[[float, str], None],
) -> ProductDescription:
    """Make the map, its plot and its record in ``result_dir``.

    Raises
    ------
    UserError
        If no event lies in the field, energy and time range.
    """
    if not isinstance(configuration, CountMapParameters):
        message = f"a count map cannot be made from {type(configuration).__name__}"
        raise InternalError(message)
    counts, tally = count(configuration, inputs, report)
    if not tally.in_field:
        raise _nothing(configuration, tally, len(inputs))
    report(0.5, "Writing the map")
    text = record.configuration_yaml(TASKS["count_map"], configuration, inputs)
    product = results.fits_bytes(to_hdus(counts, configuration, inputs, tally, text))
    written = results.Results(result_dir)
    written.add(PRODUCT, "product.fits", product)
    report(0.7, "Drawing the plot")
    simulated = any(item.simulated for item in inputs)
    caption = _caption(tally, configuration)
    if configuration.n_e > 1:
        caption += " (summed here)"
    drawing = plot.draw(counts, configuration, caption, simulated)
    written.add(PLOT, "plot.png", figures.png_bytes(drawing))
    written.add(CONFIGURATION, "configuration.yaml", text.encode())
    written.add(PLOT_SVG, "plot.svg", figures.svg_bytes(drawing), role=PLOT)
    return _describe(counts, configuration, inputs, tally, written.files)


def count(
    configuration: CountMapParameters,
    inputs: Sequence[InputDataset],
    report: Callable[[float, str], None] = lambda _fraction, _text: None,
) -> tuple[WcsNDMap, Tally]:
    """Bin the events of all runs.

    Returns
    -------
    The map, without energy axis if there is one bin, and what was counted.
    """
    edges_tev = energy_edges_tev(configuration)
    geom = geometry(configuration, edges_tev)
    nx, ny = configuration.shape
    cells = np.zeros(configuration.n_e * ny * nx, dtype=np.int64)
    tally = Tally()
    for number, dataset in enumerate(inputs):
        report(
            0.5 * number / len(inputs),
            f"Reading run {dataset.obs_id} ({number + 1} of {len(inputs)})",
        )
        run_events = events.read(dataset)
        cells += _cells(run_events, configuration, geom, edges_tev, tally)
    shape = (ny, nx) if configuration.n_e == 1 else (configuration.n_e, ny, nx)
    # Counts as Gammapy keeps them; whole numbers are exact up to 16,777,216.
    return WcsNDMap(geom, cells.reshape(shape).astype(np.float32)), tally


def geometry(configuration: CountMapParameters, edges_tev: Floats) -> WcsGeom:
    """Return the pixels (and energy bins) of the map."""
    axes = []
    if configuration.n_e > 1:
        axes = [MapAxis.from_energy_edges(edges_tev * u.TeV, interp="log")]
    ra, dec = configuration.centre_deg
    return WcsGeom.create(
        skydir=SkyCoord(ra, dec, unit="deg", frame="icrs"),
        npix=configuration.shape,
        binsz=configuration.binsz,
        proj=configuration.proj,
        frame=configuration.frame,
        axes=axes,
    )


def energy_edges_tev(configuration: CountMapParameters) -> Floats:
    """Return the edges of the energy bins; the outer ones exactly as asked for."""
    low, high = configuration.e_min, configuration.e_max
    edges = np.geomspace(low, high, configuration.n_e + 1)
    edges[[0, -1]] = low, high
    return edges


def _cells(
    run_events: events.Events,
    configuration: CountMapParameters,
    geom: WcsGeom,
    edges_tev: Floats,
    tally: Tally,
) -> Cells:
    """Count one run's events per cell, flat in C order of (energy, y, x)."""
    t_min, t_max = configuration.t_min, configuration.t_max
    in_energy = run_events.in_energy(configuration.e_min, configuration.e_max)
    chosen = in_energy & run_events.in_time(t_min, t_max)
    lon, lat = run_events.ra_deg[chosen], run_events.dec_deg[chosen]
    if configuration.frame == "galactic":
        galactic = SkyCoord(lon, lat, unit="deg", frame="icrs").galactic
        lon, lat = galactic.l.deg, galactic.b.deg
    x, y = geom.wcs.wcs_world2pix(lon, lat, 0)
    nx, ny = configuration.shape
    ix, iy = _bin(x, nx), _bin(y, ny)
    ie = np.searchsorted(edges_tev, run_events.energy_tev[chosen], side="right") - 1
    inside = (ix >= 0) & (ix < nx) & (iy >= 0) & (iy < ny)
    flat = (ie[inside] * ny + iy[inside]) * nx + ix[inside]
    tally.read += chosen.size
    tally.in_energy += int(in_energy.sum())
    tally.in_time += int(chosen.sum())
    tally.in_field += flat.size
    tally.add_good_time(run_events.good_time(t_min, t_max))
    if run_events.pointing_deg is not None:
        away = separation_deg(*configuration.centre_deg, *run_events.pointing_deg)
        tally.nearest_deg = min(tally.nearest_deg, float(away))
    return np.bincount(flat, minlength=configuration.n_e * ny * nx)


def _bin(pixel: Floats, count: int) -> Cells:
    """Return the index i with i - 0.5 <= pixel < i + 0.5; outside is -1 or count."""
    edges = np.arange(count + 1) - 0.5
    # Directions that the projection cannot show come as NaN and are sorted last.
    return np.searchsorted(edges, pixel, side="right") - 1


def _nothing(configuration: CountMapParameters, tally: Tally, runs: int) -> UserError:
    """Say at which cut the last event was lost."""
    c = configuration
    ra, dec = c.centre_deg
    if not tally.in_energy:
        energies = f"{record.number(c.e_min)} <= E < {record.number(c.e_max)} TeV"
        lost = f"none of the {tally.read:,} events has {energies}"
        return UserError(f"no events: {lost}", hint="widen e_min and e_max")
    if not tally.in_time:
        message = "no events: the runs have none between t_min and t_max"
        return UserError(message, hint="t_min and t_max are MJD in UTC")
    width, height = c.span_deg
    message = (
        f"no events in the field: of {tally.in_time:,} events in the chosen energy and "
        f"time range ({runs} {'run' if runs == 1 else 'runs'}) none lies within the "
        f"{width:g} x {height:g} deg around ra {ra:g}, dec {dec:g}"
    )
    hint = f"the nearest pointing is {tally.nearest_deg:.1f} deg away from that centre"
    return UserError(message, hint=hint if np.isfinite(tally.nearest_deg) else None)


def to_hdus(
    counts: WcsNDMap,
    configuration: CountMapParameters,
    inputs: Sequence[InputDataset],
    tally: Tally,
    text: str,
) -> fits.HDUList:
    """Return the FITS file: the map in the primary HDU, the record in its header."""
    hdus = counts.to_hdulist()
    header = hdus[0].header
    header["BTYPE"] = ("counts", "events per pixel")
    header["E_MIN"] = (configuration.e_min, "[TeV] lowest energy, included")
    header["E_MAX"] = (configuration.e_max, "[TeV] highest energy, excluded")
    header["NEVENTS"] = (tally.in_field, "events in the map")
    header["ONTIME"] = (tally.exposure_s, "[s] good time of the runs used")
    if tally.good_mjd is not None and tally.good_mjd.size:
        low, high = float(tally.good_mjd.min()), float(tally.good_mjd.max())
        header["TIMESYS"] = "UTC"
        header["DATE-BEG"] = mjd_utc_to_iso(low).removesuffix("Z")
        header["DATE-END"] = mjd_utc_to_iso(high).removesuffix("Z")
    header["NUSED"] = (tally.used, "of them with good time in the range")
    record.stamp(header, TASKS["count_map"], configuration, inputs, text)
    return hdus


def _caption(tally: Tally, configuration: CountMapParameters) -> str:
    hours = tally.exposure_s / 3600.0
    used, runs = tally.used, tally.runs
    of_all = f"{used}" if used == runs else f"{used} of {runs}"
    words = "run" if runs == 1 else "runs"
    bins = f", {configuration.n_e} energy bins" if configuration.n_e > 1 else ""
    return f"{tally.in_field:,} events, {of_all} {words}, {hours:.2f} h{bins}"


def _describe(
    counts: WcsNDMap,
    configuration: CountMapParameters,
    inputs: Sequence[InputDataset],
    tally: Tally,
    files: tuple[ProductFile, ...],
) -> ProductDescription:
    c = configuration
    ra, dec = c.centre_deg
    width, height = c.span_deg
    low, high = record.number(c.e_min), record.number(c.e_max)
    good = tally.good_mjd
    has_time = good is not None and good.size > 0
    name = c.target or f"ra {ra:g} deg, dec {dec:g} deg"
    runs = ", ".join(item.obs_id for item in inputs[:10])
    more = f" and {len(inputs) - 10} more" if len(inputs) > 10 else ""  # noqa: PLR2004 - names shown
    return ProductDescription(
        title=f"Count map of {name}, {low}-{high} TeV",
        description=(
            f"Raw counts, {width:g} x {height:g} deg, {c.binsz:g} deg pixels, "
            f"{c.proj}, {c.frame}; {_caption(tally, c)}: {runs}{more}"
        ),
        product_type="image" if c.n_e == 1 else "cube",
        product_subtype="count-map",
        files=files,
        simulated=any(item.simulated for item in inputs),
        target_name=c.target,
        s_ra_deg=ra,
        s_dec_deg=dec,
        s_fov_deg=footprint.fov_deg(c),
        s_region_deg=footprint.footprint_deg(counts.geom, c),
        s_xel1=c.shape[0],
        s_xel2=c.shape[1],
        s_pixel_scale_arcsec=c.binsz * _ARCSEC_PER_DEG,
        t_min_mjd=float(good.min()) if good is not None and has_time else None,
        t_max_mjd=float(good.max()) if good is not None and has_time else None,
        t_exptime_s=tally.exposure_s if has_time else None,
        energy_min_tev=c.e_min,
        energy_max_tev=c.e_max,
        em_xel=c.n_e,
        o_ucd="phot.count",
        o_unit="count",
        maps=(
            SkyMap(
                quantity="counts",
                frame=c.frame,
                projection=c.proj,
                bin_size_deg=c.binsz,
                total=float(counts.data.sum()),
                maximum=float(counts.data.max()),
                unit="count",
            ),
        ),
    )
