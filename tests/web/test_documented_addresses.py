"""Addresses of the documentation lead to something on a server that runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.web.conftest import Server

_ROOT = Path(__file__).parents[2]
_SERVICES = "accounts|adql|data|help|jobs|obs|products|schema|scs|search|sia2|tap|uws"
_ADDRESS = re.compile(
    rf"(?:`|127\.0\.0\.1:8000)(/(?:{_SERVICES})(?:[/?.](?:<\w+>|[^\s`\"')>])*)?)"
)
_NAMES = {
    "<task>": "count_map",
    "<name>": "ivoa.obscore",
    "NAME": "history-of-a-product",
}
_OF_ONE = ("<id>", "0b5ff3b6-")
"""Marks of addresses of a job or product of the reader's own."""


def _pages() -> list[Path]:
    docs = _ROOT / "docs"
    folders = ("howto", "reference", "explain")
    pages = [page for name in folders for page in sorted((docs / name).glob("*.md"))]
    return [_ROOT / "README.md", *pages]


def _addresses() -> list[str]:
    found = set()
    for page in _pages():
        text = page.read_text(encoding="utf-8")
        found |= {match[1].rstrip(".") for match in _ADDRESS.finditer(text)}
    return sorted(one for one in found if not any(mark in one for mark in _OF_ONE))


@pytest.mark.parametrize("address", _addresses())
def test_a_documented_address_is_there(server: Server, address: str) -> None:
    for mark, name in _NAMES.items():
        address = address.replace(mark, name)
    answer = httpx.get(f"{server.url}{address}", follow_redirects=True)
    assert answer.status_code != 404, answer.text
