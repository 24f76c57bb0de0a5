"""Class diagrams, diagrams of tables, and how they are drawn."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from lxml import etree

from distiller.core.columns import Column, ForeignKey
from distiller.core.errors import IllegalState, InternalError
from distiller.model import load_model
from distiller.model.emit import diagram, docs, dot, draw, er
from distiller.model.entities import (
    Constraint,
    Document,
    EnumLiteral,
    Package,
    Role,
    Type,
)
from distiller.model.tables import BoundColumn, BoundTable, Model

if TYPE_CHECKING:
    from pathlib import Path

_WIDEST_PT = 1500
_SVG = "{http://www.w3.org/2000/svg}"


def _role(kind: str, name: str, ref: str, lower: int = 1, upper: int = 1) -> Role:
    return Role(kind, f"x.{name}", name, ref, lower, upper, "")  # type: ignore[arg-type]  # short for tests


def _values(*names: str) -> tuple[EnumLiteral, ...]:
    return tuple(EnumLiteral(name, name, "") for name in names)


@pytest.fixture
def sky() -> Model:
    """Return a model with one of everything that UML can draw."""
    types = (
        Type("enumeration", "Band", "Band", "", values=_values("radio", "x<y")),
        Type("objectType", "a.Base", "Base", "", "a", abstract=True),
        Type(
            "objectType",
            "a.Star",
            "Star",
            "",
            "a",
            extends="m:a.Base",
            roles=(
                _role("attribute", "name", "ivoa:string"),
                _role("attribute", "mass", "ivoa:real", 0),
                _role("attribute", "kind", "m:a.Kind", 0),
                _role("composition", "planets", "m:b.Planet", 0, -1),
                _role("reference", "twin", "other:Thing", 0),
            ),
            constraints=(
                Constraint("mass >= 0"),
                Constraint("", role="m:a.Base.thing", datatype="m:b.Planet"),
            ),
        ),
        Type("enumeration", "a.Kind", "Kind", "", "a", values=_values("dwarf")),
        Type("objectType", "b.Planet", "Planet", "", "b"),
    )
    packages = tuple(Package(name, name, "") for name in ("a", "b"))
    document = Document("m", "Sky", "", "1", packages, types)
    return Model((document,), ())


def test_a_package_shows_its_types_and_how_they_hang_together(sky: Model) -> None:
    text = diagram.package(sky, sky.documents[0], "a")
    assert "<I><B>" in text.split('"m:a.Base"')[1].split("\n")[0]
    star = next(x for x in text.splitlines() if x.startswith('  "m:a.Star" [label'))
    assert "<I>" not in star
    for words in ("name:", "\u00a0string\u00a0", "\u00a0real [0..1]\u00a0"):
        assert f">{words}<" in star
    assert "{mass &gt;= 0}" in star
    assert "{thing is a Planet}" in star
    assert "«enumeration»" in text
    assert ">dwarf<" in text
    assert '"m:a.Base" -> "m:a.Star" [dir="back" arrowtail="onormal"]' in text
    edges = [line for line in text.splitlines() if " -> " in line]
    whole = next(x for x in edges if '"m:a.Star" -> "m:b.Planet"' in x)
    assert 'arrowtail="diamond"' in whole
    assert "planets" in text
    assert "0..*" in text
    twin = next(x for x in edges if '"other:Thing" -> "m:a.Star"' in x)
    assert 'dir="back" arrowtail="vee"' in twin
    assert any('"m:a.Star" -> "m:a.Kind" [style="dashed"' in x for x in edges)
    planet = next(x for x in text.splitlines() if x.startswith('  "m:b.Planet" [label'))
    assert "package b" in planet
    assert ">other:Thing<" in text


def test_a_part_shows_its_whole_in_another_package(sky: Model) -> None:
    text = diagram.package(sky, sky.documents[0], "b")
    assert '"m:a.Star" -> "m:b.Planet"' in text
    assert "package a" in text
    assert "mass" not in text


def test_what_is_in_no_package_has_a_diagram_of_its_own(sky: Model) -> None:
    text = diagram.package(sky, sky.documents[0], "")
    assert ">x&lt;y<" in text
    assert "Star" not in text


def test_the_overview_has_every_class_of_every_package() -> None:
    for document in load_model().documents:
        text = diagram.overview(document)
        for item in document.types:
            inside = item.kind == "objectType" and item.package
            assert (f'"{document.name}:{item.id}" [label' in text) == bool(inside)


def _table(
    name: str, columns: tuple[BoundColumn, ...], *keys: ForeignKey
) -> BoundTable:
    return BoundTable(
        name, "", "", "m:x", "", "own", columns, (columns[0].column.name,), keys
    )


def _column(name: str, *, nullable: bool, unique: bool = False) -> BoundColumn:
    return BoundColumn(Column(name, "long", nullable=nullable), unique=unique)


def test_ends_of_keys_say_how_many_rows_there_may_be() -> None:
    house = _table("s.house", (_column("house_id", nullable=False),))
    door = _table(
        "s.door",
        (
            _column("door_id", nullable=False),
            _column("house_id", nullable=False),
            _column("owner_id", nullable=True),
            _column("number_id", nullable=True, unique=True),
            _column("door_no", nullable=True),
        ),
        ForeignKey("s.house", (("house_id", "house_id"),)),
        ForeignKey("other.owner", (("owner_id", "owner_id"),)),
        ForeignKey("s.house", (("number_id", "house_id"),)),
    )
    text = er.tables(Model((), (house, door)), "Houses", (house, door))
    ends = re.findall(
        r'"([a-z.]+)" -> "s.door" .*arrowtail="(\w+)" arrowhead="(\w+)"', text
    )
    assert ends == [
        ("s.house", "teetee", "crowodot"),
        ("other.owner", "teeodot", "crowodot"),
        ("s.house", "teeodot", "teeodot"),
    ]
    assert ">other.owner<" in text
    assert ">PK<" in text
    assert ">FK<" in text
    assert ">door_no<" in text
    keys = er.tables(Model((), (house, door)), "", (house, door), keys_only=True)
    assert ">number_id<" in keys
    assert ">door_no<" not in keys


def test_a_composition_of_one_part_is_drawn_so() -> None:
    text = er.overview(load_model())
    line = next(x for x in text.splitlines() if '-> "cta.ambient_conditions"' in x)
    assert 'arrowhead="teeodot"' in line
    for table in load_model().tables:
        assert f'"{table.name}" [label' in text


@pytest.mark.debian("graphviz")
def test_dot_draws_every_diagram_legibly_wide() -> None:
    for name, text in docs.diagrams(load_model()).items():
        drawing = draw.svg(text)
        root = etree.fromstring(drawing.encode())
        assert root.tag == f"{_SVG}svg"
        assert root.get("role") == "img"
        width = float(str(root.get("width")).removesuffix("pt"))
        assert width <= _WIDEST_PT, name
        assert draw.shown(drawing) == draw.digest(text)
        assert "Generated by" not in drawing
        shown = {str(t.text) for t in root.iter(f"{_SVG}title")}
        nodes = set(re.findall(r'^ +"([^"]+)" \[label', text, re.MULTILINE))
        assert nodes <= shown, name


@pytest.mark.debian("graphviz")
def test_every_colour_of_a_drawing_has_one_for_dark_screens() -> None:
    used: set[str] = set()
    for text in docs.diagrams(load_model()).values():
        drawing = draw.svg(text)
        used |= set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', drawing))
        assert "prefers-color-scheme: dark" in drawing
    assert used == set(dot.AFTER_DARK)


@pytest.mark.debian("graphviz")
def test_what_dot_refuses_is_told() -> None:
    with pytest.raises(InternalError, match=r"graphviz refuses a diagram: .*syntax"):
        draw.svg("digraph {")


def test_without_graphviz_the_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(IllegalState, match=r"no program `dot` .*apt-get install grap"):
        draw.svg("digraph {}")


def test_a_drawing_by_another_hand_carries_no_hash() -> None:
    assert draw.shown("<svg/>") is None
