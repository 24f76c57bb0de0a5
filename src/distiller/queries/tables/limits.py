"""How much a table that a user brings may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from distiller.core.errors import UserError

if TYPE_CHECKING:
    from distiller.core.settings import Settings

MOST_COLUMNS: Final = 500
"""Columns of one table; PostgreSQL has 1,600 at most, for short ones."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one table may have.

    Attributes
    ----------
    size
        Bytes, of the file and of what it is when it is unpacked.
    rows
        Rows.
    """

    size: int
    rows: int

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Return the limits of uploads."""
        return cls(settings.upload_mb * 10**6, settings.upload_rows)

    def check_size(self, size: int) -> None:
        """Refuse what has more bytes.

        >>> Limits(2_000_000, 5).check_size(2_000_001)
        Traceback (most recent call last):
        ...
        distiller.core.errors.UserError: it has more than the 2 MB that are allowed \
(take fewer columns or rows, or ask the operators: upload_mb)
        """
        if size > self.size:
            raise UserError(
                f"it has more than the {self.size / 1e6:g} MB that are allowed",
                hint="take fewer columns or rows, or ask the operators: upload_mb",
            )

    def check_rows(self, rows: int) -> None:
        """Refuse what has more rows."""
        if rows > self.rows:
            raise UserError(
                f"it has more than the {self.rows} rows that are allowed",
                hint="take fewer rows, or ask the operators: upload_rows",
            )

    @staticmethod
    def check_columns(columns: int) -> None:
        """Refuse what has more columns, or none."""
        if columns > MOST_COLUMNS:
            raise UserError(
                f"it has {columns} columns, and {MOST_COLUMNS} are allowed",
                hint="leave out what the query does not need",
            )
        if columns == 0:
            raise UserError("it has no columns")
