"""The pages of tables and columns: all, found by a word, one, and one's own."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import httpx
import pytest

from distiller.model import load_model

if TYPE_CHECKING:
    from tests.web.conftest import Server


def _rows(html: str, label: str) -> list[list[str]]:
    frame = html.partition(f'aria-label="{label}"')[2]
    body = frame.partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        [
            " ".join(unescape(re.sub(r"<[^>]+>", "", cell)).split())
            for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        ]
        for row in body.split("</tr>")[:-1]
    ]


def test_every_table_and_column_is_there(server: Server) -> None:
    catalog = load_model().catalog
    listed = _rows(httpx.get(f"{server.url}/schema/").text, "Tables")
    assert {row[0] for row in listed} >= {table.adql_name for table in catalog.values()}
    for name in ("ivoa.obscore", "cta.product"):
        page = httpx.get(f"{server.url}/schema/{name}/").text
        shown = [row[0] for row in _rows(page, "Columns")]
        assert shown == [column.adql_name for column in catalog[name].columns]


def test_a_column_with_type_unit_ucd_and_words(server: Server) -> None:
    page = httpx.get(f"{server.url}/schema/ivoa.obscore/").text
    (ra,) = [row for row in _rows(page, "Columns") if row[0] == "s_ra"]
    assert ra[1:4] == ["double", "deg", "pos.eq.ra"]
    assert "right ascension" in ra[4].lower()
    product = httpx.get(f"{server.url}/schema/cta.product/").text
    (key,) = [r for r in _rows(product, "Columns") if r[0] == "collection_id"]
    assert "(as in cta.collection.collection_id)" in key[4]
    link = re.search(r'href="(/adql/\?query=[^"]+)"', product)
    assert link is not None
    assert httpx.get(server.url + unescape(link[1])).status_code == 200


def test_words_are_searched(server: Server) -> None:
    def ask(words: str) -> str:
        return httpx.get(f"{server.url}/schema/", params={"q": words}).text

    found = _rows(ask("POS.EQ.RA icrs"), "Columns")
    assert found
    assert all("pos.eq.ra" in row[4] for row in found)
    assert ["s_ra", "ivoa.obscore"] in [row[:2] for row in found]
    none = ask("<b>nothing")
    assert "<strong>0</strong> tables and <strong>0</strong> columns" in none
    assert "“&lt;b&gt;nothing”" in none


def test_an_unknown_table_is_not_found(server: Server) -> None:
    answer = httpx.get(f"{server.url}/schema/cta.nothing/")
    assert answer.status_code == 404
    assert "there is no table cta.nothing" in answer.text


@pytest.mark.parametrize("page", ["/", "/adql/", "/help/"])
def test_pages_lead_there(server: Server, page: str) -> None:
    main = httpx.get(server.url + page).text
    assert 'href="/schema/"' in main
