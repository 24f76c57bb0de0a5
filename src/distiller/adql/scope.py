"""Which columns a name can mean: sources of FROM, and scopes of nested queries."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from sqlglot import exp

from distiller.adql.kinds import ANY
from distiller.adql.limits import ASSUMED_TEXT
from distiller.core.columns import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Item:
    """One column that a query gives.

    Attributes
    ----------
    name
        As ADQL text may call it.
    label
        As the SQL of the engine calls it: unique in its query whatever the case.
    column
        Type and metadata.
    length
        Characters of its text, as estimated.
    """

    name: str
    label: str
    column: Column
    length: int = ASSUMED_TEXT


Named = TypeVar("Named", "Item", "Visible")


def grouped(columns: Iterable[Named]) -> dict[str, list[Named]]:
    """Return columns by name."""
    found: dict[str, list[Named]] = {}
    for column in columns:
        found.setdefault(column.name, []).append(column)
    return found


@dataclass(slots=True)
class Source:
    """One table, sub-query or named query in FROM.

    Attributes
    ----------
    name
        The alias, or the last part of the table's name.
    schema
        The schema of a table without an alias, else None.
    label
        The alias in the SQL of the engine, unique in the whole query.
    items
        Its columns; None when they are not looked up.
    """

    name: str
    schema: str | None
    label: str
    items: tuple[Item, ...] | None
    _by_name: dict[str, list[Item]] | None = None

    def called(self, name: str) -> list[Item]:
        """Return its columns of a name."""
        if self._by_name is None:
            self._by_name = grouped(self.items or ())
        return self._by_name.get(name, [])

    def may_lack(self) -> None:
        """Make every column nullable, as an outer join does."""
        self._by_name = None
        self.items = self.items and tuple(
            replace(i, column=replace(i.column, nullable=True)) for i in self.items
        )


@dataclass(frozen=True, slots=True)
class Visible:
    """A column that can be named without its table."""

    name: str
    column: Column
    make: Callable[[], exp.Expr]


@dataclass(slots=True)
class Scope:
    """What the names in one SELECT can mean.

    ``aliases`` are the SELECT list's own names, for GROUP BY and ORDER BY.
    """

    outer: Scope | None = None
    sources: list[Source] = field(default_factory=list)
    visible: list[Visible] = field(default_factory=list)
    aliases: dict[str, exp.Expr] = field(default_factory=dict)
    is_open: bool = False
    _by_name: tuple[list[Visible], dict[str, list[Visible]]] | None = None

    def called(self, name: str) -> list[Visible]:
        """Return the columns that a bare name means in this scope alone."""
        if self._by_name is None or self._by_name[0] is not self.visible:
            self._by_name = self.visible, grouped(self.visible)
        return self._by_name[1].get(name, [])

    def chain(self) -> Iterator[Scope]:
        """Yield this scope and the ones around it, nearest first."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer

    def named(self, table: str, schema: str | None) -> list[Source]:
        """Return the sources that a qualifier means."""
        return [
            source
            for source in self.sources
            if source.name == table and (schema is None or source.schema == schema)
        ]

    def column_names(self) -> list[str]:
        """Return every column name in scope, for hints."""
        return [v.name for scope in self.chain() for v in scope.visible]


def reference(source: Source, item: Item, scope: Scope) -> exp.Column:
    """Return a node for a column of a source, fully qualified and typed."""
    node = exp.Column(
        this=exp.Identifier(this=item.label, quoted=True),
        table=exp.Identifier(this=source.label, quoted=True),
    )
    node.meta["type"] = item.column
    node.meta["called"] = item.name
    node.meta["length"] = item.length
    node.meta["scope"] = id(scope)
    return node


def called(column: exp.Column) -> str:
    """Return the name of a column as ADQL has it, where SQL may have another.

    >>> called(exp.column("t_min"))
    't_min'
    """
    return str(column.meta.get("called", column.this.this))


def visible_items(source: Source, scope: Scope) -> list[Visible]:
    """Return the columns of a source as they are visible without its name."""
    return [
        Visible(i.name, i.column, partial(reference, source, i, scope))
        for i in source.items or ()
    ]


def type_of(node: exp.Expr) -> Column:
    """Return the type that the checks gave to a node."""
    column = node.meta.get("type", ANY)
    if not isinstance(column, Column):
        raise TypeError(node)
    return column
