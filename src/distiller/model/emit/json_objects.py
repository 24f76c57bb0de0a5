"""Rows of tables as objects of the model: what `json_schema` describes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from distiller.core.bundle import Row, Value
    from distiller.model.entities import Role
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
    Lists by class (``model:vodml-id``) of what is no part of anything in ``rows``.
    """
    made: dict[str, dict[Key, Object]] = {}
    for name, given in rows.items():
        table = model.by_name[name]
        made[name] = {_key(table, row): _object(table, row) for row in given}
    found: dict[str, list[Object]] = {}
    for name, given in rows.items():
        table = model.by_name[name]
        whole = _whole(model, table)
        for row in given:
            own = made[name][_key(table, row)]
            if whole is None:
                found.setdefault(table.type_id, []).append(own)
                continue
            target, column, role = whole
            _add(made.get(target, {}).get((row[column],)), role, own)
    return found


def _key(table: BoundTable, row: Row) -> Key:
    return tuple([row[name] for name in table.key])


def _object(table: BoundTable, row: Row) -> Object:
    made: Object = {}
    for bound in table.columns:
        value = row.get(bound.column.name)
        own_key = not bound.path and table.key == (bound.column.name,)
        if value is None or bound.hidden or not (bound.path or own_key):
            continue
        *outer, last = (bound.path or bound.column.name).split(".")
        inner = made
        for step in outer:
            inner = inner.setdefault(step, {})
        inner[last] = _value(value)
    return made


def _value(value: Value) -> object:
    if isinstance(value, datetime):
        return f"{value.isoformat()}Z"
    return list(value) if isinstance(value, tuple) else value


def _whole(model: Model, table: BoundTable) -> tuple[str, str, Role] | None:
    """Return table, column and role of what the rows of a table are parts of."""
    prefix = table.type_id.partition(":")[0]
    document = next(d for d in model.documents if d.name == prefix)
    lineage: set[str] = set()
    ref: str | None = table.type_id
    while ref and ref not in lineage:
        lineage.add(ref)
        item = document.find(ref)
        ref = item.extends if item else None
    roles = {
        f"{prefix}:{item.id}": role
        for item in document.types
        for role in item.roles
        if role.kind == "composition" and role.ref in lineage
    }
    paths = {bound.column.name: bound.path for bound in table.columns}
    for key in table.foreign_keys:
        column = key.columns[0][0]
        role = roles.get(model.known[key.target].type_id)
        if role and not paths[column]:
            return key.target, column, role
    return None


def _add(whole: Object | None, role: Role, part: Object) -> None:
    if whole is None:
        return
    if role.upper == 1:
        whole[role.name] = part
    else:
        whole.setdefault(role.name, []).append(part)
