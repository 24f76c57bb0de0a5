"""What is fetched by its URL: from whom, and what is left when it fails."""

from __future__ import annotations

import io
import socket
from typing import TYPE_CHECKING

import pytest

from distiller.core.errors import TimedOut, UserError
from distiller.core.settings import load_settings
from distiller.queries import fetch
from distiller.queries.tables import Limits

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = Limits(10**6, 10)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "224.0.0.1",
        "0.0.0.1", "255.255.255.255", "::", "::1", "fec0::1", "fe80::1", "fd00::1",
        "64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "::ffff:0:127.0.0.1", "::127.0.0.1",
        "::ffff:127.0.0.1", "5f00::1", "2001::1", "2001:20::1", "2001:db8::1",
        "3fff::1", "2002:7f00:1::", "2002:a00:1::1", "ff0e::1", "4000::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not fetch.is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "::ffff:8.8.8.8", "2606:4700::1111", "2002:808:808::1"]
)
def test_addresses_that_are_public(address: str) -> None:
    assert fetch.is_public(address)


@pytest.mark.parametrize("port", [0, 22, 25, 81, 1023])
def test_ports_of_other_services_are_not_asked(tmp_path: Path, port: int) -> None:
    settings = load_settings(tmp_path, upload_url_private=True)
    url = f"http://127.0.0.1:{port}/t.vot"
    with pytest.raises(UserError, match=f"port {port} is not asked"):
        fetch.fetch(url, io.BytesIO(), settings, LIMITS, fetch.Patience(5))


def test_the_server_does_not_ask_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = load_settings(tmp_path, base_url="https://8.8.8.8")
    with pytest.raises(UserError, match="an address of this machine"):
        fetch.fetch(
            "http://8.8.8.8:8000/", io.BytesIO(), published, LIMITS, fetch.Patience(5)
        )
    # A machine of which each address is public.
    monkeypatch.setattr(fetch, "is_public", lambda _: True)
    behind = load_settings(tmp_path, base_url="https://192.0.2.1")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(UserError, match="an address of this machine"):
            fetch.fetch(url, io.BytesIO(), behind, LIMITS, fetch.Patience(5))


def test_a_connection_is_closed_when_the_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(tmp_path, upload_url_private=True)
    asked: list[str] = []

    def left(_: object, host: str) -> float:
        asked.append(host)
        if len(asked) > 1:
            message = "once it is connected"
            raise TimedOut(message)
        return 5.0

    monkeypatch.setattr(fetch.Patience, "left", left)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(TimedOut) as raised:
            fetch.fetch(url, io.BytesIO(), settings, LIMITS, fetch.Patience(5))
        there, _ = listener.accept()
        with there:
            there.settimeout(5)
            assert there.recv(1) == b"", raised  # which still holds the frames
