"""The columns that name the row which this one is a part of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from distiller.core.columns import Column
from distiller.model.bind.context import spaced
from distiller.model.binding import ColumnBinding, snake
from distiller.model.names import quoted
from distiller.model.tables import BoundColumn, Check, Ownership

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.model.bind.context import Context
    from distiller.model.bind.sheet import Sheet
    from distiller.model.binding import TableBinding
    from distiller.model.entities import Role, Type


@dataclass(frozen=True, slots=True)
class Whole:
    """A type that composes this one, and the role that it does it by.

    Attributes
    ----------
    of_all
        Whether every row of the table may be a part of it, not only those of a type
        that extends it.
    """

    item: Type
    role: Role
    of_all: bool


def wholes(context: Context, item: Type) -> tuple[Whole, ...]:
    """Return the wholes that the table of a type has a column for."""
    families = context.families
    strategy = families.strategy(item)
    own = {item.id} if strategy == "joined" else {t.id for t in families.lineage(item)}
    below = {t.id for t in families.below(item)} if strategy == "single" else set()
    return tuple(
        Whole(whole, role, ref in own)
        for whole, role, ref in _compositions(context)
        if ref in own | below
    )


def add_wholes(
    context: Context,
    item: Type,
    bound: TableBinding,
    sheet: Sheet,
    contested: frozenset[str],
) -> Ownership | None:
    """Add a column for each whole; return how rows are known to belong to one.

    A part of one whole always has it. A part of several kinds of whole has exactly
    one of them, except where a part is a whole of the same kind itself.
    """
    found = wholes(context, item)
    family = {t.id for t in _family(context, item)}
    related = [w for w, _, ref in _compositions(context) if ref in family]
    nested = any(whole.id in family for whole in related)
    nullable = len(related) > 1 or nested
    owner: Ownership | None = None
    names: list[str] = []
    for number, whole in enumerate(found):
        given = bound.container if number == 0 else ColumnBinding()
        target = context.target(whole.item, f"{item.id}: its whole")
        if target is None and context.messages.faults and context.complete:
            return None
        if given.column:
            name = given.column
            sheet.said[name] = "container"
        elif target is None:
            name = sheet.free(f"{snake(whole.item.name)}_id")
        elif whole.item.id in family:
            name = sheet.free(f"parent_{target.key}", f"{snake(whole.role.name)}_whole")
        elif target.key in contested:
            name = sheet.free(f"{snake(whole.role.name)}_{target.key}")
        else:
            name = sheet.free(target.key)
        key = context.led(target, given, f"{item.id}: container")
        column = Column(
            name=name,
            datatype=key.form.datatype,
            arraysize=key.form.arraysize,
            xtype=key.form.xtype,
            unit=key.unit,
            ucd=given.ucd or "meta.id",
            utype=given.utype or context.utype(bound, whole.role.id),
            description=given.description or f"Key of its {spaced(whole.item.name)}.",
            nullable=nullable,
            principal=given.principal or bound.std,
            std=bound.std,
        )
        sheet.add(BoundColumn(column, hidden=given.hidden, was=given.was))
        names.append(name)
        if target is not None:
            sheet.lead(name, target, whole.role.description, column.utype)
            if not nullable:
                owner = Ownership(name, target.table, target.key)
    if len(names) > 1:
        exact = (
            not nested and all(w.of_all for w in found) and len(found) == len(related)
        )
        sheet.checks.append(_one_of(names, exact=exact))
    return owner


def _family(context: Context, item: Type) -> Iterator[Type]:
    yield from context.families.lineage(item)
    yield from context.families.below(item)


def _compositions(context: Context) -> Iterator[tuple[Type, Role, str]]:
    """Yield the whole, the role and the vodml-id of the part of each composition."""
    for whole in context.document.types:
        for role in whole.roles:
            if role.kind == "composition":
                found = context.document.find(role.ref)
                if found is not None:
                    yield whole, role, found.id


def _one_of(names: list[str], *, exact: bool) -> Check:
    counted = " + ".join(
        f"CASE WHEN {quoted(name)} IS NULL THEN 0 ELSE 1 END" for name in names
    )
    sign, words = ("=", "exactly one") if exact else ("<=", "at most one")
    return Check(
        tuple(names), f"{counted} {sign} 1", f"{words} of {', '.join(names)} is given"
    )
