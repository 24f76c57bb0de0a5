"""JSON: valid however a query ends, and nothing lost that JSON can hold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from astropy.table import Table
from hypothesis import given
from hypothesis import strategies as st

from distiller.core.columns import Column
from distiller.vo.json_table import JsonWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Rows = tuple[tuple[Any, ...], ...]


def read(document: bytes) -> Any:
    """Read strictly: RFC 8259 knows no NaN."""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    return json.loads(document, parse_constant=refuse)


def write(
    columns: Sequence[Column],
    batches: Sequence[pa.RecordBatch],
    status: Any = "OK",
    message: str | None = None,
) -> bytes:
    writer = JsonWriter(columns, infos=[("QUERY", 'SELECT\n"a" < 2')])
    parts = [writer.head(), *(writer.rows(b) for b in batches)]
    return b"".join([*parts, writer.tail(status, message)])


def test_every_kind(
    every_column: tuple[Column, ...],
    some_rows: Rows,
    make_batch: Callable[[Rows], pa.RecordBatch],
) -> None:
    batches = [make_batch((row,)) for row in some_rows]
    found = read(write(every_column, batches))
    assert found["status"] == "OK"
    assert found["info"] == {"QUERY": 'SELECT\n"a" < 2'}
    assert found["data"] == [
        [
            True, -3, 2_000_000_000, -(2**62), 0.1, 83.633, "Crab <Nebula> & 'co'",
            "abcd", "2004-12-04T22:08:10.678", [83.633, 22.014], [1, 2, 3, 2, 2, 4],
        ],
        [None] * len(every_column),
        [
            False, 0, 0, 0, "Infinity", "NaN", "", "x", "1999-12-31T23:59:59.000",
            [0, -90], [],
        ],
    ]  # fmt: skip
    assert found == read(write(every_column, [make_batch(some_rows)]))


def test_columns_say_what_they_are(every_column: tuple[Column, ...]) -> None:
    described = read(write(every_column, []))["metadata"]
    assert described[2] == {
        "name": "middle",
        "datatype": "int",
        "unit": None,
        "ucd": "meta.number",
        "description": "a < b & c",
    }
    assert described[9] == {
        "name": "place",
        "datatype": "double",
        "arraysize": "2",
        "xtype": "point",
        "unit": "deg",
        "description": None,
    }


def test_astropy_makes_a_table_of_it(
    every_column: tuple[Column, ...],
    some_rows: Rows,
    make_batch: Callable[[Rows], pa.RecordBatch],
) -> None:
    kept = every_column[:3]  # as astroquery does: no object for NULL among texts
    batch = make_batch(some_rows).select([c.name for c in kept])
    found = read(write(kept, [batch]))
    names = [column["name"] for column in found["metadata"]]
    table = Table(rows=found["data"], names=names)
    assert list(table["middle"]) == [2_000_000_000, None, 0]


@pytest.mark.parametrize("batches", [0, 1, 2])
@pytest.mark.parametrize(
    ("status", "said"),
    [("OK", {}), ("OVERFLOW", {"message": "x"}), ("ERROR", {"error": "x"})],
)
def test_it_is_valid_however_it_ends(
    batches: int, status: str, said: dict[str, str]
) -> None:
    batch = pa.record_batch({"a": pa.array([1, None])})
    found = read(write([Column("a", "long")], [batch] * batches, status, "x"))
    assert found["data"] == [[1], [None]] * batches
    rest = {k: v for k, v in found.items() if k not in {"metadata", "info", "data"}}
    assert rest == {"status": status, **said}


def test_rows_without_columns_of_text_or_rows() -> None:
    writer = JsonWriter([Column("a", "int")])
    assert writer.rows(pa.record_batch({"a": pa.array([], pa.int32())})) == b""
    assert writer.rows(pa.record_batch({"a": pa.array([1], pa.int32())})) == b"\n[1]"
    assert writer.rows(pa.record_batch({"a": pa.array([2], pa.int32())})) == b",\n[2]"


@given(
    rows=st.lists(
        st.none() | st.text(st.characters(codec="utf-8")), min_size=1, max_size=9
    )
)
def test_any_text_comes_back(rows: list[str | None]) -> None:
    batch = pa.record_batch({"a": pa.array(rows, pa.string())})
    found = read(write([Column("a", "char", "*")], [batch]))
    assert [value for (value,) in found["data"]] == rows


@given(rows=st.lists(st.none() | st.floats(), min_size=1))
def test_floats_keep_every_bit(rows: list[float | None]) -> None:
    batch = pa.record_batch({"a": pa.array(rows, pa.float64())})
    found = read(write([Column("a", "double")], [batch]))
    got = [None if v is None else float(v) for (v,) in found["data"]]
    # -0 is written so, and read as a whole number by Python.
    wanted = [0.0 if value == 0 else value for value in rows]
    assert list(map(repr, got)) == list(map(repr, wanted))


@given(rows=st.lists(st.none() | st.lists(st.floats(width=32), max_size=3)))
def test_arrays_of_floats(rows: list[list[float] | None]) -> None:
    batch = pa.record_batch({"a": pa.array(rows, pa.list_(pa.float32()))})
    found = read(write([Column("a", "float", "*")], [batch]))["data"]
    got = [v if v is None else np.array(list(map(float, v)), "f4") for (v,) in found]
    for value, wanted in zip(got, rows, strict=True):
        assert (value is None) == (wanted is None)
        if wanted is not None:
            np.testing.assert_array_equal(value, np.array(wanted, "f4"))
