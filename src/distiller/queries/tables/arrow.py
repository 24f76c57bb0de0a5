"""Columns of Arrow as fields, for formats that Arrow reads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from distiller.core.errors import UserError
from distiller.queries.tables.fields import Field
from distiller.queries.tables.values import first_wrong, pc, without_nan

if TYPE_CHECKING:
    from collections.abc import Sequence

_KINDS: Final[Sequence[tuple[Any, str, pa.DataType]]] = (
    (pa.types.is_boolean, "boolean", pa.bool_()),
    (pa.types.is_int8, "short", pa.int16()),
    (pa.types.is_uint8, "unsignedByte", pa.int16()),
    (pa.types.is_int16, "short", pa.int16()),
    (pa.types.is_uint16, "int", pa.int32()),
    (pa.types.is_int32, "int", pa.int32()),
    (pa.types.is_uint32, "long", pa.int64()),
    (pa.types.is_int64, "long", pa.int64()),
    (pa.types.is_uint64, "long", pa.int64()),
    (pa.types.is_float16, "float", pa.float32()),
    (pa.types.is_float32, "float", pa.float32()),
    (pa.types.is_float64, "double", pa.float64()),
    (pa.types.is_decimal, "double", pa.float64()),
    (pa.types.is_string, "unicodeChar", pa.string()),
    (pa.types.is_large_string, "unicodeChar", pa.string()),
    (pa.types.is_string_view, "unicodeChar", pa.string()),
    (pa.types.is_null, "unicodeChar", pa.string()),
    (pa.types.is_date, "unicodeChar", pa.timestamp("us")),
    (pa.types.is_timestamp, "unicodeChar", pa.timestamp("us")),
)
"""Tests of Arrow types, and the VOTable type and the Arrow type of such values."""


def field_of(column: pa.Field[Any], said: Field | None = None) -> Field:
    """Return a field; what is said elsewhere of a column of that name is kept.

    >>> field_of(pa.field("t", pa.timestamp("ms"))).xtype
    'timestamp'

    Raises
    ------
    UserError
        Naming a column of a type that cannot be used.
    """
    words = said or Field(column.name, "")
    kind = column.type
    size: str | None = None
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if is_list(kind):
        datatype, inner = _known(column.name, kind.value_type)
        if not pa.types.is_integer(inner) and not pa.types.is_floating(inner):
            raise _refused(column.name, column.type)
        size = words.arraysize if words.arraysize not in {None, "1"} else "*"
    else:
        datatype, inner = _known(column.name, kind)
        if pa.types.is_timestamp(inner):
            words = replace(words, xtype="timestamp")
        if datatype == "unicodeChar":
            size = "*"
    return replace(words, name=column.name, datatype=datatype, arraysize=size)


def is_list(kind: pa.DataType) -> bool:
    """Whether a type is one of lists."""
    return bool(
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
    )


def size_of(array: Any) -> int:
    """Return the bytes of values, of each text that repeats as often as it does."""
    if not pa.types.is_dictionary(array.type):
        return int(array.nbytes)
    lengths = pc.binary_length(array.dictionary.cast(pa.string()))
    return int(pc.sum(lengths.take(array.indices)).as_py() or 0) + 4 * len(array)


def plain(name: str, array: Any, first: int = 0) -> Any:
    """Return values in the Arrow type of the archive.

    Parameters
    ----------
    first
        Number of the first of these rows, from 0, for messages.

    Raises
    ------
    UserError
        Naming the row and the column of a value that does not fit.
    """
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    try:
        found = _converted(name, array)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        row = first_wrong(array, lambda some: _converted(name, some))
        wanted = field_of(pa.field(name, array.type))
        raise UserError(
            f"row {first + row + 1}, column {name!r}: {str(array[row])[:60]} cannot be "
            f"of the type {wanted.datatype}",
            hint="convert the column, or leave it out",
        ) from error
    if pa.types.is_list(found.type):
        return _without_gaps(name, found, first)
    return without_nan(found)


def _converted(name: str, array: Any) -> Any:
    kind = array.type
    if is_list(kind):
        _, inner = _known(name, kind.value_type)
        return pc.cast(array, pa.list_(inner))
    _, wanted = _known(name, kind)
    if pa.types.is_timestamp(wanted):
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            array = pc.cast(array, pa.timestamp(kind.unit, "UTC"))
        # Parts of microseconds are cut off, as the engines do.
        return pc.cast(array, pa.timestamp("us"), safe=False)
    found = pc.cast(array, wanted)
    if pa.types.is_string(wanted):
        found.validate(full=True)  # that it is UTF-8
    return found


def _without_gaps(name: str, lists: Any, first: int) -> Any:
    """Return arrays with NaN for NULL in them; there is no such integer."""
    flat = lists.flatten()
    if not flat.null_count:
        return lists
    if pa.types.is_floating(flat.type):
        cells = [
            None if cell is None else [np.nan if x is None else x for x in cell]
            for cell in lists.to_pylist()
        ]
        return pa.array(cells, lists.type)
    place = pc.list_parent_indices(lists).filter(flat.is_null())[0].as_py()
    raise UserError(
        f"row {first + place + 1}, column {name!r}: an array of integers has a NULL in "
        "it, which no answer could tell from 0",
        hint="convert the column to arrays of floats",
    )


def _known(name: str, kind: pa.DataType) -> tuple[str, pa.DataType]:
    for test, datatype, wanted in _KINDS:
        if test(kind):
            return datatype, wanted
    raise _refused(name, kind)


def _refused(name: str, kind: pa.DataType) -> UserError:
    return UserError(
        f"column {name!r} is of type {kind}, which no query can use",
        hint="leave it out, or convert it",
    )
