"""Tables with their columns, keys, checks and indexes; views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.model.emit.docs.names import cell
from distiller.model.emit.er import kind
from distiller.model.emit.sql import postgresql
from distiller.model.names import of_table, qualified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.model.emit.docs.names import Site
    from distiller.model.tables import BoundColumn, BoundTable, Model, View

_ROWS = {
    "own": "Rows belong to one dataset and go with it.",
    "shared": "Rows are shared between datasets.",
    "history": "Rows are added and never deleted: they tell what was.",
    "mapped": "Rows are filled from the other tables by the declared mapping.",
    "derived": "Rows are derived from the model.",
    "service": "Book-keeping of the archive; it cannot be queried.",
}


def section(model: Model, table: BoundTable, site: Site) -> Iterator[str]:
    """Yield the lines of a table."""
    yield ""
    yield f"### {table.name}"
    yield ""
    yield f"{table.description} {_ROWS[table.rows]}"
    yield ""
    yield "| column | type | unit | UCD | meaning |"
    yield "|---|---|---|---|---|"
    for bound in table.columns:
        yield _column(table, bound)
    yield ""
    yield f"- Primary key: {_names(table.key)}."
    for key in table.foreign_keys:
        own = _names(tuple(own for own, _ in key.columns))
        other = _names(tuple(other for _, other in key.columns))
        yield f"- {own} refers to {other} of {site.table(key.target)}."
    for check in _checks(table):
        yield f"- Checked: `{check}`."
    indexes = _indexes(table)
    if indexes:
        yield f"- Indexes on PostgreSQL: {'; '.join(f'`{x}`' for x in indexes)}."
    for name in _leading(model, table):
        yield f"- {site.table(name)} refers to it."


def view(shown: View, site: Site) -> Iterator[str]:
    """Yield the lines of a view."""
    yield ""
    yield f"### {shown.name}"
    yield ""
    yield f"*View.* {shown.description} Columns are those of {site.table(shown.of)}."


def _column(table: BoundTable, bound: BoundColumn) -> str:
    column = bound.column
    marks = [
        word
        for word, holds in (
            ("key", column.name in table.key),
            ("unique", bound.unique),
            ("time MOC", bound.times),
            ("clock", bound.clock),
            ("hidden", bound.hidden),
        )
        if holds
    ]
    words = [column.description or ""]
    if bound.literals:
        words.append("One of " + ", ".join(f"`{x}`" for x in bound.literals) + ".")
    if not column.nullable:
        words.append("Never missing.")
    if marks:
        words.append("(*" + ", ".join(marks) + "*)")
    return (
        f"| `{column.adql_name}` | {kind(bound)} | {column.unit or ''} | "
        f"{column.ucd or ''} | {cell(' '.join(words))} |"
    )


def _checks(table: BoundTable) -> list[str]:
    """Return what must hold of every row, lists of words apart."""
    listed = {
        of_table(table.name, (bound.column.name,), "check")
        for bound in table.columns
        if bound.literals
    }
    return [
        text.removeprefix("CHECK (").removesuffix(")")
        for name, text in postgresql.constraints(table).items()
        if text.startswith("CHECK ") and name not in listed
    ]


def _indexes(table: BoundTable) -> list[str]:
    """Return what each index is made of, those of keys and unique columns apart."""
    head = f" ON {qualified(table.name)} "
    texts = postgresql.indexes(table).values()
    return [text.partition(head)[2].removeprefix("USING ") for text in texts]


def _leading(model: Model, table: BoundTable) -> list[str]:
    """Return the tables that have a key of this one."""
    return [
        other.name
        for other in model.tables
        if any(key.target == table.name for key in other.foreign_keys)
    ]


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
