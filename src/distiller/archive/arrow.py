"""Rows as Arrow: the types of stored columns, and rows that come from elsewhere."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute

from distiller.core.errors import BadParameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from distiller.core.columns import Column
    from distiller.model import BoundTable

_pc: Any = pyarrow.compute
_TYPES: Mapping[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "short": pa.int16(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "char": pa.string(),
}


def arrow_type(column: Column) -> pa.DataType:
    """Return the Arrow type of a stored column."""
    if column.is_geometry:
        return pa.list_(pa.float64())
    if column.is_instant:
        return pa.timestamp("us")
    return _TYPES[column.datatype]


class Rows:
    """Rows that come from elsewhere, in the types of a table; NaN becomes NULL.

    Parameters
    ----------
    batches
        All of the same columns, of which the table may have more.

    Attributes
    ----------
    reader
        The rows, once.
    fault
        What was wrong with them, where the reader has failed: who reads it in another
        language passes on the words only.

    Raises
    ------
    BadParameter
        If a column is not of the table.
    """

    def __init__(self, table: BoundTable, batches: Iterable[pa.RecordBatch]) -> None:
        self.fault: BadParameter | None = None
        self._table = table
        columns = {bound.column.name: bound.column for bound in table.columns}
        given = iter(batches)
        first = next(given, None)
        names = list(columns) if first is None else first.schema.names
        for name in names:
            if name not in columns or names.count(name) > 1:
                raise BadParameter(
                    "rows",
                    f"{table.name} has no column {name}, or it is given twice",
                    hint=f"there are {', '.join(columns)}",
                )
        self._schema = pa.schema([pa.field(n, arrow_type(columns[n])) for n in names])
        rows = given if first is None else itertools.chain([first], given)
        self.reader = pa.RecordBatchReader.from_batches(
            self._schema, self._fitting(rows)
        )

    def _fitting(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            try:
                cells = [_fit(batch.column(f.name), f.type) for f in self._schema]
            except (pa.ArrowException, KeyError) as error:
                said = str(error).partition("\n")[0]
                self.fault = BadParameter(
                    "rows", f"of {self._table.name} do not fit: {said}"
                )
                raise self.fault from error
            yield pa.record_batch(cells, schema=self._schema)


def _fit(values: Any, kind: pa.DataType) -> Any:
    fitting = values if values.type == kind else _pc.cast(values, kind)
    if pa.types.is_floating(kind):
        fitting = _pc.if_else(_pc.is_nan(fitting), None, fitting)
    return fitting
