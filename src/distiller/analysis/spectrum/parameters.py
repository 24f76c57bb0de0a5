"""Parameters of a spectrum; importable without Gammapy."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from distiller.analysis.fields import shown
from distiller.analysis.source_region import SourceRegionParameters

Model = Literal["pl", "lp", "ecpl", "all"]
MODELS: Final = {
    "pl": "power law",
    "lp": "log-parabola",
    "ecpl": "power law with exponential cut-off",
}
"""What the models are called in words."""


class SpectrumParameters(SourceRegionParameters):
    """What a spectrum is made from; once the centre is resolved, its configuration."""

    model: Model = Field(
        default="pl",
        description=(
            "Spectral model: power law, log-parabola, power law with exponential "
            "cut-off; or all three compared. Then the power law is taken unless a "
            "curved one fits better by 3 sigma (likelihood ratio)."
        ),
        json_schema_extra=shown("Model", words=MODELS | {"all": "all three, compared"}),
    )
    e_ref: float = Field(
        default=1.0,
        gt=0,
        le=1000,
        description="Energy at which the amplitude of the model is given.",
        json_schema_extra=shown(
            "Reference energy", group="Energy", unit="TeV", ucd="em.energy"
        ),
    )
    n_e: int = Field(
        default=5,
        ge=1,
        le=20,
        description=(
            "Flux points per decade of energy; the fit is made in bins that are a part "
            "of them, at least 20 per decade."
        ),
        json_schema_extra=shown(
            "Flux points per decade", group="Energy", ucd="meta.number"
        ),
    )
    combine: Literal["stacked", "joint"] = Field(
        default="stacked",
        description=(
            "Whether the models are fitted to the sum of all runs with their mean "
            "responses, or to all runs at once, each with its own."
        ),
        json_schema_extra=shown(
            "Runs are", words={"stacked": "summed", "joint": "fitted at once"}
        ),
    )
