"""VOTable 1.4 as a stream: a head, rows batch by batch, a tail.

The parts are bytes; laid end to end they are one well-formed document, however the
query ends. Encoding works on whole Arrow columns: fixed-width columns become one
structured numpy block, variable ones stay where they are, and Arrow joins the rows.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Literal, TypeAlias
from xml.sax.saxutils import quoteattr

import numpy as np
import pyarrow as pa
from pybase64 import b64encode

from distiller.vo import cells
from distiller.vo.xmltext import clean, escape_cells, escape_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distiller.core.columns import Column

Serialization: TypeAlias = Literal["BINARY2", "BINARY", "TABLEDATA"]
Status: TypeAlias = Literal["OK", "OVERFLOW", "ERROR"]

MEDIA_TYPE = "application/x-votable+xml"

_OPEN = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">\n'
    '<RESOURCE type="results">\n'
)
_CLOSE = "</RESOURCE>\n</VOTABLE>\n"
_DATA = {
    "BINARY2": (
        '<DATA><BINARY2><STREAM encoding="base64">\n',
        "</STREAM></BINARY2></DATA>\n",
    ),
    "BINARY": (
        '<DATA><BINARY><STREAM encoding="base64">\n',
        "</STREAM></BINARY></DATA>\n",
    ),
    "TABLEDATA": ("<DATA><TABLEDATA>\n", "</TABLEDATA></DATA>\n"),
}
_WORDS = cells.Words("NaN", "+Inf", "-Inf")
_BASE64_GROUP = 3
_FOLDED = (
    "characters outside ASCII first met late in the column are written as '?'; "
    "ask for TABLEDATA or CSV to have them"
)


def error_document(message: str, *, before: str = "") -> bytes:
    """Return a whole VOTable that says an error (DALI 1.1 section 4.4).

    Parameters
    ----------
    before
        Elements that stand before its RESOURCE.
    """
    start, resource, rest = _OPEN.partition("<RESOURCE")
    text = start + before + resource + rest
    text += _info("QUERY_STATUS", "ERROR", message) + _CLOSE
    return text.encode()


def description(
    columns: Sequence[Column],
    *,
    unicode: frozenset[int] = frozenset(),
    infos: Sequence[tuple[str, str]] = (),
    rows: int,
    overflow: str | None = None,
) -> bytes:
    """Return a VOTable without data: what a file of another format says of its columns.

    Parameters
    ----------
    unicode
        Places of columns of text that holds more than ASCII.
    rows
        Of the table.
    overflow
        Which limit cut rows off, if one did.
    """
    parts = [
        _OPEN,
        *(_info(*info) for info in infos),
        _info("QUERY_STATUS", "OK"),
        f'<TABLE name="result" nrows="{rows}">\n',
        *(_field(c, unicode=i in unicode) for i, c in enumerate(columns)),
        "</TABLE>\n",
        "" if overflow is None else _info("QUERY_STATUS", "OVERFLOW", overflow),
        _CLOSE,
    ]
    return "".join(parts).encode()


def _info(name: str, value: str, content: str = "") -> str:
    start = f"<INFO name={_attribute(name)} value={_attribute(value)}"
    return f"{start}>{escape_text(content)}</INFO>\n" if content else f"{start}/>\n"


def _attribute(text: str) -> str:
    # A line break in an attribute reads as a space unless it is a reference.
    return quoteattr(clean(text), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


class VOTableWriter:
    """Write one result table.

    Parameters
    ----------
    columns
        Of the result, in order.
    serialization
        ``BINARY2``, ``BINARY`` or ``TABLEDATA`` (VOTable 1.4 sections 5.4, 5.3, 5.1).
    infos
        Name and value of INFO elements before the table, such as the query.
    table_name
        Name of the TABLE.

    Notes
    -----
    ``char`` is ASCII in VOTable 1.4, so a text column whose first batch holds other
    characters is declared ``unicodeChar``; the fields are written with the first batch
    for that reason. Where such a character is met only later, the binary forms write
    ``?`` and say so after the table.

    BINARY has no flags for NULL: a whole number that may be NULL is declared with the
    lowest number of its type for it, text that is NULL is empty, and a float is NaN.
    """

    extension = "vot"

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        serialization: Serialization = "BINARY2",
        infos: Sequence[tuple[str, str]] = (),
        table_name: str = "result",
        media_type: str | None = None,
    ) -> None:
        self.columns = tuple(columns)
        self.serialization = serialization
        self.media_type = media_type or (
            MEDIA_TYPE
            if serialization == "BINARY2"
            else f"{MEDIA_TYPE};serialization={serialization}"
        )
        self._infos = tuple(infos)
        self._table_name = table_name
        self._begun = False
        self._unicode: frozenset[int] = frozenset()
        self._rest = b""
        self._folded = False

    def head(self) -> bytes:
        """Return what can be said before the first row is known."""
        return (_OPEN + "".join(_info(*info) for info in self._infos)).encode()

    def rows(self, batch: pa.RecordBatch) -> bytes:
        """Return a batch of rows; its columns are those of the result, in order.

        Raises
        ------
        pyarrow.ArrowInvalid
            If a value does not fit its column.
        """
        arrays = [
            cells.conform(column, array)
            for column, array in zip(self.columns, batch.columns, strict=True)
        ]
        begin = b"" if self._begun else self._fields(arrays)
        if self.serialization == "TABLEDATA":
            return begin + self._tabledata(arrays)
        data = self._rest + self._binary(arrays)
        cut = len(data) - len(data) % _BASE64_GROUP
        self._rest = data[cut:]
        return begin + b64encode(memoryview(data)[:cut]) + b"\n"

    def tail(self, status: Status, message: str | None = None) -> bytes:
        """Return the end of the document.

        Parameters
        ----------
        status
            ``OK``, ``OVERFLOW`` (rows were cut) or ``ERROR`` (the query failed after
            the head had left).
        message
            Which limit cut, or what failed.
        """
        end = b""
        if not self._begun and status != "ERROR":
            end += self._fields([])
        if self._begun:
            if self._rest:
                end += b64encode(self._rest) + b"\n"
                self._rest = b""
            end += (_DATA[self.serialization][1] + "</TABLE>\n").encode()
        if self._folded:
            end += _info("warning", "non-ascii", _FOLDED).encode()
        if status != "OK":
            end += _info("QUERY_STATUS", status, message or "").encode()
        return end + _CLOSE.encode()

    def _fields(self, arrays: Sequence[cells.Values]) -> bytes:
        """Return the start of the table, now that the first values are known."""
        self._begun = True
        self._unicode = frozenset(
            index
            for index, (column, array) in enumerate(
                zip(self.columns, arrays, strict=False)
            )
            if column.datatype == "char" and not cells.is_ascii(array)
        )
        fields = "".join(
            _field(
                column,
                unicode=index in self._unicode,
                null=_null_of(column) if self.serialization == "BINARY" else None,
            )
            for index, column in enumerate(self.columns)
        )
        start = _info("QUERY_STATUS", "OK")
        start += f"<TABLE name={_attribute(self._table_name)}>\n"
        return (start + fields + _DATA[self.serialization][0]).encode()

    def _tabledata(self, arrays: Sequence[cells.Values]) -> bytes:
        texts = [
            escape_cells(array)
            if column.datatype == "char"
            else cells.filled(column, cells.text_of(column, array, _WORDS))
            for column, array in zip(self.columns, arrays, strict=True)
        ]
        rows = cells.pc.binary_join_element_wise(
            *(cells.without_nulls(text) for text in texts), b"</TD><TD>"
        )
        rows = cells.pc.binary_join_element_wise(
            b"<TR><TD>", rows, b"</TD></TR>\n", b""
        )
        return cells.data_of(rows).tobytes()

    def _binary(self, arrays: Sequence[cells.Values]) -> bytes:
        """Return rows as VOTable 1.4 sections 5.3 and 5.4 lay them out."""
        count = len(arrays[0])
        if count == 0:
            return b""
        pieces: list[cells.Values] = []
        block = _Block(count)
        has_flags = self.serialization == "BINARY2"
        if has_flags:
            block.add(f"V{(len(arrays) + 7) // 8}", _null_flags(arrays, count))
        for index, (column, array) in enumerate(zip(self.columns, arrays, strict=True)):
            null = None if has_flags else _null_of(column)
            if column.datatype == "char":
                value, lengths = self._characters(index, column, array)
            elif cells.is_array(column):
                value, lengths = _several(column, array, null)
            else:
                block.add(*_one(column, array, null))
                continue
            if lengths is not None:
                block.add(">i4", lengths)
            pieces += [*block.taken(), value]
        pieces += block.taken()
        joined = (
            cells.pc.binary_join_element_wise(*pieces, b"")
            if len(pieces) > 1
            else pieces[0]
        )
        return cells.data_of(joined).tobytes()

    def _characters(
        self, index: int, column: Column, array: cells.Values
    ) -> tuple[cells.Values, cells.Numbers | None]:
        """Return the bytes of a text column and, unless its size is fixed, lengths."""
        size = cells.fixed_size(column)
        if index in self._unicode:
            value, unit, size = cells.utf16(array), 2, None
        else:
            if not cells.is_ascii(array):
                array = cells.as_ascii(array)
                self._folded = True
            value, unit = cells.without_nulls(array), 1
        if size is not None:
            padded = cells.pc.ascii_rpad(value.cast(pa.string()), size, padding="\0")
            return cells.pc.binary_slice(padded.cast(pa.binary()), 0, size), None
        return value, np.diff(cells.offsets_of(value)) // unit


class _Block:
    """Fixed-width columns side by side: fields of one structured array."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._parts: list[tuple[str, cells.Numbers]] = []

    def add(self, dtype: str, values: cells.Numbers) -> None:
        """Add a column; a width of several numbers stands in the dtype."""
        self._parts.append((dtype, values))

    def taken(self) -> list[cells.Values]:
        """Return the records so far as one binary array, and begin anew."""
        if not self._parts:
            return []
        block = np.empty(
            self._count,
            dtype=np.dtype([(f"f{i}", d) for i, (d, _) in enumerate(self._parts)]),
        )
        for index, (_, values) in enumerate(self._parts):
            block[f"f{index}"] = values
        self._parts = []
        return [cells.rows_of(block)]


def _null_flags(arrays: Sequence[cells.Values], count: int) -> cells.Numbers:
    """Return one bit a column, the first column highest; shape (n,), a void type."""
    flags = np.zeros((count, len(arrays)), dtype=np.bool_)
    for index, array in enumerate(arrays):
        mask = cells.mask_of(array)
        if mask is not None:
            flags[:, index] = mask
    packed = np.packbits(flags, axis=1)
    return packed.view(f"V{packed.shape[1]}")[:, 0]


def _null_of(column: Column) -> int | None:
    """Return the whole number that stands for NULL where there are no flags.

    >>> from distiller.core.columns import Column
    >>> _null_of(Column("n", "short")), _null_of(Column("x", "double"))
    (-32768, None)
    """
    if not column.nullable or column.datatype not in {"short", "int", "long"}:
        return None
    return int(np.iinfo(cells.big_endian(column)).min)


def _one(
    column: Column, array: cells.Values, null: int | None
) -> tuple[str, cells.Numbers]:
    """Return a column of single numbers; NaN, ``null`` or ``?`` under NULL."""
    mask = cells.mask_of(array)
    if column.datatype == "boolean":
        digits = cells.numbers(cells.pc.cast(array, pa.uint8()))
        letters = np.where(digits, b"T", b"F")
        if mask is not None:
            letters[mask] = b"?"
        return "S1", letters
    values = cells.numbers(array)
    if null is not None:
        _refuse_null_itself(column, values if mask is None else values[~mask], null)
    if mask is not None:
        values = values.copy()
        values[mask] = math.nan if values.dtype.kind == "f" else null or 0
    return cells.big_endian(column).str, values


def _refuse_null_itself(column: Column, values: cells.Numbers, null: int) -> None:
    if (values == null).any():
        message = f"{column.name} is {null}, which stands for NULL in BINARY"
        raise pa.ArrowInvalid(message)


def _several(
    column: Column, array: cells.Values, null: int | None
) -> tuple[cells.Values, cells.Numbers | None]:
    """Return the bytes of a column of arrays and, unless its size is fixed, lengths."""
    dtype = cells.big_endian(column)
    size = cells.fixed_size(column)
    if null is not None:
        _refuse_null_itself(column, cells.numbers(cells.elements(array)), null)
    if size is None:
        values = cells.numbers(cells.elements(array)).astype(dtype)
        lengths = cells.sizes(array)
        return cells.binary(values, cells.ends_of(lengths) * dtype.itemsize), lengths
    absent = math.nan if dtype.kind == "f" else null or 0
    full = cells.several(column, array, absent)
    width = size * dtype.itemsize
    ends = np.arange(0, (len(array) + 1) * width, width)
    return cells.binary(full.reshape(-1), ends), None


@functools.lru_cache(4096)
def _field(column: Column, *, unicode: bool, null: int | None = None) -> str:
    """Return a FIELD element (VOTable 1.4 section 4.1)."""
    size = column.arraysize
    if column.datatype == "char" and unicode and size is not None:
        size = "*"
    attributes = {
        "name": column.name,
        "datatype": "unicodeChar" if unicode else column.datatype,
        "arraysize": size,
        "xtype": column.xtype,
        "unit": column.unit,
        "ucd": column.ucd,
        "utype": column.utype,
    }
    start = "<FIELD" + "".join(
        f" {name}={_attribute(value)}"
        for name, value in attributes.items()
        if value is not None and value
    )
    content = ""
    if column.description:
        content += f"<DESCRIPTION>{escape_text(column.description)}</DESCRIPTION>"
    if null is not None:
        content += f'<VALUES null="{null}"/>'
    return f"{start}>{content}</FIELD>\n" if content else f"{start}/>\n"
