"""What this TAP service says of itself, taken from what it really does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from distiller.adql.functions import advertised
from distiller.vo.vosi import FEATURES, Feature, TapService

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distiller.core.settings import Settings

_DAY_S: Final = 86_400

_STANDARD: Final[Mapping[str, tuple[str, ...]]] = {
    "adqlgeo": (
        "AREA", "BOX", "CENTROID", "CIRCLE", "CONTAINS", "COORD1", "COORD2",
        "COORDSYS", "DISTANCE", "INTERSECTS", "POINT", "POLYGON", "REGION",
    ),
    "adql-string": ("ILIKE", "LOWER", "UPPER"),
    "adql-sets": ("EXCEPT", "INTERSECT", "UNION"),
    "adql-common-table": ("WITH",),
    "adql-type": ("CAST",),
    "adql-unit": ("IN_UNIT",),
    "adql-offset": ("OFFSET",),
}  # fmt: skip
"""Optional features of ADQL 2.1 by their list; a test sends a query with each.

COALESCE is there, too, but not its list, adql-conditional: taplint takes that for an
error as long as it is older than the standard. The description of the language says so.
"""


def features() -> Mapping[str, tuple[Feature, ...]]:
    """Return the optional features of the language, by the identifier of their list."""
    functions = tuple(Feature(form, words) for form, words in advertised())
    standard = {
        f"{FEATURES}{name}": tuple(Feature(form) for form in forms)
        for name, forms in _STANDARD.items()
    }
    return {**standard, f"{FEATURES}udf": functions}


def service(settings: Settings, base_url: str) -> TapService:
    """Return the description of the TAP service of a site.

    Parameters
    ----------
    base_url
        Of the service, without a last slash.
    """
    return TapService(
        base_url=base_url,
        rows_default=settings.query_rows_default,
        rows_max=settings.query_rows_max,
        duration_default_s=min(
            settings.async_duration_s, settings.async_duration_max_s
        ),
        duration_max_s=settings.async_duration_max_s,
        retention_s=round(settings.job_keep_days * _DAY_S),
        upload_rows=settings.upload_rows,
        features=features(),
    )
