"""The Crab of H.E.S.S. DL3 DR1 as papers have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from astropy import units as u
from gammapy.modeling.models import Models
from tests.support.dl3 import CRAB_RUNS, hess_run
from tests.support.spectra import made, numbers_of

from distiller.analysis.recipes import spectrum as recipe

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.real_data]


@pytest.mark.parametrize("combine", ["stacked", "joint"])
def test_mohrmann_et_al_2019(combine: str, hess: Path, tmp_path: Path) -> None:
    """Table of the paper (A&A 632, A72), as its supplement has it.

    1D analysis with Gammapy: 0.11 deg, 24 bins and 8 points per decade, energies where
    the bias is below 10 %, reference energy 1.45 TeV.
    """
    inputs = [hess_run(hess, number) for number in CRAB_RUNS]
    made(
        "spectrum", inputs, tmp_path, ra=83.63, dec=22.01, radius=0.11, n_e=8,
        e_ref=1.45, safe_range="edisp-bias", exclude_known=False, combine=combine,
    )  # fmt: skip
    found = numbers_of(tmp_path)["parameters"]
    assert abs(found["amplitude"]["value"] - 1.62924e-11) < 0.5 * 8.84563e-13
    assert abs(found["index"]["value"] - 2.62888) < 0.5 * 0.0735089


@pytest.mark.parametrize("combine", ["stacked", "joint"])
def test_nigro_et_al_2019(combine: str, hess: Path, tmp_path: Path) -> None:
    """H.E.S.S. of joint-crab (A&A 625, A10): 0.11 deg, 20 bins per decade, thresholds.

    Its beta, 0.372 +- 0.224, is per log10(E).
    """
    inputs = [hess_run(hess, number) for number in CRAB_RUNS]
    made(
        "spectrum", inputs, tmp_path, ra=83.632912, dec=22.0145, radius=0.11, n_e=5,
        model="lp", exclude_known=False, combine=combine,
    )  # fmt: skip
    numbers = numbers_of(tmp_path)
    assert numbers["n_on"] == 459
    assert numbers["excess"] == pytest.approx(431.5, abs=1.0)
    found = numbers["parameters"]
    assert abs(found["amplitude"]["value"] - 4.4744e-11) < 0.5 * 2.8699e-12
    assert abs(found["alpha"]["value"] - 2.39290) < 0.5 * 0.18277
    per_ln = np.log(10)
    assert abs(found["beta"]["value"] - 0.37193 / per_ln) < 0.5 * 0.22401 / per_ln


def test_default_parameters_on_real_runs(hess: Path, tmp_path: Path) -> None:
    """What nobody chose agrees with what was published."""
    inputs = [hess_run(hess, number) for number in CRAB_RUNS]
    description = made("spectrum", inputs, tmp_path)
    numbers = numbers_of(tmp_path)
    assert numbers["excess"] == pytest.approx(431.5, abs=0.5 * 21.5)
    law = Models.read(tmp_path / "models.yaml")[recipe.SOURCE].spectral_model
    flux = law(1.45 * u.TeV).to_value(recipe.FLUX_UNIT)
    assert flux == pytest.approx(1.62924e-11, abs=8.84563e-13)
    assert numbers["goodness"]["p_value"] > 0.05
    assert not [text for text in description.limits if "off regions differ" in text]
