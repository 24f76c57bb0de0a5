"""Parameters of tasks that count a source region against reflected regions."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from distiller.analysis.fields import shown
from distiller.analysis.known_sources import KnownSources
from distiller.analysis.parameters import TaskParameters
from distiller.analysis.ranges import TimeRange, check_energies

REACH_DEG: Final = 5.0
"""How far off regions may lie from the source: twice the largest usual offset."""


class SourceRegionParameters(KnownSources, TimeRange, TaskParameters):
    """The region, its background and the energies whose responses can be trusted."""

    radius: float = Field(
        default=0.11,
        ge=0.01,
        le=2,
        description=(
            "Radius of the source (on) region; with point-like responses their own "
            "region is used instead."
        ),
        json_schema_extra=shown(
            "Radius of the source region",
            group="Place",
            unit="deg",
            ucd="phys.angSize",
        ),
    )
    e_min: float | None = Field(
        default=None,
        gt=0,
        le=10_000,
        description=(
            "Lowest reconstructed energy, included; an edge of the bins, exactly. "
            "Energies outside the safe range of a run are left out all the same."
        ),
        examples=[0.7],
        json_schema_extra=shown(
            "Lowest energy",
            group="Energy",
            unit="TeV",
            ucd="em.energy;stat.min",
            unset="from the safe range",
        ),
    )
    e_max: float | None = Field(
        default=None,
        gt=0,
        le=10_000,
        description="Highest reconstructed energy, excluded; likewise.",
        examples=[30],
        json_schema_extra=shown(
            "Highest energy",
            group="Energy",
            unit="TeV",
            ucd="em.energy;stat.max",
            unset="from the safe range",
        ),
    )
    safe_range: Literal["auto", "thresholds", "edisp-bias", "aeff-max", "none"] = Field(
        default="auto",
        description=(
            "Which energies of a run are safe: the thresholds of its file; where the "
            "bias of the energy is below 10 %; where the effective area is above 10 % "
            "of its maximum; all. auto: the thresholds where the file has sensible "
            "ones, else by the bias."
        ),
        json_schema_extra=shown(
            "Safe energies",
            group="Energy",
            words={
                "auto": "thresholds, else by the bias",
                "thresholds": "thresholds of the files",
                "edisp-bias": "bias below 10 %",
                "aeff-max": "area above 10 % of its maximum",
                "none": "all energies",
            },
        ),
    )
    containment: bool = Field(
        default=True,
        description=(
            "Whether the flux is corrected for gamma rays of a point source that the "
            "source region does not contain. Point-like responses have it in them."
        ),
        json_schema_extra=shown("Containment correction"),
    )
    n_off_min: int = Field(
        default=1,
        ge=1,
        le=100,
        description="A run with fewer reflected regions is left out.",
        json_schema_extra=shown("Least number of off regions", ucd="meta.number"),
    )

    @model_validator(mode="after")
    def _has_energies(self) -> Self:
        check_energies(self.e_min, self.e_max)
        return self

    def completed(self) -> Self:
        """Return the same with the circles of known sources among ``exclude``."""
        return self.with_known(*self.centre_deg, REACH_DEG)
