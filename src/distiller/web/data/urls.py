"""Addresses of files."""

from __future__ import annotations

from django.urls import URLPattern, path

from distiller.web.data import views

app_name = "data"
urlpatterns: list[URLPattern] = [
    path("previews/<str:product_id>.png", views.preview, name="preview"),
    path(
        "previews/<str:product_id>.json", views.preview_numbers, name="preview-numbers"
    ),
    path("<str:product_id>/<str:name>", views.file, name="file"),
]
