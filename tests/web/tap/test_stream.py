"""Long answers: at once, in constant memory, and gone when nobody wants them."""

from __future__ import annotations

import contextlib
import io
import re
import socket
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from astropy.io import votable

if TYPE_CHECKING:
    from tests.web.conftest import Server, StartServer

pytestmark = pytest.mark.slow

COLUMNS = "tap_schema.columns"
PAIRS = f"SELECT a.*, b.* FROM {COLUMNS} a, {COLUMNS} b"
ENDLESS = (
    f"SELECT COUNT(*) FROM {COLUMNS} a, {COLUMNS} b, {COLUMNS} c, {COLUMNS} d, "
    f"{COLUMNS} e WHERE a.ucd <> b.ucd AND c.utype <> d.utype AND e.unit <> a.unit"
)


def long(rows: int) -> str:
    return (
        f"SELECT TOP {rows} a.description AS one, b.description AS two, "
        f"c.column_name AS three FROM {COLUMNS} a, {COLUMNS} b, {COLUMNS} c"
    )


RARE = (
    f"SELECT a.column_name AS x FROM {COLUMNS} a, {COLUMNS} b, {COLUMNS} c, "
    f"{COLUMNS} d WHERE a.description || b.description || c.description || "
    "d.description LIKE '%olari%ation%'"
)
"""Rows come from the start, and much work lies between them."""


def parameters(adql: str, form: str = "csv") -> dict[str, str]:
    return {"LANG": "ADQL", "QUERY": adql, "RESPONSEFORMAT": form}


def peak_kb(server: Server) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1])


@pytest.mark.slow
def test_first_bytes_at_once_and_memory_that_does_not_grow(
    start_server: StartServer,
) -> None:
    server = start_server()
    warm = server.ask(long(300_000), RESPONSEFORMAT="votable")
    assert len(warm.content) > 20_000_000
    before = peak_kb(server)
    began = time.monotonic()
    first, size = None, 0
    with httpx.stream(
        "GET",
        f"{server.url}/tap/sync",
        params=parameters(long(2_000_000), "votable"),
        timeout=60,
    ) as answer:
        assert answer.status_code == 200
        for chunk in answer.iter_raw():
            first = first or time.monotonic() - began
            size += len(chunk)
    assert first is not None
    assert size > 150_000_000
    assert first < (time.monotonic() - began) / 2
    assert peak_kb(server) - before < 100_000


def read_for_a_second(server: Server, adql: str) -> None:
    began = time.monotonic()
    with httpx.stream(
        "GET", f"{server.url}/tap/sync", params=parameters(adql), timeout=0.8
    ) as answer:
        for _ in answer.iter_raw():
            if time.monotonic() - began > 1:
                break


@pytest.mark.slow
def test_a_client_that_leaves_frees_its_place(start_server: StartServer) -> None:
    server = start_server(queries_at_once=1)
    for adql in (long(20_000_000), ENDLESS):
        began = time.monotonic()
        with contextlib.suppress(httpx.ReadTimeout):
            read_for_a_second(server, adql)
        assert server.rows("SELECT COUNT(*) FROM ivoa.obscore") == ["5"]
        assert time.monotonic() - began < 9


@pytest.mark.slow
def test_a_slow_client_does_not_hold_the_database_and_loses_nothing(
    start_server: StartServer,
) -> None:
    server = start_server(queries_at_once=1)
    with httpx.stream(
        "GET", f"{server.url}/tap/sync", params=parameters(PAIRS), timeout=60
    ) as answer:
        chunks = answer.iter_raw()
        begun = next(chunks)
        # All places are taken, until the rest of that answer has gone to a file.
        assert server.rows("SELECT COUNT(*) FROM ivoa.obscore") == ["5"]
        whole = begun + b"".join(chunks)
    count = int(server.rows(f"SELECT COUNT(*) FROM {COLUMNS}")[0])
    assert len(whole) > 20_000_000
    assert whole.count(b"\r\n") == count**2 + 1


@pytest.mark.slow
def test_too_many_at_once_are_told_when_to_come_back(
    start_server: StartServer,
) -> None:
    server = start_server(queries_at_once=1)
    with httpx.Client(timeout=60) as client:
        request = client.build_request(
            "GET", f"{server.url}/tap/sync", params=parameters(ENDLESS, "votable")
        )
        busy = client.send(request, stream=True)
        try:
            answer = server.ask("SELECT obs_id FROM ivoa.obscore")
        finally:
            busy.close()
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "1 queries run already and no place came free" in answer.text
    assert 'value="ERROR"' in answer.text


@pytest.mark.parametrize("form", ["votable", "votable/td", "csv"])
def test_a_query_that_runs_out_of_time_in_mid_stream(
    start_server: StartServer, form: str
) -> None:
    server = start_server(query_timeout_s=2.0)
    with httpx.stream(
        "GET", f"{server.url}/tap/sync", params=parameters(RARE, form), timeout=60
    ) as answer:
        assert answer.status_code == 200
        content, whole = read(answer)
    said = b"it ran longer than the limit of 2 s"
    assert said in content[-400:]
    assert whole is (form != "csv")
    if form == "csv":
        assert content.splitlines()[-1].startswith(b"# ERROR ")
    else:
        document = votable.parse(io.BytesIO(content))
        assert len(document.get_first_table().array) > 10
        assert content.count(b"<VOTABLE") == content.count(b"</VOTABLE>") == 1
        assert b'<INFO name="QUERY_STATUS" value="ERROR">' in content[-400:]


def read(answer: httpx.Response) -> tuple[bytes, bool]:
    """Return what comes, and whether it came to its end."""
    content = b""
    try:
        for chunk in answer.iter_raw():
            content += chunk
    except httpx.RemoteProtocolError:
        return content, False
    return content, True


@pytest.mark.parametrize(("form", "status"), [("csv", 503), ("votable", 200)])
def test_an_error_before_the_first_row_is_no_data(
    start_server: StartServer, form: str, status: int
) -> None:
    server = start_server(query_timeout_s=2.0)
    answer = httpx.get(
        f"{server.url}/tap/sync", params=parameters(ENDLESS, form), timeout=60
    )
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/x-votable+xml"
    assert 'value="ERROR"' in answer.text


def test_a_client_that_takes_nothing_is_given_up(start_server: StartServer) -> None:
    server = start_server(answer_idle_s=1.0, answer_spool_mb=1, queries_at_once=1)
    query = urlencode(parameters(long(3_000_000)))
    address = (urlsplit(server.url).hostname, urlsplit(server.url).port)
    with socket.create_connection(address) as client:
        client.sendall(
            f"GET /tap/sync?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        )
        assert client.recv(1) == b"H", "it runs"
        # The one place is free again, though little of that answer is spooled.
        assert server.rows("SELECT COUNT(*) FROM ivoa.obscore") == ["5"]
        taken = b"".join(iter(lambda: client.recv(2**20), b""))
    assert not taken.endswith(b"0\r\n\r\n")


def test_the_spool_is_private_and_empty(start_server: StartServer) -> None:
    server = start_server()
    (server.settings.spool_path).mkdir()
    left = server.settings.spool_path / "left"
    left.write_text("by a server that was killed")
    server.rows("SELECT COUNT(*) FROM ivoa.obscore")
    assert not left.exists()
    assert stat.S_IMODE(server.settings.spool_path.stat().st_mode) == 0o700
