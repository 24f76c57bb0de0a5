"""The time MOC of good time, read back by mocpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from astropy.time import Time
from mocpy import TimeMOC

from distiller.ingest.good_time import time_moc
from distiller.ingest.run import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

CELL_S = 2**20 / 1e6
GAP = ((59000.01, 59000.03), (59000.04, 59000.06))


def intervals(pairs: Sequence[tuple[float, float]]) -> list[Interval]:
    return [Interval(0.0, 0.0, start, stop, 0.0, 0.0) for start, stop in pairs]


@pytest.mark.parametrize("pairs", [GAP, GAP[:1], ((59000.0, 59000.0 + 1e-6),)])
def test_cells_cover_the_intervals_and_hardly_more(
    pairs: tuple[tuple[float, float], ...],
) -> None:
    moc = TimeMOC.from_string(time_moc(intervals(pairs)))
    good_s = sum(stop - start for start, stop in pairs) * 86400.0
    covered_s = moc.total_duration.to_value("s")
    assert good_s <= covered_s + 1e-3
    assert covered_s <= good_s + 2.0 * CELL_S * len(pairs) + 1e-3
    for start, stop in pairs:
        inside = Time([start, 0.5 * (start + stop)], format="mjd", scale="tt")
        assert moc.contains(inside).all()
    outside = Time([59000.035, 59001.0], format="mjd", scale="tt")
    assert not moc.contains(outside).any()


def test_the_text_is_one_line() -> None:
    assert time_moc(intervals(GAP)).isprintable()
