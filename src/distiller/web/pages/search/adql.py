"""The ADQL that the form makes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from distiller.core.sky import energy_tev_to_wavelength_m
from distiller.queries import literals
from distiller.web.pages.search.form import RADIUS_DEG

if TYPE_CHECKING:
    from collections.abc import Iterable

    from distiller.web.pages.search.form import SearchForm

COLUMNS: Final = (
    "o.obs_id",
    "o.obs_collection",
    "o.target_name",
    "o.dataproduct_type",
    "p.product_subtype",
    "p.data_level",
    "o.s_ra",
    "o.s_dec",
    "o.t_min",
    "o.t_exptime",
    "o.em_max",
    "o.em_min",
    "o.access_estsize",
    "o.access_url",
    "o.obs_publisher_did",
)
"""What a result table shows, in this order (em_max is the lowest energy)."""

_FROM: Final = (
    "FROM ivoa.obscore AS o\n"
    "  JOIN cta.product AS p ON p.publisher_did = o.obs_publisher_did"
)
_DEFAULT_ORDER: Final = "o.t_min, o.obs_publisher_did"


@dataclass(frozen=True, slots=True)
class Facet:
    """A column by which results are counted; ``field`` is its form parameter."""

    title: str
    field: str
    column: str
    attribute: str


FACETS: Final = (
    Facet("Collection", "collection", "o.obs_collection", "collections"),
    Facet("Data product type", "dataproduct_type", "o.dataproduct_type", "types"),
    Facet("Subtype", "dataproduct_subtype", "p.product_subtype", "subtypes"),
    Facet("Data level", "level", "p.data_level", "levels"),
    Facet("Target", "target_name", "o.target_name", "target_names"),
)


def search(form: SearchForm) -> str:
    """Return the query of the form.

    >>> from distiller.web.pages.search.form import SearchForm
    >>> print(search(SearchForm(ra_deg=83.6331, dec_deg=22.0145)).split("WHERE ")[1])
    (1 = INTERSECTS(o.s_region, CIRCLE(83.6331, 22.0145, 0.001))
        OR (o.s_region IS NULL
          AND 1 = CONTAINS(POINT(o.s_ra, o.s_dec), CIRCLE(83.6331, 22.0145, 2.0))))
    ORDER BY o.t_min, o.obs_publisher_did
    """
    chosen = ", ".join(COLUMNS[:8]) + ",\n       " + ", ".join(COLUMNS[8:])
    return f"SELECT {chosen}\n{_FROM}{_where(form)}\nORDER BY {_order(form)}"


def facet(form: SearchForm, counted: Facet) -> str:
    """Return the query that counts a facet, under all other conditions."""
    nothing: dict[str, Any] = {counted.attribute: ()}
    others = replace(form, **nothing)
    return (
        f"SELECT {counted.column} AS item, COUNT(*) AS n\n{_FROM}{_where(others)}\n"
        f"GROUP BY {counted.column}\nORDER BY n DESC, item"
    )


def _order(form: SearchForm) -> str:
    name = form.sort.removeprefix("-")
    known = {column.partition(".")[2]: column for column in COLUMNS}
    if name not in known:
        return _DEFAULT_ORDER
    direction = " DESC" if form.sort.startswith("-") else ""
    return f"{known[name]}{direction}, o.obs_publisher_did"


def _where(form: SearchForm) -> str:
    conditions = [
        *_position(form),
        *_one_of("o.dataproduct_type", form.types),
        *_one_of("p.product_subtype", form.subtypes),
        *_one_of("p.data_level", form.levels),
        *_one_of("o.obs_collection", form.collections),
        *_one_of("o.target_name", form.target_names),
        *_one_of("o.obs_id", (form.obs_id,) if form.obs_id else ()),
        *_one_of("o.proposal_id", (form.proposal_id,) if form.proposal_id else ()),
        *_ranges(form),
    ]
    return "\nWHERE " + "\n  AND ".join(conditions) if conditions else ""


def _position(form: SearchForm) -> Iterable[str]:
    if form.ra_deg is None or form.dec_deg is None:
        return
    centre, radius = f"{form.ra_deg!r}, {form.dec_deg!r}", form.radius_used_deg
    if form.position_mode == "pointing":
        yield _points_into(f"CIRCLE({centre}, {radius!r})")
        return
    # Point-like sets do not say their field of view: their pointing has to do.
    near = max(radius, RADIUS_DEG["pointing"])
    yield (
        f"(1 = INTERSECTS(o.s_region, CIRCLE({centre}, {radius!r}))\n"
        "    OR (o.s_region IS NULL\n"
        f"      AND {_points_into(f'CIRCLE({centre}, {near!r})')}))"
    )


def _points_into(circle: str) -> str:
    return f"1 = CONTAINS(POINT(o.s_ra, o.s_dec), {circle})"


def _ranges(form: SearchForm) -> Iterable[str]:
    # A dataset is found if its own range overlaps the wanted one.
    if form.t_min_mjd is not None:
        yield f"o.t_max >= {form.t_min_mjd!r}"
    if form.t_max_mjd is not None:
        yield f"o.t_min <= {form.t_max_mjd!r}"
    # High energies are short wavelengths: em_min belongs to the highest energy.
    if form.e_min_tev:
        yield f"o.em_min <= {energy_tev_to_wavelength_m(form.e_min_tev)!r}"
    if form.e_max_tev:
        yield f"o.em_max >= {energy_tev_to_wavelength_m(form.e_max_tev)!r}"


def _one_of(column: str, values: tuple[str, ...]) -> Iterable[str]:
    if values:
        yield literals.one_of(column, map(literals.text, values))
