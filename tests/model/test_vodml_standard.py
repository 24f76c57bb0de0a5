"""The VO-DML files against VO-DML 1.0: its content models, and its own schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lxml import etree
from tests.model.standard import faults

from distiller.model.load import ENDING, PACKAGED, packaged_paths

if TYPE_CHECKING:
    from pathlib import Path

_FILES = [pytest.param(path, id=path.name) for path in packaged_paths()]


@pytest.mark.parametrize("path", _FILES)
def test_elements_stand_where_the_standard_has_them(path: Path) -> None:
    assert list(faults(etree.parse(path).getroot())) == []


_OUT_OF_LINE = [
    pytest.param("title>", "titel>", "holds name description uri", id="title"),
    pytest.param("uri>", "url>", "holds name description url", id="uri"),
    pytest.param("T00:00:00", " 00:00", "lastModified is", id="date"),
    pytest.param(
        "<objectType>", '<objectType abstract="no">', "abstract", id="abstract"
    ),
    pytest.param(
        "<objectType>", '<objectType kind="a">', "'kind': 'a'", id="attribute"
    ),
    pytest.param("<minOccurs>1", "<minOccurs>one", "minOccurs is 'one'", id="number"),
    pytest.param(
        "<vodml-ref>ivoa:", "<vodml-ref>", "vodml-ref is 'string'", id="prefix"
    ),
    pytest.param(
        "  <objectType>", "  <reference/><objectType>", "model holds", id="stray"
    ),
    pytest.param("<name>ObsCore<", "<name>Obs Core<", "is 'Obs Core'", id="name"),
    pytest.param(
        "    <attribute>\n",
        "    <reference><vodml-id>r</vodml-id><name>r</name><datatype><vodml-ref>"
        "obscore:ObsCore</vodml-ref></datatype><multiplicity><minOccurs>1</minOccurs>"
        "<maxOccurs>1</maxOccurs></multiplicity></reference>\n    <attribute>\n",
        "reference attribute",
        id="reference before attribute",
    ),
]


def _changed(old: str, new: str) -> etree._Element:
    """Return the root of the obscore document, changed."""
    text = (PACKAGED / f"obscore{ENDING}").read_text()
    assert old in text
    return etree.fromstring(text.replace(old, new).encode())


@pytest.mark.parametrize(("old", "new", "words"), _OUT_OF_LINE)
def test_what_the_standard_forbids_is_seen(old: str, new: str, words: str) -> None:
    assert words in "; ".join(faults(_changed(old, new)))


@pytest.mark.parametrize("path", _FILES)
def test_files_are_valid_by_the_schema(
    vodml_schema: etree.XMLSchema, path: Path
) -> None:
    vodml_schema.assertValid(etree.parse(path))


@pytest.mark.parametrize(("old", "new", "words"), _OUT_OF_LINE)
def test_the_schema_agrees_on_what_is_forbidden(
    vodml_schema: etree.XMLSchema, old: str, new: str, words: str
) -> None:
    del words
    assert not vodml_schema.validate(_changed(old, new))
