"""A spectrum of DL3 runs: what `recipes.spectrum` makes, written and described.

docs/decisions/0081-spectra.md.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from astropy.io import fits

from distiller.analysis import observations, on_off_results, record, results
from distiller.analysis.products import (
    PLOT,
    PRODUCT,
    FluxPoint,
    InputDataset,
    ProductDescription,
    SpectralParameter,
    SpectrumResult,
)
from distiller.analysis.recipes import spectrum as recipe
from distiller.analysis.spectrum import plot
from distiller.analysis.spectrum.parameters import MODELS, SpectrumParameters
from distiller.analysis.tasks import TASKS
from distiller.core.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from gammapy.data import Observations

    from distiller.analysis.parameters import TaskParameters

NAME: Final = "spectrum"
_READING: Final = 0.1
_MAKING: Final = 0.75
_UNLIKELY: Final = 0.01
_SAME: Final = 1e-6


def run(
    configuration: TaskParameters,
    inputs: Sequence[InputDataset],
    result_dir: Path,
    report: Callable[[float, str], None],
) -> ProductDescription:
    """Make the spectrum, its plot and its record in ``result_dir``.

    Raises
    ------
    UserError
        If no run has a background, or the responses of a run do not serve.
    """
    if not isinstance(configuration, SpectrumParameters):
        message = f"a spectrum cannot be made from {type(configuration).__name__}"
        raise InternalError(message)
    runs = observations.read_all(inputs, report, _READING)
    with on_off_results.refusals_told():
        made = recipe.make(
            runs,
            configuration.for_recipe(),
            lambda part, text: report(_READING + (_MAKING - _READING) * part, text),
        )
    numbers = recipe.numbers(made)
    report(_MAKING, "Writing the spectrum")
    limits = tuple(_limits(made, numbers, configuration, runs))
    task = TASKS[NAME]
    text = record.configuration_yaml(task, configuration, inputs)
    written = results.Results(result_dir)
    product = to_hdus(made, numbers, configuration, inputs, text)
    written.add(PRODUCT, "product.fits", results.fits_bytes(product))
    written.add("table", "flux_points.ecsv", results.ecsv_bytes(recipe.table(made)))
    said = json.dumps(numbers | {"limits": limits}, indent=1)
    written.add("fit", "fit.json", said.encode())
    written.add("models", "models.yaml", recipe.models_yaml(made).encode())
    written.add_record(text, record.recipe_py(task))
    written.add_sent(configuration.files)
    report(0.8, "Writing counts and responses")
    written.add("ogip", "ogip.zip", on_off_results.ogip_zip(made.reduced))
    report(0.9, "Drawing the plot")
    simulated = any(item.simulated for item in inputs)
    drawing = plot.draw(made, numbers, configuration, _caption(made), simulated)
    written.add_plot(PLOT, drawing)
    described = _describe(made, numbers, configuration, inputs, limits)
    return described.model_copy(update={"files": written.files})


def to_hdus(
    made: recipe.Made,
    numbers: dict[str, Any],
    configuration: SpectrumParameters,
    inputs: Sequence[InputDataset],
    text: str,
) -> fits.HDUList:
    """Return the FITS file: flux points as GADF has them, the record before them."""
    primary = fits.PrimaryHDU()
    header = primary.header
    time = on_off_results.good_time(made.reduced)
    header["RA"] = (configuration.centre_deg[0], "[deg] of the source region (ICRS)")
    header["DEC"] = (configuration.centre_deg[1], "[deg] of the source region (ICRS)")
    header["E_MIN"] = (numbers["e_min"], "[TeV] lowest energy that was fitted")
    header["E_MAX"] = (numbers["e_max"], "[TeV] highest energy that was fitted")
    header["MODEL"] = (numbers["model"], "spectral model")
    header["N_ON"] = (numbers["n_on"], "events in the source region")
    header["N_OFF"] = (numbers["n_off"], "events in the off regions")
    header["EXCESS"] = (numbers["excess"], "events above background")
    header["SQRT_TS"] = (numbers["sqrt_ts"], "significance of the excess")
    header["ONTIME"] = (time.exposure_s, "[s] good time of the runs used")
    record.stamp_times(header, time.t_min_mjd, time.t_max_mjd)
    header["NUSED"] = (len(made.reduced.datasets), "datasets used")
    record.stamp(header, TASKS[NAME], configuration, inputs, text)
    points = fits.table_to_hdu(recipe.table(made))
    points.name = "FLUXPOINTS"
    return fits.HDUList([primary, points])


def _limits(
    made: recipe.Made,
    numbers: dict[str, Any],
    configuration: SpectrumParameters,
    runs: Observations,
) -> Iterator[str]:
    yield from on_off_results.limits(made.reduced, configuration, runs)
    if not made.detected:
        yield (
            f"The excess is below {recipe.DETECTED_SIGMA:g} standard deviations: the "
            f"slope was not fitted but held at {recipe.ASSUMED_INDEX:g}, and upper "
            "limits depend on it."
        )
    failed = [one.name for one in made.fits if not one.converged]
    if failed:
        yield f"The fit of {', '.join(failed)} did not converge: do not use its errors."
    goodness = numbers["goodness"]["p_value"]
    if goodness < _UNLIKELY:
        yield (
            f"A {MODELS[numbers['model']]} does not describe the counts (probability "
            f"{_share(numbers['goodness'])}): try another model, or all."
        )
    low, high = configuration.e_min, configuration.e_max
    if low is not None and numbers["e_min"] > low * (1 + _SAME):
        yield (
            f"Energies from {low:g} TeV were asked for; the runs are safe from "
            f"{numbers['e_min']:.3g} TeV."
        )
    if high is not None and numbers["e_max"] < high * (1 - _SAME):
        yield (
            f"Energies to {high:g} TeV were asked for; the runs are safe to "
            f"{numbers['e_max']:.3g} TeV."
        )
    if len(numbers["compared"]) > 1:
        yield (
            "Other models were tried and are in the result; the one shown is the power "
            "law unless a curved one is better by 3 standard deviations."
        )


def _share(goodness: Mapping[str, Any]) -> str:
    """Return a share of trials in words; of none it is not known how small it is."""
    if goodness["p_value"] > 0:
        return f"{goodness['p_value']:g}"
    return f"below {1 / goodness['trials']:g}"


def _caption(made: recipe.Made) -> str:
    time = on_off_results.good_time(made.reduced)
    used = len(made.reduced.datasets)
    runs = used + len(made.reduced.dropped)
    of_all = f"{used}" if used == runs else f"{used} of {runs}"
    words = "run" if runs == 1 else "runs"
    return f"{of_all} {words}, {time.exposure_s / 3600.0:.2f} h"


def _describe(
    made: recipe.Made,
    numbers: dict[str, Any],
    configuration: SpectrumParameters,
    inputs: Sequence[InputDataset],
    limits: tuple[str, ...],
) -> ProductDescription:
    ra, dec = configuration.centre_deg
    time = on_off_results.good_time(made.reduced)
    first, *others = _compared(numbers)
    safe = "; ".join(dict.fromkeys(made.reduced.safe_range.values()))
    return ProductDescription(
        title=f"Spectrum of {configuration.place_name}",
        description=(
            f"{plot.MODELS[numbers['model']]}, {numbers['e_min']:.3g} to "
            f"{numbers['e_max']:.3g} TeV (safe range: {safe}), "
            f"{numbers['excess']:.1f} excess events, {numbers['sqrt_ts']:.1f} sigma, "
            f"fit {numbers['combined']}; {_caption(made)}: {record.runs_named(inputs)}"
        ),
        product_type="sed",
        product_subtype="flux-points",
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
        energy_min_tev=numbers["e_min"],
        energy_max_tev=numbers["e_max"],
        em_xel=len(numbers["flux_points"]),
        o_ucd="phot.flux.density;em.gamma",
        o_unit="cm**-2.s**-1.TeV**-1",
        spectrum=first,
        compared=tuple(others),
        limits=limits,
    )


def _compared(numbers: dict[str, Any]) -> list[SpectrumResult]:
    """Return the chosen model with counts and points, then the others."""
    counts = {name: numbers[name] for name in ("n_on", "n_off", "alpha", "excess")}
    found: list[SpectrumResult] = []
    for one in numbers["compared"]:
        chosen = one["model"] == numbers["model"]
        points = numbers["flux_points"] if chosen else ()
        spectrum = SpectrumResult(
            model=one["model"],
            reference_energy_tev=numbers["e_ref"],
            energy_min_tev=numbers["e_min"],
            energy_max_tev=numbers["e_max"],
            **counts,
            significance=numbers["sqrt_ts"],
            statistic=one["stat"],
            degrees_of_freedom=one["degrees_of_freedom"],
            parameters=tuple(_parameters(one["parameters"])),
            flux_points=tuple(_point(point) for point in points),
        )
        found.insert(0 if chosen else len(found), spectrum)
    return found


def _parameters(parameters: dict[str, Any]) -> Iterator[SpectralParameter]:
    for name, one in parameters.items():
        yield SpectralParameter(
            name=name,
            value=one["value"],
            error=one["error"],
            unit=one["unit"] or None,
            frozen=one["error"] is None,
        )


def _point(point: dict[str, Any]) -> FluxPoint:
    """Return a point; one below 2 sigma is told by its upper limit alone.

    Where no event is, the errors that a fit gives mean nothing.
    """
    measured = {} if point["is_ul"] else point
    return FluxPoint(
        energy_tev=point["e_ref"],
        energy_min_tev=point["e_min"],
        energy_max_tev=point["e_max"],
        flux_per_cm2_s_tev=measured.get("dnde"),
        flux_error_per_cm2_s_tev=measured.get("dnde_err"),
        flux_error_low_per_cm2_s_tev=measured.get("dnde_errn"),
        flux_error_high_per_cm2_s_tev=measured.get("dnde_errp"),
        upper_limit_per_cm2_s_tev=point["dnde_ul"],
        significance=point["sqrt_ts"],
    )
