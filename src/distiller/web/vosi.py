"""What every service answers of itself (VOSI 1.1): availability, tables."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
import weakref
from collections import OrderedDict
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from django.http import HttpResponse, HttpResponseNotModified, HttpResponseRedirect
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.csrf import csrf_exempt

from distiller.core import times
from distiller.core.errors import Busy, NotFound, TimedOut
from distiller.vo import elements, vosi
from distiller.vo.dali import Parameters
from distiller.web import site
from distiller.web.errors import as_votable, ours
from distiller.web.requests import allowing, pairs_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from distiller.archive.protocol import ArchiveReader
    from distiller.core.columns import Catalog
    from distiller.core.errors import DistillerError
    from distiller.web.requests import View

_UP_SINCE: Final = times.now()
_PROGRAM: Final = f"CTA-Data-Distiller/{version('cta-data-distiller')}"
_PULSE_S: Final = 1.0
_PULSE_MOST_S: Final = 5.0
_ANYTHING: Final = "SELECT 1 AS one LIMIT 1"
_KEPT: Final = 8
_CACHED: Final = "private, no-cache"


def xml(document: bytes) -> HttpResponse:
    """Return a document as an answer."""
    # The name of the program helps those who ask operators about a fault.
    return HttpResponse(
        document, content_type=elements.MEDIA_TYPE, headers={"Server": _PROGRAM}
    )


@allowing("GET")
async def availability(request: HttpRequest) -> HttpResponseBase:
    """Say whether the archive answers, and since when the server is up."""
    del request
    trouble = await _pulse().trouble()
    return xml(
        vosi.availability(
            up_since=_UP_SINCE,
            available=trouble is None,
            note=None if trouble is None else trouble.text,
        )
    )


class _Pulse:
    """Whether the archive answers; however many ask, it is asked once a second."""

    def __init__(self) -> None:
        self._asked: asyncio.Future[DistillerError | None] | None = None
        self._until = 0.0

    async def trouble(self) -> DistillerError | None:
        """Return why no query can be answered; None if they can, or have to wait."""
        asked = self._asked
        if asked is None or (asked.done() and time.monotonic() >= self._until):
            archive = site.current().archive
            self._asked = asked = asyncio.ensure_future(
                asyncio.to_thread(_trouble, archive)
            )
            asked.add_done_callback(self._keep)
        return await asyncio.shield(asked)

    def _keep(self, _: object) -> None:
        self._until = time.monotonic() + _PULSE_S


def _trouble(archive: ArchiveReader) -> DistillerError | None:
    try:
        with archive.query(_ANYTHING, timeout_s=_PULSE_MOST_S) as result:
            for _ in result.batches:
                pass
    except (Busy, TimedOut):
        return None  # it is at work
    except Exception as error:  # noqa: BLE001 - the edge of a request
        return ours(error, "asking whether the archive answers")
    return None


_PULSES: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Pulse] = (
    weakref.WeakKeyDictionary()
)


def _pulse() -> _Pulse:
    """Return that of this event loop."""
    return _PULSES.setdefault(asyncio.get_running_loop(), _Pulse())


def address(path: str) -> str:
    """Return the whole address of a service, without a last slash."""
    return f"{site.current().settings.base_url}{path}"


def to_capabilities(path: str) -> View:
    """Return a view that leads from a base address to what the service says of itself.

    Parameters
    ----------
    path
        Of the service, as ``/tap``.
    """

    @allowing("GET")
    async def base(request: HttpRequest) -> HttpResponseBase:
        del request
        return HttpResponseRedirect(f"{address(path)}/capabilities")

    return base


def table_of(name: str) -> View:
    """Return a view that describes the one table which a service searches."""

    @allowing("GET")
    async def tables(request: HttpRequest) -> HttpResponseBase:
        detail = Parameters(pairs_of(request)).single("DETAIL")
        catalog = site.current().archive.catalog
        return await tableset(request, catalog, detail=detail, only=name)

    return tables


def unknown(path: str, *known: str) -> View:
    """Return a view for addresses below a service that it does not have.

    Parameters
    ----------
    path
        Of the service.
    known
        What there is below it.
    """
    hint = f"there are {', '.join(known[:-1])} and {known[-1]} below {path}"

    @csrf_exempt
    async def view(request: HttpRequest) -> HttpResponseBase:
        return as_votable(NotFound(f"there is no {request.path}", hint=hint))

    return view


async def tableset(
    request: HttpRequest,
    catalog: Catalog,
    *,
    detail: str | None,
    only: str | None = None,
    is_shared: bool = True,
) -> HttpResponseBase:
    """Describe tables, with an ETag: who has them already is not sent them again.

    Parameters
    ----------
    detail
        As given: ``min`` or ``max``.
    only
        The one table to describe.
    is_shared
        Whether others are shown this very catalog, so that its document is kept.
    """
    level = vosi.detail_of(detail)

    def make() -> bytes:
        shown = catalog if only is None else {only: catalog[only]}
        return vosi.tableset(shown, detail=level)

    if not is_shared:
        document, tag = await asyncio.to_thread(_tagged, make)
    else:
        which = f"{level} {only}"
        found = _TABLES.find(catalog, which)
        if found is None:
            # That of many tables takes its time, and others must not wait for it.
            found = await asyncio.to_thread(_TABLES.of, catalog, which, make)
        document, tag = found
    whole = xml(document)
    whole.headers["ETag"] = tag
    # It changes with an upgrade: to be asked for each time, and told in one line.
    whole.headers["Cache-Control"] = _CACHED
    answer = get_conditional_response(request, etag=tag, response=whole)
    if isinstance(answer, HttpResponseNotModified):
        answer.headers["Cache-Control"] = _CACHED
    return answer or whole


def _tagged(make: Callable[[], bytes]) -> tuple[bytes, str]:
    """Return a document and its ETag."""
    document = make()
    return document, quote_etag(hashlib.sha256(document).hexdigest()[:32])


class _Documents:
    """The latest documents. A catalog is kept with them, so its id stays its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[object, tuple[Catalog, bytes, str]] = OrderedDict()

    def find(self, catalog: Catalog, which: str) -> tuple[bytes, str] | None:
        """Return a document and its ETag, where it is kept."""
        key = (id(catalog), which)
        with self._lock:
            found = self._kept.get(key)
            if found is None or found[0] is not catalog:
                return None
            self._kept.move_to_end(key)
        return found[1], found[2]

    def of(
        self, catalog: Catalog, which: str, make: Callable[[], bytes]
    ) -> tuple[bytes, str]:
        """Return a document and its ETag, made where it is not kept."""
        found = self.find(catalog, which)
        if found is None:
            found = _tagged(make)
            with self._lock:
                self._kept[id(catalog), which] = (catalog, *found)
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
        return found


_TABLES: Final = _Documents()
