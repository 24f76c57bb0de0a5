"""Addresses of the image service."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from distiller.web import vosi
from distiller.web.sia import views

app_name = "sia"
urlpatterns: list[URLPattern] = [
    path("", vosi.to_capabilities("/sia2"), name="base"),
    path("query", views.query, name="query"),
    path("capabilities", views.capabilities, name="capabilities"),
    path("availability", vosi.availability, name="availability"),
    path("tables", vosi.table_of("ivoa.obscore"), name="tables"),
    re_path(
        r"^.+$",
        vosi.unknown("/sia2", "query", "capabilities", "availability", "tables"),
    ),
]
