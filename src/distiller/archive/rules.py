"""Which rule of the data model a row breaks, in the words of the model.

Asked once the engine has refused a dataset: whether a condition holds is for the engine
to say, so that there is one meaning of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from distiller.model.emit.sql import quoted, sql_type
from distiller.model.emit.sql.convert import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from distiller.archive.engine import Cells, Session
    from distiller.core.engines import EngineName
    from distiller.model import BoundTable
    from distiller.model.tables import BoundColumn, Check

_LARGEST: Final = {"short": 2**15, "int": 2**31, "long": 2**63}
_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "short": (int, float), "int": (int, float), "long": (int, float),
    "float": (int, float), "double": (int, float), "boolean": (bool,),
}  # fmt: skip


def broken(
    session: Session, engine: EngineName, table: BoundTable, rows: Sequence[Cells]
) -> str | None:
    """Return what the first row that breaks a rule of its table breaks, if one does.

    Which column, its value and description, and the constraint as the model says it.
    """
    for row in rows:
        for column, value in zip(table.columns, row, strict=True):
            words = _misfit(column, value)
            if words is not None:
                return f"{table.name}.{column.column.name} {words} ({_words(column)})"
    for check in table.checks:
        for cells in dict.fromkeys(_cells(table, check, rows)):
            if not _holds(session, engine, table, check, cells):
                return _of_check(table, check, cells)
    return None


def _misfit(bound: BoundColumn, value: Any) -> str | None:
    """Return why a value is none for its column."""
    column = bound.column
    if value is None:
        return None if column.nullable else "is missing, and never may be"
    if bound.literals and value not in bound.literals:
        return f"= {value!r} is none of {', '.join(bound.literals)}"
    if column.is_geometry or column.is_instant:
        return None
    if column.datatype in _KINDS and not isinstance(value, _KINDS[column.datatype]):
        return f"= {value!r} is not of its type, {column.datatype}"
    largest = _LARGEST.get(column.datatype)
    if largest is not None and not -largest <= value < largest:
        return f"= {value} is out of the range of its type, {column.datatype}"
    return None


def _cells(table: BoundTable, check: Check, rows: Sequence[Cells]) -> Iterator[Cells]:
    places = [table.names.index(name) for name in check.columns]
    for row in rows:
        yield tuple(row[place] for place in places)


def _holds(
    session: Session, engine: EngineName, table: BoundTable, check: Check, cells: Cells
) -> bool:
    """Ask the engine whether a condition holds; NULL passes, as in a CHECK."""
    columns = {bound.column.name: bound.column for bound in table.columns}
    values = ", ".join(
        f"CAST(? AS {plain(sql_type(columns[name], engine))}) AS {quoted(name)}"
        for name in check.columns
    )
    ((holds,),) = session.fetch(
        f"SELECT {check.sql} FROM (SELECT {values}) AS q",  # noqa: S608 - words of the model
        list(cells),
    )
    return holds is not False


def _of_check(table: BoundTable, check: Check, cells: Cells) -> str:
    columns = {bound.column.name: bound for bound in table.columns}
    values = ", ".join(
        f"{name} = {'nothing' if value is None else repr(value)}"
        for name, value in zip(check.columns, cells, strict=True)
    )
    about = "; ".join(_words(columns[name]) for name in check.columns)
    return (
        f"{table.name}: {values}, against the constraint of {table.type_id}: "
        f"{check.words} ({about})"
    )


def _words(bound: BoundColumn) -> str:
    return (bound.column.description or bound.column.name).rstrip(".")
