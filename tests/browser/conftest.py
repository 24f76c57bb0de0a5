"""A real server with simulated runs, and a real Chromium."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from playwright.sync_api import sync_playwright
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from playwright.sync_api import Browser, Page

OpenPage: TypeAlias = "Callable[..., AbstractContextManager[Page]]"

CHROMIUM = Path("/usr/bin/chromium")
CHECKOUT = Path(__file__).parents[2]
SCREENSHOTS = CHECKOUT / "test-output" / "screenshots"
AXE = CHECKOUT / "node_modules" / "axe-core" / "axe.min.js"
_START_S = 60
_RUNS = 12
_ENVIRONMENT = {
    **{k: v for k, v in os.environ.items() if not k.startswith("DISTILLER_")},
    "DISTILLER_RESOLVER_URL": "",
    "DISTILLER_CONTACT": "operators@example.org",
}

SIZES = {
    "desktop": {"width": 1280, "height": 900},
    "phone": {"width": 390, "height": 844},
}


@dataclass(frozen=True)
class Server:
    """A server that runs: its address, its home and where its runs lie."""

    url: str
    home: Path
    runs: Path


def distiller(home: Path, *arguments: str) -> None:
    """Run the program to its end."""
    command = [sys.executable, "-m", "distiller", "--home", str(home), *arguments]
    subprocess.run(command, check=True, env=_ENVIRONMENT, capture_output=True)


def _wait_until_ready(process: subprocess.Popen[bytes], said: Path) -> None:
    """Wait until the server says that it answers."""
    end = time.monotonic() + _START_S
    while time.monotonic() < end and process.poll() is None:
        if "ready:" in said.read_text(encoding="utf-8"):
            return
        time.sleep(0.05)
    pytest.fail("the server did not start:\n" + said.read_text(encoding="utf-8"))


@contextmanager
def serving(home: Path, runs: Path, **settings: str) -> Iterator[Server]:
    """Serve a home until the block ends; settings may be given."""
    given = {f"DISTILLER_{name.upper()}": value for name, value in settings.items()}
    port = free_port()
    command = [sys.executable, "-m", "distiller", "--home", str(home)]
    said = home / "server.log"
    with (
        said.open("wb") as output,
        subprocess.Popen(
            [*command, "serve", "--port", str(port)],
            env={**_ENVIRONMENT, **given},
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            _wait_until_ready(process, said)
            yield Server(f"http://127.0.0.1:{port}", home, runs)
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Serve a home with simulated runs, the Crab among them."""
    # Not pytest's folder: the address of a Unix socket has 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="dst") as folder:
        home, runs = Path(folder) / "home", Path(folder) / "runs"
        distiller(home, "init")
        distiller(home, "simulate", str(runs), "--runs", str(_RUNS), "--seed", "2015")
        distiller(home, "ingest", str(runs), "--collection", "demo")
        with serving(home, runs) as running:
            yield running


@pytest.fixture(scope="session")
def empty_server() -> Iterator[Server]:
    """Serve a home in which nothing is yet."""
    with tempfile.TemporaryDirectory(prefix="dst") as folder:
        home = Path(folder) / "home"
        distiller(home, "init")
        # There is nothing to make anything of.
        with serving(home, Path(folder), runner="external") as running:
            yield running


# A module long: while Playwright is there, no test beside can run a loop of its own.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Start the browser of the machine."""
    if not CHROMIUM.exists():
        pytest.skip("needs the Debian package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@contextmanager
def opened(
    browser: Browser,
    *,
    size: str = "desktop",
    dark: bool = False,
    scripts: bool = True,
) -> Iterator[Page]:
    """Open a page of its own; complaints of the browser's console fail the test."""
    context = browser.new_context(
        viewport={**SIZES[size]},  # type: ignore[arg-type]  # width and height
        color_scheme="dark" if dark else "light",
        java_script_enabled=scripts,
        accept_downloads=True,
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type in {"error", "warning"}
            and "status of 4" not in message.text
            else None
        ),
    )
    try:
        yield page
        assert complaints == []
    finally:
        context.close()


@pytest.fixture(scope="module")
def open_page(chromium: Browser) -> OpenPage:
    """Give the function that opens a page: size, dark, scripts."""

    def open_one(**how: Any) -> AbstractContextManager[Page]:
        return opened(chromium, **how)

    return open_one


Look: TypeAlias = "Callable[..., None]"


@pytest.fixture(scope="session")
def look() -> Look:
    """Give the function that takes a picture of a page and lets axe judge it.

    Nothing may stick out sideways either: a page scrolls up and down only.
    """
    if not AXE.exists():
        pytest.skip("no axe-core: run `npm ci --ignore-scripts`")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    script = AXE.read_text(encoding="utf-8")

    def judge(page: Page, name: str, *, whole: bool = True) -> None:
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=whole)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= page.evaluate("window.innerWidth")
        if not page.evaluate("'axe' in window"):
            page.evaluate(script)
        found = page.evaluate(
            "axe.run(document, {resultTypes: ['violations']}).then(r =>"
            " r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' ')))"
        )
        assert found == []

    return judge


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """Open a desktop page."""
    with opened(chromium) as ready:
        yield ready
