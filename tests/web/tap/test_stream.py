"""Long answers: at once, in constant memory, and gone when nobody wants them."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import re
import socket
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from astropy.io import votable
from tests.web.conftest import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


STUCK = (
    f"SELECT TOP 30000 a.column_name AS x FROM {COLUMNS} a, {COLUMNS} b UNION ALL "
    f"SELECT a.column_name AS x FROM {COLUMNS} a, {COLUMNS} b, {COLUMNS} c, "
    f"{COLUMNS} d WHERE a.description || b.description || c.description || "
    "d.description LIKE '%no such words%'"
)
"""More rows than are sent at a time come at once, and none after them."""


PLAIN = {"Accept-Encoding": "identity"}


@pytest.fixture(scope="module")
def hasty_server() -> Iterator[Server]:
    """Share a server that gives up soon, and sends what it has at once."""
    with serving(query_timeout_s=2.0, answer_grace_s=0.01) as running:
        yield running


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
        headers=PLAIN,
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
        "GET",
        f"{server.url}/tap/sync",
        params=parameters(adql),
        headers=PLAIN,
        timeout=0.8,
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
        "GET",
        f"{server.url}/tap/sync",
        params=parameters(PAIRS),
        headers=PLAIN,
        timeout=60,
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
    short = "SELECT obs_id FROM ivoa.obscore"
    with httpx.Client(timeout=60) as client, ThreadPoolExecutor(1) as pool:
        request = client.build_request(
            "GET", f"{server.url}/tap/sync", params=parameters(ENDLESS, "votable")
        )
        busy = client.send(request, stream=True)
        try:
            # Both wait for a place, as long as anybody may.
            asked = pool.submit(
                httpx.get,
                f"{server.url}/tap/sync",
                params=parameters(short),
                headers={"X-Forwarded-For": "192.0.2.7"},
                timeout=60,
            )
            mine = server.ask(short)
            theirs = asked.result()
        finally:
            busy.close()
    for answer, status, words in (
        (mine, 429, "too many of your queries run or wait already; 1 may run at once"),
        (theirs, 503, "1 queries run already and no place came free"),
    ):
        assert answer.status_code == status
        assert int(answer.headers["retry-after"]) > 0
        assert words in answer.text
        assert 'value="ERROR"' in answer.text


@pytest.mark.parametrize(
    "form", ["votable", "votable/td", "votable/b", "csv", "tsv", "json"]
)
def test_a_query_that_runs_out_of_time_in_mid_stream(
    hasty_server: Server, form: str
) -> None:
    content, whole = streamed(hasty_server, STUCK, form)
    said = b"it ran longer than the limit of 2 s"
    assert said in content[-400:]
    assert whole is (form not in {"csv", "tsv"})
    if form in {"csv", "tsv"}:
        assert len(content.splitlines()) > 10
        assert content.splitlines()[-1].startswith(b"# ERROR ")
    elif form == "json":
        found = json.loads(content)
        assert len(found["data"]) > 10
        assert found["status"] == "ERROR"
        assert said.decode() in found["error"]
    else:
        document = votable.parse(io.BytesIO(content))
        assert len(document.get_first_table().array) > 10
        assert content.count(b"<VOTABLE") == content.count(b"</VOTABLE>") == 1
        assert b'<INFO name="QUERY_STATUS" value="ERROR">' in content[-400:]


def streamed(server: Server, adql: str, form: str) -> tuple[bytes, bool]:
    """Return what comes with status 200, and whether it came to its end."""
    with httpx.stream(
        "GET",
        f"{server.url}/tap/sync",
        params=parameters(adql, form),
        headers=PLAIN,
        timeout=60,
    ) as answer:
        assert answer.status_code == 200
        content = b""
        try:
            for chunk in answer.iter_raw():
                content += chunk
        except httpx.RemoteProtocolError:
            return content, False
    return content, True


@pytest.mark.parametrize("form", ["fits", "parquet"])
def test_what_is_spooled_fails_with_a_status_whenever_it_fails(
    hasty_server: Server, form: str
) -> None:
    answer = hasty_server.ask(STUCK, RESPONSEFORMAT=form)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/x-votable+xml"
    assert "it ran longer than the limit of 2 s" in answer.text


def test_an_error_before_the_first_row_has_a_status_within_the_grace(
    start_server: StartServer,
) -> None:
    server = start_server(query_timeout_s=1.0, answer_grace_s=30)
    for form in ("votable", "csv", "json"):
        answer = server.ask(ENDLESS, RESPONSEFORMAT=form)
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/x-votable+xml"
        assert 'value="ERROR"' in answer.text


def test_an_error_after_the_grace_stands_in_the_document(
    hasty_server: Server,
) -> None:
    server = hasty_server
    content, whole = streamed(server, ENDLESS, "votable")
    assert whole
    assert b'value="ERROR">the query was stopped' in content
    content, whole = streamed(server, ENDLESS, "json")
    assert whole
    assert json.loads(content)["data"] == []
    assert json.loads(content)["status"] == "ERROR"
    content, whole = streamed(server, ENDLESS, "csv")
    assert not whole
    assert content.startswith(b"count\r\n# ERROR the query was stopped")


def test_the_head_does_not_wait_for_rows(start_server: StartServer) -> None:
    server = start_server(queries_at_once=1, answer_grace_s=0)
    for form in ("votable", "csv", "tsv", "json"):
        with httpx.stream(
            "GET",
            f"{server.url}/tap/sync",
            params=parameters(ENDLESS, form),
            timeout=20,
        ) as answer:
            assert answer.status_code == 200
            assert b"count" in next(answer.iter_bytes()).lower() or form == "votable"


def pieces_of(server: Server) -> list[int]:
    """Return the sizes of unnamed files that the server has open in its spool."""
    found = []
    for fd in Path(f"/proc/{server.process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if str(fd.readlink()).startswith(str(server.settings.spool_path)):
                found.append(fd.stat().st_size)
    return found


def wait_for(what: Callable[[], object]) -> None:
    """Wait until something holds."""
    until = time.monotonic() + 20
    while not what():
        assert time.monotonic() < until, "it does not happen"
        time.sleep(0.02)


@pytest.mark.parametrize("form", ["fits", "parquet"])
def test_a_client_that_leaves_while_rows_are_spooled_frees_its_place(
    start_server: StartServer, form: str
) -> None:
    server = start_server(queries_at_once=1)
    with contextlib.suppress(httpx.ReadTimeout):
        httpx.get(
            f"{server.url}/tap/sync",
            params=parameters(long(20_000_000), form),
            timeout=1.5,
        )
    assert server.rows("SELECT COUNT(*) FROM ivoa.obscore") == ["5"]
    wait_for(lambda: not pieces_of(server))


def test_a_server_that_is_killed_leaves_no_rows_on_the_disk(
    start_server: StartServer,
) -> None:
    server = start_server()
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(1))
        asked = pool.submit(
            httpx.get,
            f"{server.url}/tap/sync",
            params=parameters(long(20_000_000), "fits"),
            timeout=60,
        )
        wait_for(lambda: sum(pieces_of(server)) > 100_000)
        assert not [p for p in server.settings.spool_path.rglob("*") if p.is_file()]
        server.process.kill()
        assert isinstance(asked.exception(), httpx.TransportError)
    assert not [p for p in server.settings.spool_path.rglob("*") if p.is_file()]


def test_a_spool_that_is_full_says_so(start_server: StartServer) -> None:
    server = start_server(answer_spool_mb=1)
    answer = server.ask(long(3_000_000), RESPONSEFORMAT="fits")
    assert answer.status_code == 503
    assert "takes more of the disk of this server than there is" in answer.text
    assert "ask for fewer rows, or for VOTable" in answer.text


def test_memory_of_what_is_spooled_does_not_grow(start_server: StartServer) -> None:
    server = start_server()
    for form in ("fits", "parquet"):
        server.ask(long(100_000), RESPONSEFORMAT=form)
        before = peak_kb(server)
        with httpx.stream(
            "GET",
            f"{server.url}/tap/sync",
            params=parameters(long(1_000_000), form),
            headers=PLAIN,
            timeout=60,
        ) as answer:
            size = sum(len(chunk) for chunk in answer.iter_raw())
        assert size == int(answer.headers["content-length"])
        assert peak_kb(server) - before < 100_000


@pytest.mark.parametrize("form", ["votable", "csv", "json", "fits"])
def test_gzip_of_a_long_answer(server: Server, form: str) -> None:
    wanted = {"Accept-Encoding": "gzip"}
    fields = parameters(PAIRS, form)
    url = f"{server.url}/tap/sync"
    plain = httpx.get(url, params=fields, headers=PLAIN, timeout=60)
    assert "content-encoding" not in plain.headers
    with httpx.stream("GET", url, params=fields, headers=wanted, timeout=60) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        assert "Accept-Encoding" in answer.headers["vary"]
        packed = b"".join(answer.iter_raw())
    # Lines of VOTable end where batches do.
    assert len(gzip.decompress(packed)) == len(plain.content)
    assert len(packed) < len(plain.content)


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
    server.settings.spool_path.mkdir(exist_ok=True)
    left = server.settings.spool_path / "left"
    left.write_text("by a server that was killed")
    server.rows("SELECT COUNT(*) FROM ivoa.obscore")
    assert not left.exists()
    assert stat.S_IMODE(server.settings.spool_path.stat().st_mode) == 0o700
