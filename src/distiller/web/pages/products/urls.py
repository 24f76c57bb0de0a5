"""Addresses of a product."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from distiller.web.pages.products import views

if TYPE_CHECKING:
    from django.urls import URLPattern

urlpatterns: list[URLPattern] = [
    path("<str:product_id>/", views.product, name="product"),
    path("<str:product_id>/metadata.json", views.metadata, name="metadata"),
    path("<str:product_id>/preview/", views.preview, name="preview"),
]
