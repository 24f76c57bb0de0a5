"""Parameters of a light curve; importable without Gammapy."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from distiller.analysis.fields import shown, text_of
from distiller.analysis.source_region import SourceRegionParameters

_HOURS_MIN: Final = 0.01
_HOURS_MAX: Final = 10_000.0


def _bins(value: str) -> str:
    """Take ``run``, ``night`` and a length in h; write it in one way."""
    text = value.strip().lower()
    if text in {"run", "night"}:
        return text
    try:
        hours = float(text)
    except ValueError:
        message = f"must be run, night or a length in h, not {value[:60]!r}"
        raise ValueError(message) from None
    if not _HOURS_MIN <= hours <= _HOURS_MAX:
        message = f"must be from {_HOURS_MIN:g} to {_HOURS_MAX:g} h, not {value[:60]!r}"
        raise ValueError(message)
    return text_of(hours)


class LightCurveParameters(SourceRegionParameters):
    """What a light curve is made from; once resolved, its configuration."""

    time_bins: Annotated[str, AfterValidator(_bins)] = Field(
        default="run",
        max_length=30,
        description=(
            "A point for each run, for each night (from noon to noon at the site), or "
            "for bins of this length, which begin with the first run."
        ),
        examples=["night", "0.5"],
        json_schema_extra=shown(
            "Time bins: run, night, or a length",
            group="Time",
            unit="h",
            ucd="time.interval",
        ),
    )
    index: float | None = Field(
        default=None,
        ge=0,
        le=10,
        description=(
            "Index of the power law that the flux is computed with; if none is given, "
            "that which fits all runs together."
        ),
        examples=[2.6],
        json_schema_extra=shown(
            "Index of the power law", unit="", ucd="spect.index", unset="fitted"
        ),
    )
