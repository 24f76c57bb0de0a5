"""The resources of ``/tap``."""

from __future__ import annotations

import functools
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING

from django.http import HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

from distiller.core import times
from distiller.core.errors import BadParameter, NotFound
from distiller.model import examples as model_examples
from distiller.queries import answer
from distiller.vo import examples as vo_examples
from distiller.vo import vosi
from distiller.vo.dali import Parameters
from distiller.vo.tap import TapParameters
from distiller.web import site
from distiller.web.errors import as_votable, votable_errors
from distiller.web.tap import stream
from distiller.web.tap.description import service

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]

_UP_SINCE = times.now()
_PROGRAM = f"CTA-Data-Distiller/{version('cta-data-distiller')}"


def pairs_of(request: HttpRequest) -> list[tuple[str, str]]:
    """Return names and values of a request, of the address before those of the form."""
    given = [request.GET, request.POST] if request.method == "POST" else [request.GET]
    return [
        (name, str(value))
        for query in given
        for name, values in query.lists()
        for value in values
    ]


def allowing(*methods: str) -> Callable[[View], View]:
    """Let a view answer some methods, and say its errors as VOTable.

    HEAD is answered like GET, without the body.
    """

    def decorated(view: View) -> View:
        @csrf_exempt
        @votable_errors
        @functools.wraps(view)
        async def guarded(request: HttpRequest, **given: str) -> HttpResponseBase:
            if request.method == "HEAD" and "GET" in methods:
                return await _headers(request, view, **given)
            if request.method in methods:
                return await view(request, **given)
            refusal = as_votable(
                BadParameter(
                    "request",
                    f"{request.method} is not answered by {request.path}",
                    hint=f"send {' or '.join(methods)}",
                )
            )
            refusal.status_code = HTTPStatus.METHOD_NOT_ALLOWED
            refusal.headers["Allow"] = ", ".join((*methods, "HEAD"))
            return refusal

        return guarded

    return decorated


async def _headers(request: HttpRequest, view: View, **given: str) -> HttpResponseBase:
    """Return what GET would answer, without its body."""
    answered = await view(request, **given)
    answered.close()
    said = {"status": answered.status_code, "headers": dict(answered.items())}
    if not isinstance(answered, HttpResponse):
        # Its length is not known: Django would say 0 of a plain answer.
        return StreamingHttpResponse(stream.nothing(), **said)
    bare = HttpResponse(**said)
    bare.headers["Content-Length"] = str(len(answered.content))
    return bare


@allowing("GET", "POST")
async def sync(request: HttpRequest) -> HttpResponseBase:
    """Run a query and stream its answer (TAP 1.1 section 2.2)."""
    here = site.current()
    parameters = TapParameters.parse(pairs_of(request))
    return await stream.respond(
        lambda: answer.prepare(parameters, here.archive, here.settings),
        request=request,
    )


@allowing("GET")
async def base(request: HttpRequest) -> HttpResponseBase:
    """Lead from the base address to what the service says of itself."""
    del request
    return HttpResponseRedirect(f"{_base_url()}/capabilities")


@allowing("GET")
async def capabilities(request: HttpRequest) -> HttpResponseBase:
    """Say what the service can do (TAP 1.1 section 2.4)."""
    del request
    described = service(site.current().settings, _base_url())
    return _xml(vosi.capabilities(described))


@allowing("GET")
async def availability(request: HttpRequest) -> HttpResponseBase:
    """Say since when the service is up (VOSI 1.1 section 4)."""
    del request
    return _xml(vosi.availability(up_since=_UP_SINCE))


@allowing("GET")
async def tables(request: HttpRequest) -> HttpResponseBase:
    """Describe every table (VOSI 1.1 section 5)."""
    detail = Parameters(pairs_of(request)).single("DETAIL")
    return _xml(vosi.tableset(site.current().archive.catalog, detail=detail))


@allowing("GET")
async def table(request: HttpRequest, name: str) -> HttpResponseBase:
    """Describe one table."""
    del request
    return _xml(vosi.table(site.current().archive.catalog, name))


@allowing("GET")
async def examples(request: HttpRequest) -> HttpResponseBase:
    """Show questions with their queries (DALI 1.1 section 2.3)."""
    del request
    known = model_examples.examples(site.current().archive.model.folder)
    return HttpResponse(
        vo_examples.document(known),
        content_type=vo_examples.MEDIA_TYPE,
    )


@csrf_exempt
async def absent(request: HttpRequest) -> HttpResponseBase:
    """Answer what TAP names and this service does not have yet."""
    return as_votable(
        NotFound(
            f"this service has no {request.path} yet",
            hint="send queries to /tap/sync",
        )
    )


@csrf_exempt
async def unknown(request: HttpRequest) -> HttpResponseBase:
    """Answer what no TAP service has."""
    return as_votable(
        NotFound(
            f"there is no {request.path}",
            hint="there are sync, capabilities, availability, tables and examples "
            "below /tap",
        )
    )


def _base_url() -> str:
    return f"{site.current().settings.base_url}/tap"


def _xml(document: bytes) -> HttpResponse:
    # The name of the program helps those who ask operators about a fault.
    return HttpResponse(
        document, content_type=vosi.MEDIA_TYPE, headers={"Server": _PROGRAM}
    )
