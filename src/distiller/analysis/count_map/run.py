"""A raw count map: events of DL3 runs, binned on the sky (and in energy).

Pixels follow Gammapy's ``WcsGeom.create``. A pixel takes in its lower borders and not
its upper ones, and so does an energy bin.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from distiller.analysis import events, footprint, record, results
from distiller.analysis.count_map import plot
from distiller.analysis.count_map.parameters import CountMapParameters
from distiller.analysis.products import (
    PLOT,
    PRODUCT,
    InputDataset,
    ProductDescription,
    ProductFile,
    SkyMap,
)
from distiller.analysis.recipes.count_map import (
    SPECTRAL_INDEX,
    Exposure,
    Pixels,
    cells_of,
    pixels_of,
    reaches,
)
from distiller.analysis.recipes.count_map import to_hdus as maps_to_hdus
from distiller.analysis.tasks import TASKS
from distiller.core.errors import InternalError, UserError
from distiller.core.sky import separation_deg

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from astropy.io import fits
    from gammapy.maps import WcsNDMap

    from distiller.analysis.parameters import TaskParameters
    from distiller.analysis.recipes.event_rows import Events

EXPOSURE_UNIT: Final = "cm2 s"

_NAMED: Final = 10
_SECONDS_PER_DAY: Final = 86400.0
_ARCSEC_PER_DEG: Final = 3600.0

Floats = np.typing.NDArray[np.float64]
Cells = np.typing.NDArray[np.int64]


@dataclass(slots=True)
class Tally:
    """What was counted on the way to the map.

    Attributes
    ----------
    exposure
        Of each cell, cm2 s; None: not asked for, or not known of all runs.
    unexposed
        Runs whose effective area at more than one offset, pointing or live time is
        not known.
    """

    read: int = 0
    in_energy: int = 0
    in_time: int = 0
    in_field: int = 0
    nearest_deg: float = np.inf
    good_mjd: Floats | None = None
    runs: int = 0
    used: int = 0
    exposure: WcsNDMap | None = None
    unexposed: list[str] = field(default_factory=list)
    is_pointlike: bool = False

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
    written.add_plot(PLOT, drawing)
    written.add_record(text, record.recipe_py(TASKS["count_map"]))
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
    pixels = pixels_of(configuration.model_dump(mode="json"))
    cells = np.zeros(pixels.size, dtype=np.int64)
    exposure = Exposure(pixels) if configuration.exposure else None
    tally = Tally()
    for number, dataset in enumerate(inputs):
        report(
            0.5 * number / len(inputs),
            f"Reading run {dataset.obs_id} ({number + 1} of {len(inputs)})",
        )
        rows, area = events.read_with_area(dataset)
        cells += _cells(rows, configuration, pixels, tally)
        if exposure is None:
            continue
        live_s = rows.live_s(configuration.t_min, configuration.t_max)
        area = area if area is not None and reaches(area) else None
        if area is None or live_s is None or rows.pointing_deg is None:
            tally.unexposed.append(dataset.obs_id)
            continue
        tally.is_pointlike |= bool(area.is_pointlike)
        exposure.add(area, rows.pointing_deg, live_s)
    if exposure is not None and not tally.unexposed:
        tally.exposure = pixels.to_map(exposure.summed(), EXPOSURE_UNIT)
    return pixels.to_map(cells), tally


def _cells(
    rows: Events, configuration: CountMapParameters, pixels: Pixels, tally: Tally
) -> Cells:
    """Count one run's events per cell, flat in C order of (energy, y, x)."""
    t_min, t_max = configuration.t_min, configuration.t_max
    in_energy = rows.in_energy(configuration.e_min, configuration.e_max)
    chosen = in_energy & rows.in_time(t_min, t_max)
    cells, in_field = cells_of(rows, chosen, pixels)
    tally.read += chosen.size
    tally.in_energy += int(in_energy.sum())
    tally.in_time += int(chosen.sum())
    tally.in_field += in_field
    tally.add_good_time(rows.good_time(t_min, t_max))
    if rows.pointing_deg is not None:
        away = separation_deg(*configuration.centre_deg, *rows.pointing_deg)
        tally.nearest_deg = min(tally.nearest_deg, float(away))
    return cells


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
    maps = {"counts": counts}
    if tally.exposure is not None:
        maps["exposure"] = tally.exposure
    hdus: fits.HDUList = maps_to_hdus(maps)
    header = hdus[0].header
    header["BTYPE"] = ("counts", "events per pixel")
    header["E_MIN"] = (configuration.e_min, "[TeV] lowest energy, included")
    header["E_MAX"] = (configuration.e_max, "[TeV] highest energy, excluded")
    header["NEVENTS"] = (tally.in_field, "events in the map")
    header["ONTIME"] = (tally.exposure_s, "[s] good time of the runs used")
    if tally.good_mjd is not None and tally.good_mjd.size:
        good = tally.good_mjd
        record.stamp_times(header, float(good.min()), float(good.max()))
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
    return ProductDescription(
        title=f"Count map of {c.place_name}, {low}-{high} TeV",
        description=(
            f"Raw counts, {width:g} x {height:g} deg, {c.binsz:g} deg pixels, "
            f"{c.proj}, {c.frame}; {_caption(tally, c)}: {record.runs_named(inputs)}"
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
        maps=_maps(counts, c, tally),
        limits=_limits(tally),
    )


def _maps(counts: WcsNDMap, c: CountMapParameters, tally: Tally) -> tuple[SkyMap, ...]:
    made = {"counts": (counts, "count")}
    if tally.exposure is not None:
        made["exposure"] = (tally.exposure, EXPOSURE_UNIT)
    return tuple(
        SkyMap(
            quantity=quantity,
            frame=c.frame,
            projection=c.proj,
            bin_size_deg=c.binsz,
            # A sum of exposures over pixels says nothing.
            total=float(one.data.sum()) if quantity == "counts" else None,
            maximum=float(one.data.max()),
            unit=unit,
        )
        for quantity, (one, unit) in made.items()
    )


def _limits(tally: Tally) -> tuple[str, ...]:
    """Return what is valid of the map, one sentence each."""
    sentences = []
    if tally.unexposed:
        names = ", ".join(tally.unexposed[:_NAMED])
        more = len(tally.unexposed) - _NAMED
        names += f" and {more} more" if more > 0 else ""
        sentences.append(
            "There is no exposure: the effective area at more than one offset, the "
            f"pointing or the live time is not known of run {names}."
        )
    if tally.exposure is not None:
        sentences.append(
            "The exposure holds for a power law of index "
            f"{SPECTRAL_INDEX:g} within each energy bin and takes no account of the "
            "energy resolution."
        )
        if tally.is_pointlike:
            sentences.append(
                "The exposure is that of a point source: effective areas include a "
                "cut on its direction."
            )
    return tuple(sentences)
