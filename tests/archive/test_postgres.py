"""What only a server brings: several processes, restarts, rights, passwords."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pyarrow as pa
import pytest
from tests.archive import changed
from tests.archive.on_postgres import one, settings_of
from tests.support.postgres import Server

from distiller.archive import open_archive
from distiller.archive.opening import engine_of
from distiller.archive.postgres import pool, query
from distiller.archive.postgres.engine import WRITING
from distiller.archive.upgrade import plan, upgrade
from distiller.core.errors import (
    BadParameter,
    Busy,
    DistillerError,
    IllegalState,
    PassingError,
    TimedOut,
    Unreachable,
    UserError,
)
from distiller.core.settings import Settings, load_settings
from distiller.model.names import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.archive import Archive

pytestmark = pytest.mark.slow

_PROGRAM = Path(__file__).with_name("bundles.py")
_RUNS = 40


@pytest.fixture
def engine() -> str:
    """Only PostgreSQL is a server."""
    return "postgresql"


@pytest.fixture
def own_server(postgres_server: Server) -> Iterator[Server]:
    """Return a server that a test may stop."""
    del postgres_server  # it skips where there is no PostgreSQL
    server = Server.start()
    yield server
    server.stop()


def _url(settings: Settings) -> str:
    assert settings.database_url is not None
    return settings.database_url.get_secret_value()


def test_processes_that_store_the_same_at_once_end_with_one_of_each(
    engine_home: Settings,
) -> None:
    open_archive(engine_home).close()
    environment = {**os.environ, "DISTILLER_DATABASE_URL": _url(engine_home)}
    words = [sys.executable, str(_PROGRAM), str(engine_home.home), str(_RUNS)]
    processes = [
        subprocess.Popen(
            [*words, step], stdout=subprocess.PIPE, text=True, env=environment
        )
        for step in ("1", "4", "8")
    ]
    said = "".join(process.communicate(timeout=120)[0] for process in processes)
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert said.count("added") <= _RUNS
    with open_archive(engine_home) as archive:
        assert archive.check() == []
        assert len(archive.stored("toy")) == _RUNS


def test_shared_rows_that_two_add_at_once_are_one(
    engine_home: Settings, toy: Any
) -> None:
    """Other collections do not wait for each other, and share their rows."""
    with ExitStack() as stack:
        archives = [stack.enter_context(open_archive(engine_home)) for _ in range(4)]

        def fill(number: int) -> None:
            for run in range(12):
                bundle = toy.in_collection(f"toy{number}", run, telescopes=run + 1)
                assert archives[number].store(bundle) == "added"

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(fill, range(4)))
        assert one(archives[0], "SELECT count(*) AS n FROM cta.product") == 48
        shared = "SELECT count(*) AS n FROM cta.array_configuration"
        assert one(archives[0], shared) == 12
        assert archives[1].check() == []


def test_who_waits_too_long_for_another_is_told(
    engine_home: Settings, toy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(WRITING, "lock_timeout", "200ms")
    with open_archive(engine_home) as archive, psycopg.connect(_url(engine_home)) as c:
        c.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('ivo://org.example/toy', 0))"
        )
        with pytest.raises(Busy, match="another process is changing the archive"):
            archive.store(toy.bundle(1))
        c.rollback()
        assert archive.store(toy.bundle(1)) == "added"


def _waiting(connection: psycopg.Connection, number: int) -> None:
    """Wait until so many wait for an advisory lock."""
    query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        row = connection.execute(query).fetchone()
        if row == (number,):
            return
        time.sleep(0.02)
    message = f"{row} wait, not {number}"
    raise AssertionError(message)


def test_an_upgrade_waits_for_a_change_and_none_goes_on_after_it(
    engine_home: Settings, toy: Any, tmp_path: Path
) -> None:
    folder = changed.copied(tmp_path / "uml")
    changed.with_attribute(folder, "dewPoint", "{unit: K, ucd: phys.temperature}")
    new = settings_of(engine_home.home, _url(engine_home), model_dir=folder)
    with open_archive(engine_home) as archive, ThreadPoolExecutor(2) as pool:
        archive.store(toy.bundle(1))
        planned = plan(new)
        with psycopg.connect(_url(engine_home)) as other:
            other.execute(
                "SELECT pg_advisory_xact_lock_shared("
                "hashtextextended('distiller:archive', 0))"
            )
            upgraded = pool.submit(upgrade, new, planned, backed_up=True)
            _waiting(other, 1)
            late = pool.submit(archive.store, toy.bundle(2))
            _waiting(other, 2)
        upgraded.result(60)
        words = "was upgraded to another data model"
        with pytest.raises(PassingError, match=words):
            late.result(60)
        for work in (
            lambda: archive.remove(toy.did_of(1)),
            lambda: archive.stored("toy"),
            lambda: archive.set_base_url("https://elsewhere.example.org"),
            lambda: archive.record_refusals([], []),
            archive.refusals,
            archive.check,
            archive.digest,
            lambda: archive.rows("SELECT 1 AS n"),
            lambda: list(archive.files()),
        ):
            with pytest.raises(PassingError, match=words):
                work()
    with open_archive(new) as archive:
        assert archive.check() == []
        assert list(archive.stored("toy")) == [toy.did_of(1)]


def test_nothing_goes_on_by_a_mapping_that_another_process_has_changed(
    engine_home: Settings, toy: Any, tmp_path: Path
) -> None:
    """Else a dataset that comes later is in ivoa.obscore by the mapping of before."""
    folder = changed.copied(tmp_path / "uml")
    changed.replace(
        folder / "obscore.mapping.yaml", "THEN 'em.energy' END", "THEN 'em.wl' END"
    )
    new = settings_of(engine_home.home, _url(engine_home), model_dir=folder)
    with open_archive(engine_home) as archive:
        archive.store(toy.bundle(1))
        with open_archive(new) as other:
            assert other.rows("SELECT em_ucd FROM ivoa.obscore") == [
                {"em_ucd": "em.wl"}
            ]
        words = "was filled by another mapping while the archive was open here"
        for work in (
            lambda: archive.store(toy.bundle(2)),
            lambda: archive.set_base_url("https://elsewhere.example.org"),
            archive.check,
            lambda: archive.rows("SELECT 1 AS n"),
        ):
            with pytest.raises(PassingError, match=words):
                work()
    with open_archive(new) as other:
        # Another address is no other mapping.
        with open_archive(new) as second:
            second.set_base_url("https://elsewhere.example.org")
        assert other.store(toy.bundle(2)) == "added"
        assert other.check() == []


def test_a_query_that_an_upgrade_overtakes_is_no_fault_of_the_user(
    engine_home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes between the look at the archive and the query itself."""
    begun = pool.Pool.begin
    upgrades: list[str] = []

    def begin(own: pool.Pool, load: Any = None) -> Any:
        connection = begun(own, load)
        if not upgrades:
            upgrades.append("once")
            with psycopg.connect(_url(engine_home)) as other:
                other.execute("ALTER TABLE cta.gti RENAME TO interval")
                other.execute(
                    "UPDATE internal.setting SET value = 'x' WHERE name = 'model.shape'"
                )
        return connection

    with open_archive(engine_home) as archive:
        with pytest.raises(UserError, match="does not exist"):
            archive.rows("SELECT not_there FROM cta.gti")
        monkeypatch.setattr(pool.Pool, "begin", begin)
        with pytest.raises(PassingError, match="was upgraded"):
            archive.rows("SELECT gti_id FROM cta.gti")
        with pytest.raises(PassingError, match="was upgraded"):
            archive.rows("SELECT 1 AS one")


def test_after_a_restart_of_the_server_the_next_call_works(
    own_server: Server, tmp_path: Path, toy: Any
) -> None:
    settings = settings_of(tmp_path / "home", own_server.create())
    with open_archive(settings) as archive:
        archive.store(toy.bundle(1))
        assert one(archive, "SELECT count(*) AS n FROM cta.product") == 1
        own_server.restart()
        assert one(archive, "SELECT count(*) AS n FROM cta.product") == 1
        assert archive.store(toy.bundle(2)) == "added"
        own_server.halt()
        with pytest.raises(Unreachable, match="the database server does not answer"):
            archive.rows("SELECT 1 AS one")
        with pytest.raises(Unreachable, match="nothing was half-written"):
            archive.store(toy.bundle(3))
        own_server.restart()
        assert archive.store(toy.bundle(3)) == "added"
        assert archive.check() == []


def test_a_server_that_goes_amid_the_rows_is_said(
    own_server: Server, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path / "home", own_server.create())
    sql = "SELECT i, repeat('x', 500) AS t FROM generate_series(1, 3000000) g(i)"
    with open_archive(settings) as archive:
        with archive.query(sql, timeout_s=60) as result:
            rows = result.batches
            next(rows)
            own_server.restart()
            with pytest.raises(Unreachable, match="does not answer"):
                list(rows)
        assert archive.rows("SELECT 1 AS one") == [{"one": 1}]


def test_a_connection_is_used_again_after_faults_limits_and_cancelling(
    archive: Archive,
) -> None:
    pid = "SELECT pg_backend_pid() AS pid"
    first = one(archive, pid)
    with pytest.raises(UserError):
        archive.rows("SELECT 1 / 0 AS x")
    with archive.query(
        "SELECT i FROM generate_series(1, 3000000) g(i)", timeout_s=9, max_rows=5
    ) as result:
        assert sum(batch.num_rows for batch in result.batches) == 5
        assert result.overflow
    assert one(archive, pid) == first
    with archive.query(
        "SELECT CAST(pg_sleep(20) AS text) AS x", timeout_s=60
    ) as result:
        timer = threading.Timer(0.1, result.cancel)
        timer.start()
        with pytest.raises(IllegalState, match="cancelled"):
            list(result.batches)
        timer.join()
    assert archive.rows("SELECT 1 AS one") == [{"one": 1}]


_ALL_TYPES = """
SELECT CAST(i AS smallint) AS s, i, CAST(i AS bigint) AS b, CAST(i AS real) AS r,
  i / 3.0::float8 AS d, i % 2 = 0 AS t, 'text ' || i AS c, 1e40::numeric * i AS n,
  ARRAY[i, NULL, 2.5]::float8[] AS g, timestamp '2026-01-01' + i * interval '1 s' AS at,
  timestamptz '2026-01-01 UTC' AS z, CAST('{"a": 1}' AS json) AS j,
  CASE WHEN i > 99 THEN i END AS nothing, CAST('name' AS name) AS w
FROM generate_series(1, 3) AS g(i)
"""


@pytest.mark.parametrize("where", ["", "WHERE i = 0"])
def test_a_short_answer_is_as_a_long_one(archive: Archive, where: str) -> None:
    """It comes in one piece, where the last word of the query says that it is short."""
    found = []
    for limit in ("LIMIT 100", "LIMIT 101"):
        sql = f"{_ALL_TYPES} {where} {limit}"
        with archive.query(sql, timeout_s=60) as result:
            found.append(pa.Table.from_batches(result.batches, result.schema))
    assert found[0].schema == found[1].schema
    assert found[0].equals(found[1])
    assert found[0].num_rows == (0 if where else 3)


def test_a_short_answer_ends_by_its_limits_and_the_connection_is_used_again(
    archive: Archive,
) -> None:
    pid = "SELECT pg_backend_pid() AS pid LIMIT 1"
    first = one(archive, pid)
    with pytest.raises(UserError, match="does not exist"):
        archive.rows("SELECT not_there FROM cta.gti LIMIT 1")
    with pytest.raises(UserError, match="divided by 0"):
        archive.rows("SELECT 1 / (i - 2) AS x FROM generate_series(1, 3) g(i) LIMIT 9")
    sql = "SELECT i FROM generate_series(1, 90) g(i) LIMIT 100"
    with archive.query(sql, timeout_s=9, max_rows=5) as result:
        assert sum(batch.num_rows for batch in result.batches) == 5
        assert result.overflow
    with archive.query(sql, timeout_s=9):
        pass  # nobody wants it
    assert one(archive, pid) == first
    asleep = "SELECT CAST(pg_sleep(20) AS text) AS x LIMIT 1"
    with archive.query(asleep, timeout_s=0.2) as result, pytest.raises(TimedOut):
        list(result.batches)
    with archive.query(asleep, timeout_s=60) as result:
        timer = threading.Timer(0.1, result.cancel)
        timer.start()
        with pytest.raises(IllegalState, match="cancelled"):
            list(result.batches)
        timer.join()
    assert one(archive, "SELECT 1 AS one LIMIT 1") == 1


def test_two_that_make_it_at_once_end_with_one(
    postgres_server: Server, tmp_path: Path
) -> None:
    url = postgres_server.create()

    def make(number: int) -> bool:
        with open_archive(settings_of(tmp_path / str(number), url)) as archive:
            return archive.check() == []

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(make, range(4))) == [True] * 4


def test_every_table_has_the_same_types_on_both_engines(
    archive: Archive, tmp_path: Path, toy: Any
) -> None:
    archive.store(toy.bundle(1))
    with closing(open_archive(load_settings(tmp_path / "other"))) as other:
        other.store(toy.bundle(1))
        for name, table in archive.catalog.items():
            names = ", ".join(quoted(column.name) for column in table.columns)
            sql = f"SELECT {names} FROM {name}"
            with (
                archive.query(sql, timeout_s=9) as ours,
                other.query(sql, timeout_s=9) as theirs,
            ):
                assert ours.schema.equals(theirs.schema), name
                assert [b.schema for b in ours.batches] == [
                    b.schema for b in theirs.batches
                ]


def test_numbers_without_bounds_and_instants_with_a_zone_are_made_plain(
    archive: Archive,
) -> None:
    sql = (
        "SELECT CAST('1e-3' AS numeric) AS n, CAST(NULL AS numeric) AS none, "
        "CAST('NaN' AS numeric) AS nan, CAST('{\"a\": 1}' AS json) AS j, "
        "TIMESTAMPTZ '2026-01-01 01:00:00+01' AS t"
    )
    (row,) = archive.rows(sql)
    assert row["n"] == 0.001
    assert row["none"] is None
    assert math.isnan(row["nan"])
    assert row["j"] == '{"a": 1}'
    assert row["t"].isoformat() == "2026-01-01T00:00:00"
    with pytest.raises(DistillerError, match="column p is of a type that cannot be"):
        archive.rows("SELECT spoint(0, 0) AS p")


def test_two_urls_are_of_one_database(tmp_path: Path) -> None:
    url = "postgresql://distiller@db.example.org/{}"
    for reader, is_refused in (("copy", True), ("archive", False)):
        given = {
            "database_url": url.format("archive"),
            "database_read_url": url.format(reader).replace("db.", "standby."),
        }
        settings = load_settings(tmp_path, **given)
        if is_refused:
            with pytest.raises(BadParameter, match="is of the database copy, and"):
                engine_of(settings)
        else:
            engine_of(settings).close()


def test_queries_are_not_compiled_before_their_first_row(archive: Archive) -> None:
    """It takes some tenths of a second for each long answer."""
    assert archive.rows("SELECT current_setting('jit') AS jit") == [{"jit": "off"}]


@pytest.mark.parametrize("fault", [pa.ArrowInvalid("no UTF-8"), OSError("cut off")])
def test_what_fails_amid_rows_that_nobody_wants_takes_no_place_away(
    engine_home: Settings, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    real = query._Rows._raw
    calls: list[int] = []

    def failing(rows: query._Rows) -> pa.RecordBatch:
        calls.append(1)
        if len(calls) % 2:
            return real(rows)
        raise fault

    settings = settings_of(engine_home.home, _url(engine_home), queries_at_once=1)
    monkeypatch.setattr(pool, "_PATIENCE_S", 0.1)
    with open_archive(settings) as archive:
        monkeypatch.setattr(query._Rows, "_raw", failing)
        for _ in range(10):
            sql = "SELECT * FROM generate_series(1, 100000)"
            with archive.query(sql, timeout_s=60, max_rows=1) as result:
                assert sum(batch.num_rows for batch in result.batches) == 1
        monkeypatch.undo()
        assert len(calls) == 20
        assert one(archive, "SELECT 7 AS n") == 7
