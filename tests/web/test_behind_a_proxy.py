"""The site behind the proxy of the documentation: its very configuration, and nginx."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.support.ports import free_port
from tests.web.conftest import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.conftest import Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.debian("nginx-light"),
]

_PAGE = Path(__file__).parents[2] / "docs" / "howto" / "operate.md"
_NAME = "archive.example.org"
_PASSWORD = "a word that nobody else knows"  # noqa: S105 - of an account of this test
_OPENSSL = "openssl req -x509 -newkey rsa:2048 -nodes -days 2"


def _documented(changes: dict[str, str]) -> str:
    """Return the documented server of nginx with other places in it."""
    found = re.search(
        r"```nginx\n(.*?)```", _PAGE.read_text(encoding="utf-8"), re.DOTALL
    )
    assert found is not None
    text = found[1]
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def _wait_for(port: int) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            httpx.get(f"https://127.0.0.1:{port}/", verify=False)  # noqa: S501 - our own
        except httpx.TransportError:
            assert time.monotonic() < until, "nginx does not answer"
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="module")
def proxied(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Server, httpx.Client]]:
    """Give a server, and a client that reaches it through nginx by HTTPS."""
    folder = tmp_path_factory.mktemp("nginx")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    made = [*_OPENSSL.split(), "-subj", f"/CN={_NAME}"]
    made += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True)
    port = free_port()
    with serving(base_url=f"https://{_NAME}:{port}") as server:
        site = _documented(
            {
                "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
                "/etc/ssl/archive.example.org.pem": str(certificate),
                "/etc/ssl/archive.example.org.key": str(key),
                "http://127.0.0.1:8000": server.url,
            }
        )
        own = "client_body_temp proxy_temp fastcgi_temp uwsgi_temp scgi_temp"
        places = "".join(f"{name}_path {folder}/{name};" for name in own.split())
        configuration = folder / "nginx.conf"
        configuration.write_text(
            f"daemon off; pid {folder}/pid; error_log {folder}/log;"
            f"events {{}} http {{ access_log off; {places} {site} }}",
            encoding="utf-8",
        )
        nginx = subprocess.Popen(
            ["/usr/sbin/nginx", "-e", str(folder / "log"), "-c", str(configuration)]
        )
        try:
            _wait_for(port)
            with httpx.Client(
                base_url=f"https://127.0.0.1:{port}",
                headers={"Host": f"{_NAME}:{port}"},
                verify=False,  # noqa: S501 - the certificate is of this test
                timeout=30,
            ) as client:
                yield server, client
        finally:
            nginx.terminate()
            nginx.wait(20)


def test_addresses_are_those_that_users_reach(
    proxied: tuple[Server, httpx.Client],
) -> None:
    server, client = proxied
    capabilities = client.get("/tap/capabilities").text
    assert f"{server.settings.base_url}/tap" in capabilities
    assert server.url not in capabilities
    found = client.get(
        "/tap/sync",
        params={
            "LANG": "ADQL",
            "RESPONSEFORMAT": "csv",
            "QUERY": "SELECT access_url FROM ivoa.obscore WHERE obs_id = '23523'",
        },
    ).text.split()
    assert found[1].startswith(f"{server.settings.base_url}/data/")
    file = client.get(found[1].removeprefix(server.settings.base_url))
    assert file.content == server.files["23523"].read_bytes()


def test_who_logs_in_has_a_cookie_for_https_alone(
    proxied: tuple[Server, httpx.Client],
) -> None:
    server, client = proxied
    program = ["-m", "distiller", "--home", str(server.home), "user", "add", "maria"]
    subprocess.run(
        [sys.executable, *program],
        input=f"{_PASSWORD}\n{_PASSWORD}\n",
        text=True,
        check=True,
        capture_output=True,
    )
    page = client.get("/accounts/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token is not None
    fields = {
        "csrfmiddlewaretoken": token[1],
        "username": "maria",
        "password": _PASSWORD,
    }
    own = {"Origin": server.settings.base_url, "Referer": server.settings.base_url}
    strange = {"Origin": "https://evil.example.org"}
    assert (
        client.post("/accounts/login/", data=fields, headers=strange).status_code == 403
    )
    answer = client.post("/accounts/login/", data=fields, headers=own)
    assert answer.status_code == 302, answer.text
    cookies = [c for c in answer.headers.get_list("set-cookie") if "sessionid" in c]
    assert len(cookies) == 1
    assert "Secure" in cookies[0]
    assert "HttpOnly" in cookies[0]
    assert "maria" in client.get("/").text


def test_strange_hosts_are_refused(proxied: tuple[Server, httpx.Client]) -> None:
    _, client = proxied
    assert client.get("/", headers={"Host": "evil.example.org"}).status_code == 400


def test_visitors_do_not_see_the_jobs_of_others(
    proxied: tuple[Server, httpx.Client],
) -> None:
    _, client = proxied
    client.cookies.clear()
    made = client.post("/uws/count_map", data={"obs": "23523", "target": "83.6 22"})
    assert made.status_code == 303, made.text
    assert client.get(made.headers["location"].split("/", 3)[3]).status_code == 200
    listed = client.get("/uws/count_map")
    assert listed.status_code == 200
    assert "jobref" not in listed.text
