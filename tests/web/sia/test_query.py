"""``/sia2/query`` as users and clients of SIA 2.0 ask it, on both engines."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import httpx
import pytest
import pyvo
from astropy import units as u
from astropy.io import votable
from astropy.time import Time
from lxml import etree
from pyvo.dal.exceptions import DALQueryError
from tests.support.maps import CONTENT, CRAB_MAP, CUBE, OTHER

if TYPE_CHECKING:
    import requests
    from tests.web.conftest import Server

pytestmark = pytest.mark.slow

ALL = {CRAB_MAP, CUBE, OTHER}
CRAB = {CRAB_MAP, CUBE}


def ask(server: Server, *pairs: tuple[str, str]) -> httpx.Response:
    """Send one search; a parameter may be repeated."""
    return httpx.get(f"{server.url}/sia2/query", params=list(pairs), timeout=60)


def found(server: Server, *pairs: tuple[str, str]) -> set[str]:
    """Return the DIDs that a search gives."""
    answer = ask(server, *pairs)
    assert answer.status_code == 200, answer.text
    table = votable.parse_single_table(io.BytesIO(answer.content))
    return {str(did) for did in table.array["obs_publisher_did"]}


@pytest.mark.parametrize(
    ("pairs", "wanted"),
    [
        ((), ALL),
        ((("POS", "CIRCLE 83.6 22 0.1"),), CRAB),
        ((("POS", "CIRCLE 86.0 22 1.5"),), CRAB),
        ((("POS", "CIRCLE 83.6 22 0"),), CRAB),
        ((("POS", "CIRCLE 10 10 5"),), set()),
        ((("POS", "CIRCLE 83.6 22 1"), ("POS", "CIRCLE 228 -59 1")), ALL),
        ((("POS", "RANGE 80 90 20 24"),), CRAB),
        ((("POS", "RANGE 90 80 20 24"),), set()),
        ((("POS", "RANGE 0 360 -90 0"),), {OTHER}),
        ((("POS", "RANGE -Inf +Inf -Inf +Inf"),), ALL),
        ((("POS", "POLYGON 227 -60 229 -60 229 -58 227 -58"),), {OTHER}),
        ((("BAND", "-Inf 1.3e-18"),), ALL),
        ((("BAND", "5e-18"),), {CUBE, OTHER}),
        ((("BAND", "0.21"),), set()),
        ((("TIME", "53344.9 53344.905"),), {CRAB_MAP}),
        ((("TIME", "53345 +Inf"),), {CUBE, OTHER}),
        ((("TIME", "53344.9"), ("TIME", "53346.9 60000")), {CRAB_MAP, OTHER}),
        ((("FOV", "-Inf 1.5"),), {OTHER}),
        ((("FOV", "2"), ("FOV", "0.5 1.5")), {CUBE, OTHER}),
        ((("SPATRES", "-Inf +Inf"),), set()),
        ((("SPECRP", "1 2"),), set()),
        ((("TIMERES", "1 2"),), set()),
        ((("EXPTIME", "-Inf 60"),), {OTHER}),
        ((("POL", "I"),), set()),
        ((("ID", CRAB_MAP.upper()),), {CRAB_MAP}),
        ((("ID", CRAB_MAP), ("ID", OTHER)), {CRAB_MAP, OTHER}),
        ((("COLLECTION", "test-dr1"),), ALL),
        ((("COLLECTION", "TEST"),), set()),
        ((("FACILITY", "HESS"), ("INSTRUMENT", "HESS")), ALL),
        ((("DPTYPE", "cube"),), {CUBE}),
        ((("DPTYPE", "event"),), set()),
        ((("CALIB", "3"),), ALL),
        ((("CALIB", "0"), ("CALIB", "1")), set()),
        ((("TARGET", "MSH 15-52"),), {OTHER}),
        ((("FORMAT", "application/FITS"),), ALL),
        ((("FORMAT", "image/jpeg"),), set()),
        ((("POS", "CIRCLE 83.6 22 1"), ("DPTYPE", "image")), {CRAB_MAP}),
    ],
)
def test_parameters(
    image_server: Server, pairs: tuple[tuple[str, str], ...], wanted: set[str]
) -> None:
    assert found(image_server, *pairs) == wanted


def test_pyvo_finds_an_image_and_its_file(
    image_server: Server, vo_session: requests.Session
) -> None:
    service = pyvo.dal.SIA2Service(f"{image_server.url}/sia2", session=vo_session)
    results = service.search(
        pos=(83.63 * u.deg, 22.01 * u.deg, 1 * u.deg),
        band=(1e-19 * u.m, 1e-18 * u.m),
        time=(Time(53344, format="mjd"), Time(53346, format="mjd")),
        data_type="image",
        maxrec=5,
    )
    assert [row.obs_publisher_did for row in results] == [CRAB_MAP]
    (row,) = results
    assert (row.dataproduct_type, row.access_format) == ("image", "application/fits")
    assert httpx.get(row.access_url).content == CONTENT


def test_columns_are_those_of_obscore(image_server: Server) -> None:
    answer = ask(image_server, ("MAXREC", "0"))
    table = votable.parse_single_table(io.BytesIO(answer.content))
    obscore = image_server.ask("SELECT * FROM ivoa.obscore", MAXREC="0")
    wanted = votable.parse_single_table(io.BytesIO(obscore.content))
    assert [(f.name, f.ucd, f.utype, f.unit) for f in table.fields] == [
        (f.name, f.ucd, f.utype, f.unit) for f in wanted.fields
    ]
    assert 'value="OVERFLOW"' in answer.text


def test_the_answer_describes_the_service(image_server: Server) -> None:
    root = etree.fromstring(ask(image_server, ("MAXREC", "1")).content)
    results, this = root.findall("{*}RESOURCE")
    assert results.get("type") == "results"
    assert dict(this.items()) == {
        "type": "meta",
        "utype": "adhoc:service",
        "name": "this",
    }
    told = {p.get("name"): p.get("value") for p in this.findall("{*}PARAM")}
    assert told == {
        "standardID": "ivo://ivoa.net/std/SIA#query-2.0",
        "accessURL": f"{image_server.url}/sia2/query",
    }
    inputs = this.findall("{*}GROUP[@name='inputParams']/{*}PARAM")
    asked = [(p.get("name"), p.get("xtype"), p.get("unit")) for p in inputs]
    assert ("POS", None, None) in asked
    assert ("BAND", "interval", "m") in asked
    assert len(asked) == 19


def test_a_plain_format_has_rows_only(image_server: Server) -> None:
    answer = ask(image_server, ("RESPONSEFORMAT", "csv"), ("DPTYPE", "cube"))
    assert answer.headers["content-type"] == "text/csv;header=present;charset=utf-8"
    assert len(answer.text.splitlines()) == 2


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (("POS", "BOX 1 2"), "UsageFault: POS: 'BOX 1 2' is no region"),
        (("BAND", "2 1"), "UsageFault: BAND: no number is in '2 1'"),
        (("MAXREC", "x"), "UsageFault: MAXREC: 'x' is not a whole number"),
        (("RESPONSEFORMAT", "png"), "UsageFault: RESPONSEFORMAT: unknown format"),
    ],
)
def test_an_error_is_a_votable_with_its_class(
    image_server: Server, pair: tuple[str, str], message: str
) -> None:
    answer = ask(image_server, pair)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/x-votable+xml"
    (info,) = etree.fromstring(answer.content).iter("{*}INFO")
    assert (info.get("name"), info.get("value")) == ("QUERY_STATUS", "ERROR")
    assert str(info.text).startswith(message)


def test_pyvo_shows_the_error(
    image_server: Server, vo_session: requests.Session
) -> None:
    service = pyvo.dal.SIA2Service(f"{image_server.url}/sia2", session=vo_session)
    with pytest.raises(DALQueryError, match="UsageFault: TARGET: has the character"):
        service.search(target_name="M\t87")


def test_get_and_post(image_server: Server) -> None:
    pairs = {"POS": ["CIRCLE 83.6 22 1", "CIRCLE 228 -59 1"], "DPTYPE": "image"}
    url = f"{image_server.url}/sia2/query"
    got = httpx.get(url, params=pairs)
    assert httpx.post(url, data=pairs).content == got.content


def test_what_the_service_says_of_itself(image_server: Server) -> None:
    base = f"{image_server.url}/sia2"
    assert httpx.get(base, follow_redirects=True).url.path == "/sia2/capabilities"
    assert "<vosi:available>true<" in httpx.get(f"{base}/availability").text
    assert "<name>em_max</name>" in httpx.get(f"{base}/tables").text
    absent = httpx.get(f"{base}/metadata")
    assert absent.status_code == 404
    assert "there are query, capabilities" in absent.text
