"""A significance map from DL3 runs: the recipe's numbers as a product.

What is computed stands in `distiller.analysis.recipes.significance_map`, in plain
Gammapy; here its inputs are checked and its results written.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import numpy as np
from astropy import units as u

from distiller.analysis import exclusions, footprint, observations, record, results
from distiller.analysis.products import (
    PLOT,
    PRODUCT,
    InputDataset,
    ProductDescription,
    SkyMap,
    finite,
)
from distiller.analysis.recipes import exclusion_file, reading, sky_images
from distiller.analysis.recipes import significance_map as recipe
from distiller.analysis.significance_map import limits, plot
from distiller.analysis.significance_map.parameters import SignificanceMapParameters
from distiller.analysis.tasks import TASKS
from distiller.core.errors import InternalError, UserError
from distiller.core.sky import separation_deg

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from astropy.io import fits
    from gammapy.data import Observations

    from distiller.analysis.parameters import TaskParameters
    from distiller.analysis.recipes.significance_map import Made

logger = logging.getLogger(__name__)

_NEEDED: Final = ("aeff", "bkg")
_READING: Final = 0.15
_MAKING: Final = 0.65
_NAMED: Final = 5
_ARCSEC_PER_DEG: Final = 3600.0
_UNITS: Final = {"ALPHA": None, "OFF_FRACTION": None, "ACCEPTANCE": None}


def run(
    configuration: TaskParameters,
    inputs: Sequence[InputDataset],
    result_dir: Path,
    report: Callable[[float, str], None],
) -> ProductDescription:
    """Make the map, its plots, tables and record in ``result_dir``.

    Raises
    ------
    UserError
        If a run has no background, or none that fits a map; or if no run has anything
        in common with the map.
    """
    if not isinstance(configuration, SignificanceMapParameters):
        kind = type(configuration).__name__
        message = f"a significance map cannot be made from {kind}"
        raise InternalError(message)
    task = TASKS["significance_map"]
    needed = _needed(inputs)
    read = observations.read_all(needed, report, _READING)
    _refuse_point_like(read)
    made = _made(read, configuration, report)
    said = limits.sentences(made, configuration, len(inputs))
    for sentence in said:
        logger.info("limit: %s", sentence)
    report(_READING + _MAKING, "Writing the maps")
    text = record.configuration_yaml(task, configuration, needed)
    good = _good_time(read, configuration)
    hdus = recipe.to_hdus(made)
    _describe_header(hdus[0].header, made, configuration, said, good)
    record.stamp(hdus[0].header, task, configuration, needed, text)
    written = results.Results(result_dir)
    written.add(PRODUCT, "product.fits", results.fits_bytes(hdus))
    written.add_record(text, record.recipe_py(task))
    written.add_sent(configuration.files)
    _add_plots(written, made, configuration, inputs, said, report)
    for result_id in ("histogram", "peaks", "runs"):
        table = getattr(made, result_id)
        name = "table" if result_id == "histogram" else result_id
        written.add(name, f"{result_id}.ecsv", results.ecsv_bytes(table), role="table")
    return _describe(made, configuration, inputs, said, good, written)


def _needed(inputs: Sequence[InputDataset]) -> list[InputDataset]:
    """Return the inputs with the responses that a map needs, and no others.

    Raises
    ------
    UserError
        Naming the runs that lack one.
    """
    lacking: dict[str, list[str]] = {}
    for item in inputs:
        kinds = {one.kind for one in item.responses}
        if "rad_max" in kinds:
            lacking.setdefault("rad_max", []).append(item.obs_id)
        elif missing := [kind for kind in _NEEDED if kind not in kinds]:
            lacking.setdefault(missing[0], []).append(item.obs_id)
    for kind, why in (
        ("rad_max", "point-like responses (RAD_MAX), which hold for one position only"),
        ("aeff", "no effective area"),
        ("bkg", "no background model, which both methods take the acceptance from"),
    ):
        if kind in lacking:
            raise _refusal(lacking[kind], why)
    return [
        item.model_copy(
            update={
                "responses": tuple(r for r in item.responses if r.kind in _NEEDED),
            }
        )
        for item in inputs
    ]


def _refuse_point_like(read: Observations) -> None:
    """Refuse what a table says only once it is read."""
    runs = [str(one.obs_id) for one in read if one.aeff.is_pointlike]
    if runs:
        why = "point-like responses, which hold for one position only"
        raise _refusal(runs, why)


def _refusal(runs: Sequence[str], why: str) -> UserError:
    more = f" and {len(runs) - _NAMED} more" if len(runs) > _NAMED else ""
    named = ", ".join(runs[:_NAMED])
    message = f"no significance map can be made of run {named}{more}: it has {why}"
    return UserError(message, hint="leave such runs out, or make a spectrum of them")


def _made(
    read: Observations,
    configuration: SignificanceMapParameters,
    report: Callable[[float, str], None],
) -> Made:
    try:
        return recipe.make(
            read,
            configuration.for_recipe(),
            lambda fraction, text: report(_READING + _MAKING * fraction, text),
        )
    except exclusion_file.UnusableFileError as error:
        raise exclusions.unusable(error) from error
    except sky_images.NothingToMapError as error:
        ra, dec = configuration.centre_deg
        nearest = min(
            float(separation_deg(ra, dec, one.ra.deg, one.dec.deg))
            for one in (run.get_pointing_icrs(run.tmid) for run in read)
        )
        hint = f"the nearest pointing is {nearest:.1f} deg from the centre"
        raise UserError(str(error), hint=hint) from error


def _good_time(
    read: Observations, configuration: SignificanceMapParameters
) -> np.typing.NDArray[np.float64]:
    """Return the good time intervals within the times asked for, MJD (UTC)."""
    c = configuration
    runs = reading.within(read, c.t_min, c.t_max)
    ends = [(run.gti.time_start.utc.mjd, run.gti.time_stop.utc.mjd) for run in runs]
    starts, stops = (np.concatenate(parts) for parts in zip(*ends, strict=True))
    return np.column_stack([starts, stops])


def _describe_header(
    header: fits.Header,
    made: Made,
    configuration: SignificanceMapParameters,
    said: Sequence[str],
    good: np.typing.NDArray[np.float64],
) -> None:
    """Write into the main header what the map was made with, and what it is worth."""
    c = configuration
    runs = made.runs
    header["E_MIN"] = (float(np.min(runs["e_min"])), "[TeV] lowest energy of a run")
    header["E_MAX"] = (float(np.max(runs["e_max"])), "[TeV] highest energy of a run")
    header["EPERDEC"] = (
        c.bins_per_decade,
        "energy bins per decade",
    )
    header["METHOD"] = (c.method, "background: ring, or fov (fitted model)")
    header["R_CORR"] = (c.radius, "[deg] correlation radius")
    if c.method == "ring":
        header["R_IN"] = (c.r_in, "[deg] inner radius of the ring")
        header["R_WIDTH"] = (c.ring_width, "[deg] width of the ring")
        header["CORR_OFF"] = (False, "off counts are not correlated a second time")
        header["STATIST"] = ("wstat", "Li & Ma 1983, equation 17")
    else:
        header["STATIST"] = ("cash", "counts above a known background")
    header["OFF_MAX"] = (c.offset_max, "[deg] largest offset from the pointing")
    for keyword, name, words in (
        ("SIGMEAN", "mean", "mean of significances off sources"),
        ("SIGWIDTH", "width", "width of their distribution"),
        ("SIGINDEP", "independent", "independent positions among them"),
    ):
        if np.isfinite(made.fit[name]):
            header[keyword] = (round(made.fit[name], 6), words)
    header["LIVETIME"] = (_livetime_s(made), "[s] without dead time")
    record.stamp_times(header, float(good.min()), float(good.max()))
    header["NUSED"] = (len(runs), "runs that were used")
    for sentence in said:
        header["COMMENT"] = record.ascii_of(f"Limit: {sentence}")


def _livetime_s(made: Made) -> float:
    return round(float(made.runs["livetime"].quantity.to_value(u.s).sum()), 3)


def _caption(made: Made, configuration: SignificanceMapParameters) -> str:
    low, high = float(np.min(made.runs["e_min"])), float(np.max(made.runs["e_max"]))
    words = "run" if len(made.runs) == 1 else "runs"
    ways = {"ring": "ring background", "fov": "field-of-view background"}
    return (
        f"{low:.3g} to {high:.3g} TeV, {len(made.runs)} {words}, "
        f"{_livetime_s(made) / 3600:.2f} h live, {ways[configuration.method]}"
    )


def _add_plots(  # noqa: PLR0913, PLR0917 - all that pictures show
    written: results.Results,
    made: Made,
    configuration: SignificanceMapParameters,
    inputs: Sequence[InputDataset],
    said: Sequence[str],
    report: Callable[[float, str], None],
) -> None:
    simulated = any(item.simulated for item in inputs)
    shown = (made, configuration, _caption(made, configuration), said, simulated)
    report(0.85, "Drawing the map")
    written.add_plot(PLOT, plot.draw(*shown))
    report(0.93, "Drawing the distribution")
    written.add_plot("distribution", plot.draw_distribution(*shown))


def _describe(  # noqa: PLR0913, PLR0917 - all that a product says
    made: Made,
    configuration: SignificanceMapParameters,
    inputs: Sequence[InputDataset],
    said: tuple[str, ...],
    good: np.typing.NDArray[np.float64],
    written: results.Results,
) -> ProductDescription:
    c = configuration
    ra, dec = c.centre_deg
    width, height = c.span_deg
    largest = float(np.nanmax(made.maps["SIGNIFICANCE"]))
    low, high = float(np.min(made.runs["e_min"])), float(np.max(made.runs["e_max"]))
    exposure = float(np.diff(good, axis=1).sum() * u.d.to(u.s))
    return ProductDescription(
        title=f"Significance map of {c.place_name}, {low:.3g}-{high:.3g} TeV",
        description=(
            f"{_caption(made, c)}; {width:g} x {height:g} deg, {c.binsz:g} deg pixels, "
            f"correlation radius {c.radius:g} deg; largest significance {largest:.1f}, "
            f"off sources mean {made.fit['mean']:.2f} and width {made.fit['width']:.2f}"
        ),
        product_type="image",
        product_subtype="significance-map",
        files=written.files,
        simulated=any(item.simulated for item in inputs),
        target_name=c.target,
        s_ra_deg=ra,
        s_dec_deg=dec,
        s_fov_deg=footprint.fov_deg(c),
        s_region_deg=footprint.footprint_deg(made.geom, c),
        s_xel1=c.shape[0],
        s_xel2=c.shape[1],
        s_pixel_scale_arcsec=c.binsz * _ARCSEC_PER_DEG,
        t_min_mjd=float(good.min()),
        t_max_mjd=float(good.max()),
        t_exptime_s=round(exposure, 3),
        energy_min_tev=low,
        energy_max_tev=high,
        em_xel=1,
        o_ucd="stat.snr",
        o_unit=None,
        maps=tuple(_sky_map(key, image, made, c) for key, image in made.maps.items()),
        limits=said,
    )


def _sky_map(
    name: str,
    image: np.typing.NDArray[np.float64],
    made: Made,
    configuration: SignificanceMapParameters,
) -> SkyMap:
    """Return what one of the maps holds; only the first is judged by its fit."""
    first = name == "SIGNIFICANCE"
    counts = name in {"COUNTS", "BACKGROUND", "EXCESS"}
    return SkyMap(
        quantity=name.lower(),
        frame=configuration.frame,
        projection=configuration.proj,
        bin_size_deg=configuration.binsz,
        total=finite(float(np.nansum(image))) if counts else None,
        maximum=finite(float(np.nanmax(image))),
        unit=None if first or name in _UNITS else "count",
        off_mean=finite(made.fit["mean"]) if first else None,
        off_width=finite(made.fit["width"]) if first else None,
    )
