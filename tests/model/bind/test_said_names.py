"""A name that the binding says is that name, or a fault; only usual ones give way."""

from __future__ import annotations

import pytest
from tests.model.bind.hierarchy import made, with_types

from distiller.model.bind import bind
from distiller.model.binding import Binding

pytestmark = pytest.mark.slow

_DOCUMENT = with_types(
    made("objectType", "Site", ("composition", "parts", "toy:Part", 0, -1)),
    made("objectType", "Part", ("attribute", "serial", "ivoa:string", 1, 1),
         ("attribute", "notes", "ivoa:string", 0, -1),
         ("attribute", "words", "ivoa:string", 0, -1)),
    made("objectType", "Big", ("attribute", "size", "ivoa:real", 1, 1),
         extends="Part"),
)  # fmt: skip


def _bind(part: dict[str, object], **columns: dict[str, str]) -> list[str]:
    """Return the faults, or the names of the tables and of the columns of parts."""
    usual: dict[str, dict[str, str]] = {
        "serial": {},
        "notes": {},
        "words": {},
        "Big.size": {},
    }
    tables: dict[str, dict[str, object]] = {
        "Site": {"table": "site", "key": "site_id", "columns": {}},
        "Part": {"table": "part", "key": "part_id", "columns": usual | columns} | part,
    }
    view = {"of": "toy.part", "title": "", "description": ""}
    binding = Binding.model_validate(
        {
            "model": "toy",
            "schema": "toy",
            "strategy": "single",
            "tables": {n: t | {"rows": "shared"} for n, t in tables.items()},
            "views": {"view": view},
        }
    )
    found = bind(_DOCUMENT, binding, complete=True)
    names = [table.name for table in found.tables] + list(found.tables[1].names)
    return list(found.faults) or names


@pytest.mark.parametrize("name", ["site", "part", "view"])
def test_a_table_that_is_said_and_taken_is_a_fault(name: str) -> None:
    assert _bind({}, notes={"table": name}) == [
        f"binding of toy: Part: notes: table {name}: there is one of that name"
    ]


def test_two_tables_of_one_name_that_is_said_are_a_fault() -> None:
    assert _bind({}, notes={"table": "said"}, words={"table": "said"}) == [
        "binding of toy: Part: words: table said: there is one of that name"
    ]


def test_a_usual_name_gives_way_to_one_that_is_said() -> None:
    found = _bind({}, words={"table": "part_notes"})
    assert found[:4] == ["toy.site", "toy.part", "toy.part_notes_2", "toy.part_notes"]


@pytest.mark.parametrize(
    ("part", "what"),
    [
        ({"discriminator": {"column": "serial"}}, "discriminator"),
        ({"container": {"column": "serial"}}, "container"),
        ({"key": "serial"}, "key"),
    ],
)
def test_a_column_that_is_said_and_taken_is_a_fault(
    part: dict[str, object], what: str
) -> None:
    (fault,) = _bind(part)
    assert fault == (
        f"binding of toy: Part: serial: its column serial has the name that {what} "
        "says (give one of them another)"
    )
    assert "serial_number" in _bind(part, serial={"column": "serial_number"})


def test_two_columns_of_one_name_beside_a_table_are_a_fault() -> None:
    assert _bind({}, notes={"column": "part_id"}) == [
        "binding of toy: toy.part_notes.part_id: two columns of that name"
    ]
