"""What the service says of itself, and that it is true."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import httpx
import pytest
import pyvo
from lxml import etree
from pyvo.io.vosi import parse_availability

from distiller.web.tap.description import features

if TYPE_CHECKING:
    import requests
    from tests.web.conftest import Server

_PROBES = {
    "AREA": "AREA(CIRCLE(1, 2, 3))",
    "BOX": "BOX(s_ra, s_dec, 1, 2)",
    "CENTROID": "CENTROID(s_region)",
    "CIRCLE": "CIRCLE(1, 2, 3)",
    "COORD1": "COORD1(POINT(1, 2))",
    "COORD2": "COORD2(POINT(1, 2))",
    "COORDSYS": "COORDSYS(POINT(1, 2))",
    "DISTANCE": "DISTANCE(POINT(1, 2), POINT(s_ra, s_dec))",
    "POINT": "POINT(s_ra, s_dec)",
    "POLYGON": "POLYGON(1, 2, 3, 4, 5, 0)",
    "REGION": "REGION('CIRCLE ICRS 1 2 3')",
    "LOWER": "LOWER(obs_id)",
    "UPPER": "UPPER(obs_id)",
    "CAST": "CAST(s_ra AS REAL)",
    "COALESCE": "COALESCE(s_ra, 0)",
    "IN_UNIT": "IN_UNIT(s_ra, 'rad')",
    "gavo_specconv": "gavo_specconv(em_min, 'm', 'TeV')",
    "ivo_nocasematch": "ivo_nocasematch(obs_id, 'a%')",
    "ivo_hasword": "ivo_hasword(obs_title, 'crab')",
    "ivo_hashlist_has": "ivo_hashlist_has(o_ucd, 'em')",
    "ivo_interval_overlaps": "ivo_interval_overlaps(t_min, t_max, 1, 2)",
    "ivo_to_jd": "ivo_to_jd(obs_creation_date)",
    "ivo_to_mjd": "ivo_to_mjd(obs_creation_date)",
    "ivo_healpix_index": "ivo_healpix_index(5, s_ra, s_dec)",
    "ivo_healpix_center": "ivo_healpix_center(5, 7)",
    "ivo_epoch_prop_pos": "ivo_epoch_prop_pos(s_ra, s_dec, 1, 2, 3, 4, 2000, 2020)",
    "ivo_geom_transform": "ivo_geom_transform('ICRS', 'GALACTIC', s_region)",
    "ivo_simbadpoint": "ivo_simbadpoint('Crab')",
    "ivo_hms_to_degrees": "ivo_hms_to_degrees(obs_title)",
    "ivo_dms_to_degrees": "ivo_dms_to_degrees(obs_title)",
    "ivo_normal_random": "ivo_normal_random(s_ra, 2)",
    "ivo_string_agg": "ivo_string_agg(obs_id, ' ')",
    "cta_tmoc": "cta_tmoc('31/7 41/5')",
    "cta_tmoc_between": "cta_tmoc_between(t_min, t_max)",
    "cta_tmoc_contains": "cta_tmoc_contains('41/5', cta_tmoc_between(t_min, t_max))",
    "cta_tmoc_duration": "cta_tmoc_duration(cta_tmoc_between(t_min, t_max))",
    "cta_tmoc_has": "cta_tmoc_has(cta_tmoc_between(t_min, t_max), 59000)",
    "cta_tmoc_intersection": "cta_tmoc_intersection('31/7', '41/5')",
    "cta_tmoc_intersects": "cta_tmoc_intersects('31/7', '41/5')",
    "cta_tmoc_union": "cta_tmoc_union('31/7', '41/5')",
    "ivo_histogram": "ivo_histogram(s_ra, 0, 360, 9)",
}
_CONDITIONS = {
    "CONTAINS": "1=CONTAINS(POINT(s_ra, s_dec), CIRCLE(1, 2, 3))",
    "INTERSECTS": "1=INTERSECTS(s_region, CIRCLE(1, 2, 3))",
    "ILIKE": "obs_id ILIKE 'a%'",
}
_ONE = "SELECT obs_id FROM ivoa.obscore"
_WHOLE = {
    "UNION": f"{_ONE} UNION {_ONE}",
    "EXCEPT": f"{_ONE} EXCEPT {_ONE}",
    "INTERSECT": f"{_ONE} INTERSECT {_ONE}",
    "WITH": f"WITH a AS ({_ONE}) SELECT obs_id FROM a",
    "OFFSET": f"{_ONE} ORDER BY obs_id OFFSET 1",
}


def _query(form: str) -> str:
    name = form.partition("(")[0]
    if name in _PROBES:
        return f"SELECT {_PROBES[name]} AS x FROM ivoa.obscore"
    if name in _CONDITIONS:
        return f"{_ONE} WHERE {_CONDITIONS[name]}"
    return _WHOLE[name]


@pytest.mark.slow
@pytest.mark.parametrize(
    "form", ["COALESCE", *(f.form for listed in features().values() for f in listed)]
)
def test_every_feature_that_is_named_works(server: Server, form: str) -> None:
    answer = server.ask(_query(form), RESPONSEFORMAT="csv")
    assert answer.status_code == 200, answer.text


def test_capabilities(server: Server, vo_session: requests.Session) -> None:
    service = pyvo.dal.TAPService(f"{server.url}/tap", session=vo_session)
    assert service.maxrec == server.settings.query_rows_default
    assert service.hardlimit == server.settings.query_rows_max
    text = httpx.get(f"{server.url}/tap/capabilities").text
    assert text.count('standardID="ivo://ivoa.net/std/TAP"') == 1
    assert text.count("<dataModel") == 1
    assert f">{server.url}/tap</accessURL>" in text
    assert "/async" not in text


def test_limits_of_jobs(server: Server) -> None:
    root = etree.fromstring(httpx.get(f"{server.url}/tap/capabilities").content)
    found = {
        name: tuple(int(child.text or "") for child in limits)
        for name in ("retentionPeriod", "executionDuration")
        for limits in root.iter(name)
    }
    assert found == {
        "retentionPeriod": (30 * 86400, 30 * 86400),
        "executionDuration": (600, 7200),
    }


def test_base_address_leads_to_the_capabilities(server: Server) -> None:
    answer = httpx.get(f"{server.url}/tap", follow_redirects=True)
    assert answer.url.path == "/tap/capabilities"
    assert answer.headers["content-type"] == "text/xml"


def test_availability(server: Server) -> None:
    answer = httpx.get(f"{server.url}/tap/availability")
    assert parse_availability(io.BytesIO(answer.content)).available


def test_tables_with_little_and_with_all_detail(server: Server) -> None:
    url = f"{server.url}/tap/tables"
    whole, least = httpx.get(url), httpx.get(url, params={"detail": "min"})
    assert len(least.content) < len(whole.content) / 5
    for name in ("ivoa.obscore", "cta.observation", "tap_schema.columns"):
        assert f"<name>{name}</name>" in whole.text
        assert f"<name>{name}</name>" in least.text
    one = httpx.get(f"{url}/ivoa.obscore").text
    assert "<name>s_region</name>" in one
    assert "<name>cta.gti</name>" not in one


def test_wrong_questions_about_tables(server: Server) -> None:
    wrong = httpx.get(f"{server.url}/tap/tables", params={"detail": "some"})
    assert wrong.status_code == 400
    assert "DETAIL: unknown 'some' (there are min and max)" in wrong.text
    absent = httpx.get(f"{server.url}/tap/tables/cta.nothing")
    assert absent.status_code == 404
    assert "no table 'cta.nothing' (/tap/tables lists the tables)" in absent.text
