"""What columns say of themselves, and what is told of a binding."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.model.bind.hierarchy import TOY, made, with_types

from distiller.model.bind import bind
from distiller.model.binding import default_binding
from distiller.model.entities import Constraint, Document

pytestmark = pytest.mark.slow


def _bare(document: Document) -> Document:
    """Return a document without descriptions."""
    return replace(
        document,
        types=tuple(
            replace(
                item,
                description="",
                roles=tuple(replace(role, description="") for role in item.roles),
            )
            for item in document.types
        ),
    )


def test_what_has_no_description_says_no_signs_of_one() -> None:
    document = _bare(TOY)
    found = bind(document, default_binding(document), complete=False)
    said = {
        b.column.name: b.column.description or ""
        for table in found.tables
        for b in table.columns
    }
    assert said["where_ra"] == ""
    assert said["flux_unit"] == "flux: unit."
    assert said["error_class"] == "error: the type of the value."
    assert not [words for words in said.values() if words.startswith(":")]
    assert not [words for words in said.values() if words.endswith(": ")]


def test_what_sql_does_not_hold_of_a_narrowed_role_is_told() -> None:
    base = made("objectType", "Base", ("attribute", "x", "ivoa:real", 1, 1))
    heir = replace(
        made("objectType", "Heir", extends="Base"),
        constraints=(
            Constraint("", role="toy:Base.x", datatype="toy:Positive"),
            Constraint("", role="toy:Base.x"),
        ),
    )
    positive = replace(made("primitiveType", "Positive"), extends="ivoa:real")
    document = with_types(positive, base, heir)
    found = bind(document, default_binding(document), complete=False)
    assert found.notes == (
        "Heir narrows toy:Base.x to toy:Positive: SQL does not hold it",
        "Heir narrows toy:Base.x: SQL does not hold it",
    )
