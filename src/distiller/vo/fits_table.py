"""FITS binary tables (FITS 4.0 section 7.3) in constant memory.

A FITS table begins with the number of its rows and the widths of its texts. So the rows
wait in a file as Arrow batches while both are measured, and become FITS when they are
read back: `FitsWriter.document`. Arrays of varying length, and texts of which a few
are far longer than the others, stand in the heap behind the rows.

The primary HDU holds the description of the columns as a VOTable ("FITS-plus" of STIL),
which TOPCAT and STILTS read; others have the keywords of the table: TTYPE, TFORM,
TUNIT, TNULL, and as STIL writes them TUCD, TUTYP, TXTYP and TCOMM.

NULL is NaN for floats, TNULL for whole numbers, 0 for booleans, a text that begins with
NUL for texts, and an empty array for arrays of varying length.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import pyarrow as pa

from distiller.core.errors import UserError
from distiller.vo import cells
from distiller.vo.fits_cards import BLOCK, card, comment, header, printable
from distiller.vo.spooled import SpooledWriter
from distiller.vo.votable import description

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from distiller.core.columns import Column
    from distiller.vo.spooled import File

MEDIA_TYPE: Final = "application/fits"

_CODES: Final = {
    "boolean": ("L", 1),
    "short": ("I", 2),
    "int": ("J", 4),
    "long": ("K", 8),
    "float": ("E", 4),
    "double": ("D", 8),
    "char": ("A", 1),
}
"""Letter of TFORM and bytes of one number or character."""
_WIDER: Final = {"short": "int", "int": "long"}
WASTE_BYTES: Final = 64 * 2**20
"""Texts go to the heap if padding them takes more, and most of the file; in the heap
they are less handy: astropy reads them as arrays of characters."""
_WASTE: Final = 4
_HEAP_32: Final = 2**31
_DESCRIBED: Final = (
    ("TUNIT", "unit"),
    ("TUCD", "ucd"),
    ("TUTYP", "utype"),
    ("TXTYP", "xtype"),
    ("TCOMM", "description"),
)
_OPTIONS: Final = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
"""A third of the disk in the same time; threads would each keep memory."""
_READ_OPTIONS: Final = pa.ipc.IpcReadOptions(use_threads=False)
_FOLDED: Final = (
    "Some texts held characters that FITS has not: '?' stands for each beyond ASCII, "
    "a space for each control character. VOTable, CSV, JSON and Parquet have them."
)
_PLAIN: Final = range(0x20, 0x7F)


@dataclass(slots=True)
class _Seen:
    """What the rows of one column held: the longest cell, all cells, the numbers."""

    longest: int = 0
    total: int = 0
    has_null: bool = False
    low: int = 0
    high: int = 0


@dataclass(frozen=True, slots=True)
class _Layout:
    """How one column is written.

    Attributes
    ----------
    field
        Numpy type of its part of a row.
    stored
        VOTable datatype in which the numbers stand.
    in_heap
        Whether the row has a descriptor only.
    """

    column: Column
    form: str
    field: str
    stored: str
    null: int | None
    in_heap: bool = False


class FitsWriter(SpooledWriter):
    """One result table, behind a primary HDU."""

    extension: ClassVar[str] = "fits"
    default_media_type: ClassVar[str] = MEDIA_TYPE

    def begin(self, file: File) -> None:
        """See `SpooledWriter.begin`."""
        self._file = file
        self._rows = 0
        self._folded = False
        self._seen = [_Seen() for _ in self.columns]
        self._schema = pa.schema(
            [pa.field(str(i), _held(column)) for i, column in enumerate(self.columns)]
        )
        self._spool = pa.ipc.new_stream(file, self._schema, options=_OPTIONS)

    def add(self, batch: pa.RecordBatch) -> None:
        """See `SpooledWriter.add`."""
        arrays = []
        for column, seen, array in zip(
            self.columns, self._seen, batch.columns, strict=True
        ):
            values = cells.conform(column, array)
            if column.datatype == "char":
                values = self._printable(values)
            _measure(column, seen, values)
            arrays.append(values)
        self._spool.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._rows += batch.num_rows

    def end(self, overflow: str | None = None) -> int:
        """See `SpooledWriter.end`."""
        self._spool.close()
        self._layouts = [
            _layout(column, seen, self._rows)
            for column, seen in zip(self.columns, self._seen, strict=True)
        ]
        heap = sum(
            seen.total
            for seen, layout in zip(self._seen, self._layouts, strict=True)
            if layout.in_heap
        )
        wide = heap >= _HEAP_32
        self._row = np.dtype(
            [
                (f"f{i}", (">i8" if wide else ">i4", 2) if one.in_heap else one.field)
                for i, one in enumerate(self._layouts)
            ]
        )
        self._start = self._primary(overflow)
        self._start += self._extension(heap, overflow, wide=wide)
        data = self._rows * self._row.itemsize + heap
        self._blank = -data % BLOCK
        return len(self._start) + data + self._blank

    def document(self) -> Iterator[bytes]:
        """See `SpooledWriter.document`."""
        yield self._start
        position = 0
        for batch in self._batches():
            block, position = self._block(batch, position)
            yield block.tobytes()
        if position:
            for batch in self._batches():
                yield from self._heap(batch)
        if self._blank:
            yield bytes(self._blank)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        self._file.seek(0)
        with pa.ipc.open_stream(self._file, options=_READ_OPTIONS) as reader:
            yield from reader

    def _printable(self, values: cells.Values) -> cells.Values:
        data = cells.data_of(values)
        if data.size == 0 or (data.min() in _PLAIN and data.max() in _PLAIN):
            return values
        self._folded = True
        plain = cells.pc.replace_substring_regex(values, r"[\x00-\x1F\x7F]", " ")
        return cells.as_ascii(plain)

    def _primary(self, overflow: str | None) -> bytes:
        """Return the primary HDU: the description of the table, as bytes."""
        content = description(
            self.columns,
            infos=self._infos,
            rows=self._rows,
            overflow=overflow,
        )
        cards = [
            card("SIMPLE", value=True, comment="FITS 4.0"),
            card("BITPIX", 8),
            card("NAXIS", 1),
            card("NAXIS1", len(content)),
            card("VOTMETA", value=True, comment="the data are a VOTable"),
            card("EXTEND", value=True),
            comment(
                "The table stands in the next HDU; these data describe its columns"
            ),
            comment("as a VOTable without rows, for TOPCAT and STILTS."),
        ]
        return header(cards) + content + bytes(-len(content) % BLOCK)

    def _extension(self, heap: int, overflow: str | None, *, wide: bool) -> bytes:
        """Return the header of the table."""
        cards = [
            card("XTENSION", "BINTABLE"),
            card("BITPIX", 8),
            card("NAXIS", 2),
            card("NAXIS1", self._row.itemsize),
            card("NAXIS2", self._rows),
            card("PCOUNT", heap),
            card("GCOUNT", 1),
            card("TFIELDS", len(self.columns)),
            card("EXTNAME", "result"),
        ]
        names = _names([column.name for column in self.columns])
        for number, (name, layout, seen) in enumerate(
            zip(names, self._layouts, self._seen, strict=True), 1
        ):
            form = layout.form
            if layout.in_heap:
                form = f"{'Q' if wide else 'P'}{form}({seen.longest})"
            cards += [
                card(f"TTYPE{number}", name),
                card(f"TFORM{number}", form),
            ]
            if layout.null is not None:
                cards.append(card(f"TNULL{number}", layout.null))
            cards += [
                card(f"{keyword}{number}", value)
                for keyword, said in _DESCRIBED
                if (value := getattr(layout.column, said))
            ]
        cards += [card(name[:8], value) for name, value in self._infos]
        cards.append(card("QSTATUS", "OK" if overflow is None else "OVERFLOW"))
        if overflow is not None:
            cards.append(card("QMESSAGE", overflow))
        if self._folded:
            cards.append(comment(_FOLDED))
        # Who knows CONTINUE may be told so (FITS 4.0 section 4.2.1.2).
        cards.append(card("LONGSTRN", "OGIP 1.0"))
        return header(cards)

    def _block(self, batch: pa.RecordBatch, position: int) -> tuple[cells.Numbers, int]:
        """Return rows, and where the heap goes on behind what they have in it."""
        block = np.empty(batch.num_rows, self._row)
        for index, (layout, array) in enumerate(
            zip(self._layouts, batch.columns, strict=True)
        ):
            name = f"f{index}"
            if layout.in_heap:
                sizes = _sizes(layout.column, array).astype(np.int64)
                ends = np.cumsum(sizes * _CODES[layout.stored][1])
                block[name][:, 0] = sizes
                block[name][1:, 1] = position + ends[:-1]
                block[name][:1, 1] = position
                position += int(ends[-1]) if len(ends) else 0
            else:
                block[name] = _fixed(layout, array)
        return block, position

    def _heap(self, batch: pa.RecordBatch) -> Iterator[bytes]:
        """Yield what rows have in the heap, in the order in which `_block` counts."""
        for layout, array in zip(self._layouts, batch.columns, strict=True):
            if not layout.in_heap:
                continue
            if layout.column.datatype == "char":
                yield cells.data_of(cells.without_nulls(array)).tobytes()
            else:
                values = cells.numbers(cells.elements(array))
                yield values.astype(cells.big_endian(layout.column)).tobytes()


def _names(names: Sequence[str]) -> list[str]:
    """Return the names as FITS can have them; what it cannot is told apart by a number.

    FITS does not tell capitals (4.0 section 7.3.2).

    >>> _names(["Näme", "Nåme", "name", "N?me_2"])
    ['N?me', 'N?me_3', 'name', 'N?me_2']
    """
    plain = [printable(name).rstrip() for name in names]
    taken = {p.lower() for p, name in zip(plain, names, strict=True) if p == name}
    found = []
    for short, name in zip(plain, names, strict=True):
        told, number = short, 2
        while told != name and told.lower() in taken:
            told, number = f"{short}_{number}", number + 1
        taken.add(told.lower())
        found.append(told)
    return found


def _held(column: Column) -> pa.DataType:
    """Return the Arrow type in which a column waits."""
    kind: pa.DataType = cells.ARROW_TYPES[column.datatype]
    return pa.list_(kind) if cells.is_array(column) else kind


def _sizes(column: Column, array: cells.Values) -> cells.Numbers:
    """Return numbers or bytes of each cell of varying length."""
    if column.datatype == "char":
        return np.diff(cells.offsets_of(cells.without_nulls(array)))
    return cells.sizes(array)


def _measure(column: Column, seen: _Seen, values: cells.Values) -> None:
    """Note what a batch of values needs."""
    seen.has_null = seen.has_null or values.null_count > 0
    if column.datatype == "char" or cells.is_array(column):
        sizes = _sizes(column, values)
        if len(sizes):
            seen.longest = max(seen.longest, int(sizes.max()))
            seen.total += int(sizes.sum()) * _CODES[column.datatype][1]
    if column.datatype in {"short", "int", "long"}:
        flat = cells.elements(values) if cells.is_array(column) else values
        range_ = cells.pc.min_max(flat).as_py()
        if range_["min"] is not None:
            seen.low = min(seen.low, range_["min"])
            seen.high = max(seen.high, range_["max"])


def _layout(column: Column, seen: _Seen, rows: int) -> _Layout:
    """Return how a column is written, now that all its values are known."""
    size = cells.fixed_size(column)
    if column.datatype == "char":
        width = max(1, seen.longest)
        padded = width * rows
        in_heap = padded > seen.total + WASTE_BYTES and padded > _WASTE * seen.total
        form = "A" if in_heap else f"{width}A"
        return _Layout(column, form, f"S{width}", "char", None, in_heap)
    if size is None:
        letter = _CODES[column.datatype][0]
        return _Layout(column, letter, "", column.datatype, None, in_heap=True)
    stored, null = _stored(column, seen)
    letter = _CODES[stored][0]
    if column.datatype == "boolean":
        return _Layout(column, letter, "u1", stored, None)
    kind = cells.big_endian_of(stored).str
    if cells.is_array(column):
        return _Layout(column, f"{size}{letter}", f"({size},){kind}", stored, null)
    return _Layout(column, letter, kind, stored, null)


def _stored(column: Column, seen: _Seen) -> tuple[str, int | None]:
    """Return the datatype of a column in the file, and its whole number for NULL.

    Raises
    ------
    UserError
        If its numbers leave none for NULL.
    """
    datatype: str = column.datatype
    if datatype not in {"short", "int", "long"} or not seen.has_null:
        return datatype, None
    limits = np.iinfo(cells.big_endian_of(datatype))
    if seen.low > limits.min:
        return datatype, int(limits.min)
    if seen.high < limits.max:
        return datatype, int(limits.max)
    # Both ends are in use: the next wider type has room, but for the widest.
    if datatype in _WIDER and not cells.is_array(column):
        wider = _WIDER[datatype]
        return wider, int(np.iinfo(cells.big_endian_of(wider)).min)
    raise UserError(
        f"column {column.name} uses the whole range of {datatype}, so that FITS has "
        "no number left for its NULLs",
        hint="ask for VOTable or Parquet, or leave out rows without a value",
    )


def _fixed(layout: _Layout, array: cells.Values) -> Any:
    """Return a column of fixed width for its part of the rows."""
    column, mask = layout.column, cells.mask_of(array)
    if column.datatype == "char":
        return _padded(array, int(layout.field[1:]))
    if column.datatype == "boolean":
        digits = cells.numbers(cells.pc.cast(array, pa.uint8()))
        letters = np.where(digits, ord("T"), ord("F")).astype(np.uint8)
        if mask is not None:
            letters[mask] = 0
        return letters
    absent = math.nan if column.datatype in {"float", "double"} else layout.null or 0
    if cells.is_array(column):
        return cells.several(column, array, absent)
    values = cells.numbers(array)
    if mask is not None:
        values = values.astype(cells.big_endian_of(layout.stored))
        values[mask] = absent
    return values


def _padded(array: cells.Values, width: int) -> cells.Numbers:
    """Return texts with NUL behind them; an empty one begins with a space."""
    if array.null_count < len(array):
        array = cells.pc.if_else(cells.pc.equal(array, ""), " ", array)
    padded = cells.pc.ascii_rpad(
        cells.pc.fill_null(array, ""), width=width, padding="\0"
    )
    return cells.data_of(padded).view(f"S{width}")
