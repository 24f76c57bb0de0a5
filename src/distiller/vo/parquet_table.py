"""Parquet with the metadata of the VO: one file, row groups of bounded size.

Names, units, UCDs and descriptions stand three times, for those who look in one place
only: in the metadata of each Arrow field; in a VOTable without data under the key
``IVOA.VOTable-Parquet.content`` (IVOA Note "VOTable in Parquet" 1.0), which STILTS and
astropy read; and the status of the query besides under ``QUERY_STATUS``.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from distiller.vo import cells
from distiller.vo.spooled import SpooledWriter
from distiller.vo.votable import description

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from distiller.core.columns import Column
    from distiller.vo.spooled import File

MEDIA_TYPE: Final = "application/vnd.apache.parquet"
VERSION_KEY: Final = "IVOA.VOTable-Parquet.version"
CONTENT_KEY: Final = "IVOA.VOTable-Parquet.content"
LENGTH_KEY: Final = "table::len::"
"""Start of a key of astropy: bytes of the longest text of a column. Without it astropy
cannot read a column that holds NULL, or no rows."""

GROUP_BYTES: Final = 8 * 2**20
"""Bytes of Arrow that make a row group; so much is held in memory."""

GROUP_ROWS: Final = 2**17
"""Rows of a row group at most."""

_SCHEMA_KEY: Final = "ARROW:schema"
_PIECE: Final = 2**18
_DESCRIBED: Final = ("unit", "ucd", "utype", "xtype", "description")


class ParquetWriter(SpooledWriter):
    """One result table; instants are DALI text, as the VOTable in it says."""

    is_packed: ClassVar[bool] = True
    extension: ClassVar[str] = "parquet"
    default_media_type: ClassVar[str] = MEDIA_TYPE

    def begin(self, file: File) -> None:
        """See `SpooledWriter.begin`."""
        self._file = file
        self._schema = schema(self.columns)
        self._writer = pq.ParquetWriter(
            pa.PythonFile(file, mode="w"),
            self._schema,
            compression="zstd",
            store_schema=False,  # it is written when its metadata are known
        )
        self._group: list[pa.RecordBatch] = []
        self._held = self._held_rows = self._rows = 0
        self._unicode: set[int] = set()
        self._longest = dict.fromkeys(
            (i for i, column in enumerate(self.columns) if column.datatype == "char"), 1
        )

    def add(self, batch: pa.RecordBatch) -> None:
        """See `SpooledWriter.add`."""
        arrays = []
        for index, (column, array) in enumerate(
            zip(self.columns, batch.columns, strict=True)
        ):
            values = cells.conform(column, array)
            if column.datatype == "char":
                self._look(index, values)
            arrays.append(values)
        rows = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        self._group.append(rows)
        self._held += rows.nbytes
        self._held_rows += rows.num_rows
        if self._held >= GROUP_BYTES or self._held_rows >= GROUP_ROWS:
            self._write_group()

    def end(self, overflow: str | None = None) -> int:
        """See `SpooledWriter.end`."""
        self._write_group()
        content = description(
            # astropy joins these with the rows, and takes no `*` for text then.
            [
                replace(column, arraysize=str(self._longest[index]))
                if index in self._longest
                else column
                for index, column in enumerate(self.columns)
            ],
            unicode=frozenset(self._unicode),
            infos=self._infos,
            rows=self._rows,
            overflow=overflow,
        )
        said = {
            VERSION_KEY: "1.0",
            CONTENT_KEY: content.decode(),
            "QUERY_STATUS": "OK" if overflow is None else "OVERFLOW",
            **dict(self._infos),
            **{
                f"{LENGTH_KEY}{self.columns[index].name}": str(longest)
                for index, longest in self._longest.items()
            },
        }
        if overflow is not None:
            said["QUERY_MESSAGE"] = overflow
        stored = self._schema.with_metadata(said).serialize().to_pybytes()
        said[_SCHEMA_KEY] = base64.b64encode(stored).decode()
        self._writer.add_key_value_metadata(said)
        self._writer.close()
        return self._file.seek(0, 2)

    def document(self) -> Iterator[bytes]:
        """See `SpooledWriter.document`."""
        self._file.seek(0)
        while piece := self._file.read(_PIECE):
            yield piece

    def _look(self, index: int, values: cells.Values) -> None:
        """Note what is to be said of a column of text."""
        if not cells.is_ascii(values):
            self._unicode.add(index)
        sizes = np.diff(cells.offsets_of(values))
        if len(sizes):
            self._longest[index] = max(self._longest[index], int(sizes.max()))

    def _write_group(self) -> None:
        if self._held_rows:
            table = pa.Table.from_batches(self._group, self._schema)
            self._group = []
            self._writer.write_table(table, row_group_size=max(1, self._held_rows))
            self._rows += self._held_rows
            self._held = self._held_rows = 0


def schema(columns: Sequence[Column]) -> pa.Schema:
    """Return the Arrow schema of a result, with what the columns say of themselves."""
    return pa.schema([_field(column) for column in columns])


def _field(column: Column) -> pa.Field[Any]:
    kind: pa.DataType = cells.ARROW_TYPES[column.datatype]
    if cells.is_array(column):
        kind = pa.list_(kind)
    said = {
        name: value for name in _DESCRIBED if (value := getattr(column, name) or "")
    }
    return pa.field(column.name, kind, metadata=said or None)
