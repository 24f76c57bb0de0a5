"""Tables that users keep: ``/tap/user_tables``, as GAVO's DaCHS has it, and ours."""

from __future__ import annotations

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from django.http import HttpResponse

from distiller.archive.protocol import Given
from distiller.archive.user_tables import SCHEMA
from distiller.core.columns import Column
from distiller.core.errors import BadParameter, NotFound, NotLoggedIn, UserError
from distiller.queries import answer, tables
from distiller.queries.uploads import folder_of
from distiller.vo import elements, vosi
from distiller.vo.dali import Parameters
from distiller.vo.formats import writer_for
from distiller.vo.tap import table_name
from distiller.web import access, site
from distiller.web.requests import allowing, pairs_of

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from distiller.archive.user_tables import UserTable
    from distiller.web.site import Site

_BLOCK: Final = 2**18
_CHANGES: Final = ThreadPoolExecutor(4, thread_name_prefix="user-table")
"""Threads of their own: large tables, or waiting for locks, hold up no other work."""

_LIST: Final = (
    Column("table_name", "char", "*", description="As a query names it"),
    Column("rows", "long", description="Number of rows", ucd="meta.number"),
    Column("columns", "int", description="Number of columns", ucd="meta.number"),
    Column("bytes", "long", unit="byte", description="Size of the values"),
    Column("created", "char", "*", "timestamp", description="When it was kept, UTC"),
    Column("description", "char", "*", description="What the file said of it"),
)


async def owner_of(request: HttpRequest) -> str:
    """Return the name of who asks.

    Raises
    ------
    NotLoggedIn
        If it is nobody.
    """
    who = await access.avisitor(request)
    if not who.name:
        raise NotLoggedIn(
            "tables are kept for users who have logged in",
            hint="log in, also with name and password of HTTP",
        )
    return who.name


@allowing("GET")
async def listed(request: HttpRequest) -> HttpResponseBase:
    """List the tables of who asks."""
    owner = await owner_of(request)
    form = Parameters(pairs_of(request)).single("RESPONSEFORMAT")
    writer = writer_for(form, _LIST, table_name="user_tables")
    kept = await asyncio.to_thread(site.current().archive.user_tables.of, owner)
    body = answer.document(writer, _rows(kept))
    return HttpResponse(body, content_type=writer.media_type)


def _rows(kept: list[UserTable]) -> pa.RecordBatch:
    cells: list[tuple[str, list[Any], pa.DataType]] = [
        ("table_name", [f"{SCHEMA}.{t.name}" for t in kept], pa.string()),
        ("rows", [t.rows for t in kept], pa.int64()),
        ("columns", [len(t.columns) for t in kept], pa.int32()),
        ("bytes", [t.size for t in kept], pa.int64()),
        ("created", [t.created for t in kept], pa.timestamp("us")),
        ("description", [t.description for t in kept], pa.string()),
    ]
    return pa.record_batch({n: pa.array(v, kind) for n, v, kind in cells})


@allowing("GET", "PUT", "DELETE")
async def one(request: HttpRequest, name: str) -> HttpResponseBase:
    """Describe, keep or remove one table of who asks."""
    owner = await owner_of(request)
    here, loop = site.current(), asyncio.get_running_loop()
    plain = table_name(name.lower().removeprefix(f"{SCHEMA}."), "table")
    if request.method == "PUT":
        replaced, words = await loop.run_in_executor(
            _CHANGES, _keep, here, owner, plain, request
        )
        said = [f"Query this table as {SCHEMA}.{plain}", *words]
        return HttpResponse(
            "".join(f"{line}\n" for line in said),
            status=HTTPStatus.OK if replaced else HTTPStatus.CREATED,
            content_type="text/plain; charset=utf-8",
        )
    if request.method == "DELETE":
        drop = here.archive.user_tables.drop
        if not await loop.run_in_executor(_CHANGES, drop, owner, plain):
            raise _none(plain)
        return HttpResponse(
            f"Dropped user table {plain}\n", content_type="text/plain; charset=utf-8"
        )
    own = await asyncio.to_thread(here.archive.tables_of, owner)
    full = f"{SCHEMA}.{plain}"
    if full not in own:
        raise _none(plain)
    document = vosi.tableset({full: own[full]})
    return HttpResponse(document, content_type=elements.MEDIA_TYPE)


def _none(name: str) -> NotFound:
    return NotFound(
        f"you have no table {name}", hint="/tap/user_tables lists your tables"
    )


def _keep(
    here: Site, owner: str, name: str, request: HttpRequest
) -> tuple[bool, tuple[str, ...]]:
    """Keep the table that a request brings, as `keep` does."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind.lower().startswith("multipart/"):
        raise BadParameter(
            "Content-Type",
            f"{kind} wraps the table, which must be the whole body",
            hint="send the file itself, as `curl -T` or `requests.put(url, data=...)`",
        )
    with tempfile.NamedTemporaryFile(dir=folder_of(here.settings)) as brought:
        while block := request.read(_BLOCK):
            brought.write(block)
        brought.flush()
        return keep(here, owner, name, Path(brought.name))


def keep(here: Site, owner: str, name: str, path: Path) -> tuple[bool, tuple[str, ...]]:
    """Read a file and keep its table.

    Returns whether there was one before, and what is to be said of the columns.

    Raises
    ------
    BadParameter
        Naming the table, if it cannot be read.
    Forbidden
        If the quota does not allow it.
    """
    try:
        limits = tables.Limits.of(here.settings)
        brought = tables.read(path, limits, folder_of(here.settings))
    except UserError as error:
        raise BadParameter(name, error.message, hint=error.hint) from error
    kept = here.archive.user_tables
    replaced = any(table.name == name for table in kept.of(owner))
    given = Given(name, brought.columns, brought.rows)
    kept.keep(owner, name, given, brought.description)
    return replaced, brought.words
