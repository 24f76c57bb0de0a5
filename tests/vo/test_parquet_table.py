"""Parquet: the rows, and what they say of themselves in all three places."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.io import votable
from tests.vo.spooling import write

from distiller.core.columns import Column
from distiller.vo import parquet_table
from distiller.vo.parquet_table import ParquetWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    Rows = tuple[tuple[Any, ...], ...]


def said_of(file: Path) -> dict[bytes, bytes]:
    """Return the metadata of a file."""
    said = pq.read_metadata(file).metadata or {}
    # Who reads the schema alone finds the same.
    assert pq.read_schema(file).metadata == {
        key: value for key, value in said.items() if key != b"ARROW:schema"
    }
    return said


def test_every_kind(
    tmp_path: Path,
    every_column: tuple[Column, ...],
    some_rows: Rows,
    make_batch: Callable[[Rows], pa.RecordBatch],
) -> None:
    file = tmp_path / "a.parquet"
    batches = [make_batch((row,)) for row in some_rows]
    write(ParquetWriter(every_column), batches, file)
    got = [tuple(row.values()) for row in pq.read_table(file).to_pylist()]
    first, second, third = some_rows
    assert second == got[1]
    assert got[0][:4] == first[:4]
    assert got[0][4] == np.float32(0.1)
    assert got[0][5:8] == first[5:8]
    assert got[0][8] == "2004-12-04T22:08:10.678"
    assert got[0][9:] == first[9:]
    assert str(got[2][4:6]) == "(inf, nan)"
    assert got[2][6:8] == third[6:8]
    assert got[2][9:] == third[9:]


def test_units_and_the_status_stand_in_the_file(
    tmp_path: Path,
    every_column: tuple[Column, ...],
    some_rows: Rows,
    make_batch: Callable[[Rows], pa.RecordBatch],
) -> None:
    file = tmp_path / "a.parquet"
    writer = ParquetWriter(every_column, infos=[("QUERY", "SELECT 1 < 2")])
    write(writer, [make_batch(some_rows)], file, "cut at 3")
    field = pq.read_schema(file).field("precise")
    assert field.metadata == {b"unit": b"deg", b"ucd": b"pos.eq.ra;meta.main"}
    said = said_of(file)
    assert said[b"QUERY_STATUS"] == b"OVERFLOW"
    assert said[b"QUERY_MESSAGE"] == b"cut at 3"
    assert said[b"QUERY"] == b"SELECT 1 < 2"
    # What astropy needs where a text is NULL.
    assert said[b"table::len::words"] == b"20"
    # IVOA Note "VOTable in Parquet" 1.0.
    assert said[b"IVOA.VOTable-Parquet.version"] == b"1.0"
    content = said[b"IVOA.VOTable-Parquet.content"]
    document = votable.parse(io.BytesIO(content), verify="exception")
    table = document.get_first_table()
    assert [f.name for f in table.fields] == pq.read_schema(file).names
    assert [f.ucd for f in table.fields] == [c.ucd for c in every_column]
    assert [str(f.unit or "") for f in table.fields] == [
        c.unit or "" for c in every_column
    ]
    # astropy joins the two, which wants texts of a length.
    assert table.fields[6].arraysize == "20"
    assert b'value="OVERFLOW">cut at 3</INFO>' in content


def test_no_rows(tmp_path: Path, every_column: tuple[Column, ...]) -> None:
    file = tmp_path / "a.parquet"
    write(ParquetWriter(every_column), [], file)
    table = pq.read_table(file)
    assert table.num_rows == 0
    assert table.column_names == [c.name for c in every_column]
    assert said_of(file)[b"QUERY_STATUS"] == b"OK"


def test_any_text_is_kept_and_said_to_be_unicode(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    texts = ["one", "Čerenkov\n🔭", None, ""]
    columns = [Column("a", "char", "*"), Column("b", "char", "*")]
    plain = pa.array(["a"] * 4)
    batch = pa.record_batch({"a": pa.array(texts), "b": plain})
    write(ParquetWriter(columns), [batch.slice(0, 1), batch.slice(1)], file)
    assert pq.read_table(file)["a"].to_pylist() == texts
    content = said_of(file)[b"IVOA.VOTable-Parquet.content"]
    table = votable.parse(io.BytesIO(content)).get_first_table()
    assert [f.datatype for f in table.fields] == ["unicodeChar", "char"]


def test_row_groups_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_table, "GROUP_BYTES", 8000)
    file = tmp_path / "a.parquet"
    batch = pa.record_batch({"a": pa.array(range(500))})
    write(ParquetWriter([Column("a", "long")]), [batch] * 5, file)
    metadata = pq.read_metadata(file)
    groups = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert groups == [1000, 1000, 500]
    assert pq.read_table(file)["a"].to_pylist() == [*range(500)] * 5
    content = said_of(file)[b"IVOA.VOTable-Parquet.content"]
    assert b'nrows="2500"' in content
