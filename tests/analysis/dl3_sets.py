"""Runs of a DL3 folder as a job finds them: with their responses, by its HDU index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from astropy.io import fits

from distiller.analysis.products import InputDataset, ResponseTable
from distiller.core.files import sha256

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_KINDS = {"aeff", "bkg", "edisp", "psf", "rad_max"}


def runs(
    folder: Path, obs_ids: Iterable[int | str], *, simulated: bool = False
) -> list[InputDataset]:
    """Return the runs of these obs_ids."""
    index = next(iter(sorted(folder.rglob("hdu-index.fits*"))))
    with fits.open(index) as hdus:
        rows = [
            {name: str(row[name]).strip() for name in hdus[1].columns.names}
            for row in hdus[1].data
        ]
    return [_run(index.parent, str(one), rows, simulated) for one in obs_ids]


def _run(
    base: Path,
    obs_id: str,
    rows: list[dict[str, str]],
    simulated: bool,  # noqa: FBT001
) -> InputDataset:
    own = [row for row in rows if row["OBS_ID"] == obs_id]
    events = next(row for row in own if row["HDU_TYPE"] == "events")
    path = base / events["FILE_DIR"] / events["FILE_NAME"]
    return InputDataset(
        did=f"ivo://org.example/set?{obs_id}",
        obs_id=obs_id,
        collection="set",
        path=path.resolve(),
        checksum=sha256(path),
        simulated=simulated,
        events_hdu="EVENTS",
        gti_hdu="GTI",
        responses=tuple(
            _response(base, row) for row in own if row["HDU_TYPE"] in _KINDS
        ),
    )


def _response(base: Path, row: dict[str, str]) -> ResponseTable:
    path = base / row["FILE_DIR"] / row["FILE_NAME"]
    return ResponseTable(
        kind=row["HDU_TYPE"],
        gadf_class=row["HDU_CLASS"],
        path=path.resolve(),
        checksum=sha256(path),
        hdu=row["HDU_NAME"].upper(),  # as astropy has it
    )
