"""What users of other systems complain about, asked of every service for data here.

What belongs to jobs stands in the tests of ``/tap/async`` and ``/uws``.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import httpx
import pytest
from astropy.io.votable import parse
from lxml import etree

if TYPE_CHECKING:
    from tests.web.conftest import Server

pytestmark = pytest.mark.slow

_SYNC = "/tap/sync"
_ALL = "SELECT obs_id FROM ivoa.obscore"
_NOWHERE = {
    _SYNC: {"LANG": "ADQL", "QUERY": f"{_ALL} WHERE s_ra < 0"},
    "/scs": {"RA": "10", "DEC": "-80", "SR": "1"},
    "/sia2/query": {"POS": "CIRCLE 10 -80 1"},
}
_EVERYTHING = {
    _SYNC: {"LANG": "ADQL", "QUERY": _ALL},
    "/scs": {"RA": "10", "DEC": "-80", "SR": "180"},
    "/sia2/query": {},
}
_WRONG = {
    _SYNC: {"LANG": "ADQL", "QUERY": "SELECT"},
    "/scs": {},
    "/sia2/query": {"POS": "here"},
}
_ABSENT = ("/tap/nothing", "/scs/nothing", "/sia2/nothing", "/uws/nothing/1")
_BROWSER = {"Accept": "text/html,application/xhtml+xml"}


def rows(document: bytes) -> int:
    """Return the number of rows of the one table of a document."""
    (table,) = list(parse(io.BytesIO(document)).iter_tables())
    return len(table.array)


def statuses(document: bytes) -> list[str]:
    """Return each QUERY_STATUS, in order."""
    return [
        str(info.get("value"))
        for info in etree.fromstring(document).iter("{*}INFO")
        if info.get("name") == "QUERY_STATUS"
    ]


@pytest.mark.parametrize("path", list(_NOWHERE))
def test_an_empty_result_is_a_result(image_server: Server, path: str) -> None:
    answer = httpx.get(f"{image_server.url}{path}", params=_NOWHERE[path])
    assert answer.status_code == 200
    assert rows(answer.content) == 0
    assert statuses(answer.content) == ["OK"]


@pytest.mark.parametrize("path", list(_EVERYTHING))
def test_overflow_is_said(image_server: Server, path: str) -> None:
    given = {**_EVERYTHING[path], "MAXREC": "2"}
    answer = httpx.get(f"{image_server.url}{path}", params=given)
    assert rows(answer.content) == 2
    assert statuses(answer.content) == ["OK", "OVERFLOW"]


@pytest.mark.parametrize(
    ("top", "maxrec", "count", "said"),
    [(2, 4, 2, ["OK"]), (4, 2, 2, ["OK", "OVERFLOW"]), (2, 2, 2, ["OK"])],
)
def test_top_holds_beside_maxrec(
    image_server: Server, top: int, maxrec: int, count: int, said: list[str]
) -> None:
    query = f"SELECT TOP {top} obs_id FROM ivoa.obscore"
    answer = image_server.ask(query, MAXREC=str(maxrec))
    assert (rows(answer.content), statuses(answer.content)) == (count, said)


@pytest.mark.parametrize("path", list(_WRONG))
def test_an_error_is_a_votable_for_a_browser_too(
    image_server: Server, path: str
) -> None:
    answer = httpx.get(
        f"{image_server.url}{path}", params=_WRONG[path], headers=_BROWSER
    )
    assert statuses(answer.content) == ["ERROR"]
    assert "html" not in answer.headers["content-type"]


@pytest.mark.parametrize("path", _ABSENT)
def test_what_is_not_there_is_said_by_a_votable(
    image_server: Server, path: str
) -> None:
    answer = httpx.get(f"{image_server.url}{path}", headers=_BROWSER)
    assert answer.status_code == 404
    assert statuses(answer.content) == ["ERROR"]


@pytest.mark.parametrize("path", list(_WRONG))
def test_another_method_is_refused_by_a_votable(
    image_server: Server, path: str
) -> None:
    answer = httpx.delete(f"{image_server.url}{path}")
    assert answer.status_code == 405
    assert statuses(answer.content) == ["ERROR"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        (f"{_ALL} UNION {_ALL}", 8),
        (f"{_ALL} WHERE calib_level != 3", 5),
        (f"{_ALL} WHERE calib_level <> 3", 5),
    ],
)
def test_what_others_refuse_is_understood(
    image_server: Server, query: str, count: int
) -> None:
    assert rows(image_server.ask(query).content) == count


def test_a_failure_in_the_rows_leaves_one_document(image_server: Server) -> None:
    # The table is long enough that the head has left when the value is met.
    many = ", ".join(f"ivoa.obscore AS o{n}" for n in range(6))
    query = f"SELECT o0.*, 1 / (o0.calib_level - o1.calib_level) AS x FROM {many}"
    answer = image_server.ask(query)
    root = etree.fromstring(answer.content)
    assert len(root.findall("{*}RESOURCE")) == 1
    assert statuses(answer.content)[-1] == "ERROR"
