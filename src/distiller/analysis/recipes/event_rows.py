"""The events of a DL3 run as columns: when, where, how energetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.time import Time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.table import Table
    from gammapy.data import GTI

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
    live
        Live time over good time: DEADC, else LIVETIME over the good time; None where
        the header has neither.
    """

    ra_deg: Floats
    dec_deg: Floats
    energy_tev: Floats
    time: Time
    good_mjd: Floats
    pointing_deg: tuple[float, float] | None
    live: float | None = None

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

    def live_s(self, t_min_mjd: float | None, t_max_mjd: float | None) -> float | None:
        """Return the live time within [t_min, t_max); None: it is not known."""
        if self.live is None:
            return None
        good = self.good_time(t_min_mjd, t_max_mjd)
        return self.live * float(np.diff(good, axis=1).sum()) * 86400.0

    def _since_s(self, mjd_utc: float) -> Floats:
        instant = Time(mjd_utc, format="mjd", scale="utc")
        return np.asarray((self.time - instant).sec, dtype=np.float64)


def event_rows(table: Table, good: GTI) -> Events:
    """Return the events of a list as Gammapy has read it."""
    # 64 bits before any comparison: 0.7 TeV in a 32-bit column is below 0.7.
    ra, dec, energy = (
        np.asarray(table[name].quantity.to_value(unit), dtype=np.float64)
        for name, unit in (("RA", "deg"), ("DEC", "deg"), ("ENERGY", "TeV"))
    )
    starts, stops = good.time_start, good.time_stop
    good_s = float((stops - starts).sec.sum())
    return Events(
        ra_deg=ra,
        dec_deg=dec,
        energy_tev=energy,
        time=table["TIME"],
        good_mjd=np.column_stack([starts.utc.mjd, stops.utc.mjd]).astype(np.float64),
        pointing_deg=_pointing(table.meta),
        live=_live(table.meta, good_s),
    )


def _pointing(meta: Mapping[str, Any]) -> tuple[float, float] | None:
    try:
        ra, dec = float(meta["RA_PNT"]), float(meta["DEC_PNT"])
    except (KeyError, TypeError, ValueError):
        return None
    return (ra, dec) if np.isfinite([ra, dec]).all() else None


def _live(meta: Mapping[str, Any], good_s: float) -> float | None:
    for keyword, of_s in (("DEADC", 1.0), ("LIVETIME", good_s)):
        try:
            part = float(meta[keyword]) / of_s
        except (KeyError, TypeError, ValueError, ZeroDivisionError):
            continue
        if np.isfinite(part) and part > 0:
            return min(part, 1.0)
    return None
