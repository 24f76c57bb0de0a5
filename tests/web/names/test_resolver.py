"""Names: own table, targets of the archive, Sesame."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import unquote

import pytest

from distiller.core.errors import BadParameter, Unreachable
from distiller.web.names import UnknownTarget, UnresolvedTarget, resolve, sesame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.core.settings import Settings

KNOWN = """<?xml version="1.0" encoding="UTF-8"?>
<Sesame><Target option="SNV"><name>Betelgeuse</name>
<Resolver name="S=Simbad (CDS, via client/server)"><otype>s*r</otype>
<jpos>05:55:10.30 +07:24:25.4</jpos><jradeg>88.79293899</jradeg>
<jdedeg>7.40706400</jdedeg><oname>*   alf Ori</oname></Resolver>
</Target></Sesame>"""
UNKNOWN = """<?xml version="1.0"?><Sesame><Target option="SNV"><name>x</name>
<Resolver name="S=Simbad"><INFO>*** Nothing found *** </INFO></Resolver>
</Target></Sesame>"""


class _Sesame(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        name = unquote(self.path.partition("?")[2])
        self.asked.append(name)
        if name == "broken":
            body = b"<Sesame><Target>"
        else:
            body = (KNOWN if name.lower() == "betelgeuse" else UNKNOWN).encode()
        self.send_response(503 if name == "ill" else 200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture(scope="module")
def sesame_url() -> Iterator[str]:
    """Address of a server that speaks Sesame's protocol."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Sesame)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/nph-sesame"
    server.shutdown()
    thread.join()
    server.server_close()


def _with(settings: Settings, url: str) -> Settings:
    changes = {"resolver_url": url, "resolver_timeout_s": 2.0}
    return settings.model_copy(update=changes)


def test_known_names_need_no_network(tmp_home: Settings) -> None:
    target = resolve(" crab ", tmp_home)
    assert (target.name, target.origin) == ("Crab Nebula", "table")
    assert (target.ra_deg, target.dec_deg) == (83.6331, 22.0145)
    assert "table of this site" in target.note


def test_position_is_taken_as_it_is(tmp_home: Settings) -> None:
    target = resolve("l 184.558 b -5.785", tmp_home)
    assert target.origin == "position"
    assert target.note == "galactic position"
    assert round(target.ra_deg, 2) == 83.63


def test_targets_of_the_archive_come_before_sesame(tmp_home: Settings) -> None:
    asked = []

    def look(name: str) -> tuple[str, float, float] | None:
        asked.append(name)
        return ("Field 7", 10.0, -20.0) if name == "field 7" else None

    target = resolve("field 7", tmp_home, look)
    assert (target.name, target.ra_deg, target.dec_deg) == ("Field 7", 10.0, -20.0)
    assert target.origin == "archive"
    assert asked == ["field 7"]
    with pytest.raises(UnknownTarget, match="or among the targets of the archive"):
        resolve("field 8", tmp_home, look)


def test_sesame_answers_and_is_asked_once(tmp_home: Settings, sesame_url: str) -> None:
    settings = _with(tmp_home, sesame_url)
    _Sesame.asked.clear()
    first = resolve("Betelgeuse", settings)
    assert resolve("betelgeuse ", settings) == first
    assert _Sesame.asked == ["Betelgeuse"]
    assert (first.name, first.origin) == ("* alf Ori", "sesame")
    assert first.ra_deg == 88.79293899
    assert first.note == "position from Simbad through Sesame"


def test_unknown_everywhere(tmp_home: Settings, sesame_url: str) -> None:
    with pytest.raises(UnknownTarget) as caught:
        resolve("Mrk 4211", _with(tmp_home, sesame_url))
    assert caught.value.close[0] == "Mrk 421"
    assert caught.value.text.startswith(
        "unknown target 'Mrk 4211': no position in the table of this site, and Sesame"
    )
    assert "did you mean Mrk 421" in caught.value.text
    assert "83.63 22.01" in caught.value.text


def test_sesame_switched_off(tmp_home: Settings) -> None:
    with pytest.raises(UnknownTarget, match="Sesame is switched off here"):
        resolve("Betelgeuse", tmp_home)


@pytest.mark.parametrize(
    ("name", "trouble"),
    [("ill", "did not answer within 2 s"), ("broken", "cannot be read")],
)
def test_sesame_in_trouble_is_passing(
    tmp_home: Settings, sesame_url: str, name: str, trouble: str
) -> None:
    with pytest.raises(UnresolvedTarget) as caught:
        resolve(name, _with(tmp_home, sesame_url))
    assert caught.value.message.startswith(f"{name!r} was not found: no position in")
    assert trouble in caught.value.text
    assert "give a position such as 83.63 22.01, or try again" in caught.value.text


def test_nobody_listens() -> None:
    with pytest.raises(Unreachable, match="did not answer within 1 s"):
        sesame.ask("x", "http://127.0.0.1:9/", 1)


@pytest.mark.parametrize("text", ["", "   ", "x" * 201])
def test_empty_and_endless(tmp_home: Settings, text: str) -> None:
    with pytest.raises(BadParameter, match="1 to 200 characters"):
        resolve(text, tmp_home)
