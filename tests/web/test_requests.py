"""Forms with files: read in threads of their own, and gone when nobody waits."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory, override_settings

from distiller.web import requests
from distiller.web.requests import allowing, apart, sent

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from pathlib import Path

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Return the folder of the files of forms."""
    with override_settings(FILE_UPLOAD_TEMP_DIR=tmp_path):
        yield tmp_path


def names(place: Path) -> list[str]:
    return [path.name for path in place.iterdir()]


@pytest.fixture
def going_on() -> Iterator[threading.Event]:
    """Return what lets threads go on that wait for it; a test that fails does, too."""
    event = threading.Event()
    yield event
    event.set()


def form() -> HttpRequest:
    file = SimpleUploadedFile("t.xml", b"<VOTABLE/>")
    return RequestFactory().post("/tap/sync", {"UPLOAD": "t,param:t", "t": file})


def run(story: Coroutine[None, None, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 20))


def test_forms_are_read_while_other_work_fills_the_threads_of_the_loop(
    place: Path, going_on: threading.Event
) -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        busy = loop.run_in_executor(None, going_on.wait, 30)
        request = form()
        pairs, files = await sent(request)
        request.close()
        assert pairs == [("UPLOAD", "t,param:t")]
        assert files["t"].parent == place
        assert not busy.done()
        going_on.set()
        await busy

    run(story())


def test_slow_forms_leave_the_threads_of_the_loop_to_others(
    going_on: threading.Event,
) -> None:
    async def story() -> None:
        slow = [
            asyncio.ensure_future(apart(form(), lambda _: going_on.wait(30)))
            for _ in range(3 * requests._FORMS._max_workers)
        ]
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        await asyncio.sleep(0)
        assert await asyncio.to_thread(lambda: 7) == 7
        assert not any(one.done() for one in slow)
        going_on.set()
        assert all(await asyncio.gather(*slow))

    run(story())


def test_files_go_when_the_client_leaves_while_it_waits(place: Path) -> None:
    request = form()

    async def story() -> None:
        waits = asyncio.Event()

        @allowing("POST")
        async def view(request: HttpRequest) -> HttpResponseBase:
            await sent(request)
            waits.set()
            await asyncio.Event().wait()
            raise AssertionError

        left = asyncio.ensure_future(view(request))
        await waits.wait()
        assert len(names(place)) == 1
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        assert names(place) == []

    run(story())


def test_files_go_when_the_client_leaves_while_they_are_read(
    place: Path, going_on: threading.Event
) -> None:
    request, begun, done = form(), threading.Event(), threading.Event()

    def slow(request: HttpRequest) -> None:
        begun.set()
        going_on.wait(30)
        assert request.FILES
        done.set()

    async def story() -> None:
        left = asyncio.ensure_future(apart(request, slow))
        await asyncio.to_thread(begun.wait, 20)
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        going_on.set()
        await asyncio.to_thread(done.wait, 20)
        # Its thread closes them before it takes up anything else.
        await asyncio.gather(
            *(apart(form(), lambda _: 1) for _ in range(requests._FORMS._max_workers))
        )

    run(story())
    assert names(place) == []
