"""Bring Django up for one home folder: settings, apps, the accounts database."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from distiller.core.errors import NotFound

if TYPE_CHECKING:
    from distiller.core.settings import Settings


def boot(settings: Settings, *, migrate: bool = True) -> None:
    """Set Django up with these settings, and its database to the newest shape.

    Django reads its settings once per process; a second call with another home has no
    effect, so that a process serves one home.

    Raises
    ------
    NotFound
        If there is no home folder; its database could not be made.
    """
    if not settings.home.is_dir():
        message = f"no archive at {settings.home}"
        raise NotFound(message, hint="make it with `distiller init`")
    os.environ["DJANGO_SETTINGS_MODULE"] = "distiller.web.settings"
    os.environ["DISTILLER_HOME"] = str(settings.home)
    os.environ["DISTILLER_BASE_URL"] = settings.base_url

    import django  # noqa: PLC0415 - only now are its settings known
    from django.core.management import call_command  # noqa: PLC0415

    django.setup()
    if migrate:
        call_command("migrate", verbosity=0, interactive=False)


def require_archive(settings: Settings) -> None:
    """Refuse to go on without an archive, before anything is made in its place.

    Raises
    ------
    NotFound
        If the home or the archive in it is missing.
    """
    made = settings.home.is_dir()
    if settings.database_url is None:
        made = settings.archive_path.exists()
    if not made:
        message = f"no archive at {settings.home}"
        raise NotFound(message, hint="make it with `distiller init`")
