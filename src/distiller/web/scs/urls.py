"""Addresses of the cone search; its base is beside them, since it has no last slash."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from distiller.web import vosi
from distiller.web.scs import views

app_name = "scs"
urlpatterns: list[URLPattern] = [
    path("scs", views.search, name="search"),
    path("scs/", views.search),
    path("scs/capabilities", views.capabilities, name="capabilities"),
    path("scs/availability", vosi.availability, name="availability"),
    path("scs/tables", vosi.table_of("ivoa.obscore"), name="tables"),
    re_path(
        r"^scs/.+$", vosi.unknown("/scs", "capabilities", "availability", "tables")
    ),
]
