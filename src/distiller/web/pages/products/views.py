"""The page of a product, by its id, and its metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import JsonResponse
from django.views.decorators.http import require_safe

from distiller.web.pages.dataset import record
from distiller.web.pages.dataset.views import show

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_safe
def product(request: HttpRequest, product_id: str) -> HttpResponse:
    """Show a product."""
    return show(request, product_id)


@require_safe
def metadata(request: HttpRequest, product_id: str) -> HttpResponse:
    """Return what the archive knows of a product, as objects of the data model.

    `distiller model json-schema` describes it.
    """
    del request
    objects = record.as_objects(record.find(product_id))
    return JsonResponse(objects, json_dumps_params={"indent": 1, "allow_nan": False})
