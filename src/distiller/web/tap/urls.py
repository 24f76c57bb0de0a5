"""Addresses of the TAP service."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from distiller.jobs.store import QUERY
from distiller.web.tap import views
from distiller.web.uws import views as uws_views
from distiller.web.uws.urls import tree

app_name = "tap"
urlpatterns: list[URLPattern] = [
    path("", views.base, name="base"),
    path("sync", views.sync, name="sync"),
    path("capabilities", views.capabilities, name="capabilities"),
    path("availability", views.availability, name="availability"),
    path("tables", views.tables, name="tables"),
    path("tables/<str:name>", views.table, name="table"),
    path("examples", views.examples, name="examples"),
    *tree("async", task=QUERY),
    path("async/<path:rest>", uws_views.absent),
    re_path(r"^.+$", views.unknown),
]
