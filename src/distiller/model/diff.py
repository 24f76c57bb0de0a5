"""What differs between two models, or between a model and a live archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from distiller.model.shape import ColumnShape, Shape, TableShape, Texts, ViewShape

Kind = Literal[
    "table new", "table gone", "table kept", "table renamed", "table comment",
    "column new", "column gone", "column kept", "column renamed", "column type",
    "column null",
    "column not null", "column comment", "column order",
    "constraint new", "constraint gone", "key new", "key gone", "index new",
    "index gone", "view new", "view gone", "view changed", "view comment",
]  # fmt: skip

_WIDER = frozenset({
    ("SMALLINT", "INTEGER"), ("SMALLINT", "BIGINT"), ("INTEGER", "BIGINT"),
    ("SMALLINT", "REAL"), ("SMALLINT", "DOUBLE"), ("INTEGER", "DOUBLE"),
    ("REAL", "DOUBLE"),
})  # fmt: skip
"""Changes of type that keep every value."""

KEPT: Final = "Kept by an upgrade, no longer in the data model: "
"""With which an upgrade marks the comment of what it keeps."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that leads from the old tables to the new ones.

    Attributes
    ----------
    table
        Table or view, by the name that it has afterwards where it stays.
    name
        Of the column, constraint or index; empty for the table itself.
    old, new
        What it was and will be, where both have words.
    destructive
        Whether values may be lost, or rows may stand in its way.
    """

    kind: Kind
    table: str
    name: str = ""
    old: str = ""
    new: str = ""
    destructive: bool = False

    @property
    def is_kept(self) -> bool:
        """Whether an upgrade has kept it on purpose: nothing needs to be done."""
        return self.kind in {"column kept", "table kept"}

    def __str__(self) -> str:
        where = f"{self.table}.{self.name}" if self.name else self.table
        mark = " (DESTRUCTIVE)" if self.destructive else ""
        if self.kind in {"table renamed", "column renamed"}:
            return f"{where}: {self.kind}, it was {self.old}{mark}"
        if self.old and self.new:
            return f"{where}: {self.kind}: {self.old} -> {self.new}{mark}"
        said = self.old or self.new
        return f"{where}: {self.kind}{f': {said}' if said else ''}{mark}"


def diff(old: Shape, new: Shape) -> tuple[Difference, ...]:
    """Return what leads from the old tables to the new, in the order of the new.

    Columns and tables are taken for renamed where the new ones say what they were
    (``was`` in the binding) and the old ones have that, and not the new name.
    """
    return tuple(_differences(old, new))


def former(old: Shape, table: TableShape) -> TableShape | None:
    """Return the old table that a new one was, None where there is none."""
    found = old.tables.get(table.name)
    if found is None and table.was is not None:
        found = old.tables.get(table.was)
    return found


def former_column(old: TableShape, column: ColumnShape) -> ColumnShape | None:
    """Return the old column that a new one was, None where there is none."""
    found = old.column(column.name)
    if found is None and column.was is not None:
        found = old.column(column.was)
    return found


def _differences(old: Shape, new: Shape) -> Iterator[Difference]:
    ordered = old.engine == "duckdb"
    renamed: dict[str, str] = {}
    for table in new.tables.values():
        before = former(old, table)
        if before is None:
            yield Difference("table new", table.name)
            continue
        renamed[before.name] = table.name
        if before.name != table.name:
            yield Difference("table renamed", table.name, old=before.name)
        yield from _table(before, table, ordered=ordered)
    for name, gone in old.tables.items():
        if name not in renamed:
            yield _gone_table(gone)
    yield from _views(old, new, renamed)


def _table(
    before: TableShape, after: TableShape, *, ordered: bool
) -> Iterator[Difference]:
    name = after.name
    if before.comment != after.comment:
        yield Difference("table comment", name, "", before.comment, after.comment)
    kept: list[ColumnShape] = []
    for column in after.columns:
        found = former_column(before, column)
        if found is None:
            # What is never missing has no value in rows that are there.
            destructive = not column.nullable and not after.derived
            words = column.type + ("" if column.nullable else " NOT NULL")
            yield Difference(
                "column new", name, column.name, "", words, destructive=destructive
            )
        else:
            kept.append(found)
            yield from _column(name, found, column, derived=after.derived)
    gone = [c for c in before.columns if c not in kept]
    for column in gone:
        yield _gone_column(after, column)
    if ordered and kept != [c for c in before.columns if c in kept]:
        yield Difference("column order", name)
    for kind, texts, wanted in (
        ("constraint", before.constraints, after.constraints),
        ("key", before.keys, after.keys),
        ("index", before.indexes, after.indexes),
    ):
        yield from _texts(kind, name, texts, wanted)


def _gone_table(before: TableShape) -> Difference:
    if before.comment.startswith(KEPT):
        return Difference("table kept", before.name)
    return Difference("table gone", before.name, destructive=not before.derived)


def _gone_column(after: TableShape, before: ColumnShape) -> Difference:
    if before.comment.startswith(KEPT):
        return Difference("column kept", after.name, before.name, before.type)
    return Difference(
        "column gone", after.name, before.name, before.type,
        destructive=not after.derived,
    )  # fmt: skip


def _column(
    table: str, before: ColumnShape, after: ColumnShape, *, derived: bool
) -> Iterator[Difference]:
    name = after.name
    if before.name != name:
        yield Difference("column renamed", table, name, old=before.name)
    if before.type != after.type:
        old, new = (t.replace(" PRECISION", "") for t in (before.type, after.type))
        destructive = (old, new) not in _WIDER and not derived
        yield Difference(
            "column type", table, name, before.type, after.type,
            destructive=destructive,
        )  # fmt: skip
    if before.nullable != after.nullable:
        if after.nullable:
            yield Difference("column null", table, name)
        else:
            yield Difference("column not null", table, name, destructive=not derived)
    if before.comment != after.comment:
        yield Difference("column comment", table, name, before.comment, after.comment)


def _texts(kind: str, table: str, old: Texts, new: Texts) -> Iterator[Difference]:
    """Yield what is gone and what is new; what has changed is both."""
    for name, text in old.items():
        if new.get(name) != text:
            yield Difference(_kind(kind, "gone"), table, name, text)
    for name, text in new.items():
        if old.get(name) != text:
            yield Difference(_kind(kind, "new"), table, name, "", text)


def _kind(what: str, how: Literal["new", "gone"]) -> Kind:
    kinds: dict[tuple[str, str], Kind] = {
        ("constraint", "new"): "constraint new",
        ("constraint", "gone"): "constraint gone",
        ("key", "new"): "key new",
        ("key", "gone"): "key gone",
        ("index", "new"): "index new",
        ("index", "gone"): "index gone",
    }
    return kinds[what, how]


def _views(old: Shape, new: Shape, renamed: Mapping[str, str]) -> Iterator[Difference]:
    """Yield what differs of views; one of a renamed table follows it."""
    for name, view in new.views.items():
        before = old.views.get(name)
        if before is None:
            yield Difference("view new", name)
        elif renamed.get(before.of, before.of) != view.of:
            yield Difference("view changed", name, "", before.of, view.of)
        elif before.columns != view.columns:
            yield Difference("view changed", name, "", _columns(before), _columns(view))
        elif before.comment != view.comment:
            yield Difference("view comment", name, "", before.comment, view.comment)
    for name in old.views:
        if name not in new.views:
            yield Difference("view gone", name)


def _columns(view: ViewShape) -> str:
    return f"{len(view.columns)} columns"
