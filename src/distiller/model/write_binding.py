"""A binding to begin with: what a model without one becomes, line by line (YAML)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import yaml

from distiller.model.bind import bind
from distiller.model.binding import default_binding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from distiller.model.binding import TableBinding
    from distiller.model.entities import Document
    from distiller.model.tables import BoundTable

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.]*")

Entries = dict[str, dict[str, str]]
"""What is said of columns, by the path of what they hold."""


def write_binding(document: Document) -> str:
    """Return the binding that makes the tables a document has without one.

    Rows are shared, for they belong to no dataset of an archive yet.

    Parameters
    ----------
    document
        One in which no type extends or contains itself.
    """
    usual = default_binding(document)
    found = bind(document, usual, complete=False)
    tables: dict[str, list[BoundTable]] = {}
    for table in found.tables:
        tables.setdefault(_owner(table, document, usual.tables), []).append(table)
    lines = [
        f"model: {_text(document.name)}",
        f"schema: {_text(usual.schema_name)}",
        f"description: {_text(document.description)}",
        f"strategy: {usual.strategy}",
        "tables:" if usual.tables else "tables: {}",
    ]
    for identifier, bound in usual.tables.items():
        prefix = f"{document.name}:{identifier}."
        lines += _table(identifier, bound, _entries(tables[identifier], prefix))
    return "\n".join(lines) + "\n"


def _owner(
    table: BoundTable, document: Document, known: Mapping[str, TableBinding]
) -> str:
    """Return the type whose table it is, or whose several values stand in it."""
    path = table.type_id.removeprefix(f"{document.name}:")
    while path not in known:
        path = path.rpartition(".")[0]
    return path


def _entries(tables: list[BoundTable], prefix: str) -> Entries:
    """Return what is said of each column of a type, in its own table and others."""
    entries: Entries = {}
    for table in tables:
        if table.type_id.startswith(prefix):
            path = table.type_id.removeprefix(prefix)
            entries[path] = {"table": table.name.partition(".")[2]}
        for bound in table.columns:
            if bound.path:
                entries.setdefault(bound.path, {})["column"] = bound.column.name
    return entries


def _table(identifier: str, bound: TableBinding, entries: Entries) -> Iterator[str]:
    yield f"  {_text(identifier)}:"
    yield f"    table: {_text(bound.table)}"
    yield f"    title: {_text(bound.title)}"
    yield "    rows: shared"
    yield f"    key: {_text(str(bound.key))}"
    yield "    columns:" if entries else "    columns: {}"
    for path, told in entries.items():
        said = ", ".join(f"{key}: {_text(value)}" for key, value in told.items())
        yield f"      {_text(path)}: {{{said}}}"


def _text(text: str) -> str:
    r"""Return a text as YAML, in double quotes where it needs them.

    >>> _text("catalog.Source"), _text("null"), _text('the "best": 1')
    ('catalog.Source', '"null"', '"the \\"best\\": 1"')
    """
    if _PLAIN.fullmatch(text) and yaml.safe_load(text) == text:
        return text
    return json.dumps(text, ensure_ascii=False)
