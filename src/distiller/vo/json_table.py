"""JSON as a stream: a head, rows batch by batch, a tail (RFC 8259).

The shape is that of the TAP services of ESA, CDS and ARI, which astroquery reads:
``metadata``, one object a column, and ``data``, one array a row. Behind the rows, where
it is known, stands how the query ended::

    {"metadata": [{"name": "s_ra", "datatype": "double", "unit": "deg", ...}, ...],
    "info": {"QUERY": "SELECT ...", "LANG": "ADQL"},
    "data": [
    [83.63, null],
    [83.64, "Crab"]
    ],
    "status": "OVERFLOW", "message": "rows were cut at 2 by ..."}

``status`` is OK, OVERFLOW (with ``message``) or ERROR (with ``error``). NULL is
``null``; the floats that JSON lacks are the texts ``"NaN"``, ``"Infinity"`` and
``"-Infinity"``, as in the JSON of protocol buffers; whole numbers have every digit.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from distiller.vo import cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from distiller.core.columns import Column
    from distiller.vo.votable import Status

MEDIA_TYPE = "application/json"

_WORDS = cells.Words('"NaN"', '"Infinity"', '"-Infinity"')
_BACKSLASH = ord("\\")
_ESCAPED = frozenset([*range(0x20), *b'"\\'])
_DESCRIBED = (
    "name",
    "datatype",
    "arraysize",
    "xtype",
    "unit",
    "ucd",
    "utype",
    "description",
)
_ALWAYS = frozenset({"unit", "description"})
"""What astroquery reads of every column: ``null`` where there is none."""


class JsonWriter:
    """One result table as one JSON object.

    Parameters
    ----------
    columns
        Of the result, in order.
    infos
        Name and value of what stands in ``info``, such as the query.
    """

    extension: ClassVar[str] = "json"

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        infos: Sequence[tuple[str, str]] = (),
        media_type: str | None = None,
    ) -> None:
        self.columns = tuple(columns)
        self.media_type = media_type or MEDIA_TYPE
        self._infos = dict(infos)
        self._is_first = True

    def head(self) -> bytes:
        """Return everything before the first row."""
        described = [
            {
                name: value
                for name in _DESCRIBED
                if (value := getattr(column, name)) is not None or name in _ALWAYS
            }
            for column in self.columns
        ]
        metadata, info = _object(described), _object(self._infos)
        return f'{{"metadata": {metadata},\n"info": {info},\n"data": ['.encode()

    def rows(self, batch: pa.RecordBatch) -> bytes:
        """Return a batch of rows, one line each.

        Raises
        ------
        pyarrow.ArrowInvalid
            If a value does not fit its column.
        """
        if batch.num_rows == 0:
            return b""
        texts = [
            cells.pc.fill_null(_written(column, array), "null")
            for column, array in zip(self.columns, batch.columns, strict=True)
        ]
        rows = cells.pc.binary_join_element_wise(*texts, ",")
        lines = cells.pc.binary_join_element_wise(",\n[", rows, "]", "")
        data = cells.data_of(lines)
        start = 1 if self._is_first else 0  # no comma before the first row
        self._is_first = False
        return data[start:].tobytes()

    def tail(self, status: Status, message: str | None = None) -> bytes:
        """Return the end: how the query ended, whatever was written before."""
        end: dict[str, str] = {"status": status}
        if message and status != "OK":
            end["error" if status == "ERROR" else "message"] = message
        return f"\n],\n{_object(end)[1:]}\n".encode()


def _object(value: object) -> str:
    # A lone surrogate, which UTF-8 has not, is escaped with all beyond ASCII.
    return json.dumps(value, allow_nan=False)


def _written(column: Column, array: cells.Values) -> cells.Values:
    """Return JSON texts of the cells of a column; NULL stays NULL."""
    values = cells.conform(column, array)
    if cells.is_array(column):
        numbers = cells.lists_text(values, _WORDS, ",")
        return cells.pc.binary_join_element_wise("[", numbers, "]", "")
    if column.datatype == "char":
        return cells.pc.binary_join_element_wise('"', _escaped(values), '"', "")
    return cells.text_of(column, values, _WORDS)


def _escaped(values: cells.Values) -> cells.Values:
    """Return texts with escapes for what JSON has no bare character for."""
    if not cells.holds(values, b'"\\'):
        return values
    met = _ESCAPED.intersection(np.unique(cells.data_of(values)).tolist())
    # The backslash first: the other escapes have one of their own.
    for code in sorted(met, key=lambda code: code != _BACKSLASH):
        escape = json.dumps(chr(code))[1:-1]
        values = cells.pc.replace_substring(values, chr(code), escape)
    return values
