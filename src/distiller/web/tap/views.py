"""The resources of ``/tap``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from django.http import HttpResponse

from distiller.model import examples as model_examples
from distiller.queries import answer
from distiller.queries.fetch import Patience
from distiller.vo import examples as vo_examples
from distiller.vo import vosi
from distiller.vo.dali import Parameters
from distiller.vo.tap import TapParameters
from distiller.web import access, site
from distiller.web import vosi as answers
from distiller.web.requests import allowing, pairs_of, sent
from distiller.web.tap import stream
from distiller.web.tap.description import service

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from distiller.core.columns import Catalog

    View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


@allowing("GET", "POST")
async def sync(request: HttpRequest) -> HttpResponseBase:
    """Run a query and stream its answer (TAP 1.1 section 2.2)."""
    here = site.current()
    pairs, files = await sent(request)
    parameters = TapParameters.parse(pairs)
    who = await access.avisitor(request)
    patience = Patience(here.settings.upload_url_timeout_s)

    def prepared() -> answer.Prepared:
        return answer.prepare(
            parameters,
            here.archive,
            here.settings,
            files,
            owner=who.name or None,
            patience=patience,
        )

    try:
        return await stream.respond(prepared, request=request)
    except asyncio.CancelledError:
        patience.stop()  # the client has left
        raise


@allowing("GET")
async def capabilities(request: HttpRequest) -> HttpResponseBase:
    """Say what the service can do (TAP 1.1 section 2.4)."""
    del request
    described = service(site.current().settings, answers.address("/tap"))
    return answers.xml(vosi.capabilities(described))


@allowing("GET")
async def tables(request: HttpRequest) -> HttpResponseBase:
    """Describe every table (VOSI 1.1 section 5)."""
    detail = Parameters(pairs_of(request)).single("DETAIL")
    catalog = await _catalog(request)
    is_shared = catalog is site.current().archive.catalog
    return await answers.tableset(request, catalog, detail=detail, is_shared=is_shared)


@allowing("GET")
async def table(request: HttpRequest, name: str) -> HttpResponseBase:
    """Describe one table."""
    return answers.xml(vosi.table(await _catalog(request), name))


async def _catalog(request: HttpRequest) -> Catalog:
    """Return the tables that who asks may name: all tables, and their own."""
    archive = site.current().archive
    who = await access.avisitor(request)
    own = await asyncio.to_thread(archive.tables_of, who.name) if who.name else {}
    return {**archive.catalog, **own} if own else archive.catalog


@allowing("GET")
async def examples(request: HttpRequest) -> HttpResponseBase:
    """Show questions with their queries (DALI 1.1 section 2.3)."""
    del request
    known = model_examples.examples(site.current().archive.model.folder)
    return HttpResponse(
        vo_examples.document(known),
        content_type=vo_examples.MEDIA_TYPE,
    )
