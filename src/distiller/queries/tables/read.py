"""One file of a user, whatever its format, as a table of the archive."""

from __future__ import annotations

import gzip
import re
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from distiller.core.errors import UserError
from distiller.queries.tables import csv, fits, parquet
from distiller.queries.tables.fields import column_of, named
from distiller.queries.tables.values import ARROW, finished
from distiller.queries.tables.votable import VOTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distiller.core.columns import Column
    from distiller.queries.tables.limits import Limits

_LOOK: Final = 4096
_BLOCK: Final = 2**18
_GZIP: Final = b"\x1f\x8b"
_OTHERS: Final = (
    (b"# %ECSV", "ECSV"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"BZh", "packed by bzip2"),
    (b"%PDF", "PDF"),
    (b"\x89HDF", "HDF5"),
    (b"\xfd7zXZ", "packed by xz"),
    (b"(\xb5/\xfd", "packed by zstd"),
    (b"\x89PNG", "an image (PNG)"),
    (b"\xff\xd8\xff", "an image (JPEG)"),
    (b"GIF8", "an image (GIF)"),
    (b"\xd0\xcf\x11\xe0", "a file of Excel"),
    (b"\x93NUMPY", "an array of numpy"),
    (b"ARROW1", "Arrow, or Feather"),
    (b"{", "JSON"),
    (b"[", "JSON"),
)
"""What is no table that can be read, and what it is called."""
_READ: Final = "VOTable, FITS, Parquet and CSV are read, also packed by gzip"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x7f]")
"""Bytes that no text has."""


@dataclass(frozen=True, slots=True)
class Brought:
    """A table that a user brought.

    Attributes
    ----------
    columns
        By the names that ADQL has for them.
    rows
        Their values; columns are called c1, c2...
    description
        Of the table, if the file has one.
    words
        What is to be said of the columns.
    """

    columns: tuple[Column, ...]
    rows: pa.Table
    description: str | None = None
    words: tuple[str, ...] = ()


def read(path: Path, limits: Limits, folder: Path | None = None) -> Brought:
    """Read a VOTable, FITS, Parquet or CSV file, which may be packed by gzip.

    Parameters
    ----------
    path
        A file; what it is its first bytes say.
    folder
        Where it is unpacked; None for the folder of the system.

    Raises
    ------
    UserError
        Saying what is wrong with it; the caller says which table it is.
    """
    try:
        limits.check_size(path.stat().st_size)
        with path.open("rb") as stream:
            start = stream.read(_LOOK)
    except OSError as error:
        raise UserError(f"its file cannot be read: {error.strerror}") from error
    if start.startswith(_GZIP):
        with tempfile.NamedTemporaryFile(dir=folder) as unpacked:
            _unpack(path, unpacked, limits)
            return _read(Path(unpacked.name), limits)
    return _read(path, limits)


def _unpack(path: Path, into: Any, limits: Limits) -> None:
    size = 0
    try:
        with gzip.open(path) as stream:
            while block := stream.read(_BLOCK):
                size += len(block)
                limits.check_size(size)
                into.write(block)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"it cannot be unpacked: {error}") from error
    into.flush()


def _read(path: Path, limits: Limits) -> Brought:
    with path.open("rb") as stream:
        start = stream.read(_LOOK)
    for mark, kind in _OTHERS:
        if start.startswith(mark):
            raise UserError(
                f"it is {kind}, which is not read",
                hint=_READ,
            )
    if start.startswith(b"SIMPLE  ="):
        return _made(*fits.read(path, limits))
    if start.startswith(b"PAR1"):
        return _made(*parquet.read(path, limits))
    if _looks_like_xml(start):
        return _votable(path, limits)
    if not start.strip():
        raise UserError("it is empty", hint="even a table without rows has columns")
    if start.startswith(_UTF_16):
        raise UserError("it is UTF-16", hint="save it as UTF-8")
    if _CONTROL.search(start):
        raise UserError("its format is not known", hint=_READ)
    return _made(*csv.read(path, limits))


def _looks_like_xml(start: bytes) -> bool:
    """Tell whether bytes begin XML, in UTF-16 also."""
    plain = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return plain.startswith((b"<", b"\xff\xfe<\0", b"\xfe\xff\0<"))


def _votable(path: Path, limits: Limits) -> Brought:
    document = VOTable(limits)
    with path.open("rb") as stream:
        document.read(stream)
    pairs = [
        finished(column, _joined(chunks, column))
        for column, chunks in zip(document.columns, document.arrays, strict=True)
    ]
    return _brought(pairs, document.description, document.words)


def _joined(chunks: list[Any], column: Column) -> Any:
    if chunks:
        return pa.concat_arrays(chunks) if len(chunks) > 1 else chunks[0]
    return pa.array([], empty_type(column))


def empty_type(column: Column) -> pa.DataType:
    """Return an Arrow type for a column that has no values."""
    several = column.datatype != "char" and column.arraysize not in {None, "1"}
    kind = ARROW[column.datatype]
    return pa.list_(kind) if several else kind


def _made(
    fields: list[Any],
    arrays: list[Any],
    description: str | None,
    said: Sequence[str] = (),
) -> Brought:
    names, words = named(fields)
    columns = [column_of(f, name) for f, name in zip(fields, names, strict=True)]
    pairs = [finished(c, a) for c, a in zip(columns, arrays, strict=True)]
    return _brought(pairs, description, [*words, *said])


def _brought(
    pairs: list[tuple[Column, Any]], description: str | None, words: list[str]
) -> Brought:
    columns = tuple(column for column, _ in pairs)
    names = [f"c{number}" for number, _ in enumerate(pairs, 1)]
    rows = pa.Table.from_arrays([values for _, values in pairs], names=names)
    return Brought(columns, rows, description, tuple(words))
