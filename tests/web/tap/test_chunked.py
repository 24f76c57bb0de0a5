"""Forms with files in chunks, as Java clients send them, at once and as jobs."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.web.conftest import Server

_TABLE = b"""<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE>
<TABLE><FIELD name="a" datatype="int"/><DATA><TABLEDATA>
<TR><TD>7</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>
"""
_FORM = {
    "LANG": "ADQL",
    "QUERY": "SELECT a FROM TAP_UPLOAD.t",
    "RESPONSEFORMAT": "csv",
    "UPLOAD": "t,param:file",
}


def _sent(url: str, file: Path, form: dict[str, str], *more: str) -> str:
    """Send a form in chunks, without saying how long it is."""
    fields = [word for k, v in form.items() for word in ("-F", f"{k}={v}")]
    done = subprocess.run(
        ["curl", "-sS", "-H", "Transfer-Encoding: chunked", *more, *fields,
         "-F", f"file=@{file}", url],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "t.vot"
    path.write_bytes(_TABLE)
    return path


def test_a_query_with_a_table(server: Server, file: Path) -> None:
    assert _sent(f"{server.url}/tap/sync", file, _FORM).split() == ["a", "7"]


def test_a_job_with_a_table(server: Server, file: Path) -> None:
    form = {**_FORM, "PHASE": "RUN"}
    shown = ("-o", "/dev/null", "-w", "%{redirect_url}")
    job = _sent(f"{server.url}/tap/async", file, form, *shown)
    ended = httpx.get(job, params={"WAIT": "30"}, timeout=60)
    assert "COMPLETED" in ended.text, ended.text
    assert httpx.get(f"{job}/results/result").text.split() == ["a", "7"]
