"""Names that mean something to a shell, an address or a header; values that harm."""

from __future__ import annotations

import html
import re
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from django.test import Client

from distiller.archive import open_archive
from distiller.core.columns import Column
from distiller.core.identifiers import key
from distiller.jobs.service import JobService
from distiller.web import site
from distiller.web.jobs.store import OrmJobStore
from distiller.web.pages.cells import cell, cell_as_asked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.web.conftest import MakeBundle

    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow


ODD = (
    "a' ; touch PWNED ; '.fits",
    "run #1? 50%41 ä.fits",
    "a\nb.fits",
    'q"u\\o.fits',
)
LONG = "a" * 80


@pytest.fixture
def client(
    installed_home: Settings,
    make_bundle: MakeBundle,
    tmp_path: Path,
    transactional_db: None,
) -> Iterator[Client]:
    """Ask a site whose files have odd names; two collections have run 1 of one name."""
    del transactional_db
    with closing(open_archive(installed_home)) as archive:
        archive.set_base_url(installed_home.base_url)
        for number, name in enumerate(ODD):
            file = tmp_path / name
            file.write_bytes(b"events of " + name.encode())
            archive.store(make_bundle(str(number), file))
        archive.store(make_bundle("0", tmp_path / ODD[0], collection="other-dr1"))
        jobs = JobService(OrmJobStore(), archive, installed_home)
        site.install(site.Site(installed_home, archive, jobs))
        yield Client(headers={"accept": "text/html"})
        site.install(None)


def _did(number: int, collection: str = "test-dr1") -> str:
    return f"ivo://org.example/{collection}?{number}"


def _links(text: str) -> list[str]:
    return [html.unescape(found) for found in re.findall(r'href="([^"]*)"', text)]


def test_commands_hold_nothing_but_names(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = [*(_did(n) for n in range(len(ODD))), _did(0, "other-dr1")]
    page = client.get("/search/download/", {"obs": chosen}).content.decode()
    (shown,) = re.findall(r'aria-label="Commands">(.*?)</pre>', page, re.DOTALL)
    bin_folder, work = tmp_path / "bin", tmp_path / "work"
    bin_folder.mkdir()
    work.mkdir()
    fake = bin_folder / "curl"
    fake.write_text('#!/bin/sh\nprintf "%s\\0" "$@" >> "$LISTED"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("LISTED", str(tmp_path / "listed"))
    monkeypatch.setenv("PATH", str(bin_folder), prepend=":")
    subprocess.run(["sh", "-c", html.unescape(shown)], cwd=work, check=True)
    assert list(work.iterdir()) == []
    given = (tmp_path / "listed").read_bytes().decode().split("\0")
    files = [given[i + 1] for i, word in enumerate(given) if word == "-o"]
    wanted = {f"test-dr1/{n}/{name}" for n, name in enumerate(ODD)}
    assert sorted(files) == sorted(wanted | {f"other-dr1/0/{ODD[0]}"})


@pytest.mark.parametrize("number", range(len(ODD)))
def test_links_lead_to_the_file_that_they_name(client: Client, number: int) -> None:
    product = key(_did(number))
    address = f"/data/{product}/{quote(ODD[number], safe='')}"
    for page in (f"/obs/{number}/?collection=test-dr1", "/search/download/"):
        shown = client.get(page, {"obs": _did(number)} if "down" in page else None)
        if shown.status_code in {301, 302}:
            shown = client.get(shown.headers["Location"])
        assert address in _links(shown.content.decode())
    answer = client.head(address)
    assert answer.status_code == 200
    length = len(b"events of " + ODD[number].encode())
    assert answer.headers["Content-Length"] == str(length)
    said = answer.headers["Content-Disposition"]
    assert said.isprintable()
    if number:
        assert said.endswith(f"filename*=UTF-8''{quote(ODD[number], safe='')}")


NULS = (
    "/obs/a%00b/",
    "/products/a%00b/",
    "/data/a%00b/c",
    "/data/c/a%00b",
    "/search/?target=a%00b",
    "/search/?obs_id=a%00b",
    "/search/?collection=a%00b",
    "/search/?adql=SELECT+1%00",
    "/search.csv?obs_id=a%00b",
    "/jobs/new/count_map/?obs=a%00b",
    "/search/download/?obs=a%00b",
)


@pytest.mark.parametrize("address", NULS)
def test_a_nul_character_is_a_fault_of_the_request(
    client: Client, address: str
) -> None:
    answer = client.get(address)
    assert answer.status_code in {400, 404}, answer.status_code


@pytest.mark.parametrize("direction", ["", "-"])
def test_a_long_column_name_can_be_sorted_by(client: Client, direction: str) -> None:
    query = f"SELECT obs_id, t_min AS {LONG} FROM ivoa.obscore"
    asked = {"adql": query, "sort": f"{direction}{LONG}"}
    answer = client.get("/search/", asked)
    assert answer.status_code == 200
    order = re.findall(r'href="/obs/(\d)/', answer.content.decode())
    wanted = ["0", "0", "1", "2", "3"] if len(order) == 5 else ["0", "1", "2", "3"]
    assert order == (wanted[::-1] if direction else wanted)


EVIL = (
    "javascript:alert(1)",
    "https://example.com/data/a/b",
    "http://localhost:8000/accounts/logout/",
    "http://localhost:8000/data/../accounts/logout",
    "http://localhost:8000/data/a/%2e%2e",
)


@pytest.mark.parametrize("url", EVIL)
@pytest.mark.parametrize("page", ["/search/", "/adql/"])
def test_a_query_makes_up_no_link(client: Client, page: str, url: str) -> None:
    here = site.current().settings.base_url
    made_up = url.replace("http://localhost:8000", here)
    query = (
        f"SELECT '{made_up}' AS access_url, obs_publisher_did, obs_id FROM ivoa.obscore"
    )
    answer = _asked(client, page, query)
    assert answer.status_code == 200
    assert made_up not in _links(answer.content.decode())


def test_what_is_infinite_is_shown(client: Client) -> None:
    query = "SELECT EXP(1000) AS x, -EXP(1000) AS y FROM ivoa.obscore"
    for page in ("/search/", "/adql/"):
        answer = _asked(client, page, query)
        # PostgreSQL refuses to compute it.
        assert answer.status_code in {200, 400}
        if answer.status_code == 200:
            assert "inf</td>" in answer.content.decode()


COLUMNS = (
    Column("em_min", "double", unit="m"),
    Column("t_min", "double", unit="d", ucd="time.start;obs.exposure"),
    Column("access_estsize", "double", unit="kbyte"),
    Column("s_ra", "double", unit="deg"),
    Column("x", "double"),
)


@pytest.mark.parametrize("value", [float("inf"), -float("inf"), 1e300, 5e-324, 1e7])
@pytest.mark.parametrize("show", [cell, cell_as_asked])
def test_any_number_can_be_shown(show: Any, value: float) -> None:
    for column in COLUMNS:
        assert show(column, value).text


def _asked(client: Client, page: str, query: str) -> Any:
    name = "adql" if page == "/search/" else "query"
    return client.get(page, {name: query})
