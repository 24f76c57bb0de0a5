"""Pages over HTTP: what they say, and with which status."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

import httpx
import pytest
from astropy.io.votable import parse_single_table
from jsonschema import Draft202012Validator

from distiller.model import load_model
from distiller.model.emit import json_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.conftest import Server

CRAB = "ivo://org.example/test-dr1?23523"
NINE = "SELECT a.obs_id, b.s_ra FROM ivoa.obscore AS a, ivoa.obscore AS b"
MANY = f"{NINE}, ivoa.obscore AS c"


@pytest.fixture(scope="session")
def server(each_server: Server) -> Server:
    """Ask the shared server of each engine."""
    return each_server


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    """Ask the shared server."""
    with httpx.Client(base_url=server.url, timeout=30) as ready:
        yield ready


def _text(html: str) -> str:
    """Return what a person reads, blanks squeezed."""
    bare = re.sub(
        r"<(script|style)[\s\S]*?</\1>|<[^>]+>", " ", html.replace("<wbr>", "")
    )
    return " ".join(bare.replace("&#x27;", "'").replace("&quot;", '"').split())


def _get(client: httpx.Client, path: str, wanted: int = 200, **query: str) -> str:
    answer = client.get(path, params=query)
    assert answer.status_code == wanted, answer.text
    assert answer.headers["Content-Type"].startswith("text/html")
    return _text(answer.text)


def test_start_says_what_is_there(client: httpx.Client) -> None:
    text = _get(client, "/")
    assert "5 datasets" in text
    assert "test-dr1" in text
    assert "Examples: Crab Nebula" in text
    assert "Nothing has been made from these data yet." in text


def test_start_names_what_can_be_made(client: httpx.Client) -> None:
    text = _text(client.get("/").text)
    assert "make maps, a spectrum, a light curve or selected event lists" in text


def test_frame_of_every_page(client: httpx.Client) -> None:
    text = _get(client, "/help/")
    assert "Authority: org.example" in text
    assert re.search(r"CTA Data Distiller \d+\.\d+", text)
    assert "TeV" in text


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ({"target": "Crab"}, 3),
        ({"target": "83.63 22.01"}, 3),
        ({"target": "l 184.558 b -5.785"}, 3),
        ({"target": "MSH 15-52"}, 2),
        ({"target": "Crab", "pos": "pointing", "sr": "0.51"}, 3),
        ({"target": "Crab", "pos": "pointing", "sr": "0.47"}, 1),
        ({"ra": "83.63", "dec": "22.01", "sr": "0.1"}, 3),
        ({"obs_id": "23526"}, 1),
        ({"collection": "test-dr1"}, 5),
        ({"level": "DL4"}, 0),
        ({"dataproduct_subtype": "event-list"}, 5),
        ({"dataproduct_subtype": "flux-points"}, 0),
        ({"e_min": "101"}, 0),
        ({"e_max": "0.2"}, 5),
        ({"t_max": "1990-01-01"}, 0),
        ({"target_name": "MSH 15-52"}, 2),
        ({"target": "M 31"}, 0),
    ],
)
def test_searches(client: httpx.Client, query: dict[str, str], rows: int) -> None:
    text = _text(client.get("/search/", params=query).text)
    if rows == 0:
        assert "Nothing found" in text
    else:
        assert f" {rows} row" in text


def test_result_table_has_units_and_links(client: httpx.Client) -> None:
    html = client.get("/search/", params={"target": "Crab"}).text
    text = _text(html)
    assert "RA deg" in text
    assert re.search(r"Type (\S+ )?Subtype ", text)
    assert " event event-list DL3 " in text
    assert "Start UTC (MJD)" in text
    assert "E min TeV" in text
    assert "0.1000 100.0" in text
    assert "/obs/23523/?collection=test-dr1" in html
    assert f'name="obs" value="{CRAB}"' in html
    assert "position from the table of this site" in text


def test_facets_count_and_switch(client: httpx.Client) -> None:
    html = client.get("/search/", params={"sr": "1"}).text
    assert re.search(r"Crab Nebula</span><span class=\"n\">3<", html)
    assert "target_name=Crab+Nebula" in html
    chosen = client.get("/search/", params={"target_name": "Crab Nebula"}).text
    assert re.search(r"MSH 15-52</span><span class=\"n\">2<", chosen)
    assert 'aria-current="true"' in chosen


def test_sorting(client: httpx.Client) -> None:
    html = client.get("/search/", params={"target": "Crab", "sort": "-s_ra"}).text
    found = re.findall(r"/obs/(\d+)/", html)
    assert found == ["23523", "23559", "23526"]
    assert 'aria-sort="descending"' in html


def test_edited_query_is_paged_and_sorted(client: httpx.Client) -> None:
    first = _get(client, "/search/", adql=MANY)
    assert "125 rows; rows 1 to 50 are shown" in first
    last = _get(client, "/search/", adql=MANY, page="3")
    assert "rows 101 to 125 are shown" in last
    assert "page 3 of 3" in last
    beyond = _get(client, "/search/", adql=MANY, page="99", rows="100")
    assert "page 2 of 2" in beyond
    falling = client.get("/search/", params={"adql": MANY, "sort": "-obs_id"}).text
    assert "23559" in falling
    assert "20136" not in falling.partition("<tbody>")[2]


def test_top_of_the_query_holds_on_pages(client: httpx.Client) -> None:
    query = MANY.replace("SELECT", "SELECT TOP 60")
    assert "60 rows; rows 51 to 60" in _get(client, "/search/", adql=query, page="2")


def test_faults_of_a_query_are_listed(client: httpx.Client) -> None:
    text = _get(client, "/search/", 400, adql="SELECT s_raa, foo FROM ivoa.obscore")
    assert "The ADQL has 2 faults" in text
    assert "line 1, column 8 : there is no column s_raa (did you mean s_ra?)" in text
    assert "Mend the query above" in text


@pytest.mark.parametrize(
    "query", ["SELECT 1; SELECT 2", "SELECT pg_sleep(10) FROM ivoa.obscore"]
)
def test_hostile_queries_are_refused(client: httpx.Client, query: str) -> None:
    assert "The ADQL has" in _get(client, "/search/", 400, adql=query)


def test_unknown_target_says_what_to_do(client: httpx.Client) -> None:
    text = _get(client, "/search/", 404, target="Crap Nebula")
    assert "unknown target 'Crap Nebula': no position in the table of this site" in text
    assert "Did you mean Crab Nebula" in text
    assert "83.63 22.01" in text
    number = _get(client, "/search/", 404, target="23523")
    assert "There is an observation with this id: search observation 23523" in number


def test_impossible_position(client: httpx.Client) -> None:
    text = _get(client, "/search/", 400, target="400 95")
    assert "right ascension 400 deg is not in 0..360" in text


def test_wrong_field_keeps_what_was_typed(client: httpx.Client) -> None:
    answer = client.get("/search/", params={"ra": "400", "dec": "22"})
    assert answer.status_code == 400
    assert 'value="400"' in answer.text
    assert "must be from 0 to 360 deg" in answer.text


def test_twins(client: httpx.Client) -> None:
    query = {"target": "Crab", "sort": "obs_id"}
    table = parse_single_table(
        io.BytesIO(client.get("/search.vot", params=query).content)
    )
    assert list(table.array["obs_id"]) == ["23523", "23526", "23559"]
    assert table.get_field_by_id_or_name("s_ra").unit == "deg"
    text = client.get("/search.csv", params=query).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["obs_publisher_did"] for row in rows][0] == CRAB  # noqa: RUF015
    data = client.get("/search.json", params=query).json()
    assert data["status"] == "OK"
    units = {one["name"]: one.get("unit") for one in data["metadata"]}
    assert units["s_ra"] == "deg"
    assert [row[0] for row in data["data"]] == ["23523", "23526", "23559"]
    for suffix in ("tsv", "fits", "parquet"):
        file = client.get(f"/search.{suffix}", params=query)
        assert b"23559" in file.content
        name = f'attachment; filename="search.{suffix}"'
        assert file.headers["Content-Disposition"] == name
    adql = client.get("/search.adql", params=query)
    assert adql.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "CIRCLE(83.6331, 22.0145, 0.001)" in adql.text


def test_twins_say_errors_in_their_own_form(client: httpx.Client) -> None:
    query = {"target": "nowhere"}
    vot = client.get("/search.vot", params=query)
    assert vot.status_code == 404
    assert b'value="ERROR"' in vot.content
    data = client.get("/search.json", params=query)
    assert data.status_code == 404
    assert data.json()["code"] == "U310"
    for suffix in ("csv", "adql", "fits"):
        answer = client.get(f"/search.{suffix}", params=query)
        assert answer.status_code == 404
        assert answer.text.startswith("unknown target 'nowhere'")
    assert (
        "there are .vot, .csv, .tsv, .json, .fits, .parquet and .adql"
        in client.get("/search.pdf").text
    )


def test_dataset_page_is_grouped_as_the_model(client: httpx.Client) -> None:
    text = _get(client, "/obs/23523/", collection="test-dr1")
    for group in ("Collection", "Observation", "Target", "Product", "Files"):
        assert f" {group} " in text
    assert "n_events 7000" in text
    assert "livetime 1650.0 s" in text
    assert "Not recorded:" in text
    assert "calib_level" not in text  # ObsCore has it, from the level
    assert "/data/" in client.get("/obs/23523/").text


def _metadata(client: httpx.Client) -> httpx.Response:
    found = re.search(r'href="(/products/[^"]+/metadata.json)"', _page(client))
    assert found is not None
    return client.get(found[1])


def _page(client: httpx.Client) -> str:
    return client.get("/obs/23523/", params={"collection": "test-dr1"}).text


def test_metadata_of_a_dataset_are_objects_of_the_model(client: httpx.Client) -> None:
    answer = _metadata(client)
    assert answer.headers["Content-Type"] == "application/json"
    made = answer.json()
    schema = json_schema.schema(load_model())
    checker = Draft202012Validator.FORMAT_CHECKER
    Draft202012Validator(schema, format_checker=checker).validate(made)
    (observation,) = made["cta:Observation.Observation"]
    assert (observation["obsId"], observation["nEvents"]) == ("23523", 7000)
    (product,) = made["cta:Product.Product"]
    assert product["publisherDid"] == CRAB
    assert [file["role"] for file in product["files"]] == ["events"]
    unknown = client.get("/products/x/metadata.json")
    assert (unknown.status_code, "there is no product x" in unknown.text) == (404, True)


def test_paths_are_not_told(client: httpx.Client, server: Server) -> None:
    for text in (_page(client), _metadata(client).text):
        assert str(server.files["23523"].parent) not in text


def test_unknown_dataset(client: httpx.Client) -> None:
    text = _get(client, "/obs/1/", 404)
    assert "there is no observation 1 in the archive" in text
    text = _get(client, "/obs/23523/", 404, collection="other")
    assert "no observation 23523 of collection other" in text
    assert "It is in test-dr1." in text
    assert "there is no product x" in _get(client, "/products/x/", 404)


def test_download_page(client: httpx.Client) -> None:
    text = _get(client, "/search/download/", obs=CRAB)
    assert "Download 1 file" in text
    assert "curl -fgL --create-dirs -o test-dr1/23523/run_23523.fits http" in text
    missing = _get(client, "/search/download/", obs="ivo://org.example/x?1")
    assert "Not in the archive ivo://org.example/x?1" in missing
    assert "no dataset is chosen" in _get(client, "/search/download/", 400)


def test_task_form_is_filled_from_the_runs(client: httpx.Client) -> None:
    html = client.get("/jobs/new/count_map/", params={"obs": CRAB, "e_min": "2"}).text
    assert 'name="target" value="Crab Nebula"' in html
    assert 'name="e_min" value="2"' in html
    assert 'name="e_max" value="100"' in html
    assert 'name="width" value="5,5"' in html
    assert '<option value="TAN" selected>gnomonic (TAN)</option>' in html
    assert f'value="{CRAB}" checked' in html


def test_task_form_of_far_targets_asks_for_the_centre(client: httpx.Client) -> None:
    both = {"obs": ["23559", "20137"]}
    html = client.get("/jobs/new/count_map/", params=both).text
    assert 'name="target" value=""' in html
    assert 'name="ra" value=""' in html


def _token(client: httpx.Client, path: str) -> str:
    match = re.search(
        r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(path).text
    )
    assert match is not None
    return match[1]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"obs": "23523", "target": "Crab", "e_min": "5", "e_max": "1"},
            "5 TeV is not",
        ),
        ({"obs": "23523", "target": "Crab", "binsz": "x"}, "must be a number, not 'x'"),
        ({"obs": "23523", "target": "nowhere"}, "unknown target 'nowhere'"),
        ({"obs": "23523"}, "no centre; give target, or ra and dec"),
        ({"obs": "777", "target": "Crab"}, "not in the archive: 777"),
        ({"obs": "", "target": "Crab"}, "is required"),
    ],
)
def test_task_form_says_faults_at_their_field(
    client: httpx.Client, fields: dict[str, str], text: str
) -> None:
    token = _token(client, "/jobs/new/count_map/")
    answer = client.post(
        "/jobs/new/count_map/", data={**fields, "csrfmiddlewaretoken": token}
    )
    assert answer.status_code == 400
    assert "The job was not started" in answer.text
    assert text in _text(answer.text)
    assert 'aria-invalid="true"' in answer.text


def test_form_from_elsewhere_is_refused(server: Server) -> None:
    answer = httpx.post(f"{server.url}/jobs/new/count_map/", data={"obs": "23523"})
    assert answer.status_code == 403
    assert "not sent from a fresh page of this site" in answer.text


def test_errors_are_pages(client: httpx.Client) -> None:
    assert "There is no page /nothing/here" in _get(client, "/nothing/here", 404)
    unknown = _get(client, "/jobs/new/teleport/", 404)
    assert "no such task: 'teleport'" in unknown
    assert "There are: count_map" in unknown
    lost = _get(client, "/jobs/9b2f0c1e-0000-4000-8000-000000000000/", 404)
    assert "no such job" in lost


def test_only_own_things_are_loaded(client: httpx.Client) -> None:
    answer = client.get("/search/", params={"target": "Crab"})
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    loaded = re.findall(r'(?:src|<link[^>]+href)="([^"]+)"', answer.text)
    assert loaded
    assert all(address.startswith("/static/") for address in loaded)
    for address in loaded:
        assert client.get(address).status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("t_min", "abc", "write MJD or"),
        ("t_max", "30.07.2006", "write MJD or"),
        ("t_min", "2006", "an MJD must be from 10000"),
        ("e_min", "-1", "must be from 0"),
        ("e_max", "1,5", "is not a number (in TeV)"),
        ("sr", "nan", "is not a number (in deg)"),
        ("dec", "91", "must be from -90"),
        ("ra", "360", "must be from 0"),
        ("level", "DL9", "is not one of DL0"),
        ("pos", "sideways", "is footprint or pointing"),
    ],
)
def test_each_wrong_field_is_marked_alone(
    client: httpx.Client, field: str, value: str, words: str
) -> None:
    answer = client.get("/search/", params={field: value})
    assert answer.status_code == 400
    assert words in _text(answer.text)


def test_a_date_as_the_end_includes_its_day(client: httpx.Client) -> None:
    day = client.get("/search.csv", params={"obs_id": "23523"}).text.splitlines()[1]
    assert day.startswith("23523")
    # 23523 begins at MJD 53366.9: on 2004-12-27.
    both = {"obs_id": "23523", "t_min": "2004-12-27", "t_max": "2004-12-27"}
    assert " 1 row" in _text(client.get("/search/", params=both).text)
    before = {"obs_id": "23523", "t_max": "2004-12-26"}
    assert "Nothing found" in _text(client.get("/search/", params=before).text)
