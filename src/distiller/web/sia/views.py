"""The resources of ``/sia2``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse

from distiller.queries import images
from distiller.vo import sia, votable
from distiller.vo.sia import ImageParameters
from distiller.web import site, vosi
from distiller.web.errors import headers_of, ours, status_of
from distiller.web.requests import allowing, pairs_of
from distiller.web.tap import stream

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from distiller.core.errors import DistillerError


@allowing("GET", "POST")
async def query(request: HttpRequest) -> HttpResponseBase:
    """Find images and stream their descriptions (SIA 2.0 section 2.1)."""
    here = site.current()
    try:
        asked = ImageParameters.parse(pairs_of(request))
        return await stream.respond(
            lambda: images.prepare(asked, here.archive, here.settings),
            request=request,
        )
    except Exception as error:  # noqa: BLE001 - the edge of a request
        return _as_answer(ours(error, f"answering {request.path}"))


def _as_answer(error: DistillerError) -> HttpResponse:
    return HttpResponse(
        sia.error_document(error),
        status=status_of(error),
        headers=headers_of(error),
        content_type=votable.MEDIA_TYPE,
    )


@allowing("GET")
async def capabilities(request: HttpRequest) -> HttpResponseBase:
    """Say what the service can do (SIA 2.0 section 2.3)."""
    del request
    return vosi.xml(sia.capabilities(vosi.address("/sia2")))
