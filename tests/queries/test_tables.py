"""Reading tables that users bring: formats, types, limits, hostile documents."""

from __future__ import annotations

import base64
import gzip
import struct
import subprocess
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time

from distiller.core.columns import Column
from distiller.core.errors import UserError
from distiller.queries import answer
from distiller.queries.tables import Brought, Limits, read
from distiller.vo.formats import writer_for

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = Limits(10**6, 1000)
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


def rows_of(brought: Brought) -> list[list[Any]]:
    return [list(row.values()) for row in brought.rows.to_pylist()]


def taken(tmp_path: Path, data: bytes, limits: Limits = LIMITS) -> Brought:
    path = tmp_path / "brought"
    path.write_bytes(data)
    return read(path, limits)


def document(fields: str, rows: str, before: str = "") -> bytes:
    return (
        f'{before}<VOTABLE version="1.3"><RESOURCE><TABLE><DESCRIPTION> of it '
        f"</DESCRIPTION>{fields}<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE>"
        "</RESOURCE></VOTABLE>"
    ).encode()


def binary(fields: str, data: bytes, kind: str = "BINARY2", more: str = "") -> bytes:
    text = base64.encodebytes(data).decode()
    return (
        f"<VOTABLE><RESOURCE><TABLE>{fields}<DATA><{kind}>"
        f'<STREAM encoding="base64"{more}>{text}</STREAM></{kind}></DATA></TABLE>'
        "</RESOURCE></VOTABLE>"
    ).encode()


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


def test_a_fault_of_values_is_not_called_one_of_xml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise pa.ArrowInvalid("an offset is wrong")

    monkeypatch.setattr("distiller.queries.tables.binary.decoded", fails)
    with pytest.raises(UserError, match="it cannot be read: an offset is wrong in l"):
        taken(tmp_path, binary(INT, b"\0\0\0"))


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


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("NAXIS2", "9", r"it breaks off: .* 9 rows of 1000 bytes, and 2880 bytes are"),
        ("NAXIS2", "-1", "its header has NAXIS2 = -1, which is no size"),
        ("NAXIS1", "'x'", "no FITS file that can be read: its header is damaged"),
        ("TFORM1", "'7Z'", "no FITS file that can be read: Format '7Z' is not"),
        ("NAXIS1", "8000000000000", "more than the 1 MB|be read: its header is"),
        ("NAXIS1", "999", "have 1000 bytes in a row, and NAXIS1 is 999"),
        ("TFORM1", "'999999999999E'", "that can be read: its header is damaged"),
    ],
)
def test_a_fits_header_that_is_wrong(
    tmp_path: Path, key: str, value: str, message: str
) -> None:
    column = fits.Column("v", "250E", array=np.ones((2, 250), "f4"))
    fits.BinTableHDU.from_columns([column]).writeto(tmp_path / "t.fits")
    data = (tmp_path / "t.fits").read_bytes()
    at = data.rindex(f"{key:8}=".encode())
    card = f"{key:8}= {value:>20}".ljust(80).encode()
    with pytest.raises(UserError, match=message) as caught:
        taken(tmp_path, data[:at] + card + data[at + 80 :])
    assert "reshape" not in caught.value.text


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
    ("field", "message"),
    [
        ('datatype="floatComplex"', "column 'c' is of type floatComplex, which no"),
        ('datatype="bit" arraysize="3"', "is an array of bit, which no query can use"),
        ('datatype="char" arraysize="3x2"', "is an array of texts, which no query"),
        ('datatype="int" arraysize="-1"', "of arraysize '-1', which VOTable does not"),
        ('datatype="quark"', "column 'c' is of type quark, which no query can use"),
    ],
)
def test_types_that_no_query_can_use(tmp_path: Path, field: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        taken(tmp_path, document(f'<FIELD name="c" {field}/>', ""))


TEXT = '<FIELD name="s" datatype="char" arraysize="*"/>'
INT = '<FIELD name="n" datatype="short"/>'


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<VOTABLE/>", "there is no TABLE in the VOTable"),
        (b"<VOTABLE><TABLE></TABLE></VOTABLE>", "it has no columns"),
        (document(INT, "<TR><TD>1</TD>"), "no well-formed XML: mismatched tag in line"),
        (document(INT, "<TR><TD>1</TD></TR>")[:-9], "no well-formed XML"),
        (document(INT, "<TR><TD>x</TD></TR>"), "row 1, column 'n': 'x' is not of the"),
        (
            document(INT, "<TR><TD>1</TD></TR><TR><TD>99999</TD></TR>"),
            "row 2, column 'n': '99999' is not of the type short",
        ),
        (
            document(INT, "<TR><TD>1</TD><TD>2</TD></TR>"),
            "row 1 has 2 cells",
        ),
        (document(INT, "<TR><TH>1</TH></TR>"), "row 1 has a <TH>, which is not read"),
        (
            document(
                '<FIELD name="p" datatype="float" arraysize="*" xtype="point"/>',
                "<TR><TD>1 2 3</TD></TR>",
            ),
            "column 'p': a point has 3 numbers",
        ),
        (
            document(
                '<FIELD name="t" datatype="char" arraysize="*" xtype="timestamp"/>',
                "<TR><TD>yesterday</TD></TR>",
            ),
            "row 1, column 't': 'yesterday' is not a timestamp",
        ),
        (
            document(
                '<FIELD name="v" datatype="int" arraysize="3"/>',
                "<TR><TD>1 2</TD></TR>",
            ),
            "column 'v': an array has 2 values, and its arraysize is 3",
        ),
        (
            document(
                '<FIELD name="v" datatype="short" arraysize="*"/>',
                "<TR><TD>1 2</TD></TR><TR><TD>1 99999</TD></TR>",
            ),
            "row 2, column 'v': '1 99999' is not of the type short",
        ),
        (
            binary('<FIELD name="v" datatype="int" arraysize="999999999"/>', b"abc"),
            "its FIELDs have 3999999996 bytes in a row, more than the 1 MB",
        ),
        (binary(INT, b"\0\0"), "end, or break off, within row 1"),
        (
            binary(
                '<FIELD name="s" datatype="char" arraysize="*"/>', b"\0\x7f\xff\xff\xff"
            ),
            "end, or break off, within row 1",
        ),
        (
            binary(
                '<FIELD name="s" datatype="char" arraysize="*"/>', b"\0\xff\xff\xff\xff"
            ),
            "end, or break off, within row 1",
        ),
        (binary(INT, b"", more=' href="file:///etc/passwd"'), "its data are elsewhere"),
        (binary(INT, b"x" * 50).replace(b'"base64"', b'"gzip"'), "STREAM is broken"),
        (b"# %ECSV 1.0\n", "it is ECSV, which is not read"),
        (b"PK\x03\x04", "it is a ZIP archive"),
        (b"\x1f\x8bnonsense", "it cannot be unpacked"),
        (b"SIMPLE  = nothing", "no FITS file that can be read|no table in the FITS"),
        (b"PAR1 and no more", "no Parquet file that can be read"),
        (b"\x89PNG\r\n\x1a\n", "it is an image .PNG., which is not read .VOTable, F"),
        (b"\xff\xd8\xff\xe0", "it is an image .JPEG., which is not read"),
        (b'[{"a": 1}]', "it is JSON, which is not read"),
        ("a,b".encode("utf-16"), "it is UTF-16 .save it as UTF-8"),
        (b"a\x01\x02", "its format is not known .VOTable, FITS, Parquet and CSV are"),
        (b"\x00\x01\x02", "its format is not known"),
        (b" \n", "it is empty"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        taken(tmp_path, data)


LAUGHS = "<!DOCTYPE VOTABLE [" + "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(10)
)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (document(INT, "&l9;", LAUGHS + "]>"), "it declares entities"),
        (
            document(INT, "", LAUGHS + "]>").decode().encode("utf-16"),
            "it declares entities",
        ),
        (
            document(INT, "&x;", '<!DOCTYPE V [<!ENTITY x SYSTEM "/etc/passwd">]>'),
            "it declares entities",
        ),
        (b"<VOTABLE>" + b"<RESOURCE>" * 50_000, "lie more than 60 deep"),
        (gzip.compress(b" " * 2_000_000), "more than the 1 MB that are allowed"),
        (
            binary(INT, gzip.compress(bytes(2_000_000))).replace(b"base64", b"gzip"),
            "more than the 1 MB that are allowed",
        ),
        (b" " * 1_000_001, "more than the 1 MB that are allowed"),
        (document(INT, "<TR><TD>1</TD></TR>" * 1001), "more than the 1000 rows"),
        (binary(INT, b"\0\0\1" * 1001), "more than the 1000 rows"),
        (
            binary(TEXT, b"\0\0\0\0\0" * 1001),
            "more than the 1000 rows",
        ),
        (document(INT * 501, ""), "it has 501 columns, and 500 are allowed"),
        (b"n\n" + b"1\n" * 1001, "more than the 1000 rows"),
    ],
    ids=range(12),
)  # fmt: skip
def test_hostile_documents_are_refused(
    tmp_path: Path, data: bytes, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        taken(tmp_path, data)


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["x" * 10_000] * 999).dictionary_encode(),
        pa.array(["x" * 10_000] * 999, pa.large_string()),
        pa.array([[1.0] * 1000] * 999),
    ],
    ids=["dictionary", "large_string", "list"],
)
def test_a_parquet_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, values: Any
) -> None:
    pq.write_table(pa.table({"v": values}), tmp_path / "t", compression="gzip")
    assert (tmp_path / "t").stat().st_size < 10_000
    usual = pa.default_memory_pool()
    counted = pa.proxy_memory_pool(usual)
    pa.set_memory_pool(counted)
    try:
        with pytest.raises(UserError, match="more than the 1 MB"):
            read(tmp_path / "t", LIMITS)
    finally:
        pa.set_memory_pool(usual)
    assert (counted.max_memory() or 0) < 5 * 10**5


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


def test_values_that_do_not_fit_are_named(tmp_path: Path) -> None:
    values = pa.array([1, 2, 2**64 - 1], pa.uint64())
    pq.write_table(pa.table({"n": values}), tmp_path / "t")
    said = "row 3, column 'n': 18446744073709551615 cannot be of the type long"
    with pytest.raises(UserError, match=said):
        read(tmp_path / "t", LIMITS)


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


def test_a_broken_zip_within_base64_says_so(tmp_path: Path) -> None:
    cut = zlib.compress(b"x" * 100, wbits=31)[:-12]
    text = binary(INT, cut).replace(b"base64", b"gzip")
    with pytest.raises(UserError, match="breaks off"):
        taken(tmp_path, text)
