"""DuckDB and PostgreSQL give the same answers to the same ADQL."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.support import engines as pair

from distiller.adql import translate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support import postgres

    from distiller.core.columns import Catalog

pytestmark = pytest.mark.slow
_ROWS = 400
_NEW_YEAR = dt.datetime(2021, 1, 1)


@pytest.fixture(scope="module")
def both(
    catalog: Catalog, postgres_server: postgres.Server
) -> Iterator[pair.Engines]:
    """Both engines with some hundred rows."""
    engines = pair.make(catalog, postgres_server.create())
    random = np.random.default_rng(3)
    fields = pair.regions(random, _ROWS)
    engines.fill("ivoa.obscore", [_run(random, i, f) for i, f in enumerate(fields)])
    engines.fill("cta.product", [_product(random, i) for i in range(_ROWS // 2)])
    engines.fill("cta.target", [_target(random, i) for i in range(60)])
    engines.fill("tap_schema.columns", [("ivoa.obscore", "s_ra", 1)])
    yield engines
    pair.close(engines)


def _run(
    random: np.random.Generator, number: int, field: list[float] | None
) -> list[Any]:
    place = field or [float(random.uniform(0, 360)), float(random.uniform(-90, 90))]
    moment = _NEW_YEAR + dt.timedelta(seconds=float(random.uniform(-1e8, 1e8)))
    return [
        str(number), ["hess", "cta", "Sim"][number % 3], pair.text(random), number % 4,
        pair.some(random, place[0]), pair.some(random, place[1]),
        pair.some(random, float(random.uniform(0, 10))), field,
        pair.some(random, int(random.integers(-10**12, 10**12))),
        pair.some(random, float(random.uniform(5e4, 6e4))),
        pair.some(random, float(random.choice([0.0, -0.5, 2.5, 1e-300, 1e300, 1682.25]))),
        pair.some(random, float(10.0 ** random.uniform(-20, -10))),
        pair.some(random, float(np.float32(random.uniform(0, 2)))),
        pair.some(random, ["public", "proprietary"][number % 2]),
        pair.some(random, moment),
    ]  # fmt: skip


def _product(random: np.random.Generator, number: int) -> list[Any]:
    return [
        f"p{number}", str(random.integers(_ROWS)), pair.text(random),
        pair.some(random, int(random.integers(0, 10**10))),
        pair.some(random, int(random.integers(-30_000, 30_000))),
        pair.some(random, bool(random.integers(2))),
    ]  # fmt: skip


def _target(random: np.random.Generator, number: int) -> list[Any]:
    place = [float(random.uniform(0, 360)), float(random.uniform(-90, 90))]
    return [
        number, pair.text(random) or "?", pair.some(random, place), place[0], place[1],
        pair.some(random, number * 7 - 100),
    ]  # fmt: skip


def _examples(name: str) -> list[str]:
    path = Path(__file__).parent / "fixtures" / name
    text = path.read_text(encoding="utf-8")
    if name == "valid.sql":
        return [part.rstrip("; ") for part in text.strip().split("\n\n")]
    return [part.splitlines()[0].rstrip(";") for part in text.strip().split("\n\n")]


_CHANCE = re.compile(r"\bRAND\(|\bTOP [1-9]", re.IGNORECASE)


@pytest.mark.parametrize("text", [*_examples("valid.sql"), *_examples("duckdb.sql")])
def test_examples(text: str, both: pair.Engines) -> None:
    one, two = both.rows_of_duckdb(text), both.rows_of_postgres(text)
    if _CHANCE.search(text) or "OFFSET" in text:
        assert not isinstance(one, Exception)
        assert not isinstance(two, Exception), two
        assert len(one) == len(two)
        return
    assert not pair.difference(one, two, ordered=False, digits=_digits(text))


def _digits(text: str) -> float:
    """Return the relative difference that a query allows: thin polygons have no sharp
    centroid.
    """
    return 1e-9 if "CENTROID" in text else 1e-12
