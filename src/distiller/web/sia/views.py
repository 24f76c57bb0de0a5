"""The resources of ``/sia2``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.csrf import csrf_exempt

from distiller.core.errors import NotFound
from distiller.queries import images
from distiller.vo import sia, votable
from distiller.vo.dali import Parameters
from distiller.vo.sia import ImageParameters
from distiller.web import site, vosi
from distiller.web.errors import as_votable, headers_of, ours, status_of
from distiller.web.requests import allowing, pairs_of
from distiller.web.tap import stream

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from distiller.core.errors import DistillerError

_TABLE: Final = "ivoa.obscore"


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
async def base(request: HttpRequest) -> HttpResponseBase:
    """Lead from the base address to what the service says of itself."""
    del request
    return HttpResponseRedirect(f"{_base_url()}/capabilities")


@allowing("GET")
async def capabilities(request: HttpRequest) -> HttpResponseBase:
    """Say what the service can do (SIA 2.0 section 2.3)."""
    del request
    return vosi.xml(sia.capabilities(_base_url()))


@allowing("GET")
async def availability(request: HttpRequest) -> HttpResponseBase:
    """Say since when the service is up."""
    del request
    return vosi.availability()


@allowing("GET")
async def tables(request: HttpRequest) -> HttpResponseBase:
    """Describe the table that is searched."""
    detail = Parameters(pairs_of(request)).single("DETAIL")
    return await vosi.tableset(
        request, site.current().archive.catalog, detail=detail, only=_TABLE
    )


@csrf_exempt
async def unknown(request: HttpRequest) -> HttpResponseBase:
    """Answer what no image service has."""
    return as_votable(
        NotFound(
            f"there is no {request.path}",
            hint="there are query, capabilities, availability and tables below /sia2",
        )
    )


def _base_url() -> str:
    return f"{site.current().settings.base_url}/sia2"
