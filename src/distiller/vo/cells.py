"""Columns of an Arrow batch in the shapes that the writers join: text and bytes.

Every function here works on whole columns; no Python object is made per cell.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute

if TYPE_CHECKING:
    from distiller.core.columns import Column

pc: Any = pyarrow.compute
"""Arrow's functions, without the stubs: these know no Python scalars in them."""

Values: TypeAlias = Any
"""An Arrow array. The stubs give its functions narrower types than they have."""

Bytes: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]
Numbers: TypeAlias = np.ndarray[Any, np.dtype[Any]]

ARROW_TYPES: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "short": pa.int16(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "char": pa.string(),
}
"""Arrow type in which the values of a VOTable datatype are held."""

_BIG_ENDIAN: dict[str, np.dtype[Any]] = {
    "short": np.dtype(">i2"),
    "int": np.dtype(">i4"),
    "long": np.dtype(">i8"),
    "float": np.dtype(">f4"),
    "double": np.dtype(">f8"),
}
_ASCII = 128
_BLANK = 0x20
_CONTINUATION = 0x80
_CONTINUATION_MASK = 0xC0
_FOUR_BYTE_LEAD = 0xF0
_SPACE_OF_TIME = 10
_LAST_DAY = np.datetime64("9999-12-31T23:59:59.999", "ms").astype(np.int64)
_FIRST_DAY = np.datetime64("0000-01-01T00:00:00.000", "ms").astype(np.int64)


def is_array(column: Column) -> bool:
    """Whether a cell holds several numbers."""
    return column.datatype != "char" and column.arraysize not in {None, "1"}


def fixed_size(column: Column) -> int | None:
    """Return the number of elements of a fixed-size cell, None where it varies."""
    size = column.arraysize
    if size is None:
        return 1
    return int(size) if size.isdecimal() else None


def big_endian(column: Column) -> np.dtype[Any]:
    """Return the numpy type of one number as VOTable and FITS write it."""
    return _BIG_ENDIAN[column.datatype]


def big_endian_of(datatype: str) -> np.dtype[Any]:
    """Return the same for a datatype."""
    return _BIG_ENDIAN[datatype]


def conform(column: Column, values: Values) -> Values:
    """Return the values in the Arrow type of the column's datatype.

    Text comes back as ``string``, an instant as DALI text, an array of numbers as
    ``list``; a batch that already fits costs nothing.

    Raises
    ------
    pyarrow.ArrowInvalid
        If a value does not fit into the declared type.
    """
    if is_array(column):
        wanted: pa.DataType = pa.list_(ARROW_TYPES[column.datatype])
        return values if values.type == wanted else pc.cast(values, wanted)
    if pa.types.is_timestamp(values.type) and column.datatype == "char":
        return timestamps(values)
    wanted = ARROW_TYPES[column.datatype]
    return values if values.type == wanted else pc.cast(values, wanted)


def timestamps(values: Values) -> Values:
    """Write instants as DALI 1.1 timestamps (section 3.3.3), UTC.

    Without a Z, which the standard keeps for civil times and validators complain of.

    >>> import datetime
    >>> timestamps(pa.array([datetime.datetime(2026, 1, 2, 3, 4, 5, 678000)]))[0]
    <pyarrow.StringScalar: '2026-01-02T03:04:05.678'>
    """
    # Cut downwards: a cast would cut towards 1970.
    whole = pc.floor_temporal(values, unit="millisecond")
    milliseconds = pc.cast(whole, pa.timestamp("ms"), safe=False)
    count = pc.cast(milliseconds, pa.int64())
    within = pc.and_(
        pc.greater_equal(count, int(_FIRST_DAY)), pc.less_equal(count, int(_LAST_DAY))
    )
    # Years of other lengths are no DALI timestamps: NULL, as infinity becomes, too.
    text = pc.cast(pc.if_else(within, milliseconds, None), pa.string())
    day = pc.utf8_slice_codeunits(text, 0, _SPACE_OF_TIME)
    time = pc.utf8_slice_codeunits(text, _SPACE_OF_TIME + 1)
    return pc.binary_join_element_wise(day, time, "T")


def mask_of(values: Values) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
    """Return which values are NULL, or None where none is."""
    if values.null_count == 0:
        return None
    return np.asarray(values.is_null().to_numpy(zero_copy_only=False), dtype=np.bool_)


def numbers(values: Values) -> Numbers:
    """Return the numbers of a primitive array; what stands under a NULL is undefined.

    The result shares memory with the array.
    """
    dtype: np.dtype[Any] = np.dtype(values.type.to_pandas_dtype())
    buffer = values.buffers()[1]
    if buffer is None:
        return np.zeros(len(values), dtype)
    return np.frombuffer(
        memoryview(buffer),
        dtype,
        count=len(values),
        offset=values.offset * dtype.itemsize,
    )


def offsets_of(values: Values) -> Numbers:
    """Return the offsets of a string, binary or list array, one more than values."""
    buffer = values.buffers()[1]
    if buffer is None or buffer.size == 0:
        return np.zeros(len(values) + 1, np.int32)
    return np.frombuffer(
        memoryview(buffer), np.int32, count=len(values) + 1, offset=values.offset * 4
    )


def data_of(values: Values) -> Bytes:
    """Return the bytes of a string or binary array, without those of its neighbours."""
    buffer = values.buffers()[2]
    if buffer is None:
        return np.zeros(0, np.uint8)
    offsets = offsets_of(values)
    return np.frombuffer(memoryview(buffer), np.uint8)[offsets[0] : offsets[-1]]


def is_ascii(values: Values) -> bool:
    """Whether every character of a string array is ASCII."""
    data = data_of(values)
    return data.size == 0 or bool(data.max() < _ASCII)


def holds(values: Values, characters: bytes) -> bool:
    r"""Whether a string array has one of some ASCII characters, or a control character.

    >>> holds(pa.array(["a", "b,c"]), b","), holds(pa.array(["a\n"]), b",")
    (True, True)
    """
    data = data_of(values)
    if data.size == 0:
        return False
    if data.min() < _BLANK:
        return True
    text = data.tobytes()  # in which a byte is found faster than by any table
    return any(character in text for character in characters)


def binary(data: Bytes | Numbers, offsets: Numbers) -> Values:
    """Make a binary array of these bytes, without NULL.

    Parameters
    ----------
    data
        All bytes, contiguous, any numpy type.
    offsets
        In bytes, shape (n + 1,).
    """
    return pa.Array.from_buffers(
        pa.binary(),
        len(offsets) - 1,
        [
            None,
            _buffer(offsets.astype(np.int32, copy=False)),
            _buffer(data),
        ],
    )


def _buffer(values: Numbers) -> pa.Buffer:
    return pa.py_buffer(np.ascontiguousarray(values).data)


def rows_of(block: Numbers) -> Values:
    """Make a binary array of the records of a structured array, shape (n,)."""
    width = block.dtype.itemsize
    return binary(block.view(np.uint8), np.arange(0, (len(block) + 1) * width, width))


def without_nulls(values: Values) -> Values:
    """Return string values as binary, NULL as empty."""
    if values.null_count:
        values = pc.fill_null(values, "")
    return values.cast(pa.binary())


def as_ascii(values: Values) -> Values:
    """Return string values with ``?`` for each character that is not ASCII."""
    return pc.replace_substring_regex(values, r"[^\x00-\x7F]", "?")


def utf16(values: Values) -> Values:
    r"""Return string values as UTF-16 big-endian (VOTable ``unicodeChar``), binary.

    >>> utf16(pa.array(["é"]))[0].as_py()
    b'\x00\xe9'
    """
    plain = without_nulls(values)
    data = data_of(plain)
    offsets = offsets_of(plain) - offsets_of(plain)[0]
    units = (data & _CONTINUATION_MASK != _CONTINUATION).astype(np.int32)
    units += data >= _FOUR_BYTE_LEAD
    ends = ends_of(units)
    encoded = data.tobytes().decode("utf-8").encode("utf-16-be")
    return binary(np.frombuffer(encoded, np.uint8), ends[offsets] * 2)


class Words(NamedTuple):
    """How a format writes the numbers that have no digits."""

    nan: str
    infinity: str
    minus_infinity: str


PLAIN = Words("NaN", "Infinity", "-Infinity")


def number_text(values: Values, words: Words = PLAIN) -> Values:
    """Write numbers so that reading them gives the same bits; NULL stays NULL."""
    text = pc.cast(values, pa.string())
    if not pa.types.is_floating(values.type):
        return text
    if values.null_count == len(values) or pc.all(pc.is_finite(values)).as_py():
        return text
    for old, new in (
        ("nan", words.nan),
        ("-nan", words.nan),
        ("inf", words.infinity),
        ("-inf", words.minus_infinity),
    ):
        text = pc.if_else(pc.equal(text, old), new, text)
    return text


def text_of(column: Column, values: Values, words: Words = PLAIN) -> Values:
    """Return any column as text, NULL kept; arrays as numbers with spaces between."""
    values = conform(column, values)
    if is_array(column):
        return lists_text(values, words)
    if column.datatype == "char":
        return values
    if column.datatype == "boolean":
        return pc.if_else(values, "true", "false")
    return number_text(values, words)


def elements(values: Values) -> Values:
    """Return the numbers of an array column end to end; NULL among them NaN or 0."""
    flat = pc.list_flatten(values)
    if flat.null_count == 0:
        return flat
    return pc.fill_null(flat, math.nan if pa.types.is_floating(flat.type) else 0)


def sizes(values: Values) -> Numbers:
    """Return how many numbers each cell of an array column has, none under NULL."""
    return numbers(pc.fill_null(pc.list_value_length(values), 0))


def several(column: Column, values: Values, absent: float) -> Numbers:
    """Return the numbers of an array column of fixed size, shape (n, size).

    Parameters
    ----------
    absent
        What stands in each place of a cell that is NULL.

    Raises
    ------
    pyarrow.ArrowInvalid
        If a cell has another number of them.
    """
    size, dtype = fixed_size(column), big_endian(column)
    mask = mask_of(values)
    present = np.ones(len(values), np.bool_) if mask is None else ~mask
    if np.any(sizes(values)[present] != size):
        message = f"a value of {column.name} has not {size} numbers"
        raise pa.ArrowInvalid(message)
    full: Numbers = np.full((len(values), size or 0), absent, dtype)
    full[present] = numbers(elements(values)).reshape(-1, size or 0)
    return full


def ends_of(lengths: Numbers) -> Numbers:
    """Return offsets of cells of these lengths, one more than cells.

    >>> ends_of(np.array([2, 0, 3])).tolist()
    [0, 2, 2, 5]
    """
    return np.concatenate((np.zeros(1, np.int32), np.cumsum(lengths, dtype=np.int32)))


def lists_text(values: Values, words: Words = PLAIN, separator: str = " ") -> Values:
    """Write arrays of numbers with spaces between; NULL stays NULL."""
    numerals = number_text(elements(values), words)
    lists = pa.Array.from_buffers(
        pa.list_(numerals.type),
        len(values),
        [None, _buffer(ends_of(sizes(values)))],
        children=[numerals],
    )
    return pc.if_else(pc.is_valid(values), pc.binary_join(lists, separator), None)


def filled(column: Column, text: Values) -> Values:
    """Return text with ``NaN NaN`` for a missing cell of a fixed number of floats.

    VOTable readers want the declared number of values in such a cell (DALI 1.1
    section 3.3 writes a missing point so).
    """
    size = fixed_size(column)
    if size is None or text.null_count == 0 or not is_array(column):
        return text
    no_number = "NaN" if column.datatype in {"float", "double"} else "0"
    return pc.fill_null(text, " ".join([no_number] * size))
