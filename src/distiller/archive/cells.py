"""Rows of bundles as cells in the order of their table; what makes two rows one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from distiller.core.errors import IllegalState, InternalError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.archive.engine import Cells
    from distiller.core.bundle import Row
    from distiller.model import BoundTable


@dataclass
class Batch:
    """The rows of one transaction by table, in the order of the model."""

    own: dict[str, list[Cells]] = field(default_factory=dict)
    shared: dict[str, dict[Cells, Cells]] = field(default_factory=dict)

    def add(self, table: BoundTable, cells: Cells) -> None:
        """Take in a row; one that is there already must agree with it."""
        if table.rows == "own":
            self.own.setdefault(table.name, []).append(cells)
            return
        key = key_of(table, cells)
        shared = self.shared.setdefault(table.name, {})
        present = shared.get(key, cells)
        shared[key] = merged(table, key, present, cells)

    def of(self, table: BoundTable) -> list[Cells]:
        """Return the rows of a table."""
        own = self.own.get(table.name)
        return own or list(self.shared.get(table.name, {}).values())

    def values(self, table: BoundTable, column: str) -> Iterator[Any]:
        """Yield the values of a column."""
        place = table.names.index(column)
        for row in self.of(table):
            yield row[place]


def cells_of(table: BoundTable, row: Row, publisher_did: str) -> Cells:
    """Return the cells of a row in the order of the table; NaN is no value."""
    if unknown := set(row) - set(table.names):
        raise InternalError(
            f"{publisher_did}: {table.name} has no column {min(unknown)!r}"
        )
    return tuple(_cell(row.get(name)) for name in table.names)


def _cell(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, str) and "\x00" in value:
        # The end of a text in C; PostgreSQL cannot store it.
        return value.replace("\x00", "")
    return value


def key_of(table: BoundTable, cells: Cells) -> Cells:
    """Return the key of a row."""
    return tuple(cells[table.names.index(name)] for name in table.key)


def is_described(table: BoundTable) -> bool:
    """Tell whether rows are known by a unique name, so that words may change."""
    return any(bound.unique for bound in table.columns)


def merged(table: BoundTable, key: Cells, present: Cells, given: Cells) -> Cells:
    """Return the row that two datasets give with equal keys.

    A row with a unique name (a collection) is known by it: the latest dataset that
    says something of it is right, and one that says nothing (NULL) changes nothing.
    Of a row of history the first one stays. Any other row must be equal.
    """
    if table.rows == "history":
        return present
    if is_described(table):
        pairs = zip(present, given, strict=True)
        return tuple(old if new is None else new for old, new in pairs)
    _agree(table, key, present, given)
    return present


def _agree(table: BoundTable, key: Cells, present: Cells, given: Cells) -> None:
    """Rows of shared tables with equal keys must be equal, clocks aside."""
    for bound, old, new in zip(table.columns, present, given, strict=True):
        if not bound.clock and old != new:
            raise IllegalState(
                f"{table.name} has a row {', '.join(map(str, key))} already, with "
                f"{bound.column.name} = {old!r} instead of {new!r}",
                hint="rows that datasets share cannot differ between them",
            )
