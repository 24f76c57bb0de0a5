"""Who may do what in a database of PostgreSQL, and which databases will not do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from tests.archive.on_postgres import one, settings_of

from distiller.archive import open_archive
from distiller.core.errors import (
    BadParameter,
    IllegalState,
    Unreachable,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.postgres import Server

pytestmark = pytest.mark.slow


def test_a_user_for_queries_may_read_and_nothing_else(
    postgres_server: Server, tmp_path: Path, toy: Any
) -> None:
    url = postgres_server.create()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute("CREATE ROLE reader LOGIN")
    read = url.replace("distiller@", "reader@")
    settings = settings_of(tmp_path / "home", url, database_read_url=read)
    with open_archive(settings) as archive:
        assert archive.store(toy.bundle(1)) == "added"
        assert one(archive, "SELECT current_user AS who") == "reader"
        assert one(archive, "SELECT count(*) AS n FROM ivoa.obscore") == 1
        assert archive.check() == []
        with pytest.raises(IllegalState, match="permission denied for function"):
            archive.rows("SELECT pg_read_file('/etc/passwd') AS x")
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("REVOKE SELECT ON cta.gti FROM reader")
            owner.execute("REVOKE USAGE ON SCHEMA tap_schema FROM reader")
        found = archive.check()
        assert "the user of database_read_url may not read cta.gti" in " ".join(found)
        assert "tap_schema.columns" in " ".join(found)
        # That is not the fault of who asks, nor theirs to know.
        with pytest.raises(Unreachable, match="does not let this server in") as refused:
            archive.rows("SELECT count(*) AS n FROM cta.gti")
        assert "gti" not in refused.value.text
        assert "permission denied for table gti" in refused.value.whole_text
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("GRANT SELECT ON cta.gti TO reader")
        owner.execute("GRANT USAGE ON SCHEMA tap_schema TO reader")
    with open_archive(settings) as archive:
        assert archive.check() == []
    with (
        psycopg.connect(read) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("DELETE FROM cta.product")


def test_the_owner_of_the_database_needs_no_more_rights(
    postgres_server: Server, tmp_path: Path, toy: Any
) -> None:
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as server:
        server.execute("DROP ROLE IF EXISTS keeper")
        server.execute("CREATE ROLE keeper LOGIN")
    url = postgres_server.create(options="OWNER keeper")
    mine = url.replace("distiller@", "keeper@")
    with open_archive(settings_of(tmp_path / "home", mine)) as archive:
        assert archive.store_many([toy.bundle(n) for n in range(3)]) == ("added",) * 3
        assert archive.remove(toy.did_of(1))
        assert archive.check() == []
        with pytest.raises(IllegalState, match="permission denied for function"):
            archive.rows("SELECT pg_read_file('/etc/passwd') AS x")


@pytest.mark.parametrize(
    ("user", "database", "words"),
    [
        ("nobody_here", "with_pgsphere", 'role "nobody_here" does not exist'),
        ("distiller", "no_such", 'database "no_such" does not exist'),
    ],
)
def test_who_is_turned_away_is_told_why_and_no_password(
    postgres_server: Server, tmp_path: Path, user: str, database: str, words: str
) -> None:
    url = postgres_server.url(database).replace("distiller@", f"{user}:sesame42@")
    settings = settings_of(tmp_path, url)
    with pytest.raises(BadParameter) as caught:
        open_archive(settings)
    assert words in str(caught.value)
    assert "see user, password and database of the URL" in str(caught.value)
    assert "sesame42" not in str(caught.value)
    assert "sesame42" not in repr(settings)


def test_a_silent_server_is_said_without_the_password(tmp_path: Path) -> None:
    url = f"postgresql://me:sesame42@/archive?host={tmp_path}"
    with pytest.raises(Unreachable) as caught:
        open_archive(settings_of(tmp_path / "home", url))
    assert f"the database archive at {tmp_path}" in str(caught.value)
    assert "sesame42" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["mysql://x", "archive.duckdb", "postgresql://me:sesame42@[host/x"]
)
def test_what_is_no_url_is_refused_without_the_password(
    tmp_path: Path, url: str
) -> None:
    with pytest.raises(BadParameter, match="database_url") as caught:
        open_archive(settings_of(tmp_path, url))
    assert "sesame42" not in str(caught.value)
    assert "postgresql://" in str(caught.value)


def test_a_database_of_others_is_left_alone(
    postgres_server: Server, tmp_path: Path
) -> None:
    url = postgres_server.create()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA cta")
        connection.execute("CREATE TABLE cta.product (theirs integer)")
    with pytest.raises(IllegalState) as caught:
        open_archive(settings_of(tmp_path, url))
    assert 'relation "product" already exists' in str(caught.value)
    assert "name a database of its own" in str(caught.value)
    with psycopg.connect(url) as connection:
        schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'internal'"
        assert connection.execute(schemas).fetchone() == (0,)


def test_a_database_that_is_not_in_utf8_is_refused(
    postgres_server: Server, tmp_path: Path
) -> None:
    options = "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
    url = postgres_server.create(template="template0", options=options)
    with pytest.raises(IllegalState, match="keeps text in SQL_ASCII, not in UTF-8"):
        open_archive(settings_of(tmp_path, url))


def test_without_pgsphere_a_user_without_rights_is_told(
    postgres_server: Server, tmp_path: Path, toy: Any
) -> None:
    url = postgres_server.create(template="template0")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS small")
        connection.execute("CREATE ROLE small LOGIN")
    mine = url.replace("distiller@", "small@")
    with pytest.raises(IllegalState) as caught:
        open_archive(settings_of(tmp_path, mine))
    told = str(caught.value)
    assert "the database has no pgSphere, and this user may not create it" in told
    steps = ['ALTER ROLE "small" SUPERUSER', 'ALTER ROLE "small" NOSUPERUSER']
    assert all(f"`{step}`" in told for step in steps)
    # What it says leads to an archive that this user owns and may fill.
    with psycopg.connect(url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} OWNER TO small".encode())
        connection.execute(steps[0].encode())
        with open_archive(settings_of(tmp_path, mine)):
            pass
        connection.execute(steps[1].encode())
    with open_archive(settings_of(tmp_path, mine)) as archive:
        assert archive.store(toy.bundle(1)) == "added"
        assert archive.check() == []
