"""Machine twins of the search page: the same address as VOTable, CSV, JSON or ADQL."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, ClassVar, Final

from asgiref.sync import sync_to_async
from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from distiller.core.errors import DistillerError, NotFound
from distiller.core.times import dali
from distiller.queries import answer
from distiller.vo.tap import TapParameters
from distiller.web import errors, site
from distiller.web.pages.search import results
from distiller.web.pages.search.form import read
from distiller.web.tap import stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from distiller.core.columns import Column
    from distiller.vo.formats import Writer
    from distiller.vo.votable import Status

_TEXT: Final = "text/plain; charset=utf-8"
_FORMATS: Final = {"vot": "votable", "csv": "csv", "json": None}


class JsonWriter:
    """Result as JSON: ``{"columns": [...], "rows": [[...], ...], "status": "OK"}``.

    NULL is null; instants are DALI timestamps; numbers have every digit; NaN, which
    JSON has not, is null.
    """

    media_type: ClassVar[str] = "application/json"
    extension: ClassVar[str] = "json"

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        self._is_first = True

    def head(self) -> bytes:
        """Return the columns with unit and description."""
        described = [
            {
                "name": c.name,
                "datatype": c.datatype,
                "unit": c.unit,
                "ucd": c.ucd,
                "description": c.description,
            }
            for c in self.columns
        ]
        return f'{{"columns": {json.dumps(described)},\n"rows": ['.encode()

    def rows(self, batch: pa.RecordBatch) -> bytes:
        """Return a batch of rows, one line each."""
        lines = []
        for row in zip(*(c.to_pylist() for c in batch.columns), strict=True):
            separator = "\n" if self._is_first else ",\n"
            self._is_first = False
            lines.append(separator + json.dumps([_plain(v) for v in row]))
        return "".join(lines).encode()

    def tail(self, status: Status, message: str | None = None) -> bytes:
        """Return the status; OVERFLOW says that rows were left out."""
        ending = {"status": status, "message": message}
        return f"],\n{json.dumps(ending)[1:]}\n".encode()


def _plain(value: object) -> object:
    if hasattr(value, "isoformat"):
        return dali(value)  # type: ignore[arg-type]  # the only such values are instants
    if isinstance(value, float) and not -1e309 < value < 1e309:  # noqa: PLR2004 - infinite or NaN
        return None
    return value


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
        prepared = await asyncio.to_thread(_prepared, query, suffix)
        return await stream.respond(prepared, file_name="search")
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


def _prepared(query: str, suffix: str) -> answer.Prepared:
    if suffix not in _FORMATS:
        known = ", ".join(f".{name}" for name in _FORMATS)
        raise NotFound(
            f"there is no /search.{suffix}", hint=f"there are {known} and .adql"
        )
    here = site.current()
    parameters = TapParameters(query=query, responseformat=_FORMATS[suffix])
    prepared = answer.prepare(parameters, here.archive, here.settings)
    if suffix != "json":
        return prepared
    writer: Writer = JsonWriter(prepared.columns)
    return answer.Prepared(
        sql=prepared.sql,
        columns=prepared.columns,
        writer=writer,
        limit=prepared.limit,
        timeout_s=prepared.timeout_s,
    )


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
