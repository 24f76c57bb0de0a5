"""Names of targets as the headers of the archived data give them."""

from __future__ import annotations

from typing import Final

from distiller.core.names import normal
from distiller.core.sky import separation_deg
from distiller.web import site

_ONE_PLACE_DEG: Final = 0.5
"""Positions further apart are of several places, as those of ``Off data``."""

_TARGETS: Final = (
    "SELECT name, ra, dec FROM cta.target WHERE ra IS NOT NULL ORDER BY name, ra, dec"
)
_NAMES: Final = (
    "SELECT DISTINCT target_name FROM ivoa.obscore "
    "WHERE target_name IS NOT NULL ORDER BY target_name"
)


def place_of(name: str) -> tuple[str, float, float] | None:
    """Return name, RA and Dec (ICRS, deg) of a target, None if it has no one place."""
    wanted = normal(name)
    rows = site.current().archive.rows(_TARGETS)
    found = [r for r in rows if r["name"] and normal(r["name"]) == wanted]
    if not found:
        return None
    first = found[0]
    apart = separation_deg(
        first["ra"], first["dec"], [r["ra"] for r in found], [r["dec"] for r in found]
    )
    if apart.max() > _ONE_PLACE_DEG:
        return None
    return first["name"], first["ra"], first["dec"]


def spelling_of(name: str) -> str | None:
    """Return a target's name as ivoa.obscore spells it, None if no dataset has it."""
    wanted = normal(name)
    names = (row["target_name"] for row in site.current().archive.rows(_NAMES))
    return next((known for known in names if normal(known) == wanted), None)
