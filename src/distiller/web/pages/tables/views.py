"""The tables that a user keeps: listed, added, replaced, removed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from distiller.archive.user_tables import SCHEMA
from distiller.core.errors import BadParameter, NotFound, UserError
from distiller.vo.tap import table_name
from distiller.web import access, site
from distiller.web.errors import status_of
from distiller.web.tap.user_tables import keep

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

_SEE_OTHER: Final = 303


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """List the tables of who asks; take one more by POST, and say what it became."""
    owner = access.visitor(request).name or ""
    trouble: UserError | None = None
    if request.method == "POST":
        try:
            _add(request, owner)
            return HttpResponseRedirect(reverse("tables:page"), status=_SEE_OTHER)
        except UserError as error:
            trouble = error
    here = site.current()
    tables = here.archive.user_tables.of(owner)
    words: dict[str, Any] = {
        "here": "tables",
        "schema": SCHEMA,
        "tables": tables,
        "used_mb": f"{sum(table.size for table in tables) / 10**6:,.1f}",
        "used_rows": sum(table.rows for table in tables),
        "settings": here.settings,
        "trouble": trouble,
        "name": request.POST.get("name", ""),
        "base_url": here.settings.base_url,
    }
    status = 200 if trouble is None else status_of(trouble)
    return render(request, "tables/page.html", words, status=status)


def _add(request: HttpRequest, owner: str) -> None:
    name = table_name(request.POST.get("name", "").strip(), "name")
    file = request.FILES.get("file")
    if not isinstance(file, TemporaryUploadedFile):
        raise BadParameter("file", "missing", hint="choose a file with a table")
    kept = site.current().archive.user_tables.of(owner)
    if "replace" not in request.POST and any(table.name == name for table in kept):
        raise BadParameter(
            "name",
            f"you keep a table {name} already",
            hint="tick the box to replace it, or give another name",
        )
    _, words = keep(site.current(), owner, name, Path(file.temporary_file_path()))
    messages.success(request, f"{SCHEMA}.{name} is kept")
    for word in words:
        messages.warning(request, word)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, name: str) -> HttpResponse:
    """Ask whether a table shall go, and remove it."""
    owner = access.visitor(request).name or ""
    kept = site.current().archive.user_tables
    if request.method == "POST":
        if kept.drop(owner, name):
            messages.success(request, f"{SCHEMA}.{name} is removed")
        return HttpResponseRedirect(reverse("tables:page"), status=_SEE_OTHER)
    table = next((one for one in kept.of(owner) if one.name == name), None)
    if table is None:
        raise NotFound(f"you have no table {name}", hint="/tables/ lists your tables")
    words = {"here": "tables", "schema": SCHEMA, "table": table}
    return render(request, "tables/remove.html", words)
