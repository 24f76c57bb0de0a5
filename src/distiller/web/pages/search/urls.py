"""Addresses of the search: the page and its machine twins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from distiller.web.pages.search import twins, views

if TYPE_CHECKING:
    from django.urls import URLPattern

urlpatterns: list[URLPattern] = [
    path("/", views.search, name="search"),
    path("/download/", views.download, name="search-download"),
    path(".adql", twins.adql_text, name="search-adql"),
    path(".<str:suffix>", twins.table, name="search-table"),
]
