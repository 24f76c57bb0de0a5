"""PostgreSQL answers what astronomers ask by an index, with the tables of an archive.

That places and regions are found in every way that ADQL can say it is told by
``tests/adql/test_indexes.py``, with tables of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from benchmarks.tap.model import TABLE, write_model
from benchmarks.tap.rows import batches

from distiller.adql import Rules, translate
from distiller.archive import open_archive
from distiller.core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support import postgres

    from distiller.core.columns import Catalog

pytestmark = pytest.mark.slow
ROWS = 20_000
PLACE = "POINT(o.s_ra, o.s_dec)"
BY = "obscore1m__"


@pytest.fixture(scope="module")
def asked(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: postgres.Server
) -> Iterator[tuple[psycopg.Connection, Catalog]]:
    """Return an archive with many rows, and a connection to its database."""
    folder = tmp_path_factory.mktemp("plans")
    write_model(folder / "uml")
    home = folder / "home"
    home.mkdir()
    url = postgres_server.create()
    settings = load_settings(home, model_dir=folder / "uml", database_url=url)
    with open_archive(settings) as archive:
        archive.load(TABLE, batches(ROWS))
        catalog = archive.catalog
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection, catalog


ASKED = (
    ("cone", f"1 = CONTAINS({PLACE}, CIRCLE(83.63, 22.01, 1))", f"{BY}s_ra__s_dec"),
    ("distance", "DISTANCE(o.s_ra, o.s_dec, 83.63, 22.01) < 1", f"{BY}s_ra__s_dec"),
    (
        "region",
        "1 = INTERSECTS(o.s_region, CIRCLE(83.63, 22.01, 1))",
        f"{BY}s_region",
    ),
    ("place", "1 = CONTAINS(POINT(83.63, 22.01), o.s_region)", f"{BY}s_region"),
    ("start", "o.t_min BETWEEN 55000 AND 55010", f"{BY}t_min"),
    ("during", "o.t_max > 60595 AND o.t_min < 60605", f"{BY}t_max"),
    (
        "identifier",
        "o.obs_publisher_did = 'ivo://x-bench.invalid/~?dl3/MAGIC-DL3/00020009'",
        f"{BY}pkey",
    ),
    ("observation", "o.obs_id = '00020009'", f"{BY}obs_id"),
    ("several", "o.obs_id IN ('00020009', '00020010')", f"{BY}obs_id"),
    ("target", "o.target_name = 'Source 7'", f"{BY}target_name"),
)


@pytest.mark.parametrize(
    ("where", "index"), [a[1:] for a in ASKED], ids=[a[0] for a in ASKED]
)
@pytest.mark.parametrize("visitor", [False, True], ids=["everything", "visitor"])
def test_an_index_answers(
    asked: tuple[psycopg.Connection, Catalog], where: str, index: str, *, visitor: bool
) -> None:
    plan = _plan(asked, f"SELECT o.* FROM {TABLE} AS o WHERE {where}", visitor=visitor)
    assert index in plan, plan
    assert "Seq Scan" not in plan, plan


@pytest.mark.parametrize(
    "where", [where for name, where, _ in ASKED if name in {"region", "place"}]
)
def test_regions_that_no_circle_covers_cost_nothing(
    asked: tuple[psycopg.Connection, Catalog], where: str
) -> None:
    plan = _plan(asked, f"SELECT o.* FROM {TABLE} AS o WHERE {where}")
    assert f"{BY}s_region__uncovered__idx" in plan, plan
    # The index of the circles is read once, where they meet.
    assert plan.count(f"{BY}s_region__idx") == 1


@pytest.mark.parametrize(
    "how",
    [
        "DISTANCE(a.s_ra, a.s_dec, o.s_ra, o.s_dec) < 0.01",
        f"1 = CONTAINS({PLACE}, CIRCLE(a.s_ra, a.s_dec, 0.01))",
    ],
)
def test_a_cross_match_looks_each_place_up(
    asked: tuple[psycopg.Connection, Catalog], how: str
) -> None:
    text = (
        f"SELECT a.obs_id, o.obs_id FROM {TABLE} AS a JOIN {TABLE} AS o ON {how} "
        "WHERE a.target_name = 'Source 7'"
    )
    plan = _plan(asked, text)
    assert "Nested Loop" in plan
    assert f"{BY}s_ra__s_dec" in plan
    assert f"{BY}target_name" in plan
    assert "Seq Scan" not in plan, plan


def _plan(
    asked: tuple[psycopg.Connection, Catalog], text: str, *, visitor: bool = False
) -> str:
    connection, catalog = asked
    access = Rules(((TABLE, "calib_level >= 0"),)) if visitor else None
    sql = translate(text, catalog, target="pgsphere", access=access).sql
    rows = connection.execute(f"EXPLAIN {sql}".encode()).fetchall()
    return "\n".join(row[0] for row in rows)
