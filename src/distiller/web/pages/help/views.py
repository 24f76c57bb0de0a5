"""The help page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.shortcuts import render
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from distiller.analysis.fields import describe
from distiller.analysis.tasks import TASKS, task
from distiller.web import site
from distiller.web.pages.help import methods
from distiller.web.pages.jobs import elsewhere, links

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the Virtual Observatory; ``path`` is its address on this site."""

    title: str
    path: str
    words: str


SERVICES: Final = (
    Service("TAP", "/tap", "every table, by queries in ADQL"),
    Service("Cone search", "/scs", "datasets around a position"),
    Service("Image search", "/sia2", "images and cubes (SIA 2.0)"),
    *(
        Service(f"Jobs: {task.title}", f"/uws/{task.name}", "an analysis (UWS 1.1)")
        for task in TASKS.values()
    ),
)


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
        "services": SERVICES,
        "base_url": site_now.settings.base_url,
        "collections": terms,
        "keep_days": site_now.settings.job_keep_days,
    }
    return render(request, "help/help.html", words)


@require_safe
def show_task(request: HttpRequest, name: str) -> HttpResponse:
    """Show how a task works, its parameters and an example."""
    chosen = task(name)
    base_url = site.current().settings.base_url
    words = {
        "here": "help",
        "task": chosen,
        # Ours, and HTML in it would be shown as text.
        "method": mark_safe(methods.html_of(chosen, base_url)),  # noqa: S308
        "parameters": describe(chosen.parameters),
        "form": links.form_address(chosen.name, chosen.example),
        "snippets": elsewhere.snippets(chosen.name, chosen.example, base_url),
        "base_url": base_url,
    }
    return render(request, "help/task.html", words)
