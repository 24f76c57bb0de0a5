"""What a data model becomes: tables, columns, keys and views."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from distiller.core.columns import Catalog, Column, ForeignKey, Table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from distiller.model.entities import Document

Rows = Literal["own", "shared", "history", "mapped", "derived", "service"]
"""Whose rows a table holds: of one dataset, of many, of many and kept for ever, of the
ObsCore mapping, derived from the model itself, or book-keeping of the archive."""

Strategy = Literal["joined", "single", "concrete"]
"""How types that extend each other are stored: a table for each, sharing the key; one
for all, with a column that says of which type a row is; or one for each type that is
not abstract, with what it inherits."""


@dataclass(frozen=True, slots=True)
class BoundColumn:
    """A column with what only storage needs to know.

    Attributes
    ----------
    path
        What it holds: ``position.ra`` of the type, empty for keys.
    literals
        The values that are allowed, where the type is an enumeration.
    clock
        Whether it is a clock reading, left out of comparisons.
    hidden
        Whether it is stored but cannot be queried.
    was
        The name that the column had in older models.
    times
        Whether its texts are time MOCs, by which rows are found.
    """

    column: Column
    path: str = ""
    literals: tuple[str, ...] = ()
    unique: bool = False
    clock: bool = False
    hidden: bool = False
    was: str | None = None
    times: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """What holds for every row of a table.

    Attributes
    ----------
    columns
        Those that it is on.
    sql
        The condition, the same on every engine.
    words
        As the model says it.
    """

    columns: tuple[str, ...]
    sql: str
    words: str


@dataclass(frozen=True, slots=True)
class Ownership:
    """How rows of a table are known to belong to a dataset.

    Rows belong to it whose ``column`` is among ``source_column`` of the rows of
    ``source`` that belong to it.
    """

    column: str
    source: str
    source_column: str


@dataclass(frozen=True, slots=True)
class BoundTable:
    """A table with what only storage needs to know.

    Attributes
    ----------
    type_id
        The object type as ``model:vodml-id``.
    root
        Column with the publisher DID, where a row is a dataset.
    owner
        How rows are known to belong to a dataset, for own rows other than the root's.
    points
        Pairs of columns that are longitude and latitude of a point (deg, ICRS), for
        an index on the sky.
    was
        The qualified name that the table had in older models.
    """

    name: str
    title: str
    description: str
    type_id: str
    package: str
    rows: Rows
    columns: tuple[BoundColumn, ...]
    key: tuple[str, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    utype: str | None = None
    hidden: bool = False
    root: str | None = None
    owner: Ownership | None = None
    points: tuple[tuple[str, str], ...] = ()
    checks: tuple[Check, ...] = ()
    was: str | None = None

    @property
    def schema(self) -> str:
        """Name of the schema: the part before the dot."""
        return self.name.partition(".")[0]

    @property
    def is_derived(self) -> bool:
        """Whether its rows can be made anew from those of other tables."""
        return self.rows in {"mapped", "derived"}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all stored columns, in order."""
        return tuple(c.column.name for c in self.columns)

    @property
    def indexed(self) -> frozenset[str]:
        """Names of the columns that an index of an engine finds rows by.

        The first one of the key and of foreign keys, unique columns, regions, points
        on the sky, time MOCs, and those that the binding names.
        """
        found = {self.key[0], *(key.columns[0][0] for key in self.foreign_keys)}
        found.update(name for pair in self.points for name in pair)
        for bound in self.columns:
            column = bound.column
            if column.indexed or bound.unique or column.is_geometry or bound.times:
                found.add(column.name)
        return frozenset(found)

    def table(self) -> Table:
        """Return what queries may see of the table."""
        indexed = self.indexed
        return Table(
            name=self.name,
            columns=tuple(
                replace(c.column, indexed=c.column.name in indexed)
                for c in self.columns
                if not c.hidden
            ),
            description=self.description,
            title=self.title,
            utype=self.utype,
            primary_key=self.key,
            foreign_keys=self.foreign_keys,
        )


@dataclass(frozen=True, slots=True)
class View:
    """Another name for all rows of a table."""

    name: str
    of: str
    title: str
    description: str


@dataclass(frozen=True)
class Model:
    """Documents and the tables that they become.

    Attributes
    ----------
    tables
        Every stored table, in the order of the bindings.
    schemas
        Name and description of each schema that can be queried, in order.
    beside
        Tables of other models that keys and views of this one lead to.
    notes
        What became of what SQL holds in part only, and of constraints.
    folder
        Where the documents were read; what fills tables stands beside them.
    """

    documents: tuple[Document, ...]
    tables: tuple[BoundTable, ...]
    views: tuple[View, ...] = ()
    schemas: Mapping[str, str] = field(default_factory=dict)
    beside: tuple[BoundTable, ...] = ()
    notes: tuple[str, ...] = ()
    folder: Path | None = None

    @cached_property
    def by_name(self) -> Mapping[str, BoundTable]:
        """Every stored table by its qualified name."""
        return {table.name: table for table in self.tables}

    @cached_property
    def known(self) -> Mapping[str, BoundTable]:
        """Every table that keys and views may lead to, by its qualified name."""
        return {**{table.name: table for table in self.beside}, **self.by_name}

    @cached_property
    def catalog(self) -> Catalog:
        """Every table and view that can be queried."""
        shown = {t.name: t.table() for t in self.tables if not t.hidden}
        for view in self.views:
            shown[view.name] = replace(
                self.known[view.of].table(),
                name=view.name,
                title=view.title,
                description=view.description,
                is_view=True,
                primary_key=(),
                foreign_keys=(),
                utype=None,
            )
        return shown

    def in_order(self) -> tuple[BoundTable, ...]:
        """Return the tables so that each comes after those that it refers to.

        References in a circle are possible: there the order of the bindings decides.
        """
        done: dict[str, BoundTable] = {}
        open_: set[str] = set()

        def visit(table: BoundTable) -> None:
            if table.name in done or table.name in open_:
                return
            open_.add(table.name)
            for key in table.foreign_keys:
                if key.target in self.by_name:
                    visit(self.by_name[key.target])
            done[table.name] = table

        for table in self.tables:
            visit(table)
        return tuple(done.values())
