"""Faults of a query while it is typed: checked and translated, never run."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from django.http import JsonResponse
from django.views.decorators.csrf import csrf_exempt

from distiller.adql.marks import marks
from distiller.core.errors import BadParameter, DistillerError, QueryError
from distiller.queries import answer
from distiller.vo.tap import TapParameters
from distiller.web import access, errors, site

if TYPE_CHECKING:
    from django.http import HttpRequest

    from distiller.adql.marks import Mark

MOST_BYTES: Final = 32_000
"""Longest request that is read; longer queries are checked when they run."""

_TOO_LARGE: Final = 413
_NOT_ALLOWED: Final = 405


@csrf_exempt
async def check(request: HttpRequest) -> JsonResponse:
    """Answer ``{"faults": [...]}``; none if the query could be run."""
    if request.method != "POST":
        refusal = BadParameter("request", f"{request.method} is not answered here")
        return _refused(refusal, _NOT_ALLOWED, {"Allow": "POST"})
    if not _is_short(request):
        refusal = BadParameter(
            "query",
            f"more than {MOST_BYTES} bytes are not checked while you type",
            hint="run it: all its faults are told then",
        )
        return _refused(refusal, _TOO_LARGE)
    try:
        query = str(request.POST.get("query", ""))
        who = await access.avisitor(request)
        faults = (
            await asyncio.to_thread(faults_of, query, who.name) if query.strip() else ()
        )
        return JsonResponse(
            {"faults": [_as_json(mark) for mark in faults]},
            headers={"Cache-Control": "no-store"},
        )
    except Exception as error:  # noqa: BLE001 - the edge of a request
        ours = errors.ours(error, f"answering {request.path}")
        return _refused(ours, errors.status_of(ours), errors.headers_of(ours))


def _is_short(request: HttpRequest) -> bool:
    given = request.headers.get("Content-Length", "")
    return given.isdecimal() and int(given) <= MOST_BYTES


def faults_of(query: str, owner: str | None, kind: str = "") -> tuple[Mark, ...]:
    """Return what ``/tap/sync`` would say of a query before it runs.

    Parameters
    ----------
    kind
        The format of its answer.
    """
    here = site.current()
    try:
        parameters = TapParameters(query=query, responseformat=kind)
        answer.prepare(parameters, here.archive, here.settings, owner=owner)
    except QueryError as error:
        return marks(query, error.faults)
    return ()


def _as_json(mark: Mark) -> dict[str, Any]:
    return {
        "line": mark.fault.line,
        "column": mark.fault.column,
        "length": mark.length,
        "code": mark.fault.code,
        "message": mark.fault.message,
        "instead": mark.instead,
    }


def _refused(
    error: DistillerError, status: int, headers: dict[str, str] | None = None
) -> JsonResponse:
    return JsonResponse(errors.as_json(error), status=status, headers=headers)
