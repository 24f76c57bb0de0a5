"""Rows of bundles as cells in the order of their table; what makes two rows one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from distiller.core.errors import IllegalState, InternalError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Self

    from distiller.archive.engine import Cells
    from distiller.core.bundle import Row
    from distiller.model import BoundTable


@dataclass(frozen=True, slots=True)
class Shape:
    """A table with what is asked of it for every row.

    Attributes
    ----------
    names, known
        Its columns, in order and as a set.
    key
        Places of the columns of its key.
    """

    table: BoundTable
    names: tuple[str, ...]
    known: frozenset[str]
    key: tuple[int, ...]

    @classmethod
    def of(cls, table: BoundTable) -> Self:
        """Return the shape of a table."""
        names = table.names
        places = tuple(names.index(name) for name in table.key)
        return cls(table, names, frozenset(names), places)

    def cells(self, row: Row, publisher_did: str) -> Cells:
        """Return the cells of a row in the order of the table; NaN is no value."""
        if not row.keys() <= self.known:
            unknown = min(row.keys() - self.known)
            raise InternalError(
                f"{publisher_did}: {self.table.name} has no column {unknown!r}"
            )
        return tuple([_cell(row.get(name)) for name in self.names])

    def key_of(self, cells: Cells) -> Cells:
        """Return the key of a row."""
        return tuple([cells[place] for place in self.key])


@dataclass
class Batch:
    """The rows of one transaction by table."""

    own: dict[str, list[Cells]] = field(default_factory=dict)
    shared: dict[str, dict[Cells, Cells]] = field(default_factory=dict)

    def add(self, shape: Shape, cells: Cells) -> None:
        """Take in a row; one that is there already must agree with it."""
        table = shape.table
        if table.rows == "own":
            self.own.setdefault(table.name, []).append(cells)
            return
        key = shape.key_of(cells)
        shared = self.shared.setdefault(table.name, {})
        present = shared.get(key)
        shared[key] = cells if present is None else merged(table, key, present, cells)

    def of(self, table: BoundTable) -> list[Cells]:
        """Return the rows of a table."""
        own = self.own.get(table.name)
        return own or list(self.shared.get(table.name, {}).values())

    def keys(self, table: BoundTable, columns: Sequence[str]) -> Iterator[Cells]:
        """Yield the values that each row of a table has in some columns."""
        places = [table.names.index(column) for column in columns]
        for row in self.of(table):
            yield tuple([row[place] for place in places])


def _cell(value: Any) -> Any:
    kind = type(value)
    if kind is float:
        return None if math.isnan(value) else value
    if kind is str:
        # NUL is the end of a text in C; PostgreSQL cannot store it.
        return value.replace("\x00", "") if "\x00" in value else value
    if kind is tuple:  # a geometry with a corner nowhere is none
        return None if any(map(math.isnan, value)) else list(value)
    return value


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
