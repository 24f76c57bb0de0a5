"""What the editor completes from: the tables of the archive, and words of ADQL.

Nothing is listed here: tables and columns are those that ``/tap/tables`` describes,
functions and keywords those of the ADQL room.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from distiller.adql.vocabulary import vocabulary
from distiller.core.reserved import adql_name
from distiller.web import access, site

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from distiller.core.columns import Catalog, Column, Table


class _Holder:
    """The catalog that was asked for last, its document and entity tag."""

    kept: tuple[Catalog, bytes, str] | None = None


def _document() -> tuple[bytes, str]:
    """Return the document of the archive as it is now, and its entity tag."""
    catalog = site.current().archive.catalog
    kept = _Holder.kept
    if kept is None or kept[0] is not catalog:
        text = json.dumps(document(catalog), separators=(",", ":")).encode()
        kept = catalog, text, _tag(text)
        _Holder.kept = kept
    return kept[1:]


def _document_for(owner: str) -> tuple[bytes, str]:
    """Return the document with the tables that a user keeps, and its entity tag."""
    archive = site.current().archive
    own = archive.tables_of(owner)
    if not own:
        return _document()
    whole = document({**archive.catalog, **own})
    text = json.dumps(whole, separators=(",", ":")).encode()
    return text, _tag(text)


def _tag(text: bytes) -> str:
    return f'"{hashlib.sha256(text).hexdigest()}"'


def document(catalog: Catalog) -> dict[str, Any]:
    """Return all that can be completed.

    ``insert``, and ``parts`` of a table, is how a query writes a name, in double quotes
    where it needs them.
    """
    words = vocabulary()
    return {
        "keywords": words.keywords,
        "types": words.types,
        "functions": [
            {"name": f.name, "form": f.form, "description": f.description}
            for f in words.functions
        ],
        "tables": [_table(catalog[name]) for name in sorted(catalog)],
    }


def _table(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "parts": [adql_name(part) for part in table.name.split(".", 1)],
        "description": table.description or table.title or "",
        "columns": [_column(column) for column in table.columns],
    }


def _column(column: Column) -> dict[str, Any]:
    described = {
        "name": column.name,
        "insert": column.adql_name,
        "type": type_of(column),
        "unit": column.unit,
        "ucd": column.ucd,
        "description": column.description,
        "principal": column.principal,
        "indexed": column.indexed,
    }
    return {
        key: value for key, value in described.items() if value not in (None, False)
    }


def type_of(column: Column) -> str:
    """Return the type in a word or two.

    >>> from distiller.core.columns import Column
    >>> type_of(Column("t", "char", "*", "timestamp"))
    'timestamp'
    >>> type_of(Column("n", "char", "*"))
    'text'
    """
    if column.xtype is not None:
        return column.xtype.removeprefix("adql:").lower()
    if column.is_text:
        return "text"
    return (
        f"{column.datatype}[{column.arraysize}]"
        if column.arraysize
        else column.datatype
    )


@require_safe
@cache_control(private=True, no_cache=True)
def answer(request: HttpRequest) -> HttpResponseBase:
    """Send the document; whoever has it already is told so by its entity tag."""
    owner = access.visitor(request).name
    text, tag = _document_for(owner) if owner else _document()
    whole = HttpResponse(text, content_type="application/json", headers={"ETag": tag})
    return get_conditional_response(request, etag=tag, response=whole) or whole
