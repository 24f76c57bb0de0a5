"""FITS files read once from front to back, in constant memory, trusting nothing.

Headers become plain values; the data of a table are read only where asked for, so a
gzipped run costs one decompression and no event is looked at. Real DL3 headers break
the rules in ways that a general reader warns about or repairs in silence; here each of
them is kept as a fact (docs/decisions/0041-own-fits-reader.md). FITS 4.0, sections 3, 4
and 7.3.
"""

from __future__ import annotations

import gzip
import re
import zlib
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from distiller.core.errors import BadData
from distiller.core.places import stamp_of
from distiller.ingest.unreadable import unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from distiller.core.places import Place

CardValue = str | int | float | bool | None

_BLOCK = 2880
_CARD = 80
_MAX_HEADER_BLOCKS = 2000  # 72,000 cards
_CHUNK = 1 << 20
_MAX_HDUS = 1000
MAX_TABLE_BYTES = 64 << 20
"""Tables larger than this are not read (their headers are)."""
_SAMPLES, _SAMPLE_ROWS = 8, 64
_SAMPLE_ROW_BYTES = 1 << 16
"""Of a table with longer rows no sample is read."""


@dataclass(frozen=True, slots=True)
class Header:
    """The cards of one HDU as plain values; the first of equal keywords counts.

    Attributes
    ----------
    values
        By keyword; a card without a value has None.
    duplicates
        Keywords that stand there more than once.
    damaged
        Keywords of cards whose value cannot be read.
    not_ascii
        Keywords of cards with other bytes than ASCII.
    """

    values: Mapping[str, CardValue]
    duplicates: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    not_ascii: tuple[str, ...] = ()

    def text(self, keyword: str) -> str | None:
        """Return a value as text without blanks around, None where there is none."""
        value = self.values.get(keyword)
        if value is None or isinstance(value, bool):
            return None
        return str(value).strip() or None

    def integer(self, keyword: str, default: int = 0) -> int:
        """Return an integer of the FITS structure, or the default."""
        value = self.values.get(keyword)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        return default

    @property
    def name(self) -> str:
        """EXTNAME, in capitals."""
        return (self.text("EXTNAME") or "").upper()


@dataclass(frozen=True, slots=True)
class Hdu:
    """One header with its data and a sample of its rows, None where not wanted."""

    header: Header
    data: bytes | None
    too_large: bool = False
    sample: Hdu | None = None


@dataclass(frozen=True, slots=True)
class _Wish:
    """Which tables are to be read, and up to which size; total size of a plain file."""

    wanted: Callable[[Header], bool]
    most_bytes: int
    sampled: Callable[[Header], bool]
    total: int | None = None


@dataclass(slots=True)
class _Cards:
    """Collects cards in order."""

    values: dict[str, CardValue] = field(default_factory=dict)
    duplicates: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    not_ascii: list[str] = field(default_factory=list)
    last_text: str | None = None


def read_hdus(
    path: Place,
    wanted: Callable[[Header], bool],
    *,
    most_bytes: int | None = None,
    sampled: Callable[[Header], bool] = lambda _: False,
) -> tuple[Hdu, ...]:
    """Read every header of a FITS file, plain or gzipped, and the wanted tables.

    Parameters
    ----------
    most_bytes
        Size from which a wanted table is left unread; MAX_TABLE_BYTES unless given.
    sampled
        Of which binary tables a sample is read: all of 512 rows, else 8 times 64 from
        the first to the last.

    Raises
    ------
    BadData
        D101 cannot be opened, D102 missing, D103 empty, D106 not FITS, D107 truncated,
        D108 compression damaged, D109 header damaged, D130 the store does not answer.
    """
    most = MAX_TABLE_BYTES if most_bytes is None else most_bytes
    wish = _Wish(wanted, most, sampled)
    try:
        # Before it is opened, since a pipe would wait for its other end for ever.
        size = stamp_of(path).size
        with path.open("rb") as raw:
            magic = raw.read(2)
            raw.seek(0)
            if not magic:
                raise BadData("D103", str(path), "the file is empty")
            if magic == b"\x1f\x8b":
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    return _read(path, unpacked, wish)  # type: ignore[arg-type]  # it reads as a file does
            return _read(path, raw, replace(wish, total=size))
    except EOFError as error:
        raise BadData("D107", str(path), "the gzip stream ends too early") from error
    except (zlib.error, gzip.BadGzipFile) as error:
        raise BadData("D108", str(path), f"cannot be decompressed: {error}") from error
    except OSError as error:
        raise unreadable(path, error) from error


def first_header(path: Place, wanted: Callable[[Header], bool]) -> Header | None:
    """Return the first header that is wanted, read no further than that.

    Raises
    ------
    BadData
        As `read_hdus`.
    """
    found: list[Header] = []

    def ends(header: Header) -> bool:
        if wanted(header):
            found.append(header)
            raise _Found
        return False

    with suppress(_Found):
        read_hdus(path, ends)
    return found[0] if found else None


class _Found(Exception):  # noqa: N818 - ends a reading, tells of no fault
    """What was looked for is found."""


def _read(path: Place, stream: BinaryIO, wish: _Wish) -> tuple[Hdu, ...]:
    hdus: list[Hdu] = []
    while len(hdus) < _MAX_HDUS:
        block = stream.read(_BLOCK)
        if hdus and not block.strip(b"\0 "):
            break  # the end, or padding
        begins = b"XTENSION" if hdus else b"SIMPLE  ="
        if not block.startswith(begins):
            shown = block[:24].decode("ascii", "backslashreplace")
            if hdus:
                # Special records are allowed, but no DL3 file has them: an extension
                # whose first card is damaged would be lost without a word.
                where = f"what follows HDU {len(hdus) - 1} begins with {shown!r}"
                raise BadData("D109", str(path), f"{where}, not with XTENSION")
            raise BadData("D106", str(path), f"begins with {shown!r}, not with SIMPLE")
        header = _header(path, stream, block, len(hdus))
        hdus.append(_data(path, stream, header, len(hdus), wish))
    return tuple(hdus)


def _header(path: Place, stream: BinaryIO, block: bytes, number: int) -> Header:
    cards = _Cards()
    for _ in range(_MAX_HEADER_BLOCKS):
        if len(block) < _BLOCK:
            raise BadData("D107", str(path), f"ends inside header {number}")
        for start in range(0, _BLOCK, _CARD):
            line = block[start : start + _CARD]
            if line.rstrip() == b"END":
                return Header(
                    cards.values,
                    tuple(dict.fromkeys(cards.duplicates)),
                    tuple(cards.damaged),
                    tuple(cards.not_ascii),
                )
            _take(cards, line)
        block = stream.read(_BLOCK)
    most = _MAX_HEADER_BLOCKS * (_BLOCK // _CARD)
    message = f"header {number} has no END within {most} cards"
    raise BadData("D109", str(path), message)


def _data(
    path: Place,
    stream: BinaryIO,
    header: Header,
    number: int,
    wish: _Wish,
) -> Hdu:
    size = data_size(header)
    if size is None:
        raise BadData("D109", str(path), f"header {number} gives no valid size")
    asked = size > 0 and wish.wanted(header)
    read = asked and size <= wish.most_bytes
    data, sample = stream.read(size) if read else None, None
    if data is not None:
        left = size - len(data)
    elif size > 0 and wish.sampled(header):
        sample, left = _sample(stream, header, size, wish.total)
    else:
        left = _skip(stream, size, wish.total)
    if left > 0:
        name = header.name or f"HDU {number}"
        raise BadData(
            "D107", str(path), f"ends inside {name}: {left} of {size} bytes are missing"
        )
    stream.read(-size % _BLOCK)
    return Hdu(header, data, too_large=asked and not read, sample=sample)


def _sample(
    stream: BinaryIO, header: Header, size: int, total: int | None
) -> tuple[Hdu | None, int]:
    """Pass over a table; return some of its rows, and how many bytes are missing."""
    rows, width = header.integer("NAXIS2"), header.integer("NAXIS1")
    if not 0 < width <= _SAMPLE_ROW_BYTES:
        return None, _skip(stream, size, total)
    most = _SAMPLES * _SAMPLE_ROWS
    starts, length = [0], rows
    if rows > most:
        last, length = rows - _SAMPLE_ROWS, _SAMPLE_ROWS
        starts = [last * n // (_SAMPLES - 1) for n in range(_SAMPLES)]
    kept, at, missing = bytearray(), 0, 0
    for start in starts:
        missing += _skip(stream, start * width - at, total)
        block = stream.read(length * width)
        missing += length * width - len(block)
        kept += block
        at = (start + length) * width
    missing += _skip(stream, size - at, total)
    values = {**header.values, "NAXIS2": length * len(starts)}
    return Hdu(replace(header, values=values), bytes(kept)), missing


def _skip(stream: BinaryIO, size: int, total: int | None) -> int:
    """Pass over bytes, without reading them in a plain file; return those missing."""
    if total is not None:
        here = stream.tell()
        there = min(here + size, max(here, total))
        stream.seek(there)
        return size - (there - here)
    left = size
    while left > 0 and (skipped := len(stream.read(min(left, _CHUNK)))):
        left -= skipped
    return left


def data_size(header: Header) -> int | None:
    """Return the bytes of data after a header (FITS 4.0, eq. 1 and 2), None if bad."""
    axes = header.integer("NAXIS", -1)
    if not 0 <= axes <= 999:  # noqa: PLR2004 - FITS 4.0, 4.4.1.1
        return None
    lengths = [header.integer(f"NAXIS{n}", -1) for n in range(1, axes + 1)]
    heap, groups = header.integer("PCOUNT", 0), header.integer("GCOUNT", 1)
    bits = abs(header.integer("BITPIX"))
    if bits not in {8, 16, 32, 64} or min([heap, groups, *lengths]) < 0:
        return None
    product = 1 if axes else 0
    for length in lengths:
        product *= length
    return bits // 8 * groups * (heap + product)


_TEXT = re.compile(r"\s*'((?:[^']|'')*)'")
_OTHER = re.compile(r"\s*([^/\s]*)")


def _take(cards: _Cards, line: bytes) -> None:
    keyword = line[:8].decode("latin-1").strip()
    if keyword == "CONTINUE" and cards.last_text is not None:
        _continue(cards, _decode(line[8:]))
        return
    cards.last_text = None
    if line[8:10] != b"= " or not keyword:
        return  # commentary, HIERARCH, or blank
    if keyword in cards.values:
        cards.duplicates.append(keyword)
        return
    if not line.isascii():
        cards.not_ascii.append(keyword)
    value, valid = _value(_decode(line[10:]))
    if not valid:
        cards.damaged.append(keyword)
    cards.values[keyword] = value
    if isinstance(value, str):
        cards.last_text = keyword


def _continue(cards: _Cards, rest: str) -> None:
    """Append a CONTINUE card to the text before it (FITS 4.0, 4.2.1.2)."""
    keyword = cards.last_text or ""
    match, before = _TEXT.match(rest), cards.values[keyword]
    if match and isinstance(before, str) and before.endswith("&"):
        cards.values[keyword] = before[:-1] + match[1].replace("''", "'").rstrip()
    else:
        cards.last_text = None


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _value(text: str) -> tuple[CardValue, bool]:
    """Return a value and whether it could be read.

    >>> _value("'It''s  '           / remark")
    ("It's", True)
    >>> _value(" 1.5D3 / [s]"), _value(" T"), _value(" 12"), _value("  / nothing")
    ((1500.0, True), (True, True), (12, True), (None, True))
    >>> _value(" twelve")
    (None, False)
    """
    if match := _TEXT.match(text):
        return match[1].replace("''", "'").rstrip(), True
    match = _OTHER.match(text)
    word = match[1] if match else ""
    if not word:
        return None, True
    if word in {"T", "F"}:
        return word == "T", True
    try:
        return int(word), True
    except ValueError:
        pass
    try:
        return float(word.upper().replace("D", "E")), True
    except ValueError:
        return None, False


_KINDS = {"B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}
_WIDTHS = {"L": 1, "X": 0, "A": 1, "C": 8, "M": 16, "P": 8, "Q": 16}
_ANY_FORM = re.compile(r"(\d*)([LXBIJKAEDCMPQ])")


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a binary table as its bytes.

    Attributes
    ----------
    number
        Of the column, from 1.
    name
        TTYPE, in capitals.
    form
        Letter of TFORM (FITS 4.0, table 18).
    count
        Elements in a row.
    content
        Shape (rows, bytes).
    """

    number: int
    name: str
    form: str
    count: int
    content: NDArray[np.uint8]

    @property
    def numbers(self) -> NDArray[np.generic] | None:
        """The elements, shape (rows, count), None where they are no plain numbers."""
        kind = _KINDS.get(self.form)
        if kind is None or not self.count:
            return None
        return np.ascontiguousarray(self.content).view(kind)


def fields(hdu: Hdu, path: Place) -> Iterator[Field]:
    """Yield the columns of a binary table.

    Raises
    ------
    BadData
        D109 if its data are absent or the columns do not fit into the rows.
    """
    header = hdu.header
    rows, width = header.integer("NAXIS2"), header.integer("NAXIS1")
    content = np.frombuffer(hdu.data or b"", dtype=np.uint8)[: rows * width]
    if content.size != rows * width:
        message = f"{header.name} has {content.size} of {rows * width} bytes of rows"
        raise BadData("D109", str(path), message)
    table = content.reshape(rows, width)
    start = 0
    for number in range(1, header.integer("TFIELDS") + 1):
        form = header.text(f"TFORM{number}") or ""
        match = _ANY_FORM.match(form)
        if match is None:
            raise BadData(
                "D109", str(path), f"{header.name} has TFORM{number} {form!r}"
            )
        count = int(match[1] or 1)
        kind = _KINDS.get(match[2])
        item = np.dtype(kind).itemsize if kind else _WIDTHS[match[2]]
        size = (count + 7) // 8 if match[2] == "X" else count * item
        if start + size > width:
            raise BadData(
                "D109", str(path), f"{header.name} has columns beyond its rows"
            )
        name = (header.text(f"TTYPE{number}") or "").upper()
        yield Field(number, name, match[2], count, table[:, start : start + size])
        start += size


def columns(hdu: Hdu, path: Place) -> dict[str, NDArray[np.float64]]:
    """Return the numeric columns of a binary table as float64, by name in capitals.

    Shape is (rows, *axes), with the axes of TDIM in the order of numpy. TSCAL and TZERO
    are applied; text, logical, complex and variable-length columns are left out.

    Raises
    ------
    BadData
        D109 if its data are absent or the columns do not fit into the rows.
    """
    made: dict[str, NDArray[np.float64]] = {}
    for field_ in fields(hdu, path):
        numbers = field_.numbers
        if numbers is None or field_.name in made:
            continue
        values = _scaled(numbers.astype(np.float64), hdu.header, field_.number)
        made[field_.name] = _shaped(values, hdu.header, field_.number)
    return made


def _scaled(
    values: NDArray[np.float64], header: Header, number: int
) -> NDArray[np.float64]:
    scale, zero = (
        header.values.get(f"TSCAL{number}"),
        header.values.get(f"TZERO{number}"),
    )
    if isinstance(scale, (int, float)):
        values = values * scale
    if isinstance(zero, (int, float)):
        values = values + zero
    return values


def _shaped(
    values: NDArray[np.float64], header: Header, number: int
) -> NDArray[np.float64]:
    rows, count = values.shape
    text = header.text(f"TDIM{number}")
    lengths = [int(n) for n in re.findall(r"\d+", text or "")]
    if lengths and int(np.prod(lengths)) == count:
        return values.reshape(rows, *reversed(lengths))
    return values[:, 0] if count == 1 else values
