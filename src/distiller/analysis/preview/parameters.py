"""What the quick look of a dataset is told of it; importable without Gammapy."""

from __future__ import annotations

from pydantic import Field

from distiller.analysis.fields import unit
from distiller.analysis.parameters import TaskParameters


class PreviewParameters(TaskParameters):
    """What the archive knows of the one dataset in ``obs``.

    ``target`` is what it is called on the picture; ``ra`` and ``dec`` are where the
    archive says that it points.
    """

    fov: float | None = Field(
        default=None,
        gt=0,
        le=360,
        description="Diameter of the field for which there are responses.",
        json_schema_extra=unit("deg"),
    )
    livetime: float | None = Field(
        default=None,
        ge=0,
        description="Good time corrected for dead time.",
        json_schema_extra=unit("s"),
    )
