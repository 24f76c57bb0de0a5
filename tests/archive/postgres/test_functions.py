"""The functions of the schema ``dst`` against those of DuckDB, in bulk."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
import pyarrow as pa
import pytest
from tests.archive.postgres.shapes import Shape, Sky, asked_of, distance, load
from tests.support.engines import is_same

from distiller.archive.postgres import functions
from distiller.core.errors import IllegalState

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb
    from tests.support import postgres

pytestmark = pytest.mark.slow
_PAIRS = 6000


# Shapes -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def asked(
    duck: duckdb.DuckDBPyConnection, database: psycopg.Connection
) -> Callable[[str], list[tuple[int, Any, Any]]]:
    """Return what asks both about many pairs of shapes."""
    sky = Sky(11)
    load(duck, database, [sky.pair() for _ in range(_PAIRS)])
    return functools.partial(asked_of, duck, database)


@pytest.mark.parametrize(
    ("call", "least"),
    [
        ("dst.contains(a, b)", 200),
        ("dst.contains(b, a)", 200),
        ("dst.intersects(a, b)", 1000),
        ("dst.intersects(b, a)", 1000),
    ],
)
def test_predicates_of_many_shapes(
    asked: Callable[[str], list[tuple[int, Any, Any]]], call: str, least: int
) -> None:
    rows = asked(call)
    assert [row for row in rows if row[1] is not row[2]] == []
    assert sum(row[1] is True for row in rows) > least
    assert sum(row[1] is False for row in rows) > least


@pytest.mark.parametrize(
    ("call", "digits"),
    [
        ("dst.area(a)", 1e-11),
        ("dst.distance(a[1], a[2], b[1], b[2])", 1e-12),
        ("dst.region_text(a)", 0),
    ],
)
def test_measures_of_many_shapes(
    asked: Callable[[str], list[tuple[int, Any, Any]]], call: str, digits: float
) -> None:
    assert [r for r in asked(call) if not _is_close(r[1], r[2], digits)] == []


def _is_close(one: Any, two: Any, digits: float) -> bool:
    if isinstance(one, float) and isinstance(two, float) and digits == 1e-11:
        # The area is a sum of angles, exact to some 1e-15 sr.
        return abs(one - two) <= digits + digits * abs(one)
    return is_same(one, two, digits)


def test_centroids_of_many_shapes(
    asked: Callable[[str], list[tuple[int, Any, Any]]], database: psycopg.Connection
) -> None:
    """Of thin and small shapes rounding decides: the area says how far apart."""
    areas = database.execute("SELECT dst.area(a) FROM shapes ORDER BY i").fetchall()
    compared = 0
    for (number, one, two), (area,) in zip(
        asked("dst.centroid(a)"), areas, strict=True
    ):
        assert (one is None) is (two is None)
        if one is None:
            continue
        off = distance(one, two)
        assert off < max(1e-12, 1e-8 / max(area, 1e-30)), number
        compared += area > 1
    assert compared > 500


_NUMBERS = "a[1], a[2], b[1], b[2], b[3]"
_IN_CIRCLE = "cardinality(b) = 3 AND dst.holds(b, a[1], a[2])"


def test_conditions_for_indexes_lose_nothing(
    asked: Callable[[str], list[tuple[int, Any, Any]]], database: psycopg.Connection
) -> None:
    del asked
    for lost in (
        "dst.intersects(a, b) AND NOT dst.may_meet(a, b)",
        "dst.contains(a, b) AND NOT dst.may_meet(b, a)",
        "dst.holds(b, a[1], a[2]) AND NOT dst.may_be_in(a[1], a[2], b)",
        f"{_IN_CIRCLE} AND NOT dst.may_be_near({_NUMBERS})",
        f"{_IN_CIRCLE} AND b[3] < 85 AND NOT dst.may_be_close({_NUMBERS})",
    ):
        query = f"SELECT i, a, b FROM shapes WHERE {lost}"
        assert database.execute(query.encode()).fetchall() == []
    kept = "SELECT count(*) FROM shapes WHERE dst.may_meet(a, b)"
    (number,) = database.execute(kept).fetchone() or (0,)
    assert number < _PAIRS * 0.9


_EDGES: list[Shape | None] = [
    None, [0, 0], [360, 0], [0, 90], [123, 90], [0, -90], [10, 20, 0], [10, 20, 180],
    [190, -20, 90], [10, 20, 90], [10, 20, 1e-9], [10.000000001, 20], [-350, 20, 1],
    [0, 0, 2, 0, 2, 2, 0, 2], [0, 0, 0, 2, 2, 2, 2, 0], [2, 0, 4, 0, 4, 2, 2, 2],
    [2, 2, 4, 2, 4, 4, 2, 4], [2.1, 0, 4, 0, 4, 2, 2.1, 2], [1, 1], [2, 1], [2, 0],
    [350, -10, 10, -10, 10, 10, 350, 10], [0, 80, 90, 80, 180, 80, 270, 80],
    [0, -80, 90, -80, 180, -80, 270, -80], [0, 0, 4, 0, 4, 4, 2, 4, 2, 2, 0, 2],
    [0, 0, 90, 0, 0, 90], [0, 0, 120, 0, 240, 0], [5, 5, 5, 5, 5, 5],
    [0, 0, 1, 1, 0, 0], [0, 0, 1, 0, 2, 0], [0, 0, 3, 3, 3, 0, 0, 3],
    [1e-200, 1e-200, 1, 0, 1, 1], [0, 1e-300], [-0.0, 0.0], [0, 0, 1e-200],
    [1], [], [1, 2, 3, 4], [1, 2, 3, 4, 5], [0, 0, 1, 95, 2, 3], [1, 100, 2],
    [1, 2, -1], [1, 100],
    [float("inf"), 0, 1, 1, 2, 0], [float("nan"), 0, 1, 1, 2, 0],
]  # fmt: skip


@pytest.mark.parametrize(
    "call", ["dst.contains(a, b)", "dst.intersects(a, b)", "dst.area(a)"]
)
def test_what_touches_is_degenerate_or_no_geometry(
    duck: duckdb.DuckDBPyConnection, database: psycopg.Connection, call: str
) -> None:
    """Each of these with each: DuckDB decides what is expected."""
    edges = [g and [float(number) for number in g] for g in _EDGES]
    pairs = [(a, b) for a in edges for b in edges]
    load(duck, database, pairs)
    rows = asked_of(duck, database, call)
    wrong = [(*pairs[i], x, y) for i, x, y in rows if not _is_close(x, y, 1e-11)]
    assert wrong == []


# Texts and numbers ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "ours", "theirs"),
    [
        ("lower", "dst.lower(s)", "lower(s)"),
        ("upper", "dst.upper(s)", "upper(s)"),
        ("ilike", "dst.lower(s) LIKE dst.lower('%' || s)", "s ILIKE '%' || s"),
    ],
)
def test_the_case_of_every_character(
    duck: duckdb.DuckDBPyConnection,
    database: psycopg.Connection,
    name: str,
    ours: str,
    theirs: str,
) -> None:
    del name
    letters = [chr(c) for c in range(1, 0x30000) if not 0xD800 <= c <= 0xDFFF]
    letters = [letter for letter in letters if letter != "\\"]
    given = pa.table({"i": range(len(letters)), "s": letters})
    duck.register("given", given)
    one = duck.execute(f"SELECT {theirs} FROM given ORDER BY i").fetchall()
    duck.unregister("given")
    database.execute("CREATE TEMP TABLE IF NOT EXISTS letters (i int, s text)")
    database.execute("TRUNCATE letters")
    with database.cursor().copy("COPY letters FROM STDIN") as copy:
        for number, letter in enumerate(letters):
            copy.write_row((number, letter))
    query = f"SELECT {ours} FROM letters ORDER BY i"
    two = database.execute(query.encode()).fetchall()
    wrong = [
        (letter, a, b) for letter, a, b in zip(letters, one, two, strict=True) if a != b
    ]
    assert wrong == []


@pytest.mark.parametrize("type_", ["double precision", "real"])
def test_the_text_of_any_number(
    duck: duckdb.DuckDBPyConnection, database: psycopg.Connection, type_: str
) -> None:
    random = np.random.default_rng(5)
    bits = random.integers(0, 2**63, 4000, dtype=np.uint64)
    numbers = [
        *bits.view(np.float64), *(10.0 ** random.uniform(-8, 20, 3000)),
        *random.integers(-(10**6), 10**6, 500), *(10.0 ** np.arange(-7, 20)),
        0.0, -0.0, 1e15, 1e16, 123456789012345680.0, 9999999999999998.0,
    ]  # fmt: skip
    if type_ == "real":
        # Beyond seven digits DuckDB does not always write the shortest text.
        short = [float(f"{x:.6g}") for x in numbers if 1e-37 < abs(x) < 1e6]
        numbers = [float(np.float32(x)) for x in short]
    numbers = [float(x) for x in numbers]
    theirs = type_.replace("double precision", "double")
    one = duck.execute(
        f"SELECT CAST(CAST(x AS {theirs}) AS VARCHAR) FROM (SELECT unnest(?) AS x)",
        [numbers],
    )
    query = (
        f"SELECT dst.text(x::{type_}) FROM unnest(%s::float8[]) "
        "WITH ORDINALITY u(x, n) ORDER BY n"
    )
    two = database.execute(query.encode(), [numbers])
    assert one.fetchall() == two.fetchall()


@pytest.mark.parametrize(
    ("call", "state", "message"),
    [
        ("dst.number('abc')", "22P02", 'for type double precision: "abc"'),
        ("dst.whole('1x', 'integer')", "22P02", 'for type integer: "1x"'),
        ("dst.instant('yesterday')", "22007", 'for type timestamp: "yesterday"'),
        ("dst.instant('2021-02-30')", "22008", "field value out of range"),
        ("dst.instant('2021-01-01 25:00')", "22008", "field value out of range"),
    ],
)
def test_what_is_no_number_or_instant_is_told(
    database: psycopg.Connection, call: str, state: str, message: str
) -> None:
    with pytest.raises(psycopg.Error, match=message) as fault:
        database.execute(f"SELECT {call}".encode())
    assert fault.value.sqlstate == state


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2021-01-14", "2021-01-14 00:00:00"),
        ("2021-01-14T11:25", "2021-01-14 11:25:00"),
        ("2021-1-4 1:2:3", "2021-01-04 01:02:03"),
        ("2021/01/14", "2021-01-14 00:00:00"),
        ("2021-01-14T11:25:00.123456789Z", "2021-01-14 11:25:00.123456"),
        ("2021-01-14 11:25:00+02", "2021-01-14 11:25:00"),
        ("2021-01-14 24:00:00", "2021-01-15 00:00:00"),
        ("2021-01-14 11:25:00 UTC", "2021-01-14 11:25:00"),
    ],
)
def test_instants_of_texts_are_those_of_duckdb(
    duck: duckdb.DuckDBPyConnection,
    database: psycopg.Connection,
    text: str,
    expected: str,
) -> None:
    one = duck.execute("SELECT CAST(CAST(? AS TIMESTAMP) AS VARCHAR)", [text])
    two = database.execute("SELECT dst.instant(%s)::text", [text])
    assert one.fetchall() == two.fetchall() == [(expected,)]


# The functions themselves -----------------------------------------------------------


def test_all_are_immutable_and_safe_in_parallel(database: psycopg.Connection) -> None:
    rows = database.execute(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'dst'::regnamespace "
        "AND (provolatile <> 'i' OR proparallel <> 's')"
    )
    assert rows.fetchall() == []


def test_a_search_path_does_not_change_what_they_mean(
    database: psycopg.Connection,
) -> None:
    with database.transaction(force_rollback=True):
        database.execute("SET LOCAL search_path = pg_catalog")
        found = database.execute(
            "SELECT dst.may_be_close(1, 2, 1, 2, 3), dst.area('{0,0,1,0,0,1}'), "
            "dst.contains('{0.1,0.1}', '{0,0,1,0,0,1}'), dst.has_word('a b', 'b')"
        )
        row = found.fetchone() or ()
    assert (row[0], row[2], row[3]) == (True, True, True)
    assert row[1] == pytest.approx(0.5, rel=1e-3)


def test_they_can_be_installed_again(database: psycopg.Connection) -> None:
    functions.install(database)
    assert database.execute("SELECT dst.area('{1,2,90}')").fetchone()


def test_the_tables_come_first(postgres_server: postgres.Server) -> None:
    with psycopg.connect(postgres_server.create(), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA dst")
        with pytest.raises(IllegalState, match=r"has no function dst\.cover"):
            functions.install(connection)
