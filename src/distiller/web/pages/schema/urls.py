"""Addresses of the tables and their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from distiller.web.pages.schema import views

if TYPE_CHECKING:
    from django.urls import URLPattern

app_name = "schema"
urlpatterns: list[URLPattern] = [
    path("", views.tables, name="tables"),
    path("<str:name>/", views.table, name="table"),
]
