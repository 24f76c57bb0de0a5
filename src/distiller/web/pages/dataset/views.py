"""The page of a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django.shortcuts import render
from django.views.decorators.http import require_safe

from distiller.analysis.tasks import TASKS
from distiller.core.errors import NotFound
from distiller.jobs.removal import may_remove
from distiller.web import access, site
from distiller.web.pages import cells
from distiller.web.pages.dataset import quick_look, record
from distiller.web.pages.jobs import links
from distiller.web.pages.jobs.form import is_usable

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

_FIND: Final = """
SELECT p.product_id, p.obs_id, p.title, p.data_level, p.product_type, p.target_name,
       p.t_min, c.name AS collection, c.title AS collection_title
FROM cta.product AS p JOIN cta.collection AS c ON c.collection_id = p.collection_id
WHERE p.obs_id = ? ORDER BY c.name, p.data_level, p.product_id
"""


@require_safe
def observation(request: HttpRequest, obs_id: str) -> HttpResponse:
    """Show the dataset of an observation, or the choice if there are several."""
    found = site.current().archive.rows(_FIND, [obs_id])
    collection = request.GET.get("collection", "")
    rows = [row for row in found if collection in {"", row["collection"]}]
    if not rows:
        where = f" of collection {collection}" if collection else ""
        there = ", ".join(sorted({row["collection"] for row in found}))
        raise NotFound(
            f"there is no observation {obs_id}{where} in the archive",
            hint=f"it is in {there}" if there else "search for its target",
        )
    if len(rows) > 1:
        words = {"obs_id": obs_id, "rows": rows, "here": "search"}
        return render(request, "dataset/choice.html", words)
    return show(request, rows[0]["product_id"])


def show(request: HttpRequest, product_id: str) -> HttpResponse:
    """Show the page of one product."""
    found = record.find(product_id)
    product = found.product
    main = found.main_file
    did = urlencode({"obs": product["publisher_did"]})
    usable = is_usable(product)
    words = {
        "here": "search",
        "record": found,
        "product": product,
        "groups": found.groups,
        "files": [{**f, "size_text": _size(f["size"])} for f in found.files],
        "main_file": main and {**main, "size_text": _size(main["size"])},
        "plots": found.plots,
        "look": quick_look.find(request, product_id) if usable else None,
        "collection": (found.rows["collection"] or [{}])[0],
        "simulated": any(
            row.get("simulated") for row in (*found.rows["processing"], *found.inputs)
        ),
        "tasks": [(t, did) for t in TASKS.values()] if usable else [],
        "summary": _summary(product),
        "inputs": found.inputs,
        "made": [
            {**r, "made": r["created"] and cells.instant(r["created"])}
            for r in found.made
        ],
        "analysis": _analysis(found),
        "can_remove": any(
            may_remove(made["owner"], access.visitor(request))
            for made in found.rows["analysis"]
        ),
    }
    return render(request, "dataset/dataset.html", words)


def _size(count: int | None) -> str:
    return "" if count is None else cells.size(count)


def _summary(product: record.Row) -> list[tuple[str, cells.Cell, str]]:
    """Return what a person asks first: where, when, how long, which energies."""
    table = site.current().archive.catalog["cta.product"]
    wanted = (
        ("s_ra", "RA (ICRS)"),
        ("s_dec", "Dec (ICRS)"),
        ("t_min", "Start"),
        ("t_exptime", "Exposure"),
        ("energy_min", "Lowest energy"),
        ("energy_max", "Highest energy"),
    )
    facts = []
    for name, label in wanted:
        column = table.column(name)
        if column is not None and product.get(name) is not None:
            unit = "UTC" if cells.is_mjd(column) else (column.unit or "")
            facts.append((label, cells.cell(column, product[name]), unit))
    return facts


def _analysis(found: record.Record) -> dict[str, Any] | None:
    """Return how a product was made, and the address of its form, or None."""
    if not found.rows["analysis"]:
        return None
    row = found.rows["analysis"][0]
    return {
        "task": row["task"],
        "title": TASKS[row["task"]].title if row["task"] in TASKS else row["task"],
        "configuration": row["configuration"] or "",
        "again": links.again(row["task"], row["configuration"] or ""),
        "software": row["software"] or "",
    }
