"""Downloads of files of products."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async
from django.http import HttpResponse

from distiller.core.errors import Forbidden, NotFound
from distiller.core.places import place
from distiller.core.rights import Terms, may_read
from distiller.core.times import now
from distiller.web import access, site
from distiller.web.data.sending import SentFile, send
from distiller.web.errors import headers_of, ours, status_of
from distiller.web.pages import errors as pages

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from distiller.core.errors import DistillerError

_FILE = """
SELECT f.path, f.name, f.media_type, f.checksum, f."size",
       p.rights, p.release_date, p.owner, p.access_group
FROM cta.product_file AS f JOIN cta.product AS p ON p.product_id = f.product_id
WHERE f.product_id = $product_id AND f.name = $name
"""
_UNKNOWN_TYPE = "application/octet-stream"


async def file(request: HttpRequest, product_id: str, name: str) -> HttpResponseBase:
    """Send one file of one product."""
    try:
        found, terms = await asyncio.to_thread(_find, product_id, name)
        if not terms.is_public(now()):
            await _require(request, terms, name)
        return await send(request, found)
    except Exception as error:  # noqa: BLE001 - the edge of a request
        return await _as_answer(request, ours(error, f"sending {request.path}"))


def _find(product_id: str, name: str) -> tuple[SentFile, Terms]:
    rows = site.current().archive.rows(_FILE, {"product_id": product_id, "name": name})
    if not rows:
        raise NotFound(
            f"no file {name!r} of product {product_id!r} in this archive",
            hint="take the address from access_url of ivoa.obscore",
        )
    row = rows[0]
    sent = SentFile(
        path=place(row["path"]),
        name=row["name"],
        media_type=row["media_type"] or _UNKNOWN_TYPE,
        checksum=row["checksum"],
        size=row["size"],
    )
    return sent, Terms.of(row)


async def _require(request: HttpRequest, terms: Terms, name: str) -> None:
    if not may_read(await access.avisitor(request), terms, now()):
        until = f" until {terms.release_date:%Y-%m-%d}" if terms.release_date else ""
        raise Forbidden(
            f"the file {name} is proprietary{until}",
            hint="log in with an account of its owner or group",
        )


async def _as_answer(request: HttpRequest, error: DistillerError) -> HttpResponseBase:
    """Return a page for people, one line for programs."""
    if "text/html" in request.headers.get("Accept", ""):
        return await sync_to_async(pages.answer)(request, error)
    return HttpResponse(
        f"{error.text}\n",
        status=status_of(error),
        headers=headers_of(error),
        content_type="text/plain; charset=utf-8",
    )
