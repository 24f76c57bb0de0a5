"""Reading tables that users bring: formats, types, limits, hostile documents."""

from __future__ import annotations

import gzip
import struct
import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time
from tests.queries.brought import INT, LIMITS, binary, document, rows_of, taken

from distiller.core.columns import Column
from distiller.core.errors import UserError
from distiller.queries import answer
from distiller.queries.tables import Brought, read
from distiller.vo.formats import writer_for

if TYPE_CHECKING:
    from pathlib import Path

TABLE = Table(
    {
        "flag": [True, False],
        "byte": np.array([0, 255], "u1"),
        "h": np.array([-(2**15), 2**15 - 1], "i2"),
        "i": np.array([-(2**31), 7], "i4"),
        "l": np.array([-(2**63), 2**63 - 1], "i8"),
        "f": np.array([np.nan, np.inf], "f4"),
        "d": np.array([0.1, -1e300]),
        "t": ["", "a<b"],
        "v": np.array([[1, 2, 3], [4, 5, 6]], "i4"),
    }
)
ROWS: list[list[Any]] = [
    [True, 0, -(2**15), -(2**31), -(2**63), None, 0.1, None, [1, 2, 3]],
    [False, 255, 2**15 - 1, 7, 2**63 - 1, np.inf, -1e300, "a<b", [4, 5, 6]],
]


@pytest.mark.parametrize("form", ["tabledata", "binary", "binary2"])
def test_every_serialization_of_astropy(tmp_path: Path, form: str) -> None:
    TABLE.write(tmp_path / "t", format="votable", tabledata_format=form)
    found = read(tmp_path / "t", LIMITS)
    expected = [list(row) for row in ROWS]
    if form == "binary2":
        expected[0][7] = ""  # which only this one tells from NULL
    assert rows_of(found) == expected
    assert [c.datatype for c in found.columns] == [
        "boolean", "short", "short", "int", "long", "float", "double", "char", "int",
    ]  # fmt: skip


COLUMNS = (
    Column("ok", "boolean"),
    Column("h", "short"),
    Column("i", "int"),
    Column("l", "long"),
    Column("f", "float"),
    Column("d", "double", unit="deg", ucd="pos.eq.ra"),
    Column("word", "char", "*"),
    Column("v", "double", "*"),
    Column("seen", "char", "*", "timestamp"),
)


@pytest.mark.parametrize(
    "form",
    [
        "votable", "votable/td", "votable/b", "votable/b2", "csv", "fits", "parquet",
    ],
)  # fmt: skip
def test_an_answer_without_rows_can_be_brought_back(tmp_path: Path, form: str) -> None:
    columns = COLUMNS[:7] if form in {"csv", "fits"} else COLUMNS
    kinds = [
        pa.bool_(), pa.int16(), pa.int32(), pa.int64(), pa.float32(), pa.float64(),
        pa.string(), pa.list_(pa.float64()), pa.timestamp("us"),
    ]  # fmt: skip
    rows = pa.record_batch(
        {c.name: pa.array([], k) for c, k in zip(columns, kinds, strict=False)}
    )
    found = taken(tmp_path, answer.document(writer_for(form, columns), rows))
    assert found.rows.num_rows == 0
    assert [c.name for c in found.columns] == [c.name for c in columns]
    if form != "csv":  # which says nothing of types
        assert [c.datatype for c in found.columns] == [c.datatype for c in columns]
        assert (found.columns[5].unit, found.columns[5].ucd) == ("deg", "pos.eq.ra")


@pytest.mark.debian("stilts")
@pytest.mark.slow
def test_every_serialization_of_stilts(tmp_path: Path) -> None:
    TABLE.write(tmp_path / "t.fits")
    for form in (
        "votable-tabledata", "votable-binary-inline", "votable-binary2-inline",
        "fits-basic", "parquet", "csv",
    ):  # fmt: skip
        out = tmp_path / f"t.{form}"
        done = subprocess.run(
            ["stilts", "tcopy", str(tmp_path / "t.fits"), f"ofmt={form}", str(out)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if "Unknown output format" in done.stderr or "parquet" in done.stderr:
            assert form == "parquet"  # without its library
            continue
        assert done.returncode == 0, done.stderr
        found = rows_of(read(out, LIMITS))
        if form == "csv":
            assert found[1][:5] == ROWS[1][:5]
            continue
        assert [row[:5] for row in found] == [row[:5] for row in ROWS], form
        assert [row[8] for row in found] == [[1, 2, 3], [4, 5, 6]]


def test_metadata_are_kept(tmp_path: Path) -> None:
    fields = (
        '<FIELD name="RA" datatype="double" unit="deg" ucd="pos.eq.ra;meta.main" '
        'utype="x:ra"><DESCRIPTION>Right\n ascension</DESCRIPTION></FIELD>'
        '<FIELD ID="only" datatype="int"><VALUES null="-1"/></FIELD>'
    )
    found = taken(
        tmp_path,
        document(
            fields, "<TR><TD> 1e1 </TD><TD>-1</TD></TR><TR><TD/><TD>0x1F</TD></TR>"
        ),
    )
    ra, only = found.columns
    assert (ra.name, ra.unit, ra.ucd, ra.utype) == (
        "ra",
        "deg",
        "pos.eq.ra;meta.main",
        "x:ra",
    )
    assert ra.description == "Right\n ascension"
    assert only.name == "only"
    assert found.description == "of it"
    assert rows_of(found) == [[10.0, None], [None, 31]]


def test_binary_with_texts_nulls_and_bits(tmp_path: Path) -> None:
    fields = (
        '<FIELD name="a" datatype="int"/>'
        '<FIELD name="s" datatype="char" arraysize="*"/>'
        '<FIELD name="u" datatype="unicodeChar" arraysize="4*"/>'
        '<FIELD name="f" datatype="char" arraysize="4"/>'
        '<FIELD name="w" datatype="float" arraysize="*"/>'
        '<FIELD name="b" datatype="bit"/>'
    )
    one = struct.pack(">i", 5) + struct.pack(">i", 2) + b"ab"
    one += struct.pack(">i", 2) + "ü€".encode("utf-16-be") + b"x\0yz"
    one += struct.pack(">i2f", 2, 1.5, 2.5) + b"\x80"
    two = struct.pack(">i", 6) + struct.pack(">i", 0) + struct.pack(">i", 0)
    two += b"wxyz" + struct.pack(">i", 0) + b"\x00"
    expected = [
        [5, "ab", "ü€", "x", [1.5, 2.5], True],
        [6, None, None, "wxyz", None, False],
    ]
    assert rows_of(taken(tmp_path, binary(fields, one + two, "BINARY"))) == expected
    flagged = b"\x00" + one + b"\xac" + two  # NULL: the 1st, 3rd, 5th and 6th
    expected[1] = [None, "", None, "wxyz", None, None]
    assert rows_of(taken(tmp_path, binary(fields, flagged))) == expected
    zipped = gzip.compress(flagged)
    text = binary(fields, zipped).replace(b'"base64"', b'"gzip"')
    assert rows_of(taken(tmp_path, text)) == expected


@pytest.mark.parametrize("end", [b"", b"\0" * 100], ids=["plain", "filled"])
def test_gzip_of_several_members_is_read_to_its_end(tmp_path: Path, end: bytes) -> None:
    parts = [b"\0" + struct.pack(">h", n) for n in range(900)]
    zipped = gzip.compress(b"".join(parts[:3])) + gzip.compress(b"")
    zipped += b"".join(map(gzip.compress, parts[3:])) + end
    text = binary(INT, zipped).replace(b'"base64"', b'"gzip"')
    assert rows_of(taken(tmp_path, text)) == [[n] for n in range(900)]
    whole = [gzip.compress(part) for part in (text[:99], text[99:])]
    assert rows_of(taken(tmp_path, b"".join(whole) + end))[-1] == [899]
    with pytest.raises(UserError, match="STREAM is broken"):
        taken(tmp_path, binary(INT, zipped + b"x" * 9).replace(b'"base64"', b'"gzip"'))
    cut = zipped + zipped[:15] if end else zipped[:-2]
    with pytest.raises(UserError, match="breaks off"):
        taken(tmp_path, binary(INT, cut).replace(b'"base64"', b'"gzip"'))


def test_fits_with_units_and_nulls(tmp_path: Path) -> None:
    columns = [
        fits.Column("N", "J", null=-99, array=np.array([1, -99])),
        fits.Column("U", "I", bzero=2**15, array=np.array([0, 65535], "u2")),
        fits.Column("RA", "D", unit="deg", array=np.array([np.nan, 2.0])),
        fits.Column("NAME", "5A", array=np.array(["", "ab"])),
        fits.Column("OK", "L", array=np.array([True, False])),
        fits.Column("V", "2E", array=np.ones((2, 2), "f4")),
    ]
    hdu = fits.BinTableHDU.from_columns(columns, name="SOURCES")
    hdu.header["TUCD3"] = "pos.eq.ra"
    hdu.header["TCOMM3"] = "right ascension"
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.zeros((2, 2))), hdu]).writeto(
        tmp_path / "t.fits"
    )
    found = read(tmp_path / "t.fits", LIMITS)
    assert rows_of(found) == [
        [1, 0, None, None, True, [1.0, 1.0]],
        [None, 65535, 2.0, "ab", False, [1.0, 1.0]],
    ]
    assert (found.columns[2].ucd, found.columns[2].description) == (
        "pos.eq.ra",
        "right ascension",
    )
    assert [c.datatype for c in found.columns][:2] == ["int", "int"]
    packed = gzip.compress((tmp_path / "t.fits").read_bytes())
    assert rows_of(taken(tmp_path, packed)) == rows_of(found)


def test_texts_of_8_bits_are_utf8_or_latin1_and_the_answer_says_so(
    tmp_path: Path,
) -> None:
    cells = np.array([b"Crab", b"K\xe9", "Mü".encode(), b""], "S8")
    table = fits.BinTableHDU.from_columns(
        [fits.Column("s", "8A", array=np.zeros(4, "S8"))]
    )
    table.writeto(tmp_path / "t.fits")
    data = (tmp_path / "t.fits").read_bytes()
    at = len(data) - 2880
    wide = b"".join(cell.ljust(8, b"\0") for cell in cells.tolist())
    found = taken(tmp_path, data[:at] + wide + data[at + len(wide) :])
    expected = [["Crab"], ["Ké"], ["Mü"], [None]]
    assert rows_of(found) == expected
    word = "column 's': 1 texts are not UTF-8 and are read as Latin-1"
    assert found.words == (word,)
    field = '<FIELD name="s" datatype="char" arraysize="8"/>'
    found = taken(tmp_path, binary(field, wide, "BINARY"))
    assert (rows_of(found), found.words) == (expected, (word,))


def test_parquet_with_the_metadata_of_voparquet(tmp_path: Path) -> None:
    described = document(
        '<FIELD name="ra" datatype="double" unit="deg" ucd="pos.eq.ra"/>', ""
    )
    table = pa.table(
        {
            "ra": pa.array([1.0, None]),
            "word": pa.array(["a", None]).dictionary_encode(),
            "when": pa.array([0, None], pa.timestamp("ns", "UTC")),
            "v": pa.array([[1, 2], None], pa.list_(pa.int32())),
        }
    ).replace_schema_metadata({"IVOA.VOTable-Parquet.content": described})
    pq.write_table(table, tmp_path / "t.parquet")
    found = read(tmp_path / "t.parquet", LIMITS)
    assert (found.columns[0].unit, found.columns[0].ucd) == ("deg", "pos.eq.ra")
    assert found.columns[2].is_instant
    assert found.description == "of it"
    when = Time(0, format="unix").to_datetime()
    assert rows_of(found) == [[1.0, "a", when, [1, 2]], [None] * 4]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str
)
def test_texts_of_parquet_of_each_type(tmp_path: Path, kind: pa.DataType) -> None:
    table = pa.table({"s": pa.array(["a", None, "ü", "a"], pa.string()).cast(kind)})
    pq.write_table(table, tmp_path / "t")
    assert rows_of(read(tmp_path / "t", LIMITS)) == [["a"], [None], ["ü"], ["a"]]


def test_a_null_within_an_array_is_nan_or_refused(tmp_path: Path) -> None:
    def brought(kind: pa.DataType) -> Brought:
        lists = pa.array([[1, 2]] + [None] * 99 + [[3, None]], pa.list_(kind))
        pq.write_table(pa.table({"v": lists}), tmp_path / "t")
        return read(tmp_path / "t", LIMITS)

    assert str(rows_of(brought(pa.float32()))[100]) == "[[3.0, nan]]"
    said = "row 101, column 'v': an array of integers has a NULL in it"
    for kind in (pa.int32(), pa.uint8()):
        with pytest.raises(UserError, match=said):
            brought(kind)


SHAPE = '<FIELD name="p" datatype="double" arraysize="2" xtype="point" %s/>'


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('unit="rad"', "column 'p' is of the unit 'rad', and a point is in degrees"),
        ('ref="gal"', "column 'p' is in the system 'galactic', and a point is in ICRS"),
        ('ref="b1950"', "column 'p' is in the system 'eq_FK4 B1950', and a point is"),
        ('unit="deg" ref="icrs"', None),
        ('unit="deg,deg" ref="fk5"', None),
        ('ref="elsewhere"', None),
    ],
)
def test_shapes_are_in_degrees_of_icrs(
    tmp_path: Path, more: str, message: str | None
) -> None:
    systems = (
        '<COOSYS ID="gal" system="galactic"/><COOSYS ID="icrs" system="ICRS"/>'
        '<COOSYS ID="b1950" system="eq_FK4" equinox="B1950"/>'
        '<COOSYS ID="fk5" system="eq_FK5" equinox="J2000"/>'
    )
    data = document(SHAPE % more, "<TR><TD>1 2</TD></TR>")
    data = data.replace(b"<RESOURCE>", f"<RESOURCE>{systems}".encode())
    if message is None:
        assert rows_of(taken(tmp_path, data)) == [[[1.0, 2.0]]]
        return
    with pytest.raises(UserError, match=message):
        taken(tmp_path, data)
    plain = data.replace(b'xtype="point"', b"")
    assert rows_of(taken(tmp_path, plain)) == [[[1.0, 2.0]]]


def test_a_document_type_without_entities_is_read(tmp_path: Path) -> None:
    before = '<!DOCTYPE VOTABLE SYSTEM "http://us-vo.org/xml/VOTable.dtd">'
    found = taken(tmp_path, document(INT, "<TR><TD>1</TD></TR>", before))
    assert rows_of(found) == [[1]]


def test_regions_of_more_than_one_shape_are_text(tmp_path: Path) -> None:
    field = '<FIELD name="s" datatype="char" arraysize="*" xtype="adql:REGION"/>'
    rows = "<TR><TD>Circle ICRS 1 2 3</TD></TR><TR><TD>Union ICRS (...)</TD></TR>"
    found = taken(tmp_path, document(field, rows))
    assert found.columns[0].is_text
    assert rows_of(found)[1] == ["Union ICRS (...)"]
