"""The columns of simple values and of references to one other row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.core.columns import Column
from distiller.model.bind.forms import NUMBERS, compound
from distiller.model.binding import snake
from distiller.model.tables import BoundColumn

if TYPE_CHECKING:
    from distiller.core.columns import Datatype
    from distiller.model.bind.context import Context
    from distiller.model.bind.sheet import Sheet
    from distiller.model.bind.walk import Part
    from distiller.model.binding import ColumnBinding, TableBinding
    from distiller.model.entities import Type


class Columns:
    """Adds the columns of one type to a table.

    Parameters
    ----------
    item
        The type whose attributes they are.
    contested
        Names that several keys to other tables would have: they get that of their role.
    path
        What stands before the paths of its attributes in the binding.
    """

    def __init__(  # noqa: PLR0913 - all of it describes one place
        self,
        context: Context,
        bound: TableBinding,
        item: Type,
        sheet: Sheet,
        *,
        contested: frozenset[str] = frozenset(),
        path: str = "",
        optional: bool = False,
    ) -> None:
        self._context = context
        self._bound = bound
        self._item = item
        self._sheet = sheet
        self._contested = contested
        self._path = path
        self._optional = optional

    def add_value(self, part: Part, given: ColumnBinding, within: str = "") -> None:
        """Add the column of a simple value.

        Parameters
        ----------
        within
            Path of the attribute with several values that this is one of.
        """
        name = given.column or self._free(part.path.removeprefix(f"{within}."))
        utype = self._context.utype(self._bound, f"{self._item.id}.{part.path}")
        column = Column(
            name=name,
            datatype=self._datatype(part, given),
            arraysize=part.form.arraysize,
            xtype=part.form.xtype,
            unit=given.unit,
            ucd=given.ucd,
            utype=given.utype or utype,
            description=given.description or part.description,
            nullable=part.nullable or self._optional,
            principal=given.principal,
            indexed=given.indexed or given.unique or self._bound.key == (name,),
            std=self._bound.std,
        )
        bound = BoundColumn(
            column,
            part.path,
            part.form.literals,
            given.unique,
            given.clock,
            given.hidden,
            given.was,
            given.times,
        )
        if given.times and not column.is_text:
            self._context.messages.fault(
                f"{self._item.id}: {self._at(part.path)}: times: it holds "
                f"{part.form.words} (only texts are time MOCs)"
            )
        paths = [self._at(part.path)]
        if compound(part.role.ref) and not part.optional:
            paths.append(self._at(f"{part.path}.value"))
        self._sheet.add(bound, *paths)

    def _datatype(self, part: Part, given: ColumnBinding) -> Datatype:
        """Return the datatype of a value: only a number may be another number."""
        usual, said = part.form.datatype, given.datatype
        if said is None or said == usual or {said, usual} <= NUMBERS:
            return said or usual
        self._context.messages.fault(
            f"{self._item.id}: {self._at(part.path)}: datatype {said}: it holds "
            f"{part.form.words} and stays {usual} (only numbers can be other numbers)"
        )
        return usual

    def add_reference(self, part: Part, given: ColumnBinding) -> None:
        """Add the column with the key of another row."""
        context, role = self._context, part.role
        item = context.document.find(role.ref)
        target = context.target(item, f"{self._item.id}: {role.name}")
        if target is None and context.messages.faults and context.complete:
            return
        usual = [f"{snake(part.path)}_{target.key if target else 'id'}"]
        if target is not None and target.key not in self._contested:
            usual.insert(0, target.key)
        name = given.column or self._sheet.free(*usual)
        key = context.led(target, given, f"{self._item.id}: {part.path}")
        column = Column(
            name=name,
            datatype=key.form.datatype,
            arraysize=key.form.arraysize,
            xtype=key.form.xtype,
            unit=key.unit,
            ucd=given.ucd or "meta.id",
            utype=given.utype or context.utype(self._bound, role.id),
            description=given.description or part.description,
            nullable=part.nullable or self._optional,
            principal=given.principal,
            indexed=given.indexed,
            std=self._bound.std,
        )
        self._sheet.add(
            BoundColumn(column, part.path, hidden=given.hidden, was=given.was),
            self._at(part.path),
        )
        if target is not None:
            self._sheet.lead(name, target, role.description, column.utype)

    def _free(self, path: str) -> str:
        own = snake(path)
        said = self._sheet.said.get(own)
        if said is not None and self._context.complete:
            self._context.messages.fault(
                f"{self._item.id}: {path}: its column {own} has the name that {said} "
                f"says (give one of them another)"
            )
        return self._sheet.free(own, f"{snake(self._item.name)}_{own}")

    def _at(self, path: str) -> str:
        return f"{self._path}.{path}" if self._path else path
