"""Texts that want something else than an answer."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from distiller.adql import check_syntax, limits, translate
from distiller.core.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    import duckdb

    from distiller.core.columns import Catalog

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "text",
    [
        "SELECT pg_sleep(10)",
        "SELECT pg_sleep(10) FROM cta.target",
        "SELECT name FROM cta.target WHERE 1 = (SELECT pg_sleep(10) FROM cta.target)",
        "SELECT name FROM cta.target; DROP TABLE cta.target",
        "SELECT name FROM cta.target;\n-- x\nDELETE FROM cta.target",
        "SELECT name FROM cta.target --;\n; DROP TABLE cta.target --",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv_auto('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        'SELECT * FROM "/etc/passwd"',
        'SELECT * FROM cta."target"" UNION SELECT 1"',
        "SELECT content FROM \"read_text('/etc/passwd')\"",
        "SELECT getenv('HOME') FROM cta.target",
        "SELECT current_setting('access_mode') FROM cta.target",
        "SELECT getvariable('x') FROM cta.target",
        "SELECT * FROM duckdb_secrets()",
        "SELECT * FROM pg_catalog.pg_user",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM sqlite_master",
        "SELECT * FROM duckdb_tables",
        "SELECT nextval('s') FROM cta.target",
        'SELECT "pg_sleep"(10) FROM cta.target',
        "SELECT main.pg_sleep(10) FROM cta.target",
        "SELECT name.upper() FROM cta.target",
        "SELECT name FROM cta.target WHERE name = ''''; DROP TABLE cta.target; --'",
        "SELECT name FROM cta.target WHERE name = 'a\\'; DROP TABLE cta.target; --'",
        "SELECT name FROM cta.target WHERE name = E'a\\'; DROP TABLE cta.target; --'",
        "SELECT name FROM cta.target WHERE name = $$a$$",
        "SELECT name FROM cta.target WHERE name = U&'\\0041'",
        "SELECT name FROM cta.target /* /* nested */ WHERE 1=1 */",
        "SELECT /*! pg_sleep(1) */ name FROM cta.target",
        "SELECT name FROM cta.target WHERE name = 'a' -- \x00 \n OR \x00 1=1",
        "SELECT name FROM cta.target WHERE name = 'a\x00b'",
        "SELECT ｎａｍｅ FROM cta.target",
        "SELECT name FROM cta.target WHERE name = \u2018a\u2019",
        "SELECT name\u2028FROM cta.target",
        "SELECT\u00a0name FROM cta.target",
        "SELECT \u202ename FROM cta.target",
        "SELECT name FROM cta.target WHERE name = '\ud800'",
        "COPY (SELECT 1) TO 'x'",
        "ATTACH 'x.db'",
        "INSTALL httpfs",
        "CALL pragma_version()",
        "EXPLAIN SELECT name FROM cta.target",
        "CREATE TABLE x AS SELECT name FROM cta.target",
        "WITH x AS (DELETE FROM cta.target RETURNING name) SELECT * FROM x",
        "WITH x AS MATERIALIZED (SELECT 1 FROM cta.target) SELECT * FROM x",
        "SELECT * FROM cta.target FOR UPDATE",
        "SELECT name FROM cta.target UNION BY NAME SELECT name FROM cta.target",
        "SELECT name FROM cta.target ORDER BY ALL",
        "SELECT name FROM cta.target GROUP BY ALL",
        "SELECT name FROM cta.target GROUP BY ROLLUP (name)",
        "SELECT * FROM cta.target AS t(a, b)",
        "SELECT * FROM (cta.target)",
        "SELECT #1 FROM cta.target",
        "SELECT t FROM cta.target t",
        "SELECT rowid FROM cta.target",
        "SELECT name[1] FROM cta.target",
        "SELECT name FROM cta.target LIMIT 1 OFFSET 2",
        "SELECT DATE '2020-01-01' FROM cta.target",
        "SELECT INTERVAL '1' DAY FROM cta.target",
        "SELECT CURRENT_USER FROM cta.target",
        "SELECT CURRENT_TIMESTAMP FROM cta.target",
        "SELECT TRUE FROM cta.target",
        "SELECT NOT 1 FROM cta.target",
        "SELECT name FROM cta.target WHERE TRUE",
        "SELECT name FROM cta.target WHERE name IS DISTINCT FROM 'a'",
        "SELECT name FROM cta.target WHERE name SIMILAR TO 'a'",
        "SELECT name FROM cta.target WHERE name ~ 'a'",
        "SELECT name FROM cta.target WHERE (ra, dec) IN ((1, 2))",
        "SELECT name FROM cta.target WHERE ra NOTNULL",
        "SELECT name FROM cta.target WHERE ra BETWEEN SYMMETRIC 2 AND 1",
        "SELECT COUNT(ra, dec) FROM cta.target",
        "SELECT COUNT(DISTINCT *) FROM cta.target",
        "SELECT SUM(*) FROM cta.target",
        "SELECT COUNT() FROM cta.target",
        "SELECT TOP 1 PERCENT name FROM cta.target",
        "SELECT TOP 9223372036854775808 name FROM cta.target",
        "SELECT TOP 1e3 name FROM cta.target",
        "SELECT name AS 'x' FROM cta.target",
        "SELECT - - 1 FROM cta.target",
        "SELECT 1 + FROM cta.target",
        "SELECT (name FROM cta.target",
        "SELECT name) FROM cta.target",
        "SELECT 1e999 FROM cta.target",
        "SELECT ''a'' FROM cta.target",
        "",
        " \n\t ",
        "-- nothing",
        ";",
        "(",
        "((((",
        "\x00",
        "SELECT",
        "WITH",
        "WITH a AS",
        "SELECT * FROM ((((cta.target",
    ],
)  # fmt: skip
def test_refused_with_a_place(text: str, catalog: Catalog) -> None:
    with pytest.raises(QueryError) as refusal:
        translate(text, catalog)
    lines = text.count("\n") + 1
    assert refusal.value.faults
    for fault in refusal.value.faults:
        assert 1 <= fault.line <= lines
        assert 1 <= fault.column <= len(text) + 1
        assert fault.message


@pytest.mark.parametrize(
    "value",
    [
        "'''; DROP TABLE cta.target; --'",
        "'\\'",
        "'\\''; DROP TABLE cta.target --'",
        "'$$'",
        "'/*'",
        "'--'",
        "'a\nb'",
        "'\u202e\u2019'",
        "'%s {0} {} %(x)s'",
    ],
)
def test_text_stays_text(
    value: str, catalog: Catalog, sky: duckdb.DuckDBPyConnection
) -> None:
    translation = translate(f"SELECT {value} AS x FROM tap_schema.columns", catalog)
    expected = value[1:-1].replace("''", "'")
    assert sky.execute(translation.sql).fetchall() == [(expected,)]


@pytest.mark.parametrize(
    "name", ['a""b', 'x"" FROM y; --', "{0}", "a;b", "é", "select"]
)
def test_delimited_names_stay_names(
    name: str, catalog: Catalog, sky: duckdb.DuckDBPyConnection
) -> None:
    translation = translate(f'SELECT 1 AS "{name}" FROM tap_schema.columns', catalog)
    assert translation.columns[0].name == name.replace('""', '"')
    sky.execute(translation.sql)
    assert [d[0] for d in sky.description or ()] == [translation.columns[0].name]


class TooMuchWork(Exception):  # noqa: N818 - it ends a test
    """More lines of the translator ran than the text is worth."""


_ROOMS = ("distiller/adql/", "/sqlglot/")


@contextmanager
def at_most(lines: int) -> Iterator[None]:
    """Let so many lines of the ADQL room and of sqlglot run.

    Work is counted, not seconds.
    """
    left = lines

    def count(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal left
        del arg
        if not any(room in frame.f_code.co_filename for room in _ROOMS):
            return None
        if event == "line":
            left -= 1
            if left < 0:
                message = f"more than {lines} lines"
                raise TooMuchWork(message)
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        yield
    finally:
        sys.settrace(before)


def _nested(count: int) -> dict[str, str]:
    return {
        "parentheses": "SELECT " + "(" * count + "1" + ")" * count + " FROM cta.target",
        "conditions": "SELECT 1 FROM cta.target WHERE "
        + "(" * count + "ra = 1" + ")" * count,
        "open": "SELECT " + "(" * count,
        "functions": "SELECT " + "ABS(" * count + "1" + ")" * count
        + " FROM cta.target",
        "not": "SELECT 1 FROM cta.target WHERE "
        + "NOT (" * count + "ra = 1" + ")" * count,
        "queries": "SELECT * FROM " + "(SELECT * FROM " * count + "cta.target"
        + ") q" * count,
        "exists": "SELECT 1 FROM cta.target WHERE "
        + "EXISTS (SELECT 1 FROM cta.target WHERE " * count + "1=1" + ")" * count,
        "joins": "SELECT 1 FROM " + "(" * count + "cta.target a"
        + " JOIN cta.target b ON 1=1)" * count,
        "sets": "(" * count + "SELECT 1 FROM cta.target" + ")" * count,
        "sums": "SELECT " + "1+" * count + "1 FROM cta.target",
        "products": "SELECT " + "1*" * count + "1 FROM cta.target",
        "texts": "SELECT " + "'a'||" * count + "'a' FROM cta.target",
        "unions": " UNION ".join(["SELECT 1 FROM cta.target"] * (count + 1)),
        "signs": "SELECT " + "-(" * count + "1" + ")" * count + " FROM cta.target",
    }  # fmt: skip


@pytest.mark.parametrize("shape", list(_nested(1)))
@pytest.mark.parametrize("count", [10, 30, 45, 90, 300, 5000])
def test_depth_is_limited_and_never_a_recursion_error(
    shape: str, count: int, catalog: Catalog, sky: duckdb.DuckDBPyConnection
) -> None:
    text = _nested(count)[shape]
    try:
        with at_most(600 * len(text) + 200_000):
            translation = translate(text, catalog)
    except QueryError as refusal:
        codes = {fault.code for fault in refusal.faults}
        if shape not in {"open", "joins"}:
            assert codes == {"Q108"}
            assert count > 30
    else:
        assert count < 200
        sky.execute(f"EXPLAIN {translation.sql}")


def test_very_long_texts_are_refused_at_once(catalog: Catalog) -> None:
    for text in (
        "SELECT '" + "x" * 300_000 + "' FROM cta.target",
        "SELECT " + "1," * 60_000 + "1 FROM cta.target",
        "x" * 150_000,
        "'" * 150_001,
        "(" * 150_000,
        "--" * 99_000,
        "-" * 150_001,
    ):
        with pytest.raises(QueryError) as refusal, at_most(2_000_000):
            translate(text, catalog)
        assert len(refusal.value.text) < 2000


def test_long_lists_are_limited_with_a_hint(catalog: Catalog) -> None:
    text = "SELECT 1 FROM cta.target WHERE ra IN (" + "1," * 19_000 + "1)"
    assert translate(text, catalog).sql
    text = "SELECT 1 FROM cta.target WHERE ra IN (" + "1," * 25_000 + "1)"
    with pytest.raises(QueryError, match="Q108 more than") as refusal:
        translate(text, catalog)
    assert refusal.value.faults[0].code == "Q108"


def test_many_columns_are_limited(catalog: Catalog) -> None:
    text = "SELECT " + "1," * 3000 + "1 FROM cta.target"
    assert [f.code for f in check_syntax(text)] == ["Q108"]
    with pytest.raises(QueryError, match="columns are selected"):
        translate(text, catalog)


_OBS = "ivoa.obscore"


def _doubled(links: int) -> str:
    """Return named queries that each join the one before with itself."""
    chain = "".join(
        f", a{i} AS (SELECT * FROM a{i - 1} x, a{i - 1} y)" for i in range(1, links)
    )
    return f"WITH a0 AS (SELECT * FROM {_OBS}){chain} SELECT COUNT(*) FROM a{links - 1}"


def _tower(levels: int) -> str:
    """Return named queries that each join the text of the one before to itself."""
    joined = "||".join(["s"] * 100)
    floors = "".join(
        f", a{i} AS (SELECT {joined} AS s FROM a{i - 1})" for i in range(1, levels)
    )
    return f"WITH a0 AS (SELECT obs_id AS s FROM {_OBS}){floors} SELECT 1 FROM a0"


def _chain(count: int) -> str:
    tables = ", ".join(f"cta.target t{i}" for i in range(count))
    equal = " AND ".join(f"t{i}.ra = t{i + 1}.ra" for i in range(count - 1))
    return f"SELECT 1 FROM {tables} WHERE {equal}"


_WHERE = f"SELECT obs_id FROM {_OBS} WHERE "
_SUM = "+".join(["s_ra"] * 100)

TOO_MUCH = {
    "stars": (f"SELECT {','.join(['*'] * 2000)} FROM {_OBS}",
              "more than 1000 columns are selected"),
    "doubled": (_doubled(13), "more than 1000 columns are selected"),
    "wide tables": (
        f"WITH a AS (SELECT {','.join(['o.*'] * 60)} FROM {_OBS} o) SELECT 1 FROM a x"
        + ", a y" * 45, "more than 20000 columns of tables and SELECTs together"),
    "comma joins": (_chain(300), "more than 50 joins"),
    "using": (f"SELECT 1 FROM {_OBS} a" + "".join(
        f" JOIN {_OBS} a{i} USING (obs_id)" for i in range(999)), "more than 50 joins"),
    "tables": (" UNION ".join(["SELECT 1 FROM cta.target, cta.product"] * 51),
               "more than 100 tables"),
    "between": (_WHERE + " OR ".join(f"s_ra BETWEEN {i} AND 9" for i in range(600)),
                "more than 500 alternatives of OR"),
    "cones": (_WHERE + " OR ".join(["DISTANCE(s_ra,s_dec,1,2)<1"] * 600),
              "more than 500 alternatives of OR"),
    "conditions": (_WHERE + " AND ".join(f"s_ra <> {i}" for i in range(3000)),
                   "more than 2000 conditions"),
    "sorted": (f"SELECT s_ra FROM {_OBS} ORDER BY " + ",".join(["s_ra"] * 600),
               "more than 300 terms of ORDER BY"),
    "grouped": (f"SELECT s_ra FROM {_OBS} GROUP BY " + ",".join(["s_ra"] * 600),
                "more than 300 terms of GROUP BY"),
    "tower": (_tower(3), "this may become longer than 100000 characters"),
    "wide rows": (
        f"WITH a AS (SELECT '{'x' * 10000}' AS s FROM {_OBS}) SELECT "
        + ",".join(["s"] * 20) + " FROM a",
        "rows may become longer than 100000 characters"),
    "vertices": (f"SELECT POLYGON({','.join(['1'] * 4000)}) FROM {_OBS}",
                 "a POLYGON of more than 1000 vertices"),
    "vertices of text": (f"SELECT CAST('{'1 2 ' * 2000}' AS POLYGON) FROM {_OBS}",
                         "a POLYGON of more than 1000 vertices"),
    "boxes": (_WHERE + " OR ".join(
        ["1=CONTAINS(POINT(s_ra,s_dec),BOX(s_ra,s_dec,s_fov,1))"] * 450),
        "this would be written too often"),
    "frames": (
        "SELECT POLYGON('GALACTIC'" + ",s_ra,s_dec" * 900 + f") FROM {_OBS}",
        "this would be written too often"),
    "regions": (_WHERE + " OR ".join(
        [f"1=CONTAINS(POINT(s_ra,s_dec),REGION('Union ({'Circle 1 2 3 ' * 98})'))"]
        * 50), "this would be written too often"),
    "high by a box": (
        "SELECT " + "(" * 33 + "COORD1(CENTROID(BOX('GALACTIC',s_ra,1,2,s_fov)))"
        + "+1+1+1)" * 33 + f" FROM {_OBS}", "here more than 160 levels deep"),
    "copies": (f"SELECT {_SUM} AS x FROM {_OBS} ORDER BY "
               + ",".join(["x+x+x+x+x+1"] * 290),
               "names of the SELECT list stand for too much here"),
    "high": ("SELECT " + "(" * 30 + "s_ra" + "+1+1+1+1+1+1)" * 30 + f" FROM {_OBS}",
             "operators and parentheses more than 160 levels deep"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("case", list(TOO_MUCH))
def test_what_would_cost_much_is_refused_at_little_cost(
    case: str, catalog: Catalog
) -> None:
    text, message = TOO_MUCH[case]
    with pytest.raises(QueryError) as refusal, at_most(3_000_000):
        translate(text, catalog)
    (fault,) = (f for f in refusal.value.faults if f.code == "Q108")
    assert message in fault.message


_TURNED = "ivo_geom_transform('ICRS', 'FK4', %s)"


def _calls(call: str, value: str) -> str:
    for _ in range(limits.DEEPEST - 2):
        value = call.replace("%s", value)
    return value


LONG = {
    "columns in a list": _WHERE + f"s_ra IN ({','.join(['s_dec'] * 4000)})",
    "timestamps in a list": (
        _WHERE + f"obs_creation_date IN ({','.join(['%s'] * 5000)})"
    ).replace("%s", "'2020-01-01'"),
    "coalesce": f"SELECT COALESCE({','.join(['s_ra'] * 4000)}) FROM {_OBS}",
    "divisions": f"SELECT COALESCE({','.join(['1/2'] * 3000)}) FROM {_OBS}",
    "one name": f"SELECT {','.join(['s_ra'] * 1000)} FROM {_OBS}",
    "ordered": f"SELECT {','.join(f's_ra+{i}' for i in range(900))} FROM {_OBS} "
    f"ORDER BY {','.join(f'{i}+s_ra' for i in range(299))}",
    "grouped": f"SELECT 1 AS x FROM {_OBS} "
    f"GROUP BY {','.join(f'{i}+s_ra' for i in range(299))}",
    "time moc": _WHERE + f"1 = cta_tmoc_has('41/{' '.join(['1'] * 40_000)}', t_min)",
    "times": f"SELECT {_calls('cta_tmoc_union(%s, obs_id)', 'obs_id')} FROM {_OBS}",
    "frames": f"SELECT {_calls(_TURNED, 's_region')} FROM {_OBS}",
    "cells": f"SELECT {','.join(['ivo_healpix_index(3,s_ra,2)'] * 900)} FROM {_OBS}",
    "alternatives": _WHERE + " OR ".join(f"s_ra = {i}" for i in range(1990)),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", list(LONG))
def test_long_queries_cost_in_proportion_to_their_length(
    case: str, catalog: Catalog
) -> None:
    with at_most(3_000_000):
        assert translate(LONG[case], catalog).sql


def test_regions_in_each_other_are_limited(catalog: Catalog) -> None:
    for depth, codes in ((9, set()), (11, {"Q401"}), (5000, {"Q401"})):
        text = "Not (" * depth + "Circle 1 2 3" + ")" * depth
        query = f"{_WHERE}1=CONTAINS(s_region, REGION('{text}'))"
        found: set[str] = set()
        try:
            translate(query, catalog)
        except QueryError as refusal:
            found = {fault.code for fault in refusal.faults}
        assert found == codes


UNKNOWN = {
    "columns": _WHERE + " OR ".join(f"obs_idd{i} = 1" for i in range(1900)),
    "functions": _WHERE + " OR ".join(f"abcdef{i}() = 1" for i in range(1900)),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", list(UNKNOWN))
def test_hints_are_sought_for_those_faults_only_that_are_told(
    case: str, catalog: Catalog
) -> None:
    with pytest.raises(QueryError) as refusal, at_most(3_000_000):
        translate(UNKNOWN[case], catalog)
    assert len(refusal.value.faults) == 50


def test_named_queries_are_planned_once(
    catalog: Catalog, sky: duckdb.DuckDBPyConnection
) -> None:
    """Without MATERIALIZED this takes DuckDB more memory than there is."""
    chain = "".join(
        f", a{i} AS (SELECT x.obs_id FROM a{i - 1} x JOIN a{i - 1} y "
        "ON x.obs_id = y.obs_id)"
        for i in range(1, 25)
    )
    text = f"WITH a0 AS (SELECT obs_id FROM {_OBS}){chain} SELECT COUNT(*) FROM a24"
    sql = translate(text, catalog).sql
    assert sql.count(" AS MATERIALIZED (") == 24
    assert sky.execute(sql).fetchall() == [(6,)]


def test_every_limit_says_what_it_counts() -> None:
    values = [v for n, v in vars(limits).items() if n.startswith(("MOST", "DEEP"))]
    assert sorted([*values, limits.LONGEST_NAME]) == sorted(n for n, _ in limits.LIMITS)
