"""Requests without a login go a shorter way, and get the same answers."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

if TYPE_CHECKING:
    from tests.web.conftest import Server

GOOD = "SELECT TOP 1 obs_id FROM ivoa.obscore"
BAD = "SELECT nothing FROM nowhere"
WITH_COOKIE = {"Cookie": "sessionid=of-nobody"}
"""A request with a cookie goes the way that looks for its session."""


def _told(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """Return what an answer says, but for the date and for how it is cut up."""
    # A session that is not known is taken away.
    # Only answers to nobody are shown to pages of other sites.
    hidden = {"access-control-allow-origin", "access-control-expose-headers"}
    hidden |= {"date", "content-length", "transfer-encoding", "vary", "set-cookie"}
    hidden |= {"x-query-status"}  # known where the answer is not cut up at all
    headers = {k: v for k, v in answer.headers.items() if k not in hidden}
    return answer.status_code, answer.content, headers


@pytest.mark.parametrize(
    ("method", "path", "fields"),
    [
        ("GET", "/tap/sync", {"QUERY": GOOD, "LANG": "ADQL"}),
        ("POST", "/tap/sync", {"QUERY": GOOD, "LANG": "ADQL"}),
        ("POST", "/tap/sync", {"QUERY": BAD, "LANG": "ADQL"}),
        ("POST", "/tap/sync", {"QUERY": "SELECT * FROM tap_user.x", "LANG": "ADQL"}),
        ("GET", "/tap/sync", {}),
        ("DELETE", "/tap/sync", {"QUERY": GOOD}),
        ("HEAD", "/tap/sync", {"QUERY": GOOD, "LANG": "ADQL"}),
        ("GET", "/scs", {"RA": "83.6", "DEC": "22", "SR": "1"}),
        ("POST", "/scs", {"RA": "83.6"}),
        ("GET", "/sia2/query", {"POS": "CIRCLE 83.6 22 1"}),
        ("POST", "/sia2/query", {"POS": "CIRCLE 83.6"}),
    ],
)
def test_both_ways_answer_the_same(
    server: Server, method: str, path: str, fields: dict[str, str]
) -> None:
    given = {"data": fields} if method == "POST" else {"params": fields}
    short, long = (
        httpx.request(method, server.url + path, headers=headers, **given)  # type: ignore[arg-type]  # one of two
        for headers in ({}, WITH_COOKIE)
    )
    assert _told(short) == _told(long)
    assert short.headers["x-content-type-options"] == "nosniff"


def test_a_query_of_own_tables_is_challenged(server: Server) -> None:
    asked = {"QUERY": "SELECT * FROM tap_user.x", "LANG": "ADQL"}
    answer = httpx.post(f"{server.url}/tap/sync", data=asked)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")


def test_a_host_that_the_server_is_not_is_refused(server: Server) -> None:
    answer = httpx.get(
        f"{server.url}/tap/sync", params={"QUERY": GOOD}, headers={"Host": "evil.test"}
    )
    assert answer.status_code == 400
    assert "evil.test" in answer.text
    assert "ALLOWED_HOSTS" not in answer.text


def test_several_requests_on_one_connection(server: Server) -> None:
    with httpx.Client() as client:
        for query, status in ((GOOD, 200), (BAD, 400), (GOOD, 200)):
            params = {"QUERY": query, "LANG": "ADQL"}
            answer = client.get(f"{server.url}/tap/sync", params=params)
            assert answer.status_code == status


def test_a_client_that_leaves_amid_its_request_does_no_harm(server: Server) -> None:
    place = urlsplit(server.url)
    with socket.create_connection((place.hostname, place.port)) as line:
        line.sendall(
            b"POST /tap/sync HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\nQ"
        )
    assert server.rows(GOOD)
