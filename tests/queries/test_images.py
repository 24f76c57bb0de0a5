"""A search for images becomes ADQL; what ranges of the sky mean is proven on DuckDB."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.duck import install

from distiller.adql import translate
from distiller.archive import functions
from distiller.core.covers import cover_names
from distiller.model import load_model
from distiller.queries import images, literals
from distiller.vo.shapes import Range
from distiller.vo.sia import ImageParameters

if TYPE_CHECKING:
    from collections.abc import Iterator

CATALOG = load_model().catalog
HOSTILE = "x') OR 1 = 1; DROP TABLE ivoa.obscore -- '' \" \\ \x00 \N{SNOWMAN}"
_POINTS = 300
_NEAR_DEG = 0.01
"""Points that lie nearer to an edge of a range are left out of comparisons."""


def _text(*pairs: tuple[str, str]) -> str:
    return images.adql(ImageParameters.parse(pairs))


@pytest.mark.parametrize("target", ["duckdb", "pgsphere"])
@given(text=st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=50))
def test_a_text_stays_a_text(target: str, text: str) -> None:
    pairs = [(name, text) for name in ("ID", "COLLECTION", "TARGET", "FORMAT")]
    found = translate(_text(*pairs), CATALOG, target=target)  # type: ignore[arg-type]
    assert found.tables == {"ivoa.obscore"}
    quoted = literals.text(text)
    assert found.sql.replace(quoted, "").count("'") % 2 == 0


def test_a_hostile_text_finds_nothing_and_harms_nothing() -> None:
    with duckdb.connect() as database:
        database.execute("CREATE TABLE t AS SELECT 'a' AS x")
        condition = literals.one_of("x", [literals.text(HOSTILE.replace("\x00", ""))])
        rows = database.execute(f"SELECT * FROM t WHERE {condition}").fetchall()
        assert rows == []
        assert database.execute("SELECT COUNT(*) FROM t").fetchone() == (1,)


def test_values_of_one_parameter_are_alternatives_and_parameters_join() -> None:
    text = _text(
        ("BAND", "-Inf 0.21"), ("BAND", "300 +Inf"), ("TIME", "53000"),
        ("FOV", "-Inf +Inf"), ("SPATRES", "0.1 0.2"), ("CALIB", "2"), ("CALIB", "3"),
        ("POL", "I"), ("POL", "RR"), ("TARGET", "M 87"), ("TARGET", "O'Neill"),
        ("ID", "IVO://Org.Example/X"), ("DPTYPE", "image"),
    )  # fmt: skip
    assert text.splitlines()[1:-1] == [
        "WHERE dataproduct_type IN ('image', 'cube')",
        "  AND (em_min <= 0.21 OR em_max >= 300.0)",
        "  AND (t_max >= 53000.0 AND t_min <= 53000.0)",
        "  AND (s_fov IS NOT NULL)",
        "  AND (s_resolution >= 0.1 AND s_resolution <= 0.2)",
        "  AND LOWER(obs_publisher_did) = 'ivo://org.example/x'",
        "  AND dataproduct_type = 'image'",
        "  AND target_name IN ('M 87', 'O''Neill')",
        "  AND (pol_states LIKE '%/I/%' OR pol_states LIKE '%/RR/%')",
        "  AND calib_level IN (2, 3)",
    ]


def test_the_words_of_the_site_are_asked_for() -> None:
    asked = ImageParameters.parse([("DPTYPE", "image")])
    text = images.adql(asked, {"image": "sky-image", "event": "event-list"})
    assert "dataproduct_type IN ('sky-image', 'cube')" in text
    assert "dataproduct_type = 'sky-image'" in text


def test_the_whole_sky_is_no_condition() -> None:
    whole = _text(("POS", "RANGE -Inf +Inf -Inf +Inf"), ("POS", "CIRCLE 1 2 3"))
    assert "INTERSECTS" not in whole


@pytest.fixture(scope="module")
def sky() -> Iterator[tuple[duckdb.DuckDBPyConnection, np.ndarray]]:
    """Return a database with tiny circles all over the sky, and their places in deg."""
    random = np.random.default_rng(7)
    ra = random.uniform(0, 360, _POINTS)
    dec = np.degrees(np.arcsin(random.uniform(-1, 1, _POINTS)))
    places = np.column_stack([ra, dec])
    database = duckdb.connect()
    install(database)
    database.execute("CREATE SCHEMA ivoa")
    rows = {"n": range(_POINTS), "s_region": [[*p, 1e-6] for p in places.tolist()]}
    database.register("given", pa.table(rows))
    covers = ", ".join(
        f'cover[{number}] AS "{name}"'
        for number, name in enumerate(cover_names("s_region"), 1)
    )
    database.execute(
        f"CREATE TABLE ivoa.obscore AS SELECT n, s_region, {covers} FROM "
        "(SELECT *, dst_cover(s_region, NULL) AS cover FROM given)"
    )
    yield database, places
    functions.unregister(database)
    database.close()


_EDGES = st.sampled_from([0.0, 0.5, 12.0, 45.0, 90.0, 180.0, 269.9, 300.0, 359.5])
_WIDTHS = st.sampled_from([0.7, 10.0, 90.0, 91.0, 180.0, 255.0, 359.0, 360.0])
_PARALLELS = st.sampled_from([-90.0, -89.0, -60.0, -0.5, 0.0, 2.0, 45.0, 88.0, 90.0])


@pytest.mark.slow
@settings(max_examples=20)
@given(west=_EDGES, width=_WIDTHS, decs=st.sets(_PARALLELS, min_size=2, max_size=2))
def test_a_range_has_what_lies_in_it(
    sky: tuple[duckdb.DuckDBPyConnection, np.ndarray],
    west: float,
    width: float,
    decs: set[float],
) -> None:
    database, places = sky
    south, north = sorted(decs)
    asked = Range(west, west + width, south, north)
    shapes = images.written(asked)
    where = " OR ".join(f"1 = INTERSECTS(s_region, {shape})" for shape in shapes)
    query = f"SELECT obs_id FROM ivoa.obscore WHERE {where}"
    sql = translate(query, CATALOG).sql.replace('"obscore"."obs_id"', "n")
    found = np.zeros(_POINTS, bool)
    found[[row[0] for row in database.execute(sql).fetchall()]] = True
    ra, dec = places.T
    east_of = (ra - west) % 360
    inside = (east_of <= width) & (dec >= south) & (dec <= north)
    near = np.minimum(abs(dec - south), abs(dec - north)) < _NEAR_DEG
    across = [abs(east_of - edge) for edge in (0, width, 360)]
    near |= np.min(across, axis=0) * np.cos(np.radians(dec)) < _NEAR_DEG
    assert np.array_equal(found[~near], inside[~near])


@pytest.mark.parametrize(
    "text",
    ["RANGE 12 12 34 36", "RANGE 12 14 34 34", "RANGE 1 1 1 1", "RANGE 0 360 90 90"],
)
@pytest.mark.parametrize("target", ["duckdb", "pgsphere"])
def test_a_range_without_inside_is_translated(text: str, target: str) -> None:
    query = _text(("POS", text))
    assert translate(query, CATALOG, target=target).columns  # type: ignore[arg-type]


def test_many_regions_are_translated_or_refused_with_a_limit() -> None:
    regions = [("POS", f"CIRCLE {n} 2 3") for n in range(100)]
    assert translate(_text(*regions), CATALOG).columns
    corners = " ".join(itertools.chain.from_iterable((("1", "2"), ("3", "4")) * 50))
    many = [("POS", f"POLYGON {corners}")] * 100
    with pytest.raises(Exception, match="Q108"):
        translate(_text(*many), CATALOG)
