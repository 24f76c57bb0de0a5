"""Rows of tables as objects of the model: what `json_schema` describes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from distiller.core.bundle import Row, Value
    from distiller.core.columns import ForeignKey
    from distiller.model.entities import Role, Type
    from distiller.model.tables import BoundTable, Model

Object: TypeAlias = dict[str, Any]
Key: TypeAlias = "tuple[Value, ...]"


def objects(model: Model, rows: Mapping[str, Iterable[Row]]) -> dict[str, list[Object]]:
    """Return the objects that rows describe, parts inside their wholes.

    Values that are missing and hidden columns are left out, and parts of what is not
    in ``rows``; instants end in ``Z``.

    Parameters
    ----------
    rows
        Rows by qualified table name, such as those of a bundle.

    Returns
    -------
    Lists by class (``model:vodml-id``) of what is no part of anything else.
    """
    shelf = _Shelf(model)
    for name, given in rows.items():
        table = _Table(model, model.by_name[name])
        for row in given:
            shelf.put(table, row)
    return shelf.wholes()


class _Table:
    """A table, with what of the drawing its rows are."""

    def __init__(self, model: Model, table: BoundTable) -> None:
        self.bound = table
        self.name = table.name
        prefix, _, identifier = table.type_id.partition(":")
        self.document = next(d for d in model.documents if d.name == prefix)
        # What a class has several of stands in a table of its own: `Class.attribute`.
        self.item = self.document.find(table.type_id)
        self.attribute = ""
        while self.item is None and identifier:
            identifier, _, last = identifier.rpartition(".")
            self.attribute = f"{last}.{self.attribute}".rstrip(".")
            self.item = self.document.find(f"{prefix}:{identifier}")
        self.paths = {b.column.name: b.path for b in table.columns}
        self.wholes = tuple(self._wholes(model))
        self.base = self._base(model)
        self.kinds = self._kinds()

    def key(self, row: Row) -> Key:
        """Return the key of a row."""
        return tuple([row[name] for name in self.bound.key])

    def type_of(self, row: Row) -> str:
        """Return the class of a row: where a column tells, what it says."""
        for bound in self.bound.columns:
            if bound.literals and not bound.path:
                return self.kinds[str(row[bound.column.name])]
        return self.bound.type_id

    def content(self, row: Row) -> Object:
        """Return a row as an object, parts and several values apart."""
        made: Object = {}
        for bound in self.bound.columns:
            value = row.get(bound.column.name)
            own_key = not bound.path and self.bound.key == (bound.column.name,)
            if value is None or bound.hidden or not (bound.path or own_key):
                continue
            path = bound.path.removeprefix(f"{self.attribute}.") or bound.column.name
            *outer, last = path.split(".")
            inner = made
            for step in outer:
                inner = inner.setdefault(step, {})
            inner[last] = _value(value)
        return made

    def element(self, row: Row) -> object:
        """Return a row as one of several values: a value, a key or an object."""
        for name, path in self.paths.items():
            if path == self.attribute:
                return _value(row.get(name))
        if any(self.paths.values()):
            return self.content(row)
        return row[self.bound.foreign_keys[-1].columns[0][0]]

    def _wholes(self, model: Model) -> Iterator[tuple[ForeignKey, Role]]:
        """Yield the keys of what rows may be parts of, and as what."""
        if self.item is None or self.attribute:
            return
        family = {f"{self.document.name}:{t.id}" for t in self._family(self.item)}
        led = [
            key
            for key in self.bound.foreign_keys
            if not self.paths[key.columns[0][0]]
            and tuple(own for own, _ in key.columns) != self.bound.key
        ]
        for item in self.document.types:
            for role in item.roles:
                if role.kind != "composition" or role.ref not in family:
                    continue
                lineage = {f"{self.document.name}:{t.id}" for t in self._lineage(item)}
                for key in led:
                    if model.known[key.target].type_id in lineage:
                        led.remove(key)
                        yield key, role
                        break

    def _base(self, model: Model) -> str | None:
        """Return the table that holds what a row inherits, under the same key."""
        if self.item is None or not self.item.extends:
            return None
        return next(
            (
                key.target
                for key in self.bound.foreign_keys
                if tuple(own for own, _ in key.columns) == self.bound.key
                and model.known[key.target].type_id == self.item.extends
            ),
            None,
        )

    def _kinds(self) -> Mapping[str, str]:
        items = self._family(self.item) if self.item else ()
        return {item.name: f"{self.document.name}:{item.id}" for item in items}

    def _lineage(self, item: Type) -> Iterator[Type]:
        yield item
        base = self.document.find(item.extends) if item.extends else None
        if base is not None and base is not item:
            yield from self._lineage(base)

    def _family(self, item: Type) -> list[Type]:
        """Return a type, those that it is a kind of, and those that are of its kind."""
        above = {found.id for found in self._lineage(item)}
        return [
            other
            for other in self.document.types
            if other.id in above or item.id in {t.id for t in self._lineage(other)}
        ]


class _Shelf:
    """Objects by table and key."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._made: dict[str, dict[Key, Object]] = {}
        self._types: dict[int, str] = {}
        self._parts: list[tuple[_Table, Row, Object]] = []
        self._several: list[tuple[_Table, Row]] = []

    def put(self, table: _Table, row: Row) -> None:
        """Keep a row; what it belongs to may come later."""
        if table.attribute:
            self._several.append((table, row))
            return
        own = table.content(row)
        self._made.setdefault(table.name, {})[table.key(row)] = own
        self._types[id(own)] = table.type_of(row)
        self._parts.append((table, row, own))

    def wholes(self) -> dict[str, list[Object]]:
        """Put parts into wholes; return what is no part, by class."""
        for table, row, own in self._parts:
            base = self._at(table.base, table.key(row)) if table.base else None
            if base is not None:
                base.update(own)
                self._types[id(base)] = self._types[id(own)]
        for several, row in self._several:
            self._add_value(several, row)
        found: dict[str, list[Object]] = {}
        for table, row, own in self._parts:
            if table.base:
                continue
            if not self._add_part(table, row, own):
                found.setdefault(self._types[id(own)], []).append(own)
        return found

    def _at(self, table: str, key: Key) -> Object | None:
        return self._made.get(table, {}).get(key)

    def _add_part(self, table: _Table, row: Row, own: Object) -> bool:
        """Put a part into its whole, if there is one; whether it is a part."""
        for key, role in table.wholes:
            value = row.get(key.columns[0][0])
            if value is None:
                continue
            whole = self._at(key.target, (value,))
            if whole is not None and role.upper == 1:
                whole[role.name] = own
            elif whole is not None:
                whole.setdefault(role.name, []).append(own)
            return True
        return bool(table.wholes) and not _may_stand_alone(table)

    def _add_value(self, table: _Table, row: Row) -> None:
        led = table.bound.foreign_keys[0]
        owner = self._at(led.target, tuple([row[own] for own, _ in led.columns]))
        if owner is None:
            return
        element = table.element(row)
        inner = owner
        within = _Table(self._model, self._model.by_name[led.target]).attribute
        *outer, last = table.attribute.removeprefix(f"{within}.").split(".")
        for step in outer:
            inner = inner.setdefault(step, {})
        inner.setdefault(last, []).append(element)
        if isinstance(element, dict):
            self._made.setdefault(table.name, {})[table.key(row)] = element


def _may_stand_alone(table: _Table) -> bool:
    """Whether a row need not be a part: where the keys of wholes may be missing."""
    columns = {b.column.name: b.column for b in table.bound.columns}
    return all(columns[key.columns[0][0]].nullable for key, _ in table.wholes)


def _value(value: Value) -> object:
    if isinstance(value, datetime):
        return f"{value.isoformat()}Z"
    return list(value) if isinstance(value, tuple) else value
