"""Tells Django of the pages and their template tags."""

from __future__ import annotations

from django.apps import AppConfig


class PagesConfig(AppConfig):
    """The application that holds every page."""

    name = "distiller.web.pages"
    label = "pages"
    verbose_name = "Pages"
