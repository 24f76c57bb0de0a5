"""Known gamma-ray sources as regions to leave out of the background; needs no Gammapy.

The circles are written into the configuration when a job is specified, so that it is
whole: a later table of sources does not change what was made.
"""

from __future__ import annotations

from typing import Final, Self

from pydantic import Field

from distiller.analysis.fields import Circle, shown
from distiller.analysis.ranges import EXCLUDED_MAX, Exclusions
from distiller.core import names
from distiller.core.sky import separation_deg

RADIUS_DEG: Final = 0.3
"""Of the circle around a source that is no larger than the resolution."""

MARGIN_DEG: Final = 0.15
"""By how much the circle is larger than a source that is extended."""

_NOT_STEADY: Final = frozenset({"gamma-ray burst", "dwarf galaxy"})
"""Kinds that are gone, or were never seen."""


def circles(ra_deg: float, dec_deg: float, reach_deg: float) -> tuple[Circle, ...]:
    """Return the circles around known sources that come this near to a place.

    >>> [str(one) for one in circles(83.6, 22.0, 1.0)]
    ['83.6331,22.0145,0.3', '83.63308,22.01446,0.3']
    """
    found = []
    for source in names.SOURCES:
        if source.kind in _NOT_STEADY:
            continue
        radius = max(RADIUS_DEG, source.extent_deg + MARGIN_DEG)
        away = separation_deg(ra_deg, dec_deg, source.ra_deg, source.dec_deg)
        if away < reach_deg + radius:
            place = (source.ra_deg, source.dec_deg, round(radius, 6))
            found.append(Circle.model_validate(place))
    return tuple(found)


class KnownSources(Exclusions):
    """Which regions do not count as background, with those of known sources."""

    exclude_known: bool = Field(
        default=True,
        description=(
            "Leave out known gamma-ray sources, too: a circle of 0.3 deg around each, "
            "or 0.15 deg more than an extended one reaches. The circles are added to "
            "exclude."
        ),
        json_schema_extra=shown("Leave out known sources"),
    )

    def with_known(self, ra_deg: float, dec_deg: float, reach_deg: float) -> Self:
        """Return the same with the known sources near a place among the circles.

        Raises
        ------
        ValueError
            Beginning with the parameter, if they are too many.
        """
        if not self.exclude_known:
            return self
        known = circles(ra_deg, dec_deg, reach_deg)
        every = tuple(dict.fromkeys((*self.exclude, *known)))
        if len(every) > EXCLUDED_MAX:
            message = (
                f"exclude: {len(self.exclude)} circles and {len(known)} known sources "
                f"are more than {EXCLUDED_MAX}; choose a smaller map, or exclude_known "
                "false"
            )
            raise ValueError(message)
        return self.model_copy(update={"exclude": every})
