"""What engines would refuse of a binding is a fault before, with its place."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.model.bind.hierarchy import TOY, made, with_types

from distiller.model.bind import bind
from distiller.model.binding import Binding, default_binding
from distiller.model.check import check_tables
from distiller.model.tables import Model

pytestmark = pytest.mark.slow

_DOCUMENT = with_types(
    made("enumeration", "Quality", values=("good", "bad")),
    made("objectType", "Run", ("attribute", "quality", "toy:Quality", 1, 1),
         ("attribute", "ra", "ivoa:real", 1, 1),
         ("attribute", "date", "ivoa:datetime", 1, 1),
         ("attribute", "ok", "ivoa:boolean", 1, 1),
         ("attribute", "name", "ivoa:string", 1, 1),
         ("attribute", "notes", "ivoa:string", 0, -1)),
)  # fmt: skip


def _faults(
    columns: dict[str, dict[str, str | bool]],
    schema: str = "toy",
    points: tuple[tuple[str, str], ...] = (),
) -> tuple[str, ...]:
    names = ("quality", "ra", "date", "ok", "name", "notes")
    run = {
        "table": "run",
        "key": "run_id",
        "rows": "shared",
        "points": points,
        "columns": {name: columns.get(name, {}) for name in names},
    }
    binding = Binding.model_validate(
        {"model": "toy", "schema": schema, "tables": {"Run": run}}
    )
    found = bind(_DOCUMENT, binding, complete=True)
    model = Model((_DOCUMENT,), found.tables, found.views)
    return (*found.faults, *check_tables(model))


@pytest.mark.parametrize(
    ("name", "datatype", "words"),
    [
        ("quality", "float", "it holds the words of an enumeration and stays char"),
        ("ra", "boolean", "it holds numbers and stays double"),
        ("ra", "char", "it holds numbers and stays double"),
        ("date", "int", "it holds dates and stays char"),
        ("ok", "int", "it holds true or false and stays boolean"),
        ("name", "long", "it holds texts and stays char"),
        ("notes", "long", "it holds texts and stays char"),
    ],
)
def test_a_datatype_that_does_not_hold_the_values_is_a_fault(
    name: str, datatype: str, words: str
) -> None:
    (fault,) = _faults({name: {"datatype": datatype}})
    assert fault == (
        f"binding of toy: Run: {name}: datatype {datatype}: {words} "
        "(only numbers can be other numbers)"
    )


def test_only_texts_are_time_mocs() -> None:
    assert _faults({"notes": {"times": True}}) == ()
    (fault,) = _faults({"ra": {"times": True}})
    assert fault == (
        "binding of toy: Run: ra: times: it holds numbers (only texts are time MOCs)"
    )


def test_a_number_may_be_another_number() -> None:
    assert _faults({"ra": {"datatype": "float"}, "date": {"datatype": "char"}}) == ()


def test_points_are_of_numbers() -> None:
    assert _faults({}, points=(("ra", "quality"),)) == (
        "binding of toy: toy.run: 'quality' of its points is no number (char)",
    )


def test_true_or_false_has_no_unit() -> None:
    assert _faults({"ok": {"unit": "m"}}) == ("toy.run.ok: true or false with a unit",)


def test_a_schema_does_not_begin_as_those_of_postgresql() -> None:
    said = ": schema pg_toy: PostgreSQL keeps names with pg_ for itself"
    assert _faults({}, "pg_toy") == (f"pg_toy.run{said}", f"pg_toy.run_notes{said}")


def test_the_usual_schema_does_not_begin_as_those_of_postgresql() -> None:
    assert default_binding(replace(TOY, name="pg_toy")).schema_name == "model_pg_toy"
