"""Names of targets as the headers of the archived data give them."""

from __future__ import annotations

from typing import Final

from distiller.core.names import normal
from distiller.core.sky import separation_deg
from distiller.web import site

_ONE_PLACE_DEG: Final = 0.5
"""Positions further apart are of several places, as those of ``Off data``."""

_TARGETS: Final = """
SELECT t.name, t.ra, t.dec FROM cta.target AS t
WHERE t.ra IS NOT NULL AND t.dec IS NOT NULL
  AND (lower(regexp_replace(t.name, '[^a-zA-Z0-9]', '', 'g')) LIKE ?
       OR regexp_replace(t.name, '[ -~]', '', 'g') <> '')
  AND EXISTS (SELECT 1 FROM cta.observation AS o WHERE o.target_id = t.target_id)
ORDER BY t.name, t.ra, t.dec
"""
"""Targets of datasets, by how a name ends, or not in ASCII; `normal` decides then."""
_NAMES: Final = (
    "SELECT DISTINCT target_name FROM ivoa.obscore "
    "WHERE target_name IS NOT NULL ORDER BY target_name"
)


def place_of(name: str) -> tuple[str, float, float] | None:
    """Return name, RA and Dec (ICRS, deg) of a target, None if it has no one place."""
    wanted = normal(name)
    rows = site.current().archive.rows(_TARGETS, [f"%{_ending(wanted)}"])
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


def _ending(wanted: str) -> str:
    """Return what every spelling in ASCII ends with, signs left out.

    Before the first digit, `normal` may put other letters.

    >>> _ending(normal("Markarian 421")), _ending(normal("Off data"))
    ('421', 'offdata')
    """
    letters = "".join(c for c in wanted if c.isascii() and c.isalnum())
    digit = next((i for i, c in enumerate(letters) if c.isdecimal()), 0)
    return letters[digit:]
