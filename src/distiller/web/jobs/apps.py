"""Tells Django of the job table."""

from __future__ import annotations

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """The application that holds the job table."""

    name = "distiller.web.jobs"
    label = "jobs"
    verbose_name = "Jobs"
