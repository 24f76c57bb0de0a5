"""The search page, and the page that hands out the files of chosen datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django.shortcuts import render
from django.views.decorators.http import require_safe

from distiller.analysis.tasks import TASKS
from distiller.core.errors import BadParameter
from distiller.web import site
from distiller.web.data.addresses import address_of, command_of
from distiller.web.errors import status_of
from distiller.web.pages import cells
from distiller.web.pages.search import results
from distiller.web.pages.search.form import (
    LEVELS,
    PAGE_SIZES,
    RADIUS_DEG,
    SearchForm,
    read,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest, HttpResponse

_COLLECTIONS: Final = (
    "SELECT DISTINCT c.name FROM cta.collection AS c "
    "JOIN cta.product AS p ON p.collection_id = c.collection_id ORDER BY c.name"
)
_TYPES: Final = "SELECT DISTINCT product_type FROM cta.product ORDER BY 1"
_FILES: Final = """
SELECT p.product_id, p.publisher_did, p.obs_id, p.title, c.name AS collection,
       f.name, f.size, f.checksum
FROM cta.product AS p
JOIN cta.collection AS c ON c.collection_id = p.collection_id
JOIN cta.product_file AS f ON f.product_id = p.product_id
WHERE f.role IN ('events', 'product') AND p.publisher_did IN ({marks})
ORDER BY c.name, p.obs_id, f.name
"""
_EXAMPLES: Final = ("Crab", "83.63 22.01", "l 184.56 b -5.78")


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Show the form, the ADQL that it makes, and the results."""
    form = read(request.GET)
    outcome = results.run(form)
    archive = site.current().archive
    status = 200
    if outcome.trouble is not None:
        status = status_of(outcome.trouble)
    elif outcome.faults or form.faults:
        status = 400
    words = {
        "here": "search",
        "form": form,
        "located": outcome.form,
        "raw": {name: values[0] for name, values in form.raw.items() if values},
        "kept": [
            (name, value)
            for name, values in form.raw.items()
            if name not in {"adql", "page", "sort"}
            for value in values
            if value
        ],
        "outcome": outcome,
        "table": outcome.table,
        "choices": _choices(form, archive.rows(_TYPES), archive.rows(_COLLECTIONS)),
        "has_proposals": _has_proposals(),
        "more_open": _has_more(form),
        "tasks": list(TASKS.values()),
        "page_sizes": [(n, form.address(rows=str(n))) for n in PAGE_SIZES],
        "radius": RADIUS_DEG,
        "adql_rows": min(16, outcome.query.count("\n") + 3),
        "twin": form.address(rows=None),
        "editor": urlencode({"query": outcome.query}),
        "to_form": form.address(adql=None),
        "examples": _EXAMPLES,
        **_neighbours(form, outcome.table),
    }
    return render(request, "search/search.html", words, status=status)


@require_safe
def download(request: HttpRequest) -> HttpResponse:
    """Show the files of the chosen datasets, with commands that fetch them all."""
    dids = tuple(dict.fromkeys(request.GET.getlist("obs")))
    if not dids:
        raise BadParameter(
            "obs", "no dataset is chosen", hint="go back and tick some rows"
        )
    site_now = site.current()
    base_url = site_now.settings.base_url
    marks = ", ".join("?" for _ in dids)
    rows = site_now.archive.rows(_FILES.format(marks=marks), list(dids))
    files = [
        {
            **row,
            "url": address,
            "command": command_of(
                f"{base_url}{address}", row["collection"], row["obs_id"], row["name"]
            ),
            "size_text": cells.size(row["size"]) if row["size"] is not None else "",
        }
        for row in rows
        for address in (address_of(row["product_id"], row["name"]),)
    ]
    words = {
        "here": "search",
        "files": files,
        "total": cells.size(sum(row["size"] or 0 for row in rows)),
        "missing": sorted({*dids} - {row["publisher_did"] for row in rows}),
    }
    return render(request, "search/download.html", words)


def _choices(
    form: SearchForm, types: Iterable[dict[str, Any]], names: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the groups of boxes to tick: what is there, and what is chosen."""
    groups = (
        ("level", "Data level", LEVELS, form.levels),
        (
            "dataproduct_type",
            "Data product type",
            [row["product_type"] for row in types],
            form.types,
        ),
        ("dataproduct_subtype", "Subtype", (), form.subtypes),
        ("collection", "Collection", [row["name"] for row in names], form.collections),
        ("target_name", "Target in headers", (), form.target_names),
    )
    return [
        {
            "name": name,
            "title": title,
            "items": [(v, v in on) for v in dict.fromkeys((*values, *on)) if v],
        }
        for name, title, values, on in groups
    ]


def _has_proposals() -> bool:
    table = site.current().archive.catalog["ivoa.obscore"]
    return table.column("proposal_id") is not None


def _has_more(form: SearchForm) -> bool:
    names = (
        "obs_id",
        "proposal_id",
        "t_min",
        "t_max",
        "e_min",
        "e_max",
        "dataproduct_type",
        "dataproduct_subtype",
        "level",
        "collection",
        "target_name",
    )
    return any(value for n in names for value in form.raw.get(n, ()))


def _neighbours(form: SearchForm, table: results.Table | None) -> dict[str, Any]:
    if table is None:
        return {}
    before = form.address(page=str(table.page - 1)) if table.page > 1 else ""
    after = form.address(page=str(table.page + 1)) if table.page < table.pages else ""
    last = table.first + len(table.lines)
    return {"before": before, "after": after, "last_row": last}
