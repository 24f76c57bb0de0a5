"""CSV and TSV: what is written is what other programs read."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distiller.core.columns import Column
from distiller.vo.text import CsvWriter, TsvWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    Rows = tuple[tuple[Any, ...], ...]


def test_csv_of_every_kind(
    every_column: tuple[Column, ...],
    some_rows: Rows,
    make_batch: Callable[[Rows], pa.RecordBatch],
) -> None:
    writer = CsvWriter(every_column)
    text = writer.head() + writer.rows(make_batch(some_rows)) + writer.tail("OK")
    read = list(csv.DictReader(io.StringIO(text.decode(), newline="")))
    assert list(read[0]) == [column.name for column in every_column]
    assert read[0]["words"] == "Crab <Nebula> & 'co'"
    assert read[0]["instant"] == "2004-12-04T22:08:10.678"
    assert read[0]["region"] == "1 2 3 2 2 4"
    assert set(read[1].values()) == {""}
    assert math.isinf(float(read[2]["single"]))
    assert math.isnan(float(read[2]["precise"]))
    assert b"\r\n,,,,,,,,,,\r\n" in text


def test_empty_text_is_quoted_and_null_is_not() -> None:
    writer = CsvWriter([Column("a", "char", "*"), Column("b", "char", "*")])
    batch = pa.record_batch({"a": pa.array(["", None]), "b": pa.array([None, "x,y"])})
    assert writer.rows(batch) == b'"",\r\n,"x,y"\r\n'


def test_column_names_are_quoted_where_needed() -> None:
    assert CsvWriter([Column('a"b', "int")]).head() == b'"a""b"\r\n'


def test_tsv_has_one_line_a_row() -> None:
    writer = TsvWriter([Column("a", "char", "*"), Column("b", "int")])
    batch = pa.record_batch(
        {"a": pa.array(["two\tlines\nhere", None]), "b": pa.array([1, None])}
    )
    assert writer.head() + writer.rows(batch) == b"a\tb\ntwo lines here\t1\n\t\n"


@pytest.mark.parametrize("kind", [CsvWriter, TsvWriter])
def test_an_error_after_the_start_is_the_last_line(
    kind: type[CsvWriter | TsvWriter],
) -> None:
    tail = kind([Column("a", "int")]).tail("ERROR", "took longer\nthan 60 s")
    assert tail.strip() == b"# ERROR took longer than 60 s"
    assert kind([Column("a", "int")]).tail("OVERFLOW", "cut at 3") == b""


@given(rows=st.lists(st.none() | st.floats(allow_nan=False), min_size=1))
def test_doubles_keep_every_bit(rows: list[float | None]) -> None:
    writer = CsvWriter([Column("i", "int"), Column("a", "double")])
    count = pa.array(range(len(rows)), pa.int32())
    batch = pa.record_batch({"i": count, "a": pa.array(rows, pa.float64())})
    read = csv.reader(io.StringIO(writer.rows(batch).decode(), newline=""))
    assert [float(a) if a else None for _, a in read] == rows


@given(
    rows=st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1
    )
)
def test_any_text_comes_back(rows: list[str]) -> None:
    writer = CsvWriter([Column("a", "char", "*")])
    document = writer.rows(pa.record_batch({"a": pa.array(rows, pa.string())}))
    read = csv.reader(io.StringIO(document.decode(), newline=""))
    assert [a for (a,) in read] == rows
