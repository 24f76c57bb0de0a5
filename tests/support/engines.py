"""The same tables in DuckDB and in PostgreSQL, and the same questions to both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import psycopg
from tests.support.duck import install

from distiller.adql import translate
from distiller.archive import functions
from distiller.archive.postgres import functions as postgres_functions
from distiller.model.emit.sql.cover import cover_statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distiller.core.columns import Catalog, Column

_DUCKDB = {
    "boolean": "BOOLEAN", "short": "SMALLINT", "int": "INTEGER", "long": "BIGINT",
    "float": "REAL", "double": "DOUBLE", "char": "VARCHAR",
}  # fmt: skip
_POSTGRES = _DUCKDB | {"double": "DOUBLE PRECISION", "char": 'TEXT COLLATE "C"'}
USERS_FAULTS = ("21", "22")
"""Classes of SQLSTATE that a user's values bring about."""


@dataclass(frozen=True)
class Engines:
    """Both engines with the same tables.

    Attributes
    ----------
    catalog
        The tables.
    duck, postgres
        A connection each.
    """

    catalog: Catalog
    duck: duckdb.DuckDBPyConnection
    postgres: psycopg.Connection

    def fill(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows in both."""
        width = len(self.catalog[table].columns)
        marks = ", ".join("?" * width)
        self.duck.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        with self.postgres.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)

    def rows_of_duckdb(self, text: str) -> Answer:
        """Ask DuckDB in ADQL."""
        sql = translate(text, self.catalog).sql
        try:
            return self.duck.execute(sql).fetchall()
        except duckdb.Error as error:
            return error

    def rows_of_postgres(self, text: str) -> Answer:
        """Ask PostgreSQL in ADQL."""
        sql = translate(text, self.catalog, target="pgsphere").sql
        try:
            return self.postgres.execute(sql.encode(), binary=True).fetchall()
        except psycopg.Error as error:
            return error


Answer = list[tuple[Any, ...]] | Exception


def make(catalog: Catalog, url: str) -> Engines:
    """Return both engines with empty tables.

    Parameters
    ----------
    catalog
        The tables.
    url
        Of an empty PostgreSQL database with pgSphere.
    """
    duck = duckdb.connect()
    install(duck)
    postgres = psycopg.connect(url, autocommit=True)
    for statement in cover_statements():
        postgres.execute(statement.encode())
    postgres_functions.install(postgres)
    for table in catalog.values():
        for connection, types in ((duck, _DUCKDB), (postgres, _POSTGRES)):
            columns = ", ".join(f'"{c.name}" {_type(c, types)}' for c in table.columns)
            for sql in (
                f"CREATE SCHEMA IF NOT EXISTS {table.schema}",
                f"CREATE TABLE {table.name} ({columns})",
            ):
                _execute(connection, sql)
    return Engines(catalog, duck, postgres)


def _execute(connection: Any, sql: str) -> None:
    connection.execute(sql)


def close(engines: Engines) -> None:
    """Close both connections."""
    functions.unregister(engines.duck)
    engines.duck.close()
    engines.postgres.close()


def _type(column: Column, types: dict[str, str]) -> str:
    if column.is_geometry:
        return f"{types['double']}[]"
    return "TIMESTAMP" if column.is_instant else types[column.datatype]


def difference(
    one: Answer, two: Answer, *, ordered: bool, digits: float = 1e-12
) -> str:
    """Return how an answer of PostgreSQL differs from that of DuckDB; empty if not."""
    if isinstance(one, Exception) or isinstance(two, Exception):
        return _difference_of_faults(one, two)
    if len(one) != len(two):
        return f"{len(one)} and {len(two)} rows"
    if ordered:
        return _first(one, two, digits)
    # Floats that differ in the last digits may stand in another order, so that neither
    # way of sorting alone brings equal rows together.
    by_value = _first(sorted(one, key=_exact), sorted(two, key=_exact), digits)
    if not by_value:
        return ""
    return _first(sorted(one, key=_rounded), sorted(two, key=_rounded), digits)


def _first(one: Sequence[Any], two: Sequence[Any], digits: float) -> str:
    for number, (first, second) in enumerate(zip(one, two, strict=True)):
        if not is_same(first, second, digits):
            return f"row {number}: {first} and {second}"
    return ""


def _difference_of_faults(one: Answer, two: Answer) -> str:
    if (
        isinstance(one, Exception)
        and isinstance(two, psycopg.Error)
        and str(two.sqlstate)[:2] in USERS_FAULTS
    ):
        return ""
    return " but ".join(
        repr(a)[:300] if isinstance(a, Exception) else f"{len(a)} rows {a[:2]}"
        for a in (one, two)
    )


def is_same(one: Any, two: Any, digits: float) -> bool:
    """Whether two values are the same, floats to a relative difference."""
    if isinstance(one, list | tuple):
        alike = isinstance(two, list | tuple) and len(one) == len(two)
        return alike and all(
            is_same(a, b, digits) for a, b in zip(one, two, strict=True)
        )
    if isinstance(one, float) and isinstance(two, float):
        if math.isnan(one) or math.isnan(two):
            return math.isnan(one) and math.isnan(two)
        return one == two or abs(one - two) <= digits * max(abs(one), abs(two), 1e-290)
    return type(one) is type(two) and bool(one == two)


def _exact(row: Any) -> tuple[Any, ...]:
    return tuple(
        (0, cell + 0.0 if math.isfinite(cell) else math.copysign(1e308, cell), "")
        if isinstance(cell, float)
        else (1, 0.0, repr(cell))
        for cell in row
    )


def _rounded(row: Any) -> tuple[str, ...]:
    return tuple(
        f"{float(f'{cell:.9g}') + 0.0:.9g}" if isinstance(cell, float) else repr(cell)
        for cell in row
    )


# Rows ---------------------------------------------------------------------------------

_TEXTS = (
    "Crab", "crab nebula", "CRAB-1", "PKS 2155-304", "Größe", "GRÖSSE", "straße", "ẞ",
    "M 87", "M_87", "100%", "a\\b", "a#B#c", "", " ", "Σίσυφος", "ΣΊΣΥΦΟΣ", "日本 2",
    "x1_y", "O'Neill", "e\u0301t\u00e9", "RX J1713.7-3946", "rx j1713", "Z", "z", "12",
    " 12 ", "1.5", "-7e2", "2021-01-14", None,
)  # fmt: skip


def regions(random: np.random.Generator, count: int) -> list[list[float] | None]:
    """Return circles, polygons and points, some over a pole or right ascension 0."""
    found: list[list[float] | None] = []
    for number in range(count):
        ra, dec, radius = random.uniform(0, 360), random.uniform(-88, 88), 2.5
        if number % 5 == 0:
            ra, dec = (359.9, 10.0) if number % 2 else (20.0, 89.5)
        if number % 9 == 8:
            found.append(None)
        elif number % 3 == 0:
            found.append([ra, dec, radius])
        elif number % 7 == 6:
            found.append([ra, dec])
        else:
            corners = 3 + number % 6
            turns = np.arange(corners) * 2 * np.pi / corners
            lon = (ra + 2 * np.cos(turns) / np.cos(np.radians(min(abs(dec), 80)))) % 360
            lat = np.clip(dec + 2 * np.sin(turns), -90, 90)
            found.append(np.column_stack([lon, lat]).ravel().tolist())
    return found


def some(random: np.random.Generator, value: Any, share: float = 0.15) -> Any:
    """Return the value, or sometimes None."""
    return None if random.uniform() < share else value


def text(random: np.random.Generator) -> str | None:
    """Return a text that is hard for something."""
    return _TEXTS[random.integers(len(_TEXTS))]
