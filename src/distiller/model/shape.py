"""What a database says of its tables, in one form for models and live archives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from distiller.model.emit.sql import parts, postgresql
from distiller.model.emit.sql.ddl import sql_type

if TYPE_CHECKING:
    from distiller.core.engines import EngineName
    from distiller.model.tables import BoundTable, Model

Texts = Mapping[str, str]
"""What constraints or indexes say, by their names."""


@dataclass(frozen=True, slots=True)
class ColumnShape:
    """One column of a table.

    Attributes
    ----------
    was
        The name that it had, where a model says so.
    """

    name: str
    type: str
    nullable: bool
    comment: str = ""
    was: str | None = None


@dataclass(frozen=True, slots=True)
class TableShape:
    """One table.

    Attributes
    ----------
    constraints
        Primary key, unique columns and checks.
    keys
        Foreign keys.
    derived
        Whether its rows can be made anew from those of other tables.
    was
        The qualified name that it had, where a model says so.
    """

    name: str
    columns: tuple[ColumnShape, ...]
    constraints: Texts = field(default_factory=dict)
    keys: Texts = field(default_factory=dict)
    indexes: Texts = field(default_factory=dict)
    comment: str = ""
    derived: bool = False
    was: str | None = None

    def column(self, name: str) -> ColumnShape | None:
        """Return a column by its name, or None."""
        return next((c for c in self.columns if c.name == name), None)


@dataclass(frozen=True, slots=True)
class ViewShape:
    """One view: the names of its columns, and the table that they are read from.

    Attributes
    ----------
    of
        Qualified name of the table; of a view that is no copy of one, all that its
        query says after FROM.
    """

    name: str
    columns: tuple[str, ...]
    of: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """All tables and views, by qualified name."""

    engine: EngineName
    tables: Mapping[str, TableShape]
    views: Mapping[str, ViewShape] = field(default_factory=dict)


def shape_of(model: Model, engine: EngineName) -> Shape:
    """Return what a database would hold that was made from a model.

    The texts are those of our SQL; a database says them in its own words.
    """
    return Shape(
        engine,
        {table.name: _table(table, engine) for table in model.tables},
        {
            view.name: ViewShape(
                view.name,
                tuple(
                    bound.column.name
                    for bound in model.known[view.of].columns
                    if not bound.hidden
                ),
                view.of,
                view.description,
            )
            for view in model.views
        },
    )


def schemas_of(model: Model) -> list[str]:
    """Return the schemas that a model has tables in, or had."""
    names = {table.schema for table in model.tables}
    names |= {view.name.partition(".")[0] for view in model.views}
    return sorted(names | {t.was.partition(".")[0] for t in model.tables if t.was})


def _table(table: BoundTable, engine: EngineName) -> TableShape:
    has_keys = engine == "postgresql"
    return TableShape(
        name=table.name,
        columns=tuple(
            ColumnShape(
                bound.column.name,
                sql_type(bound.column, engine),
                bound.column.nullable,
                parts.comment(bound),
                bound.was,
            )
            for bound in table.columns
        ),
        constraints=postgresql.constraints(table),
        keys={
            name: postgresql.key_text(key)
            for name, key in (postgresql.keys(table) if has_keys else {}).items()
        },
        indexes=postgresql.indexes(table) if has_keys else {},
        comment=table.description,
        derived=table.is_derived,
        was=table.was,
    )
