"""Addresses of the tables of a user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from distiller.web.pages.tables import views

if TYPE_CHECKING:
    from django.urls import URLPattern

app_name = "tables"
urlpatterns: list[URLPattern] = [
    path("", views.page, name="page"),
    path("<str:name>/remove/", views.remove, name="remove"),
]
