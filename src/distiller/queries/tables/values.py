"""Cells as files have them, whole columns at once, as Arrow arrays of the archive."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute

from distiller.adql import stcs
from distiller.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from distiller.core.columns import Column
    from distiller.queries.tables.fields import Field

pc: Any = pyarrow.compute
"""Arrow's functions, without the stubs."""

Values = Any
"""An Arrow array."""

ARROW: Final[dict[str, pa.DataType]] = {
    "boolean": pa.bool_(),
    "short": pa.int16(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "char": pa.string(),
}
_TRUE: Final = frozenset({"t", "true", "1"})
_FALSE: Final = frozenset({"f", "false", "0"})
_NO_TRUTH: Final = frozenset({"", "?"})
_FIRST_DAY: Final = np.datetime64("0001-01-01", "us").astype(np.int64)
_LAST_DAY: Final = np.datetime64("9999-12-31T23:59:59.999999", "us").astype(np.int64)
_MENDED: Final = (
    ("z", "[Zz]$", ""),
    (".", r"(\.\d{6})\d+", r"\1"),
    (":59:60", r"(\d:59):60(\.\d*)?($|[-+])", r"\1:59.999\3"),
)
"""What is in a text of a time, if it has to be written in another way, and how."""
_POINT, _CIRCLE, _POLYGON = 2, 3, 6


def from_texts(
    field: Field, column: Column, texts: Sequence[str | None], first: int = 0
) -> Values:
    """Return the values of cells of a TABLEDATA.

    Parameters
    ----------
    texts
        None is NULL, as empty text is.
    first
        Number of the first of these rows, from 0, for messages.

    Raises
    ------
    UserError
        Naming the row and the column of a cell that is not of its type.
    """
    if field.is_text:
        return pa.array([text or None for text in texts], pa.string())
    if field.arraysize not in {None, "1"}:
        return _lists(field, column, texts, first)
    if column.datatype == "boolean":
        cells = [_truth(field, t, first + n) for n, t in enumerate(texts)]
        return pa.array(cells, pa.bool_())
    return _numbers(field, column, texts, first)


def _numbers(
    field: Field, column: Column, texts: Sequence[str | None], first: int
) -> Values:
    kind = ARROW[column.datatype]
    trimmed = pc.utf8_trim_whitespace(pa.array(texts, pa.string()))
    trimmed = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
    if field.null is not None and pa.types.is_integer(kind):
        null = field.null.strip()
        trimmed = pc.if_else(
            pc.equal(trimmed, null), pa.scalar(None, pa.string()), trimmed
        )
    try:
        return without_nan(pc.cast(trimmed, kind))
    except pa.ArrowInvalid:
        pass  # signs, hexadecimals, spellings of infinity; or it is wrong, and where
    cells = [_number(field, kind, t, first + n) for n, t in enumerate(texts)]
    return without_nan(pa.array(cells, kind))


def _number(field: Field, kind: pa.DataType, text: str | None, row: int) -> Any:
    plain = (text or "").strip().lower()
    if not plain or plain == field.null:
        return None
    try:
        if pa.types.is_floating(kind):
            return float(plain)
        value = int(plain, 16) if plain.lstrip("+-").startswith("0x") else int(plain)
        return pa.scalar(value, kind).as_py()
    except (ValueError, pa.ArrowInvalid, OverflowError) as error:
        raise _wrong(field, row, text) from error


def _truth(field: Field, text: str | None, row: int) -> bool | None:
    plain = (text or "").strip().lower()
    if plain in _NO_TRUTH:
        return None
    if plain not in _TRUE and plain not in _FALSE:
        raise _wrong(field, row, text)
    return plain in _TRUE


def _lists(
    field: Field, column: Column, texts: Sequence[str | None], first: int
) -> Values:
    kind = ARROW[column.datatype]
    cells: list[list[Any] | None] = []
    for number, text in enumerate(texts):
        words = (text or "").replace(",", " ").split()
        if not words:
            cells.append(None)
            continue
        try:
            if pa.types.is_floating(kind):
                cells.append([float(word) for word in words])
            else:
                cells.append([int(word, 0) for word in words])
        except ValueError as error:
            raise _wrong(field, first + number, text) from error
    try:
        return pa.array(cells, pa.list_(kind))
    except (pa.ArrowInvalid, OverflowError) as error:
        kinds = pa.list_(kind)
        row = first_wrong(
            pa.array(range(len(cells))),
            lambda places: pa.array(
                [cells[place] for place in places.to_pylist()], kinds
            ),
        )
        raise _wrong(field, first + row, texts[row]) from error


def _wrong(field: Field, row: int, text: str | None) -> UserError:
    shown = repr((text or "")[:60])
    return UserError(
        f"row {row + 1}, column {field.name!r}: {shown} is not of the type "
        f"{field.datatype}"
    )


def from_bytes(cells: Iterable[bytes]) -> tuple[list[str], int]:
    """Return texts of 8 bits, and how many are Latin-1, since they are no UTF-8.

    A text ends at a NUL.

    >>> from_bytes([b"Crab", "ü".encode(), "Ké".encode("latin-1")])
    (['Crab', 'ü', 'Ké'], 1)
    """
    texts, others = [], 0
    for cell in cells:
        shown = cell.partition(b"\0")[0]
        try:
            texts.append(shown.decode())
        except UnicodeDecodeError:
            others += 1
            texts.append(shown.decode("latin-1"))  # what writers of 8-bit text mean
    return texts, others


def not_utf8(name: str, count: int) -> str:
    """Return the word on texts of a column that were read as Latin-1."""
    return f"column {name!r}: {count} texts are not UTF-8 and are read as Latin-1"


def without_nan(values: Values) -> Values:
    """Return numbers with NULL for NaN, as the archive has it."""
    if not pa.types.is_floating(values.type):
        return values
    return pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)


def finished(column: Column, values: Values) -> tuple[Column, Values]:
    """Return a column and its values as they are stored.

    Timestamps become instants and shapes lists of numbers. Regions that are more than
    one shape make a column plain text.

    Parameters
    ----------
    values
        Of the whole column, in one array.

    Raises
    ------
    UserError
        Naming the row of a value that cannot be what the column says.
    """
    if column.is_instant:
        return column, _instants(column, values)
    if column.xtype == "adql:REGION":
        return _regions(column, values)
    if column.is_geometry:
        return column, _shapes(column, values)
    if pa.types.is_list(values.type):
        _check_lengths(column, values)
    if pa.types.is_string(values.type):
        return column, _without_nul(values)
    return column, values


def _check_lengths(column: Column, values: Values) -> None:
    """Refuse arrays that are not as long as their column says."""
    size = column.arraysize or ""
    if not size.isdecimal():
        return
    lengths = pc.list_value_length(values).drop_null().to_numpy(zero_copy_only=False)
    wrong = lengths[lengths != int(size)]
    if wrong.size:
        raise UserError(
            f"column {column.name!r}: an array has {wrong[0]} values, and its "
            f"arraysize is {size}"
        )


def _without_nul(values: Values) -> Values:
    """Return text without NUL, which PostgreSQL cannot store."""
    found = pc.any(pc.match_substring(values, "\x00")).as_py()
    return pc.replace_substring(values, "\x00", "") if found else values


def instants_of(texts: Values) -> Values:
    """Return instants in UTC of ISO 8601; without a zone they are UTC.

    Parts of microseconds are cut off, as the engines do. A leap second is the moment
    before, which has a place in a calendar of 60 seconds.

    >>> instants_of(pa.array(["2016-12-31T23:59:60Z"])).to_pylist()
    [datetime.datetime(2016, 12, 31, 23, 59, 59, 999000)]

    Raises
    ------
    pyarrow.ArrowInvalid
        If one is none.
    """
    plain = texts
    for there, pattern, instead in _MENDED:
        if pc.any(pc.match_substring(plain, there, ignore_case=True)).as_py():
            plain = pc.replace_substring_regex(plain, pattern, instead)
    zoned = pc.match_substring_regex(plain, r":\d\d.*[-+]\d\d:?\d\d$")
    if not pc.any(zoned).as_py():
        return pc.cast(plain, pa.timestamp("us"))
    plain = pc.replace_substring_regex(plain, r"^(\d{4}-\d\d-\d\d)$", r"\1 00:00")
    plain = pc.if_else(zoned, plain, pc.binary_join_element_wise(plain, "Z", ""))
    return pc.cast(pc.cast(plain, pa.timestamp("us", "UTC")), pa.timestamp("us"))


def first_wrong(values: Values, convert: Callable[[Values], Values]) -> int:
    """Return the place, from 0, of the first value that cannot be converted.

    >>> first_wrong(pa.array(["1", "x", "y"]), lambda v: pc.cast(v, pa.int64()))
    1
    """
    low, high = 0, len(values)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            convert(values[low:middle])
        except (pa.ArrowException, OverflowError):
            high = middle
        else:
            low = middle
    return low


def _instants(column: Column, values: Values) -> Values:
    if not pa.types.is_timestamp(values.type):
        plain = pc.utf8_trim_whitespace(values)
        plain = pc.if_else(pc.equal(plain, ""), pa.scalar(None, pa.string()), plain)
        try:
            values = instants_of(plain)
        except pa.ArrowInvalid as error:
            row = first_wrong(plain, instants_of)
            raise UserError(
                f"row {row + 1}, column {column.name!r}: "
                f"{plain[row].as_py()[:60]!r} is not a timestamp",
                hint="a timestamp is written 2026-01-31T12:00:00",
            ) from error
    count = values.cast(pa.int64())
    if len(count) - count.null_count:
        ends = pc.min_max(count)
        if ends["min"].as_py() < _FIRST_DAY or ends["max"].as_py() > _LAST_DAY:
            raise UserError(
                f"column {column.name!r}: a time is outside the years 1 to 9999"
            )
    return values


def _regions(column: Column, values: Values) -> tuple[Column, Values]:
    cells: list[list[float] | None] = []
    for text in values.to_pylist():
        shape = stcs.simple(text) if text else None
        if text and text.strip() and shape is None:
            return replace(column, xtype=None), _without_nul(values)
        cells.append(list(shape.numbers) if shape else None)
    return column, pa.array(cells, pa.list_(pa.float64()))


def _shapes(column: Column, values: Values) -> Values:
    """Return shapes of the right number of finite numbers; others are NULL or wrong."""
    lists = pc.cast(values, pa.list_(pa.float64()))
    lengths = pc.list_value_length(lists)
    known = lengths.drop_null().to_numpy(zero_copy_only=False)
    if column.xtype == "polygon":
        wrong = (known < _POLYGON) | (known % 2 == 1)
    else:
        wrong = known != (_POINT if column.xtype == "point" else _CIRCLE)
    if wrong.any():
        raise UserError(
            f"column {column.name!r}: a {column.xtype} has {known[wrong][0]} numbers",
            hint="a point has 2, a circle 3, a polygon 6 or more in pairs",
        )
    # A shape with a corner nowhere is none.
    flat = np.isfinite(lists.flatten().to_numpy(zero_copy_only=False))
    if flat.all():
        return lists
    owner = pc.list_parent_indices(lists).to_numpy()
    lost = np.zeros(len(lists), np.bool_)
    lost[owner[~flat]] = True
    return pc.if_else(pa.array(lost), pa.scalar(None, lists.type), lists)
