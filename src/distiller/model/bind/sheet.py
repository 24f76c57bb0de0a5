"""A table in the making."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from distiller.core.columns import Column, ForeignKey
from distiller.model.conditions import Operand
from distiller.model.tables import BoundColumn

if TYPE_CHECKING:
    from distiller.model.bind.context import Target
    from distiller.model.bind.forms import Form
    from distiller.model.conditions import Kind
    from distiller.model.tables import Check

LONGEST = 63
"""Letters of a name that PostgreSQL keeps."""


@dataclass
class Sheet:
    """Columns, keys and checks of one table, in the order in which they are added.

    Attributes
    ----------
    numbered
        Whether a name that is taken gets a number; otherwise it is a fault later.
    operands
        What conditions may be on, by the path of the attribute.
    """

    name: str
    numbered: bool
    columns: list[BoundColumn] = field(default_factory=list)
    keys: list[ForeignKey] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    operands: dict[str, Operand] = field(default_factory=dict)

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
        return free_name(
            {b.column.name for b in self.columns}, candidates, numbered=self.numbered
        )


def free_name(
    taken: set[str], candidates: tuple[str, ...], *, numbered: bool = True
) -> str:
    """Return the first name that is not taken; a long one is cut and marked.

    >>> free_name({"a", "b"}, ("a", "b", "c")), free_name({"a"}, ("a",))
    ('c', 'a_2')
    """
    short = [_cut(name) for name in candidates]
    for name in short:
        if name not in taken:
            return name
    if not numbered:
        return short[0]
    number = 2
    while f"{short[0]}_{number}" in taken:
        number += 1
    return f"{short[0]}_{number}"


def key_column(
    name: str, form: Form, words: str, ucd: str = "meta.id", *, indexed: bool = True
) -> BoundColumn:
    """Return a column that is never missing and tells rows apart."""
    return BoundColumn(
        Column(
            name=name,
            datatype=form.datatype,
            arraysize=form.arraysize,
            xtype=form.xtype,
            ucd=ucd,
            description=words,
            nullable=False,
            principal=True,
            indexed=indexed,
        )
    )


def _cut(name: str) -> str:
    if len(name) <= LONGEST:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: LONGEST - len(mark) - 4]}_{mark}"


def _kind(column: Column) -> Kind:
    if column.is_geometry:
        return "region"
    if column.is_instant:
        return "instant"
    if column.datatype == "boolean":
        return "truth"
    return "text" if column.datatype == "char" else "number"
