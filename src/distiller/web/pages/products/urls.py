"""Addresses of a product."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from distiller.web.pages.products import own, views

if TYPE_CHECKING:
    from django.urls import URLPattern

urlpatterns: list[URLPattern] = [
    path("", own.products, name="products"),
    path("<str:product_id>/", views.product, name="product"),
    path("<str:product_id>/metadata.json", views.metadata, name="metadata"),
    path("<str:product_id>/remove/", own.remove, name="product-remove"),
    path("<str:product_id>/preview/", views.preview, name="preview"),
]
