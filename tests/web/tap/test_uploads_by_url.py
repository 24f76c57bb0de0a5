"""Tables that UPLOAD names by a URL: fetched from elsewhere, and from where not."""

from __future__ import annotations

import http.server
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from tests.web.tap.sent_tables import NEAR, error_of, sources, votable

from distiller.core.errors import UserError
from distiller.core.settings import load_settings
from distiller.queries import fetch
from distiller.queries.tables import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx
    from tests.web.conftest import Server, StartServer

pytestmark = pytest.mark.slow


class _Files(http.server.BaseHTTPRequestHandler):
    """Gives a table, sends on, or dawdles."""

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/t.vot")
            self.end_headers()
            return
        if self.path == "/round":
            self.send_response(302)
            self.send_header("Location", "/round")
            self.end_headers()
            return
        if self.path not in {"/t.vot", "/slow", "/endless"}:
            self.send_error(404, "not here")
            return
        self.send_response(200)
        self.end_headers()
        if self.path == "/t.vot":
            self.wfile.write(votable(sources()))
            return
        try:
            while True:
                self.wfile.write(b" " * (2**16 if self.path == "/endless" else 1))
                if self.path == "/slow":
                    time.sleep(0.05)
        except OSError:
            pass  # cut off, as it should be

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def elsewhere() -> Iterator[str]:
    """Run a web server on this machine; give its URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Files)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_table_is_fetched_by_its_url_where_that_is_allowed(
    start_server: StartServer,
) -> None:
    limits = {"upload_url_timeout_s": 1.0, "upload_mb": 1}
    server = start_server(upload_url_private=True, **limits)
    with elsewhere() as url:

        def ask(path: str) -> httpx.Response:
            return server.ask(
                NEAR, UPLOAD=f"mine,{url}{path}", RESPONSEFORMAT="csv"
            )  # fmt: skip

        assert ask("/t.vot").text.splitlines()[1] == "23559,83.62,22.52,a<b & ü"
        assert ask("/moved").text.splitlines()[1] == "23559,83.62,22.52,a<b & ü"
        assert "answered 404 not here" in error_of(ask("/none"))
        assert "is moved on and on" in error_of(ask("/round"))
        assert "did not give the table within 1 s" in error_of(ask("/slow"))
        assert "it has more than the 1 MB" in error_of(ask("/endless"))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "127.1", "2130706433"]
)
def test_addresses_of_this_machine_are_not_asked(server: Server, host: str) -> None:
    with elsewhere() as url:
        there = url.replace("127.0.0.1", host)
        answer = server.ask(NEAR, UPLOAD=f"mine,{there}/t.vot")
    assert answer.status_code == 400
    assert "of this machine or of a private network" in error_of(answer)


def test_a_redirect_to_a_private_address_is_not_followed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = load_settings(tmp_path)
    with elsewhere() as url, (tmp_path / "t").open("wb") as out:
        # The first address counts as public, the one that it leads to does not.
        looked: list[str] = []

        def once(address: str) -> bool:
            looked.append(address)
            return len(looked) == 1

        monkeypatch.setattr(fetch, "is_public", once)
        monkeypatch.setattr(fetch, "_is_own", lambda *_: False)
        with pytest.raises(UserError, match="private network"):
            fetch.fetch(
                f"{url}/moved", out, settings, Limits(10**6, 10), fetch.Patience(5)
            )
    assert looked == ["127.0.0.1", "127.0.0.1"]
