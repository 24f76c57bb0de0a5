"""Every stage of taplint, on both engines: what it says is in the documentation."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.web.conftest import Server

pytestmark = [pytest.mark.slow, pytest.mark.debian("stilts")]

_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "validators.md"
_FAILURES = {"F-LOC-NOTP"}
_NEEDS = {"QAS": "async", "UWS": "async", "UPL": "uploads"}
"""What the service has to have for a stage."""

_REPORT = re.compile(r"^([EWIFS]-\w{3}-\w{4})-(?:\d+|x)\s+(.*)$", re.MULTILINE)
_SHARE = re.compile(r"(\d+)/(\d+)")


def stages(has: set[str]) -> list[str]:
    """Return every stage that taplint has, but those that need what is not there."""
    told = subprocess.run(
        ["stilts", "taplint", "help=stages"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    known = re.findall(r"^\s+\* (\w{3}): ", told, re.MULTILINE)
    assert len(known) >= 16
    return [stage for stage in known if _NEEDS.get(stage, "") in {"", *has}]


def abilities(url: str) -> set[str]:
    """Return what a TAP service says that it has, beyond queries at once."""
    has = set()
    if httpx.get(f"{url}/async").status_code != 404:
        has.add("async")
    if "<uploadMethod" in httpx.get(f"{url}/capabilities").text:
        has.add("uploads")
    return has


def test_taplint(each_server: Server) -> None:
    url = f"{each_server.url}/tap"
    wanted = stages(abilities(url))
    done = subprocess.run(
        ["stilts", "taplint", f"tapurl={url}", f"stages={' '.join(wanted)}",
         "maxrepeat=50"],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )  # fmt: skip
    reports = _REPORT.findall(done.stdout)
    complaints = [line for line in reports if line[0][0] in "EWF"]
    assert [c for c in complaints if c[0] not in _FAILURES] == []
    assert Counter(code for code, _ in complaints) == Counter(_FAILURES)
    ran = re.findall(r"^Section (\w+):", done.stdout, re.MULTILINE)
    assert sorted(ran) == sorted(wanted)
    summaries = [line for line in reports if line[0].startswith("S-")]
    page = _PAGE.read_text(encoding="utf-8")
    assert [code for code, _ in summaries if f"`{code}`" not in page] == []
    for code, said in summaries:
        if code.endswith(("-QNUM", "-XVAL")):
            for worked, tried in _SHARE.findall(said):
                assert worked == tried, (code, said)
        if code.endswith("-VALI"):
            assert said == "SAX report: warnings 0, errors 0, fatal 0"
    told = dict(summaries)
    assert told["S-TME-SUMM"] == told["S-TMS-SUMM"]
    assert "columns: 30/30 required" in told["S-OBS-COLS"]
    assert told["S-OBS-COLS"].endswith("0 custom")
