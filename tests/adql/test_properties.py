"""Whatever is written, nothing escapes: one statement, known tables and functions."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import duckdb
import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from distiller.adql import Translation, check_syntax, translate
from distiller.adql.targets.duckdb import DuckDBWriter
from distiller.archive.celestial import MACROS
from distiller.core.errors import QueryError

if TYPE_CHECKING:
    from distiller.core.columns import Catalog

_TEMPLATES = " ".join(str(t) for t in DuckDBWriter.CALLS.values())
_FUNCTIONS = {
    *re.findall(r"[A-Z_0-9]+(?=\()", _TEMPLATES),
    "AVG", "COUNT", "MAX", "MIN", "SUM", "COALESCE", "CAST", "LEFT", "REPLACE",
    "EXISTS",
    "GREATEST", "LEAST",
    "DST_DISTANCE", "DST_CONTAINS", "DST_INTERSECTS", "DST_REGION_TEXT", "DST_AREA",
    "DST_CENTROID", *(head.partition("(")[0].upper() for head in MACROS),
    "STRING_AGG", "MAP_VALUES", "HISTOGRAM_EXACT", "RANGE", "LIST_RESIZE",
}  # fmt: skip
_BOUNDED = settings(
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

_FRAGMENTS = st.sampled_from([
    "SELECT", "select", "TOP 3", "DISTINCT", "*", "FROM", "ivoa.obscore", "cta.target",
    "obs_id", "s_ra", "name", "AS x", "x", ",", "(", ")", "WHERE", "AND", "OR", "NOT",
    "=", "<", "||", "+", "-", "--", "\n", "/", "/*", "*/", "'", "''", '"', '""', "'a'",
    '"size"', ";", "DROP TABLE cta.target", "pg_sleep(1)", "read_text('/etc/passwd')",
    "1=CONTAINS(POINT(s_ra, s_dec), CIRCLE(1, 2, 3))", "UNION", "EXCEPT", "INTERSECT",
    "ORDER BY", "GROUP BY", "HAVING", "1", "2.5", "0x1", "::", "$1", "?", "[1]",
    "{'a':1}",
    "JOIN", "USING (obs_id)", "ON", "LEFT", "NATURAL", "WITH a AS (", "EXISTS (",
    "IN (",
    "COUNT(*)", "CAST(", "AS INTEGER)", "LIMIT 1", "OFFSET 1", "\x00", "é", "\u2019",
    "information_schema.tables", "getvariable('x')", "COLUMNS(*)", "EXCLUDE", "ABS(",
    "CASE WHEN 1=1 THEN 1 END", "CURRENT_USER", "SELECT 1 FROM cta.target",
])  # fmt: skip


def _is_harmless(translation: Translation, sky: duckdb.DuckDBPyConnection) -> None:
    """Look at the SQL with two other parsers than ours."""
    (statement,) = sqlglot.parse(translation.sql, dialect="duckdb")
    assert isinstance(statement, exp.Query)
    assert len(sky.extract_statements(translation.sql)) == 1
    tables = sky.get_table_names(translation.sql, qualified=True)
    bare = {name.partition(" AS ")[0].replace('"', "") for name in tables}
    assert bare <= translation.tables
    outside = re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", " ", translation.sql)
    called = set(re.findall(r"([A-Za-z_0-9]+)\(", outside))
    assert {name.upper() for name in called} <= _FUNCTIONS
    assert ";" not in outside
    assert "--" not in outside
    assert "/*" not in outside


@_BOUNDED
@given(text=st.text())
def test_any_text_is_refused_or_translated(text: str, catalog: Catalog) -> None:
    check_syntax(text)
    try:
        translate(text, catalog)
    except QueryError as refusal:
        assert refusal.faults  # noqa: PT017 - both ways are fine


@settings(_BOUNDED, max_examples=400)
@given(parts=st.lists(_FRAGMENTS, max_size=14))
def test_heaps_of_fragments_never_escape(
    parts: list[str], catalog: Catalog, sky: duckdb.DuckDBPyConnection
) -> None:
    for text in (
        " ".join(parts),
        "SELECT name FROM cta.target WHERE " + " ".join(parts),
    ):
        check_syntax(text)
        try:
            translation = translate(text, catalog)
        except QueryError:
            continue
        _is_harmless(translation, sky)


# Queries as the grammar has them

_NUMBERS = st.sampled_from([
    "s_ra", "s_dec", "calib_level", "s_xel1", "em_res_power", "1", "-2", "2.5", "1e3",
    "t_exptime",
])  # fmt: skip
_TEXTS = st.sampled_from(["target_name", "obs_id", "'a'", "'it''s'", "'%'"])


_ONE = ["ABS", "FLOOR", "CEILING", "SQRT", "EXP", "DEGREES", "SIN", "ROUND", "TRUNCATE"]


def _number(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(" ".join),
        inner.map(lambda x: f"({x})"),
        inner.map(lambda x: f"-({x})"),
        st.tuples(st.sampled_from(_ONE), inner).map(lambda p: f"{p[0]}({p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"MOD({p[0]}, {p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"POWER({p[0]}, {p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"COALESCE({p[0]}, {p[1]})"),
        inner.map(lambda x: f"COORD1(POINT({x}, 1))"),
        inner.map(lambda x: f"ivo_healpix_index(5, {x}, 1)"),
        inner.map(lambda x: f"ivo_interval_overlaps({x}, 7, 1, {x})"),
        inner.map(
            lambda x: f"COORD2(ivo_geom_transform('ICRS', 'FK4', POINT({x}, 1)))"
        ),
        inner.map(lambda x: f"CAST({x} AS REAL)"),
    )


SIMPLE = st.recursive(_NUMBERS, _number, max_leaves=5)
NUMBERS = st.one_of(
    SIMPLE,
    st.tuples(SIMPLE, SIMPLE).map(lambda p: f"DISTANCE({p[0]}, 1, {p[1]}, 2)"),
    SIMPLE.map(lambda x: f"AREA(CIRCLE({x}, 1, 1))"),
    SIMPLE.map(lambda x: f"(1 + CONTAINS(POINT({x}, 1), s_region))"),
)
TEXTS = st.recursive(
    _TEXTS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(" || ".join),
        inner.map(lambda x: f"LOWER({x})"),
        inner.map(lambda x: f"CAST({x} AS VARCHAR(3))"),
        st.tuples(inner, inner).map(lambda p: f"COALESCE({p[0]}, {p[1]})"),
    ),
    max_leaves=4,
)


def _condition(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(" ".join),
        inner.map(lambda x: f"NOT ({x})"),
        inner.map(lambda x: f"({x})"),
    )


_SIGNS = st.sampled_from(["=", "<>", "!=", "<", ">", "<=", ">="])
CONDITIONS = st.recursive(
    st.one_of(
        st.tuples(NUMBERS, _SIGNS, NUMBERS).map(" ".join),
        st.tuples(TEXTS, _SIGNS, TEXTS).map(" ".join),
        st.tuples(NUMBERS, NUMBERS, NUMBERS).map(
            lambda p: f"{p[0]} NOT BETWEEN {p[1]} AND {p[2]}"
        ),
        st.tuples(TEXTS, TEXTS).map(lambda p: f"{p[0]} ILIKE {p[1]}"),
        st.tuples(NUMBERS, NUMBERS).map(lambda p: f"{p[0]} IN ({p[1]}, 3)"),
        st.sampled_from(["s_ra IS NOT NULL", "em_min IS NULL"]),
        SIMPLE.map(
            lambda x: f"1=CONTAINS(POINT({x}, s_dec), CIRCLE(1, s_dec, s_fov + {x}))"
        ),
        SIMPLE.map(lambda x: f"0=INTERSECTS(s_region, CIRCLE({x}, 1, 2))"),
        NUMBERS.map(lambda x: f"DISTANCE(s_ra, s_dec, 1, 2) < {x}"),
        TEXTS.map(lambda x: f"{x} IN (SELECT name FROM cta.target)"),
        NUMBERS.map(lambda x: f"EXISTS (SELECT * FROM cta.target WHERE ra > {x})"),
    ),
    _condition,
    max_leaves=4,
)


@st.composite
def queries(draw: st.DrawFn) -> str:
    """Draw valid queries on the small sky."""
    values = draw(st.lists(st.one_of(NUMBERS, TEXTS), min_size=1, max_size=4))
    number = draw(st.sampled_from(["", "TOP 3 ", "DISTINCT "]))
    where = draw(st.one_of(st.none(), CONDITIONS))
    text = f"SELECT {number}{', '.join(values)} FROM ivoa.obscore"
    if where is not None:
        text += f" WHERE {where}"
    shape = draw(st.sampled_from(["plain", "order", "sub", "set", "cte", "group"]))
    if shape == "order":
        return f"{text} ORDER BY {draw(st.integers(1, len(values)))} DESC OFFSET 1"
    if shape == "sub":
        return f"SELECT q.* FROM ({text}) AS q"
    if shape == "set":
        return f"({text}) UNION ALL ({text}) EXCEPT {text} ORDER BY 1"
    if shape == "cte":
        return f"WITH q AS ({text}) SELECT COUNT(*) AS n FROM q HAVING COUNT(*) >= 0"
    if shape == "group":
        value = values[0]
        rest = f" WHERE {where}" if where else ""
        return (
            f"SELECT {value} AS v, COUNT(*) AS n, SUM(s_ra) FROM ivoa.obscore{rest} "
            "GROUP BY v ORDER BY n, v"
        )
    return text


@pytest.mark.slow
@settings(_BOUNDED, max_examples=100)
@given(text=queries())
def test_queries_of_the_grammar_are_accepted_and_the_engine_can_bind_them(
    text: str, catalog: Catalog, sky: duckdb.DuckDBPyConnection
) -> None:
    assert check_syntax(text) == ()
    translation = translate(text, catalog)
    _is_harmless(translation, sky)
    for sql in (translation.sql, translation.limited(2)):
        # Constants are computed when a query is bound, and may overflow.
        with contextlib.suppress(
            duckdb.ConversionException, duckdb.OutOfRangeException
        ):
            sky.execute(f"EXPLAIN {sql}")


@settings(_BOUNDED, max_examples=50)
@given(text=queries(), data=st.data())
def test_case_and_space_do_not_matter(
    text: str, data: st.DataObject, catalog: Catalog
) -> None:
    space = data.draw(st.sampled_from(["  ", "\n", "\t", " -- comment 'x\n"]))
    parts = re.split(r"('(?:[^']|'')*')", text)
    other = "".join(
        part if part.startswith("'") else part.swapcase().replace(" ", space)
        for part in parts
    )
    assert translate(other, catalog).sql == translate(text, catalog).sql
