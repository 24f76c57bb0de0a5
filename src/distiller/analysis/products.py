"""What goes into a task and what comes out of it, as plain values."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from pydantic import BaseModel, ConfigDict, model_validator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from distiller.analysis.parameters import TaskParameters

PRODUCT: Final = "product"
PLOT: Final = "plot"
PLOT_SVG: Final = "plot_svg"
CONFIGURATION: Final = "configuration"
RECIPE: Final = "recipe"

SELECTED_EVENTS: Final = "selected-events"
"""Subtype of an event list that was made from those of runs; no task takes it."""

Role = Literal[
    "product", "plot", "configuration", "log", "table", "ogip", "fit",
    "models", "recipe", "runs",
]  # fmt: skip
"""What a file is to its product, in the words of FileRole of the model."""


def finite(value: float | None) -> float | None:
    """Return a number as the archive takes it: what is not finite is not known.

    >>> finite(1), finite(float("nan")), finite(None)
    (1.0, None, None)
    """
    return None if value is None or not math.isfinite(value) else float(value)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class HeaderCorrection(_Frozen):
    """A header value that is read in place of what the file says.

    Attributes
    ----------
    file, hdu
        Name of the file, and EXTNAME of the table whose header it is.
    header
        What the table is to the run: ``EVENTS``, ``GTI``, ``AEFF``...
    value
        The right value; None: it is not known, and the keyword is left out.
    former
        What the file says, as text; None: nothing.
    """

    file: str
    hdu: str
    header: str
    keyword: str
    value: bool | int | float | str | None
    former: str | None
    reason: str


class GoodTimeFile(_Frozen):
    """A file that holds the good time intervals of a run, and not its events.

    Attributes
    ----------
    path, url, checksum
        As those of the events file, see `InputDataset`.
    """

    path: Path
    checksum: str
    url: str | None = None


class ResponseTable(_Frozen):
    """One table of instrument responses of a run.

    Attributes
    ----------
    kind, gadf_class
        As in GADF: ``psf`` and ``psf_3gauss``.
    path, url, checksum
        As those of the events file, see `InputDataset`; often it is that file.
    hdu
        EXTNAME.
    caldb, irf_name
        Names of the calibration database and of the responses, which tell a file that
        runs share from others.
    """

    kind: str
    gadf_class: str
    path: Path
    checksum: str
    hdu: str
    url: str | None = None
    caldb: str | None = None
    irf_name: str | None = None


class InputDataset(_Frozen):
    """One DL3 dataset of the archive that a task reads.

    Attributes
    ----------
    did
        Publisher DID.
    path
        The events file, absolute.
    url
        Where it is fetched from before the task begins; None: it is on this machine.
    checksum
        SHA-256 of that file when it was ingested, or empty.
    simulated
        Whether the events were made by a simulation.
    corrections
        Of the headers of its files, in the order in which they are applied.
    events_hdu, gti_hdu
        Which tables of their files are those of the run: EXTNAME, or ``+`` and the
        number among the extensions, from 1. None: the archive does not say, and the
        file must hold one such table only.
    gti_file
        The file of the good time intervals; None: the events file.
    responses
        Instrument responses, at most one of a kind; none for a task that needs none.
    """

    did: str
    obs_id: str
    collection: str
    path: Path
    checksum: str
    simulated: bool = False
    url: str | None = None
    corrections: tuple[HeaderCorrection, ...] = ()
    events_hdu: str | None = None
    gti_hdu: str | None = None
    gti_file: GoodTimeFile | None = None
    responses: tuple[ResponseTable, ...] = ()


class ProductFile(_Frozen):
    """One file of a result folder.

    Attributes
    ----------
    result_id
        Name among the UWS results; no two files of a product share it.
    role
        As in ``cta.product_file``. The first file is the product itself, and the only
        one with the role ``product``.
    """

    result_id: str
    role: Role
    name: str
    media_type: str


class SkyMap(_Frozen):
    """What a map holds, for ``cta.sky_map``.

    Attributes
    ----------
    quantity
        What the pixels hold: ``counts``, ``background``, ``excess``, ``significance``,
        ``exposure``, ``flux``... No two maps of a product share it.
    bin_size_deg
        Size of a pixel.
    total, maximum
        Sum and largest value of all pixels, in ``unit``; None where they say nothing.
    unit
        Of its pixels; None where they have no dimension.
    off_mean, off_width
        Mean and standard deviation of the normal distribution that fits the
        significances of pixels without a source; about 0 and 1 if the background is
        right.
    """

    quantity: str
    frame: str
    projection: str
    bin_size_deg: float
    total: float | None = None
    maximum: float | None = None
    unit: str | None = None
    off_mean: float | None = None
    off_width: float | None = None


class SpectralParameter(_Frozen):
    """A parameter of a fitted spectral model, for ``cta.spectral_parameter``.

    Attributes
    ----------
    value, error
        Best value and its statistical error (one standard deviation), in ``unit``.
    unit
        None where they have no dimension.
    scale
        Factor by which the fit scaled the parameter.
    frozen
        Whether the fit left it at its value.
    """

    name: str
    value: float
    error: float | None = None
    unit: str | None = None
    scale: float | None = None
    frozen: bool = False


class FluxPoint(_Frozen):
    """The flux in one energy bin, for ``cta.flux_point``.

    Attributes
    ----------
    energy_tev
        Reference energy, within ``energy_min_tev`` and ``energy_max_tev``.
    flux_per_cm2_s_tev
        Differential flux at the reference energy, with its symmetric error, its errors
        to both sides and its upper limit (95 % confidence), all in the same unit.
    significance
        Of the excess in the bin, in standard deviations.
    """

    energy_tev: float
    energy_min_tev: float | None = None
    energy_max_tev: float | None = None
    flux_per_cm2_s_tev: float | None = None
    flux_error_per_cm2_s_tev: float | None = None
    flux_error_low_per_cm2_s_tev: float | None = None
    flux_error_high_per_cm2_s_tev: float | None = None
    upper_limit_per_cm2_s_tev: float | None = None
    significance: float | None = None


class SpectrumResult(_Frozen):
    """A fitted spectrum, for ``cta.spectrum``.

    Attributes
    ----------
    model
        ``pl`` (power law), ``lp`` (log-parabola) or ``ecpl`` (with exponential
        cut-off); None: none was fitted.
    reference_energy_tev
        At which the amplitude is given.
    energy_min_tev, energy_max_tev
        Range that was fitted.
    n_on, n_off, alpha, excess
        Counts in the source region, in the background regions, acceptance of the former
        over that of the latter, and counts above background.
    significance
        Of the excess, in standard deviations (square root of TS).
    statistic, degrees_of_freedom
        Fit statistic at the best fit, and bins that were fitted less free parameters.
    """

    model: str | None = None
    reference_energy_tev: float | None = None
    energy_min_tev: float | None = None
    energy_max_tev: float | None = None
    n_on: float | None = None
    n_off: float | None = None
    alpha: float | None = None
    excess: float | None = None
    significance: float | None = None
    statistic: float | None = None
    degrees_of_freedom: int | None = None
    parameters: tuple[SpectralParameter, ...] = ()
    flux_points: tuple[FluxPoint, ...] = ()


class LightCurvePoint(_Frozen):
    """The flux in one time bin, for ``cta.light_curve_point``.

    Attributes
    ----------
    t_start_mjd, t_stop_mjd
        The bin (UTC; Gammapy's are TT).
    energy_min_tev, energy_max_tev
        Energies of the events that the flux was measured with.
    flux_per_cm2_s
        Integral flux, with its symmetric error and its upper limit (95 % confidence).
    significance
        Of the excess in the bin, in standard deviations.
    """

    t_start_mjd: float
    t_stop_mjd: float
    energy_min_tev: float | None = None
    energy_max_tev: float | None = None
    flux_per_cm2_s: float | None = None
    flux_error_per_cm2_s: float | None = None
    upper_limit_per_cm2_s: float | None = None
    significance: float | None = None


class LightCurveResult(_Frozen):
    """A light curve with what its variability says, for ``cta.light_curve``.

    Attributes
    ----------
    energy_min_tev, energy_max_tev
        Range that the flux is integrated over.
    binning
        How time was binned: ``run``, ``night``, or the length of a bin in h.
    mean_flux_per_cm2_s, mean_flux_error_per_cm2_s
        The constant flux that fits all points.
    chi2, degrees_of_freedom, p_value
        Of that fit: chi-square, and the probability to see one as large if the source
        is constant.
    fractional_variability, fractional_variability_error
        Excess variance over the mean flux, square root (Vaughan et al. 2003).
    """

    energy_min_tev: float | None = None
    energy_max_tev: float | None = None
    binning: str | None = None
    mean_flux_per_cm2_s: float | None = None
    mean_flux_error_per_cm2_s: float | None = None
    chi2: float | None = None
    degrees_of_freedom: int | None = None
    p_value: float | None = None
    fractional_variability: float | None = None
    fractional_variability_error: float | None = None
    points: tuple[LightCurvePoint, ...] = ()


class ProductDescription(_Frozen):
    """What a finished task says of its product, for ``cta.product``.

    Numbers that are not known are None and never NaN (see `finite`).

    Attributes
    ----------
    product_type
        ObsCore dataproduct_type: image, cube, spectrum, sed, timeseries, event...
    files
        The product itself first.
    data_level
        DL3 of an event list, DL4 of all that is binned.
    s_ra_deg, s_dec_deg, s_fov_deg
        Centre (ICRS) and field of view.
    s_region_deg
        Corners of the footprint (ICRS ra, dec, ra, dec... counter-clockwise), or None.
    s_resolution_arcsec
        Angular resolution (FWHM).
    s_xel1, s_xel2, s_pixel_scale_arcsec
        Pixels along and across, and the size of one; of maps only.
    t_min_mjd, t_max_mjd
        First and last instant of the good time that was used (UTC).
    t_exptime_s
        Good time that was used.
    t_xel
        Number of time bins, of a light curve.
    energy_min_tev, energy_max_tev, em_xel
        Energy range used and its number of bins; an event list has none.
    o_ucd, o_unit
        UCD and unit of what was measured.
    maps
        What the maps of the product hold.
    spectrum, light_curve
        What came out, in numbers.
    compared
        The same data with other models than that of ``spectrum``.
    limits
        What is valid where, one sentence each, such as that there are too few off
        regions: shown with the product wherever it is.
    """

    # Read back from the records of other versions, which may have said more.
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    title: str
    description: str
    product_type: str
    product_subtype: str
    files: tuple[ProductFile, ...]
    simulated: bool
    data_level: Literal["DL3", "DL4", "DL5"] = "DL4"
    target_name: str | None = None
    s_ra_deg: float | None = None
    s_dec_deg: float | None = None
    s_fov_deg: float | None = None
    s_region_deg: tuple[float, ...] | None = None
    s_resolution_arcsec: float | None = None
    s_xel1: int | None = None
    s_xel2: int | None = None
    s_pixel_scale_arcsec: float | None = None
    t_min_mjd: float | None = None
    t_max_mjd: float | None = None
    t_exptime_s: float | None = None
    t_xel: int | None = None
    energy_min_tev: float | None = None
    energy_max_tev: float | None = None
    em_xel: int | None = None
    o_ucd: str | None = None
    o_unit: str | None = None
    maps: tuple[SkyMap, ...] = ()
    spectrum: SpectrumResult | None = None
    compared: tuple[SpectrumResult, ...] = ()
    light_curve: LightCurveResult | None = None
    limits: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _of_one_map(cls, given: Any) -> Any:
        """Take the record of an earlier version, which had one map at most."""
        if isinstance(given, dict) and given.get("sky_map") and "maps" not in given:
            return given | {"maps": [{"unit": given.get("o_unit"), **given["sky_map"]}]}
        return given


class Entry(Protocol):
    """A task's function: configuration and files in, files and description out."""

    def __call__(
        self,
        configuration: TaskParameters,
        inputs: Sequence[InputDataset],
        result_dir: Path,
        report: Callable[[float, str], None],
    ) -> ProductDescription:
        """Make the product in ``result_dir``; ``report`` takes fraction and text."""
