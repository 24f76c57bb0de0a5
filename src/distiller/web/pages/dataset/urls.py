"""Address of an observation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from distiller.web.pages.dataset import views

if TYPE_CHECKING:
    from django.urls import URLPattern

urlpatterns: list[URLPattern] = [
    path("<path:obs_id>/", views.observation, name="observation")
]
