"""Addresses of files."""

from __future__ import annotations

from django.urls import URLPattern, path

from distiller.web.data import views

app_name = "data"
urlpatterns: list[URLPattern] = [
    path("<str:product_id>/<str:name>", views.file, name="file"),
]
