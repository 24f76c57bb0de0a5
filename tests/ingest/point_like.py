"""Makes small point-like sets in the style of MAGIC and VERITAS, as GADF has them.

Point-like tables have ``HDUCLAS3 = 'POINT-LIKE'``. Their cut on direction is a table
RAD_MAX_2D (GADF 0.3), or a header keyword RAD_MAX for one fixed cut; older files have a
column RAD_MAX in every table (GADF 0.2). All numbers are invented.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from tests.ingest.conftest import RunPlan, response_hdu, write_indexes, write_table

if TYPE_CHECKING:
    from pathlib import Path

    from astropy.io import fits
    from numpy.typing import NDArray

TRUE_TEV = np.geomspace(0.01, 100.0, 21)
RECONSTRUCTED_TEV = np.geomspace(0.05, 50.0, 16)
MIGRATION = np.linspace(0.2, 2.0, 181)
CUT_DEG = np.linspace(0.25, 0.10, 15)
"""Cut of the MAGIC-like set by reconstructed energy."""

FIRST_BIN = 4
"""Bin of the true energy where the effective area begins."""

SIGMA = 0.2
"""Energy resolution."""

KINDS = {"EFFECTIVE AREA": "aeff", "ENERGY DISPERSION": "edisp", "RAD_MAX": "rad_max"}


@dataclass
class PointLike:
    """Point-like tables of one run; what is None or False is left out.

    Attributes
    ----------
    theta
        Edges of the offset axis in deg; twice the same: one offset.
    fixed_cut
        The keyword RAD_MAX in deg.
    table
        Whether there is a table RAD_MAX_2D.
    column
        Whether the effective area has a column RAD_MAX.
    thresholds
        LO_THRES and HI_THRES in TeV.
    """

    theta: tuple[float, ...] = (0.4, 0.4)
    fixed_cut: Any = None
    table: bool = False
    column: bool = False
    edisp: bool = True
    bkg: bool = False
    thresholds: tuple[float, float] | None = None
    keywords: dict[str, Any] = field(default_factory=dict)

    def hdus(self) -> list[fits.BinTableHDU]:
        """Return the tables."""
        theta = np.array(self.theta)
        made = [self._area(theta)]
        if self.edisp:
            made.append(self._dispersion(theta))
        if self.fixed_cut is not None:
            for one in made:
                one.header["RAD_MAX"] = self.fixed_cut
        if self.table:
            cut = np.tile(CUT_DEG, (len(theta) - 1, 1))
            axes = {"ENERG": RECONSTRUCTED_TEV, "THETA": theta}
            made.append(
                _table("RAD_MAX", ("RAD_MAX", "RAD_MAX_2D"), axes, {"RAD_MAX": cut})
            )
            made[-1].columns["RAD_MAX"].unit = "deg"
        if self.bkg:
            rate = np.ones((len(theta) - 1, 15))
            axes = {"ENERG": RECONSTRUCTED_TEV, "THETA": theta}
            made.append(_table("BACKGROUND", ("BKG", "BKG_2D"), axes, {"BKG": rate}))
            made[-1].columns["BKG"].unit = "s-1 MeV-1 sr-1"
        return made

    def _area(self, theta: NDArray[np.float64]) -> fits.BinTableHDU:
        area = np.full((len(theta) - 1, 20), 1e5)
        area[:, :FIRST_BIN] = 0.0
        arrays = {"EFFAREA": area}
        if self.column:
            arrays["RAD_MAX"] = np.full_like(area, 0.15)
        axes = {"ENERG": TRUE_TEV, "THETA": theta}
        made = _table("EFFECTIVE AREA", ("EFF_AREA", "AEFF_2D"), axes, arrays)
        made.columns["EFFAREA"].unit = "m2"
        if self.thresholds is not None:
            made.header["LO_THRES"], made.header["HI_THRES"] = self.thresholds
        return made

    def _dispersion(self, theta: NDArray[np.float64]) -> fits.BinTableHDU:
        centre = 0.5 * (MIGRATION[1:] + MIGRATION[:-1])
        profile = np.exp(-0.5 * ((centre - 1.0) / SIGMA) ** 2)
        shape = (len(theta) - 1, 180, 20)
        matrix = np.broadcast_to(profile[None, :, None], shape).copy()
        axes = {"ENERG": TRUE_TEV, "MIGRA": MIGRATION, "THETA": theta}
        return _table(
            "ENERGY DISPERSION", ("EDISP", "EDISP_2D"), axes, {"MATRIX": matrix}
        )


def _table(
    name: str,
    classes: tuple[str, str],
    axes: dict[str, NDArray[np.float64]],
    arrays: dict[str, NDArray[np.float64]],
) -> fits.BinTableHDU:
    made = response_hdu(name, classes, axes, arrays, "POINT-LIKE")
    made.header["HDUCLASS"] = "GADF"
    made.header["HDUVERS"] = "0.3"
    return made


UTC = {
    "TIMESYS": "utc",
    "TIMEREF": "LOCAL",
    "MJDREFI": 56569,  # after the leap second of 2012 and before that of 2015
    "MJDREFF": 0.5,
}
MAGIC = {
    **UTC,
    "TELESCOP": "MAGIC",
    "INSTRUME": "MAGIC stereo",
    "GEOLON": -17.89,
    "GEOLAT": 28.76,
    "ALTITUDE": 2231.0,
    "OBS_MODE": "WOBBLE",
    "OBJECT": "CrabNebula",
    "DEC_PNT": 22.414,  # 0.4 deg off the target
    "N_TELS": 2,
    "TELLIST": "1,2",
    "EQUINOX": 2000.0,
    "RADECSYS": "ICRS",
}
VERITAS = {
    **MAGIC,
    "TELESCOP": "VERITAS",
    "INSTRUME": "VERITAS array",
    "GEOLON": -110.95,
    "GEOLAT": 31.675,
    "ALTITUDE": 1268.0,
    "OBJECT": "Crab",
    "DEC_PNT": 22.514,
    "N_TELS": 4,
    "TELLIST": "1,2,3,4",
}


def magic_plan(obs_id: int, point_like: PointLike, **header: Any) -> RunPlan:
    """Return a run of half an hour, 0.25 h later for every number."""
    start = 900.0 * obs_id
    times = {"TSTART": start, "TSTOP": start + 1800.0}
    return RunPlan(
        obs_id=obs_id,
        header={**MAGIC, **times, **header},
        n_events=8,
        gti=((start, start + 1800.0),),
        responses=point_like.hdus,
    )


def write_magic(folder: Path) -> Path:
    """Write two runs with RAD_MAX_2D and both index files."""
    files = {n: f"2013100{n}_050297{n}_DL3_CrabNebula-W0.40.fits" for n in (1, 2)}
    for obs_id, name in files.items():
        magic_plan(obs_id, PointLike(table=True)).write(folder / name)
    _index(folder, files, tuple(KINDS.items()))
    return folder


def write_veritas(folder: Path) -> Path:
    """Write two runs with a fixed cut; the index names a third one that is absent.

    Gammapy reads a fixed cut only where the one bin of the offset has a width.
    """
    point_like = PointLike(
        theta=(0.4, 0.6), fixed_cut=0.1, thresholds=(0.15, 30.0), bkg=True
    )
    files = {n: f"{n}.anasum.fits" for n in (11, 12, 13)}
    for obs_id in (11, 12):
        plan = magic_plan(obs_id, point_like, **VERITAS)
        plan.header["TSTART"], plan.header["TSTOP"] = plan.gti[0]  # type: ignore[index]  # there is one
        plan.write(folder / files[obs_id])
    kinds = {"EFFECTIVE AREA": "aeff", "ENERGY DISPERSION": "edisp"}
    _index(folder, files, (*kinds.items(), ("BACKGROUND", "bkg")))
    return folder


def _index(
    folder: Path, files: dict[int, str], kinds: tuple[tuple[str, str], ...]
) -> None:
    tables = (("EVENTS", "events"), ("GTI", "gti"), *kinds)
    classes = {"aeff": "aeff_2d", "edisp": "edisp_2d", "rad_max": "rad_max_2d"}
    rows = [(n, file, hdu, kind) for n, file in files.items() for hdu, kind in tables]
    write_indexes(folder, dict(files), {"OBJECT": ["Crab"] * len(files)})
    write_table(
        folder / "hdu-index.fits.gz",
        {
            "OBS_ID": [row[0] for row in rows],
            "HDU_TYPE": [row[3] for row in rows],
            "HDU_CLASS": [
                {**classes, "bkg": "bkg_2d"}.get(row[3], row[3]) for row in rows
            ],
            "FILE_DIR": ["."] * len(rows),
            "FILE_NAME": [row[1] for row in rows],
            "HDU_NAME": [row[2] for row in rows],
        },
    )
