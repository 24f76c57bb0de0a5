"""The result of a query as a file; ``/tap/sync`` would show it where a browser can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from distiller.queries import answer
from distiller.vo.tap import TapParameters
from distiller.web import access, site
from distiller.web.tap import stream

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


# As for the page: a query changes nothing.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
async def download(request: HttpRequest) -> HttpResponseBase:
    """Run ``query`` and send its rows as ``format``; access and limits are TAP's."""
    given = request.POST if request.method == "POST" else request.GET
    parameters = TapParameters(
        query=str(given.get("query", "")), responseformat=str(given.get("format", ""))
    )
    here = site.current()
    who = await access.avisitor(request)
    return await stream.respond(
        lambda: answer.prepare(
            parameters, here.archive, here.settings, owner=who.name or None
        ),
        file_name="result",
        request=request,
    )
