"""DL3 event lists as columns: read, checked against the archive, cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.time import Time
from gammapy.data import GTI
from gammapy.data.io import EventListReader

from distiller.analysis import event_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distiller.analysis.products import InputDataset

Floats = np.typing.NDArray[np.float64]
Flags = np.typing.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Events:
    """The events of one run; arrays have one element per row of the file.

    Attributes
    ----------
    ra_deg, dec_deg
        Reconstructed directions (ICRS).
    energy_tev
        Reconstructed energies.
    time
        Instants, in the run's own time scale.
    good_mjd
        Good time intervals, shape (n, 2), UTC-based MJD.
    pointing_deg
        ICRS right ascension and declination, or None where the header has none.
    """

    ra_deg: Floats
    dec_deg: Floats
    energy_tev: Floats
    time: Time
    good_mjd: Floats
    pointing_deg: tuple[float, float] | None

    def in_energy(self, e_min_tev: float, e_max_tev: float) -> Flags:
        """Mark events in [e_min, e_max), TeV."""
        return (self.energy_tev >= e_min_tev) & (self.energy_tev < e_max_tev)

    def in_time(self, t_min_mjd: float | None, t_max_mjd: float | None) -> Flags:
        """Mark events in [t_min, t_max), UTC-based MJD; None does not bound."""
        chosen = np.ones(self.energy_tev.shape, dtype=np.bool_)
        if t_min_mjd is not None:
            chosen &= self._since_s(t_min_mjd) >= 0
        if t_max_mjd is not None:
            chosen &= self._since_s(t_max_mjd) < 0
        return chosen

    def good_time(self, t_min_mjd: float | None, t_max_mjd: float | None) -> Floats:
        """Return the good time intervals cut to [t_min, t_max), empty ones left out.

        Returns
        -------
        Shape (n, 2), UTC-based MJD.
        """
        low = -np.inf if t_min_mjd is None else t_min_mjd
        high = np.inf if t_max_mjd is None else t_max_mjd
        cut = np.clip(self.good_mjd, low, high)
        return cut[cut[:, 1] > cut[:, 0]]

    def _since_s(self, mjd_utc: float) -> Floats:
        instant = Time(mjd_utc, format="mjd", scale="utc")
        return np.asarray((self.time - instant).sec, dtype=np.float64)


def read(dataset: InputDataset) -> Events:
    """Read one dataset of the archive with Gammapy, its headers corrected.

    Raises
    ------
    Damaged
        If the file is not what the archive has it for: it is gone, or it changed since
        it was ingested. Only its operators can mend that.
    BadData
        If it cannot be read as an event list.
    """
    with event_file.opened(dataset) as run:
        table = EventListReader.from_gadf_hdu(run.events).table
        return _events(table, GTI.from_table_hdu(run.gti))


def _events(table: Any, good: GTI) -> Events:
    # 64 bits before any comparison: 0.7 TeV in a 32-bit column is below 0.7.
    ra, dec, energy = (
        np.asarray(table[name].quantity.to_value(unit), dtype=np.float64)
        for name, unit in (("RA", "deg"), ("DEC", "deg"), ("ENERGY", "TeV"))
    )
    starts, stops = good.time_start, good.time_stop
    return Events(
        ra_deg=ra,
        dec_deg=dec,
        energy_tev=energy,
        time=table["TIME"],
        good_mjd=np.column_stack([starts.utc.mjd, stops.utc.mjd]).astype(np.float64),
        pointing_deg=_pointing(table.meta),
    )


def _pointing(meta: Mapping[str, Any]) -> tuple[float, float] | None:
    try:
        ra, dec = float(meta["RA_PNT"]), float(meta["DEC_PNT"])
    except (KeyError, TypeError, ValueError):
        return None
    return (ra, dec) if np.isfinite([ra, dec]).all() else None
