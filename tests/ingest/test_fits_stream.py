"""The reader against astropy, and against everything that can be wrong with a file."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import pytest
from astropy.io import fits
from tests.ingest.conftest import RunPlan, edisp_hdu

from distiller.core.errors import BadData
from distiller.ingest import fits_stream
from distiller.ingest.fits_stream import Header, columns, data_size, read_hdus

if TYPE_CHECKING:
    from pathlib import Path


def everything(header: Header) -> bool:
    return header.text("XTENSION") == "BINTABLE"


def refused(path: Path) -> BadData:
    with pytest.raises(BadData) as caught:
        read_hdus(path, everything)
    assert str(path) in caught.value.text
    return caught.value


@pytest.mark.parametrize("name", ["run.fits", "run.fits.gz"])
def test_headers_and_tables_are_those_of_astropy(tmp_path: Path, name: str) -> None:
    path = RunPlan().write(tmp_path / name)
    ours = read_hdus(path, everything)
    with fits.open(path) as theirs:
        assert len(ours) == len(theirs)
        for own, other in zip(ours, theirs, strict=True):
            values = own.header.values
            wanted = {k: v for k, v in other.header.items() if k not in {"", "COMMENT"}}
            assert {k: values[k] for k in wanted} == wanted
            if other.data is None:
                continue
            for column, numbers in columns(own, path).items():
                assert np.array_equal(numbers, np.asarray(other.data[column], float))


@pytest.mark.real_data
def test_real_headers_and_tables_are_those_of_astropy(
    hess: Path, cta_1dc: Path
) -> None:
    files = sorted((hess / "data").glob("*.fits.gz"))[::15]
    files += sorted(cta_1dc.rglob("*.fits"))
    for path in files:
        wanted = {"GTI", "AEFF", "PSF", "POINT SPREAD FUNCTION"}
        ours = read_hdus(path, lambda h: h.name in wanted)  # noqa: B023 - used at once
        with fits.open(path) as theirs:
            for own, other in zip(ours, theirs, strict=True):
                for card in other.header.cards:
                    if card.keyword in {"", "COMMENT", "HISTORY"}:
                        continue
                    value = own.header.values[card.keyword]
                    first = other.header[card.keyword]
                    blank = isinstance(first, fits.card.Undefined)
                    assert value == (None if blank else first), (path, card.keyword)
                if own.data is not None:
                    for column, numbers in columns(own, path).items():
                        read = np.asarray(other.data[column], dtype=float)
                        assert np.array_equal(numbers, read)


def test_long_text_is_put_together(tmp_path: Path) -> None:
    path = RunPlan(header={"OBSERVER": "observer " * 40}).write(tmp_path / "a.fits")
    header = read_hdus(path, everything)[1].header
    assert header.text("OBSERVER") == ("observer " * 40).strip()


def with_card(tmp_path: Path, keyword: bytes, card: bytes) -> Header:
    """Put a raw card in the place of that of a keyword."""
    path = RunPlan().write(tmp_path / "cards.fits")
    content = path.read_bytes()
    place = content.index(b"%-8s= " % keyword)
    path.write_bytes(content[:place] + card.ljust(80)[:80] + content[place + 80 :])
    return read_hdus(path, everything)[1].header


def test_text_that_is_not_ascii_is_read_and_noted(tmp_path: Path) -> None:
    header = with_card(tmp_path, b"OBSERVER", "OBSERVER= 'Müller'".encode())
    assert header.text("OBSERVER") == "Müller"
    assert header.not_ascii == ("OBSERVER",)
    header = with_card(tmp_path, b"OBSERVER", "OBSERVER= 'Müller'".encode("latin-1"))
    assert header.text("OBSERVER") == "Müller"


def test_of_a_keyword_given_twice_the_first_counts(tmp_path: Path) -> None:
    header = with_card(tmp_path, b"OBSERVER", b"OBJECT  = 'second'")
    assert header.text("OBJECT") == "second"
    assert header.duplicates == ("OBJECT",)


def test_a_value_that_cannot_be_read_is_noted(tmp_path: Path) -> None:
    header = with_card(tmp_path, b"ONTIME", b"ONTIME  = about half an hour")
    assert header.values["ONTIME"] is None
    assert header.damaged == ("ONTIME",)


def test_an_empty_value_is_none(tmp_path: Path) -> None:
    header = with_card(tmp_path, b"ONTIME", b"ONTIME  =                      / [s]")
    assert header.values["ONTIME"] is None
    assert header.damaged == ()


def test_missing_file(tmp_path: Path) -> None:
    error = refused(tmp_path / "gone.fits")
    assert error.data_code == "D102"
    assert "there is no such file" in error.text


def test_folder_instead_of_a_file(tmp_path: Path) -> None:
    error = refused(tmp_path)
    assert error.data_code == "D101"
    assert "it is no regular file" in error.text


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.fits"
    path.touch()
    error = refused(path)
    assert (error.data_code, error.finding) == ("D103", "the file is empty")


@pytest.mark.parametrize(
    "content", [b"<!DOCTYPE html><html>404</html>", b"\x00" * 6000, b"SIMPLE"]
)
def test_not_fits(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "page.fits"
    path.write_bytes(content)
    error = refused(path)
    assert error.data_code == "D106"
    assert "not with SIMPLE" in error.text


def test_gzip_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "page.fits.gz"
    path.write_bytes(gzip.compress(b"<html>"))
    assert refused(path).data_code == "D106"


def test_every_cut_of_a_plain_file_is_noticed(tmp_path: Path) -> None:
    whole = RunPlan().write(tmp_path / "whole.fits").read_bytes()
    ends = {0}  # offsets at which a file may end: behind an HDU
    with fits.open(tmp_path / "whole.fits") as hdus:
        ends |= {h.fileinfo()["datLoc"] + h.fileinfo()["datSpan"] for h in hdus}
    path = tmp_path / "cut.fits"
    for size in range(2880 * 2, len(whole), 4111):
        if size in ends:
            continue
        path.write_bytes(whole[:size])
        behind_data = any(end - 2880 < size <= end for end in ends)
        if behind_data:
            continue  # only padding may be lost
        error = refused(path)
        assert error.data_code == "D107", size
        assert "ends inside" in error.text


def test_a_table_that_is_cut_says_how_much_is_missing(tmp_path: Path) -> None:
    path = RunPlan(responses=lambda: [edisp_hdu()]).write(tmp_path / "cut.fits")
    path.write_bytes(path.read_bytes()[:-20_000])
    error = refused(path)
    assert error.data_code == "D107"
    assert "ends inside EDISP" in error.text
    assert "bytes are missing" in error.text


def test_a_gzip_file_that_is_cut(tmp_path: Path) -> None:
    path = RunPlan().write(tmp_path / "cut.fits.gz")
    path.write_bytes(path.read_bytes()[:-200])
    error = refused(path)
    assert error.data_code == "D107"
    assert "the gzip stream ends too early" in error.text


def test_a_gzip_file_with_a_flipped_byte(tmp_path: Path) -> None:
    path = RunPlan().write(tmp_path / "bad.fits.gz")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))
    assert refused(path).data_code in {"D106", "D107", "D108", "D109"}


def test_bad_deflate_data(tmp_path: Path) -> None:
    path = tmp_path / "bad.fits.gz"
    good = gzip.compress(b"x" * 10_000)
    path.write_bytes(good[:12] + b"\xff" * 40)
    error = refused(path)
    assert error.data_code == "D108"
    assert "cannot be decompressed" in error.text


def test_a_header_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fits_stream, "_MAX_HEADER_BLOCKS", 4)
    path = tmp_path / "endless.fits"
    path.write_bytes(b"SIMPLE  =                    T".ljust(2880) + b" " * 2880 * 20)
    error = refused(path)
    assert error.data_code == "D109"
    assert "has no END" in error.text


@pytest.mark.parametrize(
    "values",
    [
        {"NAXIS": 2, "BITPIX": 8},
        {"NAXIS": -1, "BITPIX": 8},
        {"NAXIS": 1, "NAXIS1": -5, "BITPIX": 8},
        {"NAXIS": 1, "NAXIS1": 5, "BITPIX": 7},
        {"NAXIS": "two", "BITPIX": 8},
        {},
    ],
)
def test_sizes_that_make_no_sense(values: dict[str, int | str]) -> None:
    assert data_size(Header(values)) is None


def test_a_huge_size_is_a_cut_file_not_a_huge_buffer(tmp_path: Path) -> None:
    path = RunPlan(gti=None, responses=list).write(tmp_path / "huge.fits")
    content = path.read_bytes()
    card = b"NAXIS2  =  9000000000000000".ljust(80)
    place = content.index(b"NAXIS2  =")
    path.write_bytes(content[:place] + card + content[place + 80 :])
    assert refused(path).data_code == "D107"


def test_a_table_that_is_too_large_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fits_stream, "MAX_TABLE_BYTES", 10_000)
    path = RunPlan().write(tmp_path / "run.fits")
    hdus = {h.header.name: h for h in read_hdus(path, everything)}
    assert hdus["EDISP"].too_large
    assert hdus["EDISP"].data is None
    assert hdus["GTI"].data is not None


def test_columns_beyond_the_rows_are_refused(tmp_path: Path) -> None:
    path = RunPlan().write(tmp_path / "run.fits")
    hdu = next(h for h in read_hdus(path, everything) if h.header.name == "GTI")
    values = {**hdu.header.values, "TFORM2": "1000D"}
    broken = fits_stream.Hdu(Header(values), hdu.data)
    with pytest.raises(BadData, match=r"D109 .*columns beyond its rows"):
        columns(broken, path)


def test_scaled_and_unsigned_columns(tmp_path: Path) -> None:
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column("A", "J", array=np.array([0, 5], np.uint32), bzero=2**31),
            fits.Column("B", "8A", array=["x", "y"]),
            fits.Column("C", "2I", array=[[1, 2], [3, 4]]),
            fits.Column("D", "3X", array=np.zeros((2, 3), dtype=bool)),
            fits.Column("E", "E", array=[1.5, np.nan]),
        ],
        name="MIXED",
    )
    table.header["TSCAL3"], table.header["TZERO3"] = 0.5, 1.0
    path = tmp_path / "mixed.fits"
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(path)
    read = columns(read_hdus(path, everything)[1], path)
    with fits.open(path) as hdus:
        data = hdus[1].data
        assert set(read) == {"A", "C", "E"}
        for name, values in read.items():
            assert np.array_equal(values, np.asarray(data[name], float), equal_nan=True)
