"""DuckDB and PostgreSQL give the same answers to the same ADQL."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from tests.adql.generated import Generator
from tests.adql.test_properties import queries
from tests.support import engines as pair

from distiller.adql import check_syntax, limits, translate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support import postgres

    from distiller.core.columns import Catalog, Column

pytestmark = pytest.mark.slow
_ROWS = 400
_SECONDS = (0.0, -0.5, 2.5, 1e-300, 1e300, 1682.25)
_NEW_YEAR = dt.datetime(2021, 1, 1)


@pytest.fixture(scope="module")
def both(catalog: Catalog, postgres_server: postgres.Server) -> Iterator[pair.Engines]:
    """Both engines with some hundred rows."""
    engines = pair.make(catalog, postgres_server.create())
    random = np.random.default_rng(3)
    fields = pair.regions(random, _ROWS)
    engines.fill("ivoa.obscore", [_run(random, i, f) for i, f in enumerate(fields)])
    engines.fill("cta.product", [_product(random, i) for i in range(_ROWS // 2)])
    engines.fill("cta.target", [_target(random, i) for i in range(60)])
    engines.fill("tap_schema.columns", [("ivoa.obscore", "s_ra", 1)])
    yield engines
    pair.close(engines)


def _run(
    random: np.random.Generator, number: int, field: list[float] | None
) -> list[Any]:
    place = field or [float(random.uniform(0, 360)), float(random.uniform(-90, 90))]
    moment = _NEW_YEAR + dt.timedelta(seconds=float(random.uniform(-1e8, 1e8)))
    return [
        str(number), ["hess", "cta", "Sim"][number % 3], pair.text(random), number % 4,
        pair.some(random, place[0]), pair.some(random, place[1]),
        pair.some(random, float(random.uniform(0, 10))), field,
        pair.some(random, int(random.integers(-10**12, 10**12))),
        pair.some(random, float(random.uniform(5e4, 6e4))),
        pair.some(random, float(random.choice(_SECONDS))),
        pair.some(random, float(10.0 ** random.uniform(-20, -10))),
        pair.some(random, float(np.float32(random.uniform(0, 2)))),
        pair.some(random, ["public", "proprietary"][number % 2]),
        pair.some(random, moment),
    ]  # fmt: skip


def _product(random: np.random.Generator, number: int) -> list[Any]:
    return [
        f"p{number}", str(random.integers(_ROWS)), pair.text(random),
        pair.some(random, int(random.integers(0, 10**10))),
        pair.some(random, int(random.integers(-30_000, 30_000))),
        pair.some(random, bool(random.integers(2))),
    ]  # fmt: skip


def _target(random: np.random.Generator, number: int) -> list[Any]:
    place = [float(random.uniform(0, 360)), float(random.uniform(-90, 90))]
    return [
        number, pair.text(random) or "?", pair.some(random, place), place[0], place[1],
        pair.some(random, number * 7 - 100),
    ]  # fmt: skip


_FIXTURES = Path(__file__).parent / "fixtures"


def _lines(name: str) -> list[str]:
    return (_FIXTURES / name).read_text(encoding="utf-8").strip().splitlines()


def _examples(name: str) -> list[str]:
    """Return the queries of a fixture, without the SQL that may stand below each."""
    text = (_FIXTURES / name).read_text(encoding="utf-8")
    blocks = [block.strip() for block in text.strip().split("\n\n")]
    return [block.partition(";\n")[0].rstrip("; ") for block in blocks]


_EXAMPLES = [
    text
    for name in ("valid.sql", "duckdb.sql", "pgsphere.sql")
    for text in _examples(name)
]
_FAR = re.compile(r"(DISTANCE|POINT|CIRCLE|BOX|POLYGON)\(.*(POWER|EXP)\(")
"""Places of 1e50 degrees: where they lie, the last bit of the number decides."""
_CHANCE = re.compile(r"\bRAND\(|\bTOP [1-9]", re.IGNORECASE)


@pytest.mark.parametrize("text", _EXAMPLES)
def test_examples(text: str, both: pair.Engines) -> None:
    one, two = both.rows_of_duckdb(text), both.rows_of_postgres(text)
    if _CHANCE.search(text) or "OFFSET" in text:
        assert not isinstance(one, Exception)
        assert not isinstance(two, Exception), two
        assert len(one) == len(two)
        return
    assert not pair.difference(one, two, ordered=False, digits=_digits(text))


def _digits(text: str) -> float:
    """Return the relative difference that a query allows.

    Thin polygons have no sharp centroid.
    """
    return 1e-9 if "CENTROID" in text else 1e-12


@pytest.mark.parametrize("value", _lines("values.txt"))
def test_values(value: str, both: pair.Engines) -> None:
    text = f"SELECT obs_id, {value} AS x FROM ivoa.obscore ORDER BY obs_id"
    one, two = both.rows_of_duckdb(text), both.rows_of_postgres(text)
    assert not pair.difference(one, two, ordered=True, digits=_digits(text))


@pytest.mark.parametrize("condition", _lines("conditions.txt"))
def test_conditions(condition: str, both: pair.Engines) -> None:
    text = f"SELECT obs_id FROM ivoa.obscore WHERE {condition} ORDER BY obs_id"
    one, two = both.rows_of_duckdb(text), both.rows_of_postgres(text)
    assert not pair.difference(one, two, ordered=True)


@pytest.mark.parametrize("text", _examples("queries.sql"))
def test_queries(text: str, both: pair.Engines) -> None:
    one, two = both.rows_of_duckdb(text), both.rows_of_postgres(text)
    assert not pair.difference(
        one, two, ordered="ORDER BY" in text, digits=_digits(text)
    )


@settings(max_examples=300, deadline=None, derandomize=True)
@given(text=queries())
def test_queries_of_the_grammar(text: str, both: pair.Engines) -> None:
    one, two = both.rows_of_duckdb(text), both.rows_of_postgres(text)
    if _CHANCE.search(text) or "OFFSET" in text:
        # Which rows these leave out, and so never compute, is the choice of an engine.
        return
    if _FAR.search(text):
        return
    assert not pair.difference(one, two, ordered=False)


@pytest.mark.parametrize("seed", range(350))
def test_generated_queries(seed: int, both: pair.Engines) -> None:
    text = Generator(seed).query()
    assert check_syntax(text) == ()
    one, two = both.rows_of_duckdb(text), both.rows_of_postgres(text)
    assert not isinstance(one, Exception), one
    assert not pair.difference(one, two, ordered=False, digits=1e-9)


def test_generated_queries_have_rows_and_many_forms(both: pair.Engines) -> None:
    texts = [Generator(seed).query() for seed in range(350)]
    assert len(set(texts)) > 340
    answers = [both.rows_of_duckdb(text) for text in texts[:100]]
    assert sum(isinstance(rows, list) and len(rows) > 1 for rows in answers) > 40
    for word in (
        "LEFT JOIN", "FULL", "NATURAL", "USING", "UNION", "EXCEPT ALL", "INTERSECT",
        "WITH q", "GROUP BY", "HAVING", "DISTINCT", "CAST(", "IS NOT NULL", "EXISTS",
        "NOT (", "BOX(", "GALACTIC", "Union", "POLYGON(0, 60", "CENTROID(", "SUM(",
    ):  # fmt: skip
        assert sum(word in text for text in texts) >= 3, word


def test_the_most_columns_and_terms_that_are_allowed(both: pair.Engines) -> None:
    """PostgreSQL makes a column of each term that is grouped or sorted by."""
    columns = ", ".join(f"s_ra + {i} AS c{i}" for i in range(limits.MOST_ITEMS - 1))
    terms = ", ".join(f"s_ra - {i}" for i in range(1, limits.MOST_SORTED))
    text = (
        f"SELECT s_ra, {columns} FROM ivoa.obscore WHERE calib_level = 1 "
        f"GROUP BY s_ra, {terms} ORDER BY s_ra, {terms.replace('-', '+ 0 -')}"
    )
    one, two = both.rows_of_duckdb(text), both.rows_of_postgres(text)
    assert not pair.difference(one, two, ordered=True)


_OIDS = {
    "boolean": 16, "short": 21, "int": 23, "long": 20, "float": 700, "double": 701,
    "char": 25, "timestamp": 1114, "geometry": 1022, "int[]": 1007,
}  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        *_EXAMPLES,
        *_examples("queries.sql"),
        *(f"SELECT {value} AS x FROM ivoa.obscore" for value in _lines("values.txt")),
    ],
)
def test_types_are_those_that_are_announced(text: str, both: pair.Engines) -> None:
    translation = translate(text, both.catalog, target="pgsphere")
    with both.postgres.cursor() as cursor:
        # Without rows nothing can fail in their values.
        cursor.execute(f"SELECT * FROM ({translation.body}) AS q LIMIT 0".encode())
        found = [column.type_code for column in cursor.description or ()]
    assert found == [_OIDS[_kind(column)] for column in translation.columns]


def _kind(column: Column) -> str:
    if column.is_geometry and column.datatype == "double":
        return "geometry"
    if column.datatype == "int" and column.arraysize is not None:
        return "int[]"
    return "timestamp" if column.is_instant else column.datatype
