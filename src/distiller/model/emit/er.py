"""Entity-relationship diagrams of the tables (crow's foot), as DOT text.

A line joins the table that holds a foreign key and the one that it leads to: at the
first a crow's foot, or a ring and a bar where at most one row has that key; at the
other two bars, or a ring and a bar where the key may be missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.model.emit import dot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from distiller.core.columns import ForeignKey
    from distiller.model.tables import BoundColumn, BoundTable, Model

_FILLS = (dot.BLUE, dot.GREEN, dot.YELLOW, dot.PLAIN)


def tables(
    model: Model, title: str, own: Sequence[BoundTable], *, keys_only: bool = False
) -> str:
    """Return tables with keys, columns and types.

    Others that their keys lead to are plain boxes.

    Parameters
    ----------
    keys_only
        Whether columns that are of no key are left out.
    """
    drawn = {table.name for table in own}
    beside = dict.fromkeys(
        key.target
        for table in own
        for key in table.foreign_keys
        if key.target not in drawn
    )
    lines = [dot.node(table.name, _table(table, keys_only=keys_only)) for table in own]
    lines += [
        dot.node(other, dot.box([_heading(other, dot.PLAIN)])) for other in beside
    ]
    lines += _keys(model, own)
    keyless = all(not table.foreign_keys for table in own)
    return dot.graph(title, lines, **(dot.PACKED if keyless else {}))


def overview(model: Model) -> str:
    """Return all tables by their names, and which leads to which."""
    lines: list[str] = []
    schemas = list(dict.fromkeys(table.schema for table in model.tables))
    for number, name in enumerate(schemas):
        fill = _FILLS[number % len(_FILLS)]
        lines += [
            f"subgraph cluster_{number} {{",
            f"  label={dot.quoted(name)} style=rounded labeljust=l margin=10",
            *(
                "  " + dot.node(t.name, dot.box([_heading(_short(t.name), fill)]))
                for t in model.tables
                if t.schema == name
            ),
            "}",
        ]
    lines += _keys(model, model.tables, whole=False)
    return dot.graph("All tables", lines, nodesep="0.25")


def _keys(
    model: Model, tables: Iterable[BoundTable], *, whole: bool = True
) -> Iterator[str]:
    for table in tables:
        for key in table.foreign_keys:
            yield dot.edge(
                dot.quoted(key.target),
                dot.quoted(table.name),
                dir="both",
                arrowtail="teetee" if _always(table, key) else "teeodot",
                arrowhead="teeodot" if _once(model, table, key) else "crowodot",
                **({"label": dot.label(*(own for own, _ in key.columns))}
                   if whole else {}),
            )  # fmt: skip


def _always(table: BoundTable, key: ForeignKey) -> bool:
    """Whether every row has the key."""
    columns = {bound.column.name: bound.column for bound in table.columns}
    return all(not columns[own].nullable for own, _ in key.columns)


def _once(model: Model, table: BoundTable, key: ForeignKey) -> bool:
    """Whether at most one row has a certain key: by the table, or as drawn."""
    own = {name for name, _ in key.columns}
    unique = {bound.column.name for bound in table.columns if bound.unique}
    if own == set(table.key) or own & unique:
        return True
    target = model.known.get(key.target)
    return any(
        role.ref == table.type_id and role.kind == "composition" and role.upper == 1
        for document in model.documents
        for item in document.types
        if target is not None and f"{document.name}:{item.id}" == target.type_id
        for role in item.roles
    )


def _table(table: BoundTable, *, keys_only: bool) -> str:
    led = {own for key in table.foreign_keys for own, _ in key.columns}
    rows = [_heading(_short(table.name), dot.BLUE, span=3), "<HR/>"]
    rows += [
        _column(table, bound, led)
        for bound in table.columns
        if not keys_only or bound.column.name in led | set(table.key)
    ]
    return dot.box(rows)


def _heading(name: str, fill: str, *, span: int = 1) -> str:
    text = f"<B>{dot.words(name, size=11)}</B>"
    return f'<TR><TD COLSPAN="{span}" CELLPADDING="4" BGCOLOR="{fill}">{text}</TD></TR>'


def _column(table: BoundTable, bound: BoundColumn, led: set[str]) -> str:
    column = bound.column
    name = dot.words(column.name)
    marks = [
        mark
        for mark, holds in (
            ("PK", column.name in table.key),
            ("FK", column.name in led),
        )
        if holds
    ]
    cells = (
        dot.words(" ".join(marks) or " ", dot.SOFT, size=8),
        name if column.nullable else f"<B>{name}</B>",
        dot.words(kind(bound), dot.SOFT),
    )
    inner = "".join(
        f'<TD ALIGN="LEFT" CELLPADDING="2" BGCOLOR="{dot.PAGE}">{cell}</TD>'
        for cell in cells
    )
    return f"<TR>{inner}</TR>"


def kind(bound: BoundColumn) -> str:
    """Return the type of a column in a word: its xtype, text, or its primitive type.

    >>> from distiller.core.columns import Column
    >>> from distiller.model.tables import BoundColumn
    >>> kind(BoundColumn(Column("s_region", "char", "*", "adql:REGION")))
    'region'
    """
    column = bound.column
    if column.is_geometry:
        return "region"
    return column.xtype or ("text" if column.is_text else column.datatype)


def _short(name: str) -> str:
    return name.partition(".")[2]
