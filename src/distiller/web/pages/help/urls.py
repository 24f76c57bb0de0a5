"""Addresses of the help pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from distiller.web.pages.help import views

if TYPE_CHECKING:
    from django.urls import URLPattern

urlpatterns: list[URLPattern] = [
    path("", views.show_help, name="help"),
    path("<str:name>/", views.show_task, name="help-task"),
]
