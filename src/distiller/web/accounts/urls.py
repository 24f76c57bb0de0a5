"""Addresses of the accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.views import LogoutView
from django.urls import path

from distiller.web.accounts.views import LogInView

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver

app_name = "accounts"
urlpatterns: list[URLPattern | URLResolver] = [
    path("login/", LogInView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
]
