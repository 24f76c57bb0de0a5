"""What came out of an analysis, in numbers: rows of maps, spectra and light curves.

All keys follow from that of the analysis and the place of a row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.core.bundle import Row
from distiller.core.identifiers import key

if TYPE_CHECKING:
    from distiller.analysis.products import (
        LightCurveResult,
        ProductDescription,
        SpectrumResult,
    )

Rows = tuple[Row, ...]


def result_rows(product: ProductDescription, analysis_id: str) -> dict[str, Rows]:
    """Return the rows of a product's results, by table; none of what it does not have.

    Parameters
    ----------
    analysis_id
        Key of the row in ``cta.analysis`` that they belong to.
    """
    rows: dict[str, Rows] = {}
    if product.maps:
        rows["cta.sky_map"] = _maps(product, analysis_id)
    spectra = [(one, False) for one in product.compared]
    if product.spectrum is not None:
        spectra.insert(0, (product.spectrum, True))
    if spectra:
        rows |= _spectra(spectra, analysis_id)
    if product.light_curve is not None:
        rows |= _light_curve(product.light_curve, analysis_id)
    return rows


def _maps(product: ProductDescription, analysis_id: str) -> Rows:
    return tuple(
        {
            # The first is found under the key that it has without others.
            "sky_map_id": key("sky_map", analysis_id, *_number(number)),
            "analysis_id": analysis_id,
            "quantity": made.quantity,
            "unit": made.unit,
            "frame": made.frame,
            "projection": made.projection,
            "n_pixels_1": product.s_xel1,
            "n_pixels_2": product.s_xel2,
            "bin_size": made.bin_size_deg,
            "energy_bins": product.em_xel,
            "total_value": made.total,
            "maximum_value": made.maximum,
            "off_mean": made.off_mean,
            "off_width": made.off_width,
        }
        for number, made in enumerate(product.maps)
    )


def _number(number: int) -> tuple[str, ...]:
    return (str(number),) if number else ()


def _spectra(
    spectra: list[tuple[SpectrumResult, bool]], analysis_id: str
) -> dict[str, Rows]:
    fitted: list[Row] = []
    parameters: list[Row] = []
    points: list[Row] = []
    for number, (spectrum, is_preferred) in enumerate(spectra):
        own = key("spectrum", analysis_id, str(number))
        fitted.append(
            {
                "spectrum_id": own,
                "analysis_id": analysis_id,
                "spectral_model": spectrum.model,
                "reference_energy": spectrum.reference_energy_tev,
                "energy_min": spectrum.energy_min_tev,
                "energy_max": spectrum.energy_max_tev,
                "n_on": spectrum.n_on,
                "n_off": spectrum.n_off,
                "alpha": spectrum.alpha,
                "excess": spectrum.excess,
                "significance": spectrum.significance,
                "statistic": spectrum.statistic,
                "degrees_of_freedom": spectrum.degrees_of_freedom,
                "preferred": is_preferred,
            }
        )
        parameters += _parameters(spectrum, own)
        points += _flux_points(spectrum, own)
    return {
        "cta.spectrum": tuple(fitted),
        "cta.spectral_parameter": tuple(parameters),
        "cta.flux_point": tuple(points),
    }


def _parameters(spectrum: SpectrumResult, spectrum_id: str) -> list[Row]:
    return [
        {
            "spectral_parameter_id": key("parameter", spectrum_id, str(number)),
            "spectrum_id": spectrum_id,
            "name": one.name,
            "parameter_value": one.value,
            "parameter_error": one.error,
            "unit": one.unit,
            "scale": one.scale,
            "frozen": one.frozen,
        }
        for number, one in enumerate(spectrum.parameters)
    ]


def _flux_points(spectrum: SpectrumResult, spectrum_id: str) -> list[Row]:
    return [
        {
            "flux_point_id": key("flux_point", spectrum_id, str(number)),
            "spectrum_id": spectrum_id,
            "energy": one.energy_tev,
            "energy_min": one.energy_min_tev,
            "energy_max": one.energy_max_tev,
            "flux": one.flux_per_cm2_s_tev,
            "flux_error": one.flux_error_per_cm2_s_tev,
            "flux_error_low": one.flux_error_low_per_cm2_s_tev,
            "flux_error_high": one.flux_error_high_per_cm2_s_tev,
            "upper_limit": one.upper_limit_per_cm2_s_tev,
            "significance": one.significance,
        }
        for number, one in enumerate(spectrum.flux_points)
    ]


def _light_curve(curve: LightCurveResult, analysis_id: str) -> dict[str, Rows]:
    own = key("light_curve", analysis_id)
    row: Row = {
        "light_curve_id": own,
        "analysis_id": analysis_id,
        "energy_min": curve.energy_min_tev,
        "energy_max": curve.energy_max_tev,
        "binning": curve.binning,
        "mean_flux": curve.mean_flux_per_cm2_s,
        "mean_flux_error": curve.mean_flux_error_per_cm2_s,
        "chi_square": curve.chi2,
        "degrees_of_freedom": curve.degrees_of_freedom,
        "probability": curve.p_value,
        "fractional_variability": curve.fractional_variability,
        "fractional_variability_error": curve.fractional_variability_error,
    }
    points: Rows = tuple(
        {
            "light_curve_point_id": key("light_curve_point", own, str(number)),
            "light_curve_id": own,
            "t_start": one.t_start_mjd,
            "t_stop": one.t_stop_mjd,
            "energy_min": one.energy_min_tev,
            "energy_max": one.energy_max_tev,
            "flux": one.flux_per_cm2_s,
            "flux_error": one.flux_error_per_cm2_s,
            "upper_limit": one.upper_limit_per_cm2_s,
            "significance": one.significance,
        }
        for number, one in enumerate(curve.points)
    )
    return {"cta.light_curve": (row,), "cta.light_curve_point": points}
