"""Parameters of a significance map; importable without Gammapy."""

from __future__ import annotations

import math
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from distiller.analysis.fields import shown
from distiller.analysis.known_sources import KnownSources
from distiller.analysis.map_geometry import MapGeometry
from distiller.analysis.parameters import TaskParameters
from distiller.analysis.ranges import EnergyRange, TimeRange

PIXELS_MAX: Final = 4_000_000
"""Most pixels of one map: each takes some 200 bytes while it is made."""

CELLS_MAX: Final = 20_000_000
"""Most pixels times energy bins of one run, which take some 150 bytes each while it is
binned (measured): 3 GB of the 4 that a job has."""

IMAGES_MAX: Final = 40_000_000
"""Most pixels of the images of all runs together, which are kept for a second pass."""


class SignificanceMapParameters(
    KnownSources, MapGeometry, TimeRange, EnergyRange, TaskParameters
):
    """What a significance map is made from; once resolved, its configuration."""

    method: Literal["ring", "fov"] = Field(
        default="ring",
        description=(
            "Where the background comes from: ring, a ring around each pixel; fov, the "
            "background model of each run, fitted to its field of view."
        ),
        json_schema_extra=shown(
            "Background", words={"ring": "ring", "fov": "field of view"}
        ),
    )
    radius: float = Field(
        default=0.1,
        ge=0.01,
        le=2,
        description=(
            "Correlation radius: events within it around a pixel are counted."
        ),
        json_schema_extra=shown(
            "Correlation radius", unit="deg", ucd="phys.angSize;instr.beam"
        ),
    )
    r_in: float = Field(
        default=0.5,
        gt=0,
        le=5,
        description="Inner radius of the ring (method ring).",
        json_schema_extra=shown(
            "Inner radius of the ring", unit="deg", ucd="phys.angSize"
        ),
    )
    ring_width: float = Field(
        default=0.3,
        gt=0,
        le=5,
        description="Width of the ring (method ring).",
        json_schema_extra=shown("Width of the ring", unit="deg", ucd="phys.angSize"),
    )
    offset_max: float = Field(
        default=2.5,
        gt=0,
        le=10,
        description="Events further from the pointing of their run are not used.",
        json_schema_extra=shown("Field of view", unit="deg", ucd="phys.angSize"),
    )
    safe_range: Literal["thresholds", "none"] = Field(
        default="thresholds",
        description=(
            "Which energies of a run are safe: those within the thresholds of its "
            "effective area (LO_THRES, HI_THRES); or all."
        ),
        json_schema_extra=shown(
            "Safe energies",
            group="Energy",
            words={"thresholds": "thresholds of the files", "none": "all energies"},
        ),
    )
    bins_per_decade: int = Field(
        default=8,
        ge=1,
        le=50,
        description=(
            "Energy bins per decade in which the background is modelled; the map is "
            "their sum."
        ),
        json_schema_extra=shown(
            "Energy bins per decade", group="Energy", ucd="meta.number"
        ),
    )
    exclude_target: float = Field(
        default=0.3,
        ge=0,
        le=20,
        description=(
            "Radius around the centre that is left out of the background; 0: none."
        ),
        json_schema_extra=shown(
            "Radius left out around the centre", unit="deg", ucd="phys.angSize"
        ),
    )
    exclude_above: float = Field(
        default=5.0,
        ge=0,
        le=100,
        description=(
            "In a second pass, leave out what the first found more significant than "
            "this; 0: there is one pass."
        ),
        json_schema_extra=shown(
            "Leave out in a second pass above", unit="", ucd="stat.snr"
        ),
    )
    exclude_margin: float = Field(
        default=0.2,
        ge=0,
        le=5,
        description="By how much the regions of the second pass are enlarged.",
        json_schema_extra=shown(
            "Margin of the second pass", unit="deg", ucd="phys.angSize"
        ),
    )

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        self.check_width()
        if self.radius < self.binsz:
            message = (
                f"radius: a disc of {self.radius:g} deg is smaller than a pixel of "
                f"{self.binsz:g} deg; choose a smaller binsz"
            )
            raise ValueError(message)
        if self.method == "ring":
            self._check_ring()
        self._check_size()
        return self

    def _check_ring(self) -> None:
        if self.r_in < self.radius:
            message = (
                f"r_in: the ring begins at {self.r_in:g} deg, within the radius of "
                f"{self.radius:g} deg, where its own source is"
            )
            raise ValueError(message)
        if self.ring_width < self.binsz:
            message = (
                f"ring_width: {self.ring_width:g} deg is less than a pixel of "
                f"{self.binsz:g} deg"
            )
            raise ValueError(message)

    def _check_size(self) -> None:
        nx, ny = self.shape
        across = math.ceil(2.2 * self.offset_max / self.binsz)
        decades = math.log10(self.e_max / self.e_min)
        bins = max(1, math.ceil(self.bins_per_decade * decades))
        view = min(nx, across) * min(ny, across)
        if nx * ny > PIXELS_MAX or view * bins > CELLS_MAX:
            message = (
                f"width: {nx} x {ny} pixels and {bins} energy bins are more than "
                f"{PIXELS_MAX:,} pixels, or {CELLS_MAX:,} of all bins of a run; choose "
                "a larger binsz, a smaller width or fewer bins_per_decade"
            )
            raise ValueError(message)
        if view * len(self.obs) > IMAGES_MAX:
            message = (
                f"width: {len(self.obs)} runs of {view:,} pixels are more than "
                f"{IMAGES_MAX:,} together; choose a larger binsz, a smaller width or "
                "fewer runs"
            )
            raise ValueError(message)

    def completed(self) -> Self:
        """Return the same with the circles of known sources among ``exclude``."""
        ring = self.r_in + self.ring_width if self.method == "ring" else 0.0
        reach = math.hypot(*self.span_deg) / 2 + ring
        return self.with_known(*self.centre_deg, reach)
