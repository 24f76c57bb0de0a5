"""Parameters of the pixels of a map, for all tasks that make maps; needs no Gammapy."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, Field

from distiller.analysis.fields import shown
from distiller.analysis.parameters import numbers

Projection = Literal["TAN", "CAR", "SIN", "ZEA", "ARC", "STG", "AIT", "MOL"]
_PROJECTIONS: Final = {
    "TAN": "gnomonic",
    "CAR": "plate carr\u00e9e",
    "SIN": "orthographic",
    "ZEA": "zenithal equal-area",
    "ARC": "zenithal equidistant",
    "STG": "stereographic",
    "AIT": "Hammer-Aitoff",
    "MOL": "Mollweide",
}

_WIDTH_MAX_DEG: Final[dict[str, tuple[float, float]]] = {
    # Gnomonic and orthographic maps end before 90 deg from the centre.
    "TAN": (120.0, 120.0),
    "SIN": (120.0, 120.0),
    "STG": (180.0, 180.0),
    "ZEA": (180.0, 180.0),
    "ARC": (180.0, 180.0),
    "CAR": (360.0, 180.0),
    "AIT": (360.0, 180.0),
    "MOL": (360.0, 180.0),
}


def _width(value: object) -> object:
    """Take ``5`` and ``5,4`` and a pair."""
    parts = numbers(value)
    if len(parts) > 2 or "" in parts:  # noqa: PLR2004 - width and height
        message = "must be one number or width,height"
        raise ValueError(message)
    return parts * 2 if len(parts) == 1 else parts


class MapGeometry(BaseModel):
    """Which pixels: size, number, projection and frame of a map."""

    width: Annotated[tuple[float, float], BeforeValidator(_width)] = Field(
        default=(5.0, 5.0),
        description="Size of the map: one number, or width,height.",
        json_schema_extra=shown(
            "Size of the map", group="Place", unit="deg", ucd="phys.angSize"
        ),
    )
    binsz: float = Field(
        default=0.02,
        ge=0.001,
        le=10,
        description="Size of a pixel at the centre.",
        json_schema_extra=shown(
            "Size of a pixel", group="Place", unit="deg", ucd="phys.angSize;instr.pixel"
        ),
    )
    proj: Projection = Field(
        default="TAN",
        description="Projection, as the FITS standard abbreviates it.",
        json_schema_extra=shown("Projection", group="Place", words=_PROJECTIONS),
    )
    frame: Literal["icrs", "galactic"] = Field(
        default="icrs",
        description="Coordinate frame of the map.",
        json_schema_extra=shown(
            "Frame",
            group="Place",
            ucd="pos.frame",
            words={"icrs": "right ascension, declination", "galactic": "galactic"},
        ),
    )

    def check_width(self) -> None:
        """Refuse sizes that the projection cannot show.

        Raises
        ------
        ValueError
            Beginning with the parameter.
        """
        largest = _WIDTH_MAX_DEG[self.proj]
        for size, most, name in zip(
            self.width, largest, ("width", "height"), strict=True
        ):
            if not self.binsz <= size <= most:
                message = (
                    f"width: a {name} of {size:g} deg is outside "
                    f"{self.binsz:g} (binsz) to {most:g} deg for {self.proj}"
                )
                raise ValueError(message)

    @property
    def near_deg(self) -> float:
        """Half the larger side: a place further away is not on the map."""
        return max(self.width) / 2

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels along and across, as ``WcsGeom.create`` counts them."""
        nx, ny = (max(1, round(size / self.binsz)) for size in self.width)
        return nx, ny

    @property
    def span_deg(self) -> tuple[float, float]:
        """Width and height of the whole pixels: a little off what was asked for."""
        nx, ny = self.shape
        # Rounded, as three pixels of 0.3 deg are 0.9 deg for all but a computer.
        return round(nx * self.binsz, 9), round(ny * self.binsz, 9)
