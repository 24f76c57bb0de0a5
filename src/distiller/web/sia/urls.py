"""Addresses of the image service."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from distiller.web.sia import views

app_name = "sia"
urlpatterns: list[URLPattern] = [
    path("", views.base, name="base"),
    path("query", views.query, name="query"),
    path("capabilities", views.capabilities, name="capabilities"),
    path("availability", views.availability, name="availability"),
    path("tables", views.tables, name="tables"),
    re_path(r"^.+$", views.unknown),
]
