"""Covers of regions, narrow and wide, leave out no region that is met."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from benchmarks.tap.model import TABLE, write_model

from distiller.adql import translate
from distiller.archive import open_archive
from distiller.core.covers import NARROW_DEG, WIDE_DEG, covers
from distiller.core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.archive import Archive

ROWS = 6000


def _regions() -> list[list[float] | None]:
    """Return circles of all sizes, squares about them, and a few of no size."""
    rng = np.random.default_rng(3)
    found: list[list[float] | None] = []
    for number in range(ROWS):
        lon = rng.choice([0.0, 359.999, rng.uniform(-400, 800), rng.uniform(0, 360)])
        lat = np.degrees(np.arcsin(rng.uniform(-1, 1)))
        lat = float(rng.choice([lat, lat, lat, 90.0, -90.0, 89.9]))
        size = float(10 ** rng.uniform(-2, 1.9))
        if number % 3:
            found.append([lon, lat, size])
        elif number % 50 == 0:
            found.append(None)
        else:
            low, high = max(lat - size, -90), min(lat + size, 90)
            east = lon + min(size, 60)
            found.append([lon, low, east, low, east, high, lon, high])
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """Return an archive of such regions."""
    folder = tmp_path_factory.mktemp("covers")
    write_model(folder / "uml")
    home = folder / "home"
    home.mkdir()
    names = np.arange(ROWS).astype(str)
    rows: dict[str, Any] = {
        "obs_collection": pa.array(["sim"] * ROWS),
        "obs_id": pa.array(names),
        "obs_publisher_did": pa.array(np.char.add("ivo://x/y?", names)),
        "calib_level": pa.array(np.full(ROWS, 2, np.int32)),
        "s_region": pa.array(_regions(), pa.list_(pa.float64())),
    }
    with open_archive(load_settings(home, model_dir=folder / "uml")) as archive:
        archive.load(TABLE, [pa.record_batch(rows)])
        yield archive


ASKED = [
    *(
        f"1 = INTERSECTS(o.s_region, CIRCLE({place}, {radius}))"
        for place in ("83, 22", "0.1, -40", "-5, 70", "359.9, 3", "200, 89.5", "725, 1")
        for radius in (0, 1, 20)
    ),
    "1 = INTERSECTS(POLYGON(350, -3, 10, -3, 0, 8), o.s_region)",
    "1 = CONTAINS(POINT(0, 0), o.s_region)",
    "1 = CONTAINS(POINT(359.9995, -60), o.s_region)",
    "1 = CONTAINS(o.s_region, CIRCLE(0, 10, 30))",
    "1 = INTERSECTS(o.s_region, CIRCLE(10, 0, 179))",
]


@pytest.mark.slow
@pytest.mark.parametrize("where", ASKED)
def test_the_coarse_condition_leaves_none_out(site: Archive, where: str) -> None:
    found = [_ids(site, text) for text in (where, f"NOT (NOT ({where}))")]
    assert found[0] == found[1]
    assert found[0]


def _ids(site: Archive, where: str) -> list[str]:
    text = f"SELECT o.obs_id FROM {TABLE} AS o WHERE {where}"
    rows = site.rows(translate(text, site.catalog).sql)
    return sorted(row["obs_id"] for row in rows)


def test_the_longitude_tells_narrow_covers_from_wide_ones() -> None:
    shapes: list[list[float]] = [
        [-10, 5, 1], [370, 5, NARROW_DEG], [-10, 5, 30], [0, 95, 1], [7, 7]
    ]  # fmt: skip
    values = np.concatenate([np.array(shape, np.float64) for shape in shapes])
    ends = np.cumsum([0, *(len(shape) for shape in shapes)])
    lon, south, north = covers(values, ends).T
    assert lon == pytest.approx(
        [350, 10 + WIDE_DEG, 350 + WIDE_DEG, WIDE_DEG, 7], abs=1e-9
    )
    assert (south[:3] < [4, -5, -25]).all()
    assert (north[:3] > [6, 15, 35]).all()
