"""Queries: streamed, read-only, limited in time, cancelled from outside."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from distiller.archive import open_archive
from distiller.core.errors import (
    Busy,
    DistillerError,
    IllegalState,
    NoSpace,
    NotFound,
    TimedOut,
    UserError,
)
from distiller.core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support import postgres

    from distiller.archive import Archive
    from distiller.archive.protocol import Result
    from distiller.core.settings import Settings

_ENDLESS = {
    "duckdb": "SELECT count(*) AS n FROM range(1000000000000) a",
    "pgsphere": "SELECT count(*) AS n FROM generate_series(1, 1000000) a, "
    "generate_series(1, 1000000) b",
}
_LEAVE = "leave such rows out in WHERE"
_SEVERAL = (
    "a sub-query that stands for one value gives several rows "
    "(use MAX, MIN or TOP 1 in it, or compare with IN or EXISTS)"
)


@pytest.fixture
def archive(engine: str, request: pytest.FixtureRequest) -> Archive:
    """Return one archive an engine for all, in which none stores anything."""
    shared: Archive = request.getfixturevalue(f"shared_{engine}")
    return shared


@pytest.fixture(scope="module")
def shared_duckdb(
    empty_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Archive]:
    home = load_settings(tmp_path_factory.mktemp("shared"))
    shutil.copyfile(empty_file, home.archive_path)
    with open_archive(home) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared_postgresql(
    postgres_server: postgres.Server,
    empty_database: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Archive]:
    url = postgres_server.create(template=empty_database)
    home = load_settings(tmp_path_factory.mktemp("shared"), database_url=url)
    with open_archive(home) as opened:
        yield opened


def _numbers(archive: Archive, first: int, behind: int | str) -> str:
    """Return a table t of numbers i in the SQL of the engine."""
    if archive.target == "duckdb":
        return f"range({first}, {behind}) t(i)"
    return f"generate_series({first}, {behind} - 1) t(i)"


def _rows(archive: Archive, sql: str, **given: Any) -> int:
    with archive.query(sql, timeout_s=30, **given) as result:
        return sum(batch.num_rows for batch in result.batches)


def test_batches_stream_with_their_schema(archive: Archive) -> None:
    with archive.query(
        f"SELECT i, i * 0.5 AS half FROM {_numbers(archive, 0, '$most')}",
        {"most": 25},
        timeout_s=5,
        batch_rows=10,
    ) as result:
        assert result.schema.names == ["i", "half"]
        sizes = [batch.num_rows for batch in result.batches]
    assert sum(sizes) == 25
    assert result.overflow is False


def test_a_text_that_is_asked_again_has_its_own_values(archive: Archive) -> None:
    """Texts that were read are kept, and several threads ask them at once."""

    def ask(number: int) -> list[dict[str, Any]]:
        return archive.rows("SELECT $n + 1 AS n WHERE $n > 9", {"n": number})

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(100)))
    assert answers == [[{"n": n + 1}] if n > 9 else [] for n in range(100)]


@pytest.mark.parametrize(
    ("most", "rows", "overflow"),
    [(0, 0, True), (7, 7, True), (25, 25, False), (26, 25, False), (None, 25, False)],
)
def test_rows_beyond_the_limit_are_left_out_and_it_is_said(
    archive: Archive, most: int | None, rows: int, *, overflow: bool
) -> None:
    sql = f"SELECT i FROM {_numbers(archive, 0, 25)}"
    with archive.query(sql, timeout_s=5, max_rows=most, batch_rows=10) as result:
        assert sum(batch.num_rows for batch in result.batches) == rows
        assert result.overflow is overflow


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("DROP TABLE cta.product", "it is not one SELECT"),
        ("", "it is not one SELECT"),
        ("-- nothing", "it is not one SELECT"),
        ("SELECT 1; DROP TABLE cta.product", "it is not one SELECT"),
        ("INSERT INTO cta.target VALUES ('a', 'b', 1, 2)", "it is not one SELECT"),
        ("SET threads = 9", "it is not one SELECT"),
        ("EXPLAIN SELECT 1", "it is not one SELECT"),
        ("SELECT '\x00'", "it holds a NUL character"),
        ("SELECT nonsense", "running the query: "),
        ("SELEC 1", "running the query: "),
        ("SELECT CAST('x' AS INTEGER)", "the text 'x' is no INTEGER"),
    ],
)
def test_what_is_no_reading_is_refused(archive: Archive, sql: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        _rows(archive, sql)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert archive.rows("SELECT count(*) AS n FROM cta.product") == [{"n": 0}]


@pytest.mark.parametrize("engine", ["duckdb"], indirect=True)
@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("ATTACH 'FOLDER/other.duckdb'", "it is not one SELECT"),
        ("COPY cta.product TO 'FOLDER/x.csv'", "it is not one SELECT"),
        ("PRAGMA database_list", "it is not one SELECT"),
        ("INSTALL httpfs", "it is not one SELECT"),
        ("SELECT * FROM read_text('/etc/passwd')", "file system operations are dis"),
        ("SELECT * FROM read_csv('/etc/passwd')", "file system operations are disab"),
        ("SELECT * FROM '/etc/passwd'", "running the query: "),
        ("SELECT * FROM glob('/*')", "file system operations are disabled"),
        ("SELECT * FROM read_csv('https://example.org/x')", "running the query: "),
    ],
)
def test_duckdb_reads_and_writes_nothing_else(
    archive: Archive, sql: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as caught:
        _rows(archive, sql.replace("FOLDER", str(tmp_path)))
    assert words in str(caught.value)
    assert not list(tmp_path.glob("*.*"))


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "sql",
    [
        "WITH x AS (DELETE FROM cta.collection RETURNING 1) SELECT * FROM x",
        "SELECT 1 INTO cta.other",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SELECT $$a$$",
        "SELECT 1 -- ;\n; SELECT 2",
        "SELECT collection_id FROM cta.collection FOR UPDATE",
    ],
)
@pytest.mark.parametrize("ending", ["", " LIMIT 1"], ids=["long", "short"])
@pytest.mark.slow
def test_postgresql_does_nothing_but_read(
    archive: Archive, sql: str, ending: str
) -> None:
    """A short answer is not asked for by COPY, which takes nothing but a query."""
    with pytest.raises(UserError, match="it is not one SELECT"):
        _rows(archive, sql + ending)
    assert archive.rows("SELECT to_regclass('cta.other') IS NULL AS gone") == [
        {"gone": True}
    ]
    assert archive.check() == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "1 {div} (i - i)",
            f"an integer is divided by 0 ({_LEAVE}, or divide by CAST(",
        ),
        ("mod(i, 0)", "an integer is divided by 0"),
        ("(SELECT x FROM (VALUES (1), (2)) u(x))", _SEVERAL),
        ("i::INTEGER * 2000000000", "a number is out of the range of INTEGER (comp"),
        ("CAST(i * 100000 AS SMALLINT)", "is out of the range of SMALLINT"),
        ("CAST(i || 'x' AS DOUBLE PRECISION)", "the text '1x' is no DOUBLE PRECISION"),
        ("CAST(i || 'x' AS TIMESTAMP)", f"the text '1x' is no TIMESTAMP ({_LEAVE}"),
        (
            "{own}bounded(repeat('x', 9), 8)",
            "a text became longer than 8 characters (make groups of fewer rows",
        ),
    ],
)
def test_values_that_cannot_be_worked_with_are_said_in_our_words(
    archive: Archive, value: str, message: str
) -> None:
    is_duckdb = archive.target == "duckdb"
    written = value.format(
        div="//" if is_duckdb else "/", own="dst_" if is_duckdb else "dst."
    )
    with pytest.raises(UserError) as caught:
        _rows(archive, f"SELECT {written} FROM {_numbers(archive, 1, 4)}")
    said = str(caught.value)
    assert said.startswith("running the query: ")
    assert message in said
    for theirs in ("Error", "TRY", "SET ", "INT32"):
        assert theirs not in said


@pytest.mark.slow
def test_too_much_disk_is_said(tmp_home: Settings) -> None:
    small = load_settings(tmp_home.home, query_memory_mb=128, query_spill_mb=64)
    sql = (
        "SELECT DISTINCT i, hash(i) || 'yyyyyyyyyyyyyyyyyyyyyyyyyy' AS b "
        "FROM range(4000000) t(i) ORDER BY b"
    )
    with (
        open_archive(small) as archive,
        pytest.raises(NoSpace, match=r"more intermediate rows than .* query_spill_mb"),
    ):
        _rows(archive, sql)


def test_a_fault_in_the_midst_of_the_rows_is_the_users(archive: Archive) -> None:
    sql = (
        "SELECT CASE WHEN i < 500000 THEN 1 ELSE CAST('x' || i AS INTEGER) END "
        f"FROM {_numbers(archive, 0, 600_000)}"
    )
    with pytest.raises(UserError, match="the text 'x500000' is no INTEGER"):
        _rows(archive, sql)


def test_a_query_is_stopped_at_its_limit_of_time(archive: Archive) -> None:
    began = time.monotonic()
    with (
        pytest.raises(TimedOut) as caught,
        archive.query(_ENDLESS[archive.target], timeout_s=0.3) as result,
    ):
        list(result.batches)
    assert time.monotonic() - began < 5
    assert "ran longer than the limit of 0.3 s" in str(caught.value)
    assert "narrow it down" in str(caught.value)
    assert "query_timeout_s" in str(caught.value)
    assert archive.rows("SELECT 1 AS one") == [{"one": 1}]


def _ended(work: Callable[[], Any], stop: Callable[[], Any]) -> Exception | None:
    """Do it in a thread and stop it as soon as it begins; return how it ended."""
    began = threading.Event()
    said: list[Exception | None] = []

    def run() -> None:
        began.set()
        try:
            work()
        except (DistillerError, duckdb.Error) as error:
            said.append(error)
        else:
            said.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    began.wait()
    stop()
    thread.join(30)
    assert not thread.is_alive(), "the query runs on"
    return said[0]


@pytest.mark.parametrize("seconds", [1e-9, 0.0003, 0.0005, 0.001, 0.002])
def test_a_limit_that_is_over_before_the_engine_begins_counts(
    archive: Archive, seconds: float
) -> None:
    def ask() -> None:
        with archive.query(_ENDLESS[archive.target], timeout_s=seconds) as result:
            list(result.batches)

    assert isinstance(_ended(ask, lambda: None), TimedOut)


def test_a_query_that_is_cancelled_as_it_begins_ends(archive: Archive) -> None:
    for number in range(12):
        with archive.query(_ENDLESS[archive.target], timeout_s=60) as result:

            def stop(result: Result = result, pause: float = number * 2e-4) -> None:
                time.sleep(pause)
                result.cancel()

            def read(result: Result = result) -> None:
                list(result.batches)

            said = _ended(read, stop)
        assert "the query was cancelled" in str(said)


@pytest.mark.slow
def test_time_that_the_reader_takes_does_not_count(archive: Archive) -> None:
    sql = f"SELECT i FROM {_numbers(archive, 0, 100_000)}"
    with archive.query(sql, timeout_s=1.0, batch_rows=2048) as result:
        rows = iter(result.batches)
        count = next(rows).num_rows
        time.sleep(1.2)
        count += sum(batch.num_rows for batch in rows)
    assert count == 100_000


def test_a_query_is_cancelled_from_another_thread(archive: Archive) -> None:
    with archive.query(_ENDLESS[archive.target], timeout_s=60) as result:
        timer = threading.Timer(0.2, result.cancel)
        timer.start()
        with pytest.raises(IllegalState, match="the query was cancelled"):
            list(result.batches)
        timer.join()


def test_a_query_that_was_cancelled_between_batches_ends(archive: Archive) -> None:
    sql = f"SELECT i FROM {_numbers(archive, 0, 1_000_000)}"
    with archive.query(sql, timeout_s=60, batch_rows=2048) as result:
        rows = iter(result.batches)
        next(rows)
        result.cancel()
        with pytest.raises(IllegalState, match="the query was cancelled"):
            list(rows)


def test_closed_results_and_archives_say_so(installed_home: Settings) -> None:
    archive = open_archive(installed_home)
    with archive.query("SELECT 1 AS one", timeout_s=5) as result:
        pass
    with pytest.raises(IllegalState, match="this query is over"):
        list(result.batches)
    archive.close()
    archive.close()
    with pytest.raises(IllegalState, match="the archive is closed"):
        archive.rows("SELECT 1 AS one")


def test_closing_an_archive_ends_what_runs(installed_home: Settings) -> None:
    archive = open_archive(installed_home)
    with (
        archive.query(_ENDLESS[archive.target], timeout_s=600) as result,
        archive.query("SELECT 1 AS one", timeout_s=600) as idle,
    ):
        said = _ended(lambda: list(result.batches), archive.close)
        assert "the query was cancelled" in str(said)
        with pytest.raises(IllegalState, match="the query was cancelled"):
            list(idle.batches)
    # Nothing of it is left behind that another process would wait for.
    with open_archive(installed_home) as again:
        assert again.check() == []


def test_too_much_memory_is_said(tmp_home: Settings) -> None:
    small = load_settings(tmp_home.home, query_memory_mb=64)
    sql = "SELECT list(i || 'x' ORDER BY hash(i)) FROM range(30000000) t(i)"
    with (
        open_archive(small) as archive,
        pytest.raises(Busy, match="more memory is needed than the archive may use"),
    ):
        _rows(archive, sql)


@pytest.mark.slow
def test_sixteen_readers_beside_a_writer(installed_home: Settings, toy: Any) -> None:
    """Readers see whole datasets only, and the writer is not kept from writing."""
    with open_archive(installed_home) as archive:
        _read_beside_a_writer(archive, toy)


def _read_beside_a_writer(archive: Archive, toy: Any) -> None:
    sql = (
        "SELECT count(*) AS gti, (SELECT count(*) FROM ivoa.obscore) AS runs "
        "FROM cta.gti"
    )
    done = threading.Event()

    def read() -> int:
        count = 0
        while not done.is_set():
            (row,) = archive.rows(sql)
            assert row["gti"] == 3 * row["runs"]
            count += 1
        return count

    with ThreadPoolExecutor(16) as pool:
        readers = [pool.submit(read) for _ in range(16)]
        try:
            for number in range(12):
                archive.store(toy.bundle(number))
            archive.remove(toy.did_of(3))
        finally:
            done.set()
        assert all(reader.result() > 0 for reader in readers)
    assert archive.check() == []


@pytest.mark.slow
def test_a_million_rows_stream_in_bounded_memory(engine_home: Settings) -> None:
    """Peak memory of a million rows of 30 columns, above that of an open archive."""
    program = """
import resource, sys
from distiller.archive import open_archive
from distiller.core.settings import load_settings
columns = ", ".join(f"CAST(i * {n}.5 AS DOUBLE PRECISION) AS c{n}" for n in range(29))
sql = f"SELECT 'ivo://org.example/toy?' || i AS did, {columns} FROM {sys.argv[3]}"
with open_archive(load_settings(sys.argv[1])) as archive:
    for statement in (sql.replace(sys.argv[2], "10000"), sql):
        with archive.query(statement, timeout_s=100) as result:
            rows = sum(batch.num_rows for batch in result.batches)
        print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
    url = engine_home.database_url
    table = "generate_series(1, 1000000) t(i)" if url else "range(1000000) t(i)"
    environment = {"DISTILLER_DATABASE_URL": url.get_secret_value()} if url else {}
    answer = subprocess.run(
        [sys.executable, "-c", program, str(engine_home.home), "1000000", table],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    (few, before), (many, after) = (
        map(int, line.split()) for line in answer.stdout.splitlines()
    )
    assert (few, many) == (10_000, 1_000_000)
    assert after - before < 100, "MB; the rows themselves are 270 MB"


def test_where_there_is_no_archive(engine_home: Settings) -> None:
    with pytest.raises(NotFound) as caught:
        open_archive(engine_home, create=False)
    assert "there is no archive in" in str(caught.value)
    assert "make one with `distiller init`" in str(caught.value)


@pytest.mark.parametrize("limit", [19_999, 20_000, 60_001, 100_001])
def test_a_large_limit_is_kept_though_rows_stream(archive: Archive, limit: int) -> None:
    """DuckDB would hold all of them before the first goes out."""
    few = "(VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))"
    names = ", ".join(f"{few} AS t{n}(x)" for n in range(5))
    sql = f"SELECT t0.x AS x FROM {names} LIMIT {limit}"
    with archive.query(sql, timeout_s=60) as result:
        count = sum(batch.num_rows for batch in result.batches)
    assert count == min(limit, 100_000)
    assert not result.overflow
