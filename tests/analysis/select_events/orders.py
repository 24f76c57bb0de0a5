"""Orders of selected events, for tests, and what is made of them."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits
from astropy.time import Time

from distiller.analysis.select_events.parameters import SelectEventsParameters
from distiller.analysis.select_events.run import run
from distiller.core.sky import separation_deg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from distiller.analysis.products import InputDataset, ProductDescription

CRAB = {"ra": 83.633, "dec": 22.014}


def asked(inputs: Sequence[InputDataset], **given: Any) -> SelectEventsParameters:
    return SelectEventsParameters.model_validate(
        {"obs": [item.obs_id for item in inputs], **given}
    )


def made(
    folder: Path, inputs: Sequence[InputDataset], **given: Any
) -> ProductDescription:
    folder.mkdir(exist_ok=True)
    return run(asked(inputs, **given), inputs, folder, lambda _fraction, _text: None)


def reference(header: fits.Header) -> Time:
    return Time(
        float(header["MJDREFI"]), float(header["MJDREFF"]),
        format="mjd", scale=header["TIMESYS"].lower(),
    )  # fmt: skip


def plain(item: InputDataset, given: Mapping[str, Any]) -> Any:
    """Return the rows of a file that numpy keeps."""
    with fits.open(item.path) as hdus:
        rows, header = hdus["EVENTS"].data.copy(), hdus["EVENTS"].header.copy()
    ra, dec, energy, met = (
        rows[name].astype(np.float64) for name in ("RA", "DEC", "ENERGY", "TIME")
    )
    keep = np.ones(len(rows), dtype=bool)
    if "radius" in given:
        keep &= separation_deg(ra, dec, given["ra"], given["dec"]) <= given["radius"]
    for text in given.get("exclude", ()):
        lon, lat, radius = map(float, text.split(","))
        keep &= separation_deg(ra, dec, lon, lat) > radius
    keep &= (energy >= given.get("e_min", 0)) & (energy < given.get("e_max", np.inf))
    for name in ("t_min", "t_max"):
        if name in given:
            edge = (
                Time(given[name], format="mjd", scale="utc") - reference(header)
            ).sec
            keep &= met >= edge if name == "t_min" else met < edge
    return rows[keep]


def product(folder: Path) -> tuple[Any, fits.Header]:
    with fits.open(folder / "product.fits") as hdus:
        return hdus["EVENTS"].data.copy(), hdus["EVENTS"].header.copy()


def unpacked(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "runs.zip") as archive:
        archive.extractall(folder / "runs")
    return folder / "runs"
