"""Tables of users that are refused, and the words in which they are."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from tests.queries.brought import INT, LIMITS, TEXT, binary, document, taken

from distiller.core.errors import UserError
from distiller.queries.tables import read

if TYPE_CHECKING:
    from pathlib import Path


LAUGHS = "<!DOCTYPE VOTABLE [" + "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(10)
)


def test_a_fault_of_values_is_not_called_one_of_xml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise pa.ArrowInvalid("an offset is wrong")

    monkeypatch.setattr("distiller.queries.tables.binary.decoded", fails)
    with pytest.raises(UserError, match="it cannot be read: an offset is wrong in l"):
        taken(tmp_path, binary(INT, b"\0\0\0"))


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


def test_values_that_do_not_fit_are_named(tmp_path: Path) -> None:
    values = pa.array([1, 2, 2**64 - 1], pa.uint64())
    pq.write_table(pa.table({"n": values}), tmp_path / "t")
    said = "row 3, column 'n': 18446744073709551615 cannot be of the type long"
    with pytest.raises(UserError, match=said):
        read(tmp_path / "t", LIMITS)


def test_a_broken_zip_within_base64_says_so(tmp_path: Path) -> None:
    cut = zlib.compress(b"x" * 100, wbits=31)[:-12]
    text = binary(INT, cut).replace(b"base64", b"gzip")
    with pytest.raises(UserError, match="breaks off"):
        taken(tmp_path, text)
