"""A task that has parameters of every kind, for what is made from any task."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from distiller.analysis.fields import Circle, shown
from distiller.analysis.parameters import TaskParameters, separated
from distiller.analysis.tasks import Task


class Everything(TaskParameters):
    """One field of each kind."""

    radius: float = Field(
        default=0.1,
        gt=0,
        le=5,
        description="Radius of the region.",
        json_schema_extra=shown("Radius", group="Place", unit="deg"),
    )
    offset: float | None = Field(
        default=None,
        ge=0,
        description="Largest offset.",
        examples=[2.5],
        json_schema_extra=shown("Offset", unit="deg", unset="from the data"),
    )
    contain: bool = Field(
        default=True,
        description="Whether leakage is corrected.",
        json_schema_extra=shown("Containment"),
    )
    models: Annotated[
        tuple[Literal["pl", "lp", "ecpl"], ...], BeforeValidator(separated)
    ] = Field(
        default=("pl", "lp"),
        min_length=1,
        description="Models to fit.",
        json_schema_extra=shown("Models", repeatable=True),
    )
    exclude: tuple[Circle, ...] = Field(
        default=(),
        max_length=3,
        description="Circles to leave out.",
        json_schema_extra=shown(
            "Excluded circles", group="Place", unit="deg", repeatable=True
        ),
    )
    method: Literal["ring", "fov"] | None = Field(
        default=None,
        description="How the background is found.",
        json_schema_extra=shown("Background", unset="by the field"),
    )
    edges: Annotated[tuple[float, ...], BeforeValidator(separated)] = Field(
        default=(),
        description="Edges of bins.",
        json_schema_extra=shown("Edges", group="Time", unit="d"),
    )


EVERYTHING = Task(
    name="everything",
    version="1",
    title="Everything",
    description="Every kind of parameter.",
    parameters=Everything,
    entry="tests.support.every_kind:run",
)
