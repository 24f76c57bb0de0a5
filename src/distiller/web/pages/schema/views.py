"""Tables and columns that a query may name: all of them, found by a word, or one.

They are those that ``/tap/tables`` describes: of the archive, and of who asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.shortcuts import render
from django.views.decorators.http import require_safe

from distiller.core.errors import NotFound
from distiller.web import access, site
from distiller.web.pages.adql.completion import type_of

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from distiller.core.columns import Catalog, Column, Table


@dataclass(frozen=True, slots=True)
class Line:
    """One column as the pages show it."""

    table: Table
    column: Column

    @property
    def type(self) -> str:
        """The type in a word or two."""
        return type_of(self.column)

    @property
    def leads_to(self) -> str:
        """The column of another table that the values name; nothing where none is."""
        for key in self.table.foreign_keys:
            for own, other in key.columns:
                if own == self.column.name:
                    return f"{key.target}.{other}"
        return ""


def _catalog(request: HttpRequest) -> Catalog:
    archive = site.current().archive
    owner = access.visitor(request).name
    own = archive.tables_of(owner) if owner else {}
    return {**archive.catalog, **own}


@require_safe
def tables(request: HttpRequest) -> HttpResponse:
    """List every table; with ``q`` those tables and columns that have all its words."""
    catalog = _catalog(request)
    words = request.GET.get("q", "").split()
    known = [catalog[name] for name in sorted(catalog)]
    lines = [Line(t, c) for t in known for c in t.columns]
    found = {
        "here": "schema",
        "q": " ".join(words),
        "tables": [t for t in known if _has(words, t.name, t.title, t.description)],
        "lines": [
            line
            for line in lines
            if words
            and _has(words, line.column.name, line.column.ucd, line.column.description)
        ],
    }
    return render(request, "schema/tables.html", found)


def _has(words: list[str], *texts: str | None) -> bool:
    whole = " ".join(text for text in texts if text).lower()
    return all(word.lower() in whole for word in words)


@require_safe
def table(request: HttpRequest, name: str) -> HttpResponse:
    """Show the columns of one table."""
    one = _catalog(request).get(name.lower())
    if one is None:
        raise NotFound(f"there is no table {name}", hint="/schema/ lists the tables")
    lines = [Line(one, column) for column in one.columns]
    words = {"here": "schema", "table": one, "lines": lines}
    return render(request, "schema/table.html", words)
