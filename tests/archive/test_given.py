"""Tables that come with a query, and those that users keep, in the archive itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
import pyarrow as pa
import pytest
from tests.archive import changed
from tests.support import postgres

from distiller.archive import open_archive
from distiller.archive.postgres import session
from distiller.archive.protocol import Given
from distiller.archive.upgrade import plan, upgrade
from distiller.archive.user_tables import stored_name
from distiller.core.columns import Column
from distiller.core.errors import (
    Busy,
    IllegalState,
    TimedOut,
    Unreachable,
    UserError,
)
from distiller.core.settings import load_settings
from distiller.model.names import literal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distiller.archive import Archive
    from distiller.core.settings import Settings

pytestmark = pytest.mark.slow

COLUMNS = (
    Column("n", "long"),
    Column("word", "char", "*"),
    Column("ra", "double", ucd="pos.eq.ra;meta.main", unit="deg"),
    Column("dec", "double", ucd="pos.eq.dec;meta.main"),
    Column("p", "double", "2", "point"),
    Column("v", "short", "*"),
    Column("t", "char", "*", "timestamp"),
    Column("f", "float"),
    Column("b", "boolean"),
)


def given(count: int = 3, name: str = "upload_t") -> Given:
    """Return rows of every type, with texts that formats of text may spoil."""
    words = ['a"b', "", None, "\\N", "line\nend", "€, ü", "'", "NULL"]
    cells: dict[str, Any] = {
        "c1": pa.array(range(count), pa.int64()),
        "c2": pa.array([words[n % len(words)] for n in range(count)], pa.string()),
        "c3": np.linspace(0, 359, count),
        "c4": np.linspace(-90, 90, count),
        "c5": pa.array(
            [None if n == 1 else [1.5, n / 10] for n in range(count)],
            pa.list_(pa.float64()),
        ),
        "c6": pa.array(
            [None if n == 2 else [n % 7, None] for n in range(count)],
            pa.list_(pa.int16()),
        ),
        "c7": pa.array(
            [None if n == 1 else n * 86_400_000_001 for n in range(count)],
            pa.timestamp("us"),
        ),
        "c8": pa.array([0.1, np.inf, None] * count, pa.float32()).slice(0, count),
        "c9": pa.array([True, False, None] * count).slice(0, count),
    }
    return Given(name, COLUMNS, pa.table(cells))


def rows_of(archive: Archive, sql: str, *tables: Given) -> list[dict[str, Any]]:
    with archive.query(sql, timeout_s=60, tables=tables) as result:
        return [row for batch in result.batches for row in batch.to_pylist()]


def test_every_type_comes_back_as_it_went_in(archive: Archive) -> None:
    table = given(20)
    found = rows_of(archive, "SELECT * FROM upload_t ORDER BY c1", table)
    assert found == table.rows.to_pylist()
    archive.user_tables.keep("ann", "mine", table, "of it")
    (kept,) = archive.user_tables.of("ann")
    assert kept.columns == COLUMNS
    assert (kept.rows, kept.description) == (20, "of it")
    there = f"SELECT * FROM {kept.stored} ORDER BY c1"
    assert rows_of(archive, there) == table.rows.to_pylist()
    assert archive.check() == []


def test_a_table_goes_with_its_query(archive: Archive) -> None:
    for _ in range(5):
        assert rows_of(archive, "SELECT count(*) AS k FROM upload_t", given()) == [
            {"k": 3}
        ]
    with pytest.raises(UserError, match="upload_t"):
        rows_of(archive, "SELECT count(*) AS k FROM upload_t")
    with archive.query("SELECT 1 AS x", timeout_s=9, tables=[given()]):
        pass  # nothing was asked of it
    with pytest.raises(UserError):
        rows_of(archive, "SELECT nonsense FROM upload_t", given())
    assert rows_of(archive, "SELECT count(*) AS k FROM upload_t", given(4)) == [
        {"k": 4}
    ]


def test_queries_that_are_cancelled_or_late_leave_nothing(archive: Archive) -> None:
    endless = "SELECT count(*) AS k FROM upload_t a, upload_t b, upload_t c, upload_t d"
    with (
        pytest.raises(TimedOut),
        archive.query(endless, timeout_s=0.3, tables=[given(2000)]) as result,
    ):
        list(result.batches)
    with archive.query(endless, timeout_s=60, tables=[given(2000)]) as result:
        timer = threading.Timer(0.3, result.cancel)
        timer.start()
        with pytest.raises(IllegalState, match="was cancelled"):
            list(result.batches)
        timer.join()
    assert rows_of(archive, "SELECT count(*) AS k FROM upload_t", given(4)) == [
        {"k": 4}
    ]


def test_a_table_is_not_to_be_changed_by_a_query(archive: Archive) -> None:
    for statement in ("DELETE FROM upload_t", "DROP TABLE upload_t"):
        with pytest.raises(UserError, match="not one SELECT"):
            rows_of(archive, statement, given())


def test_kept_tables_are_there_after_a_restart_and_an_upgrade(
    installed_home: Settings, folder: Path
) -> None:
    with open_archive(installed_home) as archive:
        archive.user_tables.keep("ann", "mine", given(), None)
        archive.user_tables.keep("bob", "mine", given(2), None)
    changed.with_attribute(folder, "dewPoint", "{unit: K}")
    settings = changed.model_dir(installed_home, folder)
    upgrade(settings, plan(settings))
    with open_archive(settings) as archive:
        assert [(t.owner, t.rows) for t in archive.user_tables.everybody()] == [
            ("ann", 3),
            ("bob", 2),
        ]
        (mine,) = archive.user_tables.of("ann")
        there = f"SELECT * FROM {mine.stored} ORDER BY c1"
        assert rows_of(archive, there) == given().rows.to_pylist()
        assert archive.check() == []
        assert archive.user_tables.drop("ann", "mine")
        assert not archive.user_tables.drop("ann", "mine")
        assert [t.owner for t in archive.user_tables.everybody()] == ["bob"]


def numbers(seed: int) -> Given:
    """Return 8 MB that cannot be made smaller."""
    random = np.random.default_rng(seed)
    rows = pa.table({"c1": random.integers(-(2**62), 2**62, 10**6)})
    return Given("upload_t", COLUMNS[:1], rows)


def test_replaced_and_removed_tables_leave_their_space_to_others(
    tmp_path: Path,
) -> None:
    settings = load_settings(home=tmp_path, user_tables_mb=20)
    with closing(open_archive(settings, create=True)) as archive:
        for turn in range(12):
            archive.user_tables.keep("ann", "mine", numbers(turn), None)
            archive.user_tables.keep("ann", f"t{turn}", numbers(turn), None)
            assert archive.user_tables.drop("ann", f"t{turn}")
        assert settings.archive_path.stat().st_size < 60e6
        # A query that began before keeps what it may still read.
        (kept,) = archive.user_tables.of("ann")
        many = f"SELECT c1 FROM {kept.stored}"
        with archive.query(many, timeout_s=60, batch_rows=100) as result:
            next(iter(result.batches))
            for turn in range(2):
                archive.user_tables.keep("ann", "mine", numbers(turn), None)
            with pytest.raises(Busy, match=r"mine cannot be kept now: .*went"):
                archive.user_tables.keep("ann", "mine", numbers(9), None)
        for turn in range(6):
            archive.user_tables.keep("ann", "mine", numbers(turn), None)
        assert settings.archive_path.stat().st_size < 100e6


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_positions_of_kept_tables_are_indexed(archive: Archive) -> None:
    kept = archive.user_tables.keep("ann", "mine", given(20), None)
    found = archive.rows(
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'tap_user' ORDER BY 1"
    )
    name = kept.stored.partition(".")[2]
    assert sorted(row["indexdef"].partition(" ON ")[2] for row in found) == [
        (
            f"tap_user.{name} USING btree ((1)) "
            "WHERE ((dst.cover(c5) IS NULL) AND (c5 IS NOT NULL))"
        ),
        f"tap_user.{name} USING gist (dst.cover(c5))",
        f"tap_user.{name} USING gist (dst.place(c3, c4))",
    ]


def test_a_query_of_a_table_that_was_replaced_fails(archive: Archive) -> None:
    old = archive.user_tables.keep("ann", "mine", given(), None)
    sql = f"SELECT c1 FROM {old.stored}"
    assert len(archive.rows(sql)) == 3
    new = archive.user_tables.keep("ann", "mine", given(4), None)
    with pytest.raises(UserError) as raised:
        archive.rows(sql)
    assert raised.value.text == (
        "running the query: a table of yours was replaced or removed after this query "
        "was read (ask again)"
    )
    assert len(archive.rows(f"SELECT c1 FROM {new.stored}")) == 4
    assert archive.check() == []


def test_tables_that_former_releases_kept_are_replaced_and_removed(
    installed_home: Settings, behind: Callable[[Settings, str], None]
) -> None:
    with open_archive(installed_home) as archive:
        kept = archive.user_tables.keep("ann", "mine", given(), None)
    former = stored_name("ann", "mine", "")
    words = kept.to_json()
    del words["version"]
    behind(
        installed_home,
        f"ALTER TABLE {kept.stored} RENAME TO {former.partition('.')[2]}",
    )
    behind(installed_home, f"COMMENT ON TABLE {former} IS {literal(json.dumps(words))}")
    with open_archive(installed_home) as archive:
        (found,) = archive.user_tables.of("ann")
        assert found.stored == former
        assert len(archive.rows(f"SELECT c1 FROM {former}")) == 3
        archive.user_tables.keep("ann", "mine", given(4), None)
        with pytest.raises(UserError, match="was replaced or removed"):
            archive.rows(f"SELECT c1 FROM {former}")
        assert archive.user_tables.drop("ann", "mine")
        assert archive.user_tables.of("ann") == []
        assert archive.check() == []


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_table_that_is_read_is_no_matter_of_other_users(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = archive.user_tables.keep("ann", "mine", given(), None)
    waiting = "SELECT 1 AS k FROM pg_locks WHERE NOT granted"
    with ThreadPoolExecutor(1) as pool:
        with archive.query(f"SELECT * FROM {mine.stored}", timeout_s=60) as result:
            assert result.schema.names[0] == "c1"
            monkeypatch.setattr(session, "_PATIENCE_S", 1)
            for change in (
                lambda: archive.user_tables.drop("ann", "mine"),
                lambda: archive.user_tables.keep("ann", "mine", given(4), None),
            ):
                with pytest.raises(Busy, match="a query still reads the table that"):
                    change()
            monkeypatch.setattr(session, "_PATIENCE_S", 50)
            dropped = pool.submit(archive.user_tables.drop, "ann", "mine")
            while not archive.rows(waiting):
                assert not dropped.done()
            archive.user_tables.keep("bob", "mine", given(), None)
            assert not dropped.done()
        assert dropped.result(60)
    assert [t.owner for t in archive.user_tables.everybody()] == ["bob"]


_KEEPER = """
import sys
from pathlib import Path
from distiller.archive import open_archive
from distiller.core.settings import load_settings
from tests.archive.test_given import given

with open_archive(load_settings(Path(sys.argv[1]))) as archive:
    print("open", flush=True)
    while True:
        archive.user_tables.keep("ann", "mine", given(20_000), None)
"""


def test_a_killed_keeper_leaves_the_old_table_or_the_new(
    installed_home: Settings,
) -> None:
    given_url = installed_home.database_url
    with open_archive(installed_home) as archive:
        archive.user_tables.keep("ann", "mine", given(1), None)
    environment = dict(os.environ)
    if given_url is not None:
        environment["DISTILLER_DATABASE_URL"] = given_url.get_secret_value()
    for pause in (0.05, 0.2, 0.4):
        process = subprocess.Popen(
            [sys.executable, "-c", _KEEPER, str(installed_home.home)],
            stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with closing(open_archive(installed_home)) as archive:
            (kept,) = archive.user_tables.of("ann")
            assert kept.rows in {1, 20_000}
            counted = f"SELECT count(*) AS k FROM {kept.stored}"
            assert archive.rows(counted) == [{"k": kept.rows}]
            assert archive.check() == []


def test_a_table_that_does_not_say_whose_it_is_is_told(
    installed_home: Settings, behind: Callable[[Settings, str], None]
) -> None:
    with open_archive(installed_home) as archive:
        kept = archive.user_tables.keep("ann", "mine", given(), None)
    behind(installed_home, f"COMMENT ON TABLE {kept.stored} IS 'lost'")
    with open_archive(installed_home) as archive:
        assert archive.user_tables.everybody() == []
        (finding,) = archive.check()
        assert "does not say whose it is" in finding


def test_who_only_reads_brings_tables_and_reads_kept_ones(
    postgres_server: postgres.Server, tmp_path: Path
) -> None:
    url = postgres_server.create()
    here = f"DATABASE {postgres.name_of(url)}"
    home = tmp_path / "home"
    home.mkdir()
    read = url.replace("distiller@", "guest@")
    settings = load_settings(
        home, authority="org.example", database_url=url, database_read_url=read
    )
    sql = "SELECT count(*) AS k, min(current_user::text) AS w FROM upload_t"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute("CREATE ROLE guest LOGIN")
        connection.execute(f"REVOKE TEMPORARY ON {here} FROM PUBLIC".encode())
        with open_archive(settings) as archive:
            kept = archive.user_tables.keep("ann", "t", given(), None)
            counted = f"SELECT count(*) AS k FROM {kept.stored}"
            assert archive.rows(counted) == [{"k": 3}]
            with pytest.raises(Unreachable, match="does not let this") as refused:
                rows_of(archive, sql, given())
            assert "permission denied to create temp" in refused.value.whole_text
            assert archive.rows(counted) == [{"k": 3}]
            connection.execute(f"GRANT TEMPORARY ON {here} TO guest".encode())
            assert rows_of(archive, sql, given()) == [{"k": 3, "w": "guest"}]


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_going_back_after_an_upgrade_brings_kept_tables_with_their_indexes(
    installed_home: Settings, folder: Path
) -> None:
    with open_archive(installed_home) as archive:
        archive.user_tables.keep("ann", "mine", given(), None)
    changed.with_attribute(folder, "dewPoint", "{unit: K}")
    settings = changed.model_dir(installed_home, folder)
    said: list[str] = []
    upgrade(settings, plan(settings), say=said.append)
    for command in [line.strip() for line in said if line.startswith("  ")]:
        subprocess.run(command, shell=True, check=True, capture_output=True)  # noqa: S602 - as an operator would
    with open_archive(installed_home) as archive:
        (mine,) = archive.user_tables.of("ann")
        there = f"SELECT * FROM {mine.stored} ORDER BY c1"
        assert rows_of(archive, there) == given().rows.to_pylist()
        indexes = "SELECT count(*) AS n FROM pg_indexes WHERE schemaname = 'tap_user'"
        assert archive.rows(indexes) == [{"n": 3}]
        assert archive.check() == []
