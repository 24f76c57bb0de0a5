"""Parameters of a selection of events; importable without Gammapy."""

from __future__ import annotations

import math
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from distiller.analysis.fields import Circle, shown
from distiller.analysis.parameters import TaskParameters
from distiller.analysis.ranges import EXCLUDED_MAX, TimeRange, check_energies

INTERVALS_MAX: Final = 500
"""Most good time intervals that one job may ask for."""

Interval = tuple[float, float]
"""Begin and end, MJD in UTC."""


def _intervals(value: object) -> object:
    """Take ``53343.91,53343.93`` and a list of such texts or pairs."""
    is_one = isinstance(value, str)
    items = [value] if is_one or not isinstance(value, (list, tuple)) else value
    return tuple(_interval(item) for item in items)


def _interval(item: Any) -> Interval:
    parts = item.split(",") if isinstance(item, str) else item
    try:
        start, stop = (float(part) for part in parts)
    except (TypeError, ValueError):
        message = f"must be start,stop (MJD, UTC), not {str(item)[:60]!r}"
        raise ValueError(message) from None
    if not (math.isfinite(start) and math.isfinite(stop) and 0 <= start < stop):
        message = f"{start!r} is not before {stop!r} (MJD, UTC)"
        raise ValueError(message)
    return start, stop


def _printable(text: str | None) -> str | None:
    """Refuse what no header holds."""
    if text is not None and not (text.isascii() and text.isprintable()):
        message = "must be plain ASCII text, as headers hold it"
        raise ValueError(message)
    return text


Word = Annotated[str | None, AfterValidator(_printable)]


class SelectEventsParameters(TimeRange, TaskParameters):
    """Which events are kept; without any cut, all of the runs."""

    radius: float | None = Field(
        default=None,
        gt=0,
        le=180,
        description=(
            "Radius of the region around the centre whose events are kept, its border "
            "included; without it the centre is a label."
        ),
        json_schema_extra=shown(
            "Radius", group="Place", unit="deg", ucd="phys.angSize", unset="whole field"
        ),
    )
    exclude: tuple[Circle, ...] = Field(
        default=(),
        max_length=EXCLUDED_MAX,
        description=(
            "Circles on the sky (ICRS) whose events are left out, each as "
            "ra,dec,radius in deg."
        ),
        json_schema_extra=shown(
            "Regions left out", group="Place", unit="deg", unset="none", repeatable=True
        ),
    )
    e_min: float | None = Field(
        default=None,
        gt=0,
        le=10_000,
        description="Lowest energy, included.",
        json_schema_extra=shown(
            "Lowest energy",
            group="Energy",
            unit="TeV",
            ucd="em.energy;stat.min",
            unset="no limit",
        ),
    )
    e_max: float | None = Field(
        default=None,
        gt=0,
        le=10_000,
        description="Highest energy, excluded.",
        json_schema_extra=shown(
            "Highest energy",
            group="Energy",
            unit="TeV",
            ucd="em.energy;stat.max",
            unset="no limit",
        ),
    )
    gti: Annotated[tuple[Interval, ...], BeforeValidator(_intervals)] = Field(
        default=(),
        max_length=INTERVALS_MAX,
        description=(
            "Good time interval: start,stop (MJD, UTC), from start up to before stop. "
            "Good times of the runs outside all of them go."
        ),
        json_schema_extra=shown(
            "Good times",
            group="Time",
            unit="d",
            ucd="time.interval",
            unset="those of the runs",
            repeatable=True,
        ),
    )
    good_time: bool = Field(
        default=False,
        description=(
            "Leave out events that lie in no good time interval of their run, which "
            "other tasks count."
        ),
        json_schema_extra=shown("Good time only", group="Time"),
    )
    event_class: Word = Field(
        default=None,
        max_length=60,
        description=(
            "Class of the events, as in the column or else the keyword EV_CLASS (or "
            "EVENT_CLASS)."
        ),
        json_schema_extra=shown("Event class", unset="all"),
    )
    event_type: Word = Field(
        default=None,
        max_length=60,
        description=(
            "Type of the events, as in the column or else the keyword EVENT_TYPE; of "
            "a column of bits, the sum of those bits of which an event has one."
        ),
        json_schema_extra=shown("Event type", unset="all"),
    )

    @model_validator(mode="after")
    def _has_energies(self) -> Self:
        check_energies(self.e_min, self.e_max)
        return self

    @property
    def needs_centre(self) -> bool:
        """Only a circle has one."""
        return self.radius is not None

    @property
    def near_deg(self) -> float:
        """The radius: a place further away is not in the region."""
        return max(super().near_deg, self.radius or 0.0)
