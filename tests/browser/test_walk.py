"""The main job in a browser: from the start page to the FITS file of a count map."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Dialog, Page
    from tests.browser.conftest import OpenPage, Server

pytestmark = pytest.mark.browser
LONGEST_S = 30


def _fits_of(page: Page, folder: Path) -> Path:
    with page.expect_download() as caught:
        page.get_by_role("link", name=re.compile("Download FITS")).click()
    path = folder / "map.fits"
    caught.value.save_as(path)
    return path


def test_from_start_to_fits(server: Server, page: Page, tmp_path: Path) -> None:
    began = time.monotonic()
    page.goto(server.url)
    page.get_by_role("searchbox").fill("Crab")
    page.keyboard.press("Enter")
    boxes = page.get_by_role("checkbox", name=re.compile(r"^Choose \d{4}$"))
    boxes.first.wait_for()
    assert boxes.count() == 4
    bar = page.get_by_role("group", name="What to do with the chosen rows")
    make = bar.get_by_role("button", name="Count map")
    assert make.is_disabled()
    for index in range(4):
        boxes.nth(index).check()
    assert "4 rows selected:" in bar.inner_text()
    make.click()

    assert page.get_by_label("Centre: target").input_value() == "Crab Nebula"
    page.get_by_label("Size of the map").fill("4")
    page.get_by_role("button", name="Make the count map").click()

    page.get_by_role("status").get_by_text("COMPLETED").wait_for(timeout=20_000)
    picture = page.get_by_role("img", name="Count map of Crab Nebula")
    assert picture.evaluate("i => i.complete && i.naturalWidth > 200")
    path = _fits_of(page, tmp_path)
    assert time.monotonic() - began < LONGEST_S
    _check_map(path, server.runs)

    page.get_by_role("link", name="Product page").click()
    assert page.get_by_role("heading", name="Made from").is_visible()
    assert page.get_by_role("link", name=re.compile(r"^\d{4}$")).count() == 4
    assert "task: count_map" in page.locator("pre").first.inner_text()


def _check_map(path: Path, runs: Path) -> None:
    """Count the same events again, with numpy."""
    with fits.open(path) as hdus:
        counts = np.asarray(hdus[0].data).squeeze()
        wcs = WCS(hdus[0].header).celestial
    assert counts.shape == (200, 200)
    expected = np.zeros_like(counts)
    for events in sorted(runs.rglob("*.fits*")):
        with fits.open(events) as hdus:
            if "EVENTS" not in hdus or "Crab" not in hdus["EVENTS"].header["OBJECT"]:
                continue
            rows = hdus["EVENTS"].data
            energy = rows["ENERGY"]
            used = rows[(energy >= 0.1) & (energy < 100)]
        x, y = wcs.all_world2pix(used["RA"], used["DEC"], 0)
        edges = [np.arange(n + 1) - 0.5 for n in counts.shape]
        expected += np.histogram2d(y, x, bins=edges)[0].astype(counts.dtype)
    assert expected.sum() > 1000
    # An event on the border of two pixels may fall to either side.
    assert np.abs(expected - counts).sum() <= 2


def test_without_scripts(server: Server, open_page: OpenPage, tmp_path: Path) -> None:
    with open_page(scripts=False) as page:
        page.goto(server.url)
        page.get_by_role("searchbox").fill("83.63 22.01")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("checkbox", name="Choose 1001").check()
        page.get_by_role("button", name="Count map").click()
        page.get_by_role("button", name="Make the count map").click()
        # The browser reloads by itself while the job runs.
        page.get_by_role("status").get_by_text("COMPLETED").wait_for(timeout=20_000)
        assert _fits_of(page, tmp_path).stat().st_size > 10_000


def test_form_says_what_is_wrong(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/jobs/new/count_map/?obs=1001&e_min=5&e_max=1")
    page.get_by_role("button", name="Make the count map").click()
    assert page.get_by_text("5 TeV is not below e_max 1 TeV").is_visible()
    assert page.get_by_label("Lowest energy").get_attribute("aria-invalid") == "true"
    assert page.get_by_label("Lowest energy").input_value() == "5"
    page.goto(f"{server.url}/jobs/new/count_map/?obs=9999&target=nowhere+at+all")
    page.get_by_role("button", name="Make the count map").click()
    assert page.get_by_text("unknown target 'nowhere at all'").is_visible()


def test_abort_and_delete_ask_first(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/jobs/new/count_map/?obs=1001&ra=0&dec=-80&width=1")
    page.get_by_role("button", name="Make the count map").click()
    page.get_by_role("status").get_by_text("ERROR").wait_for(timeout=20_000)
    assert "no event" in page.get_by_role("alert").inner_text().lower()
    page.get_by_role("link", name="Delete").click()
    assert page.get_by_role("heading", name="Delete this job?").is_visible()
    page.get_by_role("button", name="Delete it").click()
    assert page.url == f"{server.url}/jobs/"


def test_a_log_follows_and_names_do_not_overlap(
    server: Server, open_page: OpenPage
) -> None:
    with open_page(size="phone") as page:
        page.goto(f"{server.url}/jobs/new/significance_map/?obs=1001&ra=0&dec=-80")
        page.get_by_role("button", name="Make the significance map").click()
        page.get_by_role("status").get_by_text("ERROR").wait_for(timeout=30_000)
        wide = page.evaluate(
            "[...document.querySelectorAll('.facts dt')].filter("
            "d => d.scrollWidth > d.clientWidth).map(d => d.textContent)"
        )
        assert wide == []
        # More is printed, as the page gets it while a job runs.
        more = """() => {
            const log = document.querySelector(".log");
            log.textContent += "a line\\n".repeat(50);
            document.dispatchEvent(new Event("htmx:after:swap"));
            return log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
        }"""
        assert page.evaluate(more)
        page.evaluate(
            "new Promise(done => { const log = document.querySelector('.log');"
            " log.addEventListener('scroll', done); log.scrollTop = 10; })"
        )
        assert not page.evaluate(more)
        assert page.evaluate("document.querySelector('.log').scrollTop") == 10


def test_keys_and_theme(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/help/")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "target"
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()
    page.get_by_role("button", name="Close").click()
    button = page.get_by_role("button", name=re.compile("^Theme: auto"))
    button.click()
    page.get_by_role("button", name=re.compile("^Theme: light")).click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark == "rgb(14, 20, 28)"


def test_leaving_an_edited_query_warns(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/search/?target=Crab")
    page.get_by_text("The ADQL of this search").click()
    box = page.get_by_role("textbox", name="ADQL")
    box.fill("SELECT TOP 2 obs_id, s_ra, em_max FROM ivoa.obscore ORDER BY obs_id")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.once("dialog", stay)
    page.get_by_role("link", name="Help").click()
    page.wait_for_timeout(300)
    assert asked == ["beforeunload"]
    assert "/search/" in page.url
    page.get_by_role("button", name="Run this ADQL").click()
    page.get_by_text("edited by hand").wait_for()
    assert "2 rows" in page.get_by_role("region", name="Results").inner_text()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("link", name="Back to the form").click()
    page.get_by_role("checkbox", name="Choose 1001").wait_for()
    assert page.get_by_text("edited by hand").count() == 0
