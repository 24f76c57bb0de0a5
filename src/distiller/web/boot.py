"""Bring Django up for one home folder: settings, apps, the accounts database."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distiller.core.settings import Settings


def boot(settings: Settings, *, migrate: bool = True) -> None:
    """Set Django up with these settings, and its database to the newest shape.

    Django reads its settings once per process; a second call with another home has no
    effect, so that a process serves one home.
    """
    os.environ["DJANGO_SETTINGS_MODULE"] = "distiller.web.settings"
    os.environ["DISTILLER_HOME"] = str(settings.home)
    os.environ["DISTILLER_BASE_URL"] = settings.base_url

    import django  # noqa: PLC0415 - only now are its settings known
    from django.core.management import call_command  # noqa: PLC0415

    django.setup()
    if migrate:
        call_command("migrate", verbosity=0, interactive=False)
