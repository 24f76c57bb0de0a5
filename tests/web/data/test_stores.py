"""Files in a store are sent as those of this machine are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from django.http import HttpRequest

from distiller.core.errors import NotFound, Unreachable
from distiller.core.places import Unanswered, Url
from distiller.web.data.sending import SentFile, send

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def url() -> Iterator[Url]:
    store = fsspec.filesystem("memory")
    store.pipe("/top/run.fits", CONTENT)
    yield Url("memory", "top/run.fits")
    store.store.clear()


def answer(url: Url, **headers: str) -> tuple[int, bytes, Any]:
    request = HttpRequest()
    request.method = "GET"
    request.META.update({f"HTTP_{name.upper()}": v for name, v in headers.items()})
    file = SentFile(url, url.name, "application/fits", "sum", len(CONTENT))

    async def whole() -> tuple[int, bytes, Any]:
        sent = await send(request, file)
        body = b"".join([part async for part in sent])  # type: ignore[attr-defined]  # it streams
        return sent.status_code, body, sent.headers

    return asyncio.run(whole())


def test_whole_and_in_part(url: Url) -> None:
    status, body, headers = answer(url)
    assert (status, body) == (200, CONTENT)
    assert headers["Content-Length"] == str(len(CONTENT))
    assert headers["ETag"] == '"sum"'
    status, body, headers = answer(url, range="bytes=10-19")
    assert (status, body) == (206, CONTENT[10:20])
    assert headers["Content-Range"] == f"bytes 10-19/{len(CONTENT)}"


def test_gone_and_silent(url: Url, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFound, match="registered in the archive but missing"):
        answer(Url("memory", "top/none.fits"))

    def silent(_: Url) -> None:
        raise Unanswered(5, "the store does not answer")

    monkeypatch.setattr(Url, "info", silent)
    with pytest.raises(Unreachable, match=r"the store that holds run\.fits does not"):
        answer(url)
