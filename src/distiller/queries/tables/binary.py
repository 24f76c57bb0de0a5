"""Rows of BINARY and BINARY2 (VOTable 1.4 sections 5.3 and 5.4)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import pyarrow as pa

from distiller.core.errors import UserError
from distiller.queries.tables.values import ARROW, from_bytes, not_utf8, without_nan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from distiller.core.columns import Column
    from distiller.queries.tables.fields import Field
    from distiller.queries.tables.limits import Limits

Numbers: TypeAlias = np.ndarray[Any, np.dtype[Any]]

_BYTES: Final = {
    "boolean": "u1",
    "bit": "u1",
    "unsignedByte": "u1",
    "short": ">i2",
    "int": ">i4",
    "long": ">i8",
    "float": ">f4",
    "double": ">f8",
    "char": "S1",
    "unicodeChar": ">u2",
}
_TRUTHS: Final = np.frombuffer(b"Tt1", np.uint8)
_LIES: Final = np.frombuffer(b"Ff0", np.uint8)
_FLAGS: Final = "flags"


class _Row:
    """How a row lies in the bytes: runs of fixed width, and fields that vary."""

    def __init__(self, fields: Sequence[Field], *, flags: bool) -> None:
        self.fields = fields
        self.runs: list[np.dtype[Any] | int] = []
        self.places: list[tuple[int, str] | int] = []
        run: list[tuple[str, Any]] = []
        if flags:
            run.append((_FLAGS, "u1", (len(fields) + 7) // 8))  # type: ignore[arg-type]  # numpy has three
        for number, field in enumerate(fields):
            length = field.length
            if length is None:
                if run:
                    self.runs.append(np.dtype(run))
                    run = []
                self.places.append(len(self.runs))
                self.runs.append(number)
                continue
            kind = _BYTES[field.datatype]
            if field.datatype == "char":
                item: Any = (f"f{number}", f"S{length}")
            elif field.datatype == "unicodeChar" or length > 1:
                item = (f"f{number}", kind, (length,))
            else:
                item = (f"f{number}", kind)
            self.places.append((len(self.runs), f"f{number}"))
            run.append(item)
        if run:
            self.runs.append(np.dtype(run))


def decoded(
    fields: Sequence[Field],
    columns: Sequence[Column],
    data: bytes | bytearray,
    limits: Limits,
    *,
    flags: bool,
) -> tuple[list[Any], list[str]]:
    """Return the columns of a stream as Arrow arrays, and what is to be said of them.

    Parameters
    ----------
    flags
        Whether a row begins with a bit for each field that is NULL (BINARY2).

    Raises
    ------
    UserError
        If the bytes are not a whole number of such rows.
    """
    width = sum(
        (field.length or 0) * np.dtype(_BYTES[field.datatype]).itemsize
        for field in fields
    )
    if width > limits.size:
        raise UserError(
            f"its FIELDs have {width} bytes in a row, more than the "
            f"{limits.size / 1e6:g} MB that are allowed",
            hint="is each arraysize right?",
        )
    row = _Row(fields, flags=flags)
    runs, count = _runs(row, memoryview(data), limits)
    mask = None
    if flags:
        first = runs[0]
        assert isinstance(first, np.ndarray)  # noqa: S101 - flags begin a fixed run
        width = (len(fields) + 7) // 8  # numpy finds none where there is no row
        bits = np.unpackbits(first[_FLAGS].reshape(count, width), axis=1)
        mask = bits[:, : len(fields)].astype(np.bool_)
    arrays = []
    words: list[str] = []
    for number, (field, column) in enumerate(zip(fields, columns, strict=True)):
        place = row.places[number]
        null = None if mask is None else mask[:, number]
        if isinstance(place, int):
            cells = runs[place]
            assert isinstance(cells, list)  # noqa: S101 - a field that varies
            arrays.append(_varying(field, column, cells, null, words))
        else:
            fixed = runs[place[0]]
            assert isinstance(fixed, np.ndarray)  # noqa: S101 - a run
            arrays.append(_fixed(field, column, fixed[place[1]], null, words))
    return arrays, words


def _runs(
    row: _Row, data: memoryview, limits: Limits
) -> tuple[list[Numbers | list[bytes]], int]:
    """Cut the bytes: an array for each run, the cells of each field that varies."""
    only = row.runs[0]
    if len(row.runs) == 1 and isinstance(only, np.dtype):
        count, rest = divmod(len(data), only.itemsize)
        if rest:
            raise _broken(count)
        limits.check_rows(count)
        return [np.frombuffer(data, only)], count
    widths = [
        (run.itemsize, 0)
        if isinstance(run, np.dtype)
        else (0, np.dtype(_BYTES[row.fields[run].datatype]).itemsize)
        for run in row.runs
    ]
    pieces: list[list[bytes]] = [[] for _ in widths]
    at, count, end = 0, 0, len(data)
    length_of = struct.Struct(">i").unpack_from
    while at < end:
        if count == limits.rows:
            limits.check_rows(count + 1)
        for (width, each), kept in zip(widths, pieces, strict=True):
            size = width
            if each:
                if at + 4 > end:
                    raise _broken(count)
                (length,) = length_of(data, at)
                at += 4
                size = length * each
                if length < 0:
                    raise _broken(count)
            if at + size > end:
                raise _broken(count)
            kept.append(bytes(data[at : at + size]))
            at += size
        count += 1
    return [
        np.frombuffer(b"".join(kept), run) if isinstance(run, np.dtype) else kept
        for run, kept in zip(row.runs, pieces, strict=True)
    ], count


def _broken(row: int) -> UserError:
    return UserError(
        f"the binary data end, or break off, within row {row + 1}",
        hint="does each FIELD have the datatype and arraysize of its data?",
    )


def _fixed(
    field: Field,
    column: Column,
    cells: Numbers,
    null: Numbers | None,
    words: list[str],
) -> Any:
    if field.is_text:
        return _texts(field, _split(field, cells), null, words)
    if cells.ndim > 1:
        kind = ARROW[column.datatype]
        offsets = np.arange(len(cells) + 1) * cells.shape[1]
        flat = pa.array(_native(cells.reshape(-1)), kind)
        found = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat)
        return found if null is None else _masked(found, null)
    return _scalars(field, column, cells, null)


def _split(field: Field, cells: Numbers) -> Iterator[bytes]:
    if field.datatype == "char":
        yield from cells.tolist()
    else:
        for cell in cells:
            yield cell.tobytes()


def _scalars(field: Field, column: Column, cells: Numbers, null: Numbers | None) -> Any:
    mask = np.zeros(len(cells), np.bool_) if null is None else null
    if field.datatype == "boolean":
        true, false = np.isin(cells, _TRUTHS), np.isin(cells, _LIES)
        return pa.array(true, pa.bool_(), mask=mask | ~(true | false))
    if field.datatype == "bit":
        # The highest bit by the standard, the fourth as astropy writes it.
        return pa.array(cells != 0, pa.bool_(), mask=mask)
    native = _native(cells)
    if field.null is not None and native.dtype.kind in "iu":
        mask = mask | (native == _whole(field))
    return without_nan(pa.array(native, ARROW[column.datatype], mask=mask))


def _whole(field: Field) -> int:
    try:
        return int(field.null or "", 0)
    except ValueError:
        raise UserError(
            f"column {field.name!r}: its NULL {field.null!r} is no integer"
        ) from None


def _native(cells: Numbers) -> Numbers:
    native = cells.astype(cells.dtype.newbyteorder("="))
    return native.astype(np.int16) if native.dtype == np.uint8 else native


def _texts(
    field: Field, cells: Iterator[bytes], null: Numbers | None, words: list[str]
) -> Any:
    """Return text; it ends at a NUL. Without flags, no text is NULL."""
    if field.datatype == "char":
        texts, others = from_bytes(cells)
        if others:
            words.append(not_utf8(field.name, others))
    else:
        texts = [
            cell.decode("utf-16-be", "replace").partition("\0")[0] for cell in cells
        ]
    if null is None:
        return pa.array([text or None for text in texts], pa.string())
    return pa.array(texts, pa.string(), mask=null)


def _varying(
    field: Field,
    column: Column,
    cells: list[bytes],
    null: Numbers | None,
    words: list[str],
) -> Any:
    if field.is_text:
        return _texts(field, iter(cells), null, words)
    dtype = np.dtype(_BYTES[field.datatype])
    lengths = np.fromiter((len(c) for c in cells), np.int64, len(cells))
    offsets = np.concatenate([[0], np.cumsum(lengths // dtype.itemsize)])
    flat = pa.array(
        _native(np.frombuffer(b"".join(cells), dtype)), ARROW[column.datatype]
    )
    found = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat)
    return _masked(found, lengths == 0 if null is None else null)


def _masked(found: Any, null: Numbers) -> Any:
    if not null.any():
        return found
    return pa.compute.if_else(pa.array(null), pa.scalar(None, found.type), found)
