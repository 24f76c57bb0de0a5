"""Addresses of the ADQL page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from distiller.web.pages.adql import completion, download, typing_check, views

if TYPE_CHECKING:
    from django.urls import URLPattern

urlpatterns: list[URLPattern] = [
    path("", views.page, name="adql"),
    path("results", views.results, name="adql-results"),
    path("background", views.background, name="adql-background"),
    path("download", download.download, name="adql-download"),
    path("check", typing_check.check, name="adql-check"),
    path("completion.json", completion.answer, name="adql-completion"),
]
