"""What every step of the binding needs to know, and where keys lead to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from distiller.model.bind.families import Families
from distiller.model.bind.forms import TEXT, Form
from distiller.model.bind.messages import Messages
from distiller.model.bind.walk import Walker
from distiller.model.binding import snake
from distiller.model.names import free_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distiller.model.binding import Binding, ColumnBinding, TableBinding
    from distiller.model.entities import Document, Type
    from distiller.model.tables import BoundTable


@dataclass(frozen=True, slots=True)
class Target:
    """Table and key column that a reference leads to, and what that column is."""

    table: str
    key: str
    form: KeyForm


@dataclass(frozen=True, slots=True)
class KeyForm:
    """What a key is, and so every column that leads to it."""

    form: Form = TEXT
    unit: str | None = None


class Context:
    """One document and its binding, with what was found in them.

    Parameters
    ----------
    keys
        What the keys are that are no text, by table.
    """

    def __init__(
        self,
        document: Document,
        binding: Binding,
        *,
        complete: bool,
        keys: Mapping[str, KeyForm],
    ) -> None:
        self.document = document
        self.binding = binding
        self.complete = complete
        self._keys = keys
        self.messages = Messages(binding.model, complete)
        self.families = Families(document, binding.strategy, binding.inheritance)
        self.walker = Walker(document, self.families, self.messages)
        self.taken = {bound.table for bound in binding.tables.values()}
        self.taken.update(binding.views)
        self._said = {
            given.table
            for bound in binding.tables.values()
            for given in bound.columns.values()
            if given.table
        }

    def qualified(self, table: str) -> str:
        """Return the name of a table with its schema."""
        return f"{self.binding.schema_name}.{table}"

    def identifier(self, vodml_id: str) -> str:
        """Return what the model calls something, with its prefix."""
        return f"{self.document.name}:{vodml_id}"

    def table_beside(self, given: str | None, usual: str, what: str) -> str:
        """Return the name of a table beside that of a type; it is taken then.

        A name that is said and taken is a fault; only usual ones give way.

        Parameters
        ----------
        what
            What stands in the table, for messages.
        """
        if given in self.taken:
            self.messages.fault(f"{what}: table {given}: there is one of that name")
        name = given or free_name(self.taken | self._said, usual)
        self.taken.add(name)
        return name

    def utype(self, bound: TableBinding, vodml_id: str) -> str | None:
        """Return the utype of what the model calls so, None where none are wanted."""
        return self.identifier(vodml_id) if bound.utypes else None

    def twice(self, table: BoundTable) -> None:
        """Remember as faults the names that several columns of a table have."""
        for name in sorted({n for n in table.names if table.names.count(n) > 1}):
            self.messages.fault(f"{table.name}.{name}: two columns of that name")

    def type(self, vodml_id: str) -> Type | None:
        """Return the type of this document, or None."""
        return self.document.find(self.identifier(vodml_id))

    def key_names(self, item: Type) -> tuple[str, ...]:
        """Return what the key is called in each table that holds rows of a type."""
        bound = [self.binding.tables.get(t.id) for t in self.families.holders(item)]
        keys = [b.key if isinstance(b.key, str) else b.key[0] for b in bound if b]
        return tuple(dict.fromkeys(keys))

    def target(self, item: Type | None, what: str) -> Target | None:
        """Return table and key of the rows of a type.

        None where there is no such table, or several: no key can lead there.

        Parameters
        ----------
        what
            Who asks, for messages.
        """
        if item is None:
            self.messages.note(
                f"{what} leads to a type of another model: a column without a key "
                f"(foreign_keys of a binding names one)"
            )
            return None
        holders = self.families.holders(item)
        if len(holders) != 1:
            self.messages.note(_several(what, item, holders))
            return None
        bound = self.binding.tables.get(holders[0].id)
        if bound is None:
            self.messages.fault(f"{what} leads to {item.id}, which has no table")
            return None
        if not isinstance(bound.key, str) and len(bound.key) > 1:
            self.messages.fault(
                f"{what} leads to {item.id}, whose key is of several columns"
            )
            return None
        key = bound.key if isinstance(bound.key, str) else bound.key[0]
        table = self.qualified(bound.table)
        return Target(table, key, self._keys.get(table, KeyForm()))

    def led(self, target: Target | None, given: ColumnBinding, what: str) -> KeyForm:
        """Return what a column is that leads to a key: what that key is.

        Of a key in another model, or in one of several tables, the binding says it.

        Parameters
        ----------
        what
            The reference or whole, for messages.
        """
        if target is None:
            said = given.datatype or "char"
            return KeyForm(TEXT if said == "char" else Form(said), given.unit)
        found = target.form
        if given.datatype not in {None, found.form.datatype}:
            self.messages.fault(
                f"{what}: datatype {given.datatype}: the key that it leads to is "
                f"{found.form.datatype}, and so is this column"
            )
        if given.unit not in {None, found.unit}:
            self.messages.fault(
                f"{what}: unit {given.unit}: the key that it leads to has "
                f"{found.unit or 'none'}, and so has this column"
            )
        return found


def _several(what: str, item: Type, holders: tuple[Type, ...]) -> str:
    if not holders:
        return (
            f"{what} leads to {item.id}, which is abstract and which nothing extends: "
            "no table has it"
        )
    listed = ", ".join(t.id for t in holders)
    return (
        f"{what} leads to {item.id}, whose rows stand in several tables ({listed}): "
        "there is no foreign key (with the strategies joined and single there is)"
    )


def spaced(name: str) -> str:
    """Return the name of a type as words.

    >>> spaced("GoodTimeInterval"), spaced("SDSSSource")
    ('good time interval', 'sdss source')
    """
    return snake(name).replace("_", " ")
