"""Downloads of files of products."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from asgiref.sync import sync_to_async
from django.http import HttpResponse, HttpResponseNotAllowed, JsonResponse

from distiller.core.errors import Forbidden, NotFound
from distiller.core.places import place
from distiller.core.rights import Terms, may_read
from distiller.core.times import now
from distiller.jobs import preview_files
from distiller.web import access, site
from distiller.web.data.sending import SentFile, send
from distiller.web.errors import headers_of, ours, status_of
from distiller.web.pages import errors as pages

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from distiller.core.errors import DistillerError
    from distiller.jobs.preview_files import Dataset, Record

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


async def preview(request: HttpRequest, product_id: str) -> HttpResponseBase:
    """Send the picture of the quick look of a dataset."""
    return await _preview(request, product_id, "png")


async def preview_numbers(request: HttpRequest, product_id: str) -> HttpResponseBase:
    """Send the numbers of the quick look of a dataset, as JSON."""
    return await _preview(request, product_id, "json")


async def _preview(
    request: HttpRequest, product_id: str, kind: Literal["png", "json"]
) -> HttpResponseBase:
    """Send a part of a quick look to who may read the data, and to nobody else."""
    try:
        found = await asyncio.to_thread(_dataset, product_id)
        name = f"{found.obs_id}-quick-look.{kind}"
        if not found.terms.is_public(now()):
            await _require(request, found.terms, name)
        record = await asyncio.to_thread(_record, found)
        if kind == "json":
            return _numbers(request, record)
        path = preview_files.picture(site.current().settings, found.name)
        sent = SentFile(path, name, "image/png", record.checksum, record.size)
        return await send(request, sent)
    except Exception as error:  # noqa: BLE001 - the edge of a request
        return await _as_answer(request, ours(error, f"sending {request.path}"))


def _dataset(product_id: str) -> Dataset:
    found = preview_files.dataset(site.current().archive, product_id)
    if found is None:
        raise NotFound(
            f"no event list {product_id!r} in this archive",
            hint="only event lists have a quick look",
        )
    return found


def _record(dataset: Dataset) -> Record:
    record = preview_files.read(site.current().settings, dataset.name)
    if record is None:
        raise NotFound(
            f"there is no quick look of {dataset.did} yet",
            hint="the page of the dataset shows it as soon as it is made",
        )
    if record.error is not None:
        raise NotFound(
            f"the quick look of {dataset.did} could not be made: {record.error}"
        )
    return record


def _numbers(request: HttpRequest, record: Record) -> HttpResponseBase:
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    numbers = {} if record.numbers is None else record.numbers.model_dump(mode="json")
    return JsonResponse(numbers, json_dumps_params={"indent": 1, "allow_nan": False})


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
