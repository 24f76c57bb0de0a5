"""Several values within several values: whose they are, and where they end."""

from __future__ import annotations

from tests.model.bind.hierarchy import made, with_types

from distiller.model.bind import bind
from distiller.model.binding import Binding, default_binding


def _binding(key: str | list[str]) -> Binding:
    columns: dict[str, dict[str, str]] = {"reading": {}, "reading.samples": {}}
    if not isinstance(key, str):
        columns |= {"a": {}, "b": {}}
    table = {"table": "thing", "key": key, "root": "thing_id", "columns": columns}
    if not isinstance(key, str):
        table.pop("root")
    return Binding.model_validate(
        {"model": "toy", "schema": "toy", "tables": {"Thing": table}}
    )


_READING = made("dataType", "Reading", ("attribute", "samples", "ivoa:real", 0, -1))


def test_values_within_values_belong_to_the_dataset_of_the_outermost() -> None:
    thing = made("objectType", "Thing", ("attribute", "reading", "toy:Reading", 0, -1))
    document = with_types(_READING, thing)
    found = bind(document, _binding("thing_id"), complete=True)
    assert found.faults == ()
    inner = found.tables[2]
    assert inner.key == ("thing_id", "reading_index", "samples_index")
    assert inner.owner is not None
    assert (inner.owner.column, inner.owner.source) == (
        "thing_id",
        found.tables[1].name,
    )


def test_own_values_without_a_dataset_are_a_fault() -> None:
    thing = made(
        "objectType",
        "Thing",
        ("attribute", "a", "ivoa:string", 1, 1),
        ("attribute", "b", "ivoa:string", 1, 1),
        ("attribute", "reading", "toy:Reading", 0, -1),
    )
    found = bind(with_types(_READING, thing), _binding(["a", "b"]), complete=True)
    said = [f for f in found.faults if "nothing says to which dataset" in f]
    assert len(said) == len(found.tables)
    assert "toy.thing_reading_samples: nothing says" in said[-1]


def test_values_of_the_type_that_a_type_extends_end() -> None:
    types = (
        made("dataType", "Shape", ("attribute", "n", "ivoa:string", 1, 1),
             abstract=True),
        made("dataType", "Union", ("attribute", "parts", "toy:Shape", 1, -1),
             extends="Shape"),
        made("objectType", "Obs", ("attribute", "region", "toy:Union", 1, 1)),
    )  # fmt: skip
    document = with_types(*types)
    found = bind(document, default_binding(document), complete=False)
    assert found.faults == ()
    assert any("one Shape in another: no column" in note for note in found.notes)
