"""PostgreSQL finds places and regions by its indexes, as the plans of queries show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support import engines as pair

from distiller.adql import Rules, translate
from distiller.core.columns import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support import postgres

    from distiller.core.columns import Catalog

pytestmark = pytest.mark.slow
_ROWS = 20_000
_FILL = f"""
INSERT INTO ivoa.obscore
  (obs_id, obs_collection, calib_level, s_ra, s_dec, s_fov, s_region)
SELECT n::text, 'sim', 1, ra, lat, 5, CASE WHEN n % 3 = 0 THEN ARRAY[ra, lat, 2]
  WHEN n % 100 > 0 THEN
    ARRAY[ra, lat, ra + 3, lat, ra + 3, lat / 1.1, ra, lat / 1.1] END
FROM (SELECT n, n * 0.618034 % 1 * 360 AS ra, degrees(asin(2 * (n + 0.5) / {_ROWS} - 1))
  * 0.99 AS lat FROM generate_series(0, {_ROWS} - 1) AS n) AS places;
INSERT INTO cta.target SELECT n, 't' || n, NULL, n * 36, n * 5 - 20, NULL
FROM generate_series(0, 9) AS n;
CREATE INDEX by_place ON ivoa.obscore
  USING gist (dst.place(s_ra, s_dec));
CREATE INDEX by_region ON ivoa.obscore USING gist (dst.cover(s_region));
CREATE INDEX by_target ON cta.target USING gist (dst.place(ra, dec));
ANALYZE ivoa.obscore; ANALYZE cta.target;
"""


@pytest.fixture(scope="module")
def both(catalog: Catalog, postgres_server: postgres.Server) -> Iterator[pair.Engines]:
    """Both engines; PostgreSQL has many rows and the indexes of the data model."""
    engines = pair.make(catalog, postgres_server.create())
    engines.postgres.execute(_FILL.encode())
    yield engines
    pair.close(engines)


def _plan(both: pair.Engines, text: str, *, visitor: bool = False) -> str:
    access = Rules((("ivoa.obscore", "obs_collection = 'sim'"),)) if visitor else None
    sql = translate(text, both.catalog, target="pgsphere", access=access).sql
    rows = both.postgres.execute(f"EXPLAIN {sql}".encode()).fetchall()
    return "\n".join(row[0] for row in rows)


_RUNS = "SELECT o.obs_id FROM ivoa.obscore o WHERE "
_JOINED = "SELECT t.name, o.obs_id FROM cta.target t JOIN ivoa.obscore o ON"
_LEFT = _JOINED.replace("JOIN", "LEFT JOIN")
_PLACE = "POINT(o.s_ra, o.s_dec)"
BY_PLACE = (
    f"{_RUNS}1=CONTAINS({_PLACE}, CIRCLE(83.6, 22, 2))",
    f"{_RUNS}1=INTERSECTS(CIRCLE('ICRS', 83.6, 22, 2), {_PLACE})",
    f"{_RUNS}DISTANCE(o.s_ra, o.s_dec, 83.6, 22) < 2",
    f"{_RUNS}2 >= DISTANCE(POINT(83.6, 22), {_PLACE}) AND o.calib_level = 1",
    f"{_RUNS}1=CONTAINS({_PLACE}, POLYGON(80, 20, 84, 20, 82, 24))",
    f"{_RUNS}1=CONTAINS({_PLACE}, REGION('Circle ICRS 1 2 3'))",
    f"{_RUNS}DISTANCE(s_ra, s_dec, 1, 2) < 2 OR DISTANCE(s_ra, s_dec, 9, 2) < 2",
    (
        "SELECT q.x FROM (SELECT s_ra AS x, s_dec AS y FROM ivoa.obscore) q "
        "WHERE DISTANCE(q.x, q.y, 83.6, 22) < 2"
    ),
    f"{_JOINED} DISTANCE(t.ra, t.dec, o.s_ra, o.s_dec) < 0.5",
    f"{_LEFT} 1=CONTAINS({_PLACE}, CIRCLE(t.ra, t.dec, t.target_id / 20.))",
)
BY_REGION = (
    f"{_RUNS}1=INTERSECTS(o.s_region, CIRCLE(83.6, 22, 2))",
    f"{_RUNS}1=INTERSECTS(POLYGON(80, 20, 84, 20, 82, 24), o.s_region)",
    f"{_RUNS}1=CONTAINS(POINT(83.6, 22), o.s_region)",
    f"{_RUNS}1=CONTAINS(o.s_region, CIRCLE(83.6, 22, 5))",
    f"{_RUNS}INTERSECTS(o.s_region, POINT(83.6, 22)) = 1 AND o.s_fov > 1",
    f"{_JOINED} 1=CONTAINS(POINT(t.ra, t.dec), o.s_region)",
)


@pytest.mark.parametrize("text", BY_PLACE)
def test_places_are_found_by_their_index(text: str, both: pair.Engines) -> None:
    plan = _plan(both, text)
    assert "by_place" in plan, plan
    assert "Seq Scan on obscore" not in plan


@pytest.mark.parametrize("text", BY_REGION)
def test_regions_are_found_by_their_index(text: str, both: pair.Engines) -> None:
    plan = _plan(both, text)
    assert "by_region" in plan, plan
    assert "Seq Scan on obscore" not in plan


def test_a_region_or_a_place_where_there_is_none(both: pair.Engines) -> None:
    """As the search page asks; a region that is NULL is in no index."""
    text = (
        f"{_RUNS}(1 = INTERSECTS(o.s_region, CIRCLE(83.6, 22, 0.001)) OR "
        f"(o.s_region IS NULL AND 1 = CONTAINS({_PLACE}, CIRCLE(83.6, 22, 2))))"
    )
    plan = _plan(both, text)
    assert "BitmapOr" in plan, plan
    assert "by_place" in plan
    assert "by_region" in plan
    assert "Seq Scan on obscore" not in plan


@pytest.mark.parametrize("text", [BY_PLACE[0], BY_PLACE[8], BY_REGION[0]])
def test_also_where_a_visitor_sees_some_rows_only(
    text: str, both: pair.Engines
) -> None:
    plan = _plan(both, text, visitor=True)
    assert "by_place" in plan or "by_region" in plan, plan


def test_small_tables_could_be_asked_in_the_same_way(both: pair.Engines) -> None:
    text = "SELECT name FROM cta.target WHERE DISTANCE(ra, dec, 10, 20) < 2"
    with both.postgres.transaction(force_rollback=True):
        both.postgres.execute("SET LOCAL enable_seqscan = off")
        assert "Index Cond" in _plan(both, text)
        assert "by_target" in _plan(both, text)


@pytest.mark.parametrize("text", [*BY_PLACE[:8], *BY_REGION[:5]])
def test_indexes_change_no_answer(text: str, both: pair.Engines) -> None:
    sql = translate(text, both.catalog, target="pgsphere").sql
    found = both.postgres.execute(sql.encode()).fetchall()
    exact = sql
    for name in ("may_be_close", "may_be_near", "may_be_in", "may_meet"):
        while f"dst.{name}(" in exact:
            exact = _without(exact, f"dst.{name}(")
    assert sorted(both.postgres.execute(exact.encode()).fetchall()) == sorted(found)
    assert found


def _without(sql: str, call: str) -> str:
    """Put TRUE in the place of a call."""
    start = sql.index(call)
    depth, end = 1, start + len(call)
    while depth:
        depth += {"(": 1, ")": -1}.get(sql[end], 0)
        end += 1
    return f"{sql[:start]}TRUE{sql[end:]}"


_UPLOADED = Table(
    "tap_upload.t",
    (Column("ra", "double"), Column("dec", "double"), Column("size", "float")),
    stored="upload_t",
)


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("DISTANCE(t.ra, t.dec, o.s_ra, o.s_dec) < 0.01", "by_place"),
        ('DISTANCE(o.s_ra, o.s_dec, t.ra, t.dec) < t."size"', "by_place"),
        (f"1=CONTAINS({_PLACE}, CIRCLE(t.ra, t.dec, 0.01))", "by_place"),
        (
            f"1=CONTAINS(POINT(t.ra, t.dec), CIRCLE({_PLACE}, 0.01))",
            "by_place",
        ),
        ("1=CONTAINS(POINT(t.ra, t.dec), o.s_region)", "by_region"),
        ("1=INTERSECTS(CIRCLE(t.ra, t.dec, 1), o.s_region)", "by_region"),
    ],
)
@pytest.mark.parametrize("first", ["t", "o"])
def test_an_uploaded_table_finds_runs_by_their_indexes(
    both: pair.Engines, condition: str, index: str, first: str
) -> None:
    both.postgres.execute(
        "DROP TABLE IF EXISTS upload_t; CREATE TEMPORARY TABLE upload_t AS "
        "SELECT n * 0.36 AS c1, n * 0.017 - 85 AS c2, 0.01::real AS c3 "
        "FROM generate_series(1, 1000) AS n; ANALYZE upload_t"
    )
    tables = ["TAP_UPLOAD.t", "ivoa.obscore AS o"]
    left, right = tables if first == "t" else reversed(tables)
    text = f"SELECT o.obs_id FROM {left} JOIN {right} ON {condition}"
    catalog = {**both.catalog, _UPLOADED.name: _UPLOADED}
    sql = translate(text, catalog, target="pgsphere", keep=False).sql
    plan = both.postgres.execute(f"EXPLAIN {sql}".encode()).fetchall()
    assert index in "\n".join(row[0] for row in plan)
