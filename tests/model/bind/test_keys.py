"""What leads to a key is what the key is: a number where that is one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
import psycopg
import pytest
from tests.model.bind.hierarchy import TOY, made, with_types

from distiller.model.bind import bind
from distiller.model.binding import Binding
from distiller.model.check import check_tables
from distiller.model.emit import sql
from distiller.model.tables import Model

if TYPE_CHECKING:
    from distiller.core.columns import Column

_TYPES = (
    made("objectType", "Mark", ("reference", "of", "toy:Log", 1, 1)),
    made("objectType", "Log", ("reference", "run", "toy:Run", 1, 1),
         ("attribute", "words", "ivoa:string", 1, -1)),
    made("objectType", "Run", ("attribute", "number", "ivoa:integer", 1, 1),
         ("attribute", "notes", "ivoa:string", 0, -1),
         ("reference", "like", "toy:Run", 0, -1),
         ("reference", "before", "toy:Run", 0, 1),
         ("composition", "weather", "toy:Weather", 0, 1)),
    made("objectType", "Weather", ("attribute", "wind", "ivoa:real", 1, 1)),
)  # fmt: skip
DOCUMENT = with_types(*_TYPES)
_TABLES: dict[str, dict[str, object]] = {
    "Mark": {"table": "mark", "key": "mark_id"},
    "Log": {"table": "log", "key": ["number"]},
    "Run": {"table": "run", "key": ["number"]},
    "Weather": {"table": "weather", "key": "weather_id"},
}
_COLUMNS: dict[str, dict[str, object]] = {
    "Mark": {"of": {}},
    "Log": {"run": {}, "words": {}},
    "Run": {"number": {"unit": "s"}, "notes": {}, "like": {}, "before": {}},
    "Weather": {"wind": {}},
}


def binding(**more: dict[str, object]) -> Binding:
    """Return the binding, with other keys of the columns of one type."""
    tables = {
        name: table | {"rows": "shared", "columns": _COLUMNS[name] | more.get(name, {})}
        for name, table in _TABLES.items()
    }
    return Binding.model_validate({"model": "toy", "schema": "toy", "tables": tables})


def _model() -> Model:
    found = bind(
        DOCUMENT, binding(Run={"before": {"column": "earlier"}}), complete=True
    )
    assert found.faults == ()
    return Model((DOCUMENT,), found.tables, found.views)


def _column(model: Model, table: str, name: str) -> Column:
    return model.catalog[f"toy.{table}"].column(name) or pytest.fail(name)


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("weather", "number"),
        ("log", "number"),
        ("log_words", "number"),
        ("mark", "number"),
        ("run", "earlier"),
        ("run_notes", "number"),
        ("run_like", "number"),
        ("run_like", "like_number"),
    ],
)
def test_what_leads_to_a_number_is_one(table: str, name: str) -> None:
    column = _column(_model(), table, name)
    assert (column.datatype, column.arraysize, column.unit) == ("long", None, "s")


def test_every_engine_takes_keys_that_are_numbers(postgres_url: str) -> None:
    model = _model()
    assert check_tables(model) == ()
    with duckdb.connect() as connection:
        for statement in sql.ddl(model):
            connection.execute(statement)
    with psycopg.connect(postgres_url) as live:
        for statement in sql.ddl(model, "postgresql"):
            live.execute(statement.encode())
        live.rollback()


def test_what_extends_a_row_with_a_drawn_key_has_a_key_like_it() -> None:
    base = made("objectType", "Run", ("attribute", "number", "ivoa:integer", 1, 1))
    heir = made("objectType", "Night", extends="Run")
    document = with_types(base, heir)
    tables = {
        "Run": {"table": "run", "key": ["number"], "columns": {"number": {}}},
        "Night": {"table": "night", "key": "number", "columns": {}},
    }
    joined = Binding.model_validate(
        {"model": "toy", "schema": "toy", "strategy": "joined", "tables": tables}
    )
    tables_of = bind(document, joined, complete=False).tables
    assert tables_of[1].columns[0].column.datatype == "long"


def test_a_key_that_leads_to_itself_ends() -> None:
    types = (
        made("objectType", "A", ("reference", "b", "toy:B", 1, 1)),
        made("objectType", "B", ("reference", "a", "toy:A", 1, 1)),
    )
    tables = {
        "A": {"table": "a", "key": ["x"], "columns": {"b": {"column": "x"}}},
        "B": {"table": "b", "key": ["y"], "columns": {"a": {"column": "y"}}},
    }
    given = Binding.model_validate({"model": "toy", "schema": "toy", "tables": tables})
    found = bind(with_types(*types), given, complete=False)
    assert [t.columns[0].column.datatype for t in found.tables] == ["char", "char"]


def test_another_datatype_than_that_of_the_key_is_a_fault() -> None:
    said: dict[str, object] = {
        "before": {"column": "earlier", "datatype": "int", "unit": "m"}
    }
    found = bind(DOCUMENT, binding(Run=said), complete=True)
    assert [fault.removeprefix("binding of toy: Run: ") for fault in found.faults] == [
        f"before: {said}"
        for said in (
            "datatype int: the key that it leads to is long, and so is this column",
            "unit m: the key that it leads to has s, and so has this column",
        )
    ]


def test_a_foreign_key_between_types_that_differ_is_a_fault() -> None:
    model = _model()
    weather = model.by_name["toy.weather"]
    columns = tuple(
        replace(b, column=replace(b.column, datatype="char", arraysize="*", unit=None))
        if b.column.name == "number"
        else b
        for b in weather.columns
    )
    others = tuple(t for t in model.tables if t is not weather)
    broken = Model((TOY,), (*others, replace(weather, columns=columns)))
    assert check_tables(broken) == (
        "toy.weather.number: foreign key to toy.run.number: char(*) here, long s there",
    )


def test_of_a_key_in_another_model_the_binding_says_what_it_is() -> None:
    note = made("objectType", "Note", ("reference", "run", "lab:Run", 1, 1))
    columns = {"run": {"column": "run", "datatype": "long", "unit": "s"}}
    table = {
        "table": "note",
        "key": "note_id",
        "rows": "shared",
        "columns": columns,
        "foreign_keys": [{"columns": {"run": "number"}, "target": "toy.run"}],
    }
    given = {"model": "toy", "schema": "notes", "tables": {"Note": table}}
    found = bind(with_types(note), Binding.model_validate(given), complete=True)
    assert found.faults == ()
    model = _model()
    whole = Model((TOY,), (*model.tables, *found.tables))
    assert check_tables(whole) == ()
    columns["run"].pop("datatype")
    found = bind(with_types(note), Binding.model_validate(given), complete=True)
    said = "notes.note.run: foreign key to toy.run.number: char(*) s here, long s there"
    assert said in check_tables(Model((TOY,), (*model.tables, *found.tables)))
