"""Words that read as a condition, and words that do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
import pytest

from distiller.model.conditions import NoCondition, Operand, read_condition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support import postgres

_COLUMNS = {
    "a": Operand("a", "number"),
    "n": Operand("n", "number"),
    "part.b": Operand("part_b", "number", single=True),
    "t": Operand("order", "text"),
    "f": Operand("f", "truth"),
    "w": Operand("w", "instant"),
    "v": Operand("v", "instant"),
    "r": Operand("r", "region"),
}
_CASES: list[tuple[str, dict[str, Any], bool | None]] = [
    ("a > 0", {"a": 1}, True),
    ("a > 0", {"a": 0}, False),
    ("a > 0", {}, None),
    ("self.a >= 0 and part.b < 1.5e3", {"a": 0, "part_b": 1499.0}, True),
    ("-90<=self.a<=90 ", {"a": -90}, True),
    ("-90<=self.a<=90 ", {"a": 90.5}, False),
    ("t in ('x', 'it''s')", {"order": "it's"}, True),
    ("t in ('x', 'it''s')", {"order": "its"}, False),
    ("t not in ('x')", {"order": "x"}, False),
    ("f", {"f": True}, True),
    ("not f or a is null", {"f": True, "a": 1}, False),
    ("not f or a is null", {"f": True}, True),
    ("f = true", {"f": False}, False),
    ("n / 2 > 0.4", {"n": 1}, True),
    ("7 / n = 3.5", {"n": 2}, True),
    ("7 / n = 3.5", {"n": 0}, None),
    ("a * (n + 1) - 2 == 4", {"a": 2, "n": 2}, True),
    ("- - a > 0", {"a": 1}, True),
    ("-a + 1 <> 0", {"a": 1}, False),
    ("a between 1 and 2 or a != 7", {"a": 7}, False),
    ("a not between 1 and 2", {"a": 3}, True),
    ("w <= v", {"w": "2020-01-01", "v": "2020-01-02"}, True),
    ("r is not null", {}, False),
    ("((a > 0)) AND NOT (a > 5)", {"a": 5}, True),
    ("part.b <= 0.1", {"part_b": 0.25}, False),
    ("a < 1e300", {"a": 1}, True),
]
_TABLE = """CREATE TEMPORARY TABLE x (a DOUBLE PRECISION, n INTEGER, part_b REAL,
"order" VARCHAR, f BOOLEAN, w TIMESTAMP, v TIMESTAMP, r DOUBLE PRECISION[])"""


def _insert(row: dict[str, Any]) -> str:
    names = ["a", *(f'"{name}"' for name in row if name != "a")]
    values = {"a": None, **row}
    cells = ["NULL" if v is None else repr(v) for v in values.values()]
    listed = ", ".join(c.replace('"it\'s"', "'it''s'") for c in cells)
    return f"INSERT INTO x ({', '.join(names)}) VALUES ({listed})"


@pytest.mark.parametrize(("words", "row", "holds"), _CASES)
def test_duckdb_answers(words: str, row: dict[str, Any], holds: bool | None) -> None:  # noqa: FBT001 - a table of cases
    connection = duckdb.connect()
    connection.execute(_TABLE)
    connection.execute(_insert(row))
    condition = read_condition(words, _COLUMNS)
    found = connection.execute(f"SELECT {condition.sql} FROM x").fetchone()
    assert found == (holds,)


@pytest.fixture(scope="module")
def database(postgres_server: postgres.Server) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_server.create()) as connection:
        connection.execute(_TABLE.encode())
        yield connection


@pytest.mark.slow
@pytest.mark.parametrize(("words", "row", "holds"), _CASES)
def test_postgresql_answers_the_same(
    database: psycopg.Connection,
    words: str,
    row: dict[str, Any],
    holds: bool | None,  # noqa: FBT001 - a table of cases
) -> None:
    database.execute("DELETE FROM x")
    database.execute(_insert(row).encode())
    condition = read_condition(words, _COLUMNS)
    found = database.execute(f"SELECT {condition.sql} FROM x".encode()).fetchone()
    assert found == (holds,)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("", "it ends too early"),
        ("the start is before the stop", "the is no attribute with one column"),
        ("a must be positive", "'must' is too much"),
        ("a", "a is no condition"),
        ("a > 'x'", "a and 'x' cannot be compared"),
        ("w > a", "w and a cannot be compared"),
        ("r = r", "cannot be compared"),
        ("t + 1 > 0", "is no number"),
        ("(a > 0) = (n > 0)", "is no value"),
        ("1 < 2", "it is on no attribute"),
        ("a > 1 2", "'2' is too much"),
        ("a > ", "it ends too early"),
        ("a > 0 and", "it ends too early"),
        ("a not 1", "'between' or 'in' is lacking after 'not'"),
        ("a in (1, 2", "')' is lacking"),
        ("a > 0; DROP TABLE x", "'; DROP TABLE x' is not understood"),
        ("a > 0 -- x", "x is no attribute"),
        ("a > and", "'and' is out of place"),
        ("pg_sleep(10) > a", "pg_sleep is no attribute"),
        ("a < 1e999", "1e999 is too large"),
        ("-" * 2000 + "a > 0", "too many brackets"),
        ("(" * 60 + "a > 0" + ")" * 60, "too many brackets"),
    ],
)
def test_other_words_stay_words(words: str, why: str) -> None:
    with pytest.raises(NoCondition) as caught:
        read_condition(words, _COLUMNS)
    assert why in str(caught.value)


def test_signs_in_a_row_are_no_comment() -> None:
    found = read_condition("v > - -5", {"v": Operand("v", "number")})
    assert found.sql == "v > (-(-5))"


def test_digits_of_other_alphabets_are_no_number() -> None:
    with pytest.raises(NoCondition):
        read_condition("v > \u0663", {"v": Operand("v", "number")})
