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
    used_size, used_rows
        What other tables of the same request have taken already.
    """

    size: int
    rows: int
    used_size: int = 0
    used_rows: int = 0

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Return the limits of uploads."""
        return cls(settings.upload_mb * 10**6, settings.upload_rows)

    def after(self, size: int, rows: int) -> Limits:
        """Return what another table of the same request may have.

        >>> Limits(2_000_000, 5).after(1_000_000, 4).check_rows(2)
        Traceback (most recent call last):
        ...
        distiller.core.errors.UserError: with the tables before it, it has more than \
the 5 rows that are allowed (take fewer rows, or ask the operators: upload_rows)
        """
        return Limits(
            max(0, self.size - size),
            max(0, self.rows - rows),
            self.used_size + min(size, self.size),
            self.used_rows + min(rows, self.rows),
        )

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
                f"{self._it} has more than the {(self.size + self.used_size) / 1e6:g} "
                "MB that are allowed",
                hint="take fewer columns or rows, or ask the operators: upload_mb",
            )

    def check_rows(self, rows: int) -> None:
        """Refuse what has more rows."""
        if rows > self.rows:
            raise UserError(
                f"{self._it} has more than the {self.rows + self.used_rows} rows that "
                "are allowed",
                hint="take fewer rows, or ask the operators: upload_rows",
            )

    @property
    def _it(self) -> str:
        others = self.used_size or self.used_rows
        return "with the tables before it, it" if others else "it"

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
