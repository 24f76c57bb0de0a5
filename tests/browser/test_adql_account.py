"""The ADQL page of somebody who has logged in, and what is left at their browser."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import httpx
import pytest
from tests.web.tap.test_user_tables import PASSWORD, add_user

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from tests.browser.conftest import Server

pytestmark = pytest.mark.browser


def _log_in(page: Page, server: Server, name: str) -> None:
    add_user(server, name)  # type: ignore[arg-type]  # its home is all that it needs
    page.goto(f"{server.url}/accounts/login/")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Log out").wait_for()


def _log_out(page: Page) -> None:
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("link", name="Log in").wait_for()


def _last_queries(page: Page, server: Server, query: str = "") -> list[str]:
    """Open the page, with a query that runs, and return the list of the last ones."""
    with page.expect_response("**/adql/completion.json"):
        page.goto(f"{server.url}/adql/?{urlencode({'query': query})}")
    queries: list[str] = page.locator("[data-history-list] button").all_inner_texts()
    return queries


def test_last_queries_are_those_of_the_account(server: Server, page: Page) -> None:
    of_nobody, of_rosa, of_otto = (
        f"SELECT TOP {n} obs_id FROM ivoa.obscore" for n in (1, 2, 3)
    )
    assert _last_queries(page, server, of_nobody) == [of_nobody]
    _log_in(page, server, "rosa")
    assert _last_queries(page, server, of_rosa) == [of_rosa]
    _log_out(page)
    assert _last_queries(page, server) == [of_nobody]
    assert of_rosa not in page.evaluate("JSON.stringify(localStorage)")
    _log_in(page, server, "otto")
    assert _last_queries(page, server, of_otto) == [of_otto]
    # A session that ends by itself leaves them to their owner alone.
    page.context.clear_cookies()
    assert _last_queries(page, server) == [of_nobody]
    _log_in(page, server, "otto")
    assert _last_queries(page, server) == [of_otto]


def test_own_tables_are_completed(server: Server, page: Page) -> None:
    _log_in(page, server, "nora")
    httpx.put(
        f"{server.url}/tap/user_tables/stars",
        content=b"ra,magnitude\n1,2\n",
        auth=("nora", PASSWORD),
    ).raise_for_status()
    _last_queries(page, server)
    editor = page.get_by_role("textbox", name="Query in ADQL")
    editor.click()
    page.keyboard.type("SELECT * FROM tap_user.st")
    options = page.get_by_role("listbox", name="Completions")
    options.get_by_text("stars", exact=True).wait_for()
    page.keyboard.type("ars AS s WHERE s.mag")
    options.get_by_text("magnitude", exact=True).wait_for()
    page.once("dialog", lambda dialog: dialog.accept())
