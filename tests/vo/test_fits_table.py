"""FITS tables: what is written is what astropy and STILTS read."""

from __future__ import annotations

import io
import subprocess
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits, votable
from astropy.table import Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.vo.spooling import write

from distiller.core.columns import Column
from distiller.core.errors import UserError
from distiller.vo import fits_table
from distiller.vo.fits_cards import card
from distiller.vo.fits_table import FitsWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Rows = tuple[tuple[Any, ...], ...]


def read(document: bytes) -> Table:
    """Read strictly with astropy."""
    with fits.open(io.BytesIO(document), logical_as_bytes=True) as units:
        units.verify("exception")
        return Table.read(units, hdu=1)


def header_of(document: bytes) -> fits.Header:
    with fits.open(io.BytesIO(document)) as units:
        return units[1].header.copy()


def values(column: Any) -> list[Any]:
    """Return cells as Python values; NULL is None."""
    if set(map(str, column)) <= {"T", "F", ""} and len(column):
        return [{"T": True, "F": False}.get(str(cell)) for cell in column]
    masked = np.ma.getmaskarray(column)
    return [
        None if np.all(masked[i]) and np.size(masked[i]) else column[i]
        for i in range(len(column))
    ]


def test_astropy_reads_every_kind(
    tmp_path: Path,
    every_column: tuple[Column, ...],
    some_rows: Rows,
    make_batch: Callable[[Rows], pa.RecordBatch],
) -> None:
    batches = [make_batch((row,)) for row in some_rows]
    document = write(FitsWriter(every_column), batches, tmp_path / "a.fits")
    assert len(document) % 2880 == 0
    got = {name: values(column) for name, column in read(document).columns.items()}
    assert got["truth"] == [True, None, False]
    assert got["small"] == [-3, None, 0]
    assert got["middle"] == [2_000_000_000, None, 0]
    assert got["large"] == [-(2**62), None, 0]
    assert got["single"][0] == np.float32(0.1)
    assert got["single"][1] is None
    assert np.isinf(got["single"][2])
    assert got["precise"][0] == 83.633
    assert [t or "" for t in got["words"]] == ["Crab <Nebula> & 'co'", "", ""]
    assert [t or "" for t in got["code"]] == ["abcd", "", "x"]
    assert got["instant"][0] == "2004-12-04T22:08:10.678"
    assert list(got["place"][0]) == [83.633, 22.014]
    assert np.isnan(np.ma.filled(got["place"][1] or np.nan, np.nan)).all()
    assert list(got["region"][0]) == [1.0, 2.0, 3.0, 2.0, 2.0, 4.0]
    assert [len(v) for v in got["region"][1:]] == [0, 0]


def test_the_header_says_what_the_columns_say(
    tmp_path: Path,
    every_column: tuple[Column, ...],
    some_rows: Rows,
    make_batch: Callable[[Rows], pa.RecordBatch],
) -> None:
    query = "SELECT 'it''s'\n" + "x" * 300
    writer = FitsWriter(every_column, infos=[("QUERY", query), ("RUNID", "me")])
    document = write(writer, [make_batch(some_rows)], tmp_path / "a.fits", "cut at 3")
    header = header_of(document)
    assert header["EXTNAME"] == "result"
    assert header["QUERY"] == query.replace("\n", " ")
    assert header["RUNID"] == "me"
    assert (header["QSTATUS"], header["QMESSAGE"]) == ("OVERFLOW", "cut at 3")
    forms = [header[f"TFORM{i + 1}"] for i in range(len(every_column))]
    assert forms == [
        "L", "I", "J", "K", "E", "D", "20A", "4A", "23A", "2D", "PD(6)",
    ]  # fmt: skip
    for number, column in enumerate(every_column, 1):
        for keyword, said in (
            ("TTYPE", column.name),
            ("TUNIT", column.unit),
            ("TUCD", column.ucd),
            ("TUTYP", column.utype),
            ("TXTYP", column.xtype),
            ("TCOMM", column.description),
        ):
            assert header.get(f"{keyword}{number}") == said
    assert header["TNULL2"] == -(2**15)
    assert "TNULL5" not in header


def test_names_that_fits_has_not_stay_apart(tmp_path: Path) -> None:
    names = ["Näme", "Nåme", "N?me", "NÄME", "word"]
    columns = tuple(Column(name, "int") for name in names)
    table = read(write(FitsWriter(columns), [], tmp_path / "a.fits"))
    assert table.colnames == ["N?me_2", "N?me_3", "N?me", "N?ME_4", "word"]


def test_the_primary_data_describe_the_table(
    tmp_path: Path, every_column: tuple[Column, ...]
) -> None:
    document = write(FitsWriter(every_column), [], tmp_path / "a.fits", "cut at 0")
    with fits.open(io.BytesIO(document)) as units:
        assert units[0].header["VOTMETA"]
        said = units[0].data.tobytes()
    table = votable.parse(io.BytesIO(said), verify="exception").get_first_table()
    assert [f.ucd for f in table.fields] == [c.ucd for c in every_column]
    assert b'value="OVERFLOW">cut at 0</INFO>' in said


def test_no_rows(tmp_path: Path, every_column: tuple[Column, ...]) -> None:
    table = read(write(FitsWriter(every_column), [], tmp_path / "a.fits"))
    assert len(table) == 0
    assert table.colnames == [c.name for c in every_column]


@pytest.mark.debian("stilts")
def test_stilts_reads_the_same(
    tmp_path: Path,
    every_column: tuple[Column, ...],
    some_rows: Rows,
    make_batch: Callable[[Rows], pa.RecordBatch],
) -> None:
    file = tmp_path / "a.fits"
    write(FitsWriter(every_column), [make_batch((row,)) for row in some_rows], file)
    copied = subprocess.run(
        ["stilts", "tpipe", f"in={file}", "ofmt=votable-tabledata"],
        capture_output=True,
        check=True,
    ).stdout
    table = votable.parse(io.BytesIO(copied)).get_first_table()
    assert [f.name for f in table.fields] == [c.name for c in every_column]
    # These two come from the VOTable in the primary HDU.
    assert table.fields[8].xtype == "timestamp"
    assert table.fields[2].description == "a < b & c"
    got = {name: values(table.array[name]) for name in table.array.dtype.names}
    assert got["truth"] == [True, None, False]
    assert got["small"] == [-3, None, 0]
    assert got["large"] == [-(2**62), None, 0]
    assert [str(t or "") for t in got["words"]] == ["Crab <Nebula> & 'co'", "", ""]
    assert list(got["place"][0]) == [83.633, 22.014]
    assert list(got["region"][0]) == [1.0, 2.0, 3.0, 2.0, 2.0, 4.0]


def test_characters_that_fits_has_not(tmp_path: Path) -> None:
    texts = ["Čerenkov", "two\nlines", None, "", "it's"]
    batch = pa.record_batch({"a": pa.array(texts)})
    column = Column("a", "char", "*", description="Ångström")
    document = write(FitsWriter([column]), [batch], tmp_path / "a.fits")
    with fits.open(io.BytesIO(document)) as units:
        assert list(units[1].data["a"]) == ["?erenkov", "two lines", "", "", "it's"]
        header = units[1].header
    assert header["TCOMM1"] == "?ngstr?m"
    assert "'?' stands for each beyond ASCII" in " ".join(header["COMMENT"])
    # NULL begins with NUL, an empty text with a space (FITS 4.0 section 7.3.3.1).
    start = document.index(b"?erenkov")
    assert document[start + 18 : start + 36] == b"\0" * 9 + b" " + b"\0" * 8


def test_nothing_is_said_of_characters_where_all_are_plain(tmp_path: Path) -> None:
    batch = pa.record_batch({"a": pa.array(["plain"])})
    writer = FitsWriter([Column("a", "char", "*")])
    document = write(writer, [batch], tmp_path / "a.fits")
    assert "COMMENT" not in header_of(document)


def test_a_few_long_texts_do_not_widen_every_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fits_table, "WASTE_BYTES", 1_000_000)
    texts = ["x" * 5000, None, *["short"] * 500]
    beside = pa.array(range(502), pa.int32())
    batch = pa.record_batch({"a": pa.array(texts), "n": beside})
    columns = [Column("a", "char", "*"), Column("n", "int")]
    batches = [batch.slice(0, 100), batch.slice(100)]
    document = write(FitsWriter(columns), batches, tmp_path / "a.fits")
    assert len(document) < 40_000
    assert header_of(document)["TFORM1"] == "PA(5000)"
    table = read(document)
    assert ["".join(v) for v in table["a"]] == [t or "" for t in texts]
    assert list(table["n"]) == list(range(502))


@pytest.mark.parametrize(
    ("datatype", "kind", "given", "form", "null"),
    [
        ("short", pa.int16(), [5], "I", -(2**15)),
        ("short", pa.int16(), [-(2**15)], "I", 2**15 - 1),
        ("short", pa.int16(), [-(2**15), 2**15 - 1], "J", -(2**31)),
        ("int", pa.int32(), [-(2**31), 2**31 - 1], "K", -(2**63)),
        ("long", pa.int64(), [-(2**63)], "K", 2**63 - 1),
    ],
)
def test_a_number_for_null_that_no_value_has(
    tmp_path: Path, datatype: Any, kind: pa.DataType, given: list[int], form: str,
    null: int,
) -> None:  # fmt: skip
    batch = pa.record_batch({"a": pa.array([*given, None], kind)})
    writer = FitsWriter([Column("a", datatype)])
    document = write(writer, [batch], tmp_path / "a.fits")
    header = header_of(document)
    assert (header["TFORM1"], header["TNULL1"]) == (form, null)
    assert values(read(document)["a"]) == [*given, None]


def test_no_number_is_left_for_null(tmp_path: Path) -> None:
    batch = pa.record_batch({"a": pa.array([-(2**63), 2**63 - 1, None])})
    writer = FitsWriter([Column("a", "long")])
    with pytest.raises(UserError, match="column a uses the whole range of long"):
        write(writer, [batch], tmp_path / "a.fits")


def test_arrays_of_whole_numbers(tmp_path: Path) -> None:
    columns = [Column("pair", "int", "2"), Column("many", "short", "*")]
    batch = pa.record_batch(
        {
            "pair": pa.array([[1, 2], None], pa.list_(pa.int32())),
            "many": pa.array([None, [3, 4]], pa.list_(pa.int16())),
        }
    )
    table = read(write(FitsWriter(columns), [batch], tmp_path / "a.fits"))
    assert list(table["pair"][0]) == [1, 2]
    assert values(table["pair"])[1] is None
    assert [list(v) for v in table["many"]] == [[], [3, 4]]


KINDS: dict[str, tuple[Column, pa.DataType, st.SearchStrategy[Any]]] = {
    "boolean": (Column("v", "boolean"), pa.bool_(), st.booleans()),
    "short": (Column("v", "short"), pa.int16(), st.integers(-(2**15), 2**15 - 1)),
    "double": (Column("v", "double"), pa.float64(), st.floats(allow_nan=False)),
    "text": (
        Column("v", "char", "*"),
        pa.string(),
        # Blanks at the end mean nothing in FITS.
        st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=9),
    ),
    "instant": (
        Column("v", "char", "*", "timestamp"),
        pa.timestamp("us"),
        st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31)),
    ),
    "polygon": (
        Column("v", "double", "*", "polygon"),
        pa.list_(pa.float64()),
        st.lists(st.floats(allow_nan=False), max_size=8),
    ),
}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str) or np.size(value) == 0:
        return value or None if isinstance(value, str) else None
    if isinstance(value, np.ndarray | list):
        return [float(v) for v in value]
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    return value.item() if isinstance(value, np.generic) else value


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_round_trip(kind: str, tmp_path: Path, data: st.DataObject) -> None:
    column, arrow, cells = KINDS[kind]
    rows = data.draw(st.lists(st.none() | cells, max_size=12))
    cut = data.draw(st.integers(0, len(rows)))
    batches = [
        pa.record_batch({"v": pa.array(part, arrow)})
        for part in (rows[:cut], rows[cut:])
    ]
    table = read(write(FitsWriter([column]), batches, tmp_path / "a.fits"))
    got = [_plain(v) for v in values(table["v"])]
    assert got == [_plain(v) for v in rows]


# astropy takes a slash behind a quote for the start of a comment.
@given(
    text=st.text(
        st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="/"),
        max_size=400,
    )
)
def test_any_text_in_a_card(text: str) -> None:
    header = fits.Header.fromstring(card("QUERY", text) + "END".ljust(80))
    assert header["QUERY"] == text.rstrip()
