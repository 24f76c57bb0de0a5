"""What this server serves: settings, archive and job service, installed once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from distiller.core.errors import InternalError

if TYPE_CHECKING:
    from distiller.archive import Archive
    from distiller.core.settings import Settings
    from distiller.jobs.service import JobService


@dataclass(frozen=True, slots=True)
class Site:
    """The parts that views use; made by ``distiller serve`` and by tests."""

    settings: Settings
    archive: Archive
    jobs: JobService


class _Holder:
    site: Site | None = None


def install(site: Site | None) -> None:
    """Make this the site of the process (None takes it away)."""
    _Holder.site = site


def current() -> Site:
    """Return the site of the process."""
    if _Holder.site is None:
        message = "no site is installed in this process"
        raise InternalError(message, hint="start the server with `distiller serve`")
    return _Holder.site
