"""``/scs`` as users and clients of the cone search ask it, on both engines."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import httpx
import pytest
import pyvo
from astropy.coordinates import SkyCoord
from astropy.io import votable
from lxml import etree
from pyvo.dal.exceptions import DALQueryError

if TYPE_CHECKING:
    import requests
    from tests.web.conftest import Server, StartServer

CRAB = {"RA": "83.633", "DEC": "22.014", "SR": "0.55"}


def ask(server: Server, **parameters: str) -> httpx.Response:
    """Send one search."""
    return httpx.get(f"{server.url}/scs", params=parameters, timeout=60)


def error_of(answer: httpx.Response) -> str:
    """Return the one error of a document of 1.03."""
    root = etree.fromstring(answer.content)
    (info,) = [e for e in root.iter("{*}INFO") if e.get("name") == "Error"]
    assert info.getparent() is root
    assert info.get("ID") == "Error"
    assert not list(root.iter("{*}TABLE"))
    return str(info.get("value"))


def test_the_nearest_come_first_and_others_do_not_come(
    each_server: Server, vo_session: requests.Session
) -> None:
    found = pyvo.dal.SCSService(f"{each_server.url}/scs", session=vo_session).search(
        pos=SkyCoord(83.633, 22.014, unit="deg"), radius=0.49
    )
    assert [str(row["obs_id"]) for row in found] == ["23523", "23559"]
    distances = found.getcolumn("separation")
    assert list(distances) == sorted(distances)
    assert max(distances) <= 0.49
    assert found[0].id == "ivo://org.example/test-dr1?23523"
    assert found[1].pos.separation(SkyCoord(83.6, 22.5, unit="deg")).deg < 1e-9
    assert list(found.getcolumn("livetime")) == [1650.0] * 2


@pytest.mark.parametrize("verb", ["1", "2", "3"])
def test_what_the_standard_wants_of_a_table(server: Server, verb: str) -> None:
    answer = ask(server, **CRAB, VERB=verb)
    assert answer.headers["content-type"] == "text/xml;content=x-votable"
    root = etree.fromstring(answer.content)
    (resource,) = root.findall("{*}RESOURCE")
    assert resource.get("type") == "results"
    (table,) = resource.findall("{*}TABLE")
    fields = table.findall("{*}FIELD")
    main = {
        ucd: [f.get("datatype") for f in fields if f.get("ucd") == ucd]
        for ucd in ("ID_MAIN", "POS_EQ_RA_MAIN", "POS_EQ_DEC_MAIN")
    }
    assert main == {
        "ID_MAIN": ["char"],
        "POS_EQ_RA_MAIN": ["double"],
        "POS_EQ_DEC_MAIN": ["double"],
    }
    assert not [f for f in fields if "meta.main" in (f.get("ucd") or "")]
    assert all(f.findall("{*}DESCRIPTION") for f in fields)
    rows = list(table.iter("{*}TR"))
    assert len(rows) == 3
    names = [f.get("name") for f in fields]
    ids = [row[names.index("obs_publisher_did")].text for row in rows]
    assert len(set(ids)) == 3


def test_verbosity_3_has_all_of_obscore_and_of_the_observation(server: Server) -> None:
    document = io.BytesIO(ask(server, **CRAB, VERB="3").content)
    table = votable.parse_single_table(document).to_table()
    wanted = {"s_region", "n_events", "deadc", "target_ra", "obs_title"}
    assert wanted <= set(table.colnames)
    assert list(table["target_ra"]) == [83.63] * 3


def test_radius_0_gives_columns_and_no_overflow(each_server: Server) -> None:
    answer = ask(each_server, RA="83.6", DEC="22", SR="0")
    assert answer.status_code == 200
    table = votable.parse_single_table(io.BytesIO(answer.content))
    assert len(table.array) == 0
    assert len(table.fields) > 10
    assert b'"OVERFLOW"' not in answer.content


def test_an_empty_place_is_no_error(server: Server) -> None:
    answer = ask(server, RA="10", DEC="-80", SR="1")
    assert answer.status_code == 200
    assert len(votable.parse_single_table(io.BytesIO(answer.content)).array) == 0


def test_maxrec_cuts_and_says_so(server: Server) -> None:
    answer = ask(server, RA="83.6", DEC="22", SR="180", MAXREC="2")
    assert len(votable.parse_single_table(io.BytesIO(answer.content)).array) == 2
    assert re.search(
        r'value="OVERFLOW">rows were cut at 2 by the MAXREC of this request<',
        answer.text,
    )
    none = ask(server, **CRAB, MAXREC="0")
    assert 'value="OVERFLOW"' in none.text


@pytest.mark.slow
def test_the_limit_of_the_server_holds(start_server: StartServer) -> None:
    own = start_server(query_rows_default=1)
    answer = ask(own, RA="83.6", DEC="22", SR="180")
    assert "rows were cut at 1, the limit of this server" in answer.text


@pytest.mark.parametrize(
    ("form", "media_type", "start"),
    [
        (
            "csv",
            "text/csv;header=present;charset=utf-8",
            b"obs_publisher_did,s_ra,s_dec",
        ),
        ("text/tab-separated-values", None, b"obs_publisher_did\ts_ra\ts_dec"),
        ("votable/td", "application/x-votable+xml;serialization=tabledata", b"<?xml"),
        ("application/x-votable+xml", None, b"<?xml"),
    ],
)
def test_formats(
    server: Server, form: str, media_type: str | None, start: bytes
) -> None:
    answer = ask(server, **CRAB, VERB="1", RESPONSEFORMAT=form)
    assert answer.headers["content-type"] == (media_type or form)
    assert answer.content.startswith(start)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"RA": ""}, "RA: missing (give RA, DEC and SR in deg"),
        ({"DEC": "91.0"}, "DEC: 91.0 is not from -90 to 90 deg"),
        ({"SR": "wide"}, "SR: 'wide' is not a number"),
        ({"VERB": "9"}, "VERB: unknown 9 (there are 1, 2 and 3)"),
        ({"RESPONSEFORMAT": "png"}, "RESPONSEFORMAT: unknown format 'png'"),
        ({"RA": "1); DROP TABLE x"}, "RA: '1); DROP TABLE x' is not a number"),
    ],
)
def test_an_error_is_told_where_clients_of_1_03_read_it(
    server: Server, change: dict[str, str], message: str
) -> None:
    answer = ask(server, **(CRAB | change))
    # Of another status, TOPCAT and STILTS show the status only.
    assert answer.status_code == 200
    assert error_of(answer).startswith(message)
    posted = httpx.post(f"{server.url}/scs", data=CRAB | change)
    assert error_of(posted) == error_of(answer)


def test_pyvo_shows_the_error(server: Server, vo_session: requests.Session) -> None:
    service = pyvo.dal.SCSService(f"{server.url}/scs", session=vo_session)
    with pytest.raises(DALQueryError, match=r"SR: 200(\.0)? is not from 0 to 180 deg"):
        service.search(pos=(83.6, 22.0), radius=200)


def test_get_and_post_and_head(server: Server) -> None:
    got = ask(server, **CRAB)
    posted = httpx.post(f"{server.url}/scs", data=CRAB)
    assert posted.content == got.content
    head = httpx.head(f"{server.url}/scs", params=CRAB)
    assert (head.status_code, head.content) == (200, b"")
    refused = httpx.put(f"{server.url}/scs", params=CRAB)
    assert refused.status_code == 405


def test_what_the_service_says_of_itself(each_server: Server) -> None:
    base = f"{each_server.url}/scs"
    document = etree.fromstring(httpx.get(f"{base}/capabilities").content)
    (url,) = document.findall(".//accessURL[@use='base']")
    assert url.text == f"{base}?"
    test = {e.tag.upper(): str(e.text) for e in document.findall(".//testQuery/*")}
    found = votable.parse_single_table(io.BytesIO(ask(each_server, **test).content))
    assert len(found.array) > 0
    assert "<vosi:available>true<" in httpx.get(f"{base}/availability").text
    tables = httpx.get(f"{base}/tables").text
    assert tables.count("<table ") == 1
    assert "<name>s_region</name>" in tables
    absent = httpx.get(f"{base}/nothing")
    assert absent.status_code == 404
    assert "there are capabilities, availability and tables below /scs" in absent.text
