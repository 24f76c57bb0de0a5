"""What visitors are told when the database of the archive lets nobody in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import psycopg
import pytest
from tests.support import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.conftest import Server, StartServer

pytestmark = pytest.mark.slow

QUERY = {"LANG": "ADQL", "QUERY": "SELECT TOP 1 obs_id FROM ivoa.obscore"}


@pytest.fixture
def own_database() -> Iterator[postgres.Server]:
    """Return a PostgreSQL that a test may stop."""
    server = postgres.Server.start()
    yield server
    server.stop()


def availability(server: Server) -> str:
    """Return what is said once the last answer is no more remembered."""
    time.sleep(1.1)
    answer = httpx.get(f"{server.url}/tap/availability", timeout=30)
    assert answer.status_code == 200
    return answer.text


def asked(server: Server) -> httpx.Response:
    return httpx.post(f"{server.url}/tap/sync", data=QUERY, timeout=30)


def test_a_database_that_is_stopped_is_told_without_its_address(
    own_database: postgres.Server, start_server: StartServer
) -> None:
    url = own_database.create()
    server = start_server(database_url=url)
    assert "available>true<" in availability(server)
    own_database.halt()
    refused = asked(server)
    assert refused.status_code == 503
    assert "the database server does not answer" in refused.text
    said = availability(server)
    assert "available>false<" in said
    assert "the database server does not answer" in said
    for text in (refused.text, said):
        assert "distiller-pg-" not in text, "the place of its socket"
        assert "socket" not in text
    own_database.restart()
    assert asked(server).status_code == 200
    assert "available>true<" in availability(server)


def test_a_role_that_may_not_log_in_is_not_told_to_visitors(
    own_database: postgres.Server, start_server: StartServer
) -> None:
    url = own_database.create()
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("CREATE ROLE visitor LOGIN")
    read = url.replace("distiller@", "visitor@")
    server = start_server(database_url=url, database_read_url=read)
    assert asked(server).status_code == 200
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("ALTER ROLE visitor NOLOGIN")
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE usename = 'visitor'"
        )
    refused = asked(server)
    assert refused.status_code == 503
    assert "the database does not let this server in" in refused.text
    assert "visitor" not in refused.text
    assert "available>false<" in availability(server)
