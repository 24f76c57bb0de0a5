"""Runs for spectra and light curves: simulated ones, also with point-like responses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from astropy import units as u
from astropy.io import fits
from gammapy.irf import IRF_REGISTRY, EffectiveAreaTable2D, RadMax2D
from gammapy.maps import MapAxis
from tests.support.dl3 import dataset

from distiller.analysis.products import ResponseTable
from distiller.analysis.tasks import TASKS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from distiller.analysis.products import InputDataset, ProductDescription

CRAB: Final = {"ra": 83.633, "dec": 22.014}
TRUTH: Final = {"amplitude": 3.85e-11, "alpha": 2.51, "beta": 0.104}
"""Of the simulated Crab Nebula, at 1 TeV; beta per ln(E)."""

_EDGES_TEV: Final = np.geomspace(0.01, 200.0, 22)


def true_flux(energy_tev: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the simulated flux of the Crab Nebula, cm-2 s-1 TeV-1."""
    index = -TRUTH["alpha"] - TRUTH["beta"] * np.log(energy_tev)
    return np.asarray(TRUTH["amplitude"] * energy_tev**index)


def simulated_runs(folder: Path) -> list[InputDataset]:
    """Return all runs of a simulated set."""
    files = sorted((folder / "data").glob("*.fits"))
    return [
        dataset(file, file.stem.partition("_")[2].lstrip("0"), simulated=True)
        for file in files
    ]


def parameters(task: str, inputs: list[InputDataset], **given: Any) -> Any:
    """Return parameters of a task for runs of the Crab Nebula."""
    obs = [item.obs_id for item in inputs]
    return TASKS[task].parameters.model_validate({"obs": obs, **CRAB, **given})


def made(
    task: str, inputs: list[InputDataset], folder: Path, **given: Any
) -> ProductDescription:
    """Let a task make its product in a folder."""
    folder.mkdir(exist_ok=True)
    asked = parameters(task, inputs, **given).completed()
    return TASKS[task].load()(asked, inputs, folder, lambda _fraction, _text: None)


def cut_deg(energy_tev: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a cut on direction in the manner of MAGIC: smaller at high energies."""
    return np.asarray(np.clip(0.18 - 0.06 * np.log10(energy_tev / 0.1), 0.08, 0.2))


def point_like(
    item: InputDataset, path: Path, fixed_deg: float | None = None
) -> InputDataset:
    """Write a run again with point-like responses for a cut on direction.

    Parameters
    ----------
    fixed_deg
        One cut, in the header; None: a table, by energy.
    """
    kinds = {one.kind: one for one in item.responses}
    psf_class = IRF_REGISTRY.get_cls(kinds["psf"].gadf_class)
    psf = psf_class.read(item.path, hdu=kinds["psf"].hdu)
    area = EffectiveAreaTable2D.read(item.path, hdu=kinds["aeff"].hdu)
    energy = area.axes["energy_true"].center
    cut = cut_deg(energy.to_value("TeV"))
    if fixed_deg is not None:
        cut = np.full_like(cut, fixed_deg)
    for number, offset in enumerate(area.axes["offset"].center):
        for row, (one, radius) in enumerate(zip(energy, cut, strict=True)):
            inside = psf.containment(rad=radius * u.deg, offset=offset, energy_true=one)
            area.data[row, number] *= float(np.squeeze(inside))
    with fits.open(item.path) as hdus:
        tables = [hdus[0], hdus["EVENTS"], hdus["GTI"], hdus[kinds["edisp"].hdu]]
        made_area = area.to_table_hdu(format="gadf-dl3")
        tables += [made_area]
        if fixed_deg is None:
            tables += [_rad_max()]
        else:
            made_area.header["RAD_MAX"] = fixed_deg
        made_area.name = kinds["aeff"].hdu
        for table in tables[3:]:
            table.header["HDUCLAS3"] = "POINT-LIKE"
        fits.HDUList(tables).writeto(path, overwrite=True)
    again = dataset(path, item.obs_id, simulated=True)
    kept = [one for one in again.responses if one.kind in {"aeff", "edisp"}]
    if fixed_deg is None:
        kept.append(
            ResponseTable(
                kind="rad_max",
                gadf_class="rad_max_2d",
                path=path,
                checksum=again.checksum,
                hdu="RAD_MAX",
            )
        )
    return again.model_copy(update={"responses": tuple(kept)})


def _rad_max() -> fits.BinTableHDU:
    energy = MapAxis.from_energy_edges(_EDGES_TEV * u.TeV)
    offset = MapAxis.from_edges([0.0, 5.0] * u.deg, name="offset")
    cut = cut_deg(energy.center.to_value("TeV"))[:, np.newaxis]
    made_table = RadMax2D(axes=[energy, offset], data=cut, unit="deg").to_table_hdu(
        format="gadf-dl3"
    )
    made_table.name = "RAD_MAX"
    return made_table


def numbers_of(folder: Path) -> dict[str, Any]:
    """Return what a spectrum or light curve says of itself in ``fit.json``."""
    found: dict[str, Any] = json.loads((folder / "fit.json").read_text())
    return found
