"""The products of who asks: listed, and removed one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from distiller.jobs import limits, removal
from distiller.web import access, site
from distiller.web.pages import cells
from distiller.web.pages.dataset import record
from distiller.web.pages.paging import page_of

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

_LISTED: Final = 100
_OWN: Final = """
SELECT p.product_id, p.title, p.obs_id, p.product_subtype, p.created,
       sum(f.size) AS size
FROM cta.product AS p
JOIN cta.analysis AS a ON a.product_id = p.product_id
LEFT JOIN cta.product_file AS f ON f.product_id = p.product_id
WHERE a.owner = ?
GROUP BY p.product_id, p.title, p.obs_id, p.product_subtype, p.created
ORDER BY p.created DESC, p.product_id
LIMIT ? OFFSET ?
"""


@login_required
@require_safe
@never_cache
def products(request: HttpRequest) -> HttpResponse:
    """List the products of who asks, newest first, and what they take of the disk."""
    here = site.current()
    owner = access.visitor(request).name or ""
    page = page_of(request.GET.get("page", ""))
    # One more than is shown tells whether there are older ones.
    bounds = (_LISTED + 1, (page - 1) * _LISTED)
    found = here.archive.rows(_OWN, [owner, *bounds])
    number, used_mb = limits.taken(here.archive, owner)
    shown = [
        {
            **row,
            "title": row["title"] or row["obs_id"],
            "made": row["created"] and cells.instant(row["created"]),
            "size": cells.size(int(row["size"] or 0)),
        }
        for row in found[:_LISTED]
    ]
    words = {
        "here": "jobs",
        "products": shown,
        "number": number,
        "used_mb": f"{used_mb:,.1f}",
        "most_mb": here.settings.products_mb_per_user,
        "page": page,
        "newer": f"?page={page - 1}" if page > 1 else "",
        "older": f"?page={page + 1}" if len(found) > _LISTED else "",
    }
    return render(request, "products/own.html", words)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def remove(request: HttpRequest, product_id: str) -> HttpResponse:
    """Ask whether to remove a product, and remove it; for whoever made it."""
    here, who = site.current(), access.visitor(request)
    shown_to = here.jobs.owners_of(product_id)
    found = record.find(product_id)
    title = found.product["title"] or found.product["obs_id"]
    if request.method == "POST":
        removal.remove_product(here.archive, here.settings, product_id, who, shown_to)
        messages.success(request, f"{title} is removed")
        return redirect("products")
    removal.check(here.archive, product_id, who, shown_to)
    words = {
        "here": "jobs",
        "product": found.product,
        "title": title,
        "size": cells.size(sum(file["size"] or 0 for file in found.files)),
        "own": sum(owner == who.name for owner in shown_to),
        "others": sum(owner != who.name for owner in shown_to),
    }
    return render(request, "products/remove.html", words)
