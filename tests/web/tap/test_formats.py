"""Every format over HTTP: its name, what it holds, and how it says OVERFLOW."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from typing import TYPE_CHECKING, Any

import httpx
import pyarrow.parquet as pq
import pytest
from astropy.io import fits, votable
from astropy.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.web.conftest import Server

ALL = "SELECT obs_id, s_ra, t_exptime, calib_level FROM ivoa.obscore ORDER BY obs_id"
IDS = ["20136", "20137", "23523", "23526", "23559"]
NAMES = ["obs_id", "s_ra", "t_exptime", "calib_level"]
CUT = "rows were cut at 2 by the MAXREC of this request"


@pytest.fixture(scope="session")
def server(each_server: Server) -> Server:
    """Ask the shared server of each engine."""
    return each_server


def _votable(content: bytes) -> tuple[list[str], list[str]]:
    table = votable.parse(io.BytesIO(content), verify="exception").get_first_table()
    return [f.name for f in table.fields], [str(v) for v in table.array["obs_id"]]


def _lines(separator: str) -> Callable[[bytes], tuple[list[str], list[str]]]:
    def read(content: bytes) -> tuple[list[str], list[str]]:
        lines = csv.reader(io.StringIO(content.decode()), delimiter=separator)
        names, *rows = lines
        return names, [row[0] for row in rows]

    return read


def _json(content: bytes) -> tuple[list[str], list[str]]:
    found = json.loads(content)
    return [c["name"] for c in found["metadata"]], [row[0] for row in found["data"]]


def _fits(content: bytes) -> tuple[list[str], list[str]]:
    table = Table.read(io.BytesIO(content), format="fits")
    return table.colnames, [str(v) for v in table["obs_id"]]


def _parquet(content: bytes) -> tuple[list[str], list[str]]:
    table = pq.read_table(io.BytesIO(content))
    return table.column_names, [str(v) for v in table["obs_id"].to_pylist()]


FORMS: dict[str, tuple[str, Callable[[bytes], tuple[list[str], list[str]]]]] = {
    "votable": ("application/x-votable+xml", _votable),
    "votable/b2": ("application/x-votable+xml", _votable),
    "votable/td": ("application/x-votable+xml;serialization=tabledata", _votable),
    "votable/b": ("application/x-votable+xml;serialization=binary", _votable),
    "csv": ("text/csv;header=present;charset=utf-8", _lines(",")),
    "tsv": ("text/tab-separated-values;charset=utf-8", _lines("\t")),
    "json": ("application/json", _json),
    "fits": ("application/fits", _fits),
    "parquet": ("application/vnd.apache.parquet", _parquet),
}
SPOOLED = {"fits", "parquet"}


def overflow_of(form: str, content: bytes) -> tuple[str, str | None]:
    """Return how a document says that it ended, and why rows lack."""
    if form == "json":
        found = json.loads(content)
        return found["status"], found.get("message")
    if form == "fits":
        with fits.open(io.BytesIO(content)) as units:
            header = units[1].header
            return header["QSTATUS"], header.get("QMESSAGE")
    if form == "parquet":
        said = pq.read_metadata(io.BytesIO(content)).metadata or {}
        told = said.get(b"QUERY_MESSAGE")
        return said[b"QUERY_STATUS"].decode(), told.decode() if told else None
    *_, (value, _, message) = re.findall(
        r'<INFO name="QUERY_STATUS" value="(\w+)"(/>|>(.*?)</INFO>)', content.decode()
    )
    return value, message or None


@pytest.mark.parametrize("form", FORMS)
def test_rows_and_names(server: Server, form: str) -> None:
    media_type, read = FORMS[form]
    answer = server.ask(ALL, RESPONSEFORMAT=form)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert read(answer.content) == (NAMES, IDS)
    assert answer.headers["x-query-row-limit"] == "10000000"
    if form not in {"csv", "tsv"}:
        assert overflow_of(form, answer.content) == ("OK", None)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("maxrec", [0, 2])
def test_overflow(server: Server, form: str, maxrec: int) -> None:
    _, read = FORMS[form]
    answer = server.ask(ALL, RESPONSEFORMAT=form, MAXREC=str(maxrec))
    assert answer.status_code == 200
    assert read(answer.content) == (NAMES, IDS[:maxrec])
    assert answer.headers["x-query-row-limit"] == str(maxrec)
    if form in {"csv", "tsv"}:
        assert answer.content.count(b"\n") == maxrec + 1
    else:
        said = CUT.replace("2", str(maxrec))
        assert overflow_of(form, answer.content) == ("OVERFLOW", said)
    # Others have it where the answer was complete before it began.
    assert answer.headers.get("x-query-status", "OVERFLOW") == "OVERFLOW"
    assert "x-query-status" in answer.headers or form not in SPOOLED


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_no_rows(server: Server, form: str) -> None:
    _, read = FORMS[form]
    answer = server.ask(
        "SELECT obs_id, s_ra, t_exptime, calib_level FROM ivoa.obscore WHERE s_ra < 0",
        RESPONSEFORMAT=form,
    )
    assert answer.status_code == 200
    assert read(answer.content) == (NAMES, [])


@pytest.mark.parametrize("form", FORMS)
def test_a_refused_query_is_the_same_votable(server: Server, form: str) -> None:
    answer = server.ask("SELECT s_raa FROM ivoa.obscore", RESPONSEFORMAT=form)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/x-votable+xml"
    assert "did you mean s_ra?" in answer.text


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_head_runs_nothing_and_says_the_same(server: Server, form: str) -> None:
    fields = {"LANG": "ADQL", "QUERY": ALL, "RESPONSEFORMAT": form}
    answer = httpx.head(f"{server.url}/tap/sync", params=fields)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == FORMS[form][0]
    assert answer.headers["x-query-row-limit"] == "10000000"
    assert "content-length" not in answer.headers
    assert "x-query-status" not in answer.headers
    fields["QUERY"] = "SELECT s_raa FROM ivoa.obscore"
    assert httpx.head(f"{server.url}/tap/sync", params=fields).status_code == 400


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("accepted", ["gzip", "identity", "gzip;q=0, *"])
def test_compression(server: Server, form: str, accepted: str) -> None:
    with httpx.stream(
        "GET",
        f"{server.url}/tap/sync",
        params={"LANG": "ADQL", "QUERY": ALL, "RESPONSEFORMAT": form},
        headers={"Accept-Encoding": accepted},
    ) as answer:
        content = b"".join(answer.iter_raw())
    packed = accepted == "gzip" and form != "parquet"
    assert answer.headers.get("content-encoding") == ("gzip" if packed else None)
    assert "Accept-Encoding" in answer.headers["vary"]
    if packed:
        content = gzip.decompress(content)
    assert FORMS[form][1](content) == (NAMES, IDS)
    if form in SPOOLED and not packed:
        assert answer.headers["content-length"] == str(len(content))


@pytest.mark.parametrize("form", sorted(SPOOLED))
def test_files_are_saved_under_a_name(server: Server, form: str) -> None:
    said = server.ask(ALL, RESPONSEFORMAT=form).headers["content-disposition"]
    assert said == f'attachment; filename="result.{form}"'


@pytest.mark.parametrize(
    "asked",
    ["application/fits", "application/vnd.apache.parquet", "application/json",
     "application/x-votable+xml; serialization=binary"],
)  # fmt: skip
def test_media_types_may_be_asked_for(server: Server, asked: str) -> None:
    answer = server.ask(ALL, RESPONSEFORMAT=asked)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == asked


def test_a_region_and_an_instant_in_every_format(server: Server) -> None:
    adql = "SELECT obs_id, s_region, obs_creation_date FROM ivoa.obscore ORDER BY 1"
    seen: dict[str, list[Any]] = {}
    seen["json"] = server.ask(adql, RESPONSEFORMAT="json").json()["data"]
    table = Table.read(
        io.BytesIO(server.ask(adql, RESPONSEFORMAT="fits").content), format="fits"
    )
    seen["fits"] = [[str(cell) for cell in row] for row in table]
    rows = pq.read_table(io.BytesIO(server.ask(adql, RESPONSEFORMAT="parquet").content))
    seen["parquet"] = [list(row.values()) for row in rows.to_pylist()]
    text = server.ask(adql, RESPONSEFORMAT="csv").text
    seen["csv"] = list(csv.reader(io.StringIO(text)))[1:]
    assert seen["json"] == seen["fits"] == seen["parquet"] == seen["csv"]
    assert seen["json"][2][1].startswith("CIRCLE ")
