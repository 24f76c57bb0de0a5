"""Formats whose file begins with what is known only behind the last row."""

from __future__ import annotations

import abc
import io
from typing import TYPE_CHECKING, ClassVar, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from distiller.core.columns import Column

File: TypeAlias = io.RawIOBase | io.BufferedIOBase
"""Bytes that can be written, sought and read."""


class SpooledWriter(abc.ABC):
    """Takes all rows into a file of the caller, then gives the document.

    In order: `begin`, `add` for each batch, `end`, and `document` once. Memory does not
    grow with the number of rows.

    Parameters
    ----------
    columns
        Of the result, in order.
    infos
        Name and value of what the header has, such as the query.
    media_type
        Content-Type, where the user asked for a certain one.

    Attributes
    ----------
    is_packed
        Whether the document is compressed in itself.
    """

    is_packed: ClassVar[bool] = False
    extension: ClassVar[str]
    default_media_type: ClassVar[str]

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        infos: Sequence[tuple[str, str]] = (),
        media_type: str | None = None,
    ) -> None:
        self.columns = tuple(columns)
        self.media_type = media_type or self.default_media_type
        self._infos = tuple(infos)

    @abc.abstractmethod
    def begin(self, file: File) -> None:
        """Take an empty file, open for writing and reading; the caller closes it."""

    @abc.abstractmethod
    def add(self, batch: pa.RecordBatch) -> None:
        """Take a batch of rows; its columns are those of the result, in order.

        Raises
        ------
        pyarrow.ArrowInvalid
            If a value does not fit its column.
        """

    @abc.abstractmethod
    def end(self, overflow: str | None = None) -> int:
        """Say that no row follows, and which limit cut rows off, if one did.

        Returns
        -------
        int
            Bytes of the whole document.
        """

    @abc.abstractmethod
    def document(self) -> Iterator[bytes]:
        """Yield the document in pieces."""
