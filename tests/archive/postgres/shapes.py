"""Shapes on the sky, and what both engines say to calls of functions on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    import duckdb
    import psycopg

Shape: TypeAlias = list[float]


class Sky:
    """Draws shapes: at poles and right ascension 0, of any size, near each other."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def place(self) -> tuple[float, float]:
        random = self.random
        kind = random.integers(4)
        if kind == 0:
            return float(random.choice([0.0, 360.0, 359.9999, 1e-5])), self.dec()
        if kind == 1:
            lat = random.choice([90.0, -90.0, 89.9, -89.99])
            return float(random.uniform(0, 360)), float(lat)
        if kind == 2:
            return float(random.integers(0, 360)), float(random.integers(-90, 91))
        return float(random.uniform(0, 360)), self.dec()

    def dec(self) -> float:
        return float(np.degrees(np.arcsin(self.random.uniform(-1, 1))))

    def shape(self, near: tuple[float, float], scale: float) -> Shape:
        random = self.random
        kind = random.integers(9)
        ra, dec = offset(near, random.uniform(0, 360), scale * random.uniform(0, 3))
        if kind < 2:
            return [ra, dec]
        if kind < 4:
            size = scale * float(random.choice([0.0, 1.0, random.uniform(0, 2), 100.0]))
            return [ra, dec, min(180.0, size)]
        corners = int(random.integers(3, 13))
        if kind < 7:
            turns = np.sort(random.uniform(0, 360, corners))[:: random.choice([-1, 1])]
            reach = min(30.0, scale) * random.uniform(0.2, 1, corners)
        elif kind == 7 and scale < 20:  # Vertices in any order: edges may cross.
            turns = random.uniform(0, 360, corners)
            reach = scale * random.uniform(0, 1, corners)
        else:
            turns = np.arange(corners) * 360.0 / corners
            reach = np.full(corners, min(85.0, scale))
        places = [
            offset((ra, dec), turn, far) for turn, far in zip(turns, reach, strict=True)
        ]
        if random.integers(5) == 0:
            places.insert(1, places[0])
        return [number for place in places for number in place]

    def pair(self) -> tuple[Shape, Shape]:
        near, scale = self.place(), 10 ** self.random.uniform(-4, 2)
        other = scale * 10 ** self.random.uniform(-1, 1)
        return self.shape(near, scale), self.shape(near, other)


def offset(
    place: tuple[float, float], turn: float, distance: float
) -> tuple[float, float]:
    """Return the place at a distance in a direction, all deg."""
    ra, dec, angle, far = np.radians([*place, turn, distance])
    lat = np.arcsin(
        np.clip(
            np.sin(dec) * np.cos(far) + np.cos(dec) * np.sin(far) * np.cos(angle), -1, 1
        )
    )
    lon = ra + np.arctan2(
        np.sin(angle) * np.sin(far) * np.cos(dec),
        np.cos(far) - np.sin(dec) * np.sin(lat),
    )
    return float(np.degrees(lon) % 360), float(np.degrees(lat))


def load(
    duck: duckdb.DuckDBPyConnection,
    database: psycopg.Connection,
    pairs: list[tuple[Shape | None, Shape | None]],
) -> None:
    kind = pa.list_(pa.float64())
    table = pa.table({
        "i": range(len(pairs)),
        "a": pa.array([a for a, _ in pairs], kind),
        "b": pa.array([b for _, b in pairs], kind),
    })  # fmt: skip
    duck.register("given", table)
    duck.execute("CREATE OR REPLACE TABLE shapes AS SELECT * FROM given")
    duck.unregister("given")
    database.execute("DROP TABLE IF EXISTS shapes")
    database.execute("CREATE TABLE shapes (i int, a float8[], b float8[])")
    with database.cursor().copy("COPY shapes FROM STDIN") as copy:
        for number, (a, b) in enumerate(pairs):
            copy.write_row((number, a, b))


def asked_of(
    duck: duckdb.DuckDBPyConnection, database: psycopg.Connection, call: str
) -> list[tuple[int, Any, Any]]:
    """Return what both say to a call, written ``dst.name(...)``."""
    one = duck.execute(f"SELECT {call.replace('dst.', 'dst_')} FROM shapes ORDER BY i")
    two = database.execute(f"SELECT {call} FROM shapes ORDER BY i".encode())
    rows = zip(one.fetchall(), two.fetchall(), strict=True)
    return [(i, a[0], b[0]) for i, (a, b) in enumerate(rows)]


def distance(one: list[float], two: list[float]) -> float:
    """Return a distance of two places, deg, good for small ones."""
    (ra1, dec1), (ra2, dec2) = np.radians([one, two])
    half = np.sin((dec1 - dec2) / 2) ** 2
    half += np.cos(dec1) * np.cos(dec2) * np.sin((ra1 - ra2) / 2) ** 2
    return float(np.degrees(2 * np.arcsin(np.sqrt(half))))
