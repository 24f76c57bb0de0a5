"""The control socket: who may, what it does, and every refusal."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.ingest.conftest import RunPlan

from distiller.archive import RemoteArchive, connect
from distiller.core.errors import BadParameter, IllegalState, UserError
from distiller.core.refusal import Refusal
from distiller.core.settings import load_settings
from distiller.web.control.server import listen

if TYPE_CHECKING:
    from tests.web.conftest import MakeBundle, Server, StartServer

pytestmark = pytest.mark.slow

PROGRAM = (sys.executable, "-m", "distiller")


def ask(server: Server, method: str, path: str, **given: Any) -> httpx.Response:
    transport = httpx.HTTPTransport(uds=str(server.settings.socket_path))
    with httpx.Client(transport=transport, base_url="http://control") as client:
        return client.request(method, path, **given)


def test_only_the_owner_of_the_home_may(server: Server) -> None:
    path = server.settings.socket_path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_health_says_who_answers(server: Server) -> None:
    said = ask(server, "GET", "/health").json()
    assert said["status"] == "ok"
    assert said["pid"] == server.process.pid
    assert said["home"] == str(server.home)
    assert said["version"]


def test_commands_for_another_database_are_refused(server: Server) -> None:
    """Else `check` would say of the served archive what was asked of another."""
    other = "postgresql://distiller:word@db.example.org/copy"
    assert server.settings.database_url is None
    asked = load_settings(server.home, database_url=other)
    with pytest.raises(IllegalState) as caught:
        connect(asked)
    assert f"has {server.home} open, and not the database copy" in caught.value.text
    assert "word" not in caught.value.text
    with connect(server.settings) as archive:
        assert archive.place == str(server.home)


def test_no_command_on_the_open_port(server: Server) -> None:
    for path in ("/health", "/bundle", "/query", "/remove", "/stored"):
        assert httpx.get(f"{server.url}{path}").status_code == 404


def test_datasets_go_in_and_out(
    start_server: StartServer, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    server = start_server()
    bundles = [make_bundle(n, tmp_path / f"run_{n}.fits") for n in ("101", "102")]
    count = "SELECT COUNT(*) FROM ivoa.obscore"
    with RemoteArchive(server.settings.socket_path) as archive:
        assert archive.answers()
        assert archive.store(bundles[0]) == "added"
        when = datetime(2026, 1, 2)
        refused = Refusal(
            "c", "/p", None, "D103", "m", None, "/", None, None, None, None, when, when
        )
        assert archive.store_many(bundles, [refused]) == ("unchanged", "added")
        assert archive.refusals() == [refused]
        assert archive.store_many([], (), [refused.refusal_id]) == ()
        assert archive.refusals() == []
        assert server.rows(count) == ["7"]
        held = archive.stored("test-dr1")
        assert held[bundles[1].publisher_did].checksum == bundles[1].checksum
        assert archive.remove(bundles[0].publisher_did)
        assert not archive.remove(bundles[0].publisher_did)
        assert server.rows(count) == ["6"]
        assert archive.check() == []
        assert archive.remove_unused() == 0
        names = {Path(file["path"]).name for file in archive.files()}
        assert {"run_102.fits", "run_23523.fits"} <= names


def test_what_was_refused_goes_over_the_socket(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server()
    folder = tmp_path / "refused"
    RunPlan(obs_id=7, gti=None).write(folder / "run.fits")
    ingest = (*PROGRAM, "--home", str(server.home), "ingest")
    first = subprocess.run(
        [*ingest, str(folder)], capture_output=True, text=True, check=False
    )
    assert first.returncode == 3, first.stderr
    with RemoteArchive(server.settings.socket_path) as archive:
        (one,) = archive.refusals()
        assert (one.code, one.collection, one.obs_id) == ("D104", "refused", None)
        assert archive.refusals("other") == []
        RunPlan(obs_id=7).write(folder / "run.fits")
        subprocess.run([*ingest, "--refused"], capture_output=True, check=True)
        assert archive.refusals() == []
        files = {Path(file["path"]): file for file in archive.files()}
        mine = files[folder / "run.fits"]
        assert mine["size"] == (folder / "run.fits").stat().st_size
        assert isinstance(mine["mtime"], datetime)
        rows = archive.rows(
            "SELECT obs_id, ingested FROM cta.product WHERE publisher_did = ?",
            [mine["publisher_did"]],
        )
        assert rows[0]["obs_id"] == "7"
        assert isinstance(rows[0]["ingested"], datetime)
        with pytest.raises(UserError):
            archive.rows("DELETE FROM cta.product")
    remove = (*PROGRAM, "--home", str(server.home), "remove", "--collection", "refused")
    done = subprocess.run(
        [*remove, "--reason", "a test", "--yes"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("removed: 1\n")


def test_query_is_the_document_itself(server: Server) -> None:
    with RemoteArchive(server.settings.socket_path) as archive:
        request = {
            "adql": "SELECT obs_id FROM ivoa.obscore ORDER BY obs_id",
            "format": "csv",
            "maxrec": 2,
        }
        told: list[str] = []
        assert b"".join(archive.query_document(request, told.append)) == (
            b"obs_id\r\n20136\r\n20137\r\n"
        )
        assert told == ["rows were cut at 2 by the MAXREC of this request"]
        with pytest.raises(UserError) as caught:
            list(archive.query_document({"adql": "SELECT x FROM ivoa.obscore"}))
    assert caught.value.text == "1:8 Q202 there is no column x"
    assert caught.value.code == "U200"


@pytest.mark.parametrize(
    ("method", "path", "given", "message"),
    [
        ("POST", "/bundle", {"content": b"{"}, "body: it is no bundle: "),
        ("POST", "/bundle", {"json": {"publisher_did": 1}}, "body: it is no bundle: "),
        ("POST", "/remove", {"content": b"x"}, "body: it is no JSON: "),
        ("POST", "/remove", {"json": [1]}, "body: it is no JSON object"),
        ("POST", "/remove", {"json": {}}, "publisher_did: missing"),
        ("POST", "/query", {"json": {"adql": " "}}, "adql: missing"),
        (
            "POST",
            "/query",
            {"json": {"adql": "SELECT 1", "maxrec": "x"}},
            "MAXREC: 'x' is not a whole number from 0 on",
        ),
        ("GET", "/stored", {}, "collection: missing"),
        ("POST", "/rows", {"json": {}}, "sql: missing"),
        ("POST", "/refusals", {"json": {"added": [{}]}}, "body: these are no refus"),
    ],
)
def test_refusals_have_the_one_shape(
    server: Server, method: str, path: str, given: dict[str, Any], message: str
) -> None:
    answer = ask(server, method, path, **given)
    assert answer.status_code == 400
    said = answer.json()
    assert set(said) == {"code", "message", "hint", "kind"}
    assert said["kind"] == "user"
    assert said["code"] == "U100"
    assert said["message"].startswith(message)


def test_a_bundle_that_the_archive_refuses(
    server: Server, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    rows = json.loads(make_bundle("103", tmp_path / "run_103.fits").to_json())
    rows["rows"]["cta.nothing"] = [{"a": 1}]
    answer = ask(server, "POST", "/bundle", content=json.dumps(rows).encode())
    assert answer.status_code >= 400
    assert "cta.nothing" in answer.json()["message"]
    assert server.rows("SELECT COUNT(*) FROM ivoa.obscore") == ["5"]


def test_socket_that_a_killed_server_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    listener = listen(path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    with pytest.raises(IllegalState) as caught:
        listen(path)
    assert caught.value.text == (
        f"another server has this home: it answers at {path} "
        "(stop it first, or choose another home with --home)"
    )
    listener.close()


def test_home_with_too_long_a_name(tmp_path: Path) -> None:
    with pytest.raises(BadParameter) as caught:
        listen(tmp_path / ("x" * 120) / "control.sock")
    assert "is too long for the address of a socket (107 bytes)" in caught.value.text
    assert "choose a home folder with a shorter name" in caught.value.text


def test_socket_is_gone_after_the_server(start_server: StartServer) -> None:
    server = start_server()
    assert server.settings.socket_path.exists()
    server.process.terminate()
    server.process.wait(20)
    assert not server.settings.socket_path.exists()


class TestQueryCommand:
    """``distiller query``, through the server and without one."""

    ADQL = "SELECT obs_id, s_ra FROM ivoa.obscore ORDER BY obs_id"

    def run(
        self, home: Path, *arguments: str, given: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "distiller",
                "--home",
                str(home),
                "query",
                *list(arguments),
            ],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def test_same_answer_with_and_without_a_server(
        self, start_server: StartServer
    ) -> None:
        server = start_server()
        served = self.run(server.home, self.ADQL, "--format", "csv")
        server.process.terminate()
        server.process.wait(20)
        alone = self.run(server.home, self.ADQL, "--format", "csv")
        assert served.returncode == alone.returncode == 0, served.stderr + alone.stderr
        assert served.stdout == alone.stdout
        assert served.stdout.splitlines()[:2] == ["obs_id,s_ra", "20136,228.3"]

    @pytest.mark.parametrize("form", ["json", "votable/b", "fits", "parquet"])
    def test_every_format_goes_through_the_socket(
        self, server: Server, tmp_path: Path, form: str
    ) -> None:
        file = tmp_path / "result"
        command = [*PROGRAM, "--home", str(server.home), "query", self.ADQL]
        with file.open("wb") as out:
            done = subprocess.run(
                [*command, "--format", form, "--maxrec", "2"],
                stdout=out,
                stderr=subprocess.PIPE,
                text=True,
                check=True,
                timeout=60,
            )
        assert done.stderr.startswith("distiller: rows were cut at 2")
        asked = {"RESPONSEFORMAT": form, "MAXREC": "2"}
        assert file.read_bytes() == server.ask(self.ADQL, **asked).content

    def test_a_terminal_gets_no_file(self, server: Server) -> None:
        ours, theirs = os.openpty()
        try:
            done = subprocess.run(
                [
                    *PROGRAM,
                    "--home",
                    str(server.home),
                    "query",
                    "x",
                    "--format",
                    "fits",
                ],
                stdout=theirs,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                timeout=60,
            )
        finally:
            os.close(ours)
            os.close(theirs)
        assert done.returncode == 1
        assert "--format: fits is not for a terminal (write it to a file: > " in (
            done.stderr
        )

    def test_query_from_the_standard_input(self, server: Server) -> None:
        done = self.run(
            server.home, "-", "--format", "tsv", "--maxrec", "1", given=self.ADQL
        )
        assert done.stdout == "obs_id\ts_ra\n20136\t228.3\n"

    def test_votable_is_the_default(self, server: Server) -> None:
        done = self.run(server.home, self.ADQL)
        assert done.stdout.startswith("<?xml")
        assert done.stdout.rstrip().endswith("</VOTABLE>")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (
                ["SELECT s_raa FROM ivoa.obscore"],
                (
                    "distiller: U200 1:8 Q202 there is no column s_raa "
                    "(did you mean s_ra?)"
                ),
            ),
            (
                ["SELECT 1", "--format", "xlsx"],
                "distiller: U100 RESPONSEFORMAT: unknown format 'xlsx'",
            ),
        ],
    )
    def test_refusals(self, server: Server, arguments: list[str], message: str) -> None:
        done = self.run(server.home, *arguments)
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.startswith(message)

    def test_home_without_an_archive(self, tmp_path: Path) -> None:
        done = self.run(tmp_path, self.ADQL)
        assert done.returncode == 1
        assert str(tmp_path) in done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "archive.duckdb").exists()

    def test_a_reader_that_has_enough_is_no_error(self, server: Server) -> None:
        columns = "tap_schema.columns"
        adql = f"SELECT a.*, b.* FROM {columns} a, {columns} b"
        command = (
            f"{sys.executable} -m distiller --home {server.home} query "
            f"'{adql}' --format csv | head -n 1"
        )
        done = subprocess.run(
            ["sh", "-c", command], capture_output=True, text=True, check=False
        )
        assert done.stdout.startswith("table_name,")
        assert done.stderr == ""

    def test_a_query_that_fails_on_the_way_is_a_failure(
        self, start_server: StartServer
    ) -> None:
        server = start_server(query_timeout_s=2.0)
        columns = "tap_schema.columns"
        rare = (
            f"SELECT a.column_name AS x FROM {columns} a, {columns} b, {columns} c, "
            f"{columns} d WHERE a.description || b.description || c.description || "
            "d.description LIKE '%olari%ation%'"
        )
        done = self.run(server.home, rare)
        assert done.returncode == 75
        assert 'name="QUERY_STATUS" value="ERROR"' in done.stdout
        assert done.stderr.startswith(
            "distiller: P200 the query was stopped: it ran longer than the limit of 2 s"
        )

    def test_rows_that_were_left_out_are_said(self, start_server: StartServer) -> None:
        server = start_server()
        arguments = (self.ADQL, "--format", "csv", "--maxrec", "2")
        served = self.run(server.home, *arguments)
        server.process.terminate()
        server.process.wait(20)
        alone = self.run(server.home, *arguments)
        assert served.stdout == alone.stdout
        assert len(served.stdout.splitlines()) == 3
        assert served.returncode == alone.returncode == 0
        said = "distiller: rows were cut at 2 by the MAXREC of this request\n"
        assert served.stderr == alone.stderr == said

    def test_bytes_that_are_no_text(self, server: Server) -> None:
        done = subprocess.run(
            [*PROGRAM, "--home", str(server.home), "query", "-"],
            input=b"SELECT \xff FROM ivoa.obscore",
            capture_output=True,
            check=False,
        )
        assert done.returncode == 1
        assert b"U200 1:8 Q103 the character U+FFFD is no part of ADQL" in done.stderr
