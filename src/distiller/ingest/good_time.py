"""The good time of a run as a time MOC (MOC 2.0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from astropy.time import Time
from mocpy import TimeMOC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distiller.ingest.run import Interval

ORDER: Final = 41
"""Cells of 2**20 microseconds: to the second, and short enough to read."""


def time_moc(intervals: Sequence[Interval]) -> str:
    """Return the cells that cover intervals, in the text form of MOC 2.0.

    Times of a MOC are TCB. The first and the last cell of an interval reach over its
    ends by up to 1.05 s.
    """
    days = np.array([(one.start_tt, one.stop_tt) for one in intervals])
    ends = Time(days, format="mjd", scale="tt").tcb
    moc = TimeMOC.from_time_ranges(ends[:, 0], ends[:, 1], order=ORDER)
    return " ".join(moc.to_string().split())
