"""The examples are good ADQL over the tables of the model, and are in the docs."""

from __future__ import annotations

from pathlib import Path

import pytest

from distiller.adql import translate
from distiller.core.errors import BadData
from distiller.model import load_model
from distiller.model.examples import Example, examples

_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "questions.md"


@pytest.mark.parametrize("example", examples(), ids=lambda one: one.name)
def test_an_example_is_valid(example: Example) -> None:
    assert translate(example.adql, load_model().catalog).sql


@pytest.mark.parametrize("example", examples(), ids=lambda one: one.name)
def test_an_example_is_in_the_docs(example: Example) -> None:
    text = _PAGE.read_text()
    assert f"## {example.title}\n" in text
    assert example.adql.rstrip() in text


def test_no_two_have_one_name() -> None:
    names = [one.name for one in examples()]
    assert len(set(names)) == len(names) >= 8


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    path = tmp_path / "examples.yaml"
    path.write_text("examples:\n  - name: Not a name\n")
    with pytest.raises(BadData, match="should match pattern"):
        examples(tmp_path)
