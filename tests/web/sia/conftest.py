"""A server with count maps in its archive, on each engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.maps import maps
from tests.web.conftest import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support import postgres
    from tests.web.conftest import Server


@pytest.fixture(
    scope="session",
    params=["duckdb", pytest.param("postgresql", marks=pytest.mark.slow)],
)
def image_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Serve the datasets of all tests and three maps."""
    given = {"runner": "external"}  # nobody asks for jobs here
    if request.param == "postgresql":
        database: postgres.Server = request.getfixturevalue("postgres_server")
        given["database_url"] = database.create()
    with serving(maps, **given) as running:
        yield running
