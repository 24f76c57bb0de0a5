"""UPLOAD over HTTP, on both engines."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest
import pyvo
from astropy.io.votable import parse_single_table
from astropy.table import Table
from tests.web.conftest import PROGRAM
from tests.web.tap.sent_tables import NEAR, error_of, send, sources, votable

from distiller.queries import uploads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import requests
    from tests.web.conftest import Server, StartServer

pytestmark = pytest.mark.slow


def test_a_table_is_joined_in_the_region_of_a_run(each_server: Server) -> None:
    answer = send(each_server, NEAR, {"mine": votable(sources())})
    assert answer.text.splitlines() == [
        "obs_id,ra,dec,name",
        "23559,83.62,22.52,a<b & ü",
    ]


@pytest.mark.parametrize(
    "condition",
    [
        "1=CONTAINS(POINT(o.s_ra, o.s_dec), CIRCLE(u.ra, u.dec, 0.2))",
        "1=CONTAINS(POINT(u.ra, u.dec), CIRCLE(o.s_ra, o.s_dec, 0.2))",
        "DISTANCE(POINT(u.ra, u.dec), POINT(o.s_ra, o.s_dec)) < 0.2",
    ],
)
def test_every_way_to_cross_match(each_server: Server, condition: str) -> None:
    adql = (
        "SELECT o.obs_id FROM TAP_UPLOAD.mine AS u "
        f"JOIN ivoa.obscore AS o ON {condition}"
    )
    assert send(each_server, adql, {"mine": votable(sources())}).text.split() == [
        "obs_id",
        "23559",
    ]


def test_a_point_in_the_region_of_a_run(each_server: Server) -> None:
    adql = (
        "SELECT u.name, o.obs_id FROM TAP_UPLOAD.mine AS u JOIN ivoa.obscore AS o "
        "ON 1=CONTAINS(POINT(u.ra, u.dec), o.s_region) ORDER BY o.obs_id"
    )
    rows = send(each_server, adql, {"mine": votable(sources())}).text.splitlines()
    assert rows[1:] == [f"a<b & ü,{run}" for run in ("23523", "23526", "23559")]


def test_two_tables_are_joined_and_metadata_come_back(each_server: Server) -> None:
    one = Table({"id": [1, 2, 3], "flux": np.array([0.5, np.nan, 2.5], "f4")})
    one["flux"].unit = "Jy"
    one["flux"].meta["ucd"] = "phot.flux"
    one["flux"].description = "at 1 GHz"
    two = Table({"ID": [3, 2, 9], "word": ["three", "", "nine"]})
    answer = send(
        each_server,
        "SELECT a.id, flux AS f, word FROM TAP_UPLOAD.one AS a "
        "JOIN tap_upload.Two AS b ON a.id = b.id ORDER BY a.id",
        {"one": votable(one, "binary2"), "Two": votable(two, "binary")},
        RESPONSEFORMAT="votable",
    )
    found = parse_single_table(io.BytesIO(answer.content))
    flux = found.get_field_by_id_or_name("f")
    assert (flux.unit.to_string(), flux.description) == ("Jy", "at 1 GHz")
    assert flux.datatype == "float"
    rows = found.to_table()
    assert list(rows["id"]) == [2, 3]
    assert rows["f"][1] == 2.5
    assert np.isnan(np.ma.filled(rows["f"], np.nan)[0])
    assert rows["word"][1] == "three"


def test_pyvo_uploads_a_table(
    each_server: Server, vo_session: requests.Session
) -> None:
    tap = pyvo.dal.TAPService(f"{each_server.url}/tap", session=vo_session)
    result = tap.run_sync(NEAR, uploads={"mine": sources(200)})
    assert list(result["obs_id"]) == ["23559"]
    assert str(result["name"][0]) == "a<b & ü"


@pytest.mark.debian("stilts")
def test_stilts_uploads_a_table(each_server: Server, tmp_path: Path) -> None:
    path = tmp_path / "t.fits"
    sources(50)["ra", "dec"].write(path)
    for serialization in ("TABLEDATA", "BINARY", "BINARY2"):
        found = subprocess.run(
            [
                "stilts", "-Dvotable.version=1.3", "tapquery",
                f"tapurl={each_server.url}/tap", "sync=true", "nupload=1",
                f"upload1={path}", "ufmt1=fits", "upname1=mine",
                f"upvotformat={serialization}", f"adql={NEAR}", "ofmt=csv",
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert found.stdout.splitlines()[1:] == ["23559,83.62,22.52"], found.stderr


def test_curl_sends_any_format(each_server: Server, tmp_path: Path) -> None:
    table = sources()["ra", "dec"]
    table.write(tmp_path / "t.fits")
    table.write(tmp_path / "t.parquet", format="parquet.votable", metadata={
        "ra": {"unit": "deg", "ucd": "pos.eq.ra", "utype": "", "description": "RA"},
        "dec": {"unit": "deg", "ucd": "", "utype": "", "description": ""},
    })  # fmt: skip
    table.write(tmp_path / "t.csv", format="ascii.csv")
    for name in ("t.fits", "t.parquet", "t.csv"):
        found = subprocess.run(
            [
                "curl", "-s", f"{each_server.url}/tap/sync", "-F", "LANG=ADQL",
                "-F", f"QUERY={NEAR}", "-F", "FORMAT=csv",
                "-F", "UPLOAD=mine,param:file", "-F", f"file=@{tmp_path / name}",
            ],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert found.stdout.splitlines()[1:] == ["23559,83.62,22.52"]


def test_the_command_sends_tables_to_the_server(
    each_server: Server, tmp_path: Path
) -> None:
    (tmp_path / "t.vot").write_bytes(votable(sources()))

    def query(upload: str) -> subprocess.CompletedProcess[str]:
        home = ["--home", str(each_server.home)]
        words = ["query", NEAR, "--format", "csv", "--upload", upload]
        return subprocess.run(
            [*PROGRAM, *home, *words], capture_output=True, text=True, check=False
        )

    found = query(f"mine={tmp_path / 't.vot'}")
    assert found.stdout.splitlines()[1:] == ["23559,83.62,22.52,a<b & ü"], found.stderr
    missing = query("mine=/nowhere/t.vot")
    assert "mine: its file cannot be read: No such file" in missing.stderr
    assert "/nowhere" not in missing.stderr
    assert "'mine' is no NAME=FILE" in query("mine").stderr


def test_no_other_query_sees_a_table(each_server: Server) -> None:
    def ask(number: int) -> str:
        table = Table({"n": np.full(2000, number)})
        adql = "SELECT COUNT(*) AS k, MIN(n) AS a, MAX(n) AS b FROM TAP_UPLOAD.t"
        return send(each_server, adql, {"t": votable(table)}).text.splitlines()[1]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(24)))
    assert found == [f"2000,{n},{n}" for n in range(24)]
    for name in ("tap_upload.t", "upload_1"):
        answer = each_server.ask(f"SELECT * FROM {name}")
        assert f"there is no table {name}" in error_of(answer)


def test_an_empty_table_has_its_columns(each_server: Server) -> None:
    empty = Table({"ra": np.zeros(0), "word": np.zeros(0, "U3")})
    adql = "SELECT COUNT(*) AS n, COUNT(word) AS k FROM TAP_UPLOAD.t"
    for form in ("tabledata", "binary2", "binary"):
        answer = send(each_server, adql, {"t": votable(empty, form)})
        assert answer.text.splitlines() == ["n,k", "0,0"]


def test_tables_that_the_query_does_not_name_are_not_read(server: Server) -> None:
    files = {"t": votable(sources()), "other": b"\0 not a table"}
    answer = send(
        server, "SELECT ra FROM TAP_UPLOAD.t", files, RESPONSEFORMAT="votable/td"
    )
    assert "other: not read, since the query does not name it" in answer.text
    assert answer.text.count("<TR>") == 2


def test_shapes_and_times_can_be_used(each_server: Server) -> None:
    document = b"""<VOTABLE version="1.4"><RESOURCE><TABLE>
      <FIELD name="pos" datatype="double" arraysize="2" xtype="point"/>
      <FIELD name="disc" datatype="double" arraysize="3" xtype="circle"/>
      <FIELD name="seen" datatype="char" arraysize="*" xtype="timestamp"/>
      <FIELD name="s_region" datatype="char" arraysize="*" xtype="adql:REGION"/>
      <FIELD name="hist" datatype="int" arraysize="3"/>
      <DATA><TABLEDATA>
      <TR><TD>1 2</TD><TD>1 2 3</TD><TD>2026-01-02T03:04:05Z</TD>
       <TD>Circle ICRS 1 2 3</TD><TD>1 2 3</TD></TR>
      <TR><TD>100 2</TD><TD>100 2 3</TD><TD>2020-01-01</TD>
       <TD>POLYGON ICRS 99 1 101 1 101 3</TD><TD>4 5 6</TD></TR>
      <TR><TD/><TD/><TD/><TD/><TD/></TR>
      </TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"""
    for condition, expected in (
        ("DISTANCE(pos, POINT(1, 2.5)) < 1", "1"),
        ("1=CONTAINS(pos, CIRCLE(100, 2, 1))", "100"),
        ("1=CONTAINS(POINT(100, 4), disc)", "100"),
        ("1=CONTAINS(POINT(1, 2), s_region)", "1"),
        ("1=INTERSECTS(s_region, disc) AND COORD1(pos) > 50", "100"),
        ("seen > CAST('2025-01-01' AS TIMESTAMP)", "1"),
    ):
        adql = f"SELECT COORD1(pos) AS x FROM TAP_UPLOAD.t WHERE {condition}"
        answer = send(each_server, adql, {"t": document})
        assert answer.text.splitlines() == ["x", expected], (condition, answer.text)
    answer = send(
        each_server, "SELECT * FROM TAP_UPLOAD.t ORDER BY seen", {"t": document},
        RESPONSEFORMAT="votable/td",
    )  # fmt: skip
    found = parse_single_table(io.BytesIO(answer.content))
    assert [(f.name, f.xtype) for f in found.fields][:4] == [
        ("pos", "point"),
        ("disc", "circle"),
        ("seen", "timestamp"),
        ("s_region", "adql:REGION"),
    ]
    assert found.array["hist"][0].tolist() == [4, 5, 6]


def test_names_that_are_no_regular_ones(each_server: Server) -> None:
    document = b"""<VOTABLE version="1.4"><RESOURCE><TABLE>
      <FIELD name="B-V" datatype="float"/><FIELD name="order" datatype="int"/>
      <FIELD name="RA" datatype="int"/><FIELD name="ra" datatype="int"/>
      <FIELD name='quo"te' datatype="int"/><FIELD name="%s" datatype="int"/>
      <DATA><TABLEDATA><TR><TD>1.5</TD><TD>2</TD><TD>3</TD><TD>4</TD><TD>5</TD>
      <TD>6</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"""
    document = document.replace(b"%s", b"long " * 20)
    adql = (
        'SELECT t."B-V" AS a, "order", ra, RA_2, "quo""te", b.* '
        'FROM TAP_UPLOAD.t, (SELECT "order" AS o, "B-V" FROM TAP_UPLOAD.t) AS b'
    )
    answer = send(each_server, adql, {"t": document}, RESPONSEFORMAT="votable/td")
    found = parse_single_table(io.BytesIO(answer.content), verify="ignore")
    assert list(found.array.tolist()[0]) == [1.5, 2, 3, 4, 5, 2, 1.5]
    assert "t: the second column 'ra' is called ra_2" in answer.text
    star = send(each_server, "SELECT * FROM TAP_UPLOAD.t", {"t": document})
    assert star.text.splitlines()[1] == "1.5,2,3,4,5,6"


@pytest.mark.parametrize(
    ("upload", "files", "message"),
    [
        (
            "t,param:other", {"t": b"x"},
            "UPLOAD: t: the request has no file 'other' (send it as a part of that",
        ),
        ("t,param:t", {"t": b""}, "UPLOAD: t: it is empty"),
        ("t,param:t", {"t": b"<html/>"}, "it is no VOTable: it begins with &lt;ht"),
        ("t,param:t", {"t": b"\xe9,b\n1,2\n"}, "UPLOAD: t: it is not UTF-8 at line 1"),
        ("t,param:t", {"t": b"\x89PNG\r\n\x1a\n\0"}, "t: it is an image (PNG), which"),
        ("t,param:t", {"t": b"<VOTABLE><RES"}, "UPLOAD: t: it is no well-formed XML"),
        ("select,param:t", {"t": b"x"}, "UPLOAD: 'select' is a reserved word"),
        ("a b,param:t", {"t": b"x"}, "UPLOAD: 'a b' is no name of a table"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_upload_is_said(
    server: Server, upload: str, files: dict[str, bytes], message: str
) -> None:
    answer = send(server, "SELECT * FROM TAP_UPLOAD.t", files, UPLOAD=upload)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/x-votable+xml"
    assert message in error_of(answer)


def test_capabilities_say_how_tables_are_taken(
    server: Server, vo_session: requests.Session
) -> None:
    tap = pyvo.dal.TAPService(f"{server.url}/tap", session=vo_session)
    assert {m.ivo_id for m in tap.upload_methods} == {
        f"ivo://ivoa.net/std/TAPRegExt#upload-{m}" for m in ("inline", "http", "https")
    }
    text = httpx.get(f"{server.url}/tap/capabilities").text
    assert '<hard unit="row">1000000</hard>' in text


def test_what_is_too_large_is_refused_at_once(start_server: StartServer) -> None:
    server = start_server(upload_mb=1, upload_rows=100)
    many = votable(Table({"n": np.arange(101)}))
    said = error_of(send(server, "SELECT * FROM TAP_UPLOAD.t", {"t": many}))
    assert "it has more than the 100 rows that are allowed" in said
    large = b" " * 3_000_000
    answer = send(server, "SELECT * FROM TAP_UPLOAD.t", {"t": large})
    assert answer.status_code == 413
    assert "more than the 1 MB that are allowed" in error_of(answer)
    by_browser = httpx.post(
        f"{server.url}/tables/", content=large, headers={"Accept": "text/html,*/*"}
    )
    assert by_browser.status_code == 413
    assert by_browser.text.startswith("request: it has more than the 1 MB")
    assert "(take fewer columns or rows, or ask the operators: " in by_browser.text

    def in_chunks() -> Iterator[bytes]:
        while True:
            yield b" " * 2**16

    # No length is said: the end of patience comes on the way.
    found = subprocess.run(
        [
            "curl", "-s", "-m", "20", "-T", "-", "-X", "POST",
            "-H", "Content-Type: multipart/form-data; boundary=x",
            f"{server.url}/tap/sync",
        ],
        input=b"--x\r\n" + b" " * 5_000_000,
        capture_output=True, check=False,
    )  # fmt: skip
    assert b"more than the 1 MB that are allowed" in found.stdout
    assert server.rows("SELECT COUNT(*) AS n FROM ivoa.obscore") == ["5"]


def test_what_a_killed_server_left_goes_after_a_day(start_server: StartServer) -> None:
    server = start_server()
    left = server.settings.uploads_path
    packed = gzip.compress(votable(sources(20_000)))
    stop = threading.Event()

    def upload() -> None:
        while not stop.is_set():
            with contextlib.suppress(httpx.HTTPError):
                send(server, "SELECT * FROM TAP_UPLOAD.t", {"t": packed})

    threads = [threading.Thread(target=upload) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(2000):
        if any(left.iterdir()):
            break
        time.sleep(0.005)
    server.process.kill()
    server.process.wait()
    stop.set()
    for thread in threads:
        thread.join()
    young = set(left.iterdir())  # as far as the kill has left any
    old = left / "certainly"
    old.write_bytes(b"left")
    os.utime(old, (time.time() - 90_000,) * 2)
    (left / "of a runner").write_bytes(b"read just now")
    uploads.sweep(server.settings)
    assert set(left.iterdir()) == {*young, left / "of a runner"}
    send_again = send(start_server(), NEAR, {"mine": votable(sources())})
    assert send_again.text.splitlines()[1] == "23559,83.62,22.52,a<b & ü"
