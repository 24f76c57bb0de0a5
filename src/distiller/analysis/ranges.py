"""Parameters that several tasks share: energies, times, regions to leave out."""

from __future__ import annotations

from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from distiller.analysis.parameters import unit

EXCLUDED_MAX: Final = 200
"""Most regions that one job may leave out."""

_RADIUS_MAX_DEG: Final = 20.0

Circle = tuple[float, float, float]
"""ICRS right ascension and declination of a centre, and the radius, deg."""


class EnergyRange(BaseModel):
    """Which reconstructed energies: [e_min, e_max)."""

    e_min: float = Field(
        default=0.1,
        gt=0,
        le=10_000,
        description="Lowest energy, included.",
        json_schema_extra=unit("TeV"),
    )
    e_max: float = Field(
        default=100.0,
        gt=0,
        le=10_000,
        description="Highest energy, excluded.",
        json_schema_extra=unit("TeV"),
    )

    @model_validator(mode="after")
    def _has_energies(self) -> Self:
        if self.e_min >= self.e_max:
            message = f"e_min: {self.e_min:g} TeV is not below e_max {self.e_max:g} TeV"
            raise ValueError(message)
        return self


class TimeRange(BaseModel):
    """Which times: [t_min, t_max)."""

    t_min: float | None = Field(
        default=None,
        ge=0,
        le=100_000,
        description="Earliest event time, included (MJD, UTC).",
        json_schema_extra=unit("d"),
    )
    t_max: float | None = Field(
        default=None,
        ge=0,
        le=100_000,
        description="Latest event time, excluded (MJD, UTC).",
        json_schema_extra=unit("d"),
    )

    @model_validator(mode="after")
    def _has_times(self) -> Self:
        if (
            self.t_min is not None
            and self.t_max is not None
            and self.t_min >= self.t_max
        ):
            message = f"t_min: {self.t_min} is not before t_max {self.t_max} (MJD)"
            raise ValueError(message)
        return self


def _circles(value: object) -> object:
    """Take ``83.6,22,0.3`` and a list of such texts or triples."""
    items = value if isinstance(value, (list, tuple)) else [value]
    return tuple(_circle(item) for item in items)


def _circle(item: Any) -> Circle:
    parts = item.split(",") if isinstance(item, str) else item
    try:
        ra, dec, radius = (float(part) for part in parts)
    except (TypeError, ValueError):
        message = f"must be ra,dec,radius in deg, not {str(item)[:60]!r}"
        raise ValueError(message) from None
    if not (0 <= ra < 360 and -90 <= dec <= 90 and 0 < radius <= _RADIUS_MAX_DEG):  # noqa: PLR2004 - the sphere
        message = (
            f"{ra:g},{dec:g},{radius:g} is no circle: 0 to 360, -90 to 90, "
            f"and a radius up to {_RADIUS_MAX_DEG:g} deg"
        )
        raise ValueError(message)
    return ra, dec, radius


class Exclusions(BaseModel):
    """Which regions do not count as background."""

    exclude: Annotated[tuple[Circle, ...], BeforeValidator(_circles)] = Field(
        default=(),
        max_length=EXCLUDED_MAX,
        description=(
            "Region that is left out of the background: ra,dec,radius of a circle "
            "(ICRS); may be repeated."
        ),
        json_schema_extra=unit("deg"),
    )
