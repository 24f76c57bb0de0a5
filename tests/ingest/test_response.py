"""Resolutions of shapes that are known, and of real tables beside Gammapy."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from distiller.analysis.simulate import simulate
from distiller.ingest.gadf import Reader
from distiller.ingest.response import (
    FWHM_PER_SIGMA,
    axes,
    energy_resolution,
    psf_fwhm_arcsec,
)

if TYPE_CHECKING:
    from pathlib import Path

Columns = dict[str, np.ndarray]

ENERGY = np.geomspace(0.1, 100.0, 31)
THETA = np.linspace(0.0, 3.0, 7)


def table(arrays: dict[str, np.ndarray], **edges: np.ndarray) -> Columns:
    made = dict(arrays)
    for axis, values in {"ENERG": ENERGY, "THETA": THETA, **edges}.items():
        made[f"{axis}_LO"] = values[:-1][np.newaxis]
        made[f"{axis}_HI"] = values[1:][np.newaxis]
    return {name: np.asarray(values, dtype=float) for name, values in made.items()}


def gauss(sigma: np.ndarray, **others: np.ndarray) -> Columns:
    zero = np.zeros((1, 6, 30))
    return table(
        {
            "SIGMA_1": np.broadcast_to(sigma, (1, 6, 30)),
            "AMPL_2": zero,
            "SIGMA_2": zero,
            "AMPL_3": zero,
            "SIGMA_3": zero,
            **others,
        }
    )


def test_one_gaussian() -> None:
    fwhm = psf_fwhm_arcsec(gauss(np.array(0.1)))
    assert fwhm == pytest.approx(FWHM_PER_SIGMA * 0.1 * 3600.0, rel=1e-4)


def test_a_core_with_a_tail_lies_between_the_two() -> None:
    full = np.ones((1, 6, 30))
    columns = gauss(np.array(0.05), AMPL_2=0.3 * full, SIGMA_2=0.15 * full)
    fwhm = psf_fwhm_arcsec(columns)
    assert fwhm is not None
    radius = fwhm / 7200.0
    value = np.exp(-0.5 * (radius / 0.05) ** 2) + 0.3 * np.exp(
        -0.5 * (radius / 0.15) ** 2
    )
    assert value == pytest.approx(0.65, rel=1e-4)


def test_king() -> None:
    sigma, gamma = 0.06, 2.2
    columns = table(
        {"SIGMA": np.full((1, 6, 30), sigma), "GAMMA": np.full((1, 6, 30), gamma)}
    )
    exact = 2.0 * sigma * np.sqrt(2.0 * gamma * (2.0 ** (1.0 / gamma) - 1.0))
    assert psf_fwhm_arcsec(columns) == pytest.approx(exact * 3600.0, rel=1e-4)


def test_psf_table_of_a_gaussian() -> None:
    rad = np.linspace(0.0, 0.6, 301)
    centre = 0.5 * (rad[1:] + rad[:-1])
    profile = np.exp(-0.5 * (centre / 0.08) ** 2)
    values = np.broadcast_to(profile[:, None, None], (1, 300, 6, 30))
    columns = table({"RPSF": values}, RAD=rad)
    exact = FWHM_PER_SIGMA * 0.08 * 3600.0
    assert psf_fwhm_arcsec(columns) == pytest.approx(exact, rel=2e-3)


def test_values_are_interpolated_in_energy_and_offset() -> None:
    """Sigma = 0.1 at 0.5 deg and 1 TeV, growing with both."""
    theta = 0.5 * (THETA[1:] + THETA[:-1])[:, None]
    energy = np.sqrt(ENERGY[1:] * ENERGY[:-1])[None, :]
    sigma = 0.1 + 0.02 * (theta - 0.5) + 0.03 * np.log(energy)
    fwhm = psf_fwhm_arcsec(gauss(sigma[None]))
    assert fwhm == pytest.approx(FWHM_PER_SIGMA * 0.1 * 3600.0, rel=1e-4)


def test_energy_resolution_of_a_gaussian() -> None:
    migra = np.linspace(0.2, 2.0, 181)
    centre = 0.5 * (migra[1:] + migra[:-1])
    profile = np.exp(-0.5 * ((centre - 1.0) / 0.12) ** 2)
    matrix = np.broadcast_to(profile[None, :, None], (1, 6, 180, 30))
    columns = table({"MATRIX": matrix}, MIGRA=migra)
    assert energy_resolution(columns) == pytest.approx(0.12, rel=1e-2)


def test_energy_resolution_is_relative_to_the_median() -> None:
    migra = np.linspace(0.2, 2.0, 181)
    centre = 0.5 * (migra[1:] + migra[:-1])
    profile = np.exp(-0.5 * ((centre - 0.8) / 0.12) ** 2)
    matrix = np.broadcast_to(profile[None, :, None], (1, 6, 180, 30))
    columns = table({"MATRIX": matrix}, MIGRA=migra)
    assert energy_resolution(columns) == pytest.approx(0.15, rel=1e-2)


def test_energies_may_be_in_gev() -> None:
    columns = gauss(np.array(0.1))
    columns["ENERG_LO"] = columns["ENERG_LO"] * 1e3
    columns["ENERG_HI"] = columns["ENERG_HI"] * 1e3
    assert psf_fwhm_arcsec(columns, 1.0) is None
    assert psf_fwhm_arcsec(columns, 1e-3) == pytest.approx(847.7, rel=1e-3)
    assert axes(columns, 1e-3).energy_max_tev == pytest.approx(100.0)


@pytest.mark.parametrize("bad", [np.nan, 0.0, -1.0])
def test_an_unusable_width_gives_none(bad: float) -> None:
    assert psf_fwhm_arcsec(gauss(np.array(bad))) is None


def test_no_events_in_the_dispersion_gives_none() -> None:
    migra = np.linspace(0.2, 2.0, 181)
    columns = table({"MATRIX": np.zeros((1, 6, 180, 30))}, MIGRA=migra)
    assert energy_resolution(columns) is None


def test_a_table_that_ends_below_1_tev_gives_none() -> None:
    columns = gauss(np.array(0.1))
    columns["ENERG_LO"] = columns["ENERG_LO"] / 1e3
    columns["ENERG_HI"] = columns["ENERG_HI"] / 1e3
    assert psf_fwhm_arcsec(columns) is None


def test_a_table_for_one_offset_has_no_field_of_view() -> None:
    assert axes(gauss(np.array(0.1))).theta_max_deg == 3.0
    columns = {
        **gauss(np.array(0.1)),
        "THETA_LO": np.array([[0.4]]),
        "THETA_HI": np.array([[0.4]]),
    }
    assert axes(columns).theta_max_deg is None


def gammapy_values(path: Path) -> tuple[float, float]:
    """Return the FWHM in arcsec and sigma(E)/E as Gammapy reads the tables."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        from astropy import units as u  # noqa: PLC0415 - beside Gammapy
        from gammapy.irf import load_irf_dict_from_file  # noqa: PLC0415 - slow

        irfs: dict[str, Any] = load_irf_dict_from_file(str(path))
        logging.disable(logging.NOTSET)
        place = {"energy_true": 1 * u.TeV, "offset": 0.5 * u.deg}
        radius = np.linspace(0.0, 0.4, 8001)
        profile = irfs["psf"].evaluate(rad=radius * u.deg, **place).value.ravel()
        half = radius[np.argmax(profile < 0.5 * profile[0])]
        migra = np.linspace(0.2, 5.0, 4801)
        density = irfs["edisp"].evaluate(migra=migra, **place).value.ravel()
    total = np.cumsum(density) / np.sum(density)
    below, middle, above = np.interp([0.158655, 0.5, 0.841345], total, migra)
    return 7200.0 * half, (above - below) / 2.0 / middle


def ours(path: Path) -> tuple[float, float]:
    held = {r.response_type: r for r in Reader().contents(path, shared=False).responses}
    fwhm, sigma = held["psf"].psf_fwhm_arcsec, held["edisp"].energy_resolution
    assert fwhm is not None
    assert sigma is not None
    return fwhm, sigma


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of Gammapy's import
def test_simulated_tables_agree_with_gammapy(tmp_path: Path) -> None:
    simulate(tmp_path / "set", runs=5)
    for name in ("sim_001001.fits", "sim_001005.fits"):  # PSF_3GAUSS, PSF_TABLE
        path = tmp_path / "set" / "data" / name
        assert ours(path) == pytest.approx(gammapy_values(path), rel=0.02)


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.filterwarnings("default")  # of Gammapy's import
def test_real_tables_agree_with_gammapy(hess: Path, cta_1dc: Path) -> None:
    files = sorted((hess / "data").glob("*.fits.gz"))[::30]
    files += sorted(cta_1dc.rglob("irf_file.fits"))
    for path in files:
        assert ours(path) == pytest.approx(gammapy_values(path), rel=0.03), path
