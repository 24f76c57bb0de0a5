"""A small sky: its catalog, and a DuckDB in memory that holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest
from tests.support.duck import install

from distiller.archive import functions
from distiller.core.columns import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.core.columns import Catalog

_TYPES = {
    "boolean": "BOOLEAN",
    "short": "SMALLINT",
    "int": "INTEGER",
    "long": "BIGINT",
    "float": "REAL",
    "double": "DOUBLE",
    "char": "VARCHAR",
}

_TABLES = (
    Table(
        "ivoa.obscore",
        (
            Column("obs_id", "char", "*", ucd="meta.id", nullable=False),
            Column("obs_collection", "char", "*", nullable=False),
            Column("target_name", "char", "*", ucd="meta.id;src"),
            Column("calib_level", "int", nullable=False),
            Column("s_ra", "double", unit="deg", ucd="pos.eq.ra", utype="obscore:ra",
                   description="Right ascension of the centre"),
            Column("s_dec", "double", unit="deg", ucd="pos.eq.dec"),
            Column("s_fov", "double", unit="deg"),
            Column("s_region", "char", "*", "adql:REGION"),
            Column("s_xel1", "long"),
            Column("t_min", "double", unit="d", ucd="time.start"),
            Column("t_exptime", "double", unit="s"),
            Column("em_min", "double", unit="m"),
            Column("em_res_power", "float"),
            Column("data_rights", "char", "*"),
            Column("obs_creation_date", "char", "*", "timestamp"),
        ),
    ),
    Table(
        "cta.product",
        (
            Column("product_id", "char", "*", nullable=False),
            Column("obs_id", "char", "*", nullable=False),
            Column("product_type", "char", "*"),
            Column("size", "long", unit="byte"),
            Column("quality", "short"),
            Column("simulated", "boolean"),
        ),
    ),
    Table(
        "cta.target",
        (
            Column("target_id", "int", nullable=False),
            Column("name", "char", "*", nullable=False),
            Column("pos", "double", "2", "point", unit="deg"),
            Column("ra", "double", unit="deg"),
            Column("dec", "double", unit="deg"),
            Column("Mixed Name", "int"),
        ),
    ),
    Table(
        "tap_schema.columns",
        (
            Column("table_name", "char", "*"),
            Column("column_name", "char", "*"),
            Column("size", "int"),
        ),
    ),
)  # fmt: skip

_ROWS = """
INSERT INTO ivoa.obscore VALUES
 ('1', 'hess', 'Crab', 1, 83.63, 22.01, 5, [83.63, 22.01, 2.5], 10, 53343.9, 1680,
  1e-19, 0.1, 'public', '2018-09-11T10:00:00'),
 ('2', 'hess', 'Crab', 1, 83.63, 22.51, 5, [83.63, 22.51, 2.5], 11, 53345.0, 1682,
  1e-19, 0.1, 'public', '2018-09-12T10:00:00'),
 ('3', 'hess', 'PKS 2155-304', 2, 329.72, -30.23, 5, [329.72, -30.23, 2.5], NULL,
  53944.1, NULL, NULL, NULL, 'proprietary', NULL),
 ('4', 'cta', 'GC', 2, 266.42, -29.0, 6,
  [266, -29.5, 267, -29.5, 267, -28.5, 266, -28.5], 7, 59000.5, 1800, 2e-19, 0.2,
  'public', '2020-05-31T00:00:00'),
 ('5', 'cta', NULL, 3, NULL, 22.0, NULL, NULL, 0, NULL, 60, NULL, 0.3, NULL, NULL),
 ('6', 'cta', 'pole', 3, 10.0, 89.9, 1, [10, 89.9, 1], -7, 59001.5, 0, 3e-19, 0.4,
  'proprietary', '2021-01-01T00:00:00');
INSERT INTO cta.product VALUES
 ('p1', '1', 'event', 1000, 1, FALSE), ('p2', '2', 'event', 2001, 2, FALSE),
 ('p3', '1', 'image', 77, NULL, TRUE), ('p9', '9', 'event', NULL, 3, NULL);
INSERT INTO cta.target VALUES
 (1, 'Crab', [83.6331, 22.0145], 83.6331, 22.0145, 7),
 (2, 'PKS 2155-304', [329.7169, -30.2256], 329.7169, -30.2256, NULL),
 (3, 'nowhere', NULL, NULL, NULL, 9);
INSERT INTO tap_schema.columns VALUES ('ivoa.obscore', 's_ra', 1);
"""


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """Tables of the small sky."""
    return {table.name: table for table in _TABLES}


def _engine_type(column: Column) -> str:
    if column.is_geometry:
        return "DOUBLE[]"
    return "TIMESTAMP" if column.is_instant else _TYPES[column.datatype]


@pytest.fixture(scope="session")
def sky() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return a DuckDB with the small sky and the functions of the archive."""
    connection = duckdb.connect()
    install(connection)
    for table in _TABLES:
        columns = ", ".join(f'"{c.name}" {_engine_type(c)}' for c in table.columns)
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {table.schema}")
        connection.execute(f"CREATE TABLE {table.name} ({columns})")
    connection.execute(_ROWS)
    yield connection
    functions.unregister(connection)
    connection.close()
