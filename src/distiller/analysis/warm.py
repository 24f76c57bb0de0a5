"""The slow first steps of every task, done once in a process that others fork from."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.table import Table
from astropy.utils import iers
from tqdm.std import tqdm

from distiller.analysis.products import InputDataset, ResponseTable
from distiller.analysis.record import own_software
from distiller.analysis.simulate import response
from distiller.analysis.simulate.irf_tables import irf_hdus
from distiller.analysis.tasks import PREVIEW, TASKS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distiller.analysis.tasks import Task

_RUN: Final = "warm"
_POINTING: Final = (83.6, 22.0)


def warm_up() -> None:
    """Import every task and run the quick ones once on a few made-up events.

    Libraries import half of themselves at first use (projections, fonts, writers);
    measured, a first map takes twice as long as the second.
    """
    offline()
    _settled()
    _without_monitor()
    for task in TASKS.values():
        task.load()
    own_software()
    more = {"width": "1", "n_e": 2, "t_min": 50000.0}
    _run(TASKS["count_map"], more)
    more = {"width": "1", "binsz": 0.1, "bins_per_decade": 1, "t_min": 50000.0}
    _run(TASKS["significance_map"], more)


def _settled() -> None:
    """Make the settings of ``astropy.io.fits`` plain values.

    A setting is looked up and validated whenever it is read, and each card of a header
    reads two: that is much of the time to read a run. Jobs change none of them.
    """
    for name in list(fits.conf):
        setattr(fits.Conf, name, getattr(fits.conf, name))


def _without_monitor() -> None:
    """Keep Gammapy's progress bars from starting a thread, though none is shown.

    A process with two threads cannot be forked safely.
    """
    tqdm.monitor_interval = 0


def warm_up_preview() -> None:
    """Do the same for quick looks alone."""
    offline()
    _settled()
    _run(PREVIEW, {"fov": 5.0})


def _run(task: Task, more: Mapping[str, Any]) -> None:
    """Run a task with these parameters on the made-up events; forget its result."""
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(name)
        path = folder / "events.fits"
        tables = irf_hdus(response.north(20.0), {}, tables_for="North")
        fits.HDUList([*_events(), *tables]).writeto(path)
        dataset = InputDataset(
            did="ivo://warm.invalid/none?warm",
            obs_id=_RUN,
            collection="none",
            path=path,
            checksum="",
            responses=tuple(_response(one, path) for one in tables),
        )
        place = {"obs": [_RUN], "ra": _POINTING[0], "dec": _POINTING[1]}
        parameters = {**place, "target": _RUN, **more}
        configuration = task.parameters.model_validate(parameters)
        task.load()(configuration, [dataset], folder, lambda _fraction, _text: None)


def _response(table: fits.BinTableHDU, path: Path) -> ResponseTable:
    gadf_class = table.header["HDUCLAS4"].lower()
    return ResponseTable(
        kind=gadf_class.partition("_")[0],
        gadf_class=gadf_class,
        path=path,
        checksum="",
        hdu=table.name,
    )


def offline() -> None:
    """Keep astropy from fetching tables: a job uses no network."""
    iers.conf.auto_download = False


def _events() -> fits.HDUList:
    """Return a run of three events at one place."""
    header = {
        "MJDREFI": 51910, "MJDREFF": 0.000742870370370241, "TIMEUNIT": "s",
        "TIMESYS": "TT", "TIMEREF": "LOCAL", "HDUCLASS": "GADF", "HDUCLAS1": "EVENTS",
        "RA_PNT": _POINTING[0], "DEC_PNT": _POINTING[1], "OBS_ID": 1,
        "GEOLON": -17.89, "GEOLAT": 28.76, "ALTITUDE": 2200.0, "DEADC": 0.95,
    }  # fmt: skip
    rows = Table(
        {
            "EVENT_ID": np.arange(3),
            "TIME": np.arange(3.0) * u.s,
            "RA": np.full(3, _POINTING[0]) * u.deg,
            "DEC": np.full(3, _POINTING[1]) * u.deg,
            "ENERGY": np.array([1.0, 2.0, 20.0]) * u.TeV,
        },
        meta=header,
    )
    good = Table(
        {"START": [0.0] * u.s, "STOP": [10.0] * u.s}, meta=header | {"HDUCLAS1": "GTI"}
    )
    events, gti = fits.table_to_hdu(rows), fits.table_to_hdu(good)
    events.name, gti.name = "EVENTS", "GTI"
    return fits.HDUList([fits.PrimaryHDU(), events, gti])
