"""The numbers of a quick look, as they are stored; importable without Gammapy."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

VERSION: Final = "1"
"""Counts up when the same dataset would give another picture or other numbers."""

PICTURE: Final = "preview.png"
NUMBERS: Final = "preview.json"

_MINUTE_S: Final = 60.0
_HOUR_S: Final = 3600.0


class PreviewNumbers(BaseModel):
    """What a dataset holds; None is not known.

    Attributes
    ----------
    label
        What the dataset is called on the picture.
    events
        Rows of the event list.
    without_direction, without_energy, without_time
        Events that have no valid one: not a number, or beyond a pole, or not an energy
        from 0.1 GeV to 100 PeV.
    outside_good_time
        Events with a valid time that lies in no good time interval.
    ontime_s
        Good time; intervals that overlap count once.
    livetime_s
        The same corrected for dead time, as the archive has it.
    rate_hz
        Events in good time, divided by ``ontime_s``.
    centre
        What ``ra_deg`` and ``dec_deg`` (ICRS) are: the pointing in the header of the
        events, that of the archive, or the mean direction of the events.
    field_radius_deg
        Up to which offset there are responses.
    in_field
        Part of the events with a direction that lies within that.
    t_min_mjd, t_max_mjd
        Begin and end of the good time (UTC).
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    label: str
    simulated: bool
    events: int
    without_direction: int = 0
    without_energy: int = 0
    without_time: int = 0
    outside_good_time: int = 0
    ontime_s: float = 0.0
    livetime_s: float | None = None
    rate_hz: float | None = None
    energy_min_tev: float | None = None
    energy_median_tev: float | None = None
    energy_max_tev: float | None = None
    centre: Literal["header", "archive", "events"] | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None
    field_radius_deg: float | None = None
    in_field: float | None = None
    t_min_mjd: float | None = None
    t_max_mjd: float | None = None

    @property
    def caption(self) -> str:
        """The numbers on one line."""
        parts = [f"{self.events:,} {'event' if self.events == 1 else 'events'}"]
        parts.append(f"{duration(self.ontime_s)} of good time")
        if self.rate_hz is not None:
            parts.append(f"{self.rate_hz:.3g} events per s")
        if self.energy_median_tev is not None:
            parts.append(f"median energy {self.energy_median_tev:.3g} TeV")
        if self.in_field is not None and self.field_radius_deg is not None:
            parts.append(
                f"{percent(self.in_field)} within {self.field_radius_deg:.3g} deg of "
                f"the {'events' if self.centre == 'events' else 'pointing'}"
            )
        return ", ".join(parts)

    @property
    def doubts(self) -> tuple[str, ...]:
        """What is odd about the events, in words."""
        found = (
            (self.without_direction, "without a valid direction"),
            (self.without_energy, "without a valid energy"),
            (self.without_time, "without a valid time"),
            (self.outside_good_time, "outside the good time intervals"),
        )
        return tuple(f"{number:,} {words}" for number, words in found if number)

    @property
    def words(self) -> str:
        """All of it in words, for those who cannot see the picture."""
        made = " (simulated)" if self.simulated else ""
        doubts = f"; {', '.join(self.doubts)}" if self.doubts else ""
        return f"Quick look of {self.label}{made}: {self.caption}{doubts}."


def duration(seconds: float) -> str:
    """Return a length of time as a person says it.

    >>> duration(42.3), duration(1687), duration(7200)
    ('42.3 s', '28.1 min', '2.00 h')
    """
    if seconds < _MINUTE_S:
        return f"{seconds:.3g} s"
    if seconds < _HOUR_S:
        return f"{seconds / _MINUTE_S:.1f} min"
    return f"{seconds / _HOUR_S:.2f} h"


def percent(part: float) -> str:
    """Return a part in percent; what is not all never looks like it.

    >>> percent(1.0), percent(0.9999), percent(0.982), percent(0.0002)
    ('100 %', '99.9 %', '98.2 %', '<0.1 %')
    """
    if 0 < part < 0.001:  # noqa: PLR2004 - less than the last digit shown
        return "<0.1 %"
    shown = min(part * 100, 99.9) if part < 1 else 100
    return f"{shown:.3g} %"
