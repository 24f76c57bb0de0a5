"""Documents of the services that run, against schemas and with votlint."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest
from lxml import etree

from distiller.analysis.tasks import TASKS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.schemas import Validate
    from tests.web.conftest import Server

pytestmark = [pytest.mark.slow, pytest.mark.debian("stilts")]

_TABLES = {
    "/tap/sync": {
        "LANG": "ADQL",
        "QUERY": "SELECT * FROM ivoa.obscore ORDER BY obs_publisher_did",
    },
    "/scs": {"RA": "83.6", "DEC": "22", "SR": "180", "VERB": "3"},
    "/sia2/query": {"POS": "CIRCLE 83.6 22 180"},
}
_WRONG = {
    "/tap/sync": {"LANG": "ADQL", "QUERY": "SELECT nothing FROM nowhere"},
    "/scs": {"RA": "83.6"},
    "/sia2/query": {"BAND": "blue"},
}


@pytest.mark.parametrize("service", ["tap", "scs", "sia2"])
@pytest.mark.parametrize(
    "child", ["capabilities", "availability", "tables", "tables?detail=min"]
)
def test_vosi(
    image_server: Server, validate: Validate, service: str, child: str
) -> None:
    answer = httpx.get(f"{image_server.url}/{service}/{child}")
    assert answer.status_code == 200
    validate(answer.content)


@pytest.mark.parametrize("child", ["capabilities", "availability"])
def test_vosi_of_jobs(image_server: Server, validate: Validate, child: str) -> None:
    answer = httpx.get(f"{image_server.url}/uws/{child}")
    assert answer.status_code == 200
    validate(answer.content)


def test_every_address_in_the_capabilities_answers(image_server: Server) -> None:
    for service, fewest in {"tap": 4, "scs": 4, "sia2": 4, "uws": 3}.items():
        document = httpx.get(f"{image_server.url}/{service}/capabilities").content
        urls = {str(e.text) for e in etree.fromstring(document).iter("accessURL")}
        assert len(urls) >= fewest
        for url in urls:
            answer = httpx.get(url, follow_redirects=True)
            assert answer.status_code == 200, url


def test_every_table_of_the_set_has_a_document_of_its_own(
    image_server: Server, validate: Validate
) -> None:
    url = f"{image_server.url}/tap/tables"
    root = etree.fromstring(httpx.get(url, params={"detail": "min"}).content)
    names = [str(name.text) for name in root.iterfind("schema/table/name")]
    assert len(names) > 50
    for name in ("ivoa.obscore", "tap_schema.columns", names[0], names[-1]):
        one = httpx.get(f"{url}/{name}")
        validate(one.content)
        assert etree.fromstring(one.content).findtext("name") == name


@pytest.mark.parametrize("name", sorted(TASKS))
def test_votlint_of_a_descriptor(
    image_server: Server, name: str, tmp_path: Path
) -> None:
    answer = httpx.get(f"{image_server.url}/uws/{name}/descriptor")
    _votlint(answer.content, tmp_path)


@pytest.mark.parametrize("wrong", [False, True], ids=["rows", "error"])
@pytest.mark.parametrize("path", list(_TABLES))
def test_votlint(image_server: Server, path: str, wrong: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a case
    parameters = (_WRONG if wrong else _TABLES)[path]
    answer = httpx.get(f"{image_server.url}{path}", params=parameters)
    assert (b"<TABLE" in answer.content) is not wrong
    _votlint(answer.content, tmp_path)


def _votlint(content: bytes, tmp_path: Path) -> None:
    document = tmp_path / "answer.vot"
    document.write_bytes(content)
    done = subprocess.run(
        ["stilts", "votlint", f"votable={document}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
