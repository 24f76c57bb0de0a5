"""The responses as GADF 0.3 tables: AEFF_2D, EDISP_2D, PSF_3GAUSS or PSF_TABLE, BKG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

from distiller.analysis.simulate.response import (
    ENERGY_TEV,
    ENERGY_TRUE_TEV,
    THETA_MAX_DEG,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from distiller.analysis.simulate.response import Response

    Array = NDArray[np.float64]

_THETA_EDGES = np.linspace(0.0, THETA_MAX_DEG, 7)
_MEV_PER_TEV = 1e6

Axis = tuple[str, str, "Array"]
"""Name, unit and edges of a table axis."""


def irf_hdus(
    response: Response, common: Mapping[str, Any], *, tables_for: str
) -> tuple[fits.BinTableHDU, ...]:
    """Return the four response tables.

    Parameters
    ----------
    response
        What they describe.
    common
        Header keywords that all of them get.
    tables_for
        ``North`` (PSF_3GAUSS, BKG_3D) or ``South`` (PSF_TABLE, BKG_2D): the two sites
        use different forms, so that the demo set shows all of them.
    """
    if tables_for == "North":
        psf, bkg = _psf_3gauss(response), _bkg_3d(response)
    else:
        psf, bkg = _psf_table(response), _bkg_2d(response)
    hdus = (_aeff(response), _edisp(response), psf, bkg)
    for hdu in hdus:
        hdu.header.update(common)
    return hdus


def _table(
    name: str,
    classes: tuple[str, str],
    axes: Sequence[Axis],
    columns: Sequence[tuple[str, str, Array]],
) -> fits.BinTableHDU:
    """Make a one-row table; arrays have the axes in reverse order (FITS 4.0, 7.3)."""
    made = []
    for axis, unit, edges in axes:
        for suffix, values in (("_LO", edges[:-1]), ("_HI", edges[1:])):
            made.append(
                fits.Column(
                    name=axis + suffix,
                    format=f"{len(values)}E",
                    unit=unit or None,
                    array=values[np.newaxis].astype(np.float32),
                )
            )
    for column, unit, values in columns:
        shape = ",".join(str(n) for n in reversed(values.shape))
        made.append(
            fits.Column(
                name=column,
                format=f"{values.size}E",
                unit=unit or None,
                dim=f"({shape})",
                array=values[np.newaxis].astype(np.float32),
            )
        )
    hdu = fits.BinTableHDU.from_columns(made, name=name)
    hdu.header["HDUCLASS"] = "GADF"
    hdu.header["HDUDOC"] = (
        "https://github.com/open-gamma-ray-astro/gamma-astro-data-formats"
    )
    hdu.header["HDUVERS"] = "0.3"
    hdu.header["HDUCLAS1"] = "RESPONSE"
    hdu.header["HDUCLAS2"] = classes[0]
    hdu.header["HDUCLAS3"] = "FULL-ENCLOSURE"
    hdu.header["HDUCLAS4"] = classes[1]
    return hdu


def _centres(edges: Array) -> Array:
    return 0.5 * (edges[1:] + edges[:-1])


def _log_centres(edges: Array) -> Array:
    return np.sqrt(edges[1:] * edges[:-1])


def _energy_edges(bins: int) -> Array:
    return np.geomspace(*ENERGY_TRUE_TEV, bins + 1)


def _aeff(response: Response) -> fits.BinTableHDU:
    energy = _energy_edges(40)
    area = response.effective_area_m2(
        _log_centres(energy)[np.newaxis, :], _centres(_THETA_EDGES)[:, np.newaxis]
    )
    axes = (("ENERG", "TeV", energy), ("THETA", "deg", _THETA_EDGES))
    hdu = _table("AEFF", ("EFF_AREA", "AEFF_2D"), axes, (("EFFAREA", "m2", area),))
    low, high = response.safe_energy_tev()
    hdu.header["LO_THRES"] = (low, "[TeV] area is a tenth of that at 10 TeV")
    hdu.header["HI_THRES"] = (high, "[TeV]")
    return hdu


def _edisp(response: Response) -> fits.BinTableHDU:
    energy = _energy_edges(20)
    migra = np.geomspace(0.2, 5.0, 81)
    sigma = response.migration_sigma(
        _log_centres(energy)[np.newaxis, np.newaxis, :],
        _centres(_THETA_EDGES)[:, np.newaxis, np.newaxis],
    )
    centres = _log_centres(migra)[np.newaxis, :, np.newaxis]
    density = np.exp(-0.5 * (np.log(centres) / sigma) ** 2) / (
        centres * sigma * np.sqrt(2.0 * np.pi)
    )
    axes = (
        ("ENERG", "TeV", energy),
        ("MIGRA", "", migra),
        ("THETA", "deg", _THETA_EDGES),
    )
    return _table("EDISP", ("EDISP", "EDISP_2D"), axes, (("MATRIX", "", density),))


def _psf_3gauss(response: Response) -> fits.BinTableHDU:
    energy = _energy_edges(20)
    core, tail = response.psf_sigmas_deg(
        _log_centres(energy)[np.newaxis, :], _centres(_THETA_EDGES)[:, np.newaxis]
    )
    height = response.psf_amplitudes()[1]
    scale = 1.0 / (2.0 * np.pi * np.radians(1.0) ** 2 * (core**2 + height * tail**2))
    columns = (
        ("SCALE", "sr-1", scale),
        ("SIGMA_1", "deg", core),
        ("AMPL_2", "", np.full_like(core, height)),
        ("SIGMA_2", "deg", tail),
        ("AMPL_3", "", np.zeros_like(core)),
        ("SIGMA_3", "deg", np.ones_like(core)),
    )
    axes = (("ENERG", "TeV", energy), ("THETA", "deg", _THETA_EDGES))
    return _table("PSF", ("RPSF", "PSF_3GAUSS"), axes, columns)


def _psf_table(response: Response) -> fits.BinTableHDU:
    energy = _energy_edges(16)
    rad = 1.2 * np.linspace(0.0, 1.0, 81) ** 1.5
    values = response.psf_per_sr(
        _centres(rad)[:, np.newaxis, np.newaxis],
        _log_centres(energy)[np.newaxis, np.newaxis, :],
        _centres(_THETA_EDGES)[np.newaxis, :, np.newaxis],
    )
    axes = (
        ("ENERG", "TeV", energy),
        ("THETA", "deg", _THETA_EDGES),
        ("RAD", "deg", rad),
    )
    return _table("PSF", ("RPSF", "PSF_TABLE"), axes, (("RPSF", "sr-1", values),))


def _bkg_2d(response: Response) -> fits.BinTableHDU:
    energy = np.geomspace(*ENERGY_TEV, 31)
    theta = np.linspace(0.0, THETA_MAX_DEG, 16)
    spectrum = response.background_spectrum(_log_centres(energy)) / _MEV_PER_TEV
    profile = response.background_profile(_centres(theta))
    rate = profile[:, np.newaxis] * spectrum[np.newaxis, :]
    axes = (("ENERG", "TeV", energy), ("THETA", "deg", theta))
    return _table("BKG", ("BKG", "BKG_2D"), axes, (("BKG", "MeV-1 s-1 sr-1", rate),))


def _bkg_3d(response: Response) -> fits.BinTableHDU:
    energy = np.geomspace(*ENERGY_TEV, 21)
    detector = np.linspace(-THETA_MAX_DEG, THETA_MAX_DEG, 25)
    spectrum = response.background_spectrum(_log_centres(energy)) / _MEV_PER_TEV
    x = _centres(detector)
    profile = response.background_profile(np.hypot(x[np.newaxis, :], x[:, np.newaxis]))
    rate = spectrum[:, np.newaxis, np.newaxis] * profile[np.newaxis]
    axes = (
        ("DETX", "deg", detector),
        ("DETY", "deg", detector),
        ("ENERG", "TeV", energy),
    )
    hdu = _table("BKG", ("BKG", "BKG_3D"), axes, (("BKG", "MeV-1 s-1 sr-1", rate),))
    hdu.header["FOVALIGN"] = "RADEC"
    return hdu
