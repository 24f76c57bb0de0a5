"""A Parquet file, with what VOParquet says of its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from distiller.core.errors import UserError
from distiller.queries.tables import votable
from distiller.queries.tables.arrow import field_of, plain, size_of

if TYPE_CHECKING:
    from pathlib import Path

    from distiller.queries.tables.fields import Field
    from distiller.queries.tables.limits import Limits

_CONTENT: Final = b"IVOA.VOTable-Parquet.content"
"""Where VOParquet 1.0 keeps a VOTable without data that describes the columns."""
_BATCH: Final = 2_000
_WIDTHS: Final = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4, "BYTE_ARRAY": 4}
"""Bytes of a value, at least, by physical type; others have 8 when they are read."""


def read(path: Path, limits: Limits) -> tuple[list[Field], list[Any], str | None]:
    """Return the fields, their values as Arrow arrays, and the table's description.

    Raises
    ------
    UserError
        If it cannot be read, or a column cannot be used.
    """
    try:
        with pq.ParquetFile(path) as file:
            texts = [c.name for c in file.schema_arrow if _is_text(c.type)]
        # Texts that repeat stay one until it is known how long they are together.
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            return _table(file, limits)
    except (pa.ArrowException, OSError) as error:
        said = str(error).partition("\n")[0][:200]
        raise UserError(f"it is no Parquet file that can be read: {said}") from error


def _table(
    file: pq.ParquetFile, limits: Limits
) -> tuple[list[Field], list[Any], str | None]:
    schema = file.schema_arrow
    limits.check_columns(len(schema))
    limits.check_rows(file.metadata.num_rows)
    limits.check_size(_size(file.metadata))
    said, description = _said(file.metadata.metadata or {}, limits)
    fields = [field_of(column, said.get(column.name)) for column in schema]
    chunks: list[list[Any]] = [[] for _ in schema]
    size = rows = 0
    for batch in file.iter_batches(_BATCH, use_threads=False):
        size += sum(size_of(array) for array in batch.columns)
        rows += batch.num_rows
        limits.check_size(size)
        limits.check_rows(rows)
        for kept, column, array in zip(chunks, schema, batch.columns, strict=True):
            kept.append(plain(column.name, array, rows - batch.num_rows))
    arrays = [
        pa.concat_arrays(kept)
        if kept
        else plain(column.name, pa.array([], column.type))
        for kept, column in zip(chunks, schema, strict=True)
    ]
    return fields, arrays, description


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _size(metadata: pq.FileMetaData) -> int:
    """Return the bytes that values take when they are read.

    A value that repeats takes next to nothing in the file. How long texts are is not
    said.
    """
    size = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        columns = [group.column(c) for c in range(group.num_columns)]
        read = sum(c.num_values * _WIDTHS.get(c.physical_type, 8) for c in columns)
        size += max(read, group.total_byte_size)
    return size


def _said(
    metadata: dict[bytes, bytes], limits: Limits
) -> tuple[dict[str, Field], str | None]:
    text = metadata.get(_CONTENT)
    if text is None:
        return {}, None
    fields, description = votable.described(text, limits)
    return {field.name: field for field in fields}, description
