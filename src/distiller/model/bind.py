"""A document and its binding become tables; everything that does not fit is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from distiller.core.columns import Column, Datatype, ForeignKey
from distiller.model.binding import ColumnBinding, snake
from distiller.model.tables import BoundColumn, BoundTable, Ownership, View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.model.binding import Binding, TableBinding
    from distiller.model.entities import Document, Role, Type

_PRIMITIVES: dict[str, tuple[Datatype, str | None, str | None]] = {
    "ivoa:string": ("char", "*", None),
    "ivoa:anyURI": ("char", "*", None),
    "ivoa:datetime": ("char", "*", "timestamp"),
    "ivoa:boolean": ("boolean", None, None),
    "ivoa:real": ("double", None, None),
    "ivoa:rational": ("double", None, None),
    "ivoa:integer": ("long", None, None),
    "ivoa:nonnegativeInteger": ("long", None, None),
}
"""VOTable type, arraysize and xtype of the IVOA base types (VO-DML 1.0 section 5)."""

_REGION = "Region"
"""A primitive type of that name, in any model, is stored as a region on the sky."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A simple value inside a type: an attribute, or one of its data type's."""

    path: str
    role: Role
    nullable: bool
    description: str
    datatype: Datatype
    arraysize: str | None
    xtype: str | None
    literals: tuple[str, ...] = ()


def bind(
    document: Document, binding: Binding, *, complete: bool
) -> tuple[tuple[BoundTable, ...], tuple[View, ...], tuple[str, ...]]:
    """Return tables, views and faults of one model.

    Parameters
    ----------
    complete
        Whether an attribute that the binding does not name is a fault; otherwise it
        becomes a column under its own name.
    """
    binder = _Binder(document, binding, complete=complete)
    tables = tuple(binder.tables())
    views = tuple(
        View(f"{binding.schema_name}.{name}", v.of, v.title, v.description)
        for name, v in binding.views.items()
    )
    return tables, views, tuple(binder.faults)


class _Binder:
    def __init__(self, document: Document, binding: Binding, *, complete: bool) -> None:
        self.document = document
        self.binding = binding
        self.complete = complete
        self.faults: list[str] = []

    def tables(self) -> Iterator[BoundTable]:
        """Yield one table per bound type, in the order of the binding."""
        if self.binding.model != self.document.name:
            self._fault(
                f"it binds model {self.binding.model!r}, the document is "
                f"{self.document.name!r}"
            )
        for identifier, bound in self.binding.tables.items():
            found = self._type(identifier)
            if found is None or found.kind != "objectType":
                self._fault(f"{identifier}: no such object type in the model")
            elif found.abstract:
                self._fault(f"{identifier}: an abstract type has no rows")
            else:
                yield self._table(found, bound)
        for item in self.document.types:
            concrete = item.kind == "objectType" and not item.abstract
            if concrete and item.id not in self.binding.tables:
                self._fault(f"{item.id}: object type of the model without a table")

    def _fault(self, message: str) -> None:
        self.faults.append(f"binding of {self.binding.model}: {message}")

    def _type(self, identifier: str) -> Type | None:
        return self.document.find(f"{self.document.name}:{identifier}")

    def _table(self, item: Type, bound: TableBinding) -> BoundTable:
        columns: list[BoundColumn] = []
        keys: list[ForeignKey] = []
        if isinstance(bound.key, str):
            columns.append(_key_column(bound.key, item))
        owner = self._container(item, bound, columns, keys)
        leaves = {leaf.path: leaf for leaf in self._leaves(item)}
        references = {r.name: r for r in self._roles(item) if r.kind == "reference"}
        for path in [*leaves, *references]:
            if path not in bound.columns and self.complete:
                self._fault(f"{item.id}.{path}: attribute of the model left unbound")
        wanted = dict(bound.columns)
        if not self.complete:
            for path in [*leaves, *references]:
                wanted.setdefault(path, ColumnBinding())
        for path, given in wanted.items():
            if path in leaves:
                columns.append(self._column(item, bound, leaves[path], given))
            elif path in references:
                self._reference(item, bound, references[path], given, columns, keys)
            else:
                self._fault(f"{item.id}.{path}: no such attribute in the model")
        name = f"{self.binding.schema_name}.{bound.table}"
        for given_key in bound.foreign_keys:
            pairs = tuple(given_key.columns.items())
            keys.append(ForeignKey(given_key.target, pairs, given_key.description))
        table = BoundTable(
            name=name,
            title=bound.title or item.name,
            description=item.description,
            type_id=f"{self.document.name}:{item.id}",
            package=item.package,
            rows=bound.rows,
            columns=tuple(columns),
            key=(bound.key,) if isinstance(bound.key, str) else bound.key,
            foreign_keys=tuple(keys),
            utype=bound.utype
            or (f"{self.document.name}:{item.id}" if bound.utypes else None),
            hidden=self.binding.hidden,
            root=bound.root,
            owner=self._owned_by(item, bound) or owner,
            points=bound.points,
        )
        self._check_names(table, bound)
        return table

    def _check_names(self, table: BoundTable, bound: TableBinding) -> None:
        names = table.names
        for name in sorted({n for n in names if names.count(n) > 1}):
            self._fault(f"{table.name}.{name}: two columns of that name")
        absent = [n for n in (*table.key, bound.root) if n and n not in names]
        for name in absent:
            self._fault(f"{table.name}: key or root {name!r} is no column of it")
        for name in [n for pair in bound.points for n in pair if n not in names]:
            self._fault(f"{table.name}: {name!r} of its points is no column of it")
        if table.rows == "own" and self.complete and not (table.root or table.owner):
            self._fault(
                f"{table.name}: nothing says to which dataset its rows belong "
                f"(compose it into the root type, or name owned_by)"
            )

    def _roles(self, item: Type) -> tuple[Role, ...]:
        """Roles of the type, those of its base types first."""
        inherited: tuple[Role, ...] = ()
        if item.extends:
            base = self.document.find(item.extends)
            if base is not None and base is not item:
                inherited = self._roles(base)
        return inherited + item.roles

    def _leaves(
        self, item: Type, path: str = "", *, nullable: bool = False, words: str = ""
    ) -> Iterator[Leaf]:
        """Yield the simple values of a type, data types taken apart."""
        for role in self._roles(item):
            if role.kind != "attribute":
                continue
            here = f"{path}.{role.name}" if path else role.name
            text = f"{words}: {role.description}" if words else role.description
            if role.upper != 1:
                self._fault(
                    f"{item.id}.{role.name}: several values do not fit a column "
                    f"(make it an object type and compose it)"
                )
                continue
            empty = nullable or role.lower == 0
            inner = self.document.find(role.ref)
            if inner is not None and inner.kind == "dataType":
                yield from self._leaves(
                    inner, here, nullable=empty, words=text.rstrip(".")
                )
                continue
            form = _form(role.ref, inner)
            if form is None:
                self._fault(f"{item.id}.{here}: no column type for {role.ref}")
                continue
            literals = tuple(x for x, _ in inner.literals) if inner else ()
            yield Leaf(here, role, empty, text, *form, literals)

    def _column(
        self, item: Type, bound: TableBinding, leaf: Leaf, given: ColumnBinding
    ) -> BoundColumn:
        utype = f"{self.document.name}:{item.id}.{leaf.path}" if bound.utypes else None
        name = given.column or snake(leaf.path)
        column = Column(
            name=name,
            datatype=given.datatype or leaf.datatype,
            arraysize=leaf.arraysize,
            xtype=leaf.xtype,
            unit=given.unit,
            ucd=given.ucd,
            utype=given.utype or utype,
            description=given.description or leaf.description,
            nullable=leaf.nullable,
            principal=given.principal,
            indexed=given.indexed or given.unique or bound.key == (name,),
            std=bound.std,
            delimited=given.delimited,
        )
        return BoundColumn(
            column, leaf.path, leaf.literals, given.unique, given.clock, given.hidden
        )

    def _reference(  # noqa: PLR0913, PLR0917 - one step of _table, told apart
        self,
        item: Type,
        bound: TableBinding,
        role: Role,
        given: ColumnBinding,
        columns: list[BoundColumn],
        keys: list[ForeignKey],
    ) -> None:
        target = self._target(role, item)
        if target is None:
            return
        table, key = target
        name = given.column or key
        utype = f"{self.document.name}:{role.id}" if bound.utypes else None
        column = Column(
            name=name,
            datatype="char",
            arraysize="*",
            ucd=given.ucd or "meta.id",
            utype=given.utype or utype,
            description=given.description or role.description,
            nullable=role.lower == 0,
            principal=given.principal,
            std=bound.std,
        )
        columns.append(BoundColumn(column, role.name, hidden=given.hidden))
        keys.append(ForeignKey(table, ((name, key),), role.description, column.utype))

    def _container(
        self,
        item: Type,
        bound: TableBinding,
        columns: list[BoundColumn],
        keys: list[ForeignKey],
    ) -> Ownership | None:
        """Add the column that names the row which this one is a part of."""
        lineage = {f"{self.document.name}:{t.id}" for t in self._lineage(item)}
        for container in self.document.types:
            for role in container.roles:
                if role.kind != "composition" or role.ref not in lineage:
                    continue
                target = self._target(role, item, container.id)
                if target is None:
                    return None
                table, key = target
                given = bound.container
                name = given.column or key
                utype = f"{self.document.name}:{role.id}" if bound.utypes else None
                words = container.name[0].lower() + container.name[1:]
                column = Column(
                    name=name,
                    datatype="char",
                    arraysize="*",
                    ucd=given.ucd or "meta.id",
                    utype=given.utype or utype,
                    description=given.description or f"Key of its {_spaced(words)}.",
                    nullable=False,
                    principal=given.principal or bound.std,
                    std=bound.std,
                )
                columns.append(BoundColumn(column, "", hidden=given.hidden))
                keys.append(
                    ForeignKey(table, ((name, key),), role.description, column.utype)
                )
                return Ownership(name, table, key)
        return None

    def _lineage(self, item: Type) -> Iterator[Type]:
        yield item
        base = self.document.find(item.extends) if item.extends else None
        if base is not None and base is not item:
            yield from self._lineage(base)

    def _target(
        self, role: Role, item: Type, identifier: str | None = None
    ) -> tuple[str, str] | None:
        """Return table and key column that a role leads to."""
        wanted = identifier or role.ref.partition(":")[2]
        bound = self.binding.tables.get(wanted)
        if bound is None:
            self._fault(f"{item.id}: {role.name} leads to {wanted}, which has no table")
            return None
        key = bound.key if isinstance(bound.key, str) else bound.key[0]
        if not isinstance(bound.key, str) and len(bound.key) > 1:
            self._fault(
                f"{item.id}: {role.name} leads to {wanted}, whose key is of "
                f"several columns"
            )
            return None
        return f"{self.binding.schema_name}.{bound.table}", key

    def _owned_by(self, item: Type, bound: TableBinding) -> Ownership | None:
        """Follow ``owned_by``: a reference of another type to this one."""
        if bound.owned_by is None:
            return None
        source, _, name = bound.owned_by.rpartition(".")
        table = self.binding.tables.get(source)
        owner = self._type(source)
        role = (
            next((r for r in self._roles(owner) if r.name == name), None)
            if (owner is not None)
            else None
        )
        if table is None or role is None or not isinstance(bound.key, str):
            self._fault(f"{item.id}: owned_by {bound.owned_by} is no reference to it")
            return None
        given = table.columns.get(name)
        column = (given.column if given else None) or bound.key
        return Ownership(bound.key, f"{self.binding.schema_name}.{table.table}", column)


def _form(
    ref: str, inner: Type | None
) -> tuple[Datatype, str | None, str | None] | None:
    """VOTable type, arraysize and xtype of a value type."""
    if inner is None:
        return _PRIMITIVES.get(ref)
    if inner.kind == "enumeration":
        return "char", "*", None
    if inner.kind == "primitiveType" and inner.name == _REGION:
        return "char", "*", "adql:REGION"
    if inner.kind == "primitiveType" and inner.extends:
        return _PRIMITIVES.get(inner.extends)
    return None


def _key_column(name: str, item: Type) -> BoundColumn:
    words = _spaced(item.name[0].lower() + item.name[1:])
    column = Column(
        name=name,
        datatype="char",
        arraysize="*",
        ucd="meta.id;meta.main",
        description=f"Key of the {words}: the same for the same content, everywhere.",
        nullable=False,
        principal=True,
        indexed=True,
    )
    return BoundColumn(column)


def _spaced(words: str) -> str:
    """Return camelCase as words.

    >>> _spaced("goodTimeInterval")
    'good time interval'
    """
    return snake(words).replace("_", " ")
