"""The page of a product, by its id, and its metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from distiller.core.errors import NotFound
from distiller.web.pages.dataset import quick_look, record
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


@require_safe
@never_cache
def preview(request: HttpRequest, product_id: str) -> HttpResponse:
    """Show the quick look of a dataset: the part of its page that changes by itself."""
    found = quick_look.find(request, product_id)
    if found is None:
        raise NotFound(
            f"there is no quick look of {product_id}",
            hint="only event lists of the archive have one",
        )
    return render(request, "dataset/quick_look.html", {"look": found})
