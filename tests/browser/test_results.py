"""Pages with the numbers and pictures of results, measured in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page
    from tests.browser.conftest import OpenPage, Server

pytestmark = pytest.mark.browser

FIT = "?obs=1001&obs=1002&model=pl"

LINES = """
element => {
  const range = document.createRange();
  range.selectNodeContents(element);
  return new Set([...range.getClientRects()].map(r => Math.round(r.bottom))).size;
}
"""
"""How many lines the text of an element takes."""

BREAKS = """
element => {
  const walk = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const range = document.createRange(), lines = {};
  while (walk.nextNode()) {
    for (let i = 0; i < walk.currentNode.length; i++) {
      range.setStart(walk.currentNode, i);
      range.setEnd(walk.currentNode, i + 1);
      const place = Math.round(range.getBoundingClientRect().bottom);
      lines[place] = (lines[place] || "") + walk.currentNode.data[i];
    }
  }
  return Object.values(lines);
}
"""
"""The text of an element, line by line."""

BOTTOMS = """
dd => [dd, dd.querySelector(".unit")].map(element => {
  const range = document.createRange();
  range.selectNodeContents(element.firstChild);
  return range.getBoundingClientRect().bottom;
})
"""
"""Where the letters of a value end below, and those of its unit."""


def _make(page: Page, server: Server, task: str, asked: str) -> None:
    """Run a job from its form to its end; its page is shown."""
    page.goto(f"{server.url}/jobs/new/{task}/{asked}")
    page.locator("main button[type=submit]").last.click()
    page.get_by_role("status").get_by_text("COMPLETED").wait_for(timeout=60_000)


def _lines(of: Locator) -> int:
    found: int = of.evaluate(LINES)
    return found


def test_a_unit_stays_on_one_line(server: Server, open_page: OpenPage) -> None:
    with open_page(size="phone") as page:
        _make(page, server, "spectrum", FIT)
        unit = page.get_by_role("cell", name="cm-2 s-1 TeV-1", exact=True)
        assert _lines(unit) == 1
        page.get_by_role("link", name="Product page").click()
        page.wait_for_url("**/products/**")
        assert _lines(unit) == 1
        # As ObsCore has it, among what is known of the product.
        assert _lines(page.get_by_text("cm**-2.s**-1.TeV**-1", exact=True)) == 1
        versions = page.get_by_role("group", name="Versions").get_by_role("cell")
        assert _lines(versions.last) == 1  # when it was registered
        # A table that is wider than the page scrolls; the page does not.
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        # A name that is too long goes on after an underscore.
        name = page.get_by_role("rowheader", name="configuration_key", exact=True)
        assert name.evaluate(BREAKS) == ["configuration_", "key"]


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_picture_has_no_empty_bands(
    server: Server, open_page: OpenPage, size: str
) -> None:
    with open_page(size=size) as page:
        _make(page, server, "select_events", "?obs=1001")
        picture = page.get_by_role("img", name="Event selection")
        picture.evaluate("image => image.decode()")
        shape = picture.evaluate("i => i.naturalWidth / i.naturalHeight")
        assert shape > 1.5  # two plots side by side
        frame = page.locator(".picture .frame").bounding_box()
        assert frame is not None
        assert frame["width"] / frame["height"] == pytest.approx(shape, rel=0.02)
        # Values and their smaller units stand on one line of writing.
        value, unit = page.locator(".times dd").first.evaluate(BOTTOMS)
        assert unit == pytest.approx(value, abs=1)
