"""The page of one's tables."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.web.conftest import PROGRAM
from tests.web.tap.test_user_tables import PASSWORD, add_user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.conftest import Server

pytestmark = pytest.mark.slow


def token_of(answer: httpx.Response) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', answer.text)
    assert found is not None, answer.text
    return found[1]


@pytest.fixture
def eva(server: Server) -> Iterator[httpx.Client]:
    add_user(server, "eva")
    with httpx.Client(base_url=server.url, follow_redirects=True) as client:
        token = token_of(client.get("/accounts/login/"))
        client.post(
            "/accounts/login/",
            data={
                "username": "eva",
                "password": PASSWORD,
                "csrfmiddlewaretoken": token,
            },
        )
        yield client


def test_a_table_is_replaced_only_where_that_is_asked(eva: httpx.Client) -> None:
    token = token_of(eva.get("/tables/"))

    def add(data: bytes, **more: str) -> httpx.Response:
        fields = {"name": "twice", "csrfmiddlewaretoken": token, **more}
        return eva.post("/tables/", data=fields, files={"file": ("t.csv", data)})

    assert add(b"n\n" + b"1\n" * 1234).status_code == 200
    refused = add(b"n\n1\n")
    assert refused.status_code == 400
    assert "you keep a table twice already" in refused.text
    assert "tick the box to replace it" in refused.text
    assert '<td class="num">1,234</td>' in refused.text
    replaced = add(b"n\n1\n", replace="yes")
    assert replaced.status_code == 200
    assert '<td class="num">1</td>' in replaced.text
    eva.delete("/tap/user_tables/twice", auth=("eva", PASSWORD)).raise_for_status()


def test_what_became_of_columns_is_told_once(eva: httpx.Client) -> None:
    fields = {"name": "odd", "csrfmiddlewaretoken": token_of(eva.get("/tables/"))}
    added = eva.post("/tables/", data=fields, files={"file": ("t.csv", b"n,n\n1,2\n")})
    assert "tap_user.odd is kept" in added.text
    assert "the second column &#x27;n&#x27; is called n_2" in added.text
    assert "is kept" not in eva.get("/tables/").text
    token = token_of(eva.get("/tables/odd/remove/"))
    gone = eva.post("/tables/odd/remove/", data={"csrfmiddlewaretoken": token})
    assert "tap_user.odd is removed" in gone.text


def test_what_is_used_of_the_quota_is_told(eva: httpx.Client, server: Server) -> None:
    limits = server.settings

    def told() -> str:
        text = re.sub(r"<[^>]+>", "", eva.get("/tables/").text)
        return " ".join(text.split())

    most = f"{limits.user_tables_mb:,} MB"
    assert f"You keep 0 of {limits.user_tables} tables, with 0.0 of {most}" in told()
    assert f"and 0 of {limits.user_tables_rows:,} rows" in told()
    assert "1,000,000 rows at most" in told()
    data = b"a,b\n" + b"1.5,2.5\n" * 20_000
    eva.put("/tap/user_tables/used", content=data, auth=("eva", PASSWORD))
    assert f"You keep 1 of {limits.user_tables} tables, with 0.3 of {most}" in told()
    assert "and 20,000 of" in told()
    eva.delete("/tap/user_tables/used", auth=("eva", PASSWORD)).raise_for_status()


def test_completion_knows_them(eva: httpx.Client, server: Server) -> None:
    def offered(client: httpx.Client) -> dict[str, list[str]]:
        tables = client.get("/adql/completion.json").json()["tables"]
        return {t["name"]: [c["insert"] for c in t["columns"]] for t in tables}

    before = eva.get("/adql/completion.json").headers["ETag"]
    assert "tap_user.stars" not in offered(eva)
    eva.put(
        "/tap/user_tables/stars",
        content=b"ra,Two Words\n1,2\n",
        auth=("eva", PASSWORD),
    ).raise_for_status()
    assert offered(eva)["tap_user.stars"] == ["ra", '"Two Words"']
    assert "ivoa.obscore" in offered(eva)
    stale = eva.get("/adql/completion.json", headers={"If-None-Match": before})
    assert stale.status_code == 200
    fresh = eva.get(
        "/adql/completion.json", headers={"If-None-Match": stale.headers["ETag"]}
    )
    assert fresh.status_code == 304
    with httpx.Client(base_url=server.url) as nobody:
        assert "tap_user.stars" not in offered(nobody)
    eva.delete("/tap/user_tables/stars", auth=("eva", PASSWORD)).raise_for_status()
    assert "tap_user.stars" not in offered(eva)


def test_their_columns_are_shown_to_their_owner(
    eva: httpx.Client, server: Server
) -> None:
    place = "/tap/user_tables/stars"
    eva.put(place, content=b"ra,Two Words\n1,2\n", auth=("eva", PASSWORD))
    address = "/schema/tap_user.stars/"
    assert "&quot;Two Words&quot;" in eva.get(address).text
    assert f'href="{address}"' in eva.get("/schema/").text
    assert httpx.get(server.url + address).status_code == 404
    assert "tap_user.stars" not in httpx.get(f"{server.url}/schema/").text
    eva.delete(place, auth=("eva", PASSWORD)).raise_for_status()
    assert eva.get(address).status_code == 404


def test_a_stranger_is_asked_to_log_in(server: Server) -> None:
    answer = httpx.get(f"{server.url}/tables/")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/accounts/login/?next=/tables/"


def test_a_table_is_added_seen_queried_and_removed(eva: httpx.Client) -> None:
    empty = eva.get("/tables/")
    assert "You keep no table yet" in empty.text
    token = token_of(empty)

    def add(name: str, data: bytes) -> httpx.Response:
        return eva.post(
            "/tables/",
            data={"name": name, "csrfmiddlewaretoken": token},
            files={"file": ("t.csv", data)},
        )

    bad = add("mine", b"<VOTABLE/>")
    assert bad.status_code == 400
    assert "mine: there is no TABLE in the VOTable" in bad.text
    assert add("a b", b"n\n1\n").status_code == 400
    added = add("mine", b"n,Two Words\n1,<b>\n")
    assert added.status_code == 200
    assert "tap_user.mine" in added.text
    assert "&quot;Two Words&quot;" in added.text

    shown = eva.get("/adql/", params={"query": "SELECT * FROM tap_user.mine"})
    assert "&lt;b&gt;" in shown.text

    asked = eva.get("/tables/mine/remove/")
    assert "Remove this table?" in asked.text
    gone = eva.post(
        "/tables/mine/remove/", data={"csrfmiddlewaretoken": token_of(asked)}
    )
    assert "You keep no table yet" in gone.text
    assert eva.get("/tables/mine/remove/").status_code == 404


def test_operators_see_and_remove_tables_of_a_served_home(server: Server) -> None:
    auth = add_user(server, "eva")
    there = f"{server.url}/tap/user_tables/cats"
    assert httpx.put(there, content=b"n\n1\n", auth=auth).is_success

    def command(*words: str) -> str:
        done = subprocess.run(
            [*PROGRAM, "--home", str(server.home), "user", "tables", *words],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    assert re.search(r"eva +cats +1 ", command())
    assert "no table of nobody is kept" in command("--remove", "nobody")
    assert command("--remove", "eva/cats") == "removed cats of eva\n"
    assert "cats" not in command()
