"""One column of each kind that a result may have, and batches of them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from tests.support import schemas

from distiller.core.columns import Column

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.schemas import Validate

COLUMNS = (
    Column("truth", "boolean"),
    Column("small", "short"),
    Column("middle", "int", ucd="meta.number", description="a < b & c"),
    Column("large", "long"),
    Column("single", "float", unit="TeV"),
    Column("precise", "double", unit="deg", ucd="pos.eq.ra;meta.main"),
    Column("words", "char", "*", utype="obscore:Target.Name"),
    Column("code", "char", "4"),
    Column("instant", "char", "*", "timestamp"),
    Column("place", "double", "2", "point", unit="deg"),
    Column("region", "double", "*", "polygon", unit="deg"),
)
ARROW = (
    pa.bool_(),
    pa.int16(),
    pa.int32(),
    pa.int64(),
    pa.float32(),
    pa.float64(),
    pa.string(),
    pa.string(),
    pa.timestamp("us"),
    pa.list_(pa.float64()),
    pa.list_(pa.float64()),
)
ROWS: tuple[tuple[Any, ...], ...] = (
    (
        True,
        -3,
        2_000_000_000,
        -(2**62),
        0.1,
        83.633,
        "Crab <Nebula> & 'co'",
        "abcd",
        datetime(2004, 12, 4, 22, 8, 10, 678000),
        [83.633, 22.014],
        [1.0, 2.0, 3.0, 2.0, 2.0, 4.0],
    ),
    (None,) * len(COLUMNS),
    (
        False,
        0,
        0,
        0,
        float("inf"),
        float("nan"),
        "",
        "x",
        datetime(1999, 12, 31, 23, 59, 59),
        [0.0, -90.0],
        [],
    ),
)


def batch_of(rows: tuple[tuple[Any, ...], ...]) -> pa.RecordBatch:
    """Make a batch of rows of COLUMNS."""
    values = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    return pa.RecordBatch.from_arrays(
        [pa.array(v, t) for v, t in zip(values, ARROW, strict=True)],
        names=[c.name for c in COLUMNS],
    )


@pytest.fixture(scope="session")
def every_column() -> tuple[Column, ...]:
    """One column of each kind."""
    return COLUMNS


@pytest.fixture(scope="session")
def some_rows() -> tuple[tuple[Any, ...], ...]:
    """Rows of them, NULL and special numbers among them."""
    return ROWS


@pytest.fixture(scope="session")
def make_batch() -> Callable[[tuple[tuple[Any, ...], ...]], pa.RecordBatch]:
    """Turn rows into a batch."""
    return batch_of


@pytest.fixture(scope="session")
def validate(tmp_path_factory: pytest.TempPathFactory) -> Validate:
    """Hold a document of VOSI against the schema of its namespace."""
    return schemas.validator(tmp_path_factory.mktemp("xsd"))
