"""What every page shows: the site's name and terms, and how many jobs are under way."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from distiller.vo.uws import JobFilter, Phase
from distiller.web import site

if TYPE_CHECKING:
    from django.http import HttpRequest

UNDER_WAY = JobFilter(frozenset({Phase.QUEUED, Phase.EXECUTING, Phase.SUSPENDED}))


def of_site() -> dict[str, Any]:
    """Return the words of header and footer that need no database."""
    settings = site.current().settings
    return {
        "site_title": settings.site_title,
        "version": version("cta-data-distiller"),
        "authority": settings.authority,
        "contact": settings.contact,
        "data_terms": settings.data_terms,
    }


def owner_of(request: HttpRequest) -> str | None:
    """Return the account name for which a request acts, None for nobody."""
    user = getattr(request, "user", None)
    return user.get_username() if user is not None and user.is_authenticated else None


def jobs_under_way(request: HttpRequest) -> int:
    """Count the jobs of this user that wait or run."""
    jobs = site.current().jobs
    return len(jobs.list(owner=owner_of(request), wanted=UNDER_WAY))


def every_page(request: HttpRequest) -> dict[str, Any]:
    """Return what the frame of a page needs (a context processor)."""
    return {**of_site(), "jobs_under_way": jobs_under_way(request)}
