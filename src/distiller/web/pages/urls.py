"""Addresses of the pages: one line per folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import include, path

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("distiller.web.pages.start.urls")),
    path("search", include("distiller.web.pages.search.urls")),
    path("adql/", include("distiller.web.pages.adql.urls")),
    path("obs/", include("distiller.web.pages.dataset.urls")),
    path("products/", include("distiller.web.pages.products.urls")),
    path("jobs/", include("distiller.web.pages.jobs.urls")),
    path("tables/", include("distiller.web.pages.tables.urls")),
    path("schema/", include("distiller.web.pages.schema.urls")),
    path("help/", include("distiller.web.pages.help.urls")),
]
