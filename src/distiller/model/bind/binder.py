"""Each object type becomes a table, or a part of one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distiller.core.columns import Column, ForeignKey
from distiller.core.spelling import meant
from distiller.model.bind.columns import Columns
from distiller.model.bind.context import Context, KeyForm, spaced
from distiller.model.bind.forms import NUMBERS, Form
from distiller.model.bind.rules import add_presence, add_rule
from distiller.model.bind.several import Owner, Several
from distiller.model.bind.sheet import Sheet, key_column
from distiller.model.bind.walk import joined
from distiller.model.bind.wholes import add_wholes, wholes
from distiller.model.binding import ColumnBinding
from distiller.model.tables import BoundColumn, BoundTable, Ownership, View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.model.bind.walk import Part, Rule
    from distiller.model.binding import Binding, TableBinding
    from distiller.model.entities import Document, Role, Type


@dataclass(frozen=True, slots=True)
class Bound:
    """What a document and its binding become."""

    tables: tuple[BoundTable, ...]
    views: tuple[View, ...]
    faults: tuple[str, ...]
    notes: tuple[str, ...]


def bind(document: Document, binding: Binding, *, complete: bool) -> Bound:
    """Return tables, views, faults and notes of one model.

    Parameters
    ----------
    complete
        Whether an attribute that the binding does not name is a fault; otherwise it
        becomes a column under its own name, and what SQL cannot hold is noted.
    """
    keys: dict[str, KeyForm] = {}
    # What leads to a key is what the key is, which may lead to another: each turn
    # carries it one table further.
    for _ in range(len(binding.tables) + 1):
        context = Context(document, binding, complete=complete, keys=keys)
        tables = tuple(_tables(context))
        found = _keys(tables)
        if found == keys:
            break
        keys = found
    views = tuple(
        View(context.qualified(name), v.of, v.title, v.description)
        for name, v in binding.views.items()
    )
    messages = context.messages
    for note in _narrowed(document):
        messages.note(note)
    for table in tables if complete else ():
        if table.rows == "own" and not (table.root or table.owner):
            messages.fault(
                f"{table.name}: nothing says to which dataset its rows belong "
                f"(rows: shared if they belong to none; else compose it into the "
                f"root type, or name owned_by)"
            )
    return Bound(tables, views, tuple(messages.faults), tuple(messages.notes))


def _keys(tables: tuple[BoundTable, ...]) -> dict[str, KeyForm]:
    """Return what keys of one column are, by table, where they are no text."""
    found: dict[str, KeyForm] = {}
    for table in tables:
        for bound in table.columns:
            column = bound.column
            if table.key == (column.name,) and not column.is_text:
                form = Form(column.datatype, column.arraysize, column.xtype)
                found[table.name] = KeyForm(form, column.unit)
    return found


def _narrowed(document: Document) -> Iterator[str]:
    """Yield the inherited roles that types narrow, of which SQL knows nothing."""
    for item in document.types:
        for constraint in item.constraints:
            if constraint.role is not None:
                to = constraint.datatype or (constraint.concept and "a concept")
                more = f" to {to}" if to else ""
                yield f"{item.id} narrows {constraint.role}{more}: SQL does not hold it"


def _tables(context: Context) -> Iterator[BoundTable]:
    """Yield the tables of each bound type, in the order of the binding."""
    binding, families, fault = context.binding, context.families, context.messages.fault
    if binding.model != context.document.name:
        fault(
            f"it binds model {binding.model!r}, the document is "
            f"{context.document.name!r}"
        )
    for identifier in binding.inheritance:
        found = context.type(identifier)
        if found is None or families.top(found) is not found:
            fault(f"inheritance: {identifier} is no type at the top of others")
    for identifier, bound in binding.tables.items():
        found = context.type(identifier)
        if found is None or found.kind != "objectType":
            known = (t.id for t in context.document.types if t.kind == "objectType")
            hint = meant(identifier, known)
            fault(f"{identifier}: no such object type in the model{hint}")
        elif families.has_table(found):
            yield from _Binder(context, found, bound).tables()
        elif families.strategy(found) == "single":
            fault(
                f"{identifier}: its rows stand in the table of "
                f"{families.top(found).id} (strategy single)"
            )
        else:
            fault(f"{identifier}: an abstract type has no rows")
    for item in context.document.types:
        lacks = item.id not in binding.tables
        if item.kind == "objectType" and families.has_table(item) and lacks:
            fault(f"{item.id}: object type of the model without a table")


@dataclass(frozen=True, slots=True)
class _Member:
    """A type whose attributes stand in a table: its own, or of one that extends it.

    Attributes
    ----------
    path
        What stands before its attributes in the binding.
    kinds
        The names of the types that have them, where others stand in the table too.
    """

    item: Type
    roles: tuple[Role, ...]
    path: str = ""
    kinds: tuple[str, ...] = ()


class _Binder:
    """Makes the tables of one object type."""

    def __init__(self, context: Context, item: Type, bound: TableBinding) -> None:
        self._context = context
        self._item = item
        self._bound = bound
        self._fault = context.messages.fault
        self._strategy = context.families.strategy(item)
        self._sheet = Sheet(context.qualified(bound.table), not context.complete)

    def tables(self) -> Iterator[BoundTable]:
        """Yield the table of the type, then those of what it has several of."""
        context, item, bound, sheet = (
            self._context, self._item, self._bound, self._sheet
        )  # fmt: skip
        owner = self._key()
        members = self._members()
        kind = self._kind() if len(members) > 1 else ""
        parts = {
            joined(member.path, part.path): (member, part)
            for member in members
            for part in context.walker.parts(member.roles, item.id)
        }
        contested = self._contested([part for _, part in parts.values()])
        owner = add_wholes(context, item, bound, sheet, contested) or owner
        several: list[tuple[_Member, Part, ColumnBinding]] = []
        for path, given in self._wanted(parts).items():
            member, part = parts[path]
            if part.shape in {"values", "references"}:
                several.append((member, part, given))
                continue
            columns = Columns(
                context, bound, member.item, sheet,
                contested=contested, path=member.path, optional=bool(member.kinds),
            )  # fmt: skip
            if part.shape == "value":
                columns.add_value(part, given)
            else:
                columns.add_reference(part, given)
            if member.kinds:
                column = sheet.columns[-1].column.name
                add_presence(
                    sheet, kind, member.kinds, column, required=not part.nullable
                )
        for member in members:
            for rule in self._rules(member):
                add_rule(sheet, rule, context.messages, kind, member.kinds)
        table = self._finished(owner)
        yield table
        for member, part, given in several:
            beside = Several(context, bound, member.item, member.path)
            yield from beside.tables(Owner.of(table), part, given)

    def _key(self) -> Ownership | None:
        """Add the key; of a joined table it leads to that of the type it extends."""
        item, key = self._item, self._bound.key
        if not isinstance(key, str):
            return None
        self._sheet.said[key] = "key"
        what = spaced(item.name)
        words = f"Key of the {what}: the same for the same content, everywhere."
        lineage = self._context.families.lineage(item)
        target = None
        if self._strategy == "joined" and len(lineage) > 1:
            target = self._context.target(lineage[1], f"{item.id}: what it extends")
        form = target.form if target is not None else KeyForm()
        self._sheet.add(key_column(key, form, words, "meta.id;meta.main"))
        if target is None:
            return None
        said = f"The {spaced(lineage[1].name)} that it is."
        self._sheet.lead(key, target, said, None)
        return Ownership(key, target.table, target.key)

    def _members(self) -> tuple[_Member, ...]:
        """Return the types whose attributes stand in the table of this one."""
        item, families = self._item, self._context.families
        if self._strategy == "joined":
            return (_Member(item, item.roles),)
        members = [_Member(item, families.roles(item))]
        if self._strategy == "single":
            for inner in families.below(item):
                kinds = tuple(t.name for t in families.concrete(inner))
                members.append(_Member(inner, inner.roles, inner.id, kinds))
        return tuple(members)

    def _kind(self) -> str:
        """Add the column that says of which type a row is, and return its name."""
        given = self._bound.discriminator
        name = given.column or self._sheet.free(f"{self._bound.table}_type")
        if given.column:
            self._sheet.said[name] = "discriminator"
        kinds = tuple(t.name for t in self._context.families.concrete(self._item))
        words = f"Which {spaced(self._item.name)} it is: its type in the data model."
        column = Column(
            name=name,
            datatype="char",
            arraysize="*",
            ucd=given.ucd or "meta.code.class",
            utype=given.utype,
            description=given.description or words,
            nullable=False,
            principal=True,
            std=self._bound.std,
        )
        self._sheet.add(BoundColumn(column, literals=kinds, was=given.was))
        return name

    def _rules(self, member: _Member) -> Iterator[Rule]:
        walker, families = self._context.walker, self._context.families
        if member.kinds:
            paths = [t.id for t in families.lineage(member.item)[:-1]]
            yield from walker.rules(member.item, (*paths, ""))
        elif self._strategy == "joined":
            yield from walker.rules(self._item)
        else:
            for inherited in families.lineage(self._item):
                yield from walker.rules(inherited)

    def _wanted(
        self, parts: dict[str, tuple[_Member, Part]]
    ) -> dict[str, ColumnBinding]:
        """Return what becomes of each part, in the order of the binding."""
        item, wanted = self._item, dict[str, ColumnBinding]()
        for path, given in self._bound.columns.items():
            if path in parts:
                wanted[path] = given
            elif not self._inside(path, parts):
                hint = meant(path, parts)
                self._fault(f"{item.id}: {path}: no such attribute in the model{hint}")
        for path, (_, part) in parts.items():
            if path in wanted:
                continue
            if not self._context.complete:
                wanted[path] = ColumnBinding()
            elif not part.optional:
                self._fault(f"{item.id}: {path}: attribute of the model left unbound")
        return wanted

    def _inside(self, path: str, parts: dict[str, tuple[_Member, Part]]) -> bool:
        """Whether a path is of one of several values."""
        walker = self._context.walker
        open_ = [(m.path, p) for m, p in parts.values() if p.shape == "values"]
        while open_:
            start, part = open_.pop()
            for leaf in walker.parts_of_value(part, self._item.id):
                if joined(start, leaf.path) == path:
                    return True
                if leaf.shape == "values":
                    open_.append((start, leaf))
        return False

    def _contested(self, parts: list[Part]) -> frozenset[str]:
        """Return the names that several keys to other tables would have."""
        context, key = self._context, self._bound.key
        names = Counter([key] if isinstance(key, str) else [])
        for part in parts:
            found = context.document.find(part.role.ref)
            if part.shape == "reference" and found is not None:
                names.update(context.key_names(found))
        for whole in wholes(context, self._item):
            names.update(context.key_names(whole.item))
        return frozenset(name for name, count in names.items() if count > 1)

    def _finished(self, owner: Ownership | None) -> BoundTable:
        item, bound, sheet = self._item, self._bound, self._sheet
        for given in bound.foreign_keys:
            pairs = tuple(given.columns.items())
            sheet.keys.append(ForeignKey(given.target, pairs, given.description))
        was = bound.was
        table = BoundTable(
            name=sheet.name,
            title=bound.title or item.name,
            description=item.description,
            type_id=self._context.identifier(item.id),
            package=item.package,
            rows=bound.rows,
            columns=tuple(sheet.columns),
            key=(bound.key,) if isinstance(bound.key, str) else bound.key,
            foreign_keys=tuple(sheet.keys),
            checks=tuple(sheet.checks),
            utype=bound.utype or self._context.utype(bound, item.id),
            hidden=self._context.binding.hidden,
            root=bound.root,
            owner=self._owned_by() or owner,
            points=bound.points,
            was=self._context.qualified(was) if was and "." not in was else was,
        )
        self._check_names(table)
        return table

    def _check_names(self, table: BoundTable) -> None:
        bound, names = self._bound, table.names
        self._context.twice(table)
        absent = [n for n in (*table.key, bound.root) if n and n not in names]
        for name in absent:
            self._fault(f"{table.name}: key or root {name!r} is no column of it")
        for name in [n for pair in bound.points for n in pair if n not in names]:
            self._fault(f"{table.name}: {name!r} of its points is no column of it")
        for column in (b.column for b in table.columns):
            on_the_sky = any(column.name in pair for pair in bound.points)
            if on_the_sky and column.datatype not in NUMBERS:
                self._fault(
                    f"{table.name}: {column.name!r} of its points is no number "
                    f"({column.datatype})"
                )

    def _owned_by(self) -> Ownership | None:
        """Follow ``owned_by``: a reference of another type to this one."""
        context, bound = self._context, self._bound
        if bound.owned_by is None:
            return None
        source, _, name = bound.owned_by.rpartition(".")
        table = context.binding.tables.get(source)
        owner = context.type(source)
        roles = context.families.roles(owner) if owner is not None else ()
        found = any(role.name == name for role in roles)
        if table is None or not found or not isinstance(bound.key, str):
            self._fault(
                f"{self._item.id}: owned_by {bound.owned_by} is no reference to it"
            )
            return None
        given = table.columns.get(name)
        column = (given.column if given else None) or bound.key
        return Ownership(bound.key, context.qualified(table.table), column)
