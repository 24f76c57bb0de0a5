"""A light curve of DL3 runs: what `recipes.light_curve` makes, written and described.

docs/decisions/0082-light-curves.md.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from astropy.io import fits

from distiller.analysis import observations, on_off_results, record, results
from distiller.analysis.light_curve import plot
from distiller.analysis.light_curve.parameters import LightCurveParameters
from distiller.analysis.products import (
    PLOT,
    PRODUCT,
    InputDataset,
    LightCurvePoint,
    LightCurveResult,
    ProductDescription,
)
from distiller.analysis.recipes import light_curve as recipe
from distiller.analysis.tasks import TASKS
from distiller.core.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from gammapy.data import Observations

    from distiller.analysis.parameters import TaskParameters

NAME: Final = "light_curve"
_READING: Final = 0.1
_MAKING: Final = 0.8
_FEW_EVENTS: Final = 10
_SAME: Final = 1e-6


def run(
    configuration: TaskParameters,
    inputs: Sequence[InputDataset],
    result_dir: Path,
    report: Callable[[float, str], None],
) -> ProductDescription:
    """Make the light curve, its plot and its record in ``result_dir``.

    Raises
    ------
    UserError
        If no run has a background, or no energy is safe in all runs.
    """
    if not isinstance(configuration, LightCurveParameters):
        message = f"a light curve cannot be made from {type(configuration).__name__}"
        raise InternalError(message)
    runs = observations.read_all(inputs, report, _READING)
    with on_off_results.refusals_told():
        made = recipe.make(
            runs,
            configuration.for_recipe(),
            lambda part, text: report(_READING + (_MAKING - _READING) * part, text),
        )
    numbers = recipe.numbers(made)
    report(_MAKING, "Writing the light curve")
    limits = tuple(_limits(made, numbers, configuration, runs))
    task = TASKS[NAME]
    text = record.configuration_yaml(task, configuration, inputs)
    written = results.Results(result_dir)
    product = to_hdus(made, numbers, configuration, inputs, text)
    written.add(PRODUCT, "product.fits", results.fits_bytes(product))
    written.add("table", "light_curve.ecsv", results.ecsv_bytes(recipe.table(made)))
    said = json.dumps(numbers | {"limits": limits}, indent=1)
    written.add("fit", "fit.json", said.encode())
    written.add_record(text, record.recipe_py(task))
    written.add_sent(configuration.files)
    report(0.9, "Drawing the plot")
    simulated = any(item.simulated for item in inputs)
    drawing = plot.draw(numbers, configuration, _caption(made), simulated)
    written.add_plot(PLOT, drawing)
    described = _describe(made, numbers, configuration, inputs, limits)
    return described.model_copy(update={"files": written.files})


def to_hdus(
    made: recipe.Made,
    numbers: dict[str, Any],
    configuration: LightCurveParameters,
    inputs: Sequence[InputDataset],
    text: str,
) -> fits.HDUList:
    """Return the FITS file: the table that Gammapy reads, the record before it."""
    primary = fits.PrimaryHDU()
    header = primary.header
    time = on_off_results.good_time(made.reduced)
    varies = numbers["variability"]
    header["RA"] = (configuration.centre_deg[0], "[deg] of the source region (ICRS)")
    header["DEC"] = (configuration.centre_deg[1], "[deg] of the source region (ICRS)")
    header["E_MIN"] = (numbers["e_min"], "[TeV] the flux is integrated from here")
    header["E_MAX"] = (numbers["e_max"], "[TeV] to here")
    header["INDEX"] = (numbers["index"], f"of the power law, {made.index_from}")
    header["BINNING"] = (configuration.time_bins, "run, night, or length in h")
    for keyword, name, comment in (
        ("CHI2", "chi2", "of a constant flux"),
        ("NDF", "degrees_of_freedom", "degrees of freedom of it"),
        ("PVALUE", "p_value", "probability of such a chi2, if constant"),
        ("FVAR", "fvar", "fractional variability"),
        ("FVARERR", "fvar_error", "its error"),
    ):
        if varies[name] is not None:
            header[keyword] = (varies[name], comment)
    header["ONTIME"] = (time.exposure_s, "[s] good time of the runs used")
    record.stamp_times(header, time.t_min_mjd, time.t_max_mjd)
    record.stamp(header, TASKS[NAME], configuration, inputs, text)
    points = fits.table_to_hdu(recipe.table(made))
    points.name = "FLUXPOINTS"
    return fits.HDUList([primary, points])


def _limits(
    made: recipe.Made,
    numbers: dict[str, Any],
    configuration: LightCurveParameters,
    runs: Observations,
) -> Iterator[str]:
    yield from on_off_results.limits(made.reduced, configuration, runs)
    yield (
        "All points are fluxes of one power law of index "
        f"{numbers['index']:.2f} ({made.index_from}): a change of the spectrum looks "
        "like one of the flux."
    )
    points = numbers["points"]
    partial = [
        one
        for one in points
        if one["e_min"] > numbers["e_min"] * (1 + _SAME)
        or one["e_max"] < numbers["e_max"] * (1 - _SAME)
    ]
    if partial:
        lowest = max(one["e_min"] for one in partial)
        yield (
            f"{len(partial)} of {len(points)} points were measured in a part of the "
            f"range of energies only (some from {lowest:.3g} TeV), and extrapolated by "
            "the power law."
        )
    few = sum(one["n_on"] < _FEW_EVENTS for one in points)
    if few:
        yield (
            f"{few} of {len(points)} points have fewer than {_FEW_EVENTS} events: chi2 "
            "and fractional variability are not reliable."
        )
    varies = numbers["variability"]
    if varies["chi2"] is None:
        yield "There is one point only: nothing is said of variability."
    elif varies["fvar"] is None:
        yield (
            "The fluxes scatter less than their errors: there is no fractional "
            "variability to state."
        )


def _caption(made: recipe.Made) -> str:
    time = on_off_results.good_time(made.reduced)
    points = len(made.bins)
    words = "point" if points == 1 else "points"
    return f"{points} {words}, {time.exposure_s / 3600.0:.2f} h"


def _describe(
    made: recipe.Made,
    numbers: dict[str, Any],
    configuration: LightCurveParameters,
    inputs: Sequence[InputDataset],
    limits: tuple[str, ...],
) -> ProductDescription:
    ra, dec = configuration.centre_deg
    time = on_off_results.good_time(made.reduced)
    varies = numbers["variability"]
    chance = ""
    if varies["p_value"] is not None:
        chance = f", constant with probability {varies['p_value']:.2g}"
    return ProductDescription(
        title=f"Light curve of {configuration.place_name}",
        description=(
            f"Flux from {numbers['e_min']:.3g} to {numbers['e_max']:.3g} TeV by "
            f"{plot.bins_named(configuration.time_bins)}{chance}; "
            f"{_caption(made)}: {record.runs_named(inputs)}"
        ),
        product_type="timeseries",
        product_subtype="light-curve",
        files=(),
        simulated=any(item.simulated for item in inputs),
        target_name=configuration.target,
        s_ra_deg=ra,
        s_dec_deg=dec,
        s_fov_deg=2 * configuration.radius,
        s_region_deg=(ra, dec, configuration.radius),
        t_min_mjd=time.t_min_mjd,
        t_max_mjd=time.t_max_mjd,
        t_exptime_s=time.exposure_s,
        t_xel=len(numbers["points"]),
        energy_min_tev=numbers["e_min"],
        energy_max_tev=numbers["e_max"],
        em_xel=1,
        o_ucd="phot.flux;em.gamma",
        o_unit="cm**-2.s**-1",
        light_curve=LightCurveResult(
            energy_min_tev=numbers["e_min"],
            energy_max_tev=numbers["e_max"],
            binning=configuration.time_bins,
            mean_flux_per_cm2_s=varies["mean_flux"],
            mean_flux_error_per_cm2_s=varies["mean_flux_error"],
            chi2=varies["chi2"],
            degrees_of_freedom=varies["degrees_of_freedom"],
            p_value=varies["p_value"],
            fractional_variability=varies["fvar"],
            fractional_variability_error=varies["fvar_error"],
            points=tuple(_point(one) for one in numbers["points"]),
        ),
        limits=limits,
    )


def _point(point: dict[str, Any]) -> LightCurvePoint:
    return LightCurvePoint(
        t_start_mjd=point["t_start_utc"],
        t_stop_mjd=point["t_stop_utc"],
        energy_min_tev=point["e_min"],
        energy_max_tev=point["e_max"],
        flux_per_cm2_s=point["flux"],
        flux_error_per_cm2_s=point["flux_err"],
        upper_limit_per_cm2_s=point["flux_ul"],
        significance=point["sqrt_ts"],
    )
