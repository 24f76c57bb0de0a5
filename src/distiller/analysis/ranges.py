"""Parameters that several tasks share: energies, times, regions to leave out."""

from __future__ import annotations

from typing import Final, Self

from pydantic import BaseModel, Field, model_validator

from distiller.analysis.fields import Circle, shown
from distiller.analysis.parameters import SentFile

EXCLUDED_MAX: Final = 200
"""Most regions that one job may leave out."""


def check_energies(low_tev: float | None, high_tev: float | None) -> None:
    """Refuse energies in the wrong order; None is no limit.

    Raises
    ------
    ValueError
        Beginning with the parameter.
    """
    if low_tev is not None and high_tev is not None and low_tev >= high_tev:
        message = f"e_min: {low_tev:g} TeV is not below e_max {high_tev:g} TeV"
        raise ValueError(message)


class EnergyRange(BaseModel):
    """Which reconstructed energies: [e_min, e_max)."""

    e_min: float = Field(
        default=0.1,
        gt=0,
        le=10_000,
        description="Lowest energy, included.",
        json_schema_extra=shown(
            "Lowest energy", group="Energy", unit="TeV", ucd="em.energy;stat.min"
        ),
    )
    e_max: float = Field(
        default=100.0,
        gt=0,
        le=10_000,
        description="Highest energy, excluded.",
        json_schema_extra=shown(
            "Highest energy", group="Energy", unit="TeV", ucd="em.energy;stat.max"
        ),
    )

    @model_validator(mode="after")
    def _has_energies(self) -> Self:
        check_energies(self.e_min, self.e_max)
        return self


class TimeRange(BaseModel):
    """Which times: [t_min, t_max)."""

    t_min: float | None = Field(
        default=None,
        ge=0,
        le=100_000,
        description="Earliest event time, included (MJD, UTC).",
        json_schema_extra=shown(
            "Earliest time", group="Time", unit="d", ucd="time.start", unset="no limit"
        ),
    )
    t_max: float | None = Field(
        default=None,
        ge=0,
        le=100_000,
        description="Latest event time, excluded (MJD, UTC).",
        json_schema_extra=shown(
            "Latest time", group="Time", unit="d", ucd="time.end", unset="no limit"
        ),
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


class Exclusions(BaseModel):
    """Which regions do not count as background."""

    exclude: tuple[Circle, ...] = Field(
        default=(),
        max_length=EXCLUDED_MAX,
        description=(
            "Circles on the sky (ICRS) that are left out of the background, each as "
            "ra,dec,radius in deg."
        ),
        json_schema_extra=shown(
            "Regions left out", unit="deg", unset="none", repeatable=True
        ),
    )
    exclusion_file: SentFile | None = Field(
        default=None,
        description=(
            "A file that says what is left out of the background, too: a FITS image "
            "with coordinates on the sky, 1 where events count as background and 0 "
            "where they do not (as Gammapy's masks; beyond its edges they count); or "
            "regions of DS9 in coordinates on the sky, which are left out."
        ),
        json_schema_extra=shown(
            "Exclusion file", unset="none", files=(".fits", ".reg")
        ),
    )
