"""The page of a product, by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.views.decorators.http import require_safe

from distiller.web.pages.dataset.views import show

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_safe
def product(request: HttpRequest, product_id: str) -> HttpResponse:
    """Show a product."""
    return show(request, product_id)
