"""The ADQL page over HTTP: rows, faults, completion, checks, limits, other programs."""

from __future__ import annotations

import ast
import csv
import io
import re
import shlex
import subprocess
from dataclasses import replace
from html import unescape
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distiller.adql import translate
from distiller.model import load_model
from distiller.model.examples import examples
from distiller.web.pages.adql import elsewhere
from distiller.web.pages.adql.completion import document
from distiller.web.pages.adql.typing_check import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.conftest import Server, StartServer

QUERY = "SELECT obs_id, s_ra, em_min, s_resolution FROM ivoa.obscore ORDER BY obs_id"
LONG = f"{QUERY} -- {'x' * 20_000}"
NINE = "SELECT a.obs_id FROM ivoa.obscore a, ivoa.obscore b"
MANY = f"{NINE}, ivoa.obscore c, ivoa.obscore d"


@pytest.fixture(scope="module")
def client(each_server: Server) -> Iterator[httpx.Client]:
    """Ask the shared server of each engine."""
    with httpx.Client(base_url=each_server.url, timeout=60) as ready:
        yield ready


def _text(html: str) -> str:
    bare = re.sub(r"<(script|style)[\s\S]*?</\1>|<[^>]+>", " ", html)
    return " ".join(unescape(bare).split())


def _cells(html: str) -> list[list[str]]:
    body = html.partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        [_text(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)]
        for row in body.split("</tr>")[:-1]
    ]


@pytest.mark.slow
def test_empty_page_has_editor_and_examples(client: httpx.Client) -> None:
    answer = client.get("/adql/")
    assert answer.status_code == 200
    assert '<textarea class="form-control" id="query"' in answer.text
    for example in examples():
        assert example.title in unescape(answer.text)
    assert 'href="/adql/" aria-current="page"' in answer.text
    assert "Rows appear here." in answer.text


def test_every_example_can_be_loaded_and_run(client: httpx.Client) -> None:
    for example in examples():
        page = client.get("/adql/", params={"example": example.name})
        assert example.adql.strip() in unescape(page.text), example.name
        assert "<tbody>" not in page.text
        run = client.get("/adql/", params={"query": example.adql})
        assert run.status_code == 200, example.name
    unknown = client.get("/adql/", params={"example": "nothing"})
    assert unknown.status_code == 404
    assert "there is no example nothing" in unknown.text


def test_rows_are_those_of_tap(client: httpx.Client) -> None:
    html = client.get("/adql/", params={"query": QUERY}).text
    rows = _cells(html)
    given_by_tap = client.get(
        "/tap/sync", params={"LANG": "ADQL", "RESPONSEFORMAT": "csv", "QUERY": QUERY}
    )
    expected = list(csv.reader(io.StringIO(given_by_tap.text)))[1:]
    assert [row[0] for row in rows] == [row[0] for row in expected]
    assert [float(row[1]) for row in rows] == [float(row[1]) for row in expected]
    # What is asked for is shown: a wavelength stays one, and NULL is blank.
    assert rows[0][2] == "1.240e-20"
    assert rows[0][3] == expected[0][3] == ""
    assert "em_min m s_resolution arcsec" in _text(html)
    assert "5 rows" in _text(html)


def test_shown_rows_end_and_that_is_said(client: httpx.Client) -> None:
    html = client.get("/adql/", params={"query": MANY}).text
    assert len(_cells(html)) == 100
    assert "The first 100 rows; there are more" in _text(html)
    more = client.get("/adql/", params={"query": MANY, "rows": "1000"}).text
    assert "625 rows" in _text(more)
    assert len(_cells(more)) == 625
    odd = client.get("/adql/", params={"query": MANY, "rows": "1000000"}).text
    assert len(_cells(odd)) == 100
    none = client.get("/adql/", params={"query": f"{QUERY[:-16]} WHERE 1 = 0"}).text
    assert "No row answers this query." in none


def test_long_queries_are_posted(client: httpx.Client) -> None:
    short = client.post("/adql/", data={"query": QUERY})
    assert short.status_code == 303
    assert short.headers["Location"].startswith("/adql/?query=SELECT+obs_id")
    long = client.post("/adql/", data={"query": LONG})
    assert long.status_code == 200
    assert len(_cells(long.text)) == 5
    assert "too long for an address" in long.text
    assert '<button class="plain-button" name="format" value="csv">' in long.text
    assert (
        client.post("/adql/", data={"query": " \r\n"}).headers["Location"] == "/adql/"
    )


def test_every_format_is_downloaded_under_a_name(client: httpx.Client) -> None:
    html = client.get("/adql/", params={"query": QUERY}).text
    links = [unescape(link) for link in re.findall(r'"(/adql/download[^"]+)"', html)]
    names = set()
    for link in links:
        answer = client.get(link)
        assert answer.status_code == 200
        assert answer.headers["X-Query-Row-Limit"]
        said = answer.headers["Content-Disposition"]
        names.add(said.removeprefix('attachment; filename="result.').removesuffix('"'))
    assert len(links) == 7
    assert names == {"vot", "csv", "tsv", "json", "fits", "parquet"}
    posted = client.post("/adql/download", data={"query": LONG, "format": "tsv"})
    assert len(posted.text.splitlines()) == 6
    assert posted.headers["Content-Disposition"].endswith('"result.tsv"')
    # What programs ask stays as it was.
    asked = client.get("/tap/sync", params={"LANG": "ADQL", "QUERY": QUERY})
    assert "Content-Disposition" not in asked.headers


def test_a_download_that_fails_is_a_page(client: httpx.Client) -> None:
    wrong = client.get("/adql/download", params={"query": "SELECT x", "format": "csv"})
    assert wrong.status_code == 400
    assert "This request cannot be answered" in wrong.text
    odd = client.get("/adql/download", params={"query": QUERY, "format": "odt"})
    assert "RESPONSEFORMAT" in odd.text
    assert "parquet" in odd.text


def test_faults_stand_at_their_place(client: httpx.Client) -> None:
    # A form sends lines with CR and LF.
    query = "\r\nSELECT o.s_raa, '\U0001f52d', <b>\r\nFROM ivoa.obscor AS o"
    answer = client.get("/adql/", params={"query": query})
    assert answer.status_code == 400
    assert (
        "SELECT o.s_raa, &#x27;\U0001f52d&#x27;, <mark>&lt;</mark>b&gt;" in answer.text
    )
    assert "line 2, column 22" in answer.text
    answer = client.get("/adql/", params={"query": query.replace(", <b>", "")})
    assert "FROM <mark>ivoa.obscor</mark> AS o" in answer.text
    assert "(did you mean ivoa.obscore?)" in _text(answer.text)
    assert 'aria-invalid="true" aria-describedby="faults"' in answer.text


def test_results_alone_for_the_script(client: httpx.Client) -> None:
    part = client.post("/adql/results", data={"query": QUERY})
    assert len(_cells(part.text)) == 5
    assert "<html" not in part.text
    wrong = client.post("/adql/results", data={"query": "SELECT 1 FROM nowhere"})
    assert wrong.status_code == 400
    assert "<mark>nowhere</mark>" in wrong.text
    assert client.get("/adql/results").status_code == 405


@pytest.mark.parametrize(
    "query", ["SELECT 1; SELECT 2", "SELECT pg_sleep(10) FROM ivoa.obscore", "DROP x"]
)
def test_hostile_queries_are_refused(client: httpx.Client, query: str) -> None:
    answer = client.get("/adql/", params={"query": query})
    assert answer.status_code == 400
    assert "The query has" in answer.text


def test_values_lead_nowhere_else(client: httpx.Client) -> None:
    query = (
        "SELECT DISTINCT 'javascript:alert(1)' AS access_url, '../x' AS obs_id, "
        "'<b>' AS t FROM ivoa.obscore"
    )
    html = client.get("/adql/", params={"query": query}).text
    assert 'href="javascript' not in html
    assert 'href="/obs/..%2Fx/"' in html
    assert "&lt;b&gt;</td>" in html
    own = "SELECT TOP 1 access_url FROM ivoa.obscore"
    assert (
        '<a href="http://127.0.0.1:'
        in client.get("/adql/", params={"query": own}).text.partition("<tbody>")[2]
    )


def test_completion_is_what_tap_describes(client: httpx.Client) -> None:
    answer = client.get("/adql/completion.json")
    tables = {table["name"]: table for table in answer.json()["tables"]}
    described = client.get("/tap/tables").text
    named = re.findall(r"<table[^>]*>\s*<name>([^<]+)</name>", described)
    assert set(tables) == set(named)
    columns = {c["name"]: c for c in tables["ivoa.obscore"]["columns"]}
    assert columns["s_ra"]["unit"] == "deg"
    assert columns["s_ra"]["ucd"] == "pos.eq.ra"
    assert columns["s_ra"]["type"] == "double"
    assert columns["s_ra"]["description"]
    size = next(c for c in tables["cta.product"]["columns"] if c["name"] == "size")
    assert size["insert"] == '"size"'


def test_completion_quotes_reserved_names_of_tables() -> None:
    table = replace(load_model().catalog["cta.site"], name="cta.order")
    (described,) = document({"cta.order": table})["tables"]
    assert described["parts"] == ["cta", '"order"']


def test_completion_is_sent_once(client: httpx.Client) -> None:
    answer = client.get("/adql/completion.json")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    tag = answer.headers["ETag"]
    again = client.get("/adql/completion.json", headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert again.content == b""
    other = client.get("/adql/completion.json", headers={"If-None-Match": '"old"'})
    assert other.status_code == 200


def test_every_offered_name_is_accepted() -> None:
    catalog = load_model().catalog
    for table in document(catalog)["tables"]:
        names = ", ".join(column["insert"] for column in table["columns"])
        translate(f"SELECT {names} FROM {'.'.join(table['parts'])}", catalog)


def _check(client: httpx.Client, query: str) -> list[dict[str, Any]]:
    answer = client.post("/adql/check", data={"query": query})
    assert answer.status_code == 200
    faults: list[dict[str, Any]] = answer.json()["faults"]
    return faults


def test_check_tells_what_tap_would(client: httpx.Client) -> None:
    assert _check(client, QUERY) == []
    assert _check(client, "  ") == []
    query = "SELECT s_raa FROM ivoa.obscore"
    (fault,) = _check(client, query)
    assert fault == {
        "line": 1,
        "column": 8,
        "length": 5,
        "code": "Q202",
        "message": "there is no column s_raa (did you mean s_ra?)",
        "instead": "s_ra",
    }
    refused = client.get("/tap/sync", params={"LANG": "ADQL", "QUERY": query})
    assert f"1:8 Q202 {fault['message']}" in refused.text


def test_check_runs_nothing(client: httpx.Client) -> None:
    """Joins that would take the engine minutes are told at once to be right."""
    tables = ", ".join(f"ivoa.obscore AS t{n}" for n in range(20))
    assert _check(client, f"SELECT COUNT(*) AS n FROM {tables}") == []


def test_check_takes_short_posts_only(client: httpx.Client) -> None:
    long = client.post("/adql/check", data={"query": "x" * (MOST_BYTES + 1)})
    assert long.status_code == 413
    assert "not checked while you type" in long.json()["message"]
    unknown = client.post(
        "/adql/check", content=iter([b"query=x"]), headers={"X-Of": "no length"}
    )
    assert unknown.status_code == 413
    got = client.get("/adql/check")
    assert got.status_code == 405
    assert got.headers["Allow"] == "POST"
    assert got.json()["code"] == "U100"


@pytest.mark.slow
def test_limits_are_those_of_tap(start_server: StartServer) -> None:
    server = start_server(query_rows_max=7, query_timeout_s=1)
    with httpx.Client(base_url=server.url, timeout=60) as client:
        html = client.get("/adql/", params={"query": MANY}).text
        assert len(_cells(html)) == 7
        assert "The first 7 rows; there are more" in _text(html)
        tables = ", ".join(f"ivoa.obscore AS t{n}" for n in range(16))
        endless = f"SELECT COUNT(*) AS n FROM {tables} WHERE t0.s_ra + t15.s_ra > 1"
        late = client.get("/adql/", params={"query": endless})
        assert late.status_code == 503
        assert late.headers["Retry-After"]
        assert "The query was not answered" in late.text
        assert "1 s" in _text(late.text)


@pytest.mark.slow
def test_who_leaves_ends_the_query(start_server: StartServer) -> None:
    """The only place is free again, long before the query would have ended."""
    server = start_server(queries_at_once=1, query_timeout_s=300)
    tables = ", ".join(f"ivoa.obscore AS t{n}" for n in range(20))
    endless = f"SELECT COUNT(*) AS n FROM {tables} WHERE t0.s_ra + t19.s_ra > 1"
    with httpx.Client(base_url=server.url) as client, pytest.raises(httpx.ReadTimeout):
        client.post("/adql/results", data={"query": endless}, timeout=2)
    after = httpx.post(f"{server.url}/adql/results", data={"query": QUERY}, timeout=60)
    assert len(_cells(after.text)) == 5


def test_snippets_give_the_same_rows(client: httpx.Client, tmp_path: Any) -> None:
    query = f'{QUERY} -- it\'s "quoted" \\ $HOME `x`'
    snippets = {s.name: s.text for s in elsewhere.snippets(query, str(client.base_url))}
    subprocess.run(
        ["bash", "-euc", snippets["curl"]], cwd=tmp_path, check=True, timeout=60
    )
    assert b"23523" not in (tmp_path / "result.vot").read_bytes()[:10]
    assert b"</VOTABLE>" in (tmp_path / "result.vot").read_bytes()
    space: dict[str, Any] = {}
    text = snippets["pyVO"].replace("print(result.to_table())", "")
    exec(text, space)  # noqa: S102 - what a person would do with it
    assert list(space["result"]["obs_id"]) == [
        row[0] for row in _cells(client.get("/adql/", params={"query": query}).text)
    ]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_no_query_leaves_its_quotes(query: str) -> None:
    snippets = {s.name: s.text for s in elsewhere.snippets(query, "http://x/")}
    calls = [
        c for c in ast.walk(ast.parse(snippets["pyVO"])) if isinstance(c, ast.Call)
    ]
    texts = [a.value for c in calls for a in c.args if isinstance(a, ast.Constant)]
    assert sorted(str(text).strip() for text in texts) == sorted(
        ["http://x/tap", query.strip()]
    )
    for name in ("curl", "STILTS"):
        words = shlex.split(snippets[name].replace("\\\n", " ", 1))
        assert any(word.endswith(query) for word in words), name
