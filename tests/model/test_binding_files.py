"""Files of bindings: what is wrong with one is told, with what was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.model.toy import attribute, document, object_type

from distiller.core.errors import BadData
from distiller.model import load_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model: [", "M010 toy.binding.yaml: no YAML"),
        ("model: toy\nschema: toy\n", "M011 toy.binding.yaml: tables: Field required"),
        (
            """
            model: toy
            schema: toy
            tables: {A: {table: a, key: k, columns: {x: {units: m}}}}
            """,
            "tables.A.columns.x.units: there is no such key (did you mean unit?)",
        ),
    ],
)
def test_a_bad_binding_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "toy.vo-dml.xml"
    path.write_bytes(document(object_type("A")))
    (tmp_path / "toy.binding.yaml").write_text(text)
    with pytest.raises(BadData) as caught:
        load_file(path)
    assert words in str(caught.value)


def test_every_wrong_key_of_a_binding_is_told_with_what_was_meant(
    tmp_path: Path,
) -> None:
    path = tmp_path / "toy.vo-dml.xml"
    path.write_bytes(document(object_type("columns")))
    (tmp_path / "toy.binding.yaml").write_text(
        """
        model: toy
        shema: toy
        tables:
          columns: {table: a, key: k, colums: {}, columns: {x: , y: {pricipal: true}},
            foreign_keys: [{colums: {}, columns: {}, target: a.b}],
            container: {usd: x}}
        views: {v: {off: x, of: a.b, title: V, description: D}}
        strategy: join
        """
    )
    with pytest.raises(BadData) as caught:
        load_file(path)
    text = str(caught.value)
    assert text.startswith("M011 toy.binding.yaml: ")
    for words in (
        "shema: there is no such key (did you mean schema?)",
        "schema: Field required",
        "tables.columns.colums: there is no such key (did you mean columns?)",
        "tables.columns.columns.x: keys are due here; {} takes what is usual",
        "columns.y.pricipal: there is no such key (did you mean principal?)",
        "foreign_keys.0.colums: there is no such key (did you mean columns?)",
        "container.usd: there is no such key",
        "views.v.off: there is no such key (did you mean of?)",
        "strategy: Input should be 'joined', 'single' or 'concrete'",
        "docs/reference/binding.md has all keys",
    ):
        assert words in text, (words, text)


def test_words_of_a_binding_are_words(tmp_path: Path) -> None:
    path = tmp_path / "toy.vo-dml.xml"
    names = ("on", "no", "y")
    path.write_bytes(
        document(object_type("A", *(attribute("A", x, "ivoa:real") for x in names)))
    )
    (tmp_path / "toy.binding.yaml").write_text(
        "{model: toy, schema: toy, tables: {A: {table: a, key: k, rows: shared, "
        "std: true, columns: {on: {principal: yes}, no: {principal: false}, y: {}}}}}"
    )
    columns = load_file(path).by_name["toy.a"].columns
    assert [b.column.name for b in columns] == ["k", *names]
    assert [b.column.principal for b in columns[1:3]] == [True, False]


def test_a_key_that_stands_twice_in_a_binding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "toy.vo-dml.xml"
    path.write_bytes(document(object_type("A", attribute("A", "x", "ivoa:real"))))
    (tmp_path / "toy.binding.yaml").write_text(
        "model: toy\nschema: toy\ntables:\n  A: {table: a, key: k, columns:\n"
        "    {x: {unit: m},\n     x: {unit: s}}}\n"
    )
    with pytest.raises(BadData, match=r"M010 .*'x' stands twice in one place.* line 6"):
        load_file(path)


def test_a_binding_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "toy.vo-dml.xml"
    path.write_bytes(document(object_type("A")))
    (tmp_path / "toy.binding.yaml").write_bytes("model: é".encode("latin-1"))
    with pytest.raises(BadData, match=r"M010 toy\.binding\.yaml: no YAML"):
        load_file(path)
