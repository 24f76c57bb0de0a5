"""The reference: pages and diagrams, up to date and whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.model.xmi.drawing import attribute, element, toy

from distiller.model import load_file, load_model
from distiller.model.emit import docs, draw
from distiller.model.emit.docs.names import anchor
from distiller.model.load import PACKAGED, packaged_paths
from distiller.model.write_vodml import write_vodml

_FOLDER = Path(__file__).parents[3] / "docs" / "reference" / "model"
_HOW = "run `distiller model docs -o docs/reference/model`"
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([a-z0-9_.-]+)(?:#([a-z0-9_-]+))?\)")


def test_the_pages_are_up_to_date() -> None:
    made = docs.pages(load_model())
    for name, text in made.items():
        path = _FOLDER / name
        assert path.is_file(), f"{name} is absent; {_HOW}"
        assert path.read_text() == text, f"{name} is stale; {_HOW}"
    assert {p.name for p in _FOLDER.glob("*.md")} == set(made), _HOW


def test_the_diagrams_are_up_to_date_whichever_graphviz_drew_them() -> None:
    made = docs.diagrams(load_model())
    for name, dot in made.items():
        path = _FOLDER / f"{name}.svg"
        assert path.is_file(), f"{name}.svg is absent; {_HOW}"
        assert draw.shown(path.read_text()) == draw.digest(dot), f"{name}: {_HOW}"
    assert {p.stem for p in _FOLDER.glob("*.svg")} == set(made), _HOW


def test_every_class_attribute_table_and_column_is_in_the_reference() -> None:
    text = "\n".join(docs.pages(load_model()).values())
    for document in load_model().documents:
        for item in document.types:
            assert f"\n### {item.name}\n" in text
            assert item.description in text
            for role in item.roles:
                assert f"| `{role.name}` | " in text
            for literal, _ in item.literals:
                assert f"| `{literal}` | " in text
    for table in load_model().tables:
        assert f"\n### {table.name}\n" in text
        for bound in table.columns:
            assert f"| `{bound.column.adql_name}` | " in text
    for view in load_model().views:
        assert f"\n### {view.name}\n\n*View.*" in text


def test_every_diagram_is_on_a_page_and_every_link_leads_somewhere() -> None:
    pages = docs.pages(load_model())
    headings = {
        name: {anchor(found) for found in _HEADING.findall(text)}
        for name, text in pages.items()
    }
    pictures = {f"{name}.svg" for name in docs.diagrams(load_model())}
    shown = set()
    for name, text in pages.items():
        links = _LINK.findall(text)
        assert links, name
        for target, place in links:
            if target.endswith(".svg"):
                shown.add(target)
                continue
            assert target in pages, (name, target)
            assert not place or place in headings[target], (name, target, place)
    assert shown == pictures


def _two_packages(path: Path) -> Path:
    """Write a model whose packages differ in upper and lower case only."""
    names = ("one", "One", "o n", "tables")
    drawn = "".join(
        element("Package", name, element("Class", f"Class{number}"))
        for number, name in enumerate(names)
    )
    path.write_bytes(write_vodml(toy(drawn).document))
    return path


def test_no_two_pages_differ_in_case_only(tmp_path: Path) -> None:
    model = load_file(_two_packages(tmp_path / "toy.vo-dml.xml"))
    pages = docs.pages(model)
    for names in (pages, docs.diagrams(model)):
        assert len({name.lower() for name in names}) == len(names)
    text = "\n".join(pages.values())
    for number, name in enumerate(("one", "One", "o_n", "tables")):
        assert f"\n# Package {name}\n" in text
        assert f"\n### Class{number}\n" in text
    assert {"toy-one.md", "toy-one-2.md", "toy-o_n.md"} <= set(pages)
    assert "[One](toy-one-2.md)" in pages["index.md"]
    assert "![Class diagram of package One](toy-one-2.svg)" in pages["toy-one-2.md"]
    assert "toy-one-2" in docs.diagrams(model)


def test_links_lead_to_the_class_that_is_meant(tmp_path: Path) -> None:
    path = tmp_path / "toy.vo-dml.xml"
    drawn = element("Class", "Order") + element("Class", "order")
    drawn += element("Class", "Bill", attribute("one", "Order"))
    drawn += element("Class", "Note", attribute("two", "order"))
    path.write_bytes(write_vodml(toy(drawn).document))
    text = docs.pages(load_file(path))["toy.md"]
    assert "| `one` | [`Order`](toy.md#order) |" in text
    assert "| `two` | [`order`](toy.md#order-1) |" in text


@pytest.mark.parametrize("name", ["index", "tables", "packages"])
def test_a_model_may_be_called_as_a_page_of_all(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.vo-dml.xml"
    text = write_vodml(toy(element("Class", "A"), name=name).document)
    path.write_bytes(text)
    pages = docs.pages(load_file(path))
    assert pages["index.md"].startswith("# Data model\n")
    assert "\n### A\n" in pages[f"{name}-2.md"]
    assert {"tables", "packages", f"{name}-2"} <= set(docs.diagrams(load_file(path)))


def test_pages_say_what_they_were_made_from(tmp_path: Path) -> None:
    path = _two_packages(tmp_path / "toy.vo-dml.xml")
    for text in docs.pages(load_file(path)).values():
        made = "from `toy.vo-dml.xml` and the bindings beside; do not edit."
        assert f"Made by `distiller model docs` {made}" in text
    for text in docs.pages(load_model()).values():
        assert "in `src/distiller/model/uml`; do not edit." in text


def test_the_reference_of_every_model_alone_makes_the_whole() -> None:
    whole = docs.pages(load_model())
    alone: dict[str, str] = {}
    for path in packaged_paths():
        alone |= docs.pages(load_file(path))
    assert set(alone) == set(whole)
    assert alone["cta-analysis.md"] == whole["cta-analysis.md"]


@pytest.mark.debian("graphviz")
def test_a_folder_is_written_and_what_is_no_more_goes(tmp_path: Path) -> None:
    docs.write(load_file(PACKAGED / "cta.vo-dml.xml"), tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    assert {"index.md", "cta-product.md", "cta-product.svg"} <= before
    (tmp_path / "mine.md").write_text("# Mine\n")
    (tmp_path / "mine.svg").write_text("<svg/>")
    stamp = (tmp_path / "tables.svg").stat().st_mtime_ns
    docs.write(load_file(PACKAGED / "cta.vo-dml.xml"), tmp_path)
    assert (tmp_path / "tables.svg").stat().st_mtime_ns == stamp
    docs.write(load_file(PACKAGED / "tap_schema.vo-dml.xml"), tmp_path)
    after = {path.name for path in tmp_path.iterdir()}
    assert {"mine.md", "mine.svg", "tap_schema.md", "index.md"} <= after
    assert not [name for name in after if name.startswith("cta")]
