"""Names in any writing are carried over, under names that VO-DML has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from tests.model.xmi.drawing import attribute, element, toy

from distiller.model.check import check_document
from distiller.model.emit import sql
from distiller.model.load import load_file
from distiller.model.read_vodml import read_vodml
from distiller.model.read_xmi.names import model_name_of, name_of
from distiller.model.write_vodml import write_vodml

if TYPE_CHECKING:
    from pathlib import Path


def _drawing() -> str:
    literal = (
        '<ownedLiteral xmi:type="uml:EnumerationLiteral" xmi:id="e.{0}" name="{0}"/>'
    )
    return (
        element("Class", "温度", attribute("最大") + attribute("最小"))
        + element("Class", "湿度", attribute("α") + attribute("?!"))
        + element("Enumeration", "σ", literal.format("低") + literal.format("高"))
        + element("Package", "天気", element("Class", "Ветер"))
    )


def test_names_in_any_writing_are_carried_over(
    tmp_path: Path, vodml_schema: etree.XMLSchema
) -> None:
    imported = toy(_drawing())
    names = {
        item.name: [role.name for role in item.roles]
        for item in imported.document.types
        if item.kind == "objectType"
    }
    assert names == {
        "u6e29u5ea6": ["u6700u5927", "u6700u5c0f"],
        "u6e7fu5ea6": ["alpha", "u3fu21"],
        "Veter": [],
    }
    (sigma,) = [t for t in imported.document.types if t.kind == "enumeration"]
    assert [value.name for value in sigma.values] == ["u4f4e", "u9ad8"]
    told = [str(item) for item in imported.listed]
    assert not [line for line in told if line.startswith("left:")]
    for named, made in (("温度", "u6e29u5ea6"), ("Ветер", "Veter"), ("低", "u4f4e")):
        (line,) = [x for x in told if f"'{named}'" in x and x.startswith("changed:")]
        assert line.endswith(f"no VO-DML name: it becomes {made!r}")
    text = write_vodml(imported.document)
    assert check_document(read_vodml(text, "toy.vo-dml.xml"), described=False) == ()
    path = tmp_path / "toy.vo-dml.xml"
    path.write_bytes(text)
    vodml_schema.assertValid(etree.parse(path))
    with duckdb.connect() as connection:
        for statement in sql.ddl(load_file(path)):
            connection.execute(statement)


@given(st.text(min_size=1).filter(str.strip))
def test_every_name_has_one_that_vodml_knows(text: str) -> None:
    assert re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name_of(text)), text
    assert name_of(name_of(text)) == name_of(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [("Größe", "Grosse"), ("Łódź", "Lodz"), ("Ångström", "Angstrom"), ("x²", "x2")],
)
def test_letters_with_marks_lose_them(text: str, name: str) -> None:
    assert name_of(text) == name


def test_a_model_may_have_a_name_in_any_writing() -> None:
    assert model_name_of("天文台") == "u5929u6587u53f0"


def test_names_that_become_alike_stay_apart() -> None:
    literal = (
        '<ownedLiteral xmi:type="uml:EnumerationLiteral" xmi:id="{0}" name="{1}"/>'
    )
    literals = (("e1", "Ü"), ("e2", "U"), ("e3", "U"))
    imported = toy(
        element("Class", "A", attribute("Größe") + attribute("Grosse"))
        + element("Class", "B", attribute("x") + attribute("x"))
        + element("Enumeration", "E", "".join(literal.format(*x) for x in literals))
    )
    types = {item.name: item for item in imported.document.types}
    assert [role.name for role in types["A"].roles] == ["Grosse", "Grosse_2"]
    assert [role.name for role in types["B"].roles] == ["x"]
    assert [value.name for value in types["E"].values] == ["U", "U_2"]
    told = "\n".join(str(item) for item in imported.listed)
    assert "'Grosse' in toy::A: another has the name 'Grosse': it becomes" in told
    assert "left: line 6: Property 'x' in toy::B: a second one of the name x" in told
    assert "EnumerationLiteral 'U' in toy::E: a second literal of the name U" in told
    assert "is taken" not in told
    text = write_vodml(imported.document)
    assert check_document(read_vodml(text, "toy.vo-dml.xml"), described=False) == ()
