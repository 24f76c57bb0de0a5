"""Downloads: whole, in parts, not again, not by strangers, not from elsewhere."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING

import httpx
import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser, Group

from distiller.core.rights import Terms, may_read
from distiller.core.times import now
from distiller.web.access import reader_of
from distiller.web.data.ranges import Part, Unsatisfiable, part_of

if TYPE_CHECKING:
    from tests.web.conftest import Server, StartServer

pytestmark = pytest.mark.slow

CONTENT = bytes(range(256)) * 4096
SIZE = len(CONTENT)


def url_of(server: Server, obs_id: str) -> str:
    (url,) = server.rows(
        f"SELECT access_url FROM ivoa.obscore WHERE obs_id = '{obs_id}'"
    )
    return url


@pytest.fixture(scope="session")
def server(each_server: Server) -> Server:
    """Ask the shared server of each engine."""
    return each_server


def test_whole_file(server: Server) -> None:
    answer = httpx.get(url_of(server, "23523"))
    assert answer.status_code == 200
    assert answer.content == CONTENT
    assert answer.headers["content-length"] == str(SIZE)
    assert answer.headers["content-type"] == "application/fits"
    assert answer.headers["etag"] == f'"{hashlib.sha256(CONTENT).hexdigest()}"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert (
        answer.headers["content-disposition"] == 'attachment; filename="run_23523.fits"'
    )


def test_head_tells_the_same_without_the_bytes(server: Server) -> None:
    url = url_of(server, "23523")
    told, got = httpx.head(url), httpx.get(url)
    assert told.status_code == 200
    assert told.content == b""
    for name in ("content-length", "etag", "content-type", "last-modified"):
        assert told.headers[name] == got.headers[name]


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=1000000-", 1000000, SIZE),
        ("bytes=-5", SIZE - 5, SIZE),
        ("bytes=5-99999999", 5, SIZE),
    ],
)
def test_a_part(server: Server, asked: str, start: int, stop: int) -> None:
    answer = httpx.get(url_of(server, "23523"), headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == CONTENT[start:stop]
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{SIZE}"
    assert answer.headers["content-length"] == str(stop - start)


def test_a_download_that_broke_off_goes_on(server: Server) -> None:
    url = url_of(server, "23526")
    etag = httpx.head(url).headers["etag"]
    rest = httpx.get(url, headers={"Range": "bytes=500000-", "If-Range": etag})
    assert CONTENT[:500000] + rest.content == CONTENT
    changed = httpx.get(url, headers={"Range": "bytes=500000-", "If-Range": '"old"'})
    assert changed.status_code == 200
    assert changed.content == CONTENT


def test_a_part_behind_the_end(server: Server) -> None:
    url = url_of(server, "23523")
    far = httpx.get(url, headers={"Range": f"bytes={'9' * 5000}-"})
    assert far.status_code == 416
    to_far = httpx.get(url, headers={"Range": f"bytes=0-{'9' * 5000}"})
    assert to_far.status_code == 206
    assert to_far.content == CONTENT
    answer = httpx.get(url, headers={"Range": f"bytes={SIZE}-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{SIZE}"


def test_what_the_client_has_is_not_sent_again(server: Server) -> None:
    url = url_of(server, "23523")
    etag = httpx.head(url).headers["etag"]
    answer = httpx.get(url, headers={"If-None-Match": f'"other", {etag}'})
    assert answer.status_code == 304
    assert answer.content == b""


def test_proprietary_file_is_refused_with_the_way_in(server: Server) -> None:
    for method in ("GET", "HEAD"):
        answer = httpx.request(method, url_of(server, "20136"))
        assert answer.status_code == 403
    text = httpx.get(url_of(server, "20136")).text
    assert text == (
        "the file run_20136.fits is proprietary "
        "(log in with an account of its owner or group)\n"
    )


def test_file_missing_from_the_disk_says_so(server: Server) -> None:
    answer = httpx.get(url_of(server, "20137"))
    assert answer.status_code == 404
    assert answer.text == (
        "the file run_20137.fits is registered in the archive but missing from the "
        "disk (tell the operators of this site)\n"
    )
    page = httpx.get(url_of(server, "20137"), headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert "missing from the disk" in page.text
    assert page.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    "path",
    ["/data/nothing/run.fits", "/data/..%2F..%2Fetc/passwd", "/data/x/..%2f..%2fa"],
)
def test_only_registered_files(server: Server, path: str) -> None:
    answer = httpx.get(f"{server.url}{path}")
    assert answer.status_code == 404
    assert "root:" not in answer.text


def test_name_of_another_file_of_the_product(server: Server) -> None:
    url = url_of(server, "23523").replace("run_23523", "run_23526")
    answer = httpx.get(url)
    assert answer.status_code == 404
    assert "no file 'run_23526.fits' of product" in answer.text
    assert "take the address from access_url" in answer.text


def test_other_methods_are_refused(server: Server) -> None:
    assert httpx.delete(url_of(server, "23523")).status_code in {403, 405}


def test_changed_file_is_served_without_the_mark_of_the_registered(
    start_server: StartServer,
) -> None:
    server = start_server()
    server.files["23523"].write_bytes(b"other")
    answer = httpx.get(url_of(server, "23523"))
    assert answer.content == b"other"
    assert "etag" not in answer.headers


@pytest.mark.parametrize("text", [None, "", "bytes=", "lines=1-2", "bytes=9-3"])
def test_what_is_no_range_is_the_whole_file(text: str | None) -> None:
    assert part_of(text, 100) is None


def test_empty_file_has_no_parts() -> None:
    with pytest.raises(Unsatisfiable):
        part_of("bytes=0-", 0)
    assert part_of("bytes=-200", 100) == Part(0, 100, 100)


@pytest.mark.django_db
def test_who_may_read_what() -> None:
    users = get_user_model()
    owner = users.objects.create_user("owner")
    member = users.objects.create_user("member")
    stranger = users.objects.create_user("stranger")
    chief = users.objects.create_superuser("chief")
    member.groups.add(Group.objects.create(name="hess"))
    everybody = [
        reader_of(u) for u in (owner, member, stranger, chief, AnonymousUser())
    ]

    def may(terms: Terms) -> list[bool]:
        return [may_read(reader, terms, now()) for reader in everybody]

    assert may(Terms("proprietary", None, "owner", "hess")) == [
        True, True, False, True, False,
    ]  # fmt: skip
    assert may(Terms("proprietary")) == [False, False, False, True, False]
    assert may(Terms("proprietary", datetime(2999, 1, 1), "owner")) == [
        True, False, False, True, False,
    ]  # fmt: skip
    assert all(may(Terms("public")))
    assert all(may(Terms("proprietary", datetime(2001, 1, 1), "owner")))
    # What is neither is closed.
    assert not any(may(Terms(None))[:3])
