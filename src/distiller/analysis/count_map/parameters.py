"""Parameters of a count map; importable without Gammapy."""

from __future__ import annotations

from typing import Final, Self

from pydantic import Field, model_validator

from distiller.analysis.fields import shown
from distiller.analysis.map_geometry import MapGeometry
from distiller.analysis.parameters import TaskParameters
from distiller.analysis.ranges import EnergyRange, TimeRange

CELLS_MAX: Final = 16_000_000
"""Most pixels times energy bins of one map: 64 MB of counts."""


class _EnergyBins(EnergyRange):
    n_e: int = Field(
        default=1,
        ge=1,
        le=100,
        description="Energy bins, equal in log(E); more than 1 makes a cube.",
        json_schema_extra=shown("Energy bins", group="Energy", ucd="meta.number"),
    )


class CountMapParameters(MapGeometry, TimeRange, _EnergyBins, TaskParameters):
    """What a count map is made from; once the centre is resolved, its configuration."""

    exposure: bool = Field(
        default=True,
        description=(
            "Whether to add the exposure of each pixel, effective area times live time "
            "in cm2 s, where the archive has the effective areas of all runs."
        ),
        json_schema_extra=shown("Exposure", group="Output"),
    )

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        self.check_width()
        nx, ny = self.shape
        if nx * ny * self.n_e > CELLS_MAX:
            message = (
                f"width: {nx} x {ny} pixels x {self.n_e} energy bins are more than "
                f"{CELLS_MAX:,}; choose a larger binsz, a smaller width or a "
                "smaller n_e"
            )
            raise ValueError(message)
        return self

    @property
    def uses_responses(self) -> bool:
        """For the exposure only."""
        return self.exposure
