"""The quick look comes onto an open page by itself, and is read out in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from distiller.archive import RemoteArchive
from distiller.core.settings import load_settings
from distiller.jobs import preview_files

if TYPE_CHECKING:
    from tests.browser.conftest import Look, OpenPage, Server

pytestmark = pytest.mark.browser

OBS = "/obs/1003/?collection=demo"


def _name(server: Server) -> str:
    with RemoteArchive(server.home / "control.sock") as archive:
        found = preview_files.datasets(archive)
    return next(one.name for one in found if one.obs_id == "1003")


@pytest.mark.parametrize(
    ("size", "dark"), [("desktop", False), ("phone", False), ("desktop", True)]
)
def test_it_stands_on_the_page(
    server: Server, open_page: OpenPage, look: Look, size: str, *, dark: bool
) -> None:
    with open_page(size=size, dark=dark) as page:
        page.goto(server.url + OBS)
        picture = page.locator("#quick-look img")
        picture.wait_for(timeout=120_000)
        page.evaluate("Promise.all([...document.images].map(i => i.decode()))")
        words = picture.get_attribute("alt") or ""
        assert words.startswith("Quick look of Crab Nebula, run 1003 (simulated): ")
        assert " events, " in words
        assert picture.evaluate("i => i.naturalWidth") == 1000
        look(page, f"quick-look-{size}{'-dark' if dark else ''}", whole=False)
        with page.expect_response("**/data/previews/*.json") as answer:
            page.get_by_role("link", name="The numbers (JSON)").click()
        assert answer.value.json()["simulated"] is True


def test_it_comes_onto_an_open_page(
    server: Server, open_page: OpenPage, look: Look
) -> None:
    settings = load_settings(server.home)
    with open_page() as page:
        page.goto(server.url + OBS)
        page.locator("#quick-look img").wait_for(timeout=120_000)
        coming = page.get_by_text("is being made and will stand here")
        while not coming.count():
            # As just after an ingest, unless the maker is quicker than the browser.
            preview_files.remove(settings, _name(server))
            page.reload()
        look(page, "quick-look-coming", whole=False)
        page.locator("#quick-look img").wait_for(timeout=60_000)
        assert not coming.count()
