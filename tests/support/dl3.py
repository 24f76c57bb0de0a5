"""DL3 files as the archive hands them to tasks: with their instrument responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from astropy.io import fits

from distiller.analysis.products import InputDataset, ResponseTable
from distiller.core.files import sha256

if TYPE_CHECKING:
    from pathlib import Path

CRAB_RUNS: Final = ("23523", "23526", "23559", "23592")
DC_RUNS: Final = ("110380", "111140", "111159", "111630")

_KINDS: Final = {
    "AEFF": "aeff", "EDISP": "edisp", "PSF": "psf", "BKG": "bkg",
    "EFFECTIVE AREA": "aeff", "ENERGY DISPERSION": "edisp",
    "POINT SPREAD FUNCTION": "psf", "BACKGROUND": "bkg", "RAD_MAX": "rad_max",
}  # fmt: skip
_DC_CLASSES: Final = {"psf": "psf_3gauss"}
_HESS_CLASSES: Final = {"psf": "psf_table"}
_USUAL: Final = {"aeff": "aeff_2d", "edisp": "edisp_2d", "bkg": "bkg_3d"}


def dataset(
    path: Path,
    obs_id: str,
    *,
    responses: Path | None = None,
    simulated: bool = False,
    classes: dict[str, str] | None = None,
) -> InputDataset:
    """Return a run whose responses lie in its own file or in another."""
    other = responses or path
    checksum = sha256(other)
    tables = []
    with fits.open(other) as hdus:
        for hdu in hdus[1:]:
            kind = _KINDS.get(hdu.name)
            if kind is None:
                continue
            said = str(hdu.header.get("HDUCLAS4", "")).lower()
            known = (classes or {}).get(kind) or said or _USUAL[kind]
            tables.append(
                ResponseTable(
                    kind=kind,
                    gadf_class=known,
                    path=other,
                    checksum=checksum,
                    hdu=hdu.name,
                )
            )
    return InputDataset(
        did=f"ivo://org.example/set?{obs_id}",
        obs_id=obs_id,
        collection="set",
        path=path,
        checksum=sha256(path),
        simulated=simulated,
        responses=tuple(tables),
    )


def hess_run(hess: Path, obs_id: str) -> InputDataset:
    """Return a run of the H.E.S.S. DL3 DR1."""
    path = hess / "data" / f"hess_dl3_dr1_obs_id_{int(obs_id):06d}.fits.gz"
    return dataset(path, obs_id, classes=_USUAL | _HESS_CLASSES)


def dc_run(cta_1dc: Path, obs_id: str) -> InputDataset:
    """Return a run of the CTA 1DC subset."""
    path = cta_1dc / "data" / "baseline" / "gps" / f"gps_baseline_{obs_id}.fits"
    irf = cta_1dc / "caldb/data/cta/1dc/bcf/South_z20_50h/irf_file.fits"
    classes = _USUAL | _DC_CLASSES
    return dataset(path, obs_id, responses=irf, classes=classes, simulated=True)
