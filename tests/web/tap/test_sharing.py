"""Pages of other sites may ask the public services, as nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from tests.web.tap.test_user_tables import add_user

if TYPE_CHECKING:
    from tests.web.conftest import Server

pytestmark = pytest.mark.slow

QUERY = {"LANG": "ADQL", "QUERY": "SELECT TOP 1 obs_id FROM ivoa.obscore"}
ORIGIN = {"Origin": "https://viewer.example.com"}
ALLOWED = "Access-Control-Allow-Origin"
ADDRESSES: tuple[tuple[str, dict[str, str]], ...] = (
    ("/tap/sync", QUERY),
    ("/tap/sync", {"QUERY": "wrong"}),
    ("/tap/capabilities", {}),
    ("/tap/tables", {}),
    ("/tap/async", {}),
    ("/scs", {"RA": "83.6", "DEC": "22", "SR": "1"}),
    ("/sia2/query", {"POS": "CIRCLE 83.6 22 1"}),
)


@pytest.mark.parametrize(("path", "fields"), ADDRESSES)
def test_answers_to_nobody_are_shared(
    server: Server, path: str, fields: dict[str, str]
) -> None:
    answer = httpx.get(server.url + path, params=fields, headers=ORIGIN)
    assert answer.headers[ALLOWED] == "*"
    assert "X-Query-Status" in answer.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_who_shows_something_is_not_shared(server: Server) -> None:
    io = add_user(server, "io")
    for path, fields in ADDRESSES:
        known = httpx.get(
            server.url + path,
            params=fields,
            headers=ORIGIN,
            auth=io,
        )
        cookie = httpx.get(
            server.url + path, params=fields, headers={**ORIGIN, "Cookie": "a=b"}
        )
        assert ALLOWED not in known.headers
        assert ALLOWED not in cookie.headers


@pytest.mark.parametrize("path", ["/", "/uws/count_map", "/accounts/login/", "/tapx"])
def test_other_addresses_are_not_shared(server: Server, path: str) -> None:
    for method in ("GET", "OPTIONS"):
        asked = {**ORIGIN, "Access-Control-Request-Method": "POST"}
        answer = httpx.request(method, server.url + path, headers=asked)
        assert ALLOWED not in answer.headers


@pytest.mark.parametrize("path", ["/tap/sync", "/tap/async", "/scs", "/sia2/query"])
def test_a_browser_that_asks_before_is_answered(server: Server, path: str) -> None:
    asked = {
        **ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = httpx.options(server.url + path, headers=asked)
    assert answer.status_code == 204
    assert answer.headers[ALLOWED] == "*"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    assert "content-type" in allowed
    assert "authorization" not in allowed
    assert httpx.options(server.url + path).status_code == 405
