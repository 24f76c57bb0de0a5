"""Tables that users keep, over HTTP, on both engines."""

from __future__ import annotations

import io
import os
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest
import pyvo
from astropy.io.votable import parse_single_table
from astropy.table import Table
from pyvo.auth import authsession
from tests.web.conftest import PROGRAM

from distiller.core.errors import Busy
from distiller.web.accounts.doorkeeper import Doorkeeper

if TYPE_CHECKING:
    import requests
    from tests.web.conftest import Server, StartServer

pytestmark = pytest.mark.slow

PASSWORD = "many words make a password"  # noqa: S105 - of accounts of tests


def add_user(server: Server, name: str) -> httpx.BasicAuth:
    """Make an account where there is none yet; return what logs in."""
    subprocess.run(
        [*PROGRAM, "--home", str(server.home), "user", "add", name],
        input=f"{PASSWORD}\n{PASSWORD}\n", text=True, check=False,
        capture_output=True, env=os.environ,
    )  # fmt: skip
    return httpx.BasicAuth(name, PASSWORD)


@pytest.fixture
def ann(each_server: Server) -> httpx.BasicAuth:
    return add_user(each_server, "ann")


@pytest.fixture
def bob(each_server: Server) -> httpx.BasicAuth:
    return add_user(each_server, "bob")


def sources(count: int = 2) -> bytes:
    """Return positions, the first near run 23559, with UCDs."""
    table = Table(
        {
            "RA": np.concatenate([[83.62], np.linspace(0, 359, count - 1)]),
            "Dec": np.concatenate([[22.52], np.full(count - 1, 80.0)]),
            "word": ["it's", *(["é"] * (count - 2)), ""],
            "v": np.arange(2 * count).reshape(count, 2),
        },
        units={"RA": "deg"},
    )
    table["RA"].meta["ucd"] = "pos.eq.ra;meta.main"
    out = io.BytesIO()
    table.write(out, format="votable", tabledata_format="binary2")
    text = out.getvalue()
    for name, ucd in (("RA", "pos.eq.ra;meta.main"), ("Dec", "pos.eq.dec;meta.main")):
        field = f'name="{name}"'.encode()
        if f'ucd="{ucd}"'.encode() not in text:
            text = text.replace(field, field + f' ucd="{ucd}"'.encode())
    return text


def url(server: Server, name: str = "") -> str:
    return f"{server.url}/tap/user_tables" + (f"/{name}" if name else "")


def rows(server: Server, adql: str, auth: httpx.BasicAuth) -> list[str]:
    answer = httpx.post(
        f"{server.url}/tap/sync",
        data={"LANG": "ADQL", "QUERY": adql, "FORMAT": "csv"},
        auth=auth,
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    return answer.text.splitlines()[1:]


def test_a_table_is_kept_queried_and_removed(
    each_server: Server, ann: httpx.BasicAuth
) -> None:
    there = url(each_server, "Mine")
    kept = httpx.put(there, content=sources(), auth=ann)
    assert (kept.status_code, kept.text) == (201, "Query this table as tap_user.mine\n")
    assert kept.headers["X-VO-Authenticated"] == "ann"
    joined = (
        "SELECT o.obs_id, m.word, m.v FROM tap_user.mine AS m JOIN ivoa.obscore AS o "
        "ON DISTANCE(m.ra, m.dec, o.s_ra, o.s_dec) < 0.2"
    )
    assert rows(each_server, joined, ann) == ["23559,it's,0 1"]

    listed = httpx.get(url(each_server), auth=ann)
    table = parse_single_table(io.BytesIO(listed.content)).to_table()
    assert table["table_name"].tolist() == ["tap_user.mine"]
    assert table["rows"].tolist() == [2]
    assert table["columns"].tolist() == [4]
    described = httpx.get(there, auth=ann).text
    assert "<ucd>pos.eq.ra;meta.main</ucd>" in described
    assert "<unit>deg</unit>" in described

    # In its place comes another, with other columns.
    again = httpx.put(there, content=b"x,word\n1,one\n2,\n", auth=ann)
    assert again.status_code == 200
    whole = "SELECT * FROM tap_user.mine ORDER BY x"
    assert rows(each_server, whole, ann) == ["1,one", "2,"]

    assert httpx.delete(there, auth=ann).status_code == 200
    gone = httpx.delete(there, auth=ann)
    assert gone.status_code == 404
    assert "you have no table mine" in gone.text


def test_nobody_else_sees_it(
    each_server: Server, ann: httpx.BasicAuth, bob: httpx.BasicAuth
) -> None:
    httpx.put(url(each_server, "secret_one"), content=sources(), auth=ann)
    own = httpx.get(f"{each_server.url}/tap/tables", auth=ann).text
    assert "tap_user.secret_one" in own
    for auth in (bob, None):
        tables = httpx.get(f"{each_server.url}/tap/tables", auth=auth)
        assert "secret_one" not in tables.text
        query = {"LANG": "ADQL", "QUERY": "SELECT * FROM tap_user.secret_one"}
        asked = httpx.get(f"{each_server.url}/tap/sync", params=query, auth=auth)
        assert asked.status_code == (400 if auth else 401)
        said = "there is no table" if auth else "seen by their owners only"
        assert said in asked.text
        one = httpx.get(f"{each_server.url}/tap/tables/tap_user.secret_one", auth=auth)
        assert one.status_code == 404
    names = each_server.rows("SELECT table_name FROM tap_schema.tables")
    assert not [name for name in names if "tap_user" in name]
    assert httpx.get(url(each_server, "secret_one"), auth=bob).status_code == 404
    # The same name is another table.
    httpx.put(url(each_server, "secret_one"), content=b"n\n7\n", auth=bob)
    whole = "SELECT COUNT(*) AS n FROM tap_user.secret_one"
    assert rows(each_server, whole, bob) == ["1"]
    assert rows(each_server, whole, ann) == ["2"]


def test_who_has_not_logged_in_is_told_so(each_server: Server) -> None:
    for method, there in (
        ("GET", url(each_server)),
        ("PUT", url(each_server, "t")),
        ("DELETE", url(each_server, "t")),
    ):
        answer = httpx.request(method, there, content=b"n\n1\n")
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
        assert "X-VO-Authenticated" not in answer.headers
        assert "log in, also with name and password" in answer.text
    wrong = httpx.get(url(each_server), auth=("nobody", "wrong"))
    assert wrong.status_code == 401
    assert "name or password of nobody is wrong" in wrong.text
    broken = httpx.get(url(each_server), headers={"Authorization": "Basic x"})
    assert broken.status_code == 401


def test_capabilities_offer_a_password_and_ask_for_none(
    each_server: Server, ann: httpx.BasicAuth
) -> None:
    there = f"{each_server.url}/tap/capabilities"
    answer = httpx.get(there)
    assert answer.status_code == 200
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    known = httpx.get(there, auth=ann)
    assert known.headers["X-VO-Authenticated"] == "ann"
    assert "WWW-Authenticate" not in known.headers


def test_pyvo_logs_in_and_queries_a_kept_table(
    each_server: Server, ann: httpx.BasicAuth, vo_session: requests.Session
) -> None:
    httpx.put(url(each_server, "py"), content=sources(), auth=ann)
    logged_in = authsession.AuthSession()
    logged_in.credentials.set_password("ann", PASSWORD)
    tap = pyvo.dal.TAPService(f"{each_server.url}/tap", session=logged_in)
    found = tap.run_sync("SELECT word FROM tap_user.py WHERE ra > 80")
    assert list(found["word"]) == ["it's"]
    anonymous = pyvo.dal.TAPService(f"{each_server.url}/tap", session=vo_session)
    assert len(anonymous.run_sync("SELECT TOP 1 obs_id FROM ivoa.obscore")) == 1


@pytest.mark.debian("stilts")
def test_stilts_logs_in_when_it_is_asked_to(
    each_server: Server, ann: httpx.BasicAuth
) -> None:
    httpx.put(url(each_server, "st"), content=sources(), auth=ann)
    # The program splits options of its own at blanks.
    options = f"-Dstar.basicauth.user=ann '-Dstar.basicauth.password={PASSWORD}'"
    done = subprocess.run(
        [
            "stilts", "tapquery", f"tapurl={each_server.url}/tap", "sync=true",
            "ofmt=csv",
            "adql=SELECT word FROM tap_user.st WHERE ra > 80",
        ],
        capture_output=True, text=True, check=False,
        env={**os.environ, "JAVA_TOOL_OPTIONS": options},
    )  # fmt: skip
    assert done.stdout.splitlines() == ["word", "it's"], done.stderr


def test_a_job_of_nobody_that_names_them_says_to_log_in(each_server: Server) -> None:
    answer = httpx.post(
        f"{each_server.url}/tap/async",
        data={"LANG": "ADQL", "QUERY": "SELECT * FROM tap_user.x", "PHASE": "RUN"},
        follow_redirects=True,
    )
    error = httpx.get(f"{answer.url}/error")
    for _ in range(100):
        if "log in" in error.text:
            break
        time.sleep(0.1)
        error = httpx.get(f"{answer.url}/error")
    assert "log in, also with name and password of HTTP" in error.text


def test_a_bad_table_changes_nothing(each_server: Server, ann: httpx.BasicAuth) -> None:
    httpx.put(url(each_server, "good"), content=b"n\n1\n", auth=ann)
    bad = httpx.put(url(each_server, "good"), content=b"<VOTABLE/>", auth=ann)
    assert bad.status_code == 400
    assert "good: there is no TABLE in the VOTable" in bad.text
    assert rows(each_server, "SELECT n FROM tap_user.good", ann) == ["1"]
    wrapped = httpx.put(url(each_server, "good"), files={"f": b"n\n2\n"}, auth=ann)
    assert wrapped.status_code == 400
    assert "Content-Type: multipart/form-data wraps the table" in wrapped.text
    assert rows(each_server, "SELECT n FROM tap_user.good", ann) == ["1"]
    twice = httpx.put(url(each_server, "good"), content=b"n,n\n3,4\n", auth=ann)
    assert twice.text.splitlines() == [
        "Query this table as tap_user.good",
        "the second column 'n' is called n_2",
    ]
    for name in ("select", "a-b", "1x"):
        assert httpx.put(url(each_server, name), auth=ann).status_code == 400


def test_the_quota_holds_for_each_user(start_server: StartServer) -> None:
    server = start_server(user_tables=2, user_tables_rows=5)
    ann = add_user(server, "ann")
    for name in ("a", "b"):
        assert httpx.put(url(server, name), content=b"n\n1\n2\n", auth=ann).is_success
    third = httpx.put(url(server, "c"), content=b"n\n1\n", auth=ann)
    assert third.status_code == 403
    assert "your tables would have 3 tables, and 2 are allowed" in third.text
    longer = httpx.put(url(server, "b"), content=b"n\n1\n2\n3\n4\n", auth=ann)
    assert "your tables would have 6 rows, and 5 are allowed" in longer.text
    assert rows(server, "SELECT COUNT(*) AS n FROM tap_user.b", ann) == ["2"]


def test_too_many_wrong_passwords_have_to_wait() -> None:
    now = [0.0]
    door = Doorkeeper(lambda: now[0])
    for _ in range(10):
        door.check("ann", "10.0.0.1")
        door.failed("ann", "10.0.0.1")
    with pytest.raises(Busy, match="too many wrong passwords for ann"):
        door.check("ann", "10.0.0.1")
    door.check("ann", "10.0.0.2")  # somebody elsewhere is not locked out by it
    now[0] = 301.0
    door.check("ann", "10.0.0.1")


def test_too_many_wrong_passwords_from_an_address_have_to_wait() -> None:
    now = [0.0]
    door = Doorkeeper(lambda: now[0])
    for number in range(30):
        door.check_address("10.0.0.1")
        door.failed(f"invented{number}", "10.0.0.1")
    with pytest.raises(Busy, match=r"too many wrong passwords from 10\.0\.0\.1"):
        door.check_address("10.0.0.1")
    door.check_address("10.0.0.2")
    now[0] = 301.0
    door.check_address("10.0.0.1")


def test_a_crowd_of_invented_names_does_not_keep_others_out(
    start_server: StartServer,
) -> None:
    server = start_server()
    ann = add_user(server, "ann")

    def guess(number: int) -> httpx.Response:
        wrong = (f"invented{number}", "wrong")
        return httpx.get(url(server), auth=wrong, timeout=120)

    with ThreadPoolExecutor(80) as pool:
        guesses = pool.map(guess, range(80))
        elsewhere = httpx.HTTPTransport(local_address="127.0.0.2")
        with httpx.Client(transport=elsewhere, auth=ann, timeout=120) as client:
            # Also several at once of one who is right.
            answers = pool.map(lambda _: client.get(url(server)), range(20))
            assert {answer.status_code for answer in answers} == {200}
        found = Counter(answer.status_code for answer in guesses)
    assert set(found) == {401, 503}
    assert found[401] <= 30
