"""What a table says of itself: the common currency of model, adql, archive and vo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from distiller.core.reserved import adql_name

Datatype = Literal["boolean", "short", "int", "long", "float", "double", "char"]
"""VOTable 1.4 primitive types that a column may have (text is ``char`` with ``*``)."""

GEOMETRY_XTYPES = frozenset({"point", "circle", "polygon", "adql:REGION"})


@dataclass(frozen=True, slots=True)
class Column:
    """One column, as stored or as the output of a query.

    Attributes
    ----------
    name
        As written in ADQL (lower case unless delimited).
    datatype, arraysize, xtype
        VOTable 1.4 section 2.1 and DALI 1.1 section 3; text is ``char``/``*``, an
        instant ``char``/``*``/``timestamp``, a region ``char``/``*``/``adql:REGION``.
    unit
        VOUnit string, None where there is none.
    nullable
        Whether NULL may occur.
    principal, indexed, std
        As in TAP_SCHEMA.columns (TAP 1.1 section 4.3).
    """

    name: str
    datatype: Datatype
    arraysize: str | None = None
    xtype: str | None = None
    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None
    description: str | None = None
    nullable: bool = True
    principal: bool = False
    indexed: bool = False
    std: bool = False

    @property
    def adql_name(self) -> str:
        """The name as a query, TAP_SCHEMA and VOSI tables write it.

        >>> Column("size", "long").adql_name
        '"size"'
        """
        return adql_name(self.name)

    @property
    def is_text(self) -> bool:
        """Whether values are plain text (not instants, not regions)."""
        return self.datatype == "char" and self.xtype is None

    @property
    def is_instant(self) -> bool:
        """Whether values are DALI timestamps."""
        return self.xtype == "timestamp"

    @property
    def is_geometry(self) -> bool:
        """Whether values are points, circles, polygons or regions."""
        return self.xtype in GEOMETRY_XTYPES


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key; ``columns`` pairs each own column with one of the target."""

    target: str
    columns: tuple[tuple[str, str], ...]
    description: str | None = None
    utype: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """One table or view that ADQL can name.

    Attributes
    ----------
    name
        Qualified, lower case: ``ivoa.obscore``.
    title
        Words for a person, for page headings.
    stored
        Name in the database of a table that a user brought, where columns are called
        c1, c2...; None where names are the same there.
    """

    name: str
    columns: tuple[Column, ...]
    description: str | None = None
    title: str | None = None
    utype: str | None = None
    is_view: bool = False
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    stored: str | None = None

    @property
    def schema(self) -> str:
        """Name of the schema: the part before the dot."""
        return self.name.partition(".")[0]

    @property
    def adql_name(self) -> str:
        """The name as a query, TAP_SCHEMA and VOSI tables write it."""
        return adql_name(self.name)

    @property
    def stored_columns(self) -> tuple[str, ...]:
        """The names of the columns in the database.

        >>> Table("tap_upload.t", (Column("B-V", "float"),), stored="t").stored_columns
        ('c1',)
        """
        if self.stored is None:
            return tuple(column.name for column in self.columns)
        return tuple(f"c{number}" for number, _ in enumerate(self.columns, 1))

    def column(self, name: str) -> Column | None:
        """Return the column of that exact name, or None."""
        return next((c for c in self.columns if c.name == name), None)


Catalog: TypeAlias = Mapping[str, Table]
"""Every table that ADQL may name, by qualified lower-case name."""
