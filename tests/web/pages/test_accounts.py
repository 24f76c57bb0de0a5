"""Logging in and out, and whose job is whose."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.web.conftest import StartServer

PASSWORD = "a-long-passphrase-7"  # noqa: S105 - of the accounts of these tests  # noqa: S105 - of a test


def _user(
    home: Path, *arguments: str, said: str = ""
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "distiller", "--home", str(home), "user"]
    return subprocess.run(
        [*command, *arguments],
        input=said,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "120"},
    )


def _log_in(client: httpx.Client, name: str, password: str) -> httpx.Response:
    page = client.get("/accounts/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token is not None
    fields = {
        "username": name,
        "password": password,
        "csrfmiddlewaretoken": token[1],
        "next": "/jobs/",
    }
    return client.post("/accounts/login/", data=fields)


@pytest.mark.slow
def test_who_guesses_passwords_has_to_wait(start_server: StartServer) -> None:
    server = start_server()
    added = _user(server.home, "add", "ada", said=f"{PASSWORD}\n{PASSWORD}\n")
    assert added.returncode == 0, added.stderr
    with httpx.Client(base_url=server.url, timeout=60) as client:
        for number in range(10):
            guessed = _log_in(client, "ada", f"guess {number}")
            assert "correct username and password" in guessed.text
        refused = _log_in(client, "ada", PASSWORD)
        assert refused.status_code == 200
        assert "too many wrong passwords for ada" in refused.text
        # Programs meet the same door.
        asked = client.get("/tap/user_tables", auth=("ada", PASSWORD))
        assert asked.status_code == 503
        assert "too many wrong passwords for ada" in asked.text


@pytest.mark.slow
def test_log_in_and_own_jobs(start_server: StartServer) -> None:
    server = start_server()
    for name in ("ada", "bo"):
        added = _user(server.home, "add", name, said=f"{PASSWORD}\n{PASSWORD}\n")
        assert added.returncode == 0, added.stderr
    with (
        httpx.Client(base_url=server.url) as ada,
        httpx.Client(base_url=server.url) as bo,
    ):
        wrong = _log_in(ada, "ada", "guess")
        assert wrong.status_code == 200
        assert "correct username and password" in wrong.text
        entered = _log_in(ada, "ada", PASSWORD)
        assert (entered.status_code, entered.headers["Location"]) == (302, "/jobs/")
        assert "Log out" in ada.get("/").text
        assert _log_in(bo, "bo", PASSWORD).status_code == 302
        made = ada.post(
            "/jobs/new/count_map/",
            data={
                "obs": "23523",
                "target": "Crab",
                "csrfmiddlewaretoken": ada.cookies["csrftoken"],
            },
        )
        assert made.status_code == 302
        address = made.headers["Location"]
        assert ada.get(address).status_code == 200
        assert ada.get(f"{address}delete/").status_code == 200
        for place in ("", "delete/", "abort/"):
            refused = bo.get(f"{address}{place}")
            assert refused.status_code == 403
            assert "belongs to somebody else" in refused.text
        assert address not in bo.get("/jobs/").text
        assert address in ada.get("/jobs/").text
        ada.post(
            "/accounts/logout/",
            data={"csrfmiddlewaretoken": ada.cookies["csrftoken"]},
        )
        assert "Log in" in ada.get("/").text


@pytest.mark.slow
def test_accounts_on_the_command_line(tmp_path: Path) -> None:
    home = tmp_path / "home"
    lost = _user(home, "list")
    assert lost.returncode == 1
    assert "no home folder" in lost.stderr
    home.mkdir()
    made = _user(home, "add", "ada", "--admin", "--email", "a@x.org", "--generate")
    assert made.returncode == 0, made.stderr
    first = re.search(r"password: (\S{16})", made.stdout)
    assert first is not None
    twice = _user(home, "add", "ada", "--generate")
    assert twice.returncode == 1
    assert "already exists" in twice.stderr
    bad = _user(home, "add", "a b", "--generate")
    assert "username: Enter a valid username" in bad.stderr
    weak = _user(home, "add", "bo", said="12345678\n12345678\n")
    assert weak.returncode == 1
    assert "too common" in weak.stderr
    changed = _user(home, "password", "ada", "--generate")
    assert changed.returncode == 0
    assert first[1] not in changed.stdout
    unknown = _user(home, "password", "zoe", "--generate")
    assert "no such user: zoe (list them with `distiller user list`)" in unknown.stderr
    for address in ("ada", "a@x.org, b@x.org", "a@x.org\nBcc: b@x.org"):
        odd = _user(home, "email", "ada", address)
        assert odd.returncode == 1
        assert "email: Enter a valid email address." in odd.stderr
    lost = _user(home, "email", "zoe", "z@x.org")
    assert "no such user: zoe" in lost.stderr
    moved = _user(home, "email", "ada", "ada@y.org")
    assert moved.stdout == "mail for ada goes to ada@y.org\n"
    assert "ada@y.org" in _user(home, "list").stdout
    assert _user(home, "email", "ada").stdout == "mail for ada goes to nobody\n"
    assert "@" not in _user(home, "list").stdout
    assert _user(home, "email", "ada", "a@x.org").returncode == 0
    joined = _user(home, "group", "ada", "hess")
    assert joined.stdout == "ada is in hess\n"
    stranger = _user(home, "group", "ada", "magic", "--leave")
    assert "ada is no member of magic" in stranger.stderr
    listed = _user(home, "list")
    assert "hess" in listed.stdout
    assert re.search(r"ada\s+a@x.org\s+administrator\s+hess\s+yes", listed.stdout)
    assert "bo " not in listed.stdout
