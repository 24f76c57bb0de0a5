"""Documents about tables are made once, and are not sent to who has them."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from lxml import etree

from distiller.core.columns import Column, Table
from distiller.core.errors import BadParameter
from distiller.vo import vosi as documents
from distiller.web import vosi

if TYPE_CHECKING:
    from django.http import HttpRequest
    from tests.web.conftest import Server

    from distiller.core.columns import Catalog

COLUMNS = tuple(
    Column(f"c{n}", "double", unit="deg", description="A column of many.")
    for n in range(20)
)


def many() -> Catalog:
    """Return 300 tables of 20 columns."""
    names = [f"lab.t{n}" for n in range(300)]
    return {name: Table(name, COLUMNS, primary_key=("c0",)) for name in names}


def told(request: HttpRequest, catalog: Catalog, **more: Any) -> HttpResponse:
    answer = asyncio.run(vosi.tableset(request, catalog, **more))
    assert isinstance(answer, HttpResponse)
    return answer


def test_a_document_of_many_tables_is_made_once_for_each_detail() -> None:
    catalog, kept = many(), vosi._Documents()
    made: list[str] = []

    def make(level: str) -> bytes:
        made.append(level)
        return documents.tableset(catalog, detail=level)

    answers = [
        kept.of(catalog, level, lambda level=level: make(level))  # type: ignore[misc]
        for level in ("max", "min", "max", "min", "max")
    ]
    assert made == ["max", "min"]
    assert answers[0] == answers[2] == answers[4]
    assert len({tag for _, tag in answers}) == 2
    root = etree.fromstring(answers[0][0])
    assert len(root.findall("schema/table")) == 300
    assert len(root.findall("schema/table/column")) == 6000
    assert answers[0][1].startswith('"')


def test_another_catalog_has_another_document() -> None:
    kept = vosi._Documents()
    catalogs = [many() for _ in range(12)]
    answers = [kept.of(c, "max", lambda n=n: str(n).encode())  # type: ignore[misc]
               for n, c in enumerate(catalogs)]  # fmt: skip
    assert [document for document, _ in answers] == [b"%d" % n for n in range(12)]
    assert len(kept._kept) == vosi._KEPT


def test_who_has_the_document_is_told_so() -> None:
    catalog, ask = many(), RequestFactory().get
    first = told(ask("/tap/tables"), catalog, detail=None)
    tag = first.headers["ETag"]
    again = told(
        ask("/tap/tables", headers={"If-None-Match": tag}), catalog, detail="max"
    )
    assert (again.status_code, again.headers["ETag"]) == (304, tag)
    assert again.getvalue() == b""
    other = told(
        ask("/tap/tables", headers={"If-None-Match": '"of yesterday"'}),
        catalog,
        detail=None,
    )
    assert (other.status_code, other.getvalue()) == (200, first.getvalue())
    with pytest.raises(BadParameter, match="DETAIL: unknown 'all'"):
        told(ask("/tap/tables"), catalog, detail="all")


@pytest.mark.slow
def test_catalogs_of_one_user_put_no_shared_document_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = vosi._Documents()
    monkeypatch.setattr(vosi, "_TABLES", kept)
    request, shared = RequestFactory().get("/tap/tables"), many()
    whole = told(request, shared, detail=None)
    for number in range(vosi._KEPT + 1):
        own = {**shared, f"tap_user.t{number}": Table(f"tap_user.t{number}", COLUMNS)}
        answer = told(request, own, detail=None, is_shared=False)
        assert f"tap_user.t{number}<" in answer.content.decode()
    assert kept.find(shared, "max None") == (whole.content, whole.headers["ETag"])
    assert len(kept._kept) == 1


def test_documents_are_made_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vosi, "_TABLES", vosi._Documents())
    threads: list[threading.Thread] = []
    real = documents.tableset

    def noted(*given: Any, **more: Any) -> bytes:
        threads.append(threading.current_thread())
        return real(*given, **more)

    monkeypatch.setattr(documents, "tableset", noted)
    for is_shared in (True, False):
        told(RequestFactory().get("/"), many(), detail="min", is_shared=is_shared)
    assert len(threads) == 2
    assert threading.main_thread() not in threads


def test_the_server_sends_the_tables_once(server: Server) -> None:
    for service in ("tap", "scs", "sia2"):
        url = f"{server.url}/{service}/tables"
        whole, least = httpx.get(url), httpx.get(url, params={"detail": "min"})
        assert whole.headers["etag"] != least.headers["etag"]
        known = {"If-None-Match": whole.headers["etag"]}
        again = httpx.get(url, headers=known)
        assert (again.status_code, again.content) == (304, b"")
        assert httpx.get(url, params={"detail": "min"}, headers=known).content
