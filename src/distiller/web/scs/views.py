"""The resources of ``/scs``."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from django.http import HttpResponse

from distiller.core.errors import UserError
from distiller.queries import cone
from distiller.vo import scs
from distiller.vo.scs import ConeParameters, ConeService
from distiller.web import site, vosi
from distiller.web.errors import headers_of, ours, status_of
from distiller.web.requests import allowing, pairs_of
from distiller.web.tap import stream

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from distiller.core.errors import DistillerError

_PLACE: Final = (
    "SELECT s_ra, s_dec FROM ivoa.obscore WHERE s_ra IS NOT NULL AND s_dec IS NOT NULL "
    "ORDER BY obs_publisher_did LIMIT 1"
)


@allowing("GET", "POST")
async def search(request: HttpRequest) -> HttpResponseBase:
    """Find datasets around a position and stream them."""
    here = site.current()
    try:
        asked = ConeParameters.parse(pairs_of(request))
        return await stream.respond(
            lambda: cone.prepare(asked, here.archive, here.settings),
            request=request,
        )
    except Exception as error:  # noqa: BLE001 - the edge of a request
        return _as_answer(ours(error, f"answering {request.path}"))


def _as_answer(error: DistillerError) -> HttpResponse:
    # The standard has no statuses, and its clients (TOPCAT, STILTS) do not read the
    # document of another than 200: an error of the user is told in it all the same.
    status = HTTPStatus.OK if isinstance(error, UserError) else status_of(error)
    return HttpResponse(
        scs.error_document(error.text),
        status=status,
        headers=headers_of(error),
        content_type=scs.MEDIA_TYPE,
    )


@allowing("GET")
async def capabilities(request: HttpRequest) -> HttpResponseBase:
    """Say what the service can do."""
    del request
    here = site.current()
    rows = await asyncio.to_thread(here.archive.rows, _PLACE)
    described = ConeService(
        base_url=vosi.address("/scs"),
        rows_max=here.settings.query_rows_max,
        place_deg=(rows[0]["s_ra"], rows[0]["s_dec"]) if rows else None,
    )
    return vosi.xml(scs.capabilities(described))
