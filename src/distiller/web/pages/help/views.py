"""The help page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.views.decorators.http import require_safe

from distiller.analysis.tasks import TASKS
from distiller.web import site

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_safe
def show_help(request: HttpRequest) -> HttpResponse:
    """Show how to search, analyse and use other programs, and the terms."""
    site_now = site.current()
    terms = site_now.archive.rows(
        "SELECT name, title, terms FROM cta.collection AS c WHERE EXISTS (SELECT 1 "
        "FROM cta.product AS p WHERE p.collection_id = c.collection_id) ORDER BY name"
    )
    words = {
        "here": "help",
        "tasks": TASKS.values(),
        "base_url": site_now.settings.base_url,
        "collections": terms,
        "keep_days": site_now.settings.job_keep_days,
    }
    return render(request, "help/help.html", words)
