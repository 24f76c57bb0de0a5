"""Requests that are too large: what is said fits what was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from tests.web.conftest import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.conftest import Server

TABLE = "take fewer columns or rows"
FILE = "send a smaller file, such as a mask with larger pixels"


@pytest.fixture(scope="module")
def small() -> Iterator[Server]:
    """Serve where requests may have 1 MB."""
    with serving(upload_mb=1) as running:
        yield running


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/tap/sync", TABLE),
        ("/tap/async/1234/parameters", TABLE),
        ("/tap/user_tables/mine", TABLE),
        ("/tables/", TABLE),
        ("/uws/significance_map", FILE),
        ("/uws/spectrum/1234/parameters", FILE),
        ("/jobs/new/spectrum/", FILE),
        ("/accounts/login/", "send less"),
        ("/", "send less"),
    ],
)
def test_hint_fits_what_was_asked_for(small: Server, path: str, hint: str) -> None:
    answer = httpx.post(
        f"{small.url}{path}", content=b" " * 3_000_000, headers={"Accept": "text/html"}
    )
    assert answer.status_code == 413
    assert answer.text == (
        "request: it has more than the 1 MB that are allowed "
        f"({hint}, or ask the operators: upload_mb)\n"
    )
