"""CSV and TSV as a stream: a head, rows batch by batch, a tail.

CSV follows RFC 4180: text is quoted where it must be, so that an empty text (``""``)
differs from NULL (nothing). TSV has no quotes; tabs and line breaks become spaces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa

from distiller.vo import cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distiller.core.columns import Column
    from distiller.vo.votable import Status

_NEEDS_QUOTES = r'^$|[",\r\n]'


class _LineWriter:
    """What CSV and TSV share."""

    _media_type: ClassVar[str]
    extension: ClassVar[str]
    _separator: ClassVar[str]
    _line_end: ClassVar[str]

    def __init__(
        self, columns: Sequence[Column], media_type: str | None = None
    ) -> None:
        self.columns = tuple(columns)
        self.media_type = media_type or self._media_type

    def head(self) -> bytes:
        """Return the line of column names."""
        names = self._written(pa.array([c.name for c in self.columns], pa.string()))
        line = self._separator.join(str(name) for name in names.to_pylist())
        return (line + self._line_end).encode()

    def rows(self, batch: pa.RecordBatch) -> bytes:
        """Return a batch of rows, one line each; NULL is empty.

        Raises
        ------
        pyarrow.ArrowInvalid
            If a value does not fit its column.
        """
        texts = []
        for column, array in zip(self.columns, batch.columns, strict=True):
            text = cells.text_of(column, array)
            if column.datatype == "char":
                text = self._written(text)
            texts.append(cells.without_nulls(text))
        lines = cells.pc.binary_join_element_wise(*texts, self._separator.encode())
        lines = cells.pc.binary_join_element_wise(lines, self._line_end.encode(), b"")
        return cells.data_of(lines).tobytes()

    def tail(self, status: Status, message: str | None = None) -> bytes:
        """Return a last line that tells of an error; the format knows no other place.

        That rows were cut off cannot be said in these formats (TAP 1.1 section 3.2).
        """
        if status != "ERROR":
            return b""
        text = " ".join((message or "the query failed").split())
        return f"# ERROR {text}{self._line_end}".encode()

    def _written(self, values: cells.Values) -> cells.Values:
        raise NotImplementedError


class CsvWriter(_LineWriter):
    """Comma-separated values with a header line."""

    _media_type = "text/csv;header=present"
    extension = "csv"
    _separator = ","
    _line_end = "\r\n"

    def _written(self, values: cells.Values) -> cells.Values:
        has_length = np.diff(cells.offsets_of(values)).all()  # an empty one is quoted
        if has_length and not cells.holds(values, b'",'):
            return values
        special = cells.pc.match_substring_regex(values, _NEEDS_QUOTES)
        if not cells.pc.any(special).as_py():
            return values
        doubled = cells.pc.replace_substring(values, '"', '""')
        quoted = cells.pc.binary_join_element_wise('"', doubled, '"', "")
        return cells.pc.if_else(special, quoted, values)


class TsvWriter(_LineWriter):
    """Tab-separated values with a header line."""

    _media_type = "text/tab-separated-values"
    extension = "tsv"
    _separator = "\t"
    _line_end = "\n"

    def _written(self, values: cells.Values) -> cells.Values:
        if not cells.holds(values, b""):
            return values
        return cells.pc.replace_substring_regex(values, r"[\t\r\n]+", " ")
