"""The model as reference documentation (Markdown)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distiller.model.entities import Document
    from distiller.model.tables import BoundColumn, BoundTable, Model

_ROWS = {
    "own": "Rows belong to one dataset and go with it.",
    "shared": "Rows are shared between datasets.",
    "history": "Rows are added and never deleted: they tell what was.",
    "mapped": "Rows are filled from the other tables by the declared mapping.",
    "derived": "Rows are derived from the model.",
    "service": "Book-keeping of the archive; it cannot be queried.",
}


def markdown(model: Model) -> str:
    """Return the reference of all tables, grouped by model and package."""
    return "\n".join(_lines(model)) + "\n"


def _lines(model: Model) -> Iterator[str]:
    yield "# Data model"
    yield ""
    yield (
        "Made by `distiller model docs` from the VO-DML documents and bindings in "
        "`src/distiller/model/uml`; do not edit."
    )
    yield ""
    yield (
        "Columns marked *key* identify a row, *clock* are clock readings that are left "
        "out of comparisons, *hidden* are stored but cannot be queried. A name in "
        "double quotes is a reserved word of ADQL and is written so in a query."
    )
    for document in model.documents:
        yield from _document(model, document)


def _document(model: Model, document: Document) -> Iterator[str]:
    yield ""
    yield f"## {document.title}"
    yield ""
    yield f"{document.description} Model `{document.name}`, version {document.version}."
    packages = document.packages or (("", ""),)
    for package, description in packages:
        tables = [
            t
            for t in model.tables
            if t.type_id.startswith(f"{document.name}:") and t.package == package
        ]
        if package:
            yield ""
            yield f"### Package {package}"
            yield ""
            yield description
        for table in tables:
            yield from _table(table)
    for view in model.views:
        if _of(document, view.name):
            yield ""
            yield f"#### {view.name} (view)"
            yield ""
            yield f"{view.description} Columns are those of `{view.of}`."


def _of(document: Document, name: str) -> bool:
    return name.partition(".")[0] == document.name


def _table(table: BoundTable) -> Iterator[str]:
    yield ""
    yield f"#### {table.name}"
    yield ""
    yield f"{table.description} {_ROWS[table.rows]}"
    yield ""
    yield "| column | type | unit | UCD | description |"
    yield "|---|---|---|---|---|"
    for bound in table.columns:
        yield _column(table, bound)
    if table.foreign_keys:
        yield ""
    for key in table.foreign_keys:
        for own, other in key.columns:
            yield f"- `{own}` refers to `{key.target}.{other}`."


def _column(table: BoundTable, bound: BoundColumn) -> str:
    column = bound.column
    marks = [
        word
        for word, holds in (
            ("key", column.name in table.key),
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
    kind = column.xtype or ("text" if column.is_text else column.datatype)
    return (
        f"| `{column.adql_name}` | {kind} | {column.unit or ''} | {column.ucd or ''} | "
        f"{' '.join(words)} |"
    )
