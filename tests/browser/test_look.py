"""Every page in a real browser: pictures to look at, and axe without a finding."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from distiller.jobs import processes, shepherd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page
    from tests.browser.conftest import Look, OpenPage, Server

pytestmark = pytest.mark.browser

LOOKS = (("desktop", False), ("phone", False), ("desktop", True))
PAGES = {
    "start": "/",
    "search-full": "/search/?target=Crab",
    "search-empty": "/search/?target=M+31&sr=0.1",
    "search-unknown": "/search/?target=Crap+Nebula",
    "dataset": "/obs/1001/?collection=demo",
    "job-form": "/jobs/new/count_map/?obs=1001&obs=1002&e_min=0.5",
}
FURTHER = {
    "search-all": "/search/?t_min=2000-01-01&e_min=0.05&level=DL3",
    "search-edited": "/search/?adql=SELECT+TOP+5+*+FROM+ivoa.obscore",
    "search-wrong-field": "/search/?ra=400&e_min=2&e_max=1",
    "search-wrong-adql": "/search/?adql=SELECT+s_raa%2C+foo%0AFROM+ivoa.obscore",
    "adql": "/adql/?query=SELECT+TOP+5+obs_id%2C+s_ra+FROM+ivoa.obscore",
    "adql-wrong": "/adql/?query=SELECT+s_raa+FROM+ivoa.obscore",
    "download": "/search/download/?obs=ivo%3A%2F%2Fdistiller.invalid%2Fdemo%3F1001",
    "job-form-empty": "/jobs/new/count_map/",
    "jobs": "/jobs/",
    "jobs-new": "/jobs/new/?obs=1001",
    "help": "/help/",
    "help-task": "/help/count_map/",
    "schema": "/schema/",
    "schema-found": "/schema/?q=zenith",
    "schema-table": "/schema/ivoa.obscore/",
    "login": "/accounts/login/",
    "error-404": "/nothing/here",
}


@pytest.mark.parametrize(("size", "dark"), LOOKS)
def test_pages(
    server: Server, open_page: OpenPage, look: Look, size: str, *, dark: bool
) -> None:
    with open_page(size=size, dark=dark) as page:
        for name, path in PAGES.items():
            page.goto(server.url + path)
            look(page, f"{name}-{size}{'-dark' if dark else ''}")


@pytest.mark.parametrize(("size", "dark"), [("desktop", False), ("phone", True)])
def test_further_pages(
    server: Server, open_page: OpenPage, look: Look, size: str, *, dark: bool
) -> None:
    with open_page(size=size, dark=dark) as page:
        for name, path in FURTHER.items():
            page.goto(server.url + path)
            look(page, f"{name}-{size}{'-dark' if dark else ''}")


@pytest.mark.parametrize(("size", "dark"), LOOKS)
def test_job_pages(
    server: Server, open_page: OpenPage, look: Look, size: str, *, dark: bool
) -> None:
    mark = f"{size}{'-dark' if dark else ''}"
    with open_page(size=size, dark=dark) as page:
        form = f"{server.url}/jobs/new/count_map/?obs=1001&obs=1002"
        # As large as a map may be: it is not over before it is stopped.
        page.goto(f"{form}&width=10&binsz=0.0025")
        page.get_by_role("button", name="Make the count map").click()
        page.get_by_role("status").get_by_text("EXECUTING").wait_for()
        with _stopped(server.home / "jobs" / page.url.split("/")[-2]):
            look(page, f"job-running-{mark}")
            assert page.get_by_role("status").inner_text() == "EXECUTING"
        page.get_by_role("link", name="Abort").click()
        page.get_by_role("button", name="Abort it").click()
        # Each look has a map of its own: one that was made before is given at once.
        page.goto(f"{form}&width=8&e_min=0.1{LOOKS.index((size, dark))}")
        page.get_by_role("button", name="Make the count map").click()
        page.get_by_role("status").get_by_text("COMPLETED").wait_for(timeout=60_000)
        _wait_for_picture(page)
        look(page, f"job-done-{mark}")
        page.get_by_role("link", name="Product page").click()
        page.wait_for_url("**/products/**")
        _wait_for_picture(page)
        look(page, f"product-{mark}")
        page.goto(f"{server.url}/jobs/new/count_map/?obs=1001&ra=0&dec=-80&width=1")
        page.get_by_role("button", name="Make the count map").click()
        page.get_by_role("status").get_by_text("ERROR").wait_for()
        look(page, f"job-failed-{mark}")
        page.get_by_role("link", name="Delete").click()
        look(page, f"job-delete-{mark}")
        page.goto(f"{server.url}/jobs/new/count_map/?obs=1001&e_min=5&e_max=1")
        page.get_by_role("button", name="Make the count map").click()
        page.get_by_text("was not started").wait_for()
        look(page, f"job-form-wrong-{mark}")


@contextmanager
def _stopped(job: Path) -> Iterator[None]:
    """Let the work at a job stand still, so that it can be looked at."""
    found = shepherd.written(job)
    assert found is not None
    while not (worker := processes.descendants(found.pid)):
        assert found.is_alive, "the job has ended"
        time.sleep(0.01)
    for pid in worker:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in worker:
            os.kill(pid, signal.SIGCONT)


def _wait_for_picture(page: Page) -> None:
    # Not `wait_for_function`: it evaluates text in the page, which the policy forbids.
    page.locator("main img").first.wait_for()
    page.evaluate("Promise.all([...document.images].map(i => i.decode()))")


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_selection_and_wait(
    server: Server, open_page: OpenPage, look: Look, size: str
) -> None:
    with open_page(size=size) as page:
        page.goto(f"{server.url}/search/?target=Crab")
        page.get_by_role("checkbox", name="Choose all rows of this page").check()
        look(page, f"search-selected-{size}", whole=False)
        page.evaluate("document.documentElement.classList.add('busy')")
        assert page.get_by_text("Searching …").first.is_visible()
        page.keyboard.press("?")
        look(page, f"search-busy-keys-{size}", whole=False)


def test_empty_archive(empty_server: Server, page: Page, look: Look) -> None:
    for name, path in {"start": "/", "search": "/search/", "help": "/help/"}.items():
        page.goto(empty_server.url + path)
        look(page, f"empty-{name}-desktop")


def test_policy_allows_nothing_inline(server: Server) -> None:
    with httpx.Client(base_url=server.url) as client:
        for path in (PAGES | FURTHER).values():
            answer = client.get(path)
            policy = answer.headers["Content-Security-Policy"]
            assert "script-src 'self';" in policy
            assert "unsafe" not in policy
            assert " style=" not in answer.text
            assert "<style" not in answer.text
            assert " onclick=" not in answer.text
