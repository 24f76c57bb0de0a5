"""Texts that want something else than an answer."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from distiller.adql import check_syntax, translate
from distiller.core.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    import duckdb

    from distiller.core.columns import Catalog


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


@contextmanager
def at_most(lines: int) -> Iterator[None]:
    """Let so many lines of the ADQL room run: work is counted, not seconds."""
    left = lines

    def count(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal left
        del arg
        if "distiller/adql" not in frame.f_code.co_filename:
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
        "joins": "SELECT 1 FROM " + "(" * count + "cta.target"
        + " a CROSS JOIN cta.target b)" * count,
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
        with at_most(300 * len(text) + 100_000):
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
