"""``/tap/sync``: what users send, and every way in which it goes wrong."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import pyvo
from astropy.io import votable

if TYPE_CHECKING:
    import requests
    from tests.web.conftest import Server, StartServer

CONE = (
    "SELECT obs_id FROM ivoa.obscore WHERE "
    "1=CONTAINS(POINT(s_ra, s_dec), CIRCLE(83.633, 22.014, 2)) ORDER BY obs_id"
)
MINE = "by the MAXREC of this request"
ALL = "SELECT obs_id FROM ivoa.obscore ORDER BY obs_id"


def status_of(document: bytes) -> list[tuple[str, str]]:
    """Return value and content of each QUERY_STATUS, in order."""
    found = re.findall(
        rb'<INFO name="QUERY_STATUS" value="(\w+)"(?:/>|>(.*?)</INFO>)', document
    )
    return [(value.decode(), content.decode()) for value, content in found]


@pytest.fixture(scope="session")
def server(each_server: Server) -> Server:
    """Ask the shared server of each engine."""
    return each_server


def test_the_runs_on_crab(server: Server, vo_session: requests.Session) -> None:
    result = pyvo.dal.TAPService(f"{server.url}/tap", session=vo_session).search(CONE)
    assert list(result["obs_id"]) == ["23523", "23526", "23559"]


@pytest.mark.parametrize("how", ["get", "urlencoded", "multipart"])
def test_get_and_both_kinds_of_post(server: Server, how: str) -> None:
    fields = {"lang": "ADQL", "Query": CONE, "FORMAT": "csv", "REQUEST": "doQuery"}
    url = f"{server.url}/tap/sync"
    if how == "get":
        answer = httpx.get(url, params=fields)
    elif how == "urlencoded":
        answer = httpx.post(url, data=fields)
    else:
        parts: Any = {name: (None, value) for name, value in fields.items()}
        answer = httpx.post(url, files=parts)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv;header=present;charset=utf-8"
    assert answer.text == "obs_id\r\n23523\r\n23526\r\n23559\r\n"


@pytest.mark.parametrize(
    ("form", "media_type"),
    [
        ("", "application/x-votable+xml"),
        ("votable", "application/x-votable+xml"),
        ("votable/td", "application/x-votable+xml;serialization=tabledata"),
        ("text/xml", "text/xml"),
        (
            "application/x-votable+xml;serialization=BINARY2",
            "application/x-votable+xml;serialization=BINARY2",
        ),
    ],
)
def test_media_type_is_that_which_was_asked_for(
    server: Server, form: str, media_type: str
) -> None:
    answer = server.ask("SELECT TOP 2 * FROM ivoa.obscore", RESPONSEFORMAT=form)
    assert answer.headers["content-type"] == media_type
    table = votable.parse(io.BytesIO(answer.content), verify="exception")
    assert len(table.get_first_table().array) == 2


def test_query_is_echoed_as_it_was_submitted(server: Server) -> None:
    adql = "select  obs_id -- a < b & c\nfrom ivoa.obscore"
    document = votable.parse(io.BytesIO(server.ask(adql, RUNID="mine").content))
    infos = {info.name: info.value for info in document.resources[0].infos}
    assert infos["QUERY"] == adql
    assert infos["RUNID"] == "mine"


@pytest.mark.parametrize(
    ("maxrec", "top", "rows", "statuses"),
    [
        ("9", "3", 3, [("OK", "")]),
        ("3", "3", 3, [("OK", "")]),
        ("5", "9", 5, [("OK", "")]),
        (
            "2",
            "3",
            2,
            [
                ("OK", ""),
                ("OVERFLOW", "rows were cut at 2 by the MAXREC of this request"),
            ],
        ),
        (
            "0",
            "3",
            0,
            [
                ("OK", ""),
                ("OVERFLOW", "rows were cut at 0 by the MAXREC of this request"),
            ],
        ),
    ],
)  # fmt: skip
def test_maxrec_against_top(
    server: Server, maxrec: str, top: str, rows: int, statuses: list[tuple[str, str]]
) -> None:
    answer = server.ask(f"SELECT TOP {top} obs_id FROM ivoa.obscore", MAXREC=maxrec)
    table = votable.parse(io.BytesIO(answer.content)).get_first_table()
    assert len(table.array) == rows
    assert [field.name for field in table.fields] == ["obs_id"]
    assert status_of(answer.content) == statuses


@pytest.mark.slow
def test_overflow_by_the_limit_of_the_server_says_so(start_server: StartServer) -> None:
    small = start_server(query_rows_default=2, query_rows_max=4)
    unasked = status_of(small.ask(ALL).content)[-1]
    assert unasked[0] == "OVERFLOW"
    assert "cut at 2, the limit of this server" in unasked[1]
    asked = status_of(small.ask(ALL, MAXREC="1000").content)[-1]
    assert "cut at 4, the limit of this server" in asked[1]
    assert small.ask(f"{ALL}", MAXREC="3", FORMAT="csv").text.count("\n") == 4


@pytest.mark.parametrize(
    ("adql", "words"),
    [
        ("SELECT s_raa FROM ivoa.obscore", ["1:8", "s_raa", "did you mean s_ra?"]),
        (
            "SELECT x FROM ivoa.obscore; DROP TABLE ivoa.obscore",
            ["1:29", "one statement"],
        ),
        ("SELECT pg_sleep(10) FROM ivoa.obscore", ["1:8", "pg_sleep"]),
        (
            "SELECT a, b\nFROM ivoa.obscor\nWHERE c = 'x",
            ["3:11"],
        ),
        ("SELECT * FROM read_text('/etc/passwd')", ["1:15"]),
    ],
)
def test_refused_queries_say_where_and_why(
    server: Server, adql: str, words: list[str]
) -> None:
    answer = server.ask(adql)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/x-votable+xml"
    ((value, message),) = status_of(answer.content)
    assert value == "ERROR"
    for word in words:
        assert word.lower() in message.lower(), message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "LANG and QUERY: missing (give LANG=ADQL and QUERY=SELECT ...)"),
        ({"LANG": "ADQL"}, "QUERY: missing (give QUERY=SELECT ...)"),
        (
            {"LANG": "SQL", "QUERY": ALL},
            "LANG: unknown 'SQL' (there are ADQL, ADQL-2.1, ADQL-2.0)",
        ),
        (
            {"LANG": "ADQL", "QUERY": ALL, "MAXREC": "9" * 5000},
            "MAXREC: a number of 5000 digits is too large",
        ),
        (
            {"LANG": "ADQL", "QUERY": ALL, "MAXREC": "many"},
            "MAXREC: 'many' is not a whole number from 0 on",
        ),
        (
            {
                "LANG": "ADQL",
                "QUERY": "SELECT n FROM TAP_UPLOAD.t",
                "UPLOAD": "t,param:t",
            },
            "UPLOAD: t: the request has no file 't' (send it as a part",
        ),
        (
            {"LANG": ["ADQL", "ADQL"], "QUERY": ALL},
            "LANG: given 2 times (give LANG once)",
        ),
        (
            {"LANG": "ADQL", "QUERY": ALL, "FORMAT": "xlsx"},
            "RESPONSEFORMAT: unknown format 'xlsx' (there are votable,",
        ),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_bad_parameters(
    server: Server, fields: dict[str, Any], message: str, method: str
) -> None:
    url = f"{server.url}/tap/sync"
    answer = (
        httpx.get(url, params=fields)
        if method == "GET"
        else httpx.post(url, data=fields)
    )
    assert answer.status_code == 400
    ((value, said),) = status_of(answer.content)
    assert value == "ERROR"
    assert said.startswith(message)


def test_a_form_that_cannot_be_read(server: Server) -> None:
    answer = httpx.post(
        f"{server.url}/tap/sync",
        content=b"no parts",
        headers={"Content-Type": "multipart/form-data"},
    )
    assert answer.status_code == 400
    assert "request: Invalid boundary" in status_of(answer.content)[0][1]


@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_a_body_of_another_kind_is_not_read(server: Server, kind: str) -> None:
    answer = httpx.post(
        f"{server.url}/tap/sync",
        content=b'{"LANG": "ADQL", "QUERY": "SELECT 1"}',
        headers={"Content-Type": kind},
    )
    assert answer.status_code == 400
    ((_, said),) = status_of(answer.content)
    assert said.startswith(f"Content-Type: {kind} is not read here (send application/x")


def test_other_methods_are_refused(server: Server) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        answer = httpx.request(method, f"{server.url}/tap/sync", content=b"")
        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET, POST, HEAD"
        ((value, message),) = status_of(answer.content)
        assert value == "ERROR"
        assert message.startswith(f"request: {method} is not answered by /tap/sync")
    answer = httpx.post(f"{server.url}/tap/capabilities")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"


def test_head_is_get_without_the_body(server: Server) -> None:
    fields = {"LANG": "ADQL", "QUERY": ALL, "FORMAT": "csv"}
    answer = httpx.head(f"{server.url}/tap/sync", params=fields)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv;header=present;charset=utf-8"
    assert answer.content == b""
    assert httpx.head(f"{server.url}/tap/sync").status_code == 400
    whole = httpx.get(f"{server.url}/tap/capabilities")
    bare = httpx.head(f"{server.url}/tap/capabilities")
    assert bare.headers["content-length"] == str(len(whole.content))


@pytest.mark.parametrize(
    "path", ["sync/", "capabilities/", "tables/", "foo", "foo/bar", "tables/a/b"]
)
def test_what_no_service_has_is_a_votable(server: Server, path: str) -> None:
    for method in ("GET", "POST"):
        answer = httpx.request(method, f"{server.url}/tap/{path}")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/x-votable+xml"
        assert f"there is no /tap/{path}" in answer.text


def test_a_request_that_is_too_large_says_so(server: Server) -> None:
    fields = {"LANG": "ADQL", "QUERY": "x" * 3_000_000}
    answer = httpx.post(f"{server.url}/tap/sync", data=fields)
    assert answer.status_code == 400
    assert status_of(answer.content)[0][1] == (
        "request: it is too large (send a shorter query)"
    )


def test_values_that_the_query_meets_are_the_users_fault(server: Server) -> None:
    answer = server.ask("SELECT CAST(obs_publisher_did AS INTEGER) FROM ivoa.obscore")
    assert answer.status_code == 400
    assert " is no INTEGER (leave such rows out in WHERE" in answer.text


@pytest.mark.slow
def test_time_limit_is_said(start_server: StartServer) -> None:
    hasty = start_server(query_timeout_s=0.3)
    answer = hasty.ask(
        "SELECT COUNT(*) FROM tap_schema.columns a, tap_schema.columns b, "
        "tap_schema.columns c, tap_schema.columns d"
    )
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    ((value, message),) = status_of(answer.content)
    assert value == "ERROR"
    assert "it ran longer than the limit of 0.3 s" in message


@pytest.mark.parametrize("asked", ["text/csv", "text/csv; charset=utf-8"])
def test_the_media_type_of_csv_is_that_which_was_asked_for(
    server: Server, asked: str
) -> None:
    answer = server.ask(ALL, RESPONSEFORMAT=asked)
    assert answer.headers["content-type"] == asked
    assert answer.text.startswith("obs_id\r\n")


def test_a_media_type_with_a_line_end_is_not_repeated(server: Server) -> None:
    answer = server.ask(ALL, RESPONSEFORMAT="text/\ncsv")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv;header=present;charset=utf-8"


def test_counts_points_and_mocs_are_of_their_types(server: Server) -> None:
    answer = server.ask(
        "SELECT ivo_histogram(s_ra, 0, 360, 3) AS h, "
        "ivo_healpix_center(3, MAX(calib_level)) AS p, "
        "MAX(ivo_healpix_index(3, s_ra, s_dec)) AS i, "
        "cta_tmoc_between(59000, 59001) AS t, ivo_string_agg(obs_id, ' ') AS n "
        "FROM ivoa.obscore"
    )
    assert answer.status_code == 200, answer.text
    table = votable.parse(io.BytesIO(answer.content)).get_first_table()
    fields = {f.name: (f.datatype, f.arraysize, f.xtype) for f in table.fields}
    assert fields["h"] == ("int", "5", None)
    assert fields["p"] == ("double", "2", "point")
    assert fields["i"] == ("long", None, None)
    assert fields["t"] == ("char", "*", "moc")
    (row,) = table.array
    assert len(row["h"]) == 5
    assert len(row["p"]) == 2
    assert row["t"].startswith("26/6183332 27/")
