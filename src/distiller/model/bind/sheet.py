"""A table in the making."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from distiller.core.columns import Column, ForeignKey
from distiller.model.conditions import Operand
from distiller.model.names import OF_ENGINES, cut, free_name
from distiller.model.tables import BoundColumn

if TYPE_CHECKING:
    from distiller.model.bind.context import KeyForm, Target
    from distiller.model.conditions import Kind
    from distiller.model.tables import Check


@dataclass
class Sheet:
    """Columns, keys and checks of one table, in the order in which they are added.

    Attributes
    ----------
    numbered
        Whether a name that is taken gets a number; otherwise it is a fault later.
    operands
        What conditions may be on, by the path of the attribute.
    said
        Names of columns that the binding says and that no attribute has by itself,
        with the key of the binding that says them.
    """

    name: str
    numbered: bool
    columns: list[BoundColumn] = field(default_factory=list)
    keys: list[ForeignKey] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    operands: dict[str, Operand] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    def add(self, bound: BoundColumn, *paths: str) -> None:
        """Add a column, which conditions name by these paths."""
        self.columns.append(bound)
        column = bound.column
        operand = Operand(column.name, _kind(column), column.datatype == "float")
        for path in paths:
            self.operands[path] = operand

    def lead(
        self, name: str, target: Target, words: str | None, utype: str | None
    ) -> None:
        """Add a foreign key of one column."""
        pairs = ((name, target.key),)
        self.keys.append(ForeignKey(target.table, pairs, words, utype))

    def free(self, *candidates: str) -> str:
        """Return the first name that no column has."""
        taken = {b.column.name for b in self.columns}
        if not self.numbered:
            first = cut(candidates[0])
            return next((n for n in map(cut, candidates) if n not in taken), first)
        return free_name(taken | OF_ENGINES, *candidates)


def key_column(
    name: str, key: KeyForm, words: str, ucd: str = "meta.id", *, indexed: bool = True
) -> BoundColumn:
    """Return a column that is never missing and tells rows apart."""
    form = key.form
    return BoundColumn(
        Column(
            name=name,
            datatype=form.datatype,
            arraysize=form.arraysize,
            xtype=form.xtype,
            unit=key.unit,
            ucd=ucd,
            description=words,
            nullable=False,
            principal=True,
            indexed=indexed,
        )
    )


def _kind(column: Column) -> Kind:
    if column.is_geometry:
        return "region"
    if column.is_instant:
        return "instant"
    if column.datatype == "boolean":
        return "truth"
    return "text" if column.datatype == "char" else "number"
