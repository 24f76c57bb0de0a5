"""Machine twins of the search page: the same address in other formats, or as ADQL."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from asgiref.sync import sync_to_async
from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from distiller.core.errors import DistillerError, NotFound
from distiller.queries import answer
from distiller.vo.tap import TapParameters
from distiller.web import access, errors, site
from distiller.web.pages.search import results
from distiller.web.pages.search.form import read
from distiller.web.tap import stream

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

_TEXT: Final = "text/plain; charset=utf-8"
_FORMATS: Final = {
    "vot": "votable",
    "csv": "csv",
    "tsv": "tsv",
    "json": "json",
    "fits": "fits",
    "parquet": "parquet",
}


@require_safe
def adql_text(request: HttpRequest) -> HttpResponse:
    """Return the ADQL of the search as text."""
    try:
        return HttpResponse(f"{_query(request)}\n", content_type=_TEXT)
    except DistillerError as error:
        return _as_text(error)


async def table(request: HttpRequest, suffix: str) -> HttpResponseBase:
    """Return the whole result as a stream, in the format that the ending names."""
    try:
        query = await sync_to_async(_query)(request)
        who = await access.avisitor(request)
        prepared = await asyncio.to_thread(_prepared, query, suffix, who.name)
        return await stream.respond(prepared, file_name="search", request=request)
    except Exception as error:  # noqa: BLE001 - the edge of a request
        return _failure(errors.ours(error, f"answering {request.path}"), suffix)


def _query(request: HttpRequest) -> str:
    """Return the query of an address: the edited one, or that of the form.

    Raises
    ------
    DistillerError
        A field is wrong, or the target unknown.
    """
    return results.query_of(read(request.GET))


def _prepared(query: str, suffix: str, owner: str | None) -> answer.Prepared:
    if suffix not in _FORMATS:
        known = ", ".join(f".{name}" for name in _FORMATS)
        raise NotFound(
            f"there is no /search.{suffix}", hint=f"there are {known} and .adql"
        )
    here = site.current()
    parameters = TapParameters(query=query, responseformat=_FORMATS[suffix])
    return answer.prepare(parameters, here.archive, here.settings, owner=owner)


def _failure(error: DistillerError, suffix: str) -> HttpResponse:
    if suffix == "vot":
        return errors.as_votable(error)
    if suffix == "json":
        return JsonResponse(
            errors.as_json(error),
            status=errors.status_of(error),
            headers=errors.headers_of(error),
        )
    return _as_text(error)


def _as_text(error: DistillerError) -> HttpResponse:
    return HttpResponse(
        f"{error.text}\n",
        status=errors.status_of(error),
        headers=errors.headers_of(error),
        content_type=_TEXT,
    )
