"""The log of a job as a resource, whole and as it grows."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.test import AsyncClient, Client

from distiller.jobs import folders
from distiller.vo.uws import Phase

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.core.settings import Settings
    from distiller.jobs.service import JobService
    from distiller.web.jobs.store import OrmJobStore

pytestmark = pytest.mark.slow

BASE = "/uws/count_map"


def write(home: Settings, job_id: str, text: str) -> Path:
    """Write into the log of a job, as its shepherd does."""
    folder = folders.job_folder(home, job_id)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / folders.LOG).open("a") as stream:
        stream.write(text)
    return folder


def test_what_a_job_has_printed(here: JobService, home: Settings) -> None:
    job = here.create("count_map", [])
    client = Client()
    nothing = client.get(f"{BASE}/{job.job_id}/log")
    assert (nothing.status_code, nothing.content) == (200, b"")
    folder = write(home, job.job_id, "first\n")
    folders.log_part(folder, 5000).write_text("last\n")
    answer = client.get(f"{BASE}/{job.job_id}/log/")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.content == (
        b"first\n[... 4,994 bytes of the log are left out here ...]\nlast\n"
    )
    head = client.head(f"{BASE}/{job.job_id}/log?FOLLOW=1")
    assert (head.status_code, head.content) == (200, b"")
    wrong = client.get(f"{BASE}/{job.job_id}/log?FOLLOW=yes")
    assert wrong.status_code == 400
    assert b"FOLLOW: 'yes' is not 0 or 1" in wrong.content
    assert client.post(f"{BASE}/{job.job_id}/log", {"PHASE": "RUN"}).status_code == 405
    page = client.get(f"/jobs/{job.job_id}/").content.decode()
    assert f'href="{BASE}/{job.job_id}/log"' in page


def test_a_log_is_its_owners(here: JobService) -> None:
    job = here.create("count_map", [], owner="marie")
    get_user_model().objects.create_user("pierre", password="p")  # noqa: S106
    client = Client()
    for _ in range(2):
        for query in ("", "?FOLLOW=1"):
            answer = client.get(f"{BASE}/{job.job_id}/log{query}")
            assert answer.status_code == 403
        client.login(username="pierre", password="p")  # noqa: S106


async def _follow(place: str, parts: list[str]) -> None:
    answer: Any = await AsyncClient().get(place)
    assert answer.headers["X-Accel-Buffering"] == "no"
    async for part in answer.streaming_content:
        parts.append(part.decode())  # noqa: PERF401 - others look at what came so far


async def _until(parts: list[str], word: str) -> None:
    while word not in "".join(parts):  # noqa: ASYNC110 - it is a list that fills
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("end", ["final", "deleted", "leaving"])
def test_a_log_is_followed_to_its_end(
    here: JobService, home: Settings, store: OrmJobStore, end: str
) -> None:
    job = here.create("count_map", [])
    parts: list[str] = []

    async def follow() -> None:
        place = f"{BASE}/{job.job_id}/log?FOLLOW=1"
        following = asyncio.create_task(_follow(place, parts))
        write(home, job.job_id, "one\n")
        await _until(parts, "one")
        update = sync_to_async(store.update)
        await update(job.job_id, {Phase.PENDING}, {}, to=Phase.QUEUED)
        write(home, job.job_id, "two\n")
        await _until(parts, "two")
        await asyncio.sleep(0.1)
        assert not following.done()
        write(home, job.job_id, "three\n")
        if end == "final":
            await update(job.job_id, {Phase.QUEUED}, {}, to=Phase.ERROR)
        elif end == "deleted":
            await sync_to_async(here.delete)(job.job_id)
        else:
            here.leave()
        await asyncio.wait_for(following, 30)

    asyncio.run(follow())
    assert "".join(parts).startswith("one\ntwo\n")
    if end != "deleted":
        assert "".join(parts) == "one\ntwo\nthree\n"


def test_followers_take_no_thread_each(
    here: JobService, home: Settings, store: OrmJobStore
) -> None:
    job = here.create("count_map", [])
    seen: list[list[str]] = [[] for _ in range(60)]

    async def follow() -> int:
        place = f"{BASE}/{job.job_id}/log?FOLLOW=1"
        write(home, job.job_id, "one\n")
        tasks = [asyncio.create_task(_follow(place, parts)) for parts in seen]
        for parts in seen:
            await _until(parts, "one")
        many = threading.active_count()
        update = sync_to_async(store.update)
        await update(job.job_id, {Phase.PENDING}, {}, to=Phase.ABORTED)
        await asyncio.gather(*tasks)
        return many

    assert asyncio.run(follow()) < 40
    assert {"".join(parts) for parts in seen} == {"one\n"}


def test_a_real_job_is_followed_and_the_server_lets_go(uws: Any) -> None:
    path = uws.submit(binsz="0.05")
    text = httpx.get(f"{uws.url}{path}/log", params={"FOLLOW": "1"}, timeout=60).text
    assert uws.get(f"{path}/phase").text == "COMPLETED"
    assert text.startswith("  0% Starting count_map\n")
    assert text.endswith("100% Filing the product\n")
    assert text == uws.get(f"{path}/log").text
    waiting = uws.post(obs="1001").headers["Location"].removeprefix(uws.url)
    with ThreadPoolExecutor(5) as threads:
        asked = [
            threads.submit(uws.get, f"{waiting}/log", FOLLOW="1") for _ in range(5)
        ]
        time.sleep(1.5)
        assert not any(one.done() for one in asked)
        uws.process.send_signal(signal.SIGTERM)
        answers = [one.result() for one in asked]
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, "")}
    with uws.process:
        assert uws.process.wait(30) == 0
    uws.start()


def test_the_parts_of_a_log_that_are_kept(tmp_path: Path) -> None:
    """A reader who stops in one place goes on there, whatever went meanwhile."""
    folder = tmp_path
    (folder / folders.LOG).write_bytes(b"0123456789")
    assert folders.read_log(folder, 4) == (b"456789", 10)
    folders.log_part(folder, 10).write_bytes(b"abc")
    assert folders.read_log(folder, 10) == (b"abc", 13)
    folders.log_part(folder, 10).unlink()
    folders.log_part(folder, 1020).write_bytes(b"xyz")
    text, place = folders.read_log(folder, 12)
    assert (text, place) == (
        b"\n[... 1,008 bytes of the log are left out here ...]\nxyz", 1023,
    )  # fmt: skip
    assert folders.read_log(folder, place) == (b"", place)
