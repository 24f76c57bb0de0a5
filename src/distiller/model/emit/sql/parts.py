"""Statements that are the same on every engine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from distiller.model.names import listed, literal, qualified, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.model.tables import BoundColumn, BoundTable, Model, View

_FROM = re.compile(r"\bFROM\s")


def schemas(model: Model) -> tuple[str, ...]:
    """Return the schemas that tables and views stand in, in their order."""
    names = [table.schema for table in model.in_order()]
    names += [view.name.partition(".")[0] for view in model.views]
    return tuple(dict.fromkeys(names))


def comments(table: BoundTable) -> Iterator[str]:
    """Yield what says of a table and its columns what they are, where it is said."""
    if table.description:
        words = literal(table.description)
        yield f"COMMENT ON TABLE {qualified(table.name)} IS {words}"
    for bound in table.columns:
        if comment(bound):
            yield column_comment(table, bound)


def column_comment(table: BoundTable, bound: BoundColumn) -> str:
    """Return what says of a column what it is."""
    where = f"{qualified(table.name)}.{quoted(bound.column.name)}"
    return f"COMMENT ON COLUMN {where} IS {literal(comment(bound))}"


def comment(bound: BoundColumn) -> str:
    """Return what the database says of a column: its description and unit."""
    column = bound.column
    text = column.description or ""
    return f"{text} [{column.unit}]".strip() if column.unit else text


def view(model: Model, shown: View) -> Iterator[str]:
    """Yield what makes a view: all rows of a table, hidden columns left out."""
    yield f"CREATE VIEW {qualified(shown.name)} AS\n{select(model, shown)}"
    if shown.description:
        yield f"COMMENT ON VIEW {qualified(shown.name)} IS {literal(shown.description)}"


def viewed(query: str) -> str:
    r"""Return the table that a view is of, from its query as an engine tells it.

    What `select` does not write stays: such a view is of no table alone.

    >>> viewed('CREATE VIEW a.v AS SELECT x, "end" FROM cta."order";')
    'cta.order'
    >>> viewed(" SELECT obscore.x\n   FROM ivoa.obscore\n  WHERE x > 0;")
    'ivoa.obscore WHERE x > 0'
    """
    source = _FROM.split(query)[-1].rstrip("; \n")
    return " ".join(source.replace('"', "").split())


def select(model: Model, shown: View) -> str:
    """Return the query of a view."""
    columns = model.known[shown.of].columns
    names = tuple(bound.column.name for bound in columns if not bound.hidden)
    return f"SELECT {listed(names)}\nFROM {qualified(shown.of)}"
