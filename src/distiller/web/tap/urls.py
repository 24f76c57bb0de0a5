"""Addresses of the TAP service."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from distiller.jobs.store import QUERY
from distiller.web import vosi
from distiller.web.tap import user_tables, views
from distiller.web.uws import views as uws_views
from distiller.web.uws.urls import tree

app_name = "tap"
_UNKNOWN = vosi.unknown(
    "/tap", "sync", "async", "capabilities", "availability", "tables", "user_tables",
    "examples",
)  # fmt: skip
urlpatterns: list[URLPattern] = [
    path("", vosi.to_capabilities("/tap"), name="base"),
    path("sync", views.sync, name="sync"),
    path("capabilities", views.capabilities, name="capabilities"),
    path("availability", vosi.availability, name="availability"),
    path("tables", views.tables, name="tables"),
    path("tables/<str:name>", views.table, name="table"),
    path("user_tables", user_tables.listed, name="user_tables"),
    path("user_tables/<str:name>", user_tables.one, name="user_table"),
    path("examples", views.examples, name="examples"),
    *tree("async", task=QUERY),
    path("async/<path:rest>", uws_views.absent),
    re_path(r"^.+$", _UNKNOWN),
]
