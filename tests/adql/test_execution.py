"""Answers of real queries on a real DuckDB."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from distiller.adql import translate
from distiller.adql.targets.duckdb import TOLERANCE_DEG
from distiller.archive.geometry import TOLERANCE_RAD
from distiller.core.sky import separation_deg

if TYPE_CHECKING:
    import duckdb

    from distiller.core.columns import Catalog


class Ask:
    """Asks the small sky in ADQL."""

    def __init__(self, catalog: Catalog, sky: duckdb.DuckDBPyConnection) -> None:
        self.catalog = catalog
        self.sky = sky

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        return self.sky.execute(translate(text, self.catalog).sql).fetchall()

    def first(self, text: str) -> list[Any]:
        return [row[0] for row in self.rows(text)]

    def one(self, value: str) -> Any:
        return self.first(f"SELECT {value} FROM tap_schema.columns")[0]


@pytest.fixture(scope="session")
def ask(catalog: Catalog, sky: duckdb.DuckDBPyConnection) -> Ask:
    return Ask(catalog, sky)


RUNS = "SELECT obs_id FROM ivoa.obscore WHERE {} ORDER BY obs_id"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("1=CONTAINS(POINT(s_ra, s_dec), CIRCLE(83.633, 22.014, 2))", "12"),
        ("CONTAINS(POINT(s_ra, s_dec), CIRCLE(83.633, 22.014, 0.1)) = 1", "1"),
        # Run 5 has no right ascension: it is neither inside nor outside.
        ("0=CONTAINS(POINT(s_ra, s_dec), CIRCLE(83.633, 22.014, 2))", "346"),
        ("1<>CONTAINS(POINT(s_ra, s_dec), CIRCLE(83.633, 22.014, 2))", "346"),
        ("NOT (1=CONTAINS(POINT(s_ra, s_dec), CIRCLE(83.633, -80, 2)))", "12346"),
        ("DISTANCE(s_ra, s_dec, 83.633, 22.014) <= 2", "12"),
        ("2 > DISTANCE(POINT(83.633, 22.014), POINT(s_ra, s_dec))", "12"),
        ("DISTANCE(s_ra, s_dec, 83.633, 22.014) > 2", "346"),
        # A cone over the pole, and one across right ascension 0.
        ("DISTANCE(s_ra, s_dec, 190, 89.9) < 0.3", "6"),
        ("DISTANCE(s_ra - 83.64, s_dec, 0, 22) < 0.1", "1"),
        ("1=CONTAINS(POINT(266.4, -29), s_region)", "4"),
        ("0=CONTAINS(POINT(266.4, -29), s_region)", "1236"),
        ("1=INTERSECTS(s_region, CIRCLE(86, 22, 0.5))", "12"),
        ("1=INTERSECTS(POLYGON(264, -30, 268, -30, 266, -26), s_region)", "4"),
        ("1=INTERSECTS(POINT(83.63, 24.4), s_region)", "12"),
        ("1=CONTAINS(s_region, CIRCLE(83.63, 22.01, 2.5))", "1"),
        ("1=CONTAINS(CENTROID(s_region), CIRCLE(266.5, -29, 0.1))", "4"),
    ],
)
def test_regions(ask: Ask, condition: str, expected: str) -> None:
    assert "".join(ask.first(RUNS.format(condition))) == expected


def test_a_cross_match(ask: Ask) -> None:
    rows = ask.rows(
        "SELECT t.name, o.obs_id, DISTANCE(t.pos, POINT(o.s_ra, o.s_dec)) AS d "
        "FROM cta.target t JOIN ivoa.obscore o "
        "ON DISTANCE(t.ra, t.dec, o.s_ra, o.s_dec) < 0.6 ORDER BY d"
    )
    assert [r[:2] for r in rows] == [
        ("PKS 2155-304", "3"),
        ("Crab", "1"),
        ("Crab", "2"),
    ]
    expected = separation_deg(83.6331, 22.0145, 83.63, 22.51)
    assert rows[2][2] == pytest.approx(float(expected), abs=1e-12)


def test_the_box_loses_nothing_against_the_bare_distance(
    ask: Ask, sky: duckdb.DuckDBPyConnection
) -> None:
    random = np.random.default_rng(7)
    dec = np.degrees(np.arcsin(random.uniform(-1, 1, 3000)))
    ra = random.uniform(0, 360, 3000)
    sky.execute("BEGIN")
    sky.execute("DELETE FROM cta.target")
    sky.executemany(
        "INSERT INTO cta.target VALUES (?, 'x', NULL, ?, ?, NULL)",
        [[i, float(a), float(d)] for i, (a, d) in enumerate(zip(ra, dec, strict=True))],
    )
    try:
        for lon, lat, radius in (
            (10, 20, 5),
            (0, 85, 10),
            (180, -89.5, 30),
            (359, 0, 90),
        ):
            found = ask.first(
                "SELECT target_id FROM cta.target WHERE 1=CONTAINS(POINT(ra, dec), "
                f"CIRCLE({lon}, {lat}, {radius})) ORDER BY 1"
            )
            expected = np.flatnonzero(separation_deg(ra, dec, lon, lat) <= radius)
            assert found == expected.tolist()
            assert found
    finally:
        sky.execute("ROLLBACK")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("7 / -2", -3),
        ("7 / 2.", 3.5),
        ("7 / 2 * 2", 6),
        ("CAST(7 AS REAL) / 2", 3.5),
        ("(1 + 2) * 3 - 4 / 2", 7),
        ("2 - 3 - 4", -5),
        ("LOG(EXP(2))", 2),
        ("LOG10(1000)", 3),
        ("MOD(-7, 3)", -1),
        ("MOD(7.5, -2)", 1.5),
        ("ROUND(2.5)", 3),
        ("ROUND(-2.5)", -3),
        ("ROUND(1234.567, -2)", 1200),
        ("TRUNCATE(-2.7)", -2),
        ("TRUNCATE(1234.567, 1)", 1234.5),
        ("TRUNCATE(1299.9, -2)", 1200),
        ("CEILING(-1.5)", -1),
        ("FLOOR(-1.5)", -2),
        ("ATAN2(1, -1)", 3 * math.pi / 4),
        ("COT(1)", 1 / math.tan(1)),
        ("DEGREES(PI())", 180),
        ("POWER(2, 10)", 1024),
        ("'a' || 1 || 'b'", "a1b"),
        ("UPPER('müon') || LOWER('ÄBC')", "MÜONäbc"),
        ("COALESCE(NULL, 'x')", "x"),
        ("COORD1(POINT(1, 2)) + COORD2(CAST('3 4' AS POINT))", 5),
        ("CAST('abcdef' AS VARCHAR(3))", "abc"),
        ("CAST(CAST('2021-01-14T11:25:00Z' AS TIMESTAMP) AS VARCHAR)",
         "2021-01-14T11:25:00"),
        ("ivo_to_mjd(CAST('2000-01-01T12:00:00' AS TIMESTAMP))", 51544.5),
        ("ivo_to_jd(CAST('2000-01-01T12:00:00' AS TIMESTAMP))", 2451545.0),
        ("ivo_hasword('the Crab nebula', 'crab')", 1),
        ("ivo_hasword('the Crabby nebula', 'crab')", 0),
        ("ivo_hasword('a.b', 'axb')", 0),
        ("ivo_hasword('äcrab', 'crab')", 0),
        ("ivo_hasword('Größe und Maß', 'größe')", 1),
        ("ivo_nocasematch('CRAB', 'cr%')", 1),
        ("ivo_hashlist_has('EVENT#image', 'event')", 1),
        ("ivo_interval_overlaps(1, 2, 3, 4)", 0),
        ("gavo_specconv(1, 'TeV', 'm')", 1.239841984332e-18),
        ("gavo_specconv(2, 'TeV', 'eV')", 2e12),
        ("AREA(CIRCLE(1, 2, 180))", 41252.96124941927),
        ("DISTANCE(0, 0, 180, 0)", 180),
        ("DISTANCE(0, 0, 0, 1e-10)", 1e-10),
    ],
)  # fmt: skip
def test_values(ask: Ask, value: str, expected: Any) -> None:
    found = ask.one(value)
    exact = isinstance(expected, str)
    assert found == (expected if exact else pytest.approx(expected, rel=1e-12))


def test_like_has_no_escape_character(ask: Ask) -> None:
    text = r"SELECT 1 FROM cta.target WHERE 'a\%b' LIKE 'a\%b' AND 'aXb' LIKE 'a_b'"
    assert len(ask.rows(text)) == 3


def test_null_is_the_largest_value_in_every_order(ask: Ask) -> None:
    up = "SELECT s_ra FROM ivoa.obscore ORDER BY s_ra"
    assert ask.first(up)[-1] is None
    assert ask.first(f"{up} DESC")[0] is None
    assert ask.first(f"SELECT TOP 1 {up[7:]} DESC") == [None]


def test_order_by_alias_position_and_expression(ask: Ask) -> None:
    for order in ("d", "1", "s_dec", "s_dec + 0", "-d DESC", "2 * s_dec"):
        found = ask.first(f"SELECT s_dec AS d FROM ivoa.obscore ORDER BY {order}")
        assert found == sorted(found), order


def test_the_alias_of_a_column_wins_in_order_by(ask: Ask) -> None:
    text = "SELECT s_dec AS s_ra, s_ra AS x FROM ivoa.obscore ORDER BY s_ra"
    found = ask.first(text)
    assert found == sorted(found)


def test_joins(ask: Ask) -> None:
    pairs = (
        "SELECT obs_id, product_id FROM ivoa.obscore {} cta.product {} ORDER BY 1, 2"
    )
    inner = [("1", "p1"), ("1", "p3"), ("2", "p2")]
    alone = [(i, None) for i in "3456"]
    using = "USING (obs_id)"
    assert ask.rows(pairs.format("JOIN", using)) == inner
    assert ask.rows(pairs.format("NATURAL JOIN", "")) == inner
    assert ask.rows(pairs.format("LEFT JOIN", using)) == inner + alone
    assert ask.rows(pairs.format("RIGHT JOIN", using)) == [*inner, ("9", "p9")]
    assert ask.rows(pairs.format("FULL JOIN", using)) == [*inner, *alone, ("9", "p9")]
    assert len(ask.rows("SELECT 1 FROM cta.target, cta.product")) == 12
    assert len(ask.rows("SELECT 1 FROM cta.target, cta.product")) == 12


def test_star_of_a_using_join_gives_the_common_column_once(ask: Ask) -> None:
    text = "SELECT * FROM cta.product a FULL JOIN cta.product b USING (obs_id)"
    names = [c.name for c in translate(text, ask.catalog).columns]
    assert names[:2] == ["obs_id", "product_id"]
    assert names.count("obs_id") == 1
    assert len(names) == 11


def test_set_operators_and_their_precedence(ask: Ask) -> None:
    one = "SELECT 1 FROM tap_schema.columns"
    two = "SELECT 2 FROM tap_schema.columns"
    union = f"{one} UNION ALL {two} INTERSECT ALL {two}"
    assert sorted(ask.first(union)) == [1, 2]
    assert ask.first(f"({one} UNION ALL {two}) INTERSECT {two}") == [2]
    assert ask.first(f"{one} UNION {two} EXCEPT {one}") == [2]
    assert ask.first(f"{one} UNION {one}") == [1]
    assert ask.first(f"{one} EXCEPT ({one} EXCEPT {one})") == [1]


def test_top_of_an_operand_is_not_that_of_the_whole(ask: Ask) -> None:
    text = (
        "SELECT TOP 1 obs_id FROM ivoa.obscore UNION ALL "
        "SELECT TOP 2 product_id FROM cta.product"
    )
    translation = translate(text, ask.catalog)
    assert translation.top is None
    assert len(ask.rows(text)) == 3


def test_offset_comes_before_top(ask: Ask) -> None:
    text = "SELECT TOP 2 obs_id FROM ivoa.obscore ORDER BY obs_id OFFSET 1"
    assert ask.first(text) == ["2", "3"]


@pytest.mark.parametrize(
    ("text", "top", "rows"),
    [
        ("SELECT obs_id FROM ivoa.obscore", None, 4),
        ("SELECT TOP 2 obs_id FROM ivoa.obscore", 2, 2),
        ("SELECT TOP 9 obs_id FROM ivoa.obscore", 9, 4),
        ("SELECT obs_id FROM ivoa.obscore ORDER BY 1 OFFSET 5", None, 1),
        ("SELECT 1 FROM cta.target UNION ALL SELECT 2 FROM cta.target", None, 4),
        ("WITH a AS (SELECT TOP 5 obs_id FROM ivoa.obscore) SELECT * FROM a", None, 4),
        ("(SELECT TOP 5 obs_id FROM ivoa.obscore ORDER BY 1)", 5, 4),
        ("(SELECT TOP 5 obs_id FROM ivoa.obscore ORDER BY 1) ORDER BY 1 DESC", None, 4),
        ("SELECT TOP 0 obs_id FROM ivoa.obscore", 0, 0),
    ],
)
def test_a_limit_of_rows_is_added(
    ask: Ask, text: str, top: int | None, rows: int
) -> None:
    translation = translate(text, ask.catalog)
    assert translation.top == top
    assert len(ask.sky.execute(translation.limited(4)).fetchall()) == rows


def test_group_by_and_having(ask: Ask) -> None:
    rows = ask.rows(
        "SELECT target_name, COUNT(*) AS n, MAX(t_exptime) FROM ivoa.obscore "
        "GROUP BY target_name HAVING COUNT(*) > 1 ORDER BY n DESC"
    )
    assert rows == [("Crab", 2, 1682.0)]


def test_a_correlated_sub_query_sees_the_outer_row_only(ask: Ask) -> None:
    text = (
        "SELECT obs_id FROM ivoa.obscore o WHERE EXISTS "
        "(SELECT 1 FROM cta.product WHERE obs_id = o.obs_id) ORDER BY 1"
    )
    assert ask.first(text) == ["1", "2"]


def test_truth_values_compare_with_numbers_and_words(ask: Ask) -> None:
    text = "SELECT product_id FROM cta.product WHERE simulated {} ORDER BY 1"
    assert ask.first(text.format("= 1")) == ["p3"]
    assert ask.first(text.format("= 'false'")) == ["p1", "p2"]
    assert ask.first(text.format("<> 'T'")) == ["p1", "p2"]


def test_a_long_list_and_a_long_condition_are_quick(ask: Ask) -> None:
    many = ", ".join(f"'{i}'" for i in range(5000))
    assert len(ask.rows(f"SELECT 1 FROM ivoa.obscore WHERE obs_id IN ({many})")) == 6
    terms = " OR ".join(f"obs_id = '{i}'" for i in range(2000))
    assert len(ask.rows(f"SELECT 1 FROM ivoa.obscore WHERE {terms}")) == 6


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("SELECT 2 AS x, COUNT(*) FROM ivoa.obscore GROUP BY x", [(2, 6)]),
        ("SELECT COORD1(POINT(83, 22)) AS x, COUNT(*) FROM cta.target GROUP BY x",
         [(83, 3)]),
        ("SELECT COORD1(POINT(2, dec)) AS x, COUNT(*) FROM cta.target GROUP BY x",
         [(2, 3)]),
        ("SELECT NULL AS x, COUNT(*) FROM cta.target GROUP BY x", [(None, 3)]),
        ("SELECT 'a' AS x, COUNT(*) FROM cta.target WHERE 1=0 GROUP BY x", []),
        ("SELECT target_id FROM cta.target ORDER BY -1, target_id DESC",
         [(3,), (2,), (1,)]),
        ("SELECT target_id FROM cta.target ORDER BY 1.5, 'x', NULL, target_id",
         [(1,), (2,), (3,)]),
        ("SELECT COUNT(*) FROM cta.target ORDER BY NULL", [(3,)]),
    ],
)  # fmt: skip
def test_constants_are_no_positions(
    ask: Ask, text: str, rows: list[tuple[Any, ...]]
) -> None:
    assert ask.rows(text) == rows


@pytest.mark.parametrize("degrees", [0.1, 0.7, 1.1, 2.3, 5.9, 11.3])
def test_the_border_is_inside_in_select_as_in_where(ask: Ask, degrees: float) -> None:
    place, circle = "POINT(10, 0)", f"CIRCLE(10, {degrees}, {degrees})"
    for name in ("CONTAINS", "INTERSECTS"):
        call = f"{name}({place}, {circle})"
        assert ask.one(call) == 1
        found = ask.rows(f"SELECT 1 FROM tap_schema.columns WHERE 1 = {call}")
        assert found == [(1,)]
    assert pytest.approx(math.degrees(TOLERANCE_RAD), rel=1e-4) == TOLERANCE_DEG


def test_arithmetic_of_small_integers_is_that_of_integers(ask: Ask) -> None:
    text = "SELECT MAX({}) FROM cta.product"
    for value, expected in (
        ("quality * 30000", 90_000),
        ("quality + 32767", 32_770),
        ("quality * quality * 20000", 180_000),
        ("-quality - 32768", -32_769),
    ):
        assert ask.first(text.format(value)) == [expected]


def test_a_text_beside_a_timestamp_is_a_timestamp(ask: Ask) -> None:
    value = "COALESCE(obs_creation_date, '2020-01-01')"
    found = ask.first(f"SELECT {value} FROM ivoa.obscore WHERE obs_id = '3'")
    assert [str(f) for f in found] == ["2020-01-01 00:00:00"]
