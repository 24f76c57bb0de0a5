"""Tables of what a row has several of: values, and references to other rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from distiller.core.columns import Column, ForeignKey
from distiller.model.bind.columns import Columns
from distiller.model.bind.context import KeyForm, spaced
from distiller.model.bind.forms import NUMBER, Form
from distiller.model.bind.rules import add_rule
from distiller.model.bind.sheet import Sheet, key_column
from distiller.model.bind.walk import joined
from distiller.model.binding import ColumnBinding, snake
from distiller.model.entities import UNBOUNDED
from distiller.model.names import quoted
from distiller.model.tables import BoundTable, Check, Ownership

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.model.bind.context import Context
    from distiller.model.bind.walk import Part
    from distiller.model.binding import TableBinding
    from distiller.model.entities import Type


@dataclass(frozen=True, slots=True)
class Owner:
    """The table whose rows have several of something.

    Attributes
    ----------
    by
        The column of its key that says to which dataset a row belongs; empty if none
        does.
    """

    table: str
    title: str
    key: tuple[Column, ...]
    by: str

    @classmethod
    def of(cls, table: BoundTable) -> Owner:
        """Return the owner that a table is."""
        columns = {b.column.name: b.column for b in table.columns}
        key = tuple(columns[name] for name in table.key if name in columns)
        return cls(table.name, table.title, key, _belongs_by(table))


def _belongs_by(table: BoundTable) -> str:
    """Return the column of a key whose value is of one dataset only, or nothing."""
    if len(table.key) == 1:
        return table.key[0]
    saying = (table.root, table.owner.column if table.owner else None)
    return next((name for name in saying if name in table.key and name), "")


class Several:
    """Makes the tables beside that of one type.

    Parameters
    ----------
    path
        What stands before the paths of its attributes in the binding.
    """

    def __init__(
        self, context: Context, bound: TableBinding, item: Type, path: str = ""
    ) -> None:
        self._context = context
        self._bound = bound
        self._item = item
        self._path = path

    def tables(
        self, owner: Owner, part: Part, given: ColumnBinding, within: str = ""
    ) -> Iterator[BoundTable]:
        """Yield the table of an attribute or reference, and those inside it."""
        role = part.role
        inner = part.path.removeprefix(f"{within}.")
        usual = f"{owner.table.partition('.')[2]}_{snake(inner)}"
        what = f"{self._item.id}: {joined(self._path, part.path)}"
        own = self._context.table_beside(given.table, usual, what)
        name = self._context.qualified(own)
        sheet = Sheet(name, not self._context.complete)
        for column in owner.key:
            words = f"Key of its {spaced(self._item.name)}."
            form = Form(column.datatype, column.arraysize, column.xtype)
            sheet.add(key_column(column.name, KeyForm(form, column.unit), words))
        pairs = tuple((c.name, c.name) for c in owner.key)
        sheet.keys.append(ForeignKey(owner.table, pairs, role.description))
        if part.shape == "references":
            self._link(sheet, part, given)
            yield self._finished(sheet, owner, part, len(sheet.columns))
            return
        count = len(owner.key) + 1
        self._index(sheet, part)
        deeper = list(self._values(sheet, part, given))
        table = self._finished(sheet, owner, part, count)
        yield table
        for leaf, leaf_given in deeper:
            yield from self.tables(Owner.of(table), leaf, leaf_given, part.path)

    def _index(self, sheet: Sheet, part: Part) -> None:
        name = sheet.free(f"{snake(part.role.name)}_index")
        said = "Number of the value, from 1."
        sheet.add(key_column(name, KeyForm(NUMBER), said, "meta.number", indexed=False))
        text, words = f"{quoted(name)} >= 1", "counted from 1"
        if part.role.upper != UNBOUNDED:
            text = f"{quoted(name)} BETWEEN 1 AND {part.role.upper}"
            words = f"at most {part.role.upper} values, counted from 1"
        sheet.checks.append(Check((name,), text, words))

    def _values(
        self, sheet: Sheet, part: Part, given: ColumnBinding
    ) -> Iterator[tuple[Part, ColumnBinding]]:
        """Add the columns of one value; yield what it has several of in its turn."""
        columns = Columns(self._context, self._bound, self._item, sheet)
        for leaf in self._context.walker.parts_of_value(part, self._item.id):
            path = joined(self._path, leaf.path)
            found = self._bound.columns.get(path)
            if leaf.path == part.path:
                found = given
            elif found is None and self._context.complete and not leaf.optional:
                self._context.messages.fault(
                    f"{self._item.id}: {path}: attribute of the model left unbound"
                )
                continue
            found = found or ColumnBinding()
            if leaf.shape == "value":
                columns.add_value(leaf, found, part.path)
            elif leaf.shape == "reference":
                columns.add_reference(leaf, found)
            else:
                yield leaf, found
        if part.inner is not None:
            for rule in self._context.walker.rules_of_value(part.inner, part.path):
                add_rule(sheet, rule, self._context.messages)

    def _link(self, sheet: Sheet, part: Part, given: ColumnBinding) -> None:
        """Add the key of the other row."""
        context, role = self._context, part.role
        item = context.document.find(role.ref)
        target = context.target(item, f"{self._item.id}: {role.name}")
        key = target.key if target else f"{snake(role.name)}_id"
        name = given.column or sheet.free(key, f"{snake(role.name)}_{key}")
        form = context.led(target, given, f"{self._item.id}: {part.path}")
        sheet.add(key_column(name, form, given.description or part.description))
        if target is not None:
            utype = context.utype(self._bound, role.id)
            sheet.lead(name, target, role.description, utype)

    def _finished(
        self, sheet: Sheet, owner: Owner, part: Part, count: int
    ) -> BoundTable:
        """Return the table; the first columns are its key."""
        key = tuple(b.column.name for b in sheet.columns[:count])
        identifier = f"{self._item.id}.{part.path}"
        own = self._bound.rows == "own" and owner.by
        table = BoundTable(
            name=sheet.name,
            title=f"{owner.title}: {part.role.name}",
            description=part.description,
            type_id=self._context.identifier(identifier),
            package=self._item.package,
            rows=self._bound.rows,
            columns=tuple(sheet.columns),
            key=key,
            foreign_keys=tuple(sheet.keys),
            checks=tuple(sheet.checks),
            utype=self._context.utype(self._bound, identifier),
            hidden=self._context.binding.hidden,
            owner=Ownership(owner.by, owner.table, owner.by) if own else None,
        )
        self._context.twice(table)
        return table
