"""The start page: one box, and what the archive holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.shortcuts import render
from django.views.decorators.http import require_safe

from distiller.core import names
from distiller.web import site
from distiller.web.pages import cells

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

_HOLDINGS: Final = """
SELECT c.name, c.title, c.terms, count(*) AS datasets,
       count(DISTINCT p.target_name) AS targets,
       sum(CASE WHEN p.data_level = 'DL3'
           AND p.observation_id IS NOT NULL THEN 1 ELSE 0 END) AS dl3,
       sum(CASE WHEN p.data_level = 'DL4' THEN 1 ELSE 0 END) AS dl4,
       sum(CASE WHEN p.data_level = 'DL3'
           AND p.observation_id IS NOT NULL THEN p.t_exptime END) / 3600 AS hours
FROM cta.product AS p JOIN cta.collection AS c ON c.collection_id = p.collection_id
GROUP BY c.name, c.title, c.terms ORDER BY c.name
"""
_LATEST: Final = """
SELECT product_id, title, data_level, product_type, target_name, created
FROM cta.product WHERE data_level = 'DL4'
ORDER BY ingested DESC, product_id LIMIT 6
"""
_TARGETS: Final = """
SELECT target_name, count(*) AS n FROM cta.product
WHERE data_level = 'DL3' AND target_name IS NOT NULL
GROUP BY target_name ORDER BY n DESC, target_name
"""
_EXAMPLES: Final = 3
_COORDINATES: Final = (
    "83.63 22.01",
    "05:34:31.9 +22:00:52",
    "l 184.56 b -5.78",
)


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Show the start page."""
    archive = site.current().archive
    holdings = archive.rows(_HOLDINGS)
    targets = [row["target_name"] for row in archive.rows(_TARGETS)]
    # Names that lead to a place, so that every example finds something.
    examples = [name for name in targets if names.find(name)][:_EXAMPLES]
    latest = [
        {**row, "created": row["created"] and cells.instant(row["created"])}
        for row in archive.rows(_LATEST)
    ]
    return render(
        request,
        "start/start.html",
        {
            "here": "start",
            "holdings": holdings,
            "latest": latest,
            "total": sum(row["datasets"] for row in holdings),
            "examples": [*examples, *_COORDINATES],
        },
    )
