"""Tells Django of the accounts."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The application with the label that AUTH_USER_MODEL names."""

    name = "distiller.web.accounts"
    label = "accounts"
    verbose_name = "Accounts"
