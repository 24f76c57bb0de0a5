"""Columns of the result: names, metadata, and types as the engine gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from distiller.adql import translate

if TYPE_CHECKING:
    import duckdb

    from distiller.core.columns import Catalog, Column

_ARROW = {
    "boolean": "bool",
    "short": "int16",
    "int": "int32",
    "long": "int64",
    "float": "float",
    "double": "double",
    "char": "string",
}


def _columns(text: str, catalog: Catalog) -> tuple[Column, ...]:
    return translate(text, catalog).columns


def test_metadata_come_from_the_catalog_through_an_alias(catalog: Catalog) -> None:
    (column,) = _columns("SELECT s_ra AS x FROM ivoa.obscore", catalog)
    assert column.name == "x"
    assert (column.unit, column.ucd, column.utype) == ("deg", "pos.eq.ra", "obscore:ra")
    assert column.description == "Right ascension of the centre"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT x FROM (SELECT s_ra AS x FROM ivoa.obscore) AS q",
        "WITH q AS (SELECT s_ra AS x FROM ivoa.obscore) SELECT * FROM q",
        "SELECT s_ra AS x FROM ivoa.obscore UNION SELECT dec FROM cta.target",
        "SELECT (s_ra) AS x FROM ivoa.obscore",
        "SELECT MAX(s_ra) AS x FROM ivoa.obscore",
        "SELECT q.* FROM cta.target JOIN (SELECT s_ra x FROM ivoa.obscore) q ON x = ra",
    ],
)
def test_metadata_come_through_sub_queries_ctes_and_sets(
    text: str, catalog: Catalog
) -> None:
    (column,) = _columns(text, catalog)
    assert (column.name, column.unit, column.ucd) == ("x", "deg", "pos.eq.ra")


def test_arithmetic_drops_unit_and_ucd(catalog: Catalog) -> None:
    for value in ("s_ra + 1", "-s_ra", "s_ra * 2", "s_ra / s_dec"):
        (column,) = _columns(f"SELECT {value} AS x FROM ivoa.obscore", catalog)
        assert (column.unit, column.ucd, column.description) == (None, None, None)


def test_functions_have_units_of_their_own(catalog: Catalog) -> None:
    columns = _columns(
        "SELECT DISTANCE(s_ra, s_dec, 1, 2), AREA(s_region), DEGREES(s_ra), ACOS(1), "
        "IN_UNIT(s_ra, 'rad'), gavo_specconv(em_min, 'eV'), COUNT(*) FROM ivoa.obscore "
        "GROUP BY s_ra, s_dec, s_region, em_min",
        catalog,
    )
    units = [c.unit for c in columns]
    assert units == ["deg", "deg**2", "deg", "rad", "rad", "eV", None]
    assert columns[-1].ucd == "meta.number"


def test_names_are_readable_and_unique(catalog: Catalog) -> None:
    columns = _columns(
        "SELECT a.name, b.name, COUNT(*), COUNT(*), AVG(a.ra), a.name || 'x', 'x', "
        'a.name AS "X", a.name AS x FROM cta.target a, cta.target b '
        "GROUP BY a.name, b.name",
        catalog,
    )
    assert [c.name for c in columns] == [
        "name", "name_2", "count", "count_2", "avg_ra", "column_6", "column_7", "X",
        "x_2",
    ]  # fmt: skip


def test_a_doubled_name_in_a_sub_query_is_ambiguous_outside(catalog: Catalog) -> None:
    text = "SELECT * FROM (SELECT a.name, b.name FROM cta.target a, cta.target b) q"
    assert [c.name for c in _columns(text, catalog)] == ["name", "name_2"]


def test_delimited_names_keep_their_case(catalog: Catalog) -> None:
    text = 'SELECT "Mixed Name", name AS "Na""me", name AS NAME FROM cta.target'
    assert [c.name for c in _columns(text, catalog)] == ["Mixed Name", 'Na"me', "name"]


@pytest.mark.parametrize(
    ("value", "datatype"),
    [
        ("1", "int"),
        ("3000000000", "long"),
        ("123456789012345678901", "double"),
        ("1.5", "double"),
        ("calib_level + 1", "int"),
        ("s_xel1 + 1", "long"),
        ("s_xel1 / 2", "long"),
        ("calib_level / 2", "int"),
        ("calib_level * 1.5", "double"),
        ("em_res_power", "float"),
        ("em_res_power * 2", "double"),
        ("ABS(calib_level)", "double"),
        ("MOD(calib_level, 2)", "double"),
        ("ROUND(calib_level)", "double"),
        ("FLOOR(s_xel1)", "double"),
        ("SQRT(em_res_power)", "double"),
        ("LOG(em_res_power)", "double"),
        ("POWER(calib_level, 2)", "double"),
        ("COALESCE(calib_level, 1.5)", "double"),
        ("COALESCE(calib_level, s_xel1)", "long"),
        ("CAST(s_ra AS SMALLINT)", "short"),
        ("CAST(s_ra AS REAL)", "float"),
        ("CAST(s_ra AS BIGINT)", "long"),
        ("COORD1(POINT(calib_level, 2))", "double"),
        ("CONTAINS(POINT(1, 2), s_region)", "int"),
        ("ivo_nocasematch(target_name, 'x')", "int"),
        ("NULL", "char"),
        ("target_name || 1", "char"),
        ("COORDSYS(s_region)", "char"),
        ("s_region", "char"),
    ],
)
def test_types_are_those_that_the_engine_gives(
    value: str, datatype: str, catalog: Catalog, sky: duckdb.DuckDBPyConnection
) -> None:
    translation = translate(f"SELECT {value} AS x FROM ivoa.obscore", catalog)
    assert translation.columns[0].datatype == datatype
    found = sky.sql(translation.sql).to_arrow_table().schema.field("x").type
    assert str(found) == _ARROW[datatype]


@pytest.mark.parametrize(
    ("value", "datatype"),
    [
        ("COUNT(*)", "long"),
        ("COUNT(DISTINCT target_name)", "long"),
        ("SUM(calib_level)", "long"),
        ("SUM(s_xel1)", "long"),
        ("SUM(s_ra)", "double"),
        ("SUM(1.5)", "double"),
        ("SUM(em_res_power)", "double"),
        ("AVG(calib_level)", "double"),
        ("AVG(em_res_power)", "double"),
        ("MIN(calib_level)", "int"),
        ("MAX(em_res_power)", "float"),
        ("MAX(target_name)", "char"),
        ("SUM(calib_level) / 2", "long"),
    ],
)
def test_aggregates_have_the_types_that_are_announced(
    value: str, datatype: str, catalog: Catalog, sky: duckdb.DuckDBPyConnection
) -> None:
    test_types_are_those_that_the_engine_gives(value, datatype, catalog, sky)


def test_sub_queries_give_announced_types_too(
    catalog: Catalog, sky: duckdb.DuckDBPyConnection
) -> None:
    text = "SELECT q.s FROM (SELECT SUM(calib_level) AS s FROM ivoa.obscore) q"
    translation = translate(text, catalog)
    table = sky.sql(translation.sql).to_arrow_table()
    assert str(table.schema.field("s").type) == "int64"


def test_geometries_leave_as_dali_arrays_and_regions_as_text(
    catalog: Catalog, sky: duckdb.DuckDBPyConnection
) -> None:
    translation = translate(
        "SELECT s_region, POINT(s_ra, s_dec) p, CIRCLE(1, 2, 3) c, "
        "POLYGON(1, 2, 3, 4, 5, 6) g FROM ivoa.obscore WHERE obs_id = '5'",
        catalog,
    )
    found = [(c.datatype, c.arraysize, c.xtype) for c in translation.columns]
    assert found == [
        ("char", "*", "adql:REGION"),
        ("double", "2", "point"),
        ("double", "3", "circle"),
        ("double", "*", "polygon"),
    ]
    (row,) = sky.execute(translation.sql).fetchall()
    assert row == (None, None, [1, 2, 3], [1, 2, 3, 4, 5, 6])


def test_outer_joins_make_columns_nullable(catalog: Catalog) -> None:
    text = (
        "SELECT o.obs_id, p.product_id FROM ivoa.obscore o {} JOIN cta.product p ON 1=1"
    )
    nullable = {
        side: [c.nullable for c in _columns(text.format(side), catalog)]
        for side in ("INNER", "LEFT", "RIGHT", "FULL")
    }
    assert nullable == {
        "INNER": [False, False],
        "LEFT": [False, True],
        "RIGHT": [True, False],
        "FULL": [True, True],
    }


def test_sets_widen_the_types_of_both_sides(
    catalog: Catalog, sky: duckdb.DuckDBPyConnection
) -> None:
    text = (
        "SELECT target_id AS x FROM cta.target UNION ALL "
        "SELECT 1.5 FROM cta.target UNION ALL SELECT NULL FROM cta.target"
    )
    translation = translate(text, catalog)
    assert translation.columns[0].datatype == "double"
    table = sky.sql(translation.sql).to_arrow_table()
    assert str(table.schema.field("x").type) == "double"
    assert sorted(v for v in table["x"].to_pylist() if v is not None)[:4] == [
        1.0, 1.5, 1.5, 1.5,
    ]  # fmt: skip
