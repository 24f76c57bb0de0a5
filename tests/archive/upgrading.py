"""Upgrades of an archive, and what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distiller.archive import open_archive
from distiller.archive.upgrade import plan, upgrade

if TYPE_CHECKING:
    from distiller.core.settings import Settings

RUNS = 3


def upgraded(settings: Settings, **given: Any) -> list[str]:
    """Upgrade, and return what differed."""
    planned = plan(settings, drop=given.get("drop", False))
    upgrade(settings, planned, **given)
    return [str(difference) for difference in planned.differences]


def digest(settings: Settings) -> str:
    """Return the digest of all rows."""
    with open_archive(settings) as archive:
        return archive.digest()
