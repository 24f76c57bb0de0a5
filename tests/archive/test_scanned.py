"""DuckDB reads few rows for a place or a region, as EXPLAIN ANALYZE shows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from benchmarks.tap.model import TABLE, write_model

from distiller.adql import Rules, translate
from distiller.archive import functions, open_archive
from distiller.core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.core.columns import Catalog

pytestmark = pytest.mark.slow
ROWS = 400_000
"""More than three blocks of rows, of 122,880 each."""

_STEP = 50_000

MOST = 0.1
"""Share of the rows that may be read for a degree or two of the sky."""


def _rows(count: int, seed: int = 1) -> Iterator[pa.RecordBatch]:
    """Yield rows spread over the sky, in the order of time and not of place.

    Every twentieth region is a triangle, the others are circles.
    """
    rng = np.random.default_rng(seed)
    for start in range(0, count, _STEP):
        ra = rng.uniform(0, 360, _STEP)
        dec = np.degrees(np.arcsin(rng.uniform(-1, 1, _STEP)))
        size = rng.uniform(0.2, 2, _STEP)
        regions = np.stack((ra, dec, size), axis=1).tolist()
        for n in range(0, _STEP, 20):
            a, d, s = regions[n]
            regions[n] = [a, min(d + s, 90.0), a + s, d, a - s, d]
        names = np.arange(start, start + _STEP).astype(str)
        yield pa.record_batch(
            {
                "obs_collection": pa.array(["sim"] * _STEP),
                "obs_id": pa.array(names),
                "obs_publisher_did": pa.array(np.char.add("ivo://x/y?", names)),
                "calib_level": pa.array(np.full(_STEP, 2, np.int32)),
                "s_ra": pa.array(ra),
                "s_dec": pa.array(dec),
                "s_region": pa.array(regions, pa.list_(pa.float64())),
            }
        )


@pytest.fixture(scope="module")
def asked(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Catalog]]:
    """Return the file of an archive with many rows, for what queries may not ask."""
    folder = tmp_path_factory.mktemp("scanned")
    write_model(folder / "uml")
    home = folder / "home"
    home.mkdir()
    settings = load_settings(home, model_dir=folder / "uml")
    with open_archive(settings) as archive:
        archive.load(TABLE, _rows(ROWS))
        catalog = archive.catalog
    with duckdb.connect(str(settings.archive_path), read_only=True) as connection:
        functions.register(connection)
        yield connection, catalog
        functions.unregister(connection)


def _sql(catalog: Catalog, where: str, *, visitor: bool = False) -> str:
    access = Rules(((TABLE, "obs_collection = 'sim'"),)) if visitor else None
    text = f"SELECT o.obs_id FROM {TABLE} AS o WHERE {where}"
    return translate(text, catalog, access=access).sql


PLACE = "POINT(o.s_ra, o.s_dec)"
ASKED = (
    f"1 = CONTAINS({PLACE}, CIRCLE(83.63, 22.01, 1))",
    f"1 = CONTAINS({PLACE}, CIRCLE(359.7, -5, 1))",
    "DISTANCE(o.s_ra, o.s_dec, 83.63, -88.5) < 1",
    "1 = INTERSECTS(o.s_region, CIRCLE(83.63, 22.01, 1))",
    "1 = INTERSECTS(CIRCLE(0.2, 62.01, 1), o.s_region)",
    "1 = CONTAINS(POINT(83.63, 89.5), o.s_region)",
    "1 = CONTAINS(o.s_region, CIRCLE(83.63, 22.01, 2))",
    "1 = INTERSECTS(o.s_region, POLYGON(80, 20, 84, 20, 82, 21))",
)


@pytest.mark.parametrize(
    ("where", "visitor"),
    [*((where, False) for where in ASKED), (ASKED[0], True), (ASKED[3], True)],
)
def test_few_blocks_of_rows_are_read(
    asked: tuple[duckdb.DuckDBPyConnection, Catalog], where: str, *, visitor: bool
) -> None:
    connection, catalog = asked
    sql = _sql(catalog, where, visitor=visitor)
    told = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}").fetchall()[0][1]
    scans = [node for node in _nodes(json.loads(told)) if "row_groups_scanned" in node]
    assert [scan["row_groups_scanned"] for scan in scans] in ([1], [2]), told
    assert scans[0]["intermediate_rows"] < MOST * ROWS


@pytest.mark.parametrize("where", ASKED)
def test_and_none_is_missed(
    asked: tuple[duckdb.DuckDBPyConnection, Catalog], where: str
) -> None:
    """Below NOT no coarse condition stands beside the exact one."""
    connection, catalog = asked
    exactly = _sql(catalog, f"NOT (NOT ({where}))")
    assert "BETWEEN" not in exactly
    assert ":south" not in exactly
    found = set(connection.execute(_sql(catalog, where)).fetchall())
    assert found == set(connection.execute(exactly).fetchall())
    assert found


def test_what_lies_together_stands_together(
    asked: tuple[duckdb.DuckDBPyConnection, Catalog],
) -> None:
    """A vector of rows, 2048, is read whole: a circle of 5 deg has rows in few."""
    connection, catalog = asked
    where = f"1 = CONTAINS({PLACE}, CIRCLE(83.63, 22.01, 5))"
    sql = _sql(catalog, where).replace('"o"."obs_id"', "o.rowid", 1)
    found = np.array(connection.execute(sql).fetchall())
    assert len(found) > 500
    assert len(np.unique(found // 2048)) < 12, "by declination alone there are 18"


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Yield the operators of a plan."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            yield from _nodes(one)
